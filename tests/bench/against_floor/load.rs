//! The load: clients that send a request, wait, check the whole response, and repeat.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::upstream::{TEXT, nanos_since_1970};

/// What every client sends.
#[derive(Clone)]
pub(super) struct ResponseContext {
    pub(super) path: &'static str,
    pub(super) key: String,
    pub(super) body: Bytes,
    /// Events of the response. `None` for a response that is not streamed.
    pub(super) events: Option<usize>,
}

/// How long the responses took.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) wall: Duration,
    pub(super) answers: usize,
    /// From the request to the whole response, or to a stream's first event.
    pub(super) waits: Vec<Duration>,
    /// From an event's creation to its arrival.
    pub(super) delays: Vec<Duration>,
}

/// Sends requests from `clients` connections at once, `times` on each.
///
/// # Panics
/// If a response is not what it should be.
pub(super) async fn drive(
    address: SocketAddr,
    ask: &ResponseContext,
    clients: usize,
    times: usize,
) -> Taken {
    let mut connections = Vec::new();
    for _ in 0..clients {
        connections.push(connect(address).await);
    }
    let began = Instant::now();
    let mut running = JoinSet::new();
    for sender in connections {
        running.spawn(client(sender, ask.clone(), times));
    }
    let mut all = Taken::default();
    for one in running.join_all().await {
        all.answers += times;
        all.waits.extend(one.waits);
        all.delays.extend(one.delays);
    }
    all.wall = began.elapsed();
    all
}

async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("it listens");
    stream
        .set_nodelay(true)
        .expect("a socket takes its options");
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .expect("a handshake sends nothing");
    tokio::spawn(connection);
    sender
}

async fn client(mut sender: SendRequest<Full<Bytes>>, ask: ResponseContext, times: usize) -> Taken {
    let mut taken = Taken::default();
    for _ in 0..times {
        sender.ready().await.expect("the connection stays open");
        let asked_at = Instant::now();
        let response = sender.send_request(ask.request()).await.expect("an answer");
        assert_eq!(response.status(), 200, "{:?}", response.headers());
        match ask.events {
            None => check_whole(response.into_body()).await,
            Some(events) => check_stream(response.into_body(), events, asked_at, &mut taken).await,
        }
        if ask.events.is_none() {
            taken.waits.push(asked_at.elapsed());
        }
    }
    taken
}

impl ResponseContext {
    fn request(&self) -> Request<Full<Bytes>> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(self.path)
            .header(HOST, "127.0.0.1");
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .header(AUTHORIZATION, format!("Bearer {}", self.key));
        let request = request
            .header("user-agent", "bench/1")
            .header("accept", "*/*")
            .header("x-stainless-lang", "rust");
        request
            .body(Full::new(self.body.clone()))
            .expect("the parts are valid")
    }
}

async fn check_whole(body: Incoming) {
    let body = body
        .collect()
        .await
        .expect("the answer comes whole")
        .to_bytes();
    let found = memchr::memmem::find_iter(&body, TEXT).count();
    assert!(
        found == 8 && body.ends_with(b"}"),
        "not the answer: {}",
        String::from_utf8_lossy(&body)
    );
}

/// Reads a stream: every event once, in order, and the terminator after the last.
async fn check_stream(mut body: Incoming, events: usize, asked_at: Instant, taken: &mut Taken) {
    let mut next = 0;
    let mut rest = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.expect("the stream does not break off");
        rest.extend_from_slice(frame.data_ref().expect("data"));
        let mut used = 0;
        while let Some((number, made_at, end)) = mark(&rest[used..]) {
            assert_eq!(number, next, "events come in order");
            if next == 0 {
                taken.waits.push(asked_at.elapsed());
            }
            taken.delays.push(Duration::from_nanos(
                nanos_since_1970().saturating_sub(made_at) as u64,
            ));
            next += 1;
            used += end;
        }
        rest.drain(..used);
    }
    assert_eq!(next, events, "events came");
    let rest = String::from_utf8_lossy(&rest);
    assert!(
        rest.ends_with("data: [DONE]\n\n")
            || rest.ends_with("data: {\"type\":\"message_stop\"}\n\n"),
        "no end: {rest}"
    );
}

/// The first `#NUMBER@NANOS ` in `bytes`, and where it ends.
fn mark(bytes: &[u8]) -> Option<(usize, u128, usize)> {
    let start = memchr::memchr(b'#', bytes)?;
    let at = start + memchr::memchr(b'@', &bytes[start..])?;
    let end = at + memchr::memchr(b' ', &bytes[at..])?;
    let text = |range: std::ops::Range<usize>| std::str::from_utf8(&bytes[range]).expect("digits");
    let number = text(start + 1..at).parse().expect("a number");
    let made_at = text(at + 1..end).parse().expect("a time");
    Some((number, made_at, end))
}
