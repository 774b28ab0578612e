//! One connection: hyper on a socket that can be watched from beside it. It knows neither handlers
//! nor requests.
//!
//! It decides three things that hyper leaves open: how long a peer may be silent, when a peer that
//! closed its side is gone, and that a response to a request that was not read to its end still
//! arrives.
//!
//! ```text
//!             task of the connection, polled in this order
//!             1. hyper --- MonitoredStream --- TcpStream
//!                  |            |                 |
//!      InFlightGuard            | bytes, flushes  | readiness only
//!                  v            v                 |
//!                     ConnMonitor                 |
//!                  |            |                 |
//!             3. timed_out   2. peer_closed ------+
//! ```

use std::future::{Future as _, poll_fn};
use std::io;
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http::StatusCode;
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::ListenerLimits;

/// How long a peer that shut down its sending side may wait for the first byte of a response.
///
/// The close of a client that left looks the same, and its request has to be cancelled within a
/// second.
const HALF_CLOSED_GRACE: Duration = Duration::from_millis(500);

/// How often a stream that is left unread for too long is looked at, until another request waits.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// How long the head of a request may still take once the listener stops. A client that has just
/// connected sends one, and would lose it to a change of the configuration.
const HEAD_GRACE: Duration = Duration::from_millis(250);

/// How long input is discarded after a refusal, in all and without a byte arriving.
const LINGER_TIMEOUT: Duration = Duration::from_secs(30);
const LINGER_IDLE_TIMEOUT: Duration = Duration::from_secs(2);
/// The same once the listener stops: enough for a peer that is just sending.
const LINGER_IDLE_TIMEOUT_AT_STOP: Duration = Duration::from_millis(100);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnState {
    /// Waiting for the first byte of the next request.
    Idle,
    /// Reading the rest of a request head.
    ReadingHead,
    /// Serving a request, which has limits of its own.
    InFlight,
    /// The same, and the client does not read a stream for whose account others may wait.
    Unread,
}

impl ConnState {
    /// How long the peer may be silent in this state. `None` = as long as it likes.
    fn timeout(self, limits: &ListenerLimits) -> Option<Duration> {
        match self {
            Self::Idle => Some(limits.keep_alive_timeout),
            Self::ReadingHead => Some(limits.header_timeout),
            Self::InFlight => None,
            Self::Unread => Some(limits.unread_timeout),
        }
    }
}

/// What the socket and the responses report about a connection, for its watchers.
#[derive(Debug)]
pub(super) struct ConnMonitor {
    state: Mutex<TimedState>,
    bytes_written: AtomicU64,
    /// How many times hyper had written all that it held.
    flushes: AtomicU64,
    flush_waker: AtomicWaker,
    /// Whether the state is `Unread`, for the flushes, which are many.
    is_unread: AtomicBool,
    /// Set once the client is cut off for not reading: how long it had.
    cut_after: OnceLock<Duration>,
}

#[derive(Debug)]
struct TimedState {
    state: ConnState,
    /// When the state began. `None` until the time-out is next polled, which is soon after the
    /// change: so a change needs no look at the clock.
    since: Option<Instant>,
    /// How many requests wait for what the response in flight holds.
    waiting: Option<Arc<AtomicUsize>>,
}

impl TimedState {
    fn begin(state: ConnState) -> Self {
        Self {
            state,
            since: None,
            waiting: None,
        }
    }

    fn others_wait(&self) -> bool {
        let waiting = self.waiting.as_ref();
        waiting.is_some_and(|waiting| waiting.load(Ordering::Relaxed) > 0)
    }
}

impl ConnMonitor {
    pub(super) fn new() -> Self {
        Self {
            // A client connects in order to send a request, so its first head is due at once.
            state: Mutex::new(TimedState::begin(ConnState::ReadingHead)),
            bytes_written: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            flush_waker: AtomicWaker::new(),
            is_unread: AtomicBool::new(false),
            cut_after: OnceLock::new(),
        }
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(super) fn begin_request(self: &Arc<Self>) -> InFlightGuard {
        *self.state.lock() = TimedState::begin(ConnState::InFlight);
        InFlightGuard(Arc::clone(self))
    }

    fn on_read(&self) {
        let mut current = self.state.lock();
        if current.state == ConnState::Idle {
            *current = TimedState::begin(ConnState::ReadingHead);
        }
    }

    fn on_write(&self, bytes: usize) {
        self.bytes_written
            .fetch_add(bytes as u64, Ordering::Relaxed);
        let mut current = self.state.lock();
        if current.state == ConnState::Idle {
            // A slow client is still reading the end of the last response: it is not idle yet.
            current.since = None;
        }
    }

    /// The socket takes no more. A client that reads goes on taking it, and all that was held is
    /// written soon: only that ends the state.
    fn on_blocked(&self) {
        let mut current = self.state.lock();
        if current.state == ConnState::InFlight && current.waiting.is_some() {
            (current.state, current.since) = (ConnState::Unread, None);
            self.is_unread.store(true, Ordering::Relaxed);
        }
    }

    fn on_flush(&self) {
        if self.is_unread.swap(false, Ordering::Relaxed) {
            let mut current = self.state.lock();
            if current.state == ConnState::Unread {
                (current.state, current.since) = (ConnState::InFlight, None);
            }
        }
        self.flushes.fetch_add(1, Ordering::Relaxed);
        self.flush_waker.wake();
    }

    /// When the peer will have been silent for too long, and the current state. `None` if its
    /// silence has no limit.
    fn deadline(&self, limits: &ListenerLimits) -> Option<(ConnState, Instant)> {
        let mut current = self.state.lock();
        let limit = current.state.timeout(limits)?;
        let since = *current.since.get_or_insert_with(Instant::now);
        let deadline = since.checked_add(limit)?;
        if current.state == ConnState::Unread && !current.others_wait() {
            // No other request needs the account that the stream holds, so far.
            return Some((
                current.state,
                deadline.max(Instant::now() + LOOK_AGAIN_AFTER),
            ));
        }
        Some((current.state, deadline))
    }

    /// Resolves once no request is on its way: none was begun, or its head has come, or it takes
    /// longer than [`HEAD_GRACE`]. It has to be polled in the task of the connection, after hyper.
    pub(super) async fn request_due(&self) {
        let mut grace = pin!(sleep(HEAD_GRACE));
        poll_fn(|cx| {
            if self.state.lock().state == ConnState::ReadingHead {
                grace.as_mut().poll(cx)
            } else {
                Poll::Ready(())
            }
        })
        .await;
    }

    /// Resolves once the peer has been silent for longer than the connection's state allows, with
    /// that state.
    ///
    /// A change of state does not wake it. It has to be polled in the task of the connection, after
    /// hyper, whose polling is what changes the state. The timer is only ever moved when it fires
    /// or when a deadline lies before it: one that fires early is set to the current deadline. So a
    /// request on a kept connection sets no timer.
    pub(super) async fn timed_out(&self, limits: &ListenerLimits) -> ConnState {
        let mut timer = pin!(sleep(limits.header_timeout));
        poll_fn(|cx| {
            loop {
                let Some((state, deadline)) = self.deadline(limits) else {
                    return Poll::Pending;
                };
                if timer.is_elapsed() && deadline <= timer.deadline() {
                    if state == ConnState::Unread {
                        // The response, which is dropped next, says so in its record.
                        let _ = self.cut_after.set(limits.unread_timeout);
                    }
                    return Poll::Ready(state);
                }
                if timer.is_elapsed() || deadline < timer.deadline() {
                    timer.as_mut().reset(deadline);
                }
                ready!(timer.as_mut().poll(cx));
            }
        })
        .await
    }
}

/// Lives as long as a request and its response. The connection is idle once it is dropped.
#[derive(Debug)]
pub(super) struct InFlightGuard(Arc<ConnMonitor>);

impl InFlightGuard {
    /// The response holds what other requests may wait for.
    pub(super) fn hold_place(&self, waiting: Arc<AtomicUsize>) {
        self.0.state.lock().waiting = Some(waiting);
    }

    /// How long the client had to read, once it is cut off for not reading.
    pub(super) fn cut_after(&self) -> Option<Duration> {
        self.0.cut_after.get().copied()
    }

    /// How many times hyper had written all that it held.
    pub(super) fn flush_count(&self) -> u64 {
        self.0.flushes.load(Ordering::Relaxed)
    }

    /// Resolves once hyper has written all that it held, at some time after `flush_count` returned
    /// `count`.
    pub(super) fn poll_flushed_since(&self, count: u64, cx: &Context<'_>) -> Poll<()> {
        // Registered before the count is read: a flush in between wakes the task.
        self.0.flush_waker.register(cx.waker());
        if self.flush_count() == count {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        *self.0.state.lock() = TimedState::begin(ConnState::Idle);
    }
}

/// The stream as hyper gets it: borrowed, so that the connection can be watched while hyper has it
/// and used after hyper is done.
pub(super) struct MonitoredStream<'s> {
    pub(super) stream: &'s TcpStream,
    pub(super) monitor: &'s ConnMonitor,
}

impl AsyncRead for MonitoredStream<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match try_read(self.stream, buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(_) => {
                    self.monitor.on_read();
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

/// Reads what has arrived, without waiting.
///
/// A read that does not fill the buffer has emptied the socket, so it also clears the readiness, as
/// tokio's own reads do. Otherwise the next read would be a system call that finds nothing. tokio
/// clears it when the closure of `try_io` returns `WouldBlock`, so the result goes out beside it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn try_read(stream: &TcpStream, buffer: &mut ReadBuf<'_>) -> io::Result<usize> {
    let mut read = Err(io::ErrorKind::WouldBlock.into());
    let _ = stream.try_io(Interest::READABLE, || {
        read = stream.try_read_buf(buffer);
        let is_emptied = matches!(read, Ok(1..)) && buffer.remaining() > 0;
        if is_emptied {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            Ok(())
        }
    });
    read
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn try_read(stream: &TcpStream, buffer: &mut ReadBuf<'_>) -> io::Result<usize> {
    stream.try_read_buf(buffer)
}

impl MonitoredStream<'_> {
    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            let Poll::Ready(ready) = self.stream.poll_write_ready(cx) else {
                self.monitor.on_blocked();
                return Poll::Pending;
            };
            ready?;
            match write(self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(bytes) => {
                    self.monitor.on_write(bytes);
                    return Poll::Ready(Ok(bytes));
                }
            }
        }
    }
}

impl AsyncWrite for MonitoredStream<'_> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// hyper flushes whenever it has written all that it holds.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.monitor.on_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(shutdown_write(self.stream))
    }
}

/// Resolves once the peer has closed both directions.
///
/// A FIN tells only that the peer sends no more. One that left and one that only shut down its
/// sending side (`printf … | ncat`) look the same until something is written: the first answers
/// with a reset, the second takes it.
///
/// ```text
///   FIN --+-- nothing written within the grace period, or a reset --> gone
///         +-- bytes written, no reset --> it reads: served, until a reset
/// ```
pub(super) async fn peer_closed(stream: &TcpStream, monitor: &ConnMonitor) {
    peer_stopped_sending(stream).await;
    let bytes_before = monitor.bytes_written.load(Ordering::Relaxed);
    let is_reset = timeout(HALF_CLOSED_GRACE, peer_reset(stream)).await.is_ok();
    let is_reading = monitor.bytes_written.load(Ordering::Relaxed) > bytes_before;
    if !is_reset && is_reading {
        peer_reset(stream).await;
    }
}

/// Resolves once the peer has shut down its sending side, even while earlier bytes lie unread.
///
/// Of the interests that tokio also resolves for a closed read side, `PRIORITY` is the one that
/// ordinary bytes do not wake.
#[cfg(any(target_os = "linux", target_os = "android"))]
async fn peer_stopped_sending(stream: &TcpStream) {
    // Urgent data resolves this too. No client sends any, and one that does is taken for gone only
    // if it then reads nothing.
    let _ = stream.ready(Interest::PRIORITY).await;
}

/// Resolves once the peer has shut down its sending side. Pipelined bytes hide that; then a write
/// that fails has to tell.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
async fn peer_stopped_sending(stream: &TcpStream) {
    if let Ok(1..) = stream.peek(&mut [0]).await {
        std::future::pending().await
    }
}

async fn peer_reset(stream: &TcpStream) {
    let _ = stream.ready(Interest::ERROR).await;
}

/// Discards what the peer still sends, until it closes or falls silent.
///
/// A socket that is closed with unread bytes sends a reset, and the reset destroys the response
/// that the peer has not read yet.
///
/// A stop does not wait for a peer that keeps an idle connection, but lets one that is sending a
/// large body read why it was refused.
pub(super) async fn linger(stream: &TcpStream, stop: &CancellationToken) {
    if shutdown_write(stream).is_err() {
        return;
    }
    let lingering = async {
        tokio::select! {
            () = discard_input(stream, LINGER_IDLE_TIMEOUT) => {}
            () = stop.cancelled() => discard_input(stream, LINGER_IDLE_TIMEOUT_AT_STOP).await,
        }
    };
    let _ = timeout(LINGER_TIMEOUT, lingering).await;
}

async fn discard_input(stream: &TcpStream, idle_timeout: Duration) {
    // On the heap: on the stack it would be part of every connection's future from its start.
    let mut sink = vec![0; 4096];
    while let Ok(Ok(())) = timeout(idle_timeout, stream.readable()).await {
        match stream.try_read(&mut sink) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return,
        }
    }
}

fn shutdown_write(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).shutdown(Shutdown::Write)
}

/// Writes a refusal where there is no request for which a handler could write one. The message is
/// plain ASCII without quotes.
pub(super) fn write_refusal(stream: &TcpStream, status: StatusCode, message: &str) {
    let body = format!(r#"{{"error":{{"type":"gateway_error","message":"gateway: {message}"}}}}"#);
    let length = body.len();
    let response = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{body}"
    );
    // It fits into the socket's empty buffer. If it does not, the peer is not reading anyway.
    let _ = stream.try_write(response.as_bytes());
}
