//! A scripted upstream: a real HTTP server that responds as the services do, refuses what they
//! refuse, and fails as a test asks.
//!
//! ```ignore
//! let upstream = Upstream::start().await;
//! upstream.answer(Script::tool_call()).answer(Script::text().cut_at(200, Cut::Fin));
//! // ... two requests through the agent ...
//! assert_eq!(upstream.requests()[0].path, "/v1/messages");
//! upstream.assert_nothing_refused();
//! ```
//!
//! One server speaks all dialects and tells them by the path. Its responses are the literal bytes
//! under `answers/<dialect>/`. Every request is recorded, even a refused one. Must not use the crate
//! under test.

pub mod answers;
pub mod delivery;
pub mod refusal;
pub mod route;
pub mod rules;
pub mod script;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Dialect;
use delivery::{Body, Delivery, Socket};
pub use delivery::{Cut, Gate};
pub use refusal::Refusal;
pub use route::{Form, Operation};
pub use script::{Case, Script};

/// The key that the upstream accepts for a dialect.
pub fn key(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Chat | Dialect::Completions | Dialect::Responses => "sk-upstream-openai",
        Dialect::Anthropic => "sk-ant-upstream",
        Dialect::Gemini => "AIza-upstream",
        Dialect::Ollama => unreachable!("no upstream speaks it"),
    }
}

/// How long a test waits for something that has to happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: Method,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Every credential in the request, in any dialect's form. The client's own must not be among
    /// them.
    pub fn credentials(&self) -> Vec<String> {
        let in_headers = ["authorization", "x-api-key", "x-goog-api-key"]
            .iter()
            .flat_map(|name| self.headers.get_all(*name));
        let in_query = self
            .query
            .iter()
            .flat_map(|query| query.split('&'))
            .filter_map(|pair| pair.strip_prefix("key="));
        in_headers
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .chain(in_query.map(str::to_owned))
            .collect()
    }

    /// The body as JSON. Panics if it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// How the response to one request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Not yet.
    DecodeContext,
    /// Everything in the script was written, or failed as it asks.
    AsScripted,
    /// The client left before that.
    Abandoned,
}

#[derive(Debug)]
struct Exchange {
    request: Received,
    refused: Option<Refusal>,
    end: watch::Receiver<End>,
}

#[derive(Debug, Default)]
struct Shared {
    scripts: Mutex<VecDeque<Script>>,
    /// The script that is used once `scripts` is empty.
    fallback: Mutex<Option<Script>>,
    exchanges: Mutex<Vec<Exchange>>,
    arrived: Notify,
    connections: Mutex<usize>,
}

/// The server. Dropping it stops it.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

impl Upstream {
    /// Serves on a free loopback port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("the loopback has free ports");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            _accepting: accepting,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL as a user would write it for a provider of that dialect.
    pub fn base_url(&self, dialect: Dialect) -> String {
        let version = if dialect == Dialect::Gemini {
            "v1beta"
        } else {
            "v1"
        };
        format!("http://{}/{version}", self.address)
    }

    /// Scripts the next response that has no script yet. Without scripts every response is
    /// [`Case::Text`].
    pub fn answer(&self, script: Script) -> &Self {
        lock(&self.shared.scripts).push_back(script);
        self
    }

    /// Scripts all responses after those of [`Upstream::answer`].
    pub fn always(&self, script: Script) -> &Self {
        *lock(&self.shared.fallback) = Some(script);
        self
    }

    /// Every request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<Received> {
        lock(&self.shared.exchanges)
            .iter()
            .map(|exchange| exchange.request.clone())
            .collect()
    }

    /// The only request.
    ///
    /// # Panics
    /// If there were none, or several.
    pub fn only_request(&self) -> Received {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "requests so far: {requests:#?}");
        requests.into_iter().next().expect("counted above")
    }

    /// How many connections were accepted.
    pub fn connections(&self) -> usize {
        *lock(&self.shared.connections)
    }

    /// Why requests were refused, one entry for each refusal.
    pub fn refusals(&self) -> Vec<Refusal> {
        lock(&self.shared.exchanges)
            .iter()
            .filter_map(|exchange| exchange.refused.clone())
            .collect()
    }

    /// # Panics
    /// With the reasons, if a request was refused.
    pub fn assert_nothing_refused(&self) {
        let refusals = self.refusals();
        assert!(refusals.is_empty(), "the upstream refused: {refusals:#?}");
    }

    /// Waits until `count` requests have arrived.
    ///
    /// # Panics
    /// If they do not within [`PATIENCE`].
    pub async fn wait_for(&self, count: usize) {
        let arrival = async {
            loop {
                // Registered before the count, so that an arrival in between is not missed.
                let arrived = self.shared.arrived.notified();
                if lock(&self.shared.exchanges).len() >= count {
                    return;
                }
                arrived.await;
            }
        };
        timeout(PATIENCE, arrival)
            .await
            .unwrap_or_else(|_| panic!("fewer than {count} requests arrived"));
    }

    /// Waits for the end of the response to a request, counted from 0.
    ///
    /// # Panics
    /// If it does not end within [`PATIENCE`].
    pub async fn end_of(&self, index: usize) -> End {
        let mut end = lock(&self.shared.exchanges)[index].end.clone();
        let ended = end.wait_for(|end| *end != End::DecodeContext);
        *timeout(PATIENCE, ended)
            .await
            .expect("the answer ends in time")
            .expect("an exchange says how it ended")
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics while holding it")
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // A failed accept is a connection that is gone already.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        *lock(&shared.connections) += 1;
        stream.set_nodelay(true).expect("the socket is open");
        let reset = Arc::new(AtomicBool::new(false));
        connections.spawn(serve(
            Socket::new(stream, Arc::clone(&reset)),
            Arc::clone(&shared),
            reset,
        ));
    }
}

async fn serve(socket: Socket, shared: Arc<Shared>, reset: Arc<AtomicBool>) {
    let service =
        service_fn(move |request| respond(request, Arc::clone(&shared), Arc::clone(&reset)));
    // Connections end with an error whenever a script says so.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

async fn respond(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    reset: Arc<AtomicBool>,
) -> io::Result<Response<Body>> {
    let received = receive(request).await?;
    let script = shared.next_script();
    let (answer, refused) = script.answer(&received);
    let mut watcher = shared.record(received, refused);
    let plan = script.plan(answer);
    for step in plan.before_head {
        if let Err(hangup) = step.perform(&reset).await {
            watcher.as_scripted();
            return Err(hangup);
        }
    }
    Ok(plan
        .head
        .map(|()| Delivery::new(plan.body, reset, watcher).into_body()))
}

async fn receive(request: Request<Incoming>) -> io::Result<Received> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let query = head.uri.query().map(str::to_owned);
    Ok(Received {
        method: head.method,
        path: head.uri.path().to_owned(),
        query,
        headers: head.headers,
        body,
    })
}

impl Shared {
    fn next_script(&self) -> Script {
        let scripted = lock(&self.scripts).pop_front();
        scripted
            .or_else(|| lock(&self.fallback).clone())
            .unwrap_or_else(Script::text)
    }

    fn record(&self, request: Received, refused: Option<Refusal>) -> Watcher {
        let (sender, end) = watch::channel(End::DecodeContext);
        lock(&self.exchanges).push(Exchange {
            request,
            refused,
            end,
        });
        self.arrived.notify_waiters();
        Watcher { end: Some(sender) }
    }
}

/// Reports how a response ended: as scripted, or abandoned if it is dropped before that.
#[derive(Debug)]
pub struct Watcher {
    end: Option<watch::Sender<End>>,
}

impl Watcher {
    pub fn as_scripted(&mut self) {
        if let Some(end) = self.end.take() {
            end.send_replace(End::AsScripted);
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end.send_replace(End::Abandoned);
        }
    }
}
