//! The listener against raw sockets: what real clients never send, and how they leave.

use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode, request};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::guard::{Policy, admit};
use super::listen::{BindScope, bind};
use super::{BoxError, ClientStream, Handler, ListenerLimits, ResponseBody, collect, serve};
use crate::canon::{Fault, FaultKind};

impl<S> ClientStream for StreamBody<S>
where
    Self: http_body::Body<Data = Bytes, Error = BoxError> + Send,
{
    fn on_unread(self: Pin<&mut Self>, _: Duration) {}
}

const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Responds by path. `/wait` and the streams pause until `release` has a permit.
struct TestHandler {
    limits: ListenerLimits,
    release: Arc<Semaphore>,
    /// Notified when a response was dropped, finished or not.
    dropped: mpsc::UnboundedSender<()>,
    chunks_made: Arc<AtomicUsize>,
}

struct DropNotifier(mpsc::UnboundedSender<()>);

impl Drop for DropNotifier {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

impl Handler for TestHandler {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        match self.route(request).await {
            Ok(body) => Response::new(body),
            Err(fault) => respond(&fault),
        }
    }

    fn refuse(&self, _: &request::Parts, fault: &Fault) -> Response<ResponseBody> {
        respond(fault)
    }
}

impl TestHandler {
    async fn route(&self, request: Request<Incoming>) -> Result<ResponseBody, Fault> {
        let (head, incoming) = request.into_parts();
        admit(&Policy::default(), &head)?;
        let notifier = DropNotifier(self.dropped.clone());
        match head.uri.path() {
            "/echo" => Ok(ResponseBody::from(
                collect(incoming, &head.headers, &self.limits)
                    .await?
                    .whole()
                    .clone(),
            )),
            "/wait" => {
                self.release.acquire().await.unwrap().forget();
                Ok(ResponseBody::from("waited"))
            }
            "/stream" => Ok(self.two_chunks("first", notifier)),
            "/silent" => Ok(self.two_chunks("", notifier)),
            "/flood" => Ok(self.flood()),
            "/late" => Ok(late()),
            _ => Ok(ResponseBody::from("hello")),
        }
    }

    /// `first`, a pause until released, and `last`.
    fn two_chunks(&self, first: &'static str, notifier: DropNotifier) -> ResponseBody {
        let release = Arc::clone(&self.release);
        let step = move |(step, notifier): (usize, DropNotifier)| {
            let release = Arc::clone(&release);
            async move {
                if step == 1 {
                    release.acquire().await.unwrap().forget();
                }
                let chunk = [first, "last"].get(step).copied()?;
                Some((
                    Ok::<_, BoxError>(Frame::data(Bytes::from(chunk))),
                    (step + 1, notifier),
                ))
            }
        };
        ResponseBody::stream(Box::pin(StreamBody::new(Box::pin(stream::unfold(
            (0, notifier),
            step,
        )))))
    }

    fn flood(&self) -> ResponseBody {
        let made = Arc::clone(&self.chunks_made);
        let chunks = std::iter::repeat_with(move || {
            made.fetch_add(1, Ordering::Relaxed);
            Ok::<_, BoxError>(Frame::data(Bytes::from_static(&[b'x'; 16 << 10])))
        });
        ResponseBody::stream(Box::pin(StreamBody::new(stream::iter(chunks))))
    }
}

/// A response that is silent for longer than any time-out.
fn late() -> ResponseBody {
    let chunk = async {
        sleep(Duration::from_secs(3600)).await;
        Ok::<_, BoxError>(Frame::data(Bytes::from("late")))
    };
    ResponseBody::stream(Box::pin(StreamBody::new(Box::pin(stream::once(chunk)))))
}

fn respond(fault: &Fault) -> Response<ResponseBody> {
    let status = match fault.kind {
        FaultKind::BadRequest => StatusCode::BAD_REQUEST,
        FaultKind::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        FaultKind::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
        FaultKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        FaultKind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        FaultKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = Response::new(ResponseBody::from(fault.message.clone()));
    *response.status_mut() = status;
    response
}

struct Running {
    port: u16,
    release: Arc<Semaphore>,
    dropped: mpsc::UnboundedReceiver<()>,
    chunks_made: Arc<AtomicUsize>,
    stop: CancellationToken,
    /// Returns whether all connections were drained in time.
    serving: JoinSet<bool>,
}

impl Running {
    fn start(limits: ListenerLimits) -> Self {
        let listeners = bind(0, BindScope::Loopback).unwrap();
        let port = listeners.port();
        let release = Arc::new(Semaphore::new(0));
        let (dropped_sender, dropped) = mpsc::unbounded_channel();
        let chunks_made = Arc::default();
        let handler = TestHandler {
            limits: limits.clone(),
            release: Arc::clone(&release),
            dropped: dropped_sender,
            chunks_made: Arc::clone(&chunks_made),
        };
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let (listeners, mut drain) = serve(listeners, Arc::new(handler), limits, stopped).await;
            drop(listeners);
            timeout(DRAIN_TIMEOUT, drain.ended()).await.is_ok()
        });
        Self {
            port,
            release,
            dropped,
            chunks_made,
            stop,
            serving,
        }
    }

    async fn connect(&self) -> Client {
        Client(
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
                .await
                .unwrap(),
        )
    }

    /// Connects and sends.
    async fn send(&self, bytes: impl AsRef<[u8]>) -> Client {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client
    }
}

struct Client(TcpStream);

impl Client {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    async fn finish_sending(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// Reads one response with its length in the head: the head in lower case, and the body.
    async fn response(&mut self) -> (String, String) {
        let head = self.until("\r\n\r\n").await.to_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        (head, String::from_utf8(body).unwrap())
    }

    async fn status(&mut self) -> u16 {
        let (head, _) = self.response().await;
        head["http/1.1 ".len()..][..3].parse().unwrap()
    }

    /// Reads byte by byte, so as not to read past `end`.
    async fn until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            read.push(self.0.read_u8().await.unwrap_or_else(|error| {
                panic!("{error} after {}", String::from_utf8_lossy(&read))
            }));
        }
        String::from_utf8(read).unwrap()
    }

    /// Reads until the server closes.
    async fn rest(mut self) -> String {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).await.unwrap();
        rest
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")
}

fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}\r\n\r\n{body}"
    )
}

fn seconds(duration: Duration) -> u64 {
    duration.as_secs_f64().round() as u64
}

#[tokio::test(start_paused = true)]
async fn a_head_that_trickles_in_times_out_with_an_answer() {
    let server = Running::start(ListenerLimits::default());
    let mut client = server.send("GET / HTTP/1.1\r\n").await;
    let started_at = Instant::now();
    for _ in 0..29 {
        sleep(Duration::from_secs(1)).await;
        client.send("A: b\r\n").await;
    }
    let response = client.rest().await;
    assert!(
        response.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{response}"
    );
    assert!(
        response
            .ends_with(r#""message":"gateway: the head of the request did not come in time"}}"#),
        "{response}"
    );
    assert_eq!(seconds(started_at.elapsed()), 30);
    assert_eq!(server.send(get("/")).await.status().await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_kept_connection_may_idle_longer_than_a_head_may_take() {
    let server = Running::start(ListenerLimits::default());
    let mut client = server.send(get("/")).await;
    assert_eq!(client.status().await, 200);
    sleep(Duration::from_secs(200)).await;
    client.send(get("/")).await;
    assert_eq!(client.status().await, 200);
    let idle_since = Instant::now();
    assert_eq!(client.rest().await, "");
    assert_eq!(seconds(idle_since.elapsed()), 300);
}

#[tokio::test(start_paused = true)]
async fn a_slow_head_on_a_kept_connection_times_out_as_the_first_would() {
    let server = Running::start(ListenerLimits::default());
    let mut client = server.send(get("/")).await;
    assert_eq!(client.status().await, 200);
    sleep(Duration::from_secs(100)).await;
    let begun_at = Instant::now();
    client.send("GET / H").await;
    assert!(client.rest().await.starts_with("HTTP/1.1 408 "));
    assert_eq!(seconds(begun_at.elapsed()), 30);
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_times_out_and_closes() {
    let server = Running::start(ListenerLimits::default());
    let mut client = server.send(post("Content-Length: 9", "{")).await;
    let (head, body) = client.response().await;
    assert!(head.starts_with("http/1.1 408 "), "{head}");
    assert!(head.contains("\r\nconnection: close\r\n"), "{head}");
    assert_eq!(
        body,
        "request body: expected more of it within 30 seconds, found nothing"
    );
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn an_oversized_head_is_answered_though_the_client_goes_on_sending() {
    let server = Running::start(ListenerLimits::default());
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nA: {}\r\n\r\n",
        "a".repeat(2 << 20)
    );
    assert_eq!(server.send(long).await.status().await, 431);
    for headers in [
        "A: b\r\n".repeat(95),
        format!("A: {}\r\n", "a".repeat(65 << 10)),
    ] {
        let mut client = server
            .send(format!(
                "GET / HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n"
            ))
            .await;
        let (head, body) = client.response().await;
        assert!(head.starts_with("http/1.1 431 "), "{head}");
        assert_eq!(
            body,
            "request head: expected at most 65536 bytes and 80 headers, found more"
        );
        client.send(get("/")).await;
        assert_eq!(client.status().await, 200, "the connection goes on");
    }
    assert_eq!(server.send(get("/")).await.status().await, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_answered_though_the_client_goes_on_sending() {
    let server = Running::start(ListenerLimits {
        request_body_bytes_max: 1 << 20,
        ..ListenerLimits::default()
    });
    let body = "x".repeat(8 << 20);
    let mut announced = server
        .send(post(&format!("Content-Length: {}", body.len()), &body))
        .await;
    let (head, _) = announced.response().await;
    assert!(
        head.starts_with("http/1.1 413 ") && head.contains("\r\nconnection: close\r\n"),
        "{head}"
    );
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    assert_eq!(
        server
            .send(post("Transfer-Encoding: chunked", &chunk))
            .await
            .status()
            .await,
        413
    );
}

/// A new configuration stops the listener while the refused body is on its way.
#[tokio::test]
async fn a_refusal_is_read_though_the_listener_stops_while_the_client_sends() {
    let server = Running::start(ListenerLimits {
        request_body_bytes_max: 1 << 20,
        ..ListenerLimits::default()
    });
    let body = "x".repeat(8 << 20);
    let (start, rest) = body.split_at(4 << 20);
    let mut client = server
        .send(post(&format!("Content-Length: {}", body.len()), start))
        .await;
    server.stop.cancel();
    client.send(rest).await;
    assert_eq!(client.status().await, 413);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_before_it_is_sent() {
    let server = Running::start(ListenerLimits {
        request_body_bytes_max: 8,
        ..ListenerLimits::default()
    });
    let mut refused = server
        .send(post("Content-Length: 9\r\nExpect: 100-continue", ""))
        .await;
    assert_eq!(refused.status().await, 413);
    let mut awaited = server
        .send(post("Content-Length: 2\r\nExpect: 100-continue", ""))
        .await;
    assert_eq!(awaited.status().await, 100);
    awaited.send("{}").await;
    assert_eq!(awaited.response().await.1, "{}");
}

#[tokio::test]
async fn broken_bodies_are_explained() {
    let server = Running::start(ListenerLimits::default());
    for (request, words) in [
        (
            post("Transfer-Encoding: chunked", "zz\r\n{}\r\n"),
            "found a malformed one",
        ),
        (
            post("Transfer-Encoding: chunked", "-1\r\n{}\r\n"),
            "found a malformed one",
        ),
        (
            post("Transfer-Encoding: chunked", "2\r\n{}xx0\r\n\r\n"),
            "found a malformed one",
        ),
        (
            post("Transfer-Encoding: chunked", "ffffffffffffffffff\r\n"),
            "found a malformed one",
        ),
        (
            post("Transfer-Encoding: chunked", "5\r\n{}"),
            "found the end of the connection",
        ),
        (
            post("Content-Length: 9", "{}"),
            "found the end of the connection",
        ),
    ] {
        let mut client = server.send(&request).await;
        client.finish_sending().await;
        let (head, body) = client.response().await;
        assert!(head.starts_with("http/1.1 400 "), "{request}: {head}");
        assert!(body.contains(words), "{request}: {body}");
    }
    assert_eq!(server.send(get("/")).await.status().await, 200);
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let server = Running::start(ListenerLimits::default());
    for request in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: local\0host\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET  HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n",
    ] {
        assert_eq!(server.send(request).await.status().await, 400, "{request}");
    }
    assert_eq!(
        server
            .send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .rest()
            .await,
        ""
    );
}

#[tokio::test]
async fn a_connection_serves_on_after_a_refusal() {
    let server = Running::start(ListenerLimits::default());
    let mut client = server.connect().await;
    for (request, status) in [
        (
            "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n",
            400,
        ),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: evil.com\r\n\r\n", 421),
        (
            "GET http://evil.com/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
            421,
        ),
        (
            "GET http://localhost:1/ HTTP/1.1\r\nHost: localhost:2\r\n\r\n",
            400,
        ),
        (
            "GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
            200,
        ),
        ("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
        (
            "CONNECT evil.com:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
            421,
        ),
    ] {
        client.send(request).await;
        assert_eq!(client.status().await, status, "{request}");
    }
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Running::start(ListenerLimits::default());
    let requests = [
        post("Content-Length: 1", "1"),
        get("/"),
        post("Content-Length: 1", "2"),
    ]
    .concat();
    let mut client = server.send(requests).await;
    for expected in ["1", "hello", "2"] {
        assert_eq!(client.response().await.1, expected);
    }
}

#[tokio::test]
async fn old_http_is_answered_and_closed_unless_it_asks_to_stay() {
    let server = Running::start(ListenerLimits::default());
    let once = server
        .send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .await
        .rest()
        .await;
    assert!(
        once.starts_with("HTTP/1.0 200 ") && once.ends_with("hello"),
        "{once}"
    );
    let mut kept = server
        .send("GET / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n")
        .await;
    assert_eq!(kept.response().await.1, "hello");
    kept.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").await;
    assert!(kept.rest().await.ends_with("hello"));
    let streamed = server
        .send("GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n")
        .await;
    server.release.add_permits(1);
    assert!(streamed.rest().await.ends_with("\r\n\r\nfirstlast"));
}

#[tokio::test]
async fn connections_over_the_limit_are_told_so_until_one_ends() {
    let server = Running::start(ListenerLimits {
        connections_max: 1,
        ..ListenerLimits::default()
    });
    let mut first = server.send(get("/")).await;
    assert_eq!(first.status().await, 200);
    let second = server.send(get("/")).await.rest().await;
    assert!(
        second.starts_with("HTTP/1.1 503 Service Unavailable\r\n")
            && second.contains("\r\nretry-after: 1\r\n"),
        "{second}"
    );
    drop(first);
    while server.send(get("/")).await.status().await != 200 {}
}

#[tokio::test]
async fn requests_over_the_limit_are_refused_until_one_is_answered() {
    let mut server = Running::start(ListenerLimits {
        requests_in_flight_max: 1,
        ..ListenerLimits::default()
    });
    let mut first = server.send(get("/stream")).await;
    first.until("first\r\n").await;
    let mut second = server.send(get("/")).await;
    let (head, body) = second.response().await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    assert_eq!(
        body,
        "gateway: 1 requests are in flight already; try again once one of them is answered"
    );
    server.release.add_permits(1);
    first.until("0\r\n\r\n").await;
    server.dropped.recv().await.unwrap();
    second.send(get("/")).await;
    assert_eq!(second.status().await, 200);
}

#[tokio::test(start_paused = true)]
async fn an_answer_may_be_silent_for_an_hour() {
    let server = Running::start(ListenerLimits::default());
    let mut client = server.send(get("/late")).await;
    client.until("late\r\n0\r\n\r\n").await;
    client.send(get("/")).await;
    assert_eq!(client.status().await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_cancels_its_answer_within_a_second() {
    let pipelined = [get("/stream"), get("/")].concat();
    for request in [
        get("/stream"),
        get("/silent"),
        pipelined,
        format!("{}\r\n", get("/silent")),
    ] {
        let mut server = Running::start(ListenerLimits::default());
        let mut client = server.send(&request).await;
        client.until("\r\n\r\n").await;
        drop(client);
        let dropped = timeout(Duration::from_secs(1), server.dropped.recv()).await;
        assert_eq!(dropped, Ok(Some(())), "{request}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_before_the_head_cancels_the_request() {
    let mut server = Running::start(ListenerLimits {
        requests_in_flight_max: 1,
        ..ListenerLimits::default()
    });
    let mut client = server.send(get("/wait")).await;
    client.finish_sending().await;
    let dropped = timeout(Duration::from_secs(1), server.dropped.recv()).await;
    assert_eq!(dropped, Ok(Some(())));
    assert_eq!(client.rest().await, "");
    assert_eq!(server.send(get("/")).await.status().await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_only_stopped_sending_gets_its_whole_answer() {
    let server = Running::start(ListenerLimits::default());
    let mut brief = server.send(get("/")).await;
    brief.finish_sending().await;
    assert_eq!(brief.response().await.1, "hello");

    let mut streamed = server.send(get("/silent")).await;
    streamed.until("\r\n\r\n").await;
    streamed.finish_sending().await;
    sleep(Duration::from_millis(300)).await;
    server.release.add_permits(1);
    assert_eq!(streamed.rest().await, "4\r\nlast\r\n0\r\n\r\n");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_holds_a_bounded_part_of_its_answer() {
    let server = Running::start(ListenerLimits::default());
    let mut client = server.send(get("/flood")).await;
    client.until("\r\n\r\n").await;
    let mut made = usize::MAX;
    while made != server.chunks_made.load(Ordering::Relaxed) {
        made = server.chunks_made.load(Ordering::Relaxed);
        sleep(Duration::from_millis(100)).await;
    }
    // What the kernel's two socket buffers take, and hyper's own one.
    assert!(
        made < 2000,
        "{made} chunks of 16 KiB were made for a client that reads nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn stopping_closes_the_port_and_lets_answers_finish() {
    let mut server = Running::start(ListenerLimits::default());
    let mut idle = server.send(get("/")).await;
    assert_eq!(idle.status().await, 200);
    let mut streamed = server.send(get("/stream")).await;
    streamed.until("first\r\n").await;
    server.stop.cancel();
    assert_eq!(idle.rest().await, "");
    assert!(
        TcpStream::connect((Ipv4Addr::LOCALHOST, server.port))
            .await
            .is_err()
    );
    server.release.add_permits(1);
    assert_eq!(streamed.rest().await, "4\r\nlast\r\n0\r\n\r\n");
    assert!(server.serving.join_next().await.unwrap().unwrap());
}

/// A changed limit stops the listener too, and must cost no client its request.
#[tokio::test(start_paused = true)]
async fn a_request_that_is_just_being_sent_is_answered_after_the_stop() {
    let mut server = Running::start(ListenerLimits::default());
    let mut fresh = server.connect().await;
    let mut begun = server.send("GET / HTTP/1.1\r\n").await;
    sleep(Duration::from_millis(10)).await;
    server.stop.cancel();
    sleep(Duration::from_millis(10)).await;
    fresh.send(get("/")).await;
    assert_eq!(fresh.status().await, 200);
    begun.send("Host: localhost\r\n\r\n").await;
    assert_eq!(begun.status().await, 200);
    assert!(server.serving.join_next().await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn answers_that_outlast_the_drain_are_cut_without_a_clean_end() {
    let mut server = Running::start(ListenerLimits::default());
    let mut streamed = server.send(get("/stream")).await;
    streamed.until("first\r\n").await;
    let stopped_at = Instant::now();
    server.stop.cancel();
    assert!(!server.serving.join_next().await.unwrap().unwrap());
    assert_eq!(seconds(stopped_at.elapsed()), 30);
    server.dropped.recv().await.unwrap();
    assert_eq!(streamed.rest().await, "");
}

#[tokio::test(start_paused = true)]
async fn stopping_an_idle_server_takes_no_time() {
    let mut server = Running::start(ListenerLimits::default());
    let mut refused = server.send("GET /\r\n\r\n").await;
    assert_eq!(refused.status().await, 400);
    let _unused = server.connect().await;
    let stopped_at = Instant::now();
    server.stop.cancel();
    server.serving.join_next().await.unwrap().unwrap();
    assert_eq!(seconds(stopped_at.elapsed()), 0);
}
