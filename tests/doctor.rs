//! `doctor` against bad states: what it finds, what it says to do, and what it must not show.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::accounts::{run, said, succeeded};
use crate::support::agent::{Agent, Setup};
use crate::support::raw::Request;

const OK: i32 = 0;
const WARNINGS: i32 = 4;
const FAILURES: i32 = 5;

/// A key that looks like none: it is known by its value alone.
const SEALED: &str = "correcthorse/battery-staple7";

/// A home, and a folder beside it for the vault's key and for what commands write.
struct Rig {
    home: Arc<TempDir>,
    outside: TempDir,
    environment: Vec<(&'static str, String)>,
}

impl Rig {
    fn new(config: &str) -> Self {
        let rig = Self {
            home: Arc::new(tempfile::tempdir().unwrap()),
            outside: tempfile::tempdir().unwrap(),
            environment: Vec::new(),
        };
        fs::write(rig.home().join("config.toml"), config).unwrap();
        let key = rig.outside("key");
        fs::write(
            &key,
            std::array::from_fn::<u8, 32, _>(|at| (at as u8).wrapping_mul(37) ^ 0x5a),
        )
        .unwrap();
        close_to_others(Path::new(&key));
        rig.with("AEROSTAT_VAULT_KEY_FILE", &key)
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.environment.retain(|(known, _)| *known != name);
        self.environment.push((name, value.to_owned()));
        self
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn outside(&self, name: &str) -> String {
        let path = self.outside.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    fn setup(&self) -> Setup {
        let environment = self.environment.iter();
        environment.fold(Setup::default(), |setup, (name, value)| {
            setup.env(name, value)
        })
    }

    fn agent(&self) -> Agent {
        self.setup().start_in(Arc::clone(&self.home)).unwrap()
    }

    #[track_caller]
    fn succeeds(&self, line: &str, typed: &str) {
        succeeded(&run(&self.setup(), self.home(), line, typed), line);
    }

    #[track_caller]
    fn doctor(&self, arguments: &str) -> Report {
        let output = run(
            &self.setup(),
            self.home(),
            &format!("doctor --json {arguments}"),
            "",
        );
        let facts = serde_json::from_slice(&output.stdout);
        Report {
            code: output.status.code().unwrap(),
            facts: facts.unwrap_or_else(|_| panic!("{}", said(&output))),
        }
    }
}

fn in_hexadecimal(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn close_to_others(path: &Path) {
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    #[cfg(not(unix))]
    let _ = path;
}

/// What `doctor --json` printed.
struct Report {
    code: i32,
    facts: Value,
}

impl Report {
    /// The findings of an area, each as `state: what`.
    fn of(&self, area: &str) -> Vec<String> {
        let checks = self.facts["checks"].as_array().unwrap();
        let of_area = checks.iter().filter(|check| check["area"] == area);
        let line = |check: &Value| {
            let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
            let is_ok = check["state"] == "ok";
            assert!(
                is_ok || !text("next_step").is_empty(),
                "what is not ok has a next step: {check}"
            );
            format!(
                "{}: {} -> {}",
                text("state"),
                text("what"),
                text("next_step")
            )
        };
        of_area.map(line).collect()
    }

    #[track_caller]
    fn says(&self, area: &str, state: &str, words: &str) {
        let found = self.of(area);
        let is_it = |line: &String| line.starts_with(state) && line.contains(words);
        assert!(found.iter().any(is_it), "{state}, {words}: {found:#?}");
    }
}

/// A server that answers every request with the same response, and keeps what was asked.
struct Server {
    port: u16,
    asked: Arc<Mutex<String>>,
}

impl Server {
    fn start(status: &'static str, headers: String, body: &'static str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&asked);
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut request = [0; 4096];
                let length = stream.read(&mut request).unwrap_or(0);
                let text = String::from_utf8_lossy(&request[..length]);
                kept.lock().unwrap().push_str(&text);
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                );
            }
        });
        Self { port, asked }
    }

    fn listing() -> Self {
        let body = "{\"object\":\"list\",\"data\":[{\"id\":\"m-1\",\"object\":\"model\"}]}";
        Self::start(
            "200 OK",
            "content-type: application/json\r\n".to_owned(),
            body,
        )
    }

    fn asked(&self) -> String {
        self.asked.lock().unwrap().to_ascii_lowercase()
    }

    fn lab(&self, auth: &str) -> String {
        lab(&format!("http://127.0.0.1:{}/v1", self.port), auth)
    }
}

fn lab(base_url: &str, auth: &str) -> String {
    format!(
        "port = 0\n[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{base_url}\"\nauth = \"{auth}\"\n"
    )
}

#[test]
fn where_all_is_well_every_line_says_so() {
    let server = Server::listing();
    let rig = Rig::new(&server.lab("none"));
    let agent = rig.agent();
    let report = rig.doctor("--online");
    assert_eq!(report.code, OK, "{:#}", report.facts);
    assert_eq!(report.facts["worst"], "ok");
    let port = agent.address().port();
    report.says(
        "access",
        "ok",
        &format!("OpenAI clients: http://127.0.0.1:{port}/v1 lists"),
    );
    report.says(
        "access",
        "ok",
        &format!("Gemini clients: http://127.0.0.1:{port} lists"),
    );
    report.says("accounts", "ok", "`lab` takes the account");
    report.says("vault", "ok", "it would be sealed with the key in its file");
    report.says("store", "ok", "records:");
    for area in [
        "home",
        "configuration",
        "agent",
        "port",
        "providers",
        "login",
        "failures",
    ] {
        report.says(area, "ok", "");
    }
}

#[test]
fn without_an_agent_it_names_who_has_the_port() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let rig = Rig::new(&format!("port = {port}\n"));
    let report = rig.doctor("");
    assert_eq!(report.code, FAILURES);
    report.says("agent", "warning", "no agent runs");
    report.says("port", "failed", &format!("port {port} is in use by"));
    if cfg!(target_os = "linux") {
        report.says("port", "failed", &format!("({})", std::process::id()));
    }
    drop(taken);
    assert_eq!(rig.doctor("").code, WARNINGS, "no agent, no account");
}

#[test]
fn a_proxy_that_would_catch_this_machine_is_a_warning() {
    let server = Server::listing();
    let rig = Rig::new(&server.lab("none"));
    let _agent = rig.agent();
    let rig = rig.with("http_proxy", "http://me:hunter2hunter2@10.0.0.1:3128");
    let report = rig.doctor("");
    assert_eq!(report.code, WARNINGS);
    report.says(
        "proxies",
        "warning",
        "export NO_PROXY=\"127.0.0.1,localhost,::1\"",
    );
    assert!(!report.facts.to_string().contains("hunter2"));
    let rig = rig.with("no_proxy", "localhost,127.0.0.1");
    assert_eq!(rig.doctor("").code, OK);
}

#[test]
fn a_provider_that_cannot_be_reached_is_told_with_its_cause() {
    let refused = TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    for (base_url, cause) in [
        ("https://lab.invalid/v1".to_owned(), "does not resolve"),
        (format!("http://{refused}/v1"), "nothing listens there"),
    ] {
        let rig = Rig::new(&lab(&base_url, "none"));
        let report = rig.doctor("");
        assert_eq!(report.code, FAILURES);
        report.says("providers", "failed", cause);
    }
}

#[test]
fn a_wrong_base_url_is_told_by_what_answers_there() {
    for (status, headers, body, words) in [
        (
            "404 Not Found",
            "content-type: application/json\r\n",
            "{}",
            "`providers.lab.base_url`: its version segment",
        ),
        (
            "200 OK",
            "content-type: text/html; charset=utf-8\r\n",
            "<html>",
            "answers 200 with a web page",
        ),
        (
            "308 Moved",
            "location: https://www.lab.example/v1\r\n",
            "",
            "redirects to https://www.lab.example/v1",
        ),
        ("502 Bad Gateway", "", "", "answers 502"),
    ] {
        let server = Server::start(status, headers.to_owned(), body);
        let report = Rig::new(&server.lab("none")).doctor("");
        assert_eq!(report.code, WARNINGS, "{status}: {:#}", report.facts);
        report.says("providers", "warning", words);
    }
}

#[test]
fn a_provider_that_hangs_does_not_hang_the_rest() {
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", silent.local_addr().unwrap());
    let two = format!(
        "{}[providers.other]\nprotocol = \"anthropic\"\nbase_url = \"{url}\"\nauth = \"none\"\n",
        lab(&url, "none")
    );
    let rig = Rig::new(&two);
    let begun = Instant::now();
    let report = rig.doctor("");
    assert!(
        begun.elapsed() < Duration::from_secs(18),
        "both at a time: {:?}",
        begun.elapsed()
    );
    report.says("providers", "failed", "lab: ");
    report.says("providers", "failed", "other: ");
    report.says("failures", "ok", "nothing has failed");
}

/// The server is the proxy, so that the provider is on another machine: only then is its clock another.
#[test]
fn a_clock_that_is_off_by_an_hour_is_found_through_the_proxy() {
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(3600));
    let server = Server::start("401 No", format!("date: {date}\r\n"), "");
    let proxy = format!(
        "[network]\nproxy = \"http://me:pw@127.0.0.1:{}\"\n",
        server.port
    );
    let rig = Rig::new(&(lab("http://lab.example/v1", "none") + &proxy));
    let report = rig.doctor("");
    assert_eq!(report.code, FAILURES);
    report.says("clock", "failed", "behind");
    report.says(
        "providers",
        "ok",
        &format!("through http://127.0.0.1:{}", server.port),
    );
    assert!(
        server.asked().contains("get http://lab.example/v1/models"),
        "{}",
        server.asked()
    );
}

#[test]
fn a_credential_is_sent_only_where_it_is_asked_for_and_told_where_it_expired() {
    let server = Server::start(
        "401 Unauthorized",
        "content-type: application/json\r\n".to_owned(),
        "{\"error\":{\"message\":\"this key has expired\",\"code\":\"expired\"}}",
    );
    let rig = Rig::new(&(server.lab("bearer") + "key_env = \"LAB_API_KEY\"\n"));
    let rig = rig.with("LAB_API_KEY", SEALED);
    let _agent = rig.agent();
    let report = rig.doctor("");
    report.says("providers", "ok", "(401)");
    assert!(
        !server.asked().contains("authorization"),
        "{}",
        server.asked()
    );
    let report = rig.doctor("--online");
    assert_eq!(report.code, FAILURES);
    report.says("accounts", "failed", "this key has expired");
    assert!(
        server
            .asked()
            .contains(&format!("authorization: bearer {SEALED}"))
    );
}

#[test]
fn a_vault_that_stays_shut_names_who_waits_for_it() {
    let server = Server::listing();
    let rig = Rig::new(&server.lab("bearer"));
    rig.succeeds("account add lab --name work --stdin", SEALED);
    rig.doctor("")
        .says("vault", "ok", "sealed with a key in a file");
    let rig = rig.with("AEROSTAT_VAULT_KEY_FILE", "");
    let report = rig.doctor("");
    assert_eq!(report.code, FAILURES);
    report.says("vault", "failed", "(work cannot serve)");
    fs::write(rig.home().join("vault"), "no vault").unwrap();
    rig.doctor("").says("vault", "failed", "damaged");
}

#[test]
fn a_damaged_store_is_told_and_the_rest_is_looked_at() {
    let server = Server::listing();
    let rig = Rig::new(&server.lab("none"));
    fs::write(
        rig.home().join("aerostat.db"),
        "this is no database, and long enough to be seen as none",
    )
    .unwrap();
    let report = rig.doctor("");
    assert_eq!(report.code, FAILURES);
    report.says("store", "failed", "`aerostat.db` is damaged");
    report.says("providers", "ok", "lab");
}

#[test]
fn damaged_records_are_told_with_and_without_an_agent() {
    let rig = Rig::new("port = 0\n");
    fs::write(rig.home().join("records.db"), "no database ".repeat(1000)).unwrap();
    rig.doctor("").says("store", "failed", "damaged");
    let agent = rig.agent();
    let report = rig.doctor("");
    report.says("store", "failed", "Move `records.db`");
    report.says("agent", "ok", "runs");
    drop(agent);
}

#[test]
fn a_wrong_configuration_is_told_by_line() {
    let rig = Rig::new("port = 0\nprot = 1\n");
    let report = rig.doctor("");
    assert_eq!(report.code, FAILURES);
    report.says("configuration", "failed", "config.toml:2:1");
    report.says("agent", "warning", "no agent runs");
}

#[cfg(target_os = "linux")]
#[test]
fn an_entry_at_login_whose_program_is_gone_fails() {
    let rig = Rig::new("port = 0\n");
    rig.succeeds("autostart on", "");
    rig.doctor("").says("login", "ok", "starts at login");
    let entry = rig.home().join(".config/autostart/aerostat.desktop");
    let text = fs::read_to_string(&entry).unwrap();
    fs::write(
        &entry,
        text.replace(env!("CARGO_BIN_EXE_aerostat"), "/nowhere/aerostat"),
    )
    .unwrap();
    let report = rig.doctor("");
    assert_eq!(report.code, FAILURES);
    report.says("login", "failed", "/nowhere/aerostat has gone");
}

#[cfg(target_os = "linux")]
#[test]
fn a_desktop_without_a_message_bus_is_a_warning() {
    let rig = Rig::new("port = 0\n").with("DISPLAY", ":99");
    rig.doctor("")
        .says("desktop", "warning", "no message bus (D-Bus)");
}

#[test]
fn what_failed_last_is_told_in_words() {
    let rig = Rig::new("port = 0\n");
    let agent = rig.agent();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let body = "{\"model\":\"no-such\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}";
    let answer = runtime.block_on(agent.post("/v1/chat/completions", body));
    assert_eq!(answer.status, 404);
    rig.doctor("").says("failures", "warning", "no-such");
}

#[test]
fn without_json_each_line_begins_with_its_state() {
    let rig = Rig::new("port = 0\n");
    let output = run(&rig.setup(), rig.home(), "doctor", "");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("ok       home "), "{text}");
    assert!(text.contains("\nwarning  agent "), "{text}");
    assert!(text.contains("-> `aerostat` starts it"), "{text}");
    assert!(text.trim_end().ends_with(" ok"), "{text}");
}

/// Secrets are planted in the configuration, the vault, the environment, the log and the records; a
/// bundle holds none of them, and says what it holds.
#[test]
fn a_bundle_holds_no_secret_that_was_planted_anywhere() {
    const IN_VARIABLE: &str = "variable+secret=value8";
    const OF_PROXY: &str = "proxy-password-9";
    const OF_SHELL: &str = "shell-password-3";
    const LOOKS_LIKE_ONE: &str = "sk-ant-api03-0123456789abcdefghij";
    const PROMPT: &str = "a prompt that nobody else reads";

    let server = Server::listing();
    let config = format!(
        "auth_mode = \"strict\"\n{}key_env = \"LAB_API_KEY\"\n# {LOOKS_LIKE_ONE}\n# once {SEALED}\n# {IN_VARIABLE}\n\
         [providers.other]\nprotocol = \"anthropic\"\nbase_url = \"http://127.0.0.1:9\"\nauth = \"none\"\n\
         [network]\nproxy = \"http://me:{OF_PROXY}@127.0.0.1:9\"\n[record]\nbodies = \"all\"\n",
        server.lab("bearer")
    );
    let rig = Rig::new(&config)
        .with("LAB_API_KEY", IN_VARIABLE)
        .with("AEROSTAT_LOG", "debug");
    rig.succeeds("account add lab --name work --stdin", SEALED);
    let agent = rig.agent();
    let local_key = fs::read_to_string(rig.home().join("local-key")).unwrap();
    let local_key = local_key.trim();
    let encoded = BASE64_STANDARD.encode(SEALED);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    // What a client sends reaches the log and the records.
    for model in [SEALED, IN_VARIABLE, LOOKS_LIKE_ONE, &encoded, local_key] {
        let body = serde_json::json!({
            "model": model,
            "messages": [{ "role": "user", "content": PROMPT }],
        });
        let request = Request::post("/v1/chat/completions", body.to_string())
            .header("authorization", &format!("Bearer {local_key}"))
            .header("user-agent", &format!("agent/{IN_VARIABLE}"));
        runtime.block_on(agent.send(&request));
    }
    let logged = agent.stderr();
    assert!(
        logged.contains("request_id"),
        "the log is not empty: {logged}"
    );
    let file = rig.outside("bundle.txt");
    let shell = rig
        .with("HTTP_PROXY", &format!("http://me:{OF_SHELL}@10.0.0.1:1"))
        .with("GITHUB_TOKEN", "ghp-of-this-shell");
    let line = format!("doctor --bundle {file}");
    let output = run(&shell.setup(), shell.home(), &line, "");
    let bundle = fs::read_to_string(&file).unwrap_or_else(|_| panic!("{}", said(&output)));

    for (name, secret) in [
        ("vault", SEALED),
        ("vault, in Base64", &encoded),
        ("variable", IN_VARIABLE),
        ("proxy", OF_PROXY),
        ("proxy of the shell", OF_SHELL),
        ("token of the shell", "ghp-of-this-shell"),
        ("pattern", LOOKS_LIKE_ONE),
        ("local key", local_key),
        ("prompt", PROMPT),
    ] {
        for form in [
            secret.to_owned(),
            in_hexadecimal(secret),
            BASE64_STANDARD.encode(secret),
        ] {
            assert!(!bundle.contains(&form), "{name} as {form}:\n{bundle}");
            assert!(!said(&output).contains(&form), "{name} on the terminal");
        }
    }
    // It is not empty either: what is left is worth reading.
    for part in [
        "findings",
        "environment of this command",
        "status",
        "accounts",
        "providers",
        "records",
        "failures of the last 7 days",
        "last failed requests",
        "config.toml",
        "log of the agent",
    ] {
        assert!(bundle.contains(&format!("==== {part} ====")), "{part}");
        assert!(
            said(&output).contains(part),
            "what is in it is told: {part}"
        );
    }
    for kept in [
        "[record]",
        "bodies = \"all\"",
        "\"name\": \"work\"",
        "no_such_model",
        "[redacted]",
    ] {
        assert!(bundle.contains(kept), "{kept}:\n{bundle}");
    }
    #[cfg(unix)]
    {
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let again = run(&shell.setup(), shell.home(), &line, "");
    assert_eq!(
        again.status.code(),
        Some(1),
        "a file that is there is not replaced"
    );
}

/// Where the vault stays shut, what it holds is not known, so that no text of a person is in it.
#[test]
fn a_bundle_leaves_out_what_cannot_be_cleaned() {
    let server = Server::listing();
    let rig = Rig::new(&format!("{}# {SEALED}\n", server.lab("bearer")));
    rig.succeeds("account add lab --name work --stdin", SEALED);
    let rig = rig.with("AEROSTAT_VAULT_KEY_FILE", "");
    let file = rig.outside("bundle.txt");
    rig.doctor(&format!("--bundle {file}"));
    let bundle = fs::read_to_string(&file).unwrap();
    assert!(bundle.contains("The vault stayed shut"), "{bundle}");
    assert!(bundle.contains("==== accounts ===="), "{bundle}");
    assert!(!bundle.contains(SEALED), "{bundle}");
}
