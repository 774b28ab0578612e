//! The same by the program itself: added at the command line, refreshed by the agent, sealed in its
//! vault.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Lab;
use crate::accounts::{files_with, run, said, succeeded};
use crate::support::agent::{Agent, Setup};
use crate::support::raw::{Connection, Request};

const CHAT: &str = "/v1/chat/completions";
const BODY: &str = r#"{"model":"lab/lab-1","messages":[{"role":"user","content":"hi"}]}"#;
pub(super) const INTERRUPTED: &str = "sign-in needed (interrupted refresh)";

/// How long a state may take to come: the second try of a refresh comes after 2 s, the third 4 s
/// later.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// A home whose one provider is the lab. Its vault is sealed with a key file outside of it.
pub(super) struct Home {
    pub(super) lab: Lab,
    home: Arc<TempDir>,
    outside: TempDir,
}

impl Home {
    pub(super) fn start() -> Self {
        let (lab, home, outside) = (
            Lab::start(),
            tempfile::tempdir().unwrap(),
            tempfile::tempdir().unwrap(),
        );
        let key = outside.path().join("key");
        std::fs::write(
            &key,
            std::array::from_fn::<u8, 32, _>(|at| (at as u8).wrapping_mul(41) ^ 0x3c),
        )
        .unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let config = config(&lab.address);
        std::fs::write(home.path().join("config.toml"), config).unwrap();
        Self {
            lab,
            home: Arc::new(home),
            outside,
        }
    }

    fn setup(&self) -> Setup {
        Setup::default().env(
            "AEROSTAT_VAULT_KEY_FILE",
            self.outside.path().join("key").to_str().unwrap(),
        )
    }

    pub(super) fn agent(&self) -> Agent {
        self.setup().start_in(Arc::clone(&self.home)).unwrap()
    }

    /// Does a verb that asks for a sign-in, as a person who follows the address that it prints.
    pub(super) async fn signs_in(&self, line: &str) -> String {
        let mut command = self.setup().command(self.home.path());
        let mut verb = command
            .args(line.split_whitespace())
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let (url, mut rest) = tokio::task::spawn_blocking(move || (read_url(&mut verb), verb))
            .await
            .unwrap();
        let url = utf8_percent_encode(&url, NON_ALPHANUMERIC).to_string();
        let page = self.lab.ask(&format!("/lab/person?url={url}")).await;
        assert_eq!(page["status"], 200, "{page}");
        let mut told = String::new();
        rest.stdout
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        assert!(rest.wait().unwrap().success(), "{line}: {told}");
        told
    }

    pub(super) async fn adds(&self, name: &str) {
        let told = self
            .signs_in(&format!("account add lab --oauth --name {name}"))
            .await;
        for words in [
            &format!("{name}: ready"),
            "`lab` takes the account",
            "models: lab-1",
        ] {
            assert!(told.contains(words), "`{words}` in {told}");
        }
    }

    pub(super) fn account(&self, name: &str) -> Value {
        let output = run(
            &self.setup(),
            self.home.path(),
            &format!("account show {name} --json"),
            "",
        );
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("facts are JSON: {}", said(&output)))
    }

    pub(super) fn succeeds(&self, line: &str) -> String {
        succeeded(&run(&self.setup(), self.home.path(), line, ""), line)
    }

    async fn until_account(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) {
        until(what, async || is_so(&self.account(name))).await;
    }

    /// Waits until so many requests or answers are held at the token endpoint.
    pub(super) async fn until_held(&self, count: u64) {
        until("the token endpoint is asked", async || {
            self.lab.ask("/lab/seen").await["waiting"] == count
        })
        .await;
    }

    async fn refreshes(&self) -> u64 {
        self.lab.ask("/lab/seen").await["tokens"]["refresh_token"]
            .as_u64()
            .unwrap_or_default()
    }

    /// No token that the server ever gave lies in clear anywhere.
    async fn assert_no_token_in(&self, told: &str) {
        let secrets = self.lab.ask("/lab/secrets").await;
        let secrets: Vec<&str> = secrets
            .as_array()
            .unwrap()
            .iter()
            .map(|secret| secret.as_str().unwrap())
            .collect();
        assert!(
            secrets.len() >= 2,
            "an access token and a refresh token were given"
        );
        for secret in secrets {
            assert_eq!(files_with(self.home.path(), secret), Vec::<String>::new());
            assert!(!told.contains(secret), "{told}");
        }
    }
}

fn config(address: &str) -> String {
    format!(
        "port = 0\n[scheduling]\nmax_wait_seconds = 30\n\
         [providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"{address}/v1\"\nauth = \"oauth\"\n\
         [providers.lab.oauth]\nauthorize_url = \"{address}/auth?prompt=consent\"\ntoken_url = \"{address}/token\"\n\
         client_id = \"lab-public\"\nscopes = [\"openid\", \"offline_access\"]\n"
    )
}

/// The address that a verb prints for the person; what it says later is for nobody.
fn read_url(verb: &mut Child) -> String {
    let mut lines = BufReader::new(verb.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let url = lines
        .find(|line| line.trim().starts_with("http://"))
        .expect("an address to sign in at");
    std::thread::spawn(move || lines.for_each(drop));
    url.trim().to_owned()
}

/// Looks again and again until it is so.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let looking = async {
        while !is_so().await {
            tokio::time::sleep(POLL).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, looking).await.is_ok(),
        "in time: {what}"
    );
}

pub(super) async fn served(agent: &Agent) -> u16 {
    agent.post(CHAT, BODY).await.status
}

/// A request under way.
pub(super) async fn asked(agent: &Agent) -> Connection {
    let mut connection = Connection::open(agent.address())
        .await
        .unwrap()
        .patience(PATIENCE);
    connection
        .send(&Request::post(CHAT, BODY).bytes("localhost"))
        .await
        .unwrap();
    connection
}

fn is_signed_out(account: &Value, reason: &str) -> bool {
    account["state"] == "sign_in_needed" && account["reason"].as_str().unwrap().starts_with(reason)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "tests/run oauth"]
async fn an_account_is_signed_in_at_the_command_line_and_serves() {
    let home = Home::start();
    home.adds("alone").await;
    let agent = home.agent();
    home.adds("beside").await;
    home.succeeds("account disable alone");
    for name in ["alone", "beside"] {
        home.succeeds(&format!("account enable {name}"));
        assert_eq!(home.account(name)["state"], "ready");
        assert_eq!(
            served(&agent).await,
            200,
            "the lab takes live access tokens alone"
        );
        home.succeeds(&format!("account disable {name}"));
    }
    let seen = home.lab.ask("/lab/seen").await;
    assert_eq!(seen["refused"], 0, "{seen}");
    assert_eq!(seen["tokens"], json!({ "authorization_code": 2 }), "{seen}");
    home.assert_no_token_in(&(agent.stderr() + &home.succeeds("account list --json")))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "tests/run oauth"]
async fn fifty_requests_through_the_agent_make_one_refresh() {
    let home = Home::start();
    let agent = home.agent();
    home.lab.ask("/lab/lifetime?seconds=8").await;
    home.adds("x").await;
    // A token counts as ended some seconds before it is.
    home.until_account("x", "the access token ends", |account| {
        account["state"] == "refreshing"
    })
    .await;
    home.lab.ask("/lab/lifetime?seconds=3600").await;
    home.lab.ask("/lab/hold").await;
    let before = home.refreshes().await;
    let mut requests = Vec::new();
    for _ in 0..50 {
        requests.push(asked(&agent).await);
    }
    home.until_held(1).await;
    assert_eq!(home.account("x")["state"], "refreshing");
    home.lab.ask("/lab/release").await;
    for request in &mut requests {
        assert_eq!(request.answer().await.status, 200);
    }
    assert_eq!(home.refreshes().await, before + 1);
    // The same where the server ends a token by itself.
    home.lab.ask("/lab/expire").await;
    let statuses = join_all((0..50).map(|_| served(&agent))).await;
    assert_eq!(statuses, [200; 50]);
    assert_eq!(home.refreshes().await, before + 2);
    home.assert_no_token_in(&agent.stderr()).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "tests/run oauth"]
async fn a_revoked_account_says_so_once_and_serves_after_a_sign_in() {
    let home = Home::start();
    let agent = home.agent();
    home.adds("x").await;
    assert_eq!(served(&agent).await, 200);
    home.lab.ask("/lab/revoke").await;
    let asked_before = home.lab.ask("/lab/seen").await["asked"].as_u64().unwrap();
    for _ in 0..3 {
        assert!(served(&agent).await >= 400);
    }
    let account = home.account("x");
    assert!(
        is_signed_out(
            &account,
            "sign-in needed (the provider refused to refresh: invalid_grant"
        ),
        "{account}"
    );
    assert_eq!(
        account["advice"],
        "enter it again with `aerostat account login x`"
    );
    assert_eq!(
        agent
            .stderr()
            .matches("needs to be signed in again")
            .count(),
        1,
        "{}",
        agent.stderr()
    );
    assert_eq!(
        home.lab.ask("/lab/seen").await["asked"],
        asked_before + 1,
        "a refusal is not asked for twice"
    );
    home.signs_in("account login x").await;
    assert_eq!(served(&agent).await, 200);
    agent.kill();
    assert_eq!(served(&home.agent()).await, 200);
    assert_eq!(home.account("x")["state"], "ready");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "tests/run oauth"]
async fn a_lost_answer_is_asked_for_until_it_comes() {
    let home = Home::start();
    let agent = home.agent();
    home.adds("x").await;
    assert_eq!(served(&agent).await, 200);
    home.lab.ask("/lab/expire").await;
    // The first answer is the successor, the second that the token was used; both are lost.
    home.lab.ask("/lab/drop?count=2").await;
    let mut request = asked(&agent).await;
    home.until_account("x", "the account is signed out", |account| {
        account["reason"] == INTERRUPTED
    })
    .await;
    assert_eq!(home.lab.ask("/lab/seen").await["dropped"], 2);
    assert!(request.answer().await.status >= 400);
    home.signs_in("account login x").await;
    assert_eq!(served(&agent).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "tests/run oauth"]
async fn a_token_endpoint_that_fails_for_a_while_signs_nobody_out() {
    let home = Home::start();
    let agent = home.agent();
    home.adds("x").await;
    assert_eq!(served(&agent).await, 200);
    home.lab.ask("/lab/expire").await;
    home.lab.ask("/lab/status?status=503").await;
    let mut request = asked(&agent).await;
    home.until_account("x", "the refresh fails", |account| {
        account["state"] == "cooling"
    })
    .await;
    home.lab.ask("/lab/status?status=0").await;
    home.until_account("x", "the account is ready", |account| {
        account["state"] == "ready"
    })
    .await;
    request.answer().await;
    assert_eq!(served(&agent).await, 200);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "tests/run oauth"]
async fn an_agent_that_is_told_to_end_waits_for_the_answer_to_a_refresh() {
    let home = Home::start();
    let mut agent = home.agent();
    home.lab.ask("/lab/lifetime?seconds=7").await;
    home.adds("x").await;
    home.lab.ask("/lab/hold?what=answers").await;
    // Who has served is refreshed ahead of its token's end: no client waits for it.
    assert_eq!(served(&agent).await, 200);
    home.until_held(1).await;
    agent.sigterm();
    agent.logged("stopping").await;
    home.lab.ask("/lab/release").await;
    assert_eq!(agent.exit_code(), Some(0));
    assert_eq!(served(&home.agent()).await, 200, "the successor was kept");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "tests/run oauth"]
async fn a_test_call_that_is_refused_was_not_interrupted() {
    let home = Home::start();
    let agent = home.agent();
    home.lab.ask("/lab/lifetime?seconds=8").await;
    home.adds("x").await;
    home.lab.ask("/lab/revoke").await;
    let end: jiff::Timestamp = home.account("x")["token_until"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    // The moment is told in whole seconds.
    let is_over = async || SystemTime::now() > SystemTime::from(end) + Duration::from_secs(1);
    until("the access token ends", is_over).await;
    let tested = run(&home.setup(), home.home.path(), "account test x", "");
    assert!(
        said(&tested).contains("`lab` does not take the credential: invalid_grant"),
        "{}",
        said(&tested)
    );
    assert!(served(&agent).await >= 400);
    let account = home.account("x");
    assert!(
        is_signed_out(
            &account,
            "sign-in needed (the provider refused to refresh: invalid_grant"
        ),
        "{account}"
    );
}
