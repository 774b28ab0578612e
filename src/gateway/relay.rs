//! The client's body of a streamed answer: polls the upstream when the client reads, so that
//! back-pressure is the socket's own.
//!
//! No task, no channel: what the upstream's read gave goes into the client's write. Dropping the
//! relay cancels the upstream.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep};

use super::failure::late;
use super::pipe::{self, StreamTransform};
use super::settle::RequestTracker;
use crate::canon::{Blame, Fault, FaultKind};
use crate::protocol::StreamEnd;
use crate::upstream::{BoxError, UpstreamBody};

/// What is held back at most before an answer is committed without content.
const HELD_BYTES_MAX: usize = 64 * 1024;

/// How long the body of an answer that said its last word may stay open. Clients wait for its end
/// before they ask again.
const AFTER_LAST_WORD: Duration = Duration::from_secs(1);

/// How long a stream may be silent.
#[derive(Clone, Copy, Debug)]
pub struct StreamTimeouts {
    /// From the head to the first chunk of the body.
    pub first_event_timeout: Duration,
    /// From one chunk of the upstream to the next.
    pub idle_timeout: Duration,
    /// From one sign of life toward the client to the next.
    pub keep_alive: Duration,
}

/// A stream on its way to the client.
pub(super) struct Relay {
    upstream: Option<UpstreamBody>,
    pipe: Box<dyn StreamTransform>,
    outbox: VecDeque<Bytes>,
    held_bytes: usize,
    pace: StreamTimeouts,
    is_heard: bool,
    /// Since when the upstream lets us wait; a client that does not read makes no silence.
    waits_since: Option<Instant>,
    spoke_at: Instant,
    timer: Pin<Box<Sleep>>,
    /// There once the answer is the client's.
    settlement: Option<RequestTracker>,
}

impl Relay {
    pub(super) fn new(
        upstream: UpstreamBody,
        pipe: Box<dyn StreamTransform>,
        pace: StreamTimeouts,
    ) -> Self {
        Self {
            upstream: Some(upstream),
            pipe,
            outbox: VecDeque::new(),
            held_bytes: 0,
            pace,
            is_heard: false,
            waits_since: None,
            spoke_at: Instant::now(),
            timer: Box::pin(sleep(pace.first_event_timeout)),
            settlement: None,
        }
    }

    /// Reads on until the answer shows output, an error or its end, and holds what it gives for the
    /// client.
    ///
    /// Cancel safe: what was read is kept.
    pub(super) async fn until_decided(&mut self) {
        std::future::poll_fn(|context| {
            while !self.is_decided() {
                ready!(self.poll_step(context));
            }
            Poll::Ready(())
        })
        .await;
    }

    fn is_decided(&self) -> bool {
        let shown = self.pipe.shown();
        shown.is_content
            || shown.ending.is_some()
            || shown.fault.is_some()
            || self.held_bytes > HELD_BYTES_MAX
    }

    /// The fault of an answer that shows nothing else.
    pub(super) fn early_fault(&self) -> Option<Fault> {
        let shown = self.pipe.shown();
        shown.fault.clone().filter(|_| !shown.is_content)
    }

    /// Commits the answer: from now on it settles with what the stream shows.
    pub(super) fn commit(&mut self, settlement: RequestTracker) {
        self.settlement = Some(settlement);
        self.spoke_at = Instant::now();
    }

    /// Takes one step: of the upstream, or of its silence.
    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.poll_upstream(context).is_pending() {
            return self.poll_silence(context);
        }
        self.waits_since = None;
        Poll::Ready(())
    }

    fn poll_upstream(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(upstream) = &mut self.upstream else {
            return Poll::Ready(());
        };
        let bytes = match ready!(upstream.as_mut().poll_frame(context)) {
            Some(Ok(frame)) => frame
                .into_data()
                .map_or_else(|_| Bytes::new(), |chunk| self.pipe.push(chunk)),
            Some(Err(error)) => self.pipe.fail(broken(&error)),
            None => self.pipe.end(),
        };
        self.is_heard = true;
        self.hold(bytes);
        if self.pipe.shown().ending.is_some() {
            self.close(context);
        }
        Poll::Ready(())
    }

    /// Lets go of an upstream that has nothing more to say. One more poll lets a body that is
    /// complete give its connection back.
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

    /// The upstream is silent: gives it up after its time, and shows the client life in between.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let gives_up_at = *self.waits_since.get_or_insert_with(Instant::now) + self.patience();
        let due = self
            .speaks_at()
            .map_or(gives_up_at, |speaks_at| speaks_at.min(gives_up_at));
        ready!(self.poll_timer(due, context));
        let bytes = if Instant::now() >= gives_up_at {
            self.upstream = None;
            self.pipe.fail(self.silent())
        } else {
            self.spoke_at = Instant::now();
            self.pipe.keep_alive()
        };
        self.hold(bytes);
        Poll::Ready(())
    }

    /// Moves the timer only where it matters: a stream's deadlines move with every chunk, and it
    /// has thousands.
    fn poll_timer(&mut self, due: Instant, context: &mut Context<'_>) -> Poll<()> {
        if due < self.timer.deadline() {
            self.timer.as_mut().reset(due);
        }
        ready!(self.timer.as_mut().poll(context));
        if Instant::now() >= due {
            return Poll::Ready(());
        }
        self.timer.as_mut().reset(due);
        self.timer.as_mut().poll(context)
    }

    fn patience(&self) -> Duration {
        match (self.pipe.shown().is_over, self.is_heard) {
            (true, _) => AFTER_LAST_WORD,
            (false, true) => self.pace.idle_timeout,
            (false, false) => self.pace.first_event_timeout,
        }
    }

    /// When the client should hear something. Before the commit it hears nothing.
    fn speaks_at(&self) -> Option<Instant> {
        self.settlement
            .as_ref()
            .map(|_| self.spoke_at + self.pace.keep_alive)
    }

    fn silent(&self) -> Fault {
        if !self.is_heard {
            return late(self.pace.first_event_timeout);
        }
        let message = format!(
            "the upstream sent nothing for {} s",
            self.pace.idle_timeout.as_secs_f32()
        );
        Fault::new(FaultKind::Timeout, Blame::Provider, message)
    }

    /// Ends a stream that is not over; what was held still goes out.
    pub(super) fn cut(&mut self, fault: Fault) {
        if self.pipe.shown().ending.is_none() {
            self.upstream = None;
            let bytes = self.pipe.fail(fault);
            self.hold(bytes);
        }
    }

    fn end(&mut self, ending: StreamEnd) -> Option<Result<Frame<Bytes>, BoxError>> {
        if let Some(settlement) = self.settlement.take() {
            settlement.settle(self.pipe.shown());
        }
        match ending {
            StreamEnd::Clean => None,
            StreamEnd::Abort => Some(Err("the answer broke off".into())),
        }
    }
}

fn broken(error: &BoxError) -> Fault {
    tracing::debug!(%error, "upstream broke off");
    pipe::broken_off()
}

impl http_body::Body for Relay {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(bytes) = self.outbox.pop_front() {
                self.spoke_at = Instant::now();
                if let Some(settlement) = &mut self.settlement {
                    settlement.first_byte();
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if let Some(ending) = self.pipe.shown().ending {
                return Poll::Ready(self.end(ending));
            }
            ready!(self.poll_step(context));
        }
    }
}
