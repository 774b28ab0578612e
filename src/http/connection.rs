//! One connection: hyper on a socket that we can watch from beside it. It knows neither handlers nor requests.
//!
//! Three things are decided here that hyper leaves open: how long a peer may be silent, when a peer that closed its side is gone,
//! and that an answer to a request that was not read to its end still arrives.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use http::StatusCode;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::Limits;

/// How long a peer that closed its sending side may wait for the first byte of what it still wants to read.
///
/// The close of a client that left looks the same, and its request has to be cancelled within a second.
const HALF_CLOSED_GRACE: Duration = Duration::from_millis(500);

/// How long, and with how long a pause, what a client goes on sending after its refusal is thrown away.
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
    Busy,
}

/// What the socket and the answers tell whoever watches the connection.
#[derive(Debug)]
pub(super) struct Pulse {
    stage: watch::Sender<Stage>,
    bytes_written: AtomicU64,
    /// How often all that hyper held had been written.
    flushes: AtomicU64,
    on_flush: AtomicWaker,
}

impl Pulse {
    pub(super) fn new() -> Self {
        // A connection is opened to ask something, so its first head is due at once.
        Self {
            stage: watch::Sender::new(Stage::Head),
            bytes_written: AtomicU64::new(0),
            flushes: AtomicU64::new(0),
            on_flush: AtomicWaker::new(),
        }
    }

    /// Marks the connection as busy until the guard is dropped.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.stage.send_replace(Stage::Busy);
        Busy(Arc::clone(self))
    }

    fn read(&self) {
        self.stage.send_if_modified(|stage| {
            let begins_head = *stage == Stage::Idle;
            if begins_head {
                *stage = Stage::Head;
            }
            begins_head
        });
    }

    fn wrote(&self, bytes: usize) {
        self.bytes_written.fetch_add(bytes as u64, Ordering::Relaxed);
        // The end of an answer may take long to be read: that is no idleness, so the wait starts anew.
        self.stage.send_if_modified(|stage| *stage == Stage::Idle);
    }

    fn flushed(&self) {
        self.flushes.fetch_add(1, Ordering::Relaxed);
        self.on_flush.wake();
    }

    /// Waits until the peer has been silent for longer than its stage allows, and says which stage that is.
    pub(super) async fn silence(&self, limits: &Limits) -> Stage {
        let mut stages = self.stage.subscribe();
        loop {
            let stage = *stages.borrow_and_update();
            let next = stages.changed();
            let is_over = match stage {
                Stage::Idle => timeout(limits.keep_alive_timeout, next).await.is_err(),
                Stage::Head => timeout(limits.header_timeout, next).await.is_err(),
                Stage::Busy => next.await.is_err(),
            };
            if is_over {
                return stage;
            }
        }
    }
}

/// Lives as long as a request and its answer.
#[derive(Debug)]
pub(super) struct Busy(Arc<Pulse>);

impl Busy {
    /// A mark to wait from with [`Busy::poll_flush`].
    pub(super) fn flushes(&self) -> u64 {
        self.0.flushes.load(Ordering::Relaxed)
    }

    /// Waits until all that hyper held is written, at some moment after `mark` was taken.
    pub(super) fn poll_flush(&self, mark: u64, cx: &Context<'_>) -> Poll<()> {
        self.0.on_flush.register(cx.waker());
        if self.flushes() == mark { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.stage.send_replace(Stage::Idle);
    }
}

/// The stream for hyper: borrowed, so that the connection can be watched while hyper has it, and used after hyper is done.
pub(super) struct Socket<'s> {
    pub(super) stream: &'s TcpStream,
    pub(super) pulse: &'s Pulse,
}

impl AsyncRead for Socket<'_> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(cx))?;
            match self.stream.try_read_buf(buffer) {
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

impl Socket<'_> {
    fn poll_write_with(&self, cx: &mut Context<'_>, write: impl Fn(&TcpStream) -> io::Result<usize>) -> Poll<io::Result<usize>> {
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
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_with(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
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
/// A peer that only closed its sending side (`printf … | ncat`) is served: it takes what comes, where one that is gone answers
/// the first bytes with a reset.
pub(super) async fn gone(stream: &TcpStream, pulse: &Pulse) {
    sending_closed(stream).await;
    let bytes_before = pulse.bytes_written.load(Ordering::Relaxed);
    let is_reset = timeout(HALF_CLOSED_GRACE, reset(stream)).await.is_ok();
    let is_reading = pulse.bytes_written.load(Ordering::Relaxed) > bytes_before;
    if !is_reset && is_reading {
        reset(stream).await;
    }
}

/// Waits until the peer has closed its sending side, also while bytes that it sent before lie unread.
#[cfg(any(target_os = "linux", target_os = "android"))]
async fn sending_closed(stream: &TcpStream) {
    // Urgent data wakes this too. Nobody sends any, and who does is taken for gone only if it then reads nothing.
    let _ = stream.ready(Interest::PRIORITY).await;
}

/// Waits until the peer has closed its sending side. Pipelined bytes hide it: then a failing write has to tell.
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
/// A socket that is closed with unread bytes sends a reset, and the reset destroys the answer that the peer has not read yet.
pub(super) async fn linger(stream: &TcpStream) {
    if close_sending(stream).is_ok() {
        let _ = timeout(LINGER_TIMEOUT, discard(stream)).await;
    }
}

async fn discard(stream: &TcpStream) {
    let mut sink = [0; 4096];
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

/// Answers before, or instead of, a handler that could shape the answer. The message is plain ASCII without quotes.
pub(super) fn refuse(stream: &TcpStream, status: StatusCode, message: &str) {
    let body = format!(r#"{{"error":{{"type":"gateway_error","message":"gateway: {message}"}}}}"#);
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nretry-after: 1\r\nconnection: close\r\n\r\n{body}"
    );
    // It fits the socket's empty buffer; if it does not, the peer reads nothing anyway.
    let _ = stream.try_write(answer.as_bytes());
}
