//! One connection: hyper on a socket that we can watch from beside it. It knows neither handlers
//! nor requests.
//!
//! Three things are decided here that hyper leaves open: how long a peer may be silent, when a peer
//! that closed its side is gone, and that an answer to a request that was not read to its end still
//! arrives.

use std::future::{Future as _, poll_fn};
use std::io;
use std::net::Shutdown;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http::StatusCode;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::ListenerLimits;

/// How long a peer that closed its sending side may wait for the first byte of what it still wants
/// to read.
///
/// The close of a client that left looks the same, and its request has to be cancelled within a
/// second.
const HALF_CLOSED_GRACE: Duration = Duration::from_millis(500);

/// How long, and with how long a pause, what a client goes on sending after its refusal is thrown
/// away.
const LINGER_TIMEOUT: Duration = Duration::from_secs(30);
const LINGER_IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// What the connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The next request, of which no byte has come.
    Idle,
    /// The rest of a head.
    Head,
    /// A request is being served. Its own limits hold.
    InFlightGuard,
}

impl Stage {
    /// How long the peer may be silent.
    fn timeout(self, limits: &ListenerLimits) -> Option<Duration> {
        match self {
            Self::Idle => Some(limits.keep_alive_timeout),
            Self::Head => Some(limits.header_timeout),
            Self::InFlightGuard => None,
        }
    }
}

/// What the socket and the answers tell whoever watches the connection.
#[derive(Debug)]
pub(super) struct ConnMonitor {
    /// The stage, and since when it has lasted; `None` while nobody had to know, which is soon
    /// after it began.
    stage: Mutex<(Stage, Option<Instant>)>,
    bytes_written: AtomicU64,
    /// How often all that hyper held had been written.
    flushes: AtomicU64,
    on_flush: AtomicWaker,
}

impl ConnMonitor {
    pub(super) fn new() -> Self {
        // A connection is opened to ask something, so its first head is due at once.
        Self {
            stage: Mutex::new((Stage::Head, None)),
            bytes_written: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            on_flush: AtomicWaker::new(),
        }
    }

    /// Marks the connection as busy until the guard is dropped.
    pub(super) fn busy(self: &Arc<Self>) -> InFlightGuard {
        *self.stage() = (Stage::InFlightGuard, None);
        InFlightGuard(Arc::clone(self))
    }

    fn read(&self) {
        let mut stage = self.stage();
        if stage.0 == Stage::Idle {
            *stage = (Stage::Head, None);
        }
    }

    fn wrote(&self, bytes: usize) {
        self.bytes_written
            .fetch_add(bytes as u64, Ordering::Relaxed);
        let mut stage = self.stage();
        if stage.0 == Stage::Idle {
            // The end of an answer may take long to be read: that is no idleness, so the wait
            // starts anew.
            stage.1 = None;
        }
    }

    fn stage(&self) -> MutexGuard<'_, (Stage, Option<Instant>)> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the peer will have been silent for too long, and in which stage.
    fn due(&self, limits: &ListenerLimits) -> Option<(Stage, Instant)> {
        let mut of = self.stage();
        let limit = of.0.timeout(limits)?;
        let since = *of.1.get_or_insert_with(Instant::now);
        Some((of.0, since.checked_add(limit)?))
    }

    fn flushed(&self) {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        self.on_flush.wake();
    }

    /// Waits until the peer has been silent for longer than its stage allows, and says which stage
    /// that is.
    ///
    /// Nothing wakes it when the stage changes: it has to be polled in the connection's own task,
    /// after what changes it. A timer that fires too early is set anew, so that a request on a kept
    /// connection sets none.
    pub(super) async fn silence(&self, limits: &ListenerLimits) -> Stage {
        let mut timer = pin!(sleep(limits.header_timeout));
        poll_fn(|context| {
            loop {
                let Some((stage, due_at)) = self.due(limits) else {
                    return Poll::Pending;
                };
                if timer.is_elapsed() && due_at <= timer.deadline() {
                    return Poll::Ready(stage);
                }
                if timer.is_elapsed() || due_at < timer.deadline() {
                    timer.as_mut().reset(due_at);
                }
                ready!(timer.as_mut().poll(context));
            }
        })
        .await
    }
}

/// Lives as long as a request and its answer.
#[derive(Debug)]
pub(super) struct InFlightGuard(Arc<ConnMonitor>);

impl InFlightGuard {
    /// A mark to wait from with [`InFlightGuard::poll_flush`].
    pub(super) fn flushes(&self) -> u64 {
        self.0.flushes.load(Ordering::Relaxed)
    }

    /// Waits until all that hyper held is written, at some moment after `mark` was taken.
    pub(super) fn poll_flush(&self, mark: u64, cx: &Context<'_>) -> Poll<()> {
        self.0.on_flush.register(cx.waker());
        if self.flushes() == mark {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        *self.0.stage() = (Stage::Idle, None);
    }
}

/// The stream for hyper: borrowed, so that the connection can be watched while hyper has it, and
/// used after hyper is done.
pub(super) struct Socket<'s> {
    pub(super) stream: &'s TcpStream,
    pub(super) pulse: &'s ConnMonitor,
}

impl AsyncRead for Socket<'_> {
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
                    self.pulse.read();
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

/// Reads what is there. A read that leaves room has emptied the socket and takes its readiness
/// back, as tokio's own reads do: else the next look would be a system call that finds nothing.
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

impl Socket<'_> {
    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(cx))?;
            match write(self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(bytes) => {
                    self.pulse.wrote(bytes);
                    return Poll::Ready(Ok(bytes));
                }
            }
        }
    }
}

impl AsyncWrite for Socket<'_> {
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

    /// hyper comes here whenever it has written all that it holds.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.pulse.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(close_sending(self.stream))
    }
}

/// Waits until nobody reads any more.
///
/// A peer that only closed its sending side (`printf … | ncat`) is served: it takes what comes,
/// where one that is gone answers the first bytes with a reset.
pub(super) async fn gone(stream: &TcpStream, pulse: &ConnMonitor) {
    sending_closed(stream).await;
    let bytes_before = pulse.bytes_written.load(Ordering::Relaxed);
    let is_reset = timeout(HALF_CLOSED_GRACE, reset(stream)).await.is_ok();
    let is_reading = pulse.bytes_written.load(Ordering::Relaxed) > bytes_before;
    if !is_reset && is_reading {
        reset(stream).await;
    }
}

/// Waits until the peer has closed its sending side, also while bytes that it sent before lie
/// unread.
#[cfg(any(target_os = "linux", target_os = "android"))]
async fn sending_closed(stream: &TcpStream) {
    // Urgent data wakes this too. Nobody sends any, and who does is taken for gone only if it then
    // reads nothing.
    let _ = stream.ready(Interest::PRIORITY).await;
}

/// Waits until the peer has closed its sending side. Pipelined bytes hide it: then a failing write
/// has to tell.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
async fn sending_closed(stream: &TcpStream) {
    if let Ok(1..) = stream.peek(&mut [0]).await {
        std::future::pending().await
    }
}

async fn reset(stream: &TcpStream) {
    let _ = stream.ready(Interest::ERROR).await;
}

/// Throws away what the peer still sends, until it closes or is silent.
///
/// A socket that is closed with unread bytes sends a reset, and the reset destroys the answer that
/// the peer has not read yet.
pub(super) async fn linger(stream: &TcpStream) {
    if close_sending(stream).is_ok() {
        let _ = timeout(LINGER_TIMEOUT, discard(stream)).await;
    }
}

async fn discard(stream: &TcpStream) {
    // On the heap: in place it would be room that every open connection has from its start.
    let mut sink = vec![0; 4096];
    while let Ok(Ok(())) = timeout(LINGER_IDLE_TIMEOUT, stream.readable()).await {
        match stream.try_read(&mut sink) {
            Ok(1..) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return,
        }
    }
}

fn close_sending(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).shutdown(Shutdown::Write)
}

/// Answers before, or instead of, a handler that could shape the answer. The message is plain ASCII
/// without quotes.
pub(super) fn refuse(stream: &TcpStream, status: StatusCode, message: &str) {
    let body = format!(r#"{{"error":{{"type":"gateway_error","message":"gateway: {message}"}}}}"#);
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{body}"
    );
    // It fits the socket's empty buffer; if it does not, the peer reads nothing anyway.
    let _ = stream.try_write(answer.as_bytes());
}
