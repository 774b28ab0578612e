//! Who waits for an account: first come, first served among requests that want the same.
//!
//! A slot that becomes free is handed to the one whose turn it is, so nobody can snatch it on the
//! way.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::lease_request::{LeaseError, LeaseRequest, SessionKey};
use super::pick::Mode;
use super::provider_pool::{Grant, ProviderPool, Tried, Try};
use crate::account::AccountName;
use crate::outcome::Timestamp;
use crate::pool::state::PoolState;

/// Requests of one provider that wait; one more is refused at once.
pub(crate) const WAITERS_MAX: usize = 1_000;

/// What a waiter gets in the end.
pub(crate) type Delivered = Result<Grant, LeaseError>;

/// A waiter's end of the line, and what goes there.
pub(crate) struct Delivery {
    pub(crate) sender: oneshot::Sender<Delivered>,
    pub(crate) delivered: Delivered,
}

/// What makes two requests want the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    model: Arc<str>,
    maker: Option<AccountName>,
    tried: Box<[AccountName]>,
    bound: Option<usize>,
}

pub(crate) struct Waiter {
    pub(crate) id: u64,
    session: Option<SessionKey>,
    patience: Option<Timestamp>,
    sender: oneshot::Sender<Delivered>,
}

/// The waiting requests of one provider, a line for each want.
#[derive(Default)]
pub(crate) struct Queue {
    lines: Vec<(Line, VecDeque<Waiter>)>,
    len: usize,
    last_id: u64,
    /// When something changes by itself for those who wait, as the last try saw it.
    pub(crate) changes_at: Option<Timestamp>,
}

impl Line {
    pub(crate) fn new(want: &LeaseRequest<'_>, bound: Option<usize>) -> Self {
        Self {
            model: want.model.into(),
            maker: want.maker.cloned(),
            tried: want.tried.into(),
            bound,
        }
    }

    pub(crate) fn is_of(&self, want: &LeaseRequest<'_>, bound: Option<usize>) -> bool {
        *self.model == *want.model
            && self.maker.as_ref() == want.maker
            && *self.tried == *want.tried
            && self.bound == bound
    }
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len >= WAITERS_MAX
    }

    pub(crate) fn has_line(&self, want: &LeaseRequest<'_>, bound: Option<usize>) -> bool {
        self.lines.iter().any(|(line, _)| line.is_of(want, bound))
    }

    /// Takes the last place in the line of `want`.
    pub(crate) fn join(
        &mut self,
        attempt: &Try<'_>,
        bound: Option<usize>,
    ) -> (u64, oneshot::Receiver<Delivered>) {
        let (sender, receiver) = oneshot::channel();
        self.last_id += 1;
        self.len += 1;
        let waiter = Waiter {
            id: self.last_id,
            session: attempt.want.session.copied(),
            patience: attempt.patience,
            sender,
        };
        match self
            .lines
            .iter_mut()
            .find(|(line, _)| line.is_of(&attempt.want, bound))
        {
            Some((_, waiters)) => waiters.push_back(waiter),
            None => self
                .lines
                .push((Line::new(&attempt.want, bound), VecDeque::from([waiter]))),
        }
        (self.last_id, receiver)
    }

    /// Leaves the line. Whether the waiter still stood there: else something is on its way to it.
    pub(crate) fn leave(&mut self, id: u64) -> bool {
        for at in 0..self.lines.len() {
            let waiters = &mut self.lines[at].1;
            if let Some(place) = waiters.iter().position(|waiter| waiter.id == id) {
                waiters.remove(place);
                self.len -= 1;
                self.tidy();
                return true;
            }
        }
        false
    }

    /// Gives bound accounts their new numbers after the accounts changed.
    pub(crate) fn renumber(&mut self, number: impl Fn(usize) -> Option<usize>) {
        for (line, _) in &mut self.lines {
            line.bound = line.bound.and_then(&number);
        }
    }

    fn tidy(&mut self) {
        self.lines.retain(|(_, waiters)| !waiters.is_empty());
    }

    /// The line whose first waiter came first, among those that are not `done`.
    fn first(&self, done: &[bool]) -> Option<usize> {
        let open = (0..self.lines.len()).filter(|at| !done[*at] && !self.lines[*at].1.is_empty());
        open.min_by_key(|at| self.lines[*at].1[0].id)
    }
}

impl ProviderPool {
    /// Gives those who wait what there is, in their order.
    pub(crate) fn serve_waiting(&mut self, mode: Mode, now: Timestamp, state: &dyn PoolState) {
        if self.queue.is_empty() {
            return;
        }
        // The queue is taken out, so that its first waiters can be looked at while the accounts
        // change.
        let mut queue = std::mem::take(&mut self.queue);
        queue.changes_at = None;
        let mut done = vec![false; queue.lines.len()];
        while let Some(at) = queue.first(&done) {
            let (line, waiters) = &mut queue.lines[at];
            match self.attempt(&try_of(line, &waiters[0], mode, now), state) {
                Tried::Wait { until } => {
                    done[at] = true;
                    queue.changes_at = [queue.changes_at, until].into_iter().flatten().min();
                }
                Tried::Granted(grant) => self.hand_out(waiters, &mut queue.len, Ok(grant)),
                Tried::Refused(refusal) => self.hand_out(waiters, &mut queue.len, Err(refusal)),
            }
        }
        queue.tidy();
        self.queue = queue;
    }

    fn hand_out(&mut self, waiters: &mut VecDeque<Waiter>, len: &mut usize, delivered: Delivered) {
        if let Some(waiter) = waiters.pop_front() {
            *len -= 1;
            self.outbox.push(Delivery {
                sender: waiter.sender,
                delivered,
            });
        }
    }
}

fn try_of<'a>(line: &'a Line, waiter: &'a Waiter, mode: Mode, now: Timestamp) -> Try<'a> {
    let session = waiter.session.as_ref();
    let want = LeaseRequest {
        provider: "",
        model: &line.model,
        session,
        maker: line.maker.as_ref(),
        tried: &line.tried,
    };
    Try {
        want,
        mode,
        patience: waiter.patience,
        now,
    }
}
