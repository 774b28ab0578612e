//! Sign-ins and refreshes against an authorization server that nobody here wrote: `oidc-provider`,
//! with rotating refresh tokens.
//!
//! `tests/run oauth` installs it and runs these; alone they are ignored, since they need Node and
//! `AEROSTAT_OAUTH_LAB`.

mod kills;
mod program;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aerostat::account::{
    Account, AccountName, AccountSettings, Credential, Secret, Source, Tokens,
};
use aerostat::accounts::token_client::TokenSender;
use aerostat::control::sign_in::{SIGN_IN_TIMEOUT, SignIn, SignInError};
use aerostat::modes::SchedulingMode;
use aerostat::outcome::Outcome;
use aerostat::pool::{
    Claim, Clock, CredentialStore, CredentialStoreError, Lease, LeaseError, LeaseRequest, Member,
    NullStateStore, Pool, PoolConfig, Refresher as _,
};
use aerostat::provider::oauth::{Client, TokenGrant, TokenResponse};
use aerostat::upstream::{Network, NetworkSettings, ProxyChoice, Upstream as _};
use bytes::Bytes;
use futures_util::future::{BoxFuture, join_all};
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
        let folder = std::env::var("AEROSTAT_OAUTH_LAB")
            .expect("AEROSTAT_OAUTH_LAB names where tests/oauth was installed");
        let mut node = Command::new("node");
        node.arg("lab.mjs")
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = node.spawn().expect("node starts");
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut address)
            .unwrap();
        let network = Arc::new(Network::new(NetworkSettings::direct(Duration::from_secs(
            10,
        ))));
        Self {
            address: address.trim().to_owned(),
            process,
            network,
        }
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
        let answer = self
            .network
            .send(
                request.body(Bytes::new().into()).unwrap(),
                &ProxyChoice::default(),
            )
            .await
            .unwrap();
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
    async fn sign_in(
        &self,
        client: &Client,
        secret: Option<&str>,
        answer: &str,
    ) -> Result<Tokens, SignInError> {
        let sign_in = SignIn::start(client).await?;
        let url = utf8_percent_encode(sign_in.url(), NON_ALPHANUMERIC).to_string();
        let path = format!("/lab/person?answer={answer}&url={url}");
        let secret = secret.map(|secret| Secret::new(secret.to_owned()));
        let via = ProxyChoice::default();
        let (tokens, page) = tokio::join!(
            sign_in.finish(
                secret,
                &*self.network,
                &via,
                SIGN_IN_TIMEOUT,
                SystemTime::now
            ),
            self.ask(&path)
        );
        assert_eq!(page["status"], 200, "{page}");
        tokens
    }

    fn sender(&self, client: &Client) -> TokenSender {
        let mut provider = aerostat::config::parse(
            "[providers.lab]\nprotocol = \"openai_chat\"\nbase_url = \"http://127.0.0.1:9\"\nauth = \"bearer\"\nkey_env = \"K\"\n",
        )
        .unwrap()
        .providers
        .remove(0);
        provider.oauth = Some(client.clone());
        TokenSender {
            provider: Arc::new(move |name| (name == "lab").then(|| provider.clone())),
            upstream: self.network.clone(),
            now: Arc::new(SystemTime::now),
        }
    }

    async fn refresh(&self, client: &Client, credential: &Credential) -> TokenResponse {
        self.sender(client).refresh(&account(), credential).await
    }

    async fn granted(&self, credential: &Credential) -> TokenGrant {
        match self.refresh(&self.client(), credential).await {
            TokenResponse::Granted(granted) => granted,
            other => panic!("{other:?}"),
        }
    }

    async fn refused(&self, credential: &Credential) -> String {
        match self.refresh(&self.client(), credential).await {
            TokenResponse::Refused { detail } => detail,
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

/// What a vault keeps, in memory.
struct Kept(Mutex<Credential>);

impl CredentialStore for Kept {
    fn claim<'a>(
        &'a self,
        _: &'a AccountName,
    ) -> BoxFuture<'a, Result<Claim, CredentialStoreError>> {
        Box::pin(std::future::ready(Ok(Box::new(()) as Claim)))
    }

    fn read<'a>(
        &'a self,
        _: &'a AccountName,
    ) -> BoxFuture<'a, Result<Option<Credential>, CredentialStoreError>> {
        Box::pin(std::future::ready(Ok(Some(self.0.lock().unwrap().clone()))))
    }

    fn replace<'a>(
        &'a self,
        _: &'a AccountName,
        old: &'a Credential,
        new: &'a Credential,
    ) -> BoxFuture<'a, Result<bool, CredentialStoreError>> {
        let mut kept = self.0.lock().unwrap();
        let is_old = *kept == *old;
        if is_old {
            *kept = new.clone();
        }
        Box::pin(std::future::ready(Ok(is_old)))
    }
}

/// A pool of one account, whose tokens are refreshed at the lab.
struct Serving {
    lab: Lab,
    pool: Pool,
    kept: Arc<Kept>,
}

impl Serving {
    /// Signs in. `ends_at` is when the access token is said to end, where that is not what the
    /// server said.
    async fn start(ends_at: Option<SystemTime>) -> Self {
        let lab = Lab::start();
        let tokens = lab.sign_in(&lab.client(), None, "consent").await.unwrap();
        let credential = Credential::OAuth(Tokens {
            expires_at: ends_at.or(tokens.expires_at),
            ..tokens
        });
        let pool = Pool::new(Arc::new(NullStateStore), Clock::system(), rules());
        let kept = Arc::new(Kept(Mutex::new(credential.clone())));
        let serving = Self { lab, pool, kept };
        serving.hold(credential);
        let (pool, sender, keeper) = (
            serving.pool.clone(),
            Arc::new(serving.lab.sender(&serving.lab.client())),
            serving.kept.clone(),
        );
        spawn(async move { pool.run_refresher(sender, keeper).await });
        serving
    }

    fn hold(&self, credential: Credential) {
        *self.kept.0.lock().unwrap() = credential.clone();
        self.pool.replace(
            vec![Member {
                account: Arc::new(account()),
                credential: Ok(credential),
            }],
            rules(),
        );
    }

    async fn lease(&self) -> Result<Lease, LeaseError> {
        self.pool
            .lease(&LeaseRequest {
                provider: "lab",
                model: "lab-1",
                ..LeaseRequest::default()
            })
            .await
    }

    /// One request; the status of the upstream's answer.
    async fn request(&self) -> u16 {
        let lease = self.lease().await.unwrap();
        let Credential::OAuth(Tokens {
            access: Some(access),
            ..
        }) = &**lease.credential()
        else {
            panic!("an access token")
        };
        let (status, _) = self.lab.get("/v1/models", Some(access)).await;
        let outcome = if status == 200 {
            Outcome::Served {
                usage: Default::default(),
            }
        } else {
            Outcome::Unauthorized
        };
        lease.settle(&outcome, None, Vec::new(), SystemTime::now());
        status
    }

    /// Waits until the account's state reads so.
    async fn until_state(&self, wanted: &str) {
        let looking = async {
            while !self.state().contains(wanted) {
                // Each try is what makes the pool look at its account.
                drop(tokio::time::timeout(Duration::from_millis(100), self.lease()).await);
            }
        };
        let seen = tokio::time::timeout(Duration::from_secs(60), looking).await;
        assert!(seen.is_ok(), "`{wanted}`, found `{}`", self.state());
    }

    fn state(&self) -> String {
        self.pool.view(SystemTime::now())[0].status.to_string()
    }
}

/// Long ago, by any clock.
const ENDED: Option<SystemTime> = Some(SystemTime::UNIX_EPOCH);

fn rules() -> PoolConfig {
    PoolConfig {
        mode: SchedulingMode::Balance,
        max_wait: Duration::from_secs(30),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the task ends with the test's runtime"
)]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

fn successor(granted: &TokenGrant) -> Credential {
    Credential::OAuth(Tokens {
        refresh: granted.refresh.clone(),
        ..Tokens::default()
    })
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
    let client = Client {
        client_id: Some("lab:secret".to_owned()),
        ..lab.client()
    };
    let tokens = lab
        .sign_in(&client, Some("lab secret/+%"), "consent")
        .await
        .unwrap();
    let granted = lab
        .refresh(&client, &Credential::OAuth(tokens.clone()))
        .await;
    assert!(matches!(granted, TokenResponse::Granted(_)), "{granted:?}");
    let wrong = Tokens {
        client_secret: Some(Secret::new("wrong".to_owned())),
        ..tokens
    };
    match lab.refresh(&client, &Credential::OAuth(wrong)).await {
        TokenResponse::Refused { detail } => {
            assert!(detail.starts_with("invalid_client"), "{detail}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_person_who_declines_gets_no_account() {
    let lab = Lab::start();
    let error = lab
        .sign_in(&lab.client(), None, "decline")
        .await
        .unwrap_err();
    assert!(
        matches!(&error, SignInError::Declined { words } if words.starts_with("access_denied")),
        "{error}"
    );
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_revoked_grant_is_refused_and_a_new_sign_in_helps() {
    let lab = Lab::start();
    let tokens = lab.sign_in(&lab.client(), None, "consent").await.unwrap();
    lab.ask("/lab/revoke").await;
    assert!(!lab.takes(tokens.access.as_ref().unwrap()).await);
    assert!(
        lab.refused(&Credential::OAuth(tokens))
            .await
            .starts_with("invalid_grant")
    );
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
    assert!(matches!(lost, TokenResponse::Unclear { .. }), "{lost:?}");
    assert_eq!(lab.ask("/lab/seen").await["dropped"], 1);
    assert!(
        lab.refused(&credential).await.starts_with("invalid_grant"),
        "the successor went with the answer"
    );
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_server_that_fails_or_is_gone_refuses_nothing() {
    let lab = Lab::start();
    let credential = Credential::OAuth(lab.sign_in(&lab.client(), None, "consent").await.unwrap());
    lab.ask("/lab/status?status=503").await;
    let failed = lab.refresh(&lab.client(), &credential).await;
    assert!(
        matches!(failed, TokenResponse::Unclear { .. }),
        "{failed:?}"
    );
    lab.ask("/lab/status?status=0").await;
    let nowhere = Client {
        token_url: "http://127.0.0.1:1/token".to_owned(),
        ..lab.client()
    };
    let unsent = lab.refresh(&nowhere, &credential).await;
    assert!(
        matches!(&unsent, TokenResponse::NotProcessed { reason } if reason.to_string().contains("nothing listens there")),
        "{unsent:?}"
    );
    lab.granted(&credential).await;
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_service_accounts_assertion_is_verified_by_anothers_cryptography() {
    let lab = Lab::start();
    let file = Credential::ServiceAccount(Secret::new(
        lab.ask("/lab/service_account").await.to_string(),
    ));
    let client = Client {
        token_url: format!("{}/google/token", lab.address),
        scopes: vec!["lab".to_owned()],
        ..lab.client()
    };
    match lab.refresh(&client, &file).await {
        TokenResponse::Granted(granted) => assert!(lab.takes(&granted.access).await),
        other => panic!("{other:?}"),
    }
    let elsewhere = Client {
        scopes: vec!["more".to_owned()],
        ..client
    };
    assert!(
        matches!(lab.refresh(&elsewhere, &file).await, TokenResponse::Refused { detail } if detail == "invalid_grant: Invalid JWT")
    );
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn fifty_requests_with_an_ended_token_make_one_refresh() {
    let serving = Serving::start(ENDED).await;
    let statuses = join_all((0..50).map(|_| serving.request())).await;
    assert_eq!(statuses, [200; 50]);
    let seen = serving.lab.ask("/lab/seen").await;
    assert_eq!(
        (&seen["tokens"]["refresh_token"], &seen["refused"]),
        (&1.into(), &0.into()),
        "{seen}"
    );
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_revoked_account_needs_a_sign_in_and_serves_after_it() {
    let serving = Serving::start(None).await;
    assert_eq!(serving.request().await, 200);
    serving.lab.ask("/lab/revoke").await;
    assert_eq!(serving.request().await, 401);
    serving
        .until_state("sign-in needed (the provider refused to refresh: invalid_grant")
        .await;
    assert!(serving.lease().await.is_err());
    serving.hold(Credential::OAuth(
        serving
            .lab
            .sign_in(&serving.lab.client(), None, "consent")
            .await
            .unwrap(),
    ));
    assert_eq!(serving.request().await, 200);
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_lost_answer_ends_as_an_interrupted_refresh() {
    let serving = Serving::start(ENDED).await;
    serving.lab.ask("/lab/drop?count=1").await;
    serving
        .until_state("sign-in needed (interrupted refresh")
        .await;
    let seen = serving.lab.ask("/lab/seen").await;
    assert_eq!(
        (&seen["dropped"], &seen["tokens"]["refresh_token"]),
        (&1.into(), &1.into()),
        "{seen}"
    );
}

#[tokio::test]
#[ignore = "tests/run oauth"]
async fn a_server_that_is_down_for_a_while_signs_nobody_out() {
    let serving = Serving::start(ENDED).await;
    serving.lab.ask("/lab/status?status=503").await;
    serving.until_state("cooling").await;
    serving.lab.ask("/lab/status?status=0").await;
    serving.until_state("ready").await;
    assert_eq!(serving.request().await, 200);
}
