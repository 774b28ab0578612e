//! Requests that wait for an account: first come, first served, among those that can be served
//! alike.
//!
//! ```text
//! Queue
//! |- Line (model-a)              waiter 3   waiter 7   waiter 8
//! |- Line (model-a, bound to 2)  waiter 5
//! `- Line (model-b)              waiter 4   waiter 6
//! ```
//!
//! Requests of one line can be served by the same accounts, so if the first of it has to wait, all
//! have to: serving the queue tries the first of each line, in the order of their ids. An account
//! is granted to a waiter under the lock and delivered by a channel, so that no other request can
//! take it in between.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;

use super::grant::Grant;
use super::lease_request::{LeaseError, LeaseRequest, SessionKey};
use crate::account::AccountName;
use crate::outcome::Timestamp;

/// Waiting requests of one provider; one more is refused at once.
pub(crate) const WAITERS_MAX: usize = 1_000;

/// What a waiter gets in the end.
pub(crate) type Delivered = Result<Grant, LeaseError>;

/// A waiter's channel, and what is to be sent there.
pub(crate) struct Delivery {
    pub(crate) sender: oneshot::Sender<Delivered>,
    pub(crate) delivered: Delivered,
}

/// What the requests of a line have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    model: Arc<str>,
    owner: Option<AccountName>,
    tried: Box<[AccountName]>,
    is_retry: bool,
    /// The index of their conversations' account.
    bound: Option<usize>,
}

struct Waiter {
    /// In the order of arrival.
    id: u64,
    session: Option<SessionKey>,
    wait_until: Option<Timestamp>,
    sender: oneshot::Sender<Delivered>,
}

/// The waiting requests of one provider.
#[derive(Default)]
pub(crate) struct Queue {
    lines: Vec<(Line, VecDeque<Waiter>)>,
    len: usize,
    /// The same number, for the responses that hold what these wait for.
    pub(super) waiting: Arc<AtomicUsize>,
    last_id: u64,
    /// When the clock alone changes something for a waiter, as of the last time that the queue was
    /// served.
    pub(crate) changes_at: Option<Timestamp>,
}

/// The first waiter of a line, as a request.
pub(super) struct Head<'a> {
    pub(super) line: usize,
    pub(super) request: LeaseRequest<'a>,
    pub(super) wait_until: Option<Timestamp>,
}

impl Line {
    fn new(request: &LeaseRequest<'_>, bound: Option<usize>) -> Self {
        Self {
            model: request.model.into(),
            owner: request.owner.cloned(),
            tried: request.tried.into(),
            is_retry: request.is_retry,
            bound,
        }
    }

    fn is_for(&self, request: &LeaseRequest<'_>, bound: Option<usize>) -> bool {
        *self.model == *request.model
            && self.owner.as_ref() == request.owner
            && *self.tried == *request.tried
            && self.is_retry == request.is_retry
            && self.bound == bound
    }
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn set_len(&mut self, len: usize) {
        self.len = len;
        self.waiting.store(len, Ordering::Relaxed);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.len >= WAITERS_MAX
    }

    pub(crate) fn has_line(&self, request: &LeaseRequest<'_>, bound: Option<usize>) -> bool {
        self.lines
            .iter()
            .any(|(line, _)| line.is_for(request, bound))
    }

    /// Takes the last place of the request's line. Returns the waiter's id.
    pub(crate) fn join(
        &mut self,
        request: &LeaseRequest<'_>,
        bound: Option<usize>,
        wait_until: Option<Timestamp>,
    ) -> (u64, oneshot::Receiver<Delivered>) {
        let (sender, receiver) = oneshot::channel();
        self.last_id += 1;
        self.set_len(self.len + 1);
        let waiter = Waiter {
            id: self.last_id,
            session: request.session.copied(),
            wait_until,
            sender,
        };
        let known = self
            .lines
            .iter_mut()
            .find(|(line, _)| line.is_for(request, bound));
        match known {
            Some((_, waiters)) => waiters.push_back(waiter),
            None => {
                let line = Line::new(request, bound);
                self.lines.push((line, VecDeque::from([waiter])));
            }
        }
        (self.last_id, receiver)
    }

    /// Removes a waiter. `false`: it is no longer here, so something is on its way to it.
    pub(crate) fn leave(&mut self, id: u64) -> bool {
        for (_, waiters) in &mut self.lines {
            if let Some(place) = waiters.iter().position(|waiter| waiter.id == id) {
                waiters.remove(place);
                self.set_len(self.len - 1);
                self.remove_empty_lines();
                return true;
            }
        }
        false
    }

    /// The first waiter of the line whose first waiter came first, among the lines that are not
    /// `done`.
    pub(super) fn head(&self, done: &[bool]) -> Option<Head<'_>> {
        let mut first: Option<(usize, &Line, &Waiter)> = None;
        for (index, (line, waiters)) in self.lines.iter().enumerate() {
            let Some(waiter) = waiters.front().filter(|_| !done[index]) else {
                continue;
            };
            if first.is_none_or(|(_, _, first)| waiter.id < first.id) {
                first = Some((index, line, waiter));
            }
        }
        let (index, line, waiter) = first?;
        Some(Head {
            line: index,
            request: LeaseRequest {
                // It stands in that provider's queue.
                provider: "",
                model: &line.model,
                session: waiter.session.as_ref(),
                owner: line.owner.as_ref(),
                tried: &line.tried,
                is_retry: line.is_retry,
                // Its `wait_until` says what is left.
                waited: Duration::ZERO,
            },
            wait_until: waiter.wait_until,
        })
    }

    /// Which lines there are, none of them `done`.
    pub(super) fn none_done(&self) -> Vec<bool> {
        vec![false; self.lines.len()]
    }

    /// Takes out the first waiter of a line.
    pub(super) fn pop(&mut self, line: usize) -> Option<oneshot::Sender<Delivered>> {
        let waiter = self.lines[line].1.pop_front()?;
        self.set_len(self.len - 1);
        Some(waiter.sender)
    }

    /// Gives bound accounts their new indices after the accounts changed.
    pub(crate) fn reindex(&mut self, new_index: impl Fn(usize) -> Option<usize>) {
        for (line, _) in &mut self.lines {
            line.bound = line.bound.and_then(&new_index);
        }
    }

    pub(super) fn remove_empty_lines(&mut self) {
        self.lines.retain(|(_, waiters)| !waiters.is_empty());
    }
}
