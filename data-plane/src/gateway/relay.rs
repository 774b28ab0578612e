//! The client's body of a streamed response: polls the upstream when the client reads, so that
//! back-pressure is the socket's own.
//!
//! It spawns no task and has no channel: what the upstream's read gave goes into the client's
//! write. Dropping the relay cancels the upstream.
//!
//! ```text
//! upstream body -> StreamTransform -> outbox -> poll_frame (hyper)
//!        timer ->  silence: keep-alive, or the stream fails
//!     shutdown ->  the stream fails
//! ```

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::debug;

use super::attempt_error::{broken, shutdown_fault, timed_out};
use super::config::StreamTimeouts;
use super::peeked_body::PeekedBody;
use super::request_tracker::RequestTracker;
use super::stream_transform::StreamTransform;
use crate::canon::{Blame, Fault, FaultKind};
use crate::content_coding::CodingError;
use crate::protocol::StreamEnd;
use crate::upstream::{BoxError, UpstreamBody};

/// How much is held back before a response is committed without content.
const HELD_BYTES_MAX: usize = 64 * 1024;

/// How long a body may stay open after its terminator. Clients wait for the body's end before they
/// ask again.
const AFTER_TERMINATOR: Duration = Duration::from_secs(1);

/// A stream on its way to the client.
pub struct Relay {
    /// What was read of the upstream before the relay began.
    first: Bytes,
    /// `None` once nothing more is read from it.
    upstream: Option<UpstreamBody>,
    transform: Box<dyn StreamTransform>,
    /// Bytes for the client that hyper has not taken yet.
    outbox: VecDeque<Bytes>,
    held_bytes: usize,
    timeouts: StreamTimeouts,
    has_received: bool,
    /// Whether the upstream's body ended before its dialect's terminator.
    is_cut: bool,
    /// Since when the upstream has nothing ready; `None` while the client does not read, which is
    /// no silence of the upstream.
    waiting_since: Option<Instant>,
    last_sent_at: Instant,
    timer: Pin<Box<Sleep>>,
    commit: Option<Commit>,
}

/// What a response carries from the moment that it is the client's.
struct Commit {
    tracker: RequestTracker,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Relay {
    /// `asked_at`: since when the upstream is waited for.
    pub(super) fn new(
        upstream: PeekedBody,
        asked_at: Instant,
        transform: Box<dyn StreamTransform>,
        timeouts: StreamTimeouts,
    ) -> Self {
        Self {
            first: upstream.first,
            upstream: Some(upstream.rest),
            transform,
            outbox: VecDeque::new(),
            held_bytes: 0,
            timeouts,
            has_received: false,
            is_cut: false,
            waiting_since: Some(asked_at),
            last_sent_at: Instant::now(),
            timer: Box::pin(sleep(timeouts.first_event_timeout)),
            commit: None,
        }
    }

    /// Reads until the response shows output, an error or its end, and holds the client's bytes
    /// back.
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
        let status = self.transform.status();
        status.is_content
            || status.ending.is_some()
            || status.fault.is_some()
            || self.held_bytes > HELD_BYTES_MAX
    }

    /// The fault of a response that shows nothing else.
    pub(super) fn early_fault(&self) -> Option<Fault> {
        let status = self.transform.status();
        if status.is_content {
            return None;
        }
        status.fault.clone()
    }

    /// Whether the upstream's body ended before its dialect's terminator.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Makes the response the client's: the record closes with what the stream shows, and
    /// `shutdown` ends the stream with an error in its dialect.
    pub(super) fn commit(&mut self, tracker: RequestTracker, shutdown: CancellationToken) {
        self.commit = Some(Commit {
            tracker,
            shutdown: Box::pin(shutdown.cancelled_owned()),
        });
        self.last_sent_at = Instant::now();
    }

    /// How many requests wait for an account of the provider that this stream comes from.
    pub fn waiting(&self) -> Option<Arc<AtomicUsize>> {
        self.commit.as_ref()?.tracker.waiting()
    }

    /// The client has not read for `limit` while others waited for the account: the record says so.
    pub fn on_unread(&mut self, limit: Duration) {
        if let Some(commit) = self.commit.take() {
            let status = self.transform.status();
            commit.tracker.finish_unread(status, limit);
        }
    }

    /// Makes one step: takes a chunk, acts on silence, or ends on shutdown.
    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.poll_upstream(context).is_ready() {
            self.waiting_since = None;
            return Poll::Ready(());
        }
        if self.poll_silence(context).is_ready() {
            return Poll::Ready(());
        }
        // Asked last: a stream that flows ends by itself, or soon waits here.
        self.poll_shutdown(context)
    }

    fn poll_upstream(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(upstream) = &mut self.upstream else {
            return Poll::Ready(());
        };
        let bytes = if self.first.is_empty() {
            match ready!(upstream.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => self.transform.push(chunk),
                    // Trailers: no dialect has any.
                    Err(_) => Bytes::new(),
                },
                Some(Err(error)) => {
                    debug!(%error, "upstream broke off");
                    let bytes = self.transform.fail(broken(&error));
                    self.is_cut =
                        self.transform.status().fault.is_some() && !error.is::<CodingError>();
                    bytes
                }
                None => {
                    let bytes = self.transform.end();
                    self.is_cut = self.transform.status().fault.is_some();
                    bytes
                }
            }
        } else {
            self.transform.push(std::mem::take(&mut self.first))
        };
        self.has_received = true;
        self.hold(bytes);
        if self.transform.status().ending.is_some() {
            self.release_upstream(context);
        }
        Poll::Ready(())
    }

    /// Drops an upstream that has nothing more to send. One more poll lets a complete body return
    /// its connection to the pool.
    fn release_upstream(&mut self, context: &mut Context<'_>) {
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

    /// The upstream is silent: fails the stream after its timeout, and sends keep-alives before.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let waiting_since = *self.waiting_since.get_or_insert_with(Instant::now);
        let fails_at = waiting_since + self.silence_max();
        let due = match self.keep_alive_at() {
            Some(keep_alive_at) => keep_alive_at.min(fails_at),
            None => fails_at,
        };
        ready!(self.poll_timer(due, context));
        let bytes = if Instant::now() >= fails_at {
            self.upstream = None;
            debug!("limit: the upstream was silent for too long");
            self.transform.fail(self.silent())
        } else {
            self.last_sent_at = Instant::now();
            self.transform.keep_alive()
        };
        self.hold(bytes);
        Poll::Ready(())
    }

    /// Waits until `due`. The timer is moved only where it would fire too late: a stream's
    /// deadlines move with every chunk, and it has thousands. One that fires too early is set
    /// again.
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

    fn silence_max(&self) -> Duration {
        if self.transform.status().is_over {
            AFTER_TERMINATOR
        } else if self.has_received {
            self.timeouts.idle_timeout
        } else {
            self.timeouts.first_event_timeout
        }
    }

    /// When the client is due a keep-alive; `None` before the commit.
    fn keep_alive_at(&self) -> Option<Instant> {
        self.commit.as_ref()?;
        Some(self.last_sent_at + self.timeouts.keep_alive)
    }

    fn silent(&self) -> Fault {
        if !self.has_received {
            return timed_out(self.timeouts.first_event_timeout);
        }
        let message = format!(
            "the upstream sent nothing for {} s",
            self.timeouts.idle_timeout.as_secs_f32()
        );
        Fault::new(FaultKind::Timeout, Blame::Provider, message)
    }

    /// Fails the stream once the program stops; what is held still goes out. Before the commit the
    /// gateway itself waits for the shutdown.
    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(commit) = &mut self.commit else {
            return Poll::Pending;
        };
        ready!(commit.shutdown.as_mut().poll(context));
        debug!("stream aborted by shutdown");
        self.upstream = None;
        let bytes = self.transform.fail(shutdown_fault());
        self.hold(bytes);
        Poll::Ready(())
    }

    /// The next bytes for the client.
    fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            if let Some(bytes) = self.outbox.pop_front() {
                self.last_sent_at = Instant::now();
                if let Some(commit) = &mut self.commit {
                    commit.tracker.sent(&bytes);
                }
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if let Some(ending) = self.transform.status().ending {
                return Poll::Ready(self.end(ending));
            }
            ready!(self.poll_step(context));
        }
    }

    fn end(&mut self, ending: StreamEnd) -> Option<Result<Frame<Bytes>, BoxError>> {
        if let Some(commit) = self.commit.take() {
            commit.tracker.finish_stream(self.transform.status());
        }
        match ending {
            StreamEnd::Clean => None,
            StreamEnd::Abort => Some(Err("the answer broke off".into())),
        }
    }
}

/// A client that leaves takes the response's end with it, but not what it told so far. A body whose
/// length the head told is dropped with its last byte, and has not been left.
impl Drop for Relay {
    fn drop(&mut self) {
        let Some(commit) = self.commit.take() else {
            return;
        };
        let status = self.transform.status();
        if self.outbox.is_empty() && status.ending == Some(StreamEnd::Clean) {
            commit.tracker.finish_stream(status);
        } else {
            commit.tracker.leave_stream(status);
        }
    }
}

impl http_body::Body for Relay {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        // A span is cloned only where it is enabled.
        let span = match &self.commit {
            Some(commit) if !commit.tracker.span().is_disabled() => commit.tracker.span().clone(),
            _ => return self.poll_next(context),
        };
        span.in_scope(|| self.poll_next(context))
    }
}
