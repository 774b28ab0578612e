//! Accepting and serving connections until told to stop. What an answer says is the handler's
//! business alone.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Uri, header, request};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use super::connection::{ConnMonitor, InFlightGuard, Socket, Stage, gone, linger, refuse};
use super::listen::Listeners;
use super::{BoxError, ListenerLimits, ResponseBody};
use crate::canon::{Blame, Fault, FaultKind};

/// How long to wait when a connection cannot be accepted, as when all file descriptors are in use.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// After how much silence the system asks whether the peer's machine is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// How many connections over the limit are told so at a time. Those beyond are closed without a
/// word.
const TURNED_AWAY_MAX: usize = 64;

/// How many times too long a head may be, and how many headers too many it may have, to be refused
/// with a sentence. One beyond that gets a bare status.
const HEAD_TOLERANCE: usize = 4;
const HEADERS_TOLERANCE: usize = 20;

/// For so many headers hyper needs no memory of its own; for any other number it makes and fills
/// some at each request.
const HEADERS_FREE: usize = 100;

/// The smallest buffer that hyper takes.
const BUFFER_BYTES_MIN: usize = 8192;

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers a request.
    ///
    /// The future, and then the answer's body, are dropped as soon as the client is gone.
    fn handle(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;

    /// Shapes the answer to a request that is refused here, before [`Handler::handle`].
    fn refuse(&self, head: &request::Parts, fault: &Fault) -> Response<ResponseBody>;
}

/// The answers that were not finished when serving stopped. They are cut when this is dropped.
#[derive(Debug)]
pub struct Drain(JoinSet<()>);

impl Drain {
    /// Waits until the last of them has ended.
    ///
    /// Cancel safe.
    pub async fn ended(&mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// Serves until `stop` is ready. Gives back the port, which stays open until it is dropped, and the
/// answers under way.
pub async fn serve<H: Handler>(
    listeners: Listeners,
    handler: Arc<H>,
    limits: ListenerLimits,
    stop: impl Future<Output = ()>,
) -> (Listeners, Drain) {
    let server = Arc::new(Server::new(handler, limits));
    let stopping = watch::Sender::new(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            stream = accept(&listeners) => server.admit(stream, &mut connections, &stopping),
            Some(_) = connections.join_next() => {}
        }
    }
    stopping.send_replace(true);
    (listeners, Drain(connections))
}

/// Waits for the next connection, through failures of those before it.
async fn accept(listeners: &Listeners) -> TcpStream {
    loop {
        match listeners.accept().await {
            Ok(stream) => return stream,
            Err(error) if is_of_one_connection(&error) => {
                debug!(%error, "a connection ended before it was accepted")
            }
            Err(error) => {
                warn!(%error, "no connection can be accepted for now");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether the failure says nothing about the next connection.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

/// What all connections share.
struct Server<H> {
    handler: Arc<H>,
    limits: ListenerLimits,
    http: http1::Builder,
    connections: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    in_flight: Arc<Semaphore>,
}

impl<H: Handler> Server<H> {
    fn new(handler: Arc<H>, limits: ListenerLimits) -> Self {
        let mut http = http1::Builder::new();
        // hyper's time-out for heads runs between requests too, so `ConnMonitor` keeps the time. A
        // peer that only stopped sending may still read; `gone` tells it from one that left.
        http.header_read_timeout(None).half_close(true);
        // hyper's own answer to too long a head has no body; up to here the handler gives one.
        http.max_header_size(limits.header_bytes_max * HEAD_TOLERANCE);
        if limits.headers_max + HEADERS_TOLERANCE > HEADERS_FREE {
            http.max_headers(limits.headers_max + HEADERS_TOLERANCE);
        }
        // The same buffer bounds what is written ahead of a slow client.
        http.max_buf_size((limits.header_bytes_max * HEAD_TOLERANCE).max(BUFFER_BYTES_MIN));
        Self {
            handler,
            http,
            connections: Arc::new(Semaphore::new(limits.connections_max)),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY_MAX)),
            in_flight: Arc::new(Semaphore::new(limits.requests_in_flight_max)),
            limits,
        }
    }

    /// Takes a connection in, or turns it away with an answer: left in the system's queue it would
    /// wait without a reason.
    fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        connections: &mut JoinSet<()>,
        stopping: &watch::Sender<bool>,
    ) {
        let stopping = stopping.subscribe();
        if let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() {
            prepare(&stream);
            connections.spawn(Arc::clone(self).run(stream, stopping, permit));
        } else if let Ok(permit) = Arc::clone(&self.turned_away).try_acquire_owned() {
            connections.spawn(turn_away(stream, stopping, permit));
        }
    }

    async fn run(
        self: Arc<Self>,
        stream: TcpStream,
        stopping: watch::Receiver<bool>,
        _permit: OwnedSemaphorePermit,
    ) {
        let pulse = Arc::new(ConnMonitor::new());
        tokio::select! {
            // In this order: the silence is judged by what the conversation just did.
            biased;
            () = self.converse(&stream, &pulse, stopped(stopping.clone())) => {}
            () = gone(&stream, &pulse) => return,
            stage = pulse.silence(&self.limits) => match stage {
                Stage::Head => refuse(&stream, StatusCode::REQUEST_TIMEOUT, "the head of the request did not come in time"),
                Stage::Idle | Stage::InFlightGuard => return,
            },
        }
        linger_until(&stream, stopping).await;
    }

    /// Speaks HTTP until one side ends the connection. From `stop` on, only what has begun is
    /// finished.
    async fn converse(
        self: &Arc<Self>,
        stream: &TcpStream,
        pulse: &Arc<ConnMonitor>,
        stop: impl Future<Output = ()>,
    ) {
        let service = service_fn(|request| {
            let (server, busy) = (Arc::clone(self), pulse.busy());
            async move { Ok::<_, Infallible>(server.answer(request, busy).await) }
        });
        let connection = self
            .http
            .serve_connection(TokioIo::new(Socket { stream, pulse }), service);
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = &mut connection => ended,
            () = stop => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            debug!(%error, "connection ended early");
        }
    }

    async fn answer(&self, request: Request<Incoming>, busy: InFlightGuard) -> Response<Answer> {
        let permit = Arc::clone(&self.in_flight).try_acquire_owned().ok();
        let refusal = self
            .head_too_large(&request)
            .or_else(|| permit.is_none().then(|| self.too_many()));
        let mut response = match refusal {
            None => self.serve(request).await,
            Some(fault) => self.handler.refuse(&request.into_parts().0, &fault),
        };
        // The rest of such a request may still be on its way, and nobody will read it.
        if matches!(
            response.status(),
            StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE
        ) {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.map(|body| Answer {
            body,
            broken: None,
            _permit: permit,
            busy,
        })
    }

    /// Answers. Where others are served too, their answers are made before this one is written: a
    /// peer that is woken once takes them all, and waking it costs more than to answer.
    async fn serve(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let response = self.handler.handle(request).await;
        if self.in_flight.available_permits() + 1 < self.limits.requests_in_flight_max {
            tokio::task::yield_now().await;
        }
        response
    }

    fn head_too_large(&self, request: &Request<Incoming>) -> Option<Fault> {
        let ListenerLimits {
            header_bytes_max,
            headers_max,
            ..
        } = self.limits;
        let headers = request.headers();
        let lines = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
        let bytes = target_len(request.uri()) + lines.sum::<usize>();
        let is_too_large = bytes > header_bytes_max || headers.len() > headers_max;
        is_too_large.then(|| {
            let message = format!("request head: expected at most {header_bytes_max} bytes and {headers_max} headers, found more");
            Fault::new(FaultKind::HeadersTooLarge, Blame::Client, message)
        })
    }

    fn too_many(&self) -> Fault {
        let max = self.limits.requests_in_flight_max;
        let message = format!(
            "gateway: {max} requests are in flight already; try again once one of them is answered"
        );
        let mut fault = Fault::new(FaultKind::Overloaded, Blame::Gateway, message);
        fault.retry_after = Some(Duration::from_secs(1));
        fault
    }
}

/// How long the request target was, a scheme aside.
fn target_len(uri: &Uri) -> usize {
    let authority = uri
        .authority()
        .map_or(0, |authority| authority.as_str().len());
    authority + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

/// An answer's body, which holds its request's place until it is sent or dropped.
struct Answer {
    body: ResponseBody,
    /// Why the body broke off, and from when on what came before it has to be written.
    broken: Option<(BoxError, u64)>,
    _permit: Option<OwnedSemaphorePermit>,
    busy: InFlightGuard,
}

impl Answer {
    /// hyper breaks off at once and throws away what it has not written. So it learns of the break
    /// only when a reader, however slow, has been sent all that came before: the last record tells
    /// why.
    fn poll_break(
        &mut self,
        error: BoxError,
        mark: u64,
        cx: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.busy.poll_flush(mark, cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(error))),
            Poll::Pending => {
                self.broken = Some((error, mark));
                Poll::Pending
            }
        }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some((error, mark)) = self.broken.take() {
            return self.poll_break(error, mark, cx);
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Err(error)) => {
                let mark = self.busy.flushes();
                self.poll_break(error, mark, cx)
            }
            frame => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Options without which a connection works, but worse: their failure is no reason to refuse it.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(TCP_KEEPALIVE));
}

async fn turn_away(
    stream: TcpStream,
    stopping: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    refuse(
        &stream,
        StatusCode::SERVICE_UNAVAILABLE,
        "too many connections; close some or try again",
    );
    linger_until(&stream, stopping).await;
}

/// Lingers, but not past the order to stop: who stops does not wait for clients that keep an unused
/// connection.
async fn linger_until(stream: &TcpStream, stopping: watch::Receiver<bool>) {
    tokio::select! {
        () = linger(stream) => {}
        () = stopped(stopping) => {}
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    // An error means that `serve` itself is gone, which is a stop too.
    let _ = stopping.wait_for(|is_stopping| *is_stopping).await;
}
