//! How the bytes of a response are sent: step by step, with the failures that a script asks for.
//!
//! Knows sockets and time, no dialect.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::sleep;

use super::Watcher;

pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// How a response is cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// HTTP ends as it should; only the dialect's terminator is missing.
    Clean,
    /// The connection closes with the body's framing unfinished.
    Fin,
    /// The connection is reset. Bytes before the cut may be lost, as resets do.
    Reset,
}

/// Holds a response back until a test opens the gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Gate {
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    async fn opened(&self) {
        self.0
            .subscribe()
            .wait_for(|open| *open)
            .await
            .expect("the sender is held by this gate");
    }
}

/// One step of sending a body.
#[derive(Clone, Debug)]
pub enum Step {
    /// A chunk of its own.
    Write(Bytes),
    Wait(Duration),
    Hold(Gate),
    /// Nothing more, ever.
    Stall,
    Fin,
    Reset,
}

impl Step {
    fn byte_count(&self) -> usize {
        if let Self::Write(bytes) = self {
            bytes.len()
        } else {
            0
        }
    }

    /// Performs the step. Returns the bytes to write, or an error if the connection is to end.
    pub async fn perform(self, reset: &AtomicBool) -> io::Result<Option<Bytes>> {
        match self {
            Self::Write(bytes) => return Ok(Some(bytes)),
            Self::Wait(time) => sleep(time).await,
            Self::Hold(gate) => gate.opened().await,
            Self::Stall => std::future::pending().await,
            Self::Fin => return Err(io::Error::other("closed by the script")),
            Self::Reset => {
                reset.store(true, Ordering::Release);
                return Err(io::Error::other("reset by the script"));
            }
        }
        Ok(None)
    }
}

/// All bytes that a plan writes.
pub fn byte_count(steps: &[Step]) -> usize {
    steps.iter().map(Step::byte_count).sum()
}

/// Whether a plan ends the body as HTTP requires.
pub fn ends_well(steps: &[Step]) -> bool {
    !steps
        .iter()
        .any(|step| matches!(step, Step::Fin | Step::Reset))
}

/// The steps before and after the byte at `position`. The chunk around it is split.
pub fn split_at(steps: Vec<Step>, position: usize) -> (Vec<Step>, Vec<Step>) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    let mut written = 0;
    for step in steps {
        let missing = position - written;
        match step {
            step if missing == 0 => after.push(step),
            Step::Write(mut bytes) if bytes.len() > missing => {
                before.push(Step::Write(bytes.split_to(missing)));
                after.push(Step::Write(bytes));
                written = position;
            }
            step => {
                written += step.byte_count();
                before.push(step);
            }
        }
    }
    (before, after)
}

/// Makes every byte a chunk of its own, `pause` apart. Each is flushed by itself even without a
/// pause.
pub fn drip(steps: Vec<Step>, pause: Duration) -> Vec<Step> {
    let wait = (!pause.is_zero()).then_some(Step::Wait(pause));
    let step = |bytes: &Bytes, at: usize| {
        std::iter::once(Step::Write(bytes.slice(at..=at))).chain(wait.clone())
    };
    let by_byte = |bytes: Bytes| {
        (0..bytes.len())
            .flat_map(|at| step(&bytes, at))
            .collect::<Vec<_>>()
    };
    steps
        .into_iter()
        .flat_map(|step| match step {
            Step::Write(bytes) => by_byte(bytes),
            other => vec![other],
        })
        .collect()
}

/// A body that is being sent.
#[derive(Debug)]
pub struct Delivery {
    steps: VecDeque<Step>,
    reset: Arc<AtomicBool>,
    watcher: Watcher,
}

impl Delivery {
    pub fn new(steps: Vec<Step>, reset: Arc<AtomicBool>, watcher: Watcher) -> Self {
        Self {
            steps: steps.into(),
            reset,
            watcher,
        }
    }

    pub fn into_body(self) -> Body {
        let frames = stream::unfold(self, |mut delivery| async move {
            Some((delivery.next().await?, delivery))
        });
        StreamBody::new(frames).boxed_unsync()
    }

    async fn next(&mut self) -> Option<io::Result<Frame<Bytes>>> {
        while let Some(step) = self.steps.pop_front() {
            // The server flushes whenever the body has to wait: what came before this step leaves
            // first.
            yield_now().await;
            match step.perform(&self.reset).await {
                Ok(Some(bytes)) => return Some(Ok(Frame::data(bytes))),
                Ok(None) => {}
                Err(hangup) => {
                    self.watcher.as_scripted();
                    return Some(Err(hangup));
                }
            }
        }
        self.watcher.as_scripted();
        None
    }
}

/// A connection that ends with a reset once its flag is set.
#[derive(Debug)]
pub struct Socket {
    stream: TcpStream,
    reset: Arc<AtomicBool>,
}

impl Socket {
    pub fn new(stream: TcpStream, reset: Arc<AtomicBool>) -> Self {
        Self { stream, reset }
    }

    fn is_reset(&self) -> bool {
        self.reset.load(Ordering::Acquire)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.is_reset() {
            self.stream.set_zero_linger().expect("the socket is open");
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// An orderly shutdown would come before the reset and hide it.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_reset() {
            Poll::Ready(Ok(()))
        } else {
            Pin::new(&mut self.stream).poll_shutdown(cx)
        }
    }
}
