//! The wait for a lease: none where an account is free, else in the queue until there is one or the
//! time is over.
//!
//! ```text
//! lease --try--> granted or refused
//!         `----> joins the queue: a Ticket
//!                  |- delivered      some change served the queue, and sent a grant or an error
//!                  |- wake_at        the clock alone may have changed something: serve the queue
//!                  |- deadline       leave the queue, and take any account that can serve
//!                  `- dropped        the client left: leave the queue, give back what was delivered
//! ```
//!
//! Every change of the provider's pool serves its queue before the unlock, so no change is missed,
//! and a waiter has to wake by itself only for what the clock changes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

use super::lease::Lease;
use super::lease_request::{LeaseError, LeaseRequest};
use super::provider_pool::{Leased, PendingLease, ProviderPool};
use super::queue::Delivered;
use crate::pool::clock::between;
use crate::pool::events::Event;
use crate::pool::schedule::grant::Grant;
use crate::pool::shared::{ChangeContext, Shared};

/// The longest sleep of a waiter: timers stand still in suspend, and cooldowns do not.
const SLEEP_MAX: Duration = Duration::from_secs(5);

/// What came of the first try.
enum Entered {
    Granted(Grant),
    Refused(LeaseError),
    Queued {
        id: u64,
        receiver: oneshot::Receiver<Delivered>,
        max_wait: Duration,
    },
}

/// A place in the queue, which is left by dropping it.
struct Ticket<'a> {
    shared: &'a Arc<Shared>,
    request: LeaseRequest<'a>,
    id: u64,
    receiver: oneshot::Receiver<Delivered>,
    queued_at: Instant,
    deadline: Instant,
    /// Whether it has left the queue, and holds nothing to give back.
    is_done: bool,
}

pub(crate) async fn lease(
    shared: &Arc<Shared>,
    request: &LeaseRequest<'_>,
) -> Result<Lease, LeaseError> {
    let now = shared.clock.now();
    let entered = shared.with_provider(request.provider, now, |pool, context| {
        enter(pool, request, context)
    });
    match entered {
        None => Err(LeaseError::None { why: Vec::new() }),
        Some(Entered::Granted(grant)) => Ok(Lease::new(shared.clone(), grant)),
        Some(Entered::Refused(error)) => Err(error),
        Some(Entered::Queued {
            id,
            receiver,
            max_wait,
        }) => {
            let queued_at = Instant::now();
            let ticket = Ticket {
                shared,
                request: *request,
                id,
                receiver,
                queued_at,
                deadline: queued_at + max_wait,
                is_done: false,
            };
            ticket.wait().await
        }
    }
}

fn enter(
    pool: &mut ProviderPool,
    request: &LeaseRequest<'_>,
    context: &ChangeContext<'_>,
) -> Entered {
    let ChangeContext {
        config, now, store, ..
    } = *context;
    // What the clock alone has freed belongs to those who wait already.
    pool.serve_queue(config.mode, now, store);
    let wait_left = config.max_wait.saturating_sub(request.waited);
    // A request that failed elsewhere has waited enough for its conversation's account.
    let wait_until = request.tried.is_empty().then(|| now + wait_left);
    let pending = PendingLease {
        request: *request,
        mode: config.mode,
        wait_until,
        now,
    };
    if !pool.queue.is_empty() && pool.queue.has_line(request, pool.bound(&pending)) {
        // Those in the line could not be served, so neither can this one, and it came later.
        return join(pool, &pending, wait_left);
    }
    match pool.try_lease(&pending, store) {
        Leased::Granted(grant) => Entered::Granted(grant),
        Leased::Refused(error) => Entered::Refused(error),
        Leased::Wait { .. } => join(pool, &pending, wait_left),
    }
}

fn join(pool: &mut ProviderPool, pending: &PendingLease<'_>, max_wait: Duration) -> Entered {
    if pool.queue.is_full() {
        pool.outbox.push(Event::QueueFull {
            waiting: pool.queue.len(),
        });
        return Entered::Refused(LeaseError::Busy {
            waited: pending.request.waited,
            why: pool.passed_over(pending),
        });
    }
    let bound = pool.bound(pending);
    let (id, receiver) = pool.queue.join(&pending.request, bound, pending.wait_until);
    Entered::Queued {
        id,
        receiver,
        max_wait,
    }
}

impl Ticket<'_> {
    async fn wait(mut self) -> Result<Lease, LeaseError> {
        loop {
            let wake_at = self.wake_at();
            tokio::select! {
                biased;
                delivered = &mut self.receiver => return self.complete(delivered),
                () = sleep_until(wake_at) => {}
            }
            if Instant::now() < self.deadline {
                self.serve_queue();
                continue;
            }
            if let Some(last) = self.try_last() {
                self.is_done = true;
                return last;
            }
            // It was served in this very moment.
            let delivered = (&mut self.receiver).await;
            return self.complete(delivered);
        }
    }

    fn complete(
        &mut self,
        delivered: Result<Delivered, oneshot::error::RecvError>,
    ) -> Result<Lease, LeaseError> {
        self.is_done = true;
        match delivered {
            Ok(Ok(grant)) => Ok(Lease::new(self.shared.clone(), grant)),
            Ok(Err(error)) => Err(error),
            // The provider was removed, and its queue with it.
            Err(_) => Err(LeaseError::None { why: Vec::new() }),
        }
    }

    /// When the clock alone may have changed something.
    fn wake_at(&self) -> Instant {
        let now = self.shared.clock.now();
        let changes_at = self
            .shared
            .with_provider(self.request.provider, now, |pool, _| pool.queue.changes_at)
            .flatten();
        let sleep = match changes_at {
            Some(at) => between(now, at).min(SLEEP_MAX),
            None => SLEEP_MAX,
        };
        // What changed by now was seen just now: the timer must not spin.
        let sleep = sleep.max(Duration::from_millis(1));
        (Instant::now() + sleep).min(self.deadline)
    }

    fn serve_queue(&self) {
        let now = self.shared.clock.now();
        // That is part of every change.
        self.shared
            .with_provider(self.request.provider, now, |_, _| ());
    }

    /// The time is over: takes any account that can serve, even for a conversation that waited for
    /// its own.
    ///
    /// `None`: something is on its way already.
    fn try_last(&self) -> Option<Result<Lease, LeaseError>> {
        let now = self.shared.clock.now();
        let last = self
            .shared
            .with_provider(self.request.provider, now, |pool, context| {
                if !pool.queue.leave(self.id) {
                    return None;
                }
                let pending = PendingLease {
                    request: self.request,
                    mode: context.config.mode,
                    wait_until: None,
                    now,
                };
                Some(match pool.try_lease(&pending, context.store) {
                    Leased::Granted(grant) => Ok(grant),
                    Leased::Refused(error) => Err(error),
                    Leased::Wait { .. } => Err(LeaseError::Busy {
                        waited: self.request.waited + self.queued_at.elapsed(),
                        why: pool.passed_over(&pending),
                    }),
                })
            });
        match last.flatten()? {
            Ok(grant) => Some(Ok(Lease::new(self.shared.clone(), grant))),
            Err(error) => Some(Err(error)),
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        // Closing first: a grant that is sent from now on comes back to its sender.
        self.receiver.close();
        if let Ok(Ok(grant)) = self.receiver.try_recv() {
            self.shared.return_unused(&grant);
        }
        let now = self.shared.clock.now();
        self.shared
            .with_provider(self.request.provider, now, |pool, _| {
                pool.queue.leave(self.id)
            });
    }
}
