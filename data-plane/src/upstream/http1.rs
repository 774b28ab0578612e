//! Plain HTTP/1.1 without a task per connection: the task that awaits a response drives its
//! connection.
//!
//! hyper-util's client spawns a task for each connection, so each chunk of a response wakes that
//! task, which wakes the reader through a channel. On a desktop those two wake-ups cost more than
//! everything else that happens to the chunk. Here a connection is owned by the response that it
//! carries, and polled with it:
//!
//! ```text
//!   HostPool                      the task that awaits a response
//!
//!   idle connections,  checkout   exchange: polls the connection for the head
//!   polled by no task ----------> PooledBody: polls the connection for each chunk
//!         ^                         |            |
//!         |         checkin         |            |
//!         +---- end of the body ----+            +-- dropped before its end:
//!                                                    the socket is closed
//!
//!   one poll of a connection:  1. hyper moves what it can:  socket <-> channel
//!                              2. the reader takes it:      channel -> chunk
//!                              once more, if one has woken the other
//! ```
//!
//! Nothing watches an idle connection. That its server closed it shows when the next request is
//! sent on it; hyper then gives the request back, and it goes out on another connection. A sweeper
//! task runs only while there are connections, and closes those that stay idle.
//!
//! Servers over TLS mostly speak HTTP/2. Requests share its connections, so each of those needs a
//! task of its own, which hyper-util's client gives it.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tower_service::Service as _;
use tracing::debug;

use super::wake_coalescer::WakeCoalescer;
use super::{BoxError, IDLE_CONNECTIONS_MAX};
use crate::segmented_bytes::SegmentedBytes;

/// Idle connections are swept this often, and closed at the fourth sweep: after one and a half to
/// two minutes.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
const SWEEPS_MAX: u8 = 4;

/// Sends requests to servers in plain HTTP/1.1, without a proxy.
pub(super) struct Http1Client {
    connector: HttpConnector,
    pool: Arc<ConnPool>,
    /// Holds the sweeper's task: only while there are connections, and one that is just ending.
    sweeper: Mutex<JoinSet<()>>,
}

/// Why a request got no response head.
pub(super) enum SendError {
    /// No connection could be opened.
    Connect(BoxError),
    /// The connection failed before the head was complete.
    Exchange(hyper::Error),
}

#[derive(Default)]
struct ConnPool {
    hosts: Mutex<Vec<Arc<HostPool>>>,
    /// Open connections of all hosts, idle or in use.
    open_connections: AtomicUsize,
    /// Whether a sweeper runs. Its decision to end and that to start another are made under this
    /// lock, so that no connection is without one.
    is_swept: Mutex<bool>,
}

struct HostPool {
    authority: Authority,
    host_header: HeaderValue,
    /// The most recently used at the end.
    idle: Mutex<Vec<IdleConn>>,
    pool: Weak<ConnPool>,
}

struct IdleConn {
    connection: Box<Connection>,
    /// Sweeps since it became idle.
    sweeps: u8,
}

type Driver = http1::Connection<TokioIo<TcpStream>, SegmentedBytes>;

struct Connection {
    authority: Authority,
    sender: SendRequest<SegmentedBytes>,
    /// `None` once the connection has ended. Dropping hyper's half is what tells the sender and the
    /// body that no more will come.
    driver: Option<Driver>,
    wakes: Arc<WakeCoalescer>,
    /// The waker of `wakes`, made once; the driver and the reader are polled with it.
    waker: Waker,
    pool: Weak<ConnPool>,
}

impl Http1Client {
    pub(super) fn new(connector: HttpConnector) -> Self {
        Self {
            connector,
            pool: Arc::default(),
            sweeper: Mutex::default(),
        }
    }

    /// Sends a request with an absolute URI and waits for the head of the response.
    ///
    /// A server may close an idle connection at the very moment when it is checked out. A request
    /// of which nothing was sent for that reason is sent again on another connection.
    ///
    /// Cancel safe: dropping the future closes the connection.
    pub(super) async fn request(
        &self,
        mut request: Request<SegmentedBytes>,
    ) -> Result<Response<PooledBody>, SendError> {
        let uri = std::mem::take(request.uri_mut());
        let host = self.pool.host(&uri);
        set_origin_form(&mut request, &host, &uri);
        while let Some(connection) = host.checkout() {
            debug!(host = %host.authority, "upstream connection reused");
            match connection.exchange(request, &host).await {
                Ok(response) => return Ok(response),
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(SendError::Exchange(error.into_error())),
                },
            }
        }
        let connection = self.connect(uri, &host).await?;
        connection
            .exchange(request, &host)
            .await
            .map_err(|error| SendError::Exchange(error.into_error()))
    }

    async fn connect(&self, uri: Uri, host: &HostPool) -> Result<Box<Connection>, SendError> {
        let stream = self
            .connector
            .clone()
            .call(uri)
            .await
            .map_err(|error| SendError::Connect(error.into()))?;
        let (sender, driver) = http1::handshake(stream)
            .await
            .map_err(SendError::Exchange)?;
        debug!(host = %host.authority, "upstream connection opened");
        self.pool.open_connections.fetch_add(1, Ordering::Relaxed);
        self.ensure_sweeper();
        let wakes = Arc::new(WakeCoalescer::default());
        Ok(Box::new(Connection {
            authority: host.authority.clone(),
            sender,
            driver: Some(driver),
            waker: Waker::from(wakes.clone()),
            wakes,
            pool: host.pool.clone(),
        }))
    }

    /// Starts the sweeper unless it runs. The connection that needs it is counted already.
    fn ensure_sweeper(&self) {
        if !std::mem::replace(&mut *self.pool.is_swept.lock(), true) {
            let mut sweeper = self.sweeper.lock();
            while sweeper.try_join_next().is_some() {}
            sweeper.spawn(sweep_while_connected(Arc::downgrade(&self.pool)));
        }
    }
}

/// Sweeps the pool until it has no connections left.
async fn sweep_while_connected(pool: Weak<ConnPool>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let Some(pool) = pool.upgrade() else { return };
        pool.sweep();
        if pool.ends_sweeping() {
            return;
        }
    }
}

impl ConnPool {
    /// The pool of the host that `uri` names, created at its first request.
    fn host(self: &Arc<Self>, uri: &Uri) -> Arc<HostPool> {
        let authority = uri.authority();
        let mut hosts = self.hosts.lock();
        if let Some(host) = hosts.iter().find(|host| Some(&host.authority) == authority) {
            return host.clone();
        }
        let host = Arc::new(HostPool::new(uri, Arc::downgrade(self)));
        hosts.push(host.clone());
        host
    }

    /// Whether no connection is left to sweep. The caller then ends, and the next connection starts
    /// a sweeper of its own.
    fn ends_sweeping(&self) -> bool {
        let mut is_swept = self.is_swept.lock();
        *is_swept = self.open_connections.load(Ordering::Relaxed) > 0;
        !*is_swept
    }

    /// Closes idle connections that are old or that their server has closed.
    fn sweep(&self) {
        let mut hosts = self.hosts.lock();
        for host in &*hosts {
            host.idle.lock().retain_mut(|idle| {
                idle.sweeps += 1;
                idle.sweeps < SWEEPS_MAX && idle.connection.is_open()
            });
        }
        // A host that was removed from the configuration gets no more requests. One that a request
        // holds right now keeps its entry.
        hosts.retain(|host| Arc::strong_count(host) > 1 || !host.idle.lock().is_empty());
    }
}

impl HostPool {
    fn new(uri: &Uri, pool: Weak<ConnPool>) -> Self {
        const DEFAULT_PORT: u16 = 80;
        let authority = uri
            .authority()
            .cloned()
            .unwrap_or_else(|| Authority::from_static("localhost"));
        // RFC 9110 section 7.2: user information stays out of `Host`.
        let host = match authority.port_u16() {
            Some(port) if port != DEFAULT_PORT => format!("{}:{port}", authority.host()),
            _ => authority.host().to_owned(),
        };
        // An authority holds nothing that a header value cannot.
        let host_header =
            HeaderValue::from_str(&host).unwrap_or(HeaderValue::from_static("localhost"));
        Self {
            authority,
            host_header,
            idle: Mutex::default(),
            pool,
        }
    }

    /// Takes the most recently used idle connection: its server is the least likely to have closed
    /// it. Whether it has shows when the connection is driven.
    fn checkout(&self) -> Option<Box<Connection>> {
        let idle = self.idle.lock().pop()?;
        Some(idle.connection)
    }

    /// Puts a connection back for the next request, or closes it if it cannot serve one.
    fn checkin(&self, mut connection: Box<Connection>) {
        // Otherwise whatever happens on the idle connection would wake a task that is done with it.
        connection.wakes.deregister();
        if !connection.is_usable() {
            return;
        }
        let mut idle = self.idle.lock();
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push(IdleConn {
                connection,
                sweeps: 0,
            });
        }
    }
}

/// Addresses a request to the server itself: the path alone in the request line, the host in
/// `Host`.
///
/// Source: RFC 9112 section 3.2.1.
fn set_origin_form(request: &mut Request<SegmentedBytes>, host: &HostPool, uri: &Uri) {
    let path = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    request
        .headers_mut()
        .entry(header::HOST)
        .or_insert_with(|| host.host_header.clone());
}

impl Connection {
    /// Sends one request and waits for the head of its response, whose body takes the connection.
    async fn exchange(
        mut self: Box<Self>,
        request: Request<SegmentedBytes>,
        host: &Arc<HostPool>,
    ) -> Result<Response<PooledBody>, TrySendError<Request<SegmentedBytes>>> {
        let mut head = pin!(self.sender.try_send_request(request));
        let response =
            std::future::poll_fn(|cx| self.poll_with(cx, |cx| head.as_mut().poll(cx))).await?;
        Ok(response.map(|body| PooledBody::new(self, body, host)))
    }

    /// Drives the connection as far as it goes, then polls `reader` for what came of it.
    ///
    /// The two wake each other: the driver when it puts a chunk into the reader's channel, the
    /// reader when it has taken one and the next may be read from the socket. Both are polled with
    /// the coalescing waker, so such a wake costs a second turn of this loop and no wake-up of the
    /// task. Two turns suffice for one hand-over in each direction; if there is still more to do
    /// after them, the task reschedules itself, so that one busy connection does not starve others.
    fn poll_with<T>(
        &mut self,
        cx: &Context<'_>,
        mut reader: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        const TURNS: usize = 2;
        // Registered before the first turn: a wake between a turn's end and the return of this
        // function has to find this task.
        self.wakes.register(cx.waker());
        for _ in 0..TURNS {
            self.wakes.start_poll();
            let mut inner = Context::from_waker(&self.waker);
            drive(&mut self.driver, &mut inner);
            if let Poll::Ready(read) = reader(&mut inner) {
                // A wake that came meanwhile may be forgotten: a caller that got something polls
                // again before it waits, and that poll drives the connection.
                self.wakes.finish_poll();
                return Poll::Ready(read);
            }
            if !self.wakes.finish_poll() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the next request can be sent here, as far as is known without reading the socket.
    fn is_usable(&mut self) -> bool {
        // The reader has the end of the body, but hyper may need one more poll to see that the
        // message is over and to accept the next request.
        if self.driver.is_some() && !self.sender.is_ready() {
            drive(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        }
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Whether the server still keeps the connection open, as far as the system knows.
    fn is_open(&mut self) -> bool {
        // No task polls an idle connection, so hyper has not seen a close yet.
        drive(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.is_usable()
    }
}

/// Polls hyper's connection as far as it goes, and drops it at its end.
fn drive(driver: &mut Option<Driver>, cx: &mut Context<'_>) {
    let Some(connection) = driver else { return };
    if Pin::new(connection).poll(cx).is_ready() {
        *driver = None;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        debug!(host = %self.authority, "upstream connection closed");
        if let Some(pool) = self.pool.upgrade() {
            pool.open_connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The body of a response, which owns the connection that it is read from.
///
/// At its end the connection goes back to the pool. Dropping the body earlier closes the
/// connection, which is how a request is cancelled.
pub(super) struct PooledBody {
    body: Incoming,
    /// Whether nothing of the body was asked for yet.
    is_first_poll: bool,
    /// `None` once the body has ended.
    source: Option<(Box<Connection>, Arc<HostPool>)>,
}

impl PooledBody {
    fn new(connection: Box<Connection>, body: Incoming, host: &Arc<HostPool>) -> Self {
        let mut pooled = Self {
            body,
            is_first_poll: true,
            source: Some((connection, host.clone())),
        };
        if http_body::Body::is_end_stream(&pooled.body) {
            pooled.release();
        }
        pooled
    }

    /// Gives the connection back to the pool.
    fn release(&mut self) {
        if let Some((connection, host)) = self.source.take() {
            host.checkin(connection);
        }
    }
}

impl http_body::Body for PooledBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self {
            body,
            is_first_poll,
            source,
        } = &mut *self;
        let Some((connection, _)) = source else {
            return Poll::Ready(None);
        };
        let mut frame = Poll::Pending;
        // The beginning of a body often came with the head and lies in the channel: then there is
        // no need to read the socket first.
        if std::mem::take(is_first_poll) {
            frame = Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop()));
        }
        if frame.is_pending() {
            frame = connection.poll_with(cx, |cx| Pin::new(&mut *body).poll_frame(cx));
        }
        let frame = ready!(frame);
        let is_over = !matches!(frame, Some(Ok(_))) || http_body::Body::is_end_stream(body);
        if is_over {
            self.release();
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        http_body::Body::size_hint(&self.body)
    }
}

#[cfg(test)]
mod tests;
