//! What a request meets while accounts are limited, refused and cut off, in paused time: the real
//! gateway and pool, between requests and scripted providers that live in this process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use aerostat::account::{
    Account, AccountName, AccountSettings, Credential, Secret, Source, Tokens,
};
use aerostat::canon::{Fault, FaultKind};
use aerostat::gateway::{
    ClientRequest, Endpoint, Gateway, GatewayBody, GatewayConfig, GatewayLimits, StreamTimeouts,
};
use aerostat::modes::SchedulingMode;
use aerostat::outcome::Stage;
use aerostat::pool::{
    Claim, Clock, CredentialStore, CredentialStoreError, Member, NullStateStore, Pool, PoolConfig,
    Refresher,
};
use aerostat::protocol::{self, Maker, Operation};
use aerostat::provider::oauth::{TokenGrant, TokenResponse};
use aerostat::provider::rules::{Pattern, Rule, RuleTarget, Rules};
use aerostat::provider::{Auth, BaseUrl, Provider};
use aerostat::record::{Record, Ring};
use aerostat::segmented_bytes::SegmentedBytes;
use aerostat::upstream::{ProxyChoice, TransportError, Upstream, UpstreamBody};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, advance};
use tokio_util::sync::CancellationToken;
use tracing::Span;

const MODEL: &str = "lab/m";

/// What a provider answers.
#[derive(Clone, Debug)]
enum Reply {
    Served,
    Refused(u16, HeaderMap),
    /// 200, and then an error before anything else.
    RefusedInStream(&'static str),
    Cut(Stage),
}

fn refused(status: u16) -> Reply {
    Reply::Refused(status, HeaderMap::new())
}

fn refused_for(status: u16, seconds: u64) -> Reply {
    let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, seconds.into())]);
    Reply::Refused(status, headers)
}

impl Reply {
    fn into_response(self) -> Result<Response<UpstreamBody>, TransportError> {
        let (status, headers, body) = match self {
            Self::Served => (200, HeaderMap::new(), served_body()),
            Self::Refused(status, headers) => {
                let error = json!({"error": {"message": "the lab's words", "type": "x"}});
                (status, headers, error.to_string())
            }
            Self::RefusedInStream(kind) => {
                let error =
                    json!({"error": {"message": "the lab's words", "type": kind, "code": kind}});
                (200, event_stream(), format!("data: {error}\n\n"))
            }
            Self::Cut(stage) => {
                return Err(TransportError {
                    stage,
                    message: "no response from `lab.example`".to_owned(),
                });
            }
        };
        let body: UpstreamBody =
            Box::pin(Full::new(Bytes::from(body)).map_err(|never| match never {}));
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert("content-type", json);
        response.headers_mut().extend(headers);
        Ok(response)
    }
}

fn event_stream() -> HeaderMap {
    let kind = HeaderValue::from_static("text/event-stream");
    HeaderMap::from_iter([(http::header::CONTENT_TYPE, kind)])
}

fn served_body() -> String {
    json!({
        "id": "c1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    })
    .to_string()
}

/// One request as a provider saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Asked {
    /// `provider/account`, by the key that the request carried.
    account: String,
    after: Duration,
}

/// All providers. Without a reply in its queue, an account serves.
struct Lab {
    began: Instant,
    replies: Mutex<HashMap<String, VecDeque<Reply>>>,
    asked: Mutex<Vec<Asked>>,
}

impl Upstream for Lab {
    fn send(
        &self,
        request: Request<SegmentedBytes>,
        _: &ProxyChoice,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, TransportError>> {
        let key = request.headers()["authorization"].to_str().unwrap();
        let (account, _) = key.split_once('#').unwrap_or((key, ""));
        let account = account.trim_start_matches("Bearer key-of-").to_owned();
        let reply = self
            .replies
            .lock()
            .unwrap()
            .get_mut(&account)
            .and_then(VecDeque::pop_front);
        let after = self.began.elapsed();
        self.asked.lock().unwrap().push(Asked { account, after });
        Box::pin(async move { reply.unwrap_or(Reply::Served).into_response() })
    }
}

/// The gateway in paused time.
struct Room {
    gateway: Gateway,
    pool: Pool,
    lab: Arc<Lab>,
    ring: Arc<Ring>,
}

/// How the client was answered.
#[derive(Debug)]
struct Answered {
    status: u16,
    fault: Option<Fault>,
}

impl Answered {
    fn kind(&self) -> Option<FaultKind> {
        self.fault.as_ref().map(|fault| fault.kind)
    }

    fn message(&self) -> &str {
        self.fault.as_ref().map_or("", |fault| &fault.message)
    }

    fn retry_after(&self) -> Option<u64> {
        self.fault.as_ref()?.retry_after_seconds()
    }
}

impl Room {
    /// `accounts`: `provider/name` each, in their order.
    fn new(mode: SchedulingMode, accounts: &[&str]) -> Self {
        Self::with(mode, Duration::from_secs(60), accounts)
    }

    fn with(mode: SchedulingMode, max_wait: Duration, accounts: &[&str]) -> Self {
        let lab = Arc::new(Lab {
            began: Instant::now(),
            replies: Mutex::default(),
            asked: Mutex::default(),
        });
        let rules = PoolConfig { mode, max_wait };
        let clock = Clock::following_tokio(SystemTime::now());
        let pool = Pool::seeded(Arc::new(NullStateStore), clock, rules, 7);
        pool.replace(
            accounts.iter().map(|account| member(account)).collect(),
            rules,
        );
        let ring = Arc::new(Ring::new(64));
        let gateway = Gateway::new(config(&lab), pool.clone(), ring.clone());
        Self {
            gateway,
            pool,
            lab,
            ring,
        }
    }

    /// Scripts what an account answers next.
    fn script(&self, account: &str, replies: impl IntoIterator<Item = Reply>) {
        let mut scripted = self.lab.replies.lock().unwrap();
        scripted
            .entry(account.to_owned())
            .or_default()
            .extend(replies);
    }

    async fn ask(&self) -> Answered {
        self.ask_for(MODEL).await
    }

    async fn ask_for(&self, model: &str) -> Answered {
        self.send(model, false).await
    }

    async fn send(&self, model: &str, stream: bool) -> Answered {
        let body = json!({"model": model, "stream": stream, "messages": [{"role": "user", "content": "hi"}]});
        let request = ClientRequest {
            request_id: "r".to_owned(),
            method: Method::POST,
            uri: Uri::from_static("/v1/chat/completions"),
            protocol: protocol::by_name("openai_chat").unwrap(),
            provider: None,
            surface: None,
            operation: Operation::Generate,
            path_model: None,
            query: Default::default(),
            key: None,
            permit: None,
            query_key: None,
            repeats: None,
            headers: HeaderMap::new(),
            body: Bytes::from(body.to_string()).into(),
            received_at: SystemTime::now(),
            arrived: Instant::now(),
            shutdown: CancellationToken::new(),
            span: Span::none(),
        };
        match self.gateway.handle(request).await {
            Ok(response) => {
                let status = response.status().as_u16();
                if let GatewayBody::Stream(relay) = response.into_body() {
                    relay.collect().await.unwrap();
                }
                Answered {
                    status,
                    fault: None,
                }
            }
            Err(error) => {
                let fault = Some(error.fault.clone());
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::BAD_GATEWAY;
                error.finish(&mut response);
                Answered { status: 0, fault }
            }
        }
    }

    /// Whom the providers were asked as, and when.
    fn asked(&self) -> Vec<Asked> {
        self.lab.asked.lock().unwrap().clone()
    }

    fn accounts_asked(&self) -> Vec<String> {
        self.asked()
            .into_iter()
            .map(|asked| asked.account)
            .collect()
    }

    fn record(&self) -> Record {
        Record::clone(&self.ring.latest(1, |_| true)[0])
    }
}

fn member(account: &str) -> Member {
    let (provider, name) = account.split_once('/').unwrap();
    let account = Account {
        name: name.parse::<AccountName>().unwrap(),
        provider: provider.to_owned(),
        source: Source::Vault,
        settings: AccountSettings::default(),
        added_at: SystemTime::UNIX_EPOCH,
    };
    let key = Secret::new(format!("key-of-{provider}/{name}"));
    Member {
        account: Arc::new(account),
        credential: Ok(Credential::Key(key)),
    }
}

fn config(lab: &Arc<Lab>) -> GatewayConfig {
    let providers = ["lab", "spare"].map(|name| Provider {
        name: name.to_owned(),
        enabled: true,
        dialects: vec![protocol::by_name("openai_chat").unwrap().dialect()],
        base_url: BaseUrl::parse(&format!("https://{name}.example/v1")).unwrap(),
        auth: Auth::Bearer,
        key_env: None,
        oauth: None,
        insecure_http: false,
        models: None,
    });
    let endpoint = |provider: &Provider| {
        let endpoint = Endpoint {
            provider: provider.clone(),
            maker: Maker::Other,
            upstream: lab.clone(),
        };
        (provider.name.clone(), Arc::new(endpoint))
    };
    GatewayConfig {
        endpoints: providers.iter().map(endpoint).collect(),
        providers: providers.to_vec(),
        rules: Rules(vec![chain()]),
        limits: GatewayLimits {
            answer_body_bytes_max: 1 << 20,
            bodies_bytes_max: 1 << 24,
            head_timeout: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(600),
            hold: Duration::from_secs(3),
            attempts_max: 8,
            stream_timeouts: StreamTimeouts {
                first_event_timeout: Duration::from_secs(60),
                idle_timeout: Duration::from_secs(60),
                keep_alive: Duration::from_secs(15),
            },
        },
        is_strict: false,
    }
}

/// `chain`: the lab's model, else the spare provider's.
fn chain() -> Rule {
    let target = |provider: &str| RuleTarget {
        provider: provider.to_owned(),
        model: Pattern::Exact("m".to_owned()),
    };
    Rule {
        name: Pattern::Exact("chain".to_owned()),
        targets: vec![target("lab"), target("spare")],
    }
}

const A: &str = "lab/a";
const B: &str = "lab/b";

#[tokio::test(start_paused = true)]
async fn cache_first_waits_in_the_request_that_meets_the_limit() {
    let room = Room::new(SchedulingMode::CacheFirst, &[A, B]);
    assert_eq!(room.ask().await.status, 200);
    for limit in [refused_for(429, 20), refused_for(503, 5), refused(429)] {
        room.script(A, [limit]);
        assert_eq!(room.ask().await.status, 200);
    }
    assert_eq!(room.accounts_asked(), [A; 7]);
    let asked = room.asked();
    let waits = asked
        .windows(2)
        .map(|pair| (pair[1].after - pair[0].after).as_secs());
    assert_eq!(waits.collect::<Vec<_>>(), [0, 20, 0, 5, 0, 2]);
    let record = room.record();
    assert_eq!(record.attempts.len(), 2);
    assert_eq!(record.attempts[1].waited.as_secs(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_other_modes_switch_in_the_request_that_meets_the_limit() {
    for mode in [
        SchedulingMode::Balance,
        SchedulingMode::Performance,
        SchedulingMode::Drain,
    ] {
        let room = Room::new(mode, &[A, B]);
        room.script(A, [refused_for(429, 20)]);
        assert_eq!(room.ask().await.status, 200);
        assert_eq!(room.accounts_asked(), [A, B], "{mode:?}");
        assert_eq!(room.asked()[1].after, Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn cache_first_waits_once_for_an_account_and_then_moves() {
    let room = Room::new(SchedulingMode::CacheFirst, &[A, B]);
    room.script(A, [refused_for(429, 10), refused_for(429, 10)]);
    assert_eq!(room.ask().await.status, 200);
    assert_eq!(room.accounts_asked(), [A, A, B]);
    assert_eq!(room.asked()[2].after.as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn cache_first_moves_at_once_where_the_limit_lasts_longer_than_a_request_waits() {
    let room = Room::new(SchedulingMode::CacheFirst, &[A, B]);
    room.script(A, [refused_for(429, 61)]);
    assert_eq!(room.ask().await.status, 200);
    assert_eq!(room.accounts_asked(), [A, B]);
    assert_eq!(room.asked()[1].after, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_waits_of_a_request_are_bounded_in_sum_over_all_its_candidates() {
    let max_wait = Duration::from_secs(30);
    let accounts = [A, B, "spare/c", "spare/d"];
    let room = Room::with(SchedulingMode::CacheFirst, max_wait, &accounts);
    // Both conversations keep to their providers' first accounts.
    assert_eq!(room.ask_for("lab/m").await.status, 200);
    assert_eq!(room.ask_for("spare/m").await.status, 200);
    room.script(A, [refused_for(429, 20), refused(500)]);
    room.script(B, [refused(500)]);
    room.script("spare/c", [refused_for(429, 20)]);
    assert_eq!(room.ask_for("chain").await.status, 200);
    let asked = room.accounts_asked();
    assert_eq!(asked[2..], [A, A, B, "spare/c", "spare/d"]);
    assert_eq!(
        room.asked()[6].after.as_secs(),
        20,
        "10 s were left, and 20 asked for"
    );
}

#[tokio::test(start_paused = true)]
async fn what_may_be_over_in_a_moment_is_tried_once_more_where_nobody_else_is_left() {
    let trouble = [
        refused(503),
        refused(529),
        refused_for(503, 1),
        Reply::Cut(Stage::Connect),
        Reply::Cut(Stage::Head),
    ];
    for reply in trouble {
        let room = Room::new(SchedulingMode::Balance, &[A]);
        room.script(A, [reply.clone()]);
        assert_eq!(room.ask().await.status, 200, "{reply:?}");
        let asked = room.asked();
        let pause = asked[1].after.as_millis();
        assert_eq!(asked.len(), 2);
        assert!((300..=1000).contains(&pause), "{reply:?}: {pause} ms");
        let attempts = room.record().attempts;
        assert_eq!(attempts[0].waited, Duration::ZERO);
        // Timers fire at whole milliseconds.
        assert!(attempts[1].waited.as_millis().abs_diff(pause) <= 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_that_begins_a_stream_is_tried_once_more_too() {
    let room = Room::new(SchedulingMode::Balance, &[A]);
    room.script(A, [Reply::RefusedInStream("overloaded_error")]);
    assert_eq!(room.send(MODEL, true).await.status, 200);
    assert_eq!(room.accounts_asked(), [A; 2]);
}

#[tokio::test(start_paused = true)]
async fn such_trouble_is_told_when_it_comes_twice() {
    let room = Room::new(SchedulingMode::Balance, &[A]);
    room.script(A, [refused(503), refused(503), refused(503)]);
    assert_eq!(room.ask().await.status, 503);
    assert_eq!(room.accounts_asked(), [A; 2]);
    let record = room.record();
    let outcomes = record.attempts.iter().map(|attempt| attempt.outcome.name());
    assert_eq!(outcomes.collect::<Vec<_>>(), ["overloaded"; 2]);
}

#[tokio::test(start_paused = true)]
async fn no_other_trouble_is_tried_once_more() {
    let trouble = [
        refused(500),
        refused(400),
        refused(429),
        refused(403),
        refused_for(503, 30),
        Reply::Cut(Stage::Tls),
    ];
    for reply in trouble {
        let room = Room::new(SchedulingMode::Balance, &[A]);
        room.script(A, [reply.clone()]);
        assert_ne!(room.ask().await.status, 200, "{reply:?}");
        assert_eq!(room.accounts_asked(), [A], "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_account_and_another_candidate_come_before_the_second_try() {
    let room = Room::new(SchedulingMode::Drain, &[A, B, "spare/c"]);
    room.script(A, [refused(503)]);
    room.script(B, [Reply::Cut(Stage::Head)]);
    room.script("spare/c", [refused(500)]);
    assert_eq!(room.ask_for("chain").await.status, 200);
    assert_eq!(room.accounts_asked(), [A, B, "spare/c", A]);
    let times: Vec<_> = room.asked().into_iter().map(|asked| asked.after).collect();
    assert_eq!(times[2], Duration::ZERO, "only the second try pauses");
    assert!(times[3] >= Duration::from_millis(300));
}

#[tokio::test(start_paused = true)]
async fn second_tries_stay_within_the_retry_budget() {
    let room = Room::new(SchedulingMode::Balance, &[A]);
    room.script(A, (0..1000).map(|_| refused(503)));
    let gateway = &room;
    futures_util::future::join_all((0..400).map(|_| gateway.ask())).await;
    let retries = room.asked().len() - 400;
    assert!((50..200).contains(&retries), "{retries}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_nothing_gets_no_second_try() {
    let room = Room::with(SchedulingMode::Balance, Duration::ZERO, &[A]);
    room.script(A, [refused(503)]);
    assert_eq!(room.ask().await.status, 503);
    assert_eq!(room.accounts_asked(), [A]);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_refused_once_serves_again_after_a_minute() {
    let room = Room::new(SchedulingMode::Balance, &[A]);
    room.script(A, [refused(401)]);
    assert_eq!(room.ask().await.kind(), Some(FaultKind::UpstreamAuth));
    advance(Duration::from_secs(59)).await;
    let meanwhile = room.ask().await;
    assert_eq!(meanwhile.kind(), Some(FaultKind::UpstreamAuth));
    assert!(
        meanwhile
            .message()
            .contains("the provider refused the key: the lab's words"),
        "{meanwhile:?}"
    );
    assert_eq!(room.pool.accounts_ready(), 0);
    advance(Duration::from_secs(1)).await;
    assert_eq!(room.ask().await.status, 200);
    assert_eq!(room.pool.accounts_ready(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_refused_to_the_account_has_the_status_of_that_until_it_is_asked_again() {
    let room = Room::new(SchedulingMode::Balance, &[A]);
    room.script(A, [refused(403)]);
    let first = room.ask().await;
    assert_eq!(first.kind(), Some(FaultKind::UpstreamAuth));
    let meanwhile = room.ask().await;
    assert_eq!(
        (meanwhile.kind(), meanwhile.retry_after()),
        (first.kind(), None)
    );
    assert!(
        meanwhile.message().contains("the lab's words"),
        "{meanwhile:?}"
    );
    assert_eq!(room.ask_for("lab/other").await.status, 200);
    room.script(A, [refused(403)]);
    advance(Duration::from_secs(60)).await;
    assert_eq!(room.ask().await.kind(), first.kind());
    assert!(
        room.ask()
            .await
            .message()
            .contains("(forbidden, m: the lab's words)")
    );
    advance(Duration::from_secs(120)).await;
    assert_eq!(room.ask().await.status, 200);
    assert_eq!(room.asked().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_cut_off_is_no_limit() {
    let room = Room::new(SchedulingMode::Balance, &[A]);
    room.script(A, (0..10).map(|_| Reply::Cut(Stage::Connect)));
    for _ in 0..5 {
        assert_eq!(room.ask().await.kind(), Some(FaultKind::Upstream));
    }
    let resting = room.ask().await;
    assert_eq!(
        (resting.kind(), room.asked().len()),
        (Some(FaultKind::Upstream), 10)
    );
    assert!(
        resting.message().contains("cannot be reached"),
        "{resting:?}"
    );
    assert!(resting.retry_after().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_overload_that_names_its_end_has_the_status_of_one() {
    let room = Room::new(SchedulingMode::Balance, &[A]);
    room.script(A, [refused_for(503, 30)]);
    assert_eq!(room.ask().await.status, 503);
    let resting = room.ask().await;
    assert_eq!(
        (resting.kind(), resting.retry_after()),
        (Some(FaultKind::Overloaded), Some(30))
    );
}

#[tokio::test(start_paused = true)]
async fn a_limit_is_told_as_one_whatever_else_rests() {
    let room = Room::new(SchedulingMode::Drain, &[A, B]);
    room.script(A, [refused(403)]);
    room.script(B, [refused_for(429, 300)]);
    assert_eq!(room.ask().await.status, 429);
    let resting = room.ask().await;
    assert_eq!(
        (resting.kind(), resting.retry_after()),
        (Some(FaultKind::RateLimited), Some(300))
    );
}

/// A token endpoint that always grants, and the store of what it granted.
struct Tokener {
    stored: Mutex<Credential>,
    granted: Mutex<u32>,
}

impl Refresher for Tokener {
    fn refresh<'a>(&'a self, _: &'a Account, _: &'a Credential) -> BoxFuture<'a, TokenResponse> {
        let mut granted = self.granted.lock().unwrap();
        *granted += 1;
        let access = Secret::new(format!("key-of-{A}#{granted}"));
        Box::pin(async {
            TokenResponse::Granted(TokenGrant {
                access,
                expires_at: None,
                refresh: None,
            })
        })
    }
}

impl CredentialStore for Tokener {
    fn claim<'a>(
        &'a self,
        _: &'a AccountName,
    ) -> BoxFuture<'a, Result<Claim, CredentialStoreError>> {
        Box::pin(async { Ok(Box::new(()) as Claim) })
    }

    fn read<'a>(
        &'a self,
        _: &'a AccountName,
    ) -> BoxFuture<'a, Result<Option<Credential>, CredentialStoreError>> {
        Box::pin(async { Ok(Some(self.stored.lock().unwrap().clone())) })
    }

    fn replace<'a>(
        &'a self,
        _: &'a AccountName,
        _: &'a Credential,
        new: &'a Credential,
    ) -> BoxFuture<'a, Result<bool, CredentialStoreError>> {
        *self.stored.lock().unwrap() = new.clone();
        Box::pin(async { Ok(true) })
    }
}

/// An account with an access token that has ended, and what refreshes it.
fn with_tokens(room: &Room) -> Arc<Tokener> {
    let tokens = Credential::OAuth(Tokens {
        expires_at: Some(SystemTime::UNIX_EPOCH),
        refresh: Some(Secret::new("refresh".to_owned())),
        ..Tokens::default()
    });
    let tokener = Arc::new(Tokener {
        stored: Mutex::new(tokens.clone()),
        granted: Mutex::default(),
    });
    let rules = PoolConfig {
        mode: SchedulingMode::Balance,
        max_wait: Duration::from_secs(60),
    };
    let member = Member {
        credential: Ok(tokens),
        ..member(A)
    };
    room.pool.replace(vec![member], rules);
    tokener
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_that_is_refused_is_replaced_once_more_before_anybody_hears_of_it() {
    let room = Room::new(SchedulingMode::Balance, &[A]);
    let tokener = with_tokens(&room);
    let (pool, refresher) = (room.pool.clone(), tokener.clone());
    let mut refreshing = JoinSet::new();
    refreshing.spawn(async move { pool.run_refresher(refresher.clone(), refresher).await });
    room.script(A, [refused(401)]);
    assert_eq!(room.ask().await.status, 200);
    let asked = room.asked();
    assert_eq!((asked.len(), asked[1].after.as_secs()), (2, 2));
    assert_eq!(*tokener.granted.lock().unwrap(), 2);

    // Served in between, so each refusal is one of a token that was good.
    room.script(A, [refused(401), refused(401), refused(401)]);
    assert_eq!(room.ask().await.kind(), Some(FaultKind::UpstreamAuth));
    assert_eq!(*tokener.granted.lock().unwrap(), 4);
    let told = room.ask().await;
    assert!(
        told.message().contains("refused a new access token"),
        "{told:?}"
    );
    room.pool.close();
    refreshing.join_all().await;
}
