//! Sign-ins and refreshes against an authorization server that nobody here wrote: `oidc-provider`, with rotating refresh tokens.
//!
//! `tests/run oauth` installs it and runs these; alone they are ignored, since they need Node and `AEROSTAT_OAUTH_LAB`.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aerostat::account::{Account, AccountName, Credential, Secret, Settings as AccountSettings, Source, Tokens};
use aerostat::control::sign_in::{PATIENCE, SignIn, SignInError};
use aerostat::control::tokens::TokenSender;
use aerostat::pool::{Granted, Refreshed, Refresher as _};
use aerostat::provider::oauth::Client;
use aerostat::upstream::{Network, Settings, Upstream as _, Via};
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// The authorization server. It ends with this value.
struct Lab {
    address: String,
    process: Child,
    network: Arc<Network>,
}

impl Lab {
    fn start() -> Self {
        let folder = std::env::var("AEROSTAT_OAUTH_LAB").expect("AEROSTAT_OAUTH_LAB names where tests/oauth was installed");
        let mut node = Command::new("node");
        node.arg("lab.mjs").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = node.spawn().expect("node starts");
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let network = Arc::new(Network::new(Settings::direct(Duration::from_secs(10))));
        Self { address: address.trim().to_owned(), process, network }
    }

    /// The server's other side: what it saw, how it should fail.
    async fn ask(&self, path: &str) -> Value {
        self.get(path, None).await.1
    }

    async fn get(&self, path: &str, access: Option<&Secret>) -> (u16, Value) {
        let mut request = Request::get(format!("{}{path}", self.address));
        if let Some(access) = access {
            request = request.header("authorization", format!("Bearer {}", access.expose()));
        }
        let answer = self.network.send(request.body(Bytes::new()).unwrap(), &Via::default()).await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    /// Whether the upstream beside the server takes the token.
    async fn takes(&self, access: &Secret) -> bool {
        self.get("/v1/models", Some(access)).await.0 == 200
    }

    fn client(&self) -> Client {
        Client {
            authorize_url: Some(format!("{}/auth?prompt=consent", self.address)),
            token_url: format!("{}/token", self.address),
            client_id: Some("lab-public".to_owned()),
            scopes: ["openid", "offline_access"].map(str::to_owned).to_vec(),
        }
    }

    /// Signs in, as a person who gives `answer` on the last page.
    async fn sign_in(&self, client: &Client, secret: Option<&str>, answer: &str) -> Result<Tokens, SignInError> {
        let sign_in = SignIn::start(client).await?;
        let url = utf8_percent_encode(sign_in.url(), NON_ALPHANUMERIC).to_string();
        let path = format!("/lab/person?answer={answer}&url={url}");
        let secret = secret.map(|secret| Secret::new(secret.to_owned()));
        let via = Via::default();
        let (tokens, page) = tokio::join!(sign_in.finish(secret, &*self.network, &via, PATIENCE, SystemTime::now), self.ask(&path));
        assert_eq!(page["status"], 200, "{page}");
        tokens
    }

    async fn refresh(&self, client: &Client, credential: &Credential) -> Refreshed {
        let mut provider = aerostat::config::parse(
            "[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"http://127.0.0.1:9\"\nauth = \"bearer\"\nkey_env = \"K\"\n",
        )
        .unwrap()
        .providers
        .remove(0);
        provider.oauth = Some(client.clone());
        let sender = TokenSender {
            provider: Arc::new(move |name| (name == "lab").then(|| provider.clone())),
            upstream: self.network.clone(),
            now: Arc::new(SystemTime::now),
        };
        sender.refresh(&account(), credential).await
    }

    async fn granted(&self, credential: &Credential) -> Granted {
        match self.refresh(&self.client(), credential).await {
            Refreshed::Granted(granted) => granted,
            other => panic!("{other:?}"),
        }
    }

    async fn refused(&self, credential: &Credential) -> String {
        match self.refresh(&self.client(), credential).await {
            Refreshed::Refused { said } => said,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn account() -> Account {
    Account {
        name: "work".parse::<AccountName>().unwrap(),
        provider: "lab".to_owned(),
        source: Source::Vault,
        settings: AccountSettings::default(),
        added_at: SystemTime::UNIX_EPOCH,
    }
}

fn successor(granted: &Granted) -> Credential {
    Credential::OAuth(Tokens { refresh: granted.refresh.clone(), ..Tokens::default() })
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_person_signs_in_and_tokens_are_rotated() {
    let lab = Lab::start();
    let tokens = lab.sign_in(&lab.client(), None, "consent").await.unwrap();
    assert!(lab.takes(tokens.access.as_ref().unwrap()).await);
    assert!(tokens.expires_at.unwrap() > SystemTime::now());
    let first = Credential::OAuth(tokens);
    let second = lab.granted(&first).await;
    let third = lab.granted(&successor(&second)).await;
    assert!(lab.takes(&third.access).await);
    assert_ne!(second.refresh, third.refresh);
    assert_eq!(lab.ask("/lab/seen").await["tokens"]["refresh_token"], 2);
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_client_with_a_secret_is_known_by_it() {
    let lab = Lab::start();
    let client = Client { client_id: Some("lab:secret".to_owned()), ..lab.client() };
    let tokens = lab.sign_in(&client, Some("lab secret/+%"), "consent").await.unwrap();
    let granted = lab.refresh(&client, &Credential::OAuth(tokens.clone())).await;
    assert!(matches!(granted, Refreshed::Granted(_)), "{granted:?}");
    let wrong = Tokens { client_secret: Some(Secret::new("wrong".to_owned())), ..tokens };
    match lab.refresh(&client, &Credential::OAuth(wrong)).await {
        Refreshed::Refused { said } => assert!(said.starts_with("invalid_client"), "{said}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_person_who_declines_gets_no_account() {
    let lab = Lab::start();
    let error = lab.sign_in(&lab.client(), None, "decline").await.unwrap_err();
    assert!(matches!(&error, SignInError::Declined(why) if why.starts_with("access_denied")), "{error}");
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_revoked_grant_is_refused_and_a_new_sign_in_helps() {
    let lab = Lab::start();
    let tokens = lab.sign_in(&lab.client(), None, "consent").await.unwrap();
    lab.ask("/lab/revoke").await;
    assert!(!lab.takes(tokens.access.as_ref().unwrap()).await);
    assert!(lab.refused(&Credential::OAuth(tokens)).await.starts_with("invalid_grant"));
    let again = lab.sign_in(&lab.client(), None, "consent").await.unwrap();
    assert!(lab.takes(again.access.as_ref().unwrap()).await);
    lab.granted(&Credential::OAuth(again)).await;
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_lost_answer_is_in_doubt_and_the_used_token_then_refused() {
    let lab = Lab::start();
    let credential = Credential::OAuth(lab.sign_in(&lab.client(), None, "consent").await.unwrap());
    lab.ask("/lab/drop?count=1").await;
    let lost = lab.refresh(&lab.client(), &credential).await;
    assert!(matches!(lost, Refreshed::Unclear { .. }), "{lost:?}");
    assert_eq!(lab.ask("/lab/seen").await["dropped"], 1);
    assert!(lab.refused(&credential).await.starts_with("invalid_grant"), "the successor went with the answer");
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_server_that_fails_or_is_gone_refuses_nothing() {
    let lab = Lab::start();
    let credential = Credential::OAuth(lab.sign_in(&lab.client(), None, "consent").await.unwrap());
    lab.ask("/lab/status?status=503").await;
    let failed = lab.refresh(&lab.client(), &credential).await;
    assert!(matches!(failed, Refreshed::Unclear { .. }), "{failed:?}");
    lab.ask("/lab/status?status=0").await;
    let nowhere = Client { token_url: "http://127.0.0.1:1/token".to_owned(), ..lab.client() };
    let unsent = lab.refresh(&nowhere, &credential).await;
    assert!(matches!(&unsent, Refreshed::NotSent { why } if why.contains("nothing listens there")), "{unsent:?}");
    lab.granted(&credential).await;
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_service_accounts_assertion_is_verified_by_anothers_cryptography() {
    let lab = Lab::start();
    let file = Credential::ServiceAccount(Secret::new(lab.ask("/lab/service_account").await.to_string()));
    let client = Client { token_url: format!("{}/google/token", lab.address), scopes: vec!["lab".to_owned()], ..lab.client() };
    match lab.refresh(&client, &file).await {
        Refreshed::Granted(granted) => assert!(lab.takes(&granted.access).await),
        other => panic!("{other:?}"),
    }
    let elsewhere = Client { scopes: vec!["more".to_owned()], ..client };
    assert!(matches!(lab.refresh(&elsewhere, &file).await, Refreshed::Refused { said } if said == "invalid_grant: Invalid JWT"));
}
