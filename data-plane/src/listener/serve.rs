//! Accepting and serving connections until told to stop. What a response says is the handler's
//! business alone.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use http::{HeaderValue, Request, Response, StatusCode, Uri, header, request};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::connection::{
    ConnMonitor, ConnState, InFlightGuard, MonitoredStream, linger, peer_closed, write_refusal,
};
use super::listen::Listeners;
use super::unauthenticated::{AuthenticatedPeer, UnauthenticatedConn, UnauthenticatedConns};
use super::{BoxError, ListenerLimits, ResponseBody};
use crate::canon::{Blame, Fault, FaultKind};
use crate::host::{OtherUser, other_user};

/// The pause after a failure that affects every connection, as when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// After this much silence the system checks whether the peer's machine is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// How long a new connection waits for the one that makes room for it, which ends at once. Another
/// new one may take the place first; then the next is asked for, so often.
const ROOM_TIMEOUT: Duration = Duration::from_millis(100);
const ROOMS_MAX: usize = 10;

/// Connections over the limit that are refused with a response at a time. Those beyond are closed
/// without one.
const REJECTIONS_MAX: usize = 64;

/// A head may exceed its limits by this much and still be refused with a message by the handler.
/// One beyond that gets hyper's bare status.
const HEAD_TOLERANCE: usize = 4;
const HEADERS_TOLERANCE: usize = 20;

/// hyper parses up to this many headers on its stack. For any other maximum it allocates and fills
/// a table at each request.
const HEADERS_ON_STACK: usize = 100;

/// The smallest buffer that hyper accepts.
const BUFFER_BYTES_MIN: usize = 8192;

/// What responds to requests.
pub trait Handler: Send + Sync + 'static {
    /// Responds to a request.
    ///
    /// The future, and then the response's body, are dropped as soon as the client is gone.
    fn handle(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<ResponseBody>> + Send;

    /// The response to a request that is refused here, before [`Handler::handle`].
    fn refuse(&self, head: &request::Parts, fault: &Fault) -> Response<ResponseBody>;
}

/// The connections that were still serving requests when accepting stopped. Dropping it aborts
/// them.
#[derive(Debug)]
pub struct Drain(JoinSet<()>);

impl Drain {
    /// Waits until the last of them has ended.
    ///
    /// Cancel safe.
    pub async fn ended(&mut self) {
        if self.0.is_empty() {
            return;
        }
        while self.0.join_next().await.is_some() {}
        info!("connections drained");
    }
}

/// Accepts and serves connections until `stop` is cancelled.
///
/// Returns the listeners, which stay open until they are dropped, and the connections to drain:
/// each finishes the request that it serves and accepts no other.
pub async fn serve<H: Handler>(
    listeners: Listeners,
    handler: Arc<H>,
    limits: ListenerLimits,
    stop: CancellationToken,
) -> (Listeners, Drain) {
    let server = Arc::new(Http1Server::new(handler, limits));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            stream = accept(&listeners) => server.admit(stream, &mut connections, &stop),
            Some(_) = connections.join_next() => {}
        }
    }
    if !connections.is_empty() {
        info!(connections = connections.len(), "draining connections");
    }
    (listeners, Drain(connections))
}

/// Waits for the next connection, past failures of earlier ones.
async fn accept(listeners: &Listeners) -> TcpStream {
    loop {
        match listeners.accept().await {
            Ok(stream) => return stream,
            Err(error) if affects_one_connection(&error) => {
                debug!(%error, "a connection ended before it was accepted");
            }
            Err(error) => {
                warn!(%error, "no connection can be accepted for now");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Whether the failure says nothing about the next connection.
fn affects_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted
    )
}

/// What all connections share.
struct Http1Server<H> {
    handler: Arc<H>,
    limits: ListenerLimits,
    http: http1::Builder,
    connections: Arc<Semaphore>,
    rejections: Arc<Semaphore>,
    in_flight: Arc<Semaphore>,
    unauthenticated: UnauthenticatedConns,
}

impl<H: Handler> Http1Server<H> {
    fn new(handler: Arc<H>, limits: ListenerLimits) -> Self {
        let mut http = http1::Builder::new();
        // hyper's header time-out also runs between requests, so `ConnMonitor` keeps the time.
        // A peer that only shut down its sending side may still read; `peer_closed` tells it from
        // one that left.
        http.header_read_timeout(None).half_close(true);
        // hyper refuses too long a head without a body; up to here the handler writes the refusal.
        http.max_header_size(limits.header_bytes_max * HEAD_TOLERANCE);
        if limits.headers_max + HEADERS_TOLERANCE > HEADERS_ON_STACK {
            http.max_headers(limits.headers_max + HEADERS_TOLERANCE);
        }
        // The same buffer bounds what is written ahead of a slow client.
        http.max_buf_size((limits.header_bytes_max * HEAD_TOLERANCE).max(BUFFER_BYTES_MIN));
        Self {
            handler,
            http,
            connections: Arc::new(Semaphore::new(limits.connections_max)),
            rejections: Arc::new(Semaphore::new(REJECTIONS_MAX)),
            in_flight: Arc::new(Semaphore::new(limits.requests_in_flight_max)),
            unauthenticated: UnauthenticatedConns::default(),
            limits,
        }
    }

    /// Serves a connection, or rejects it with a response if there are too many: left in the
    /// system's queue it would wait without a reason.
    fn admit(
        self: &Arc<Self>,
        stream: TcpStream,
        connections: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) {
        let stop = stop.clone();
        if let Some(user) = self.refused_user(&stream) {
            debug!(user = user.id, "connection of another user of this machine");
            // They take no place from this user's connections.
            if let Ok(permit) = Arc::clone(&self.rejections).try_acquire_owned() {
                let refused = ConnectionScope::of_refused(user);
                connections.spawn(Arc::clone(self).run(stream, stop, permit, refused));
            }
            return;
        }
        if let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() {
            debug!(peer = ?stream.peer_addr().ok(), "connection accepted");
            set_socket_options(&stream);
            let scope = self.scope();
            connections.spawn(Arc::clone(self).run(stream, stop, permit, scope));
            return;
        }
        if self.limits.evict_unauthenticated && self.unauthenticated.evict_oldest() {
            debug!("connection closed: a new one takes its place");
            let scope = self.scope();
            connections.spawn(Arc::clone(self).run_when_admitted(stream, stop, scope));
            return;
        }
        let max = self.limits.connections_max;
        debug!(max, peer = ?stream.peer_addr().ok(), "connection rejected: too many are open");
        if let Ok(permit) = Arc::clone(&self.rejections).try_acquire_owned() {
            connections.spawn(reject(stream, stop, permit));
        }
    }

    fn scope(&self) -> ConnectionScope {
        let is_counted = self.limits.evict_unauthenticated;
        ConnectionScope {
            refused: None,
            conn: is_counted.then(|| self.unauthenticated.enter()),
        }
    }

    /// Waits for a place. The connection may itself be evicted while it waits.
    async fn run_when_admitted(
        self: Arc<Self>,
        stream: TcpStream,
        stop: CancellationToken,
        scope: ConnectionScope,
    ) {
        let permit = tokio::select! {
            permit = self.room() => permit,
            () = scope.evicted() => return,
        };
        if let Some(permit) = permit {
            set_socket_options(&stream);
            self.run(stream, stop, permit, scope).await;
        }
    }

    /// The place of an evicted connection.
    async fn room(&self) -> Option<OwnedSemaphorePermit> {
        for _ in 0..ROOMS_MAX {
            let place = Arc::clone(&self.connections).acquire_owned();
            if let Ok(permit) = tokio::time::timeout(ROOM_TIMEOUT, place).await {
                return permit.ok();
            }
            self.unauthenticated.evict_oldest();
        }
        None
    }

    /// The user of a connection, if it is one who is not served. Looked up once a connection.
    fn refused_user(&self, stream: &TcpStream) -> Option<OtherUser> {
        if self.limits.serves_other_users {
            return None;
        }
        let (Ok(peer), Ok(own)) = (stream.peer_addr(), stream.local_addr()) else {
            return None;
        };
        other_user(peer, own)
    }

    async fn run(
        self: Arc<Self>,
        stream: TcpStream,
        stop: CancellationToken,
        _permit: OwnedSemaphorePermit,
        scope: ConnectionScope,
    ) {
        let monitor = Arc::new(ConnMonitor::new());
        // All of them are polled in this task and in this order: the time-out is judged by what the
        // connection has just done.
        tokio::select! {
            biased;
            () = self.serve_connection(&stream, &monitor, &stop, &scope) => {}
            () = scope.evicted() => return,
            () = peer_closed(&stream, &monitor) => {
                // Returning drops the futures of the request in flight, which cancels it.
                debug!("connection closed: the client is gone");
                return;
            }
            state = monitor.timed_out(&self.limits) => {
                debug!(?state, "connection closed: the client was silent for too long");
                if state != ConnState::ReadingHead {
                    return;
                }
                write_refusal(
                    &stream,
                    StatusCode::REQUEST_TIMEOUT,
                    "the head of the request did not come in time",
                );
            }
        }
        linger(&stream, &stop).await;
    }

    /// Speaks HTTP until one side ends the connection. Once `stop` is cancelled, the request in
    /// flight is finished, also one that is just being sent, and no other is read.
    async fn serve_connection(
        self: &Arc<Self>,
        stream: &TcpStream,
        monitor: &Arc<ConnMonitor>,
        stop: &CancellationToken,
        scope: &ConnectionScope,
    ) {
        let service = service_fn(|request| {
            let server = Arc::clone(self);
            let guard = monitor.begin_request();
            async move { Ok::<_, Infallible>(server.respond(request, guard, scope).await) }
        });
        let io = TokioIo::new(MonitoredStream { stream, monitor });
        let mut connection = pin!(self.http.serve_connection(io, service));
        // The set polls the token's future only after the token has woken it. By itself it would be
        // polled, and take the token's lock, at every wake-up of the connection.
        let mut stopped = FuturesUnordered::from_iter([stop.cancelled()]);
        let result = tokio::select! {
            result = &mut connection => result,
            Some(()) = stopped.next() => {
                let due = monitor.request_due();
                let result = tokio::select! {
                    // First: its polling is what begins a request.
                    biased;
                    result = &mut connection => Some(result),
                    () = due => None,
                };
                match result {
                    Some(result) => result,
                    None => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                }
            }
        };
        match result {
            Ok(()) => debug!("connection closed"),
            Err(error) => debug!(%error, "connection ended early"),
        }
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        guard: InFlightGuard,
        scope: &ConnectionScope,
    ) -> Response<GuardedBody> {
        let refused = scope.refused;
        let permit = Arc::clone(&self.in_flight).try_acquire_owned().ok();
        let refusal = match self.head_too_large(&request) {
            Some(fault) => Some(fault),
            None if refused.is_some() => Some(other_user_refused(refused)),
            None if permit.is_none() => Some(self.too_many_requests()),
            None => None,
        };
        let mut response = match refusal {
            None => self.handle(request).await,
            Some(fault) => self.handler.refuse(&request.into_parts().0, &fault),
        };
        // The rest of such a request may still be on its way, and will not be read.
        let is_cut_off = matches!(
            response.status(),
            StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE
        );
        if is_cut_off || refused.is_some() {
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if response.extensions().get::<AuthenticatedPeer>().is_some() {
            scope.mark_authenticated();
        }
        if let Some(waiting) = response.body_mut().waiting.take() {
            guard.hold_place(waiting);
        }
        response.map(|body| GuardedBody {
            body,
            failure: None,
            _permit: permit,
            guard,
        })
    }

    /// Yields once while other requests are in flight, so that their responses share one wake-up
    /// of the peer.
    ///
    /// The tasks that are ready now compute their responses before this one is written. A peer that
    /// waits for several of them, such as a proxy or a client with parallel requests, then finds
    /// them all when it wakes. Waking it costs more than computing a response.
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let response = self.handler.handle(request).await;
        let is_alone = self.in_flight.available_permits() + 1 >= self.limits.requests_in_flight_max;
        if !is_alone {
            tokio::task::yield_now().await;
        }
        response
    }

    fn head_too_large(&self, request: &Request<Incoming>) -> Option<Fault> {
        let header_bytes_max = self.limits.header_bytes_max;
        let headers_max = self.limits.headers_max;
        let headers = request.headers();
        let header_bytes: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
            .sum();
        let bytes = target_len(request.uri()) + header_bytes;
        if bytes <= header_bytes_max && headers.len() <= headers_max {
            return None;
        }
        debug!(
            bytes,
            headers = headers.len(),
            header_bytes_max,
            headers_max,
            "request refused: the head is too large"
        );
        let message = format!(
            "request head: expected at most {header_bytes_max} bytes and {headers_max} headers, found more"
        );
        Some(Fault::new(
            FaultKind::HeadersTooLarge,
            Blame::Client,
            message,
        ))
    }

    fn too_many_requests(&self) -> Fault {
        let max = self.limits.requests_in_flight_max;
        debug!(max, "request refused: too many are in flight");
        let message = format!(
            "gateway: {max} requests are in flight already; try again once one of them is answered"
        );
        let mut fault = Fault::new(FaultKind::Overloaded, Blame::Gateway, message);
        fault.retry_after = Some(Duration::from_secs(1));
        fault
    }
}

/// What is known of a connection's peer.
struct ConnectionScope {
    /// The user whose requests are refused, each in its dialect.
    refused: Option<OtherUser>,
    /// Present where unauthenticated connections may be evicted.
    conn: Option<Arc<UnauthenticatedConn>>,
}

impl ConnectionScope {
    fn of_refused(user: OtherUser) -> Self {
        Self {
            refused: Some(user),
            conn: None,
        }
    }

    fn mark_authenticated(&self) {
        if let Some(conn) = &self.conn {
            conn.mark_authenticated();
        }
    }

    /// Resolves once the connection is evicted; never where none is.
    async fn evicted(&self) {
        match &self.conn {
            Some(conn) => conn.evicted().await,
            None => std::future::pending().await,
        }
    }
}

fn other_user_refused(refused: Option<OtherUser>) -> Fault {
    let id = refused.and_then(|user| user.id);
    let who = id.map_or_else(String::new, |id| format!(" ({id})"));
    let message = format!(
        "gateway: another user of this machine{who} is not served; the user who runs it can set `allow_other_users = true`"
    );
    Fault::new(FaultKind::Forbidden, Blame::Gateway, message)
}

/// The length of the request target without its scheme.
fn target_len(uri: &Uri) -> usize {
    let authority = uri
        .authority()
        .map_or(0, |authority| authority.as_str().len());
    authority + uri.path_and_query().map_or(0, |path| path.as_str().len())
}

/// A response's body, which counts its request as in flight until it is sent or dropped.
struct GuardedBody {
    body: ResponseBody,
    /// The error that the body ended with, held back until everything before it is written: all
    /// that hyper held when the error came has left once the flush count differs from this one.
    failure: Option<(BoxError, u64)>,
    _permit: Option<OwnedSemaphorePermit>,
    guard: InFlightGuard,
}

impl Drop for GuardedBody {
    fn drop(&mut self) {
        if let Some(limit) = self.guard.cut_after() {
            self.body.on_unread(limit);
        }
    }
}

impl GuardedBody {
    /// Yields `error` once everything before it has been written.
    ///
    /// hyper closes the connection at once on a body's error and discards what it has not written
    /// yet. That would lose the last record of a broken stream, which says why it broke, for every
    /// client that reads slowly.
    fn poll_failure(
        &mut self,
        error: BoxError,
        flushes_before: u64,
        cx: &Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.guard.poll_flushed_since(flushes_before, cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(error))),
            Poll::Pending => {
                self.failure = Some((error, flushes_before));
                Poll::Pending
            }
        }
    }
}

impl http_body::Body for GuardedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some((error, flushes_before)) = self.failure.take() {
            return self.poll_failure(error, flushes_before, cx);
        }
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Err(error)) => {
                let flushes_before = self.guard.flush_count();
                self.poll_failure(error, flushes_before, cx)
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

/// Sets options without which a connection works, but worse: their failure is no reason to refuse
/// it.
fn set_socket_options(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(TCP_KEEPALIVE));
}

async fn reject(stream: TcpStream, stop: CancellationToken, _permit: OwnedSemaphorePermit) {
    write_refusal(
        &stream,
        StatusCode::SERVICE_UNAVAILABLE,
        "too many connections; close some or try again",
    );
    linger(&stream, &stop).await;
}
