//! The client's body of a streamed answer: polls the upstream when the client reads, so that back-pressure is the socket's own.
//!
//! No task, no channel: what the upstream's read gave goes into the client's write. Dropping the relay cancels the upstream.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Instant, Sleep};

use super::pipe::{Pipe, Shown};
use super::settle::Settlement;
use crate::canon::{Blame, Fault, FaultKind};
use crate::protocol::Ending;
use crate::upstream::{Body as UpstreamBody, BoxError};

/// What is held back at most before an answer is committed without content.
const HELD_BYTES_MAX: usize = 64 * 1024;

/// How long a stream may be silent.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From one chunk of the upstream to the next.
    pub idle_timeout: Duration,
    /// From one sign of life toward the client to the next.
    pub keep_alive: Duration,
}

/// A stream on its way to the client.
pub(super) struct Relay {
    upstream: Option<UpstreamBody>,
    pipe: Box<dyn Pipe>,
    outbox: VecDeque<Bytes>,
    held_bytes: usize,
    pace: Pace,
    timer: Pin<Box<Sleep>>,
    heard_at: Instant,
    spoke_at: Instant,
    /// Whether the last bytes had their chance to leave before the connection is broken off.
    is_flushed: bool,
    settlement: Option<Settlement>,
}

impl Relay {
    pub(super) fn new(upstream: UpstreamBody, pipe: Box<dyn Pipe>, pace: Pace) -> Self {
        let now = Instant::now();
        Self {
            upstream: Some(upstream),
            pipe,
            outbox: VecDeque::new(),
            held_bytes: 0,
            pace,
            timer: Box::pin(tokio::time::sleep(pace.keep_alive.min(pace.idle_timeout))),
            heard_at: now,
            spoke_at: now,
            is_flushed: false,
            settlement: None,
        }
    }

    pub(super) fn shown(&self) -> &Shown {
        self.pipe.shown()
    }

    /// Reads on until the answer shows output, an error or its end, and holds what it gives for the client.
    ///
    /// Cancel safe: what was read is kept.
    pub(super) async fn until_content(&mut self) {
        std::future::poll_fn(|context| {
            while !self.is_decided() {
                ready!(self.poll_upstream(context));
            }
            Poll::Ready(())
        })
        .await;
    }

    /// Reads until the upstream said anything at all.
    ///
    /// Cancel safe, as [`Relay::until_content`].
    pub(super) async fn until_heard(&mut self) {
        std::future::poll_fn(|context| self.poll_upstream(context)).await;
    }

    fn is_decided(&self) -> bool {
        let shown = self.shown();
        shown.is_content || shown.ending.is_some() || shown.fault.is_some() || self.held_bytes > HELD_BYTES_MAX
    }

    /// Commits the answer: from now on it settles with what the stream shows.
    pub(super) fn commit(mut self, settlement: Settlement) -> Self {
        self.settlement = Some(settlement);
        self.spoke_at = Instant::now();
        self
    }

    /// Takes one step of the upstream into the outbox.
    fn poll_upstream(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(upstream) = &mut self.upstream else { return Poll::Ready(()) };
        let step = ready!(upstream.as_mut().poll_frame(context));
        self.heard_at = Instant::now();
        let bytes = match step {
            Some(Ok(frame)) => frame.into_data().map_or_else(|_| Bytes::new(), |chunk| self.pipe.push(chunk)),
            Some(Err(error)) => self.pipe.fail(broken(&error)),
            None => self.pipe.end(),
        };
        self.hold(bytes);
        if self.shown().ending.is_some() {
            self.close(context);
        }
        Poll::Ready(())
    }

    /// Lets go of an upstream that has nothing more to say. One more poll lets a body that is complete give its connection back.
    fn close(&mut self, context: &mut Context<'_>) {
        if let Some(mut upstream) = self.upstream.take() {
            let _ = upstream.as_mut().poll_frame(context);
        }
    }

    fn hold(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.held_bytes += bytes.len();
            self.outbox.push_back(bytes);
        }
    }

    /// The upstream is silent: says so after the idle time, and shows life in between.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        ready!(self.timer.as_mut().poll(context));
        let now = Instant::now();
        let idle_at = self.heard_at + self.pace.idle_timeout;
        if now >= idle_at {
            let fault = Fault::new(FaultKind::Timeout, Blame::Provider, silent(self.pace.idle_timeout));
            let bytes = self.pipe.fail(fault);
            self.hold(bytes);
            self.upstream = None;
            return Poll::Ready(());
        }
        if now >= self.spoke_at + self.pace.keep_alive {
            self.spoke_at = now;
            let bytes = self.pipe.keep_alive();
            self.hold(bytes);
        }
        self.timer.as_mut().reset(idle_at.min(self.spoke_at + self.pace.keep_alive));
        Poll::Ready(())
    }

    fn poll_end(&mut self, ending: Ending, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if ending == Ending::Abort && !std::mem::replace(&mut self.is_flushed, true) {
            // One turn of the loop, so that the server writes the last record before it breaks the connection off.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        if let Some(settlement) = self.settlement.take() {
            settlement.settle(self.pipe.shown());
        }
        match ending {
            Ending::Clean => Poll::Ready(None),
            Ending::Abort => Poll::Ready(Some(Err("the answer broke off".into()))),
        }
    }
}

fn broken(error: &BoxError) -> Fault {
    tracing::debug!(%error, "upstream broke off");
    super::pipe::broken_off()
}

fn silent(after: Duration) -> String {
    format!("the upstream sent nothing for {} s", after.as_secs())
}

impl http_body::Body for Relay {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        loop {
            if let Some(bytes) = this.outbox.pop_front() {
                this.spoke_at = Instant::now();
                if let Some(settlement) = &mut this.settlement {
                    settlement.first_byte();
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if let Some(ending) = this.shown().ending {
                return this.poll_end(ending, context);
            }
            if this.poll_upstream(context).is_pending() {
                ready!(this.poll_silence(context));
            }
        }
    }
}
