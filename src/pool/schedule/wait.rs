//! The wait for a lease: at once where an account is free, else in line, until there is one or the
//! time is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::lease::Lease;
use super::lease_request::{LeaseError, LeaseRequest};
use super::provider_pool::{ProviderPool, Tried, Try};
use super::queue::Delivered;
use crate::pool::clock::between;
use crate::pool::shared::{Context, Shared};

/// A waiter looks at the clock again after this time, as timers stand still in suspend while rests
/// do not.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// What entering came to.
enum Entered {
    Granted(super::provider_pool::Grant),
    Refused(LeaseError),
    InLine {
        id: u64,
        receiver: oneshot::Receiver<Delivered>,
    },
}

/// A place in a line; leaves it when it is dropped.
struct Ticket<'a> {
    shared: &'a Arc<Shared>,
    want: LeaseRequest<'a>,
    id: u64,
    receiver: oneshot::Receiver<Delivered>,
    began: Instant,
    deadline: Instant,
    /// Whether the wait has ended, so that there is no line left to leave.
    is_over: bool,
}

pub(crate) async fn lease(
    shared: &Arc<Shared>,
    want: &LeaseRequest<'_>,
) -> Result<Lease, LeaseError> {
    let now = shared.clock.now();
    let mut max_wait = Duration::ZERO;
    let entered = shared.change(want.provider, now, |lane, context| {
        max_wait = context.rules.max_wait;
        enter(lane, want, context)
    });
    match entered {
        None => Err(LeaseError::None { why: Vec::new() }),
        Some(Entered::Granted(grant)) => Ok(Lease::new(shared.clone(), grant)),
        Some(Entered::Refused(refusal)) => Err(refusal),
        Some(Entered::InLine { id, receiver }) => {
            let began = Instant::now();
            Ticket {
                shared,
                want: *want,
                id,
                receiver,
                began,
                deadline: began + max_wait,
                is_over: false,
            }
            .wait()
            .await
        }
    }
}

fn enter(lane: &mut ProviderPool, want: &LeaseRequest<'_>, context: &Context<'_>) -> Entered {
    let Context {
        rules, now, state, ..
    } = *context;
    // What time alone has freed belongs to those who wait already.
    lane.serve_waiting(rules.mode, now, state);
    // A request that failed elsewhere has waited enough for its conversation's account.
    let patience = want.tried.is_empty().then(|| now + rules.max_wait);
    let attempt = Try {
        want: *want,
        mode: rules.mode,
        patience,
        now,
    };
    let bound = want
        .session
        .filter(|_| rules.mode.has_affinity())
        .and_then(|session| lane.affinity.account(*session, now));
    if !lane.queue.is_empty() && lane.queue.has_line(want, bound) {
        return join(lane, &attempt, bound);
    }
    match lane.attempt(&attempt, state) {
        Tried::Granted(grant) => Entered::Granted(grant),
        Tried::Refused(refusal) => Entered::Refused(refusal),
        Tried::Wait { .. } => join(lane, &attempt, bound),
    }
}

fn join(lane: &mut ProviderPool, attempt: &Try<'_>, bound: Option<usize>) -> Entered {
    if lane.queue.is_full() {
        return Entered::Refused(LeaseError::Busy {
            waited: Duration::ZERO,
            why: lane.why(attempt),
        });
    }
    let (id, receiver) = lane.queue.join(attempt, bound);
    Entered::InLine { id, receiver }
}

impl Ticket<'_> {
    async fn wait(mut self) -> Result<Lease, LeaseError> {
        loop {
            let wake_at = self.wake_at();
            tokio::select! {
                biased;
                delivered = &mut self.receiver => return self.end(delivered),
                () = sleep_until(wake_at) => {}
            }
            if Instant::now() < self.deadline {
                // Serving who waits is part of every change.
                self.shared
                    .change(self.want.provider, self.shared.clock.now(), |_, _| ());
            } else if let Some(ended) = self.give_up() {
                self.is_over = true;
                return ended;
            } else {
                let delivered = (&mut self.receiver).await;
                return self.end(delivered);
            }
        }
    }

    fn end(
        &mut self,
        delivered: Result<Delivered, oneshot::error::RecvError>,
    ) -> Result<Lease, LeaseError> {
        self.is_over = true;
        match delivered {
            Ok(Ok(grant)) => Ok(Lease::new(self.shared.clone(), grant)),
            Ok(Err(refusal)) => Err(refusal),
            // The provider is configured no more, and its line went with it.
            Err(_) => Err(LeaseError::None { why: Vec::new() }),
        }
    }

    /// When something may have changed without anybody saying so.
    fn wake_at(&self) -> Instant {
        let now = self.shared.clock.now();
        let changes_at = self
            .shared
            .change(self.want.provider, now, |lane, _| lane.queue.changes_at)
            .flatten();
        let wait = changes_at.map_or(LOOK_AGAIN, |at| between(now, at).min(LOOK_AGAIN));
        // A moment that is already over was looked at just now: the timer must not spin.
        (Instant::now() + wait.max(Duration::from_millis(1))).min(self.deadline)
    }

    /// The time is over: whatever account can serve is taken now, also for a conversation that
    /// waited for its own.
    ///
    /// `None`: something is on its way already.
    fn give_up(&self) -> Option<Result<Lease, LeaseError>> {
        let now = self.shared.clock.now();
        let last = self
            .shared
            .change(self.want.provider, now, |lane, context| {
                if !lane.queue.leave(self.id) {
                    return None;
                }
                let attempt = Try {
                    want: self.want,
                    mode: context.rules.mode,
                    patience: None,
                    now,
                };
                Some(match lane.attempt(&attempt, context.state) {
                    Tried::Granted(grant) => Ok(grant),
                    Tried::Refused(refusal) => Err(refusal),
                    Tried::Wait { .. } => Err(LeaseError::Busy {
                        waited: self.began.elapsed(),
                        why: lane.why(&attempt),
                    }),
                })
            });
        last.flatten()
            .map(|last| last.map(|grant| Lease::new(self.shared.clone(), grant)))
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        // A grant that is on its way, or already there, is given back: nobody will take it.
        self.receiver.close();
        if let Ok(Ok(grant)) = self.receiver.try_recv() {
            drop(Lease::unclaimed(self.shared.clone(), grant));
        }
        let now = self.shared.clock.now();
        self.shared
            .change(self.want.provider, now, |lane, _| lane.queue.leave(self.id));
    }
}
