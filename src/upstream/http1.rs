//! Servers asked straight in plain HTTP/1.1: each connection is driven by whoever waits for its
//! answer.
//!
//! hyper-util's client gives every connection a task of its own, so that each piece of an answer
//! wakes one task and then, through a channel, another. At a desktop's load that costs more than
//! all that is done with the piece. Here a connection lies in its answer's body, and between two
//! requests in a list. Over TLS most servers speak HTTP/2, whose connections are shared and need
//! their task.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tower_service::Service as _;

use super::wake_coalescer::WakeCoalescer;
use super::{BoxError, IDLE_CONNECTIONS_MAX};
use crate::segmented_bytes::SegmentedBytes;

/// How often unused connections are looked at, and at which look one goes: after one and a half to
/// two minutes.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
const SWEEPS_MAX: u8 = 4;

/// Connections to servers that are asked straight.
pub(super) struct Plain {
    connector: HttpConnector,
    hosts: Arc<ConnPool>,
    /// At most one at a time, as long as there are connections.
    sweeper: Mutex<JoinSet<()>>,
}

/// Why a request got no head.
pub(super) enum Failed {
    /// There is no connection.
    Connect(BoxError),
    /// There was one.
    Exchange(hyper::Error),
}

#[derive(Default)]
struct ConnPool {
    known: Mutex<Vec<Arc<HostPool>>>,
    /// Of all hosts, in use or not.
    connections: AtomicUsize,
}

struct HostPool {
    authority: Authority,
    /// What the `HostPool` header says.
    name: HeaderValue,
    /// The latest at the end.
    unused: Mutex<Vec<IdleConn>>,
    of: Weak<ConnPool>,
}

struct IdleConn {
    connection: Box<Connection>,
    sweeps: u8,
}

struct Connection {
    sender: SendRequest<SegmentedBytes>,
    /// `None` once it is over: what waited for it learns of that when it is dropped.
    driver: Option<http1::Connection<TokioIo<TcpStream>, SegmentedBytes>>,
    bell: Arc<WakeCoalescer>,
    /// [`Connection::bell`], as the driver and its readers see it.
    waker: Waker,
    of: Weak<ConnPool>,
}

impl Plain {
    pub(super) fn new(connector: HttpConnector) -> Self {
        Self {
            connector,
            hosts: Arc::default(),
            sweeper: Mutex::default(),
        }
    }

    /// Sends a request with an absolute URI, and waits for the head of its answer.
    ///
    /// A server may close an unused connection at the very moment in which it is taken. What was
    /// not sent for that reason is sent on another one.
    pub(super) async fn request(
        &self,
        mut request: Request<SegmentedBytes>,
    ) -> Result<Response<PooledBody>, Failed> {
        let uri = std::mem::take(request.uri_mut());
        let host = self.hosts.find(&uri);
        address(&mut request, &host, &uri);
        while let Some(connection) = host.take() {
            match connection.exchange(request, &host).await {
                Ok(answer) => return Ok(answer),
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(Failed::Exchange(failed.into_error())),
                },
            }
        }
        let connection = self.connect(uri, &host).await?;
        connection
            .exchange(request, &host)
            .await
            .map_err(|failed| Failed::Exchange(failed.into_error()))
    }

    async fn connect(&self, uri: Uri, host: &HostPool) -> Result<Box<Connection>, Failed> {
        let stream = self
            .connector
            .clone()
            .call(uri)
            .await
            .map_err(|error| Failed::Connect(error.into()))?;
        let (sender, driver) = http1::handshake(stream).await.map_err(Failed::Exchange)?;
        let bell = Arc::new(WakeCoalescer::default());
        let waker = Waker::from(bell.clone());
        self.hosts.connections.fetch_add(1, Ordering::Relaxed);
        self.sweep();
        Ok(Box::new(Connection {
            sender,
            driver: Some(driver),
            bell,
            waker,
            of: host.of.clone(),
        }))
    }

    /// Sees to it that unused connections are closed some time.
    fn sweep(&self) {
        let mut sweeper = lock(&self.sweeper);
        while sweeper.try_join_next().is_some() {}
        if sweeper.is_empty() {
            sweeper.spawn(sweep(Arc::downgrade(&self.hosts)));
        }
    }
}

/// Closes unused connections as they age, until there are none at all.
async fn sweep(hosts: Weak<ConnPool>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let Some(hosts) = hosts.upgrade() else { return };
        hosts.sweep();
        if hosts.connections.load(Ordering::Relaxed) == 0 {
            return;
        }
    }
}

impl ConnPool {
    /// The host that a URI names.
    fn find(self: &Arc<Self>, uri: &Uri) -> Arc<HostPool> {
        let authority = uri.authority();
        let mut known = lock(&self.known);
        if let Some(host) = known.iter().find(|host| Some(&host.authority) == authority) {
            return host.clone();
        }
        let host = Arc::new(HostPool::of(uri, Arc::downgrade(self)));
        known.push(host.clone());
        host
    }

    fn sweep(&self) {
        let mut known = lock(&self.known);
        for host in &*known {
            let mut unused = lock(&host.unused);
            unused.iter_mut().for_each(|unused| unused.sweeps += 1);
            unused.retain_mut(|unused| unused.sweeps < SWEEPS_MAX && unused.connection.is_open());
        }
        // A host of a configuration that is no more is asked nothing again.
        known.retain(|host| Arc::strong_count(host) > 1 || !lock(&host.unused).is_empty());
    }
}

impl HostPool {
    fn of(uri: &Uri, of: Weak<ConnPool>) -> Self {
        const DEFAULT_PORT: u16 = 80;
        let authority = uri
            .authority()
            .cloned()
            .unwrap_or_else(|| Authority::from_static("localhost"));
        let port = authority.port_u16().filter(|port| *port != DEFAULT_PORT);
        let name = port.map_or_else(
            || authority.host().to_owned(),
            |port| format!("{}:{port}", authority.host()),
        );
        // An authority holds nothing that a header cannot.
        let name = HeaderValue::from_str(&name).unwrap_or(HeaderValue::from_static("localhost"));
        Self {
            authority,
            name,
            unused: Mutex::default(),
            of,
        }
    }

    /// The connection that was used last. That its server has closed it meanwhile shows when it is
    /// driven.
    fn take(&self) -> Option<Box<Connection>> {
        lock(&self.unused).pop().map(|unused| unused.connection)
    }

    /// Keeps a connection for the next request, where it can serve one.
    fn keep(&self, mut connection: Box<Connection>) {
        connection.bell.forget();
        if !connection.is_usable() {
            return;
        }
        let mut unused = lock(&self.unused);
        if unused.len() < IDLE_CONNECTIONS_MAX {
            unused.push(IdleConn {
                connection,
                sweeps: 0,
            });
        }
    }
}

/// What a request to a server itself says, and not to a proxy.
fn address(request: &mut Request<SegmentedBytes>, host: &HostPool, uri: &Uri) {
    let path = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    *request.uri_mut() = Uri::from(path);
    request
        .headers_mut()
        .entry(header::HOST)
        .or_insert_with(|| host.name.clone());
}

impl Connection {
    async fn exchange(
        mut self: Box<Self>,
        request: Request<SegmentedBytes>,
        host: &Arc<HostPool>,
    ) -> Result<Response<PooledBody>, hyper::client::conn::TrySendError<Request<SegmentedBytes>>>
    {
        let mut answer = pin!(self.sender.try_send_request(request));
        let answer =
            std::future::poll_fn(|cx| self.poll_with(cx, |cx| answer.as_mut().poll(cx))).await?;
        Ok(answer.map(|body| PooledBody::new(self, body, host)))
    }

    /// Drives the connection as far as it goes, and asks `reader` for what has come of it.
    ///
    /// What one of the two does to the other rings the bell. Then both have one more turn here, so
    /// that nobody need come back for it.
    fn poll_with<T>(
        &mut self,
        cx: &Context<'_>,
        mut reader: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        const TURNS: usize = 2;
        self.bell.answer_to(cx.waker());
        for _ in 0..TURNS {
            self.bell.hush();
            let mut inner = Context::from_waker(&self.waker);
            drive(&mut self.driver, &mut inner);
            if let Poll::Ready(read) = reader(&mut inner) {
                // Whoever got something asks again before it waits.
                self.bell.unhush();
                return Poll::Ready(read);
            }
            if !self.bell.unhush() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Whether the next request can be sent here, as far as is known.
    fn is_usable(&mut self) -> bool {
        // After the last of an answer it may still have to see that nothing follows.
        if self.driver.is_some() && !self.sender.is_ready() {
            drive(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        }
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Whether the server keeps it open, where the system knows.
    fn is_open(&mut self) -> bool {
        drive(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.is_usable()
    }
}

/// Drives a connection as far as it goes, and drops it at its end.
fn drive(
    driver: &mut Option<http1::Connection<TokioIo<TcpStream>, SegmentedBytes>>,
    cx: &mut Context<'_>,
) {
    if driver
        .as_mut()
        .is_some_and(|driver| Pin::new(driver).poll(cx).is_ready())
    {
        *driver = None;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(hosts) = self.of.upgrade() {
            hosts.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// An answer's body, and the connection that it comes from until it is over. Dropping it earlier
/// closes the connection.
pub(super) struct PooledBody {
    body: Incoming,
    /// Whether nobody asked for any of it yet: its beginning often came with the head.
    is_fresh: bool,
    source: Option<(Box<Connection>, Arc<HostPool>)>,
}

impl PooledBody {
    fn new(connection: Box<Connection>, body: Incoming, host: &Arc<HostPool>) -> Self {
        let mut driven = Self {
            body,
            is_fresh: true,
            source: Some((connection, host.clone())),
        };
        if http_body::Body::is_end_stream(&driven.body) {
            driven.let_go();
        }
        driven
    }

    fn let_go(&mut self) {
        if let Some((connection, host)) = self.source.take() {
            host.keep(connection);
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
            is_fresh,
            source,
        } = &mut *self;
        let Some((connection, _)) = source else {
            return Poll::Ready(None);
        };
        let mut frame = Poll::Pending;
        if std::mem::take(is_fresh) {
            frame = Pin::new(&mut *body).poll_frame(&mut Context::from_waker(Waker::noop()));
        }
        if frame.is_pending() {
            frame = connection.poll_with(cx, |cx| Pin::new(&mut *body).poll_frame(cx));
        }
        let frame = ready!(frame);
        let is_over = !matches!(frame, Some(Ok(_))) || http_body::Body::is_end_stream(body);
        if is_over {
            self.let_go();
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
