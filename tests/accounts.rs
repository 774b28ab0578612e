//! Accounts by the command line: added, kept safe, changed while the agent runs, and found again.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::Dialect;
use crate::support::agent::{Agent, Setup};
use crate::support::raw::{Connection, Request};
use crate::support::upstream::{Script, Upstream};

/// The key that the upstream takes.
const SECRET: &str = "sk-upstream-openai";
const CHAT: &str = "/v1/chat/completions";
const BODY: &str = r#"{"model":"lab/m","messages":[{"role":"user","content":"hi"}]}"#;

/// A home with one provider, whose vault is sealed with a key file outside of it.
struct Rig {
    home: Arc<TempDir>,
    outside: TempDir,
    upstream: Upstream,
}

impl Rig {
    async fn start() -> Self {
        let (home, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(
            outside.path().join("key"),
            std::array::from_fn::<u8, 32, _>(|at| (at as u8).wrapping_mul(37) ^ 0x5a),
        )
        .unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(outside.path().join("key"), mode).unwrap();
        let upstream = Upstream::start().await;
        let rig = Self {
            home: Arc::new(home),
            outside,
            upstream,
        };
        rig.configure(&rig.upstream.base_url(Dialect::Chat));
        rig
    }

    fn configure(&self, base_url: &str) {
        let lab = format!(
            "[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\nauth = \"bearer\"\n"
        );
        fs::write(self.home().join("config.toml"), format!("port = 0\n{lab}")).unwrap();
    }

    /// Its tokens come from there. The scripted upstream answers on the paths of its dialects
    /// alone.
    fn sign_in_at(&self, tokens: &Upstream) {
        let url = format!("{}/chat/completions", tokens.base_url(Dialect::Chat));
        let oauth = format!("[providers.lab.oauth]\ntoken_url = \"{url}\"\nclient_id = \"mine\"\n");
        let text = fs::read_to_string(self.home().join("config.toml"))
            .unwrap()
            .replace("\"bearer\"", "\"oauth\"");
        fs::write(self.home().join("config.toml"), text + &oauth).unwrap();
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn setup(&self) -> Setup {
        Setup::default().env(
            "AEROSTAT_VAULT_KEY_FILE",
            self.outside.path().join("key").to_str().unwrap(),
        )
    }

    fn agent(&self) -> Agent {
        self.setup().start_in(Arc::clone(&self.home)).unwrap()
    }

    fn run(&self, line: &str) -> Output {
        self.run_with(line, "")
    }

    fn run_with(&self, line: &str, typed: &str) -> Output {
        run(&self.setup(), self.home(), line, typed)
    }

    #[track_caller]
    fn succeeds(&self, line: &str) -> String {
        succeeded(&self.run(line), line)
    }

    #[track_caller]
    fn adds(&self, name: &str) -> String {
        let line = format!("account add lab --name {name} --stdin");
        succeeded(&self.run_with(&line, &format!("{SECRET}\n")), &line)
    }

    fn json(&self, line: &str) -> Value {
        let output = self.run(&format!("{line} --json"));
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("facts of `{line}` are JSON: {}", said(&output)))
    }
}

pub(super) fn run(setup: &Setup, home: &Path, line: &str, typed: &str) -> Output {
    let mut command = setup.command(home);
    let mut child = command
        .args(line.split_whitespace())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    // A verb that does not read it may have ended.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    child.wait_with_output().unwrap()
}

pub(super) fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[track_caller]
pub(super) fn succeeded(output: &Output, line: &str) -> String {
    assert_eq!(output.status.code(), Some(0), "{line}: {}", said(output));
    said(output)
}

#[track_caller]
fn fails(output: &Output, code: i32, words: &str) {
    assert_eq!(output.status.code(), Some(code), "{}", said(output));
    assert!(said(output).contains(words), "{}", said(output));
}

/// Every file of a folder that holds this text, in whatever form the bytes have.
pub(super) fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_with(&path, text));
        } else if entry.file_type().unwrap().is_file() {
            let bytes = fs::read(&path).unwrap();
            if bytes
                .windows(text.len())
                .any(|window| window == text.as_bytes())
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_added_serves_at_once() {
    let rig = Rig::start().await;
    let agent = rig.agent();
    rig.upstream.answer(Script::text().lenient());
    let added = rig.adds("work");
    assert!(added.contains("work: ready"), "{added}");
    rig.upstream.answer(Script::text().lenient());
    assert_eq!(agent.post(CHAT, BODY).await.status, 200);
    let requests = rig.upstream.requests();
    assert_eq!(
        requests.last().unwrap().header("authorization"),
        Some(&*format!("Bearer {SECRET}"))
    );
    assert!(!agent.stderr().contains(SECRET));
    assert_eq!(files_with(rig.home(), SECRET), Vec::<String>::new());
}

/// A client that does not read its stream keeps its account's place only until others have waited
/// for it: `limit` sets how long.
pub(super) async fn an_unread_stream_is_ended(limit: &str) {
    let rig = Rig::start().await;
    let path = rig.home().join("config.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + limit).unwrap();
    let agent = rig.agent();
    rig.adds("work");
    rig.succeeds("account set work --concurrency 1");
    rig.upstream.always(Script::text().lenient());
    rig.upstream
        .answer(Script::text().stretched(1, 60_000).lenient());
    let mut unread = Connection::open(agent.address()).await.unwrap();
    let stream = BODY.replace("\"messages\"", "\"stream\":true,\"messages\"");
    let request = Request::post(CHAT, stream).bytes("localhost");
    unread.send(&request).await.unwrap();
    let head = unread.answer_to_head().await;
    let answer = agent.post(CHAT, BODY).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = head.header("x-aerostat-request-id").unwrap();
    let explained = rig.succeeds(&format!("explain {id}"));
    let cause =
        "the client did not read its stream for 1 s while other requests waited for the account";
    assert!(
        explained.contains(": unread (") && explained.contains(cause),
        "{explained}"
    );
    assert!(
        explained.contains("what to do: have the client read its stream"),
        "{explained}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn healthz_and_status_count_the_same_accounts() {
    let rig = Rig::start().await;
    let agent = rig.agent();
    let both = async || {
        let health = agent.get("/healthz").await.json()["accounts_ready"].clone();
        let status = rig.json("status")["accounts"]["ready"].clone();
        assert_eq!(health, status);
        health
    };
    let ready = both().await;
    rig.adds("work");
    rig.adds("home");
    rig.succeeds("account disable home");
    assert_eq!(both().await, json!(1), "{ready} before");
    rig.succeeds("account enable home");
    assert_eq!(both().await, json!(2));
    rig.upstream.answer(Script::status(401));
    agent.post(CHAT, BODY).await;
    assert_eq!(both().await, json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_there_after_a_kill_and_without_an_agent() {
    let rig = Rig::start().await;
    let agent = rig.agent();
    rig.adds("work");
    rig.adds("home");
    rig.succeeds("account set home --priority 7 --concurrency 2");
    let lines = [
        "account list",
        "account list --json",
        "account show home",
        "provider list",
        "account show nobody",
    ];
    let with = lines.map(|line| said(&rig.run(line)));
    agent.kill();
    assert_eq!(lines.map(|line| said(&rig.run(line))), with);
    let _next = rig.agent();
    assert_eq!(lines.map(|line| said(&rig.run(line))), with);
    let accounts = rig.json("account list");
    let home = accounts
        .as_array()
        .unwrap()
        .iter()
        .find(|account| account["name"] == "home")
        .unwrap();
    assert_eq!(
        (&home["state"], &home["provider"], &home["priority"]),
        (&json!("ready"), &json!("lab"), &json!(7))
    );
    assert!(home["quota"].is_array() && home["reason"].is_null() && home["until"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_not_stored_unless_asked() {
    let rig = Rig::start().await;
    rig.upstream.always(Script::status(401));
    let line = "account add lab --name work --stdin";
    fails(
        &rig.run_with(line, SECRET),
        1,
        "`lab` does not take the credential",
    );
    fails(&rig.run_with(line, SECRET), 1, "nothing was stored");
    assert!(
        rig.json("account list")
            .as_array()
            .unwrap()
            .iter()
            .all(|account| account["name"] != "work")
    );
    let kept = rig.run_with(&format!("{line} --keep"), SECRET);
    assert!(succeeded(&kept, line).contains("it was stored all the same"));
    fails(
        &rig.run("account test work"),
        1,
        "`lab` does not take the credential",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_cannot_be_reached_keeps_nobody_from_adding() {
    let rig = Rig::start().await;
    rig.configure("http://127.0.0.1:9/v1");
    let added = rig.adds("work");
    assert!(
        added.contains("could not be tried") && added.contains("it was stored"),
        "{added}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_place_for_the_key_nothing_is_stored() {
    let rig = Rig::start().await;
    let bare = Setup::default();
    let line = "account add lab --name work --stdin";
    fails(
        &run(&bare, rig.home(), line, SECRET),
        1,
        "AEROSTAT_VAULT_KEY_FILE",
    );
    assert!(!rig.home().join("vault").exists());
    succeeded(
        &run(
            &bare,
            rig.home(),
            &format!("{line} --insecure-plaintext"),
            SECRET,
        ),
        line,
    );
    let list = run(&bare, rig.home(), "account list", "");
    assert!(
        succeeded(&list, "account list").contains("work  lab  ready"),
        "{}",
        said(&list)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_never_taken_from_the_arguments_or_shown() {
    let rig = Rig::start().await;
    assert_eq!(
        rig.run("account add lab --name work sk-in-the-arguments")
            .status
            .code(),
        Some(2)
    );
    fails(
        &rig.run("account add lab --name work"),
        1,
        "give it with `--stdin`",
    );
    rig.adds("work");
    for line in [
        "account list --json",
        "account show work --json",
        "account test work --json",
        "status --json",
    ] {
        assert!(!said(&rig.run(line)).contains(SECRET), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_address_waits_for_the_persons_word() {
    let rig = Rig::start().await;
    rig.adds("work");
    let other = Upstream::start().await;
    rig.configure(&other.base_url(Dialect::Chat));
    let account = rig.json("account show work");
    assert_eq!(account["state"], "sign_in_needed");
    assert!(
        account["reason"]
            .as_str()
            .unwrap()
            .contains("address changed"),
        "{account}"
    );
    fails(&rig.run("account test work"), 1, "--confirm-address");
    assert!(other.requests().is_empty(), "the key went nowhere");
    rig.succeeds("account login work --confirm-address");
    assert_eq!(rig.json("account show work")["state"], "ready");
    assert_eq!(
        other.requests()[0].header("authorization"),
        Some(&*format!("Bearer {SECRET}"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_changed_and_an_account_is_removed() {
    let rig = Rig::start().await;
    let _agent = rig.agent();
    rig.adds("work");
    assert!(
        rig.succeeds("account disable work")
            .contains("work: disabled")
    );
    assert!(rig.succeeds("account enable work").contains("work: ready"));
    rig.succeeds(
        "account set work --models a,b --expires 2030-01-31 --proxy http://127.0.0.1:3128",
    );
    let account = rig.json("account show work");
    assert_eq!(
        (&account["models"], &account["proxy"]),
        (&json!(["a", "b"]), &json!("http://127.0.0.1:3128"))
    );
    fails(&rig.run("account set work"), 2, "expected something to set");
    fails(
        &rig.run("account set work --concurrency 0"),
        2,
        "--concurrency",
    );
    fails(&rig.run("account show wrk"), 1, "did you mean `work`?");
    fails(&rig.run("account remove work"), 2, "--yes");
    rig.succeeds("account remove work --yes");
    fails(&rig.run("account show work"), 1, "no account `work`");
    assert!(
        rig.adds("work").contains("work: ready"),
        "the name is free again"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_the_environment_is_shown_and_never_written() {
    let rig = Rig::start().await;
    rig.succeeds("account add lab --name ci --env CI_KEY");
    let unset = rig.json("account show ci");
    assert_eq!(
        (&unset["source"], &unset["variable"], &unset["state"]),
        (&json!("env"), &json!("CI_KEY"), &json!("env_unset"))
    );
    assert!(
        unset["advice"]
            .as_str()
            .unwrap()
            .contains("does not read a shell's profile"),
        "{unset}"
    );
    let set = rig.setup().env("CI_KEY", SECRET);
    let shown = run(&set, rig.home(), "account show ci", "");
    assert!(
        succeeded(&shown, "account show ci").contains("ci: ready"),
        "{}",
        said(&shown)
    );
    assert_eq!(files_with(rig.home(), SECRET), Vec::<String>::new());
    fails(
        &rig.run("account add lab --name x --env sk-a-key-by-mistake"),
        2,
        "expected the name of a variable",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_is_turned_into_an_access_token_at_once() {
    let (rig, tokens) = (Rig::start().await, Upstream::start().await);
    let granted = format!(
        r#"{{"access_token":"{SECRET}","token_type":"Bearer","expires_in":3600,"refresh_token":"rt-second-one"}}"#
    );
    tokens.always(Script::literal(200, "application/json", granted).lenient());
    rig.sign_in_at(&tokens);
    let agent = rig.agent();
    let line = "account add lab --name me --refresh-token-stdin";
    let added = succeeded(&rig.run_with(line, "rt-first-one\n"), line);
    assert!(
        added.contains("me: ready") && added.contains("`lab` takes the account"),
        "{added}"
    );
    assert_eq!(tokens.requests().len(), 1);
    rig.upstream.answer(Script::text().lenient());
    assert_eq!(agent.post(CHAT, BODY).await.status, 200);
    for secret in [SECRET, "rt-first-one", "rt-second-one"] {
        assert_eq!(files_with(rig.home(), secret), Vec::<String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_that_is_refused_leaves_nothing() {
    let (rig, tokens) = (Rig::start().await, Upstream::start().await);
    tokens
        .always(Script::literal(400, "application/json", r#"{"error":"invalid_grant"}"#).lenient());
    rig.sign_in_at(&tokens);
    fails(
        &rig.run_with(
            "account add lab --name me --refresh-token-stdin",
            "rt-first-one\n",
        ),
        1,
        "nothing was stored",
    );
    fails(&rig.run("account show me"), 1, "no account `me`");
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_move_to_another_home() {
    let (here, there) = (Rig::start().await, Rig::start().await);
    here.adds("work");
    let file = here.outside.path().join("accounts.sealed");
    let export = format!("account export {} --passphrase-stdin", file.display());
    succeeded(&here.run_with(&export, "correct horse\n"), &export);
    assert_eq!(
        files_with(here.outside.path(), SECRET),
        Vec::<String>::new()
    );
    let import = format!("account import {} --passphrase-stdin", file.display());
    fails(
        &there.run_with(&import, "wrong horse\n"),
        1,
        "does not open",
    );
    let shown = succeeded(&there.run_with(&import, "correct horse\n"), &import);
    assert!(
        shown.contains("would add `work` at `lab`, whose credential goes to http://127.0.0.1:"),
        "{shown}"
    );
    fails(&there.run("account show work"), 1, "no account `work`");
    succeeded(
        &there.run_with(&format!("{import} --yes"), "correct horse\n"),
        &import,
    );
    // The other home's provider answers elsewhere: the key waits for the person's word.
    assert_eq!(there.json("account show work")["state"], "sign_in_needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_explained() {
    let rig = Rig::start().await;
    let agent = rig.agent();
    rig.adds("work");
    rig.upstream.answer(Script::text().lenient());
    let answer = agent.post(CHAT, BODY).await;
    let id = answer.header("x-aerostat-request-id").unwrap().to_owned();
    let told = rig.json(&format!("explain {id}"));
    assert_eq!(
        (&told["status"], &told["attempts"][0]["outcome"]),
        (&json!(200), &json!("served"))
    );
    assert_eq!(told["attempts"][0]["provider"], "lab");
    assert!(
        rig.succeeds(&format!("explain {id}"))
            .contains("attempt 1: lab/m")
    );
    fails(
        &rig.run("explain nothing"),
        1,
        "no record of a request `nothing`",
    );
    // What was recorded is told without the agent too, and after a restart.
    agent.kill();
    let told_later = rig.json(&format!("explain {id}"));
    assert_eq!(told_later, told);
}

#[tokio::test]
async fn a_change_that_would_be_lost_is_not_answered_with_done() {
    let rig = Rig::start().await;
    rig.adds("work");
    let agent = rig.agent();
    for ending in ["", "-wal", "-shm"] {
        let file = rig.home().join(format!("aerostat.db{ending}"));
        let _ = fs::remove_file(file);
    }
    for line in ["account set work --priority 3", "key create ci"] {
        let output = rig.run(line);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{line}: {complaint}");
        assert!(
            complaint.contains("`aerostat.db` was deleted or replaced"),
            "{line}: {complaint}"
        );
    }
    let answer = agent.post(CHAT, BODY).await;
    assert_eq!(answer.status, 200, "it serves on: {}", answer.text());
}
