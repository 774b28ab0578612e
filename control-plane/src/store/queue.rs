//! What is to be written. Adding to it never blocks.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;
use tracing::warn;

use super::{ApiKey, Flag, KeyName, StoreError};
use crate::account::{Account, AccountName};

/// How many keys of the pool's state may be pending; one more is dropped and counted.
const STATE_WRITES_MAX: usize = 16_384;
/// How long the pool's state is collected, so that many writes share one transaction.
const BATCH_DELAY: Duration = Duration::from_millis(100);

/// A change by the user. Their number needs no bound: each caller waits for its own.
pub(super) enum Change {
    PutAccount(Box<Account>),
    RemoveAccount(AccountName),
    PutKey(ApiKey),
    RemoveKey(KeyName),
    SetFlag(Flag, bool),
    /// Nothing. The caller waits until the state saved before is written.
    Flush,
}

/// Tells the caller that its change is on the disk.
pub(super) type Completion = oneshot::Sender<Result<(), StoreError>>;

/// Values of the pool's state by kind and key; `None` removes one.
pub(super) type StateWrites = BTreeMap<(&'static str, String), Option<String>>;

/// The latest usage of API keys by their names: at most one of each key that there is.
pub(super) type UsageWrites = BTreeMap<String, String>;

/// What the writer takes at a time.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) changes: VecDeque<(Change, Completion)>,
    pub(super) state: StateWrites,
    pub(super) usage: UsageWrites,
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.state.is_empty() && self.usage.is_empty()
    }
}

#[derive(Default)]
struct Pending {
    batch: Batch,
    dropped: u64,
    is_closed: bool,
}

#[derive(Default)]
pub(super) struct Queue {
    pending: Mutex<Pending>,
    filled: Condvar,
}

impl Queue {
    pub(super) fn save_state(&self, kind: &'static str, key: String, value: Option<String>) {
        let mut pending = self.lock();
        let was_empty = pending.batch.state.is_empty();
        let key = (kind, key);
        let is_full = pending.batch.state.len() >= STATE_WRITES_MAX;
        if pending.is_closed || (is_full && !pending.batch.state.contains_key(&key)) {
            pending.dropped += 1;
            let is_first = pending.dropped == 1 && !pending.is_closed;
            drop(pending);
            if is_first {
                let max = STATE_WRITES_MAX;
                warn!(max, "pool state is dropped: the disk is too slow");
            }
            return;
        }
        pending.batch.state.insert(key, value);
        drop(pending);
        if was_empty {
            self.filled.notify_one();
        }
    }

    /// Saves what is used of a key's limits; a later value replaces it.
    pub(super) fn save_usage(&self, name: String, usage: String) {
        let mut pending = self.lock();
        if pending.is_closed {
            return;
        }
        let was_empty = pending.batch.usage.is_empty();
        pending.batch.usage.insert(name, usage);
        drop(pending);
        if was_empty {
            self.filled.notify_one();
        }
    }

    /// The receiver ends without a value where the queue is closed.
    pub(super) fn change(&self, change: Change) -> oneshot::Receiver<Result<(), StoreError>> {
        let (sender, receiver) = oneshot::channel();
        let mut pending = self.lock();
        if let Change::RemoveAccount(name) = &change {
            pending
                .batch
                .state
                .retain(|(_, key), value| !is_about(name, key, value.as_deref()));
        }
        if let Change::RemoveKey(name) = &change {
            pending.batch.usage.remove(name.as_str());
        }
        if !pending.is_closed {
            pending.batch.changes.push_back((change, sender));
            self.filled.notify_one();
        }
        receiver
    }

    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.filled.notify_one();
    }

    /// Waits for something to write: a change is returned at once, state after it was collected.
    /// `None` once the queue is closed and empty.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut pending = self.lock();
        self.filled.wait_while(&mut pending, |pending| {
            pending.batch.is_empty() && !pending.is_closed
        });
        self.filled.wait_while_for(
            &mut pending,
            |pending| pending.batch.changes.is_empty() && !pending.is_closed,
            BATCH_DELAY,
        );
        let batch = std::mem::take(&mut pending.batch);
        let is_end = pending.is_closed && batch.is_empty();
        (!is_end).then_some(batch)
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock()
    }
}

/// Whether a value is about an account: by its key, or as the account that a conversation is bound
/// to.
fn is_about(name: &AccountName, key: &str, value: Option<&str>) -> bool {
    let is_key = key
        .strip_prefix(name.as_str())
        .is_some_and(|rest| rest.starts_with('\n'));
    is_key || value.is_some_and(|value| value.contains(&format!("\"account\":\"{name}\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_note_takes_the_place_of_an_earlier_one() {
        let queue = Queue::default();
        queue.save_state("rest", "a".to_owned(), Some("1".to_owned()));
        queue.save_state("rest", "a".to_owned(), Some("2".to_owned()));
        let batch = queue.take().unwrap();
        assert_eq!(
            batch.state,
            StateWrites::from([(("rest", "a".to_owned()), Some("2".to_owned()))])
        );
    }

    #[test]
    fn notes_that_are_too_many_are_dropped_and_counted() {
        let queue = Queue::default();
        (0..STATE_WRITES_MAX + 3)
            .for_each(|index| queue.save_state("rest", index.to_string(), None));
        queue.save_state("rest", "0".to_owned(), None);
        assert_eq!(queue.dropped(), 3);
    }

    #[test]
    fn what_waits_at_the_end_is_still_taken() {
        let queue = Queue::default();
        queue.save_state("rest", "a".to_owned(), None);
        queue.close();
        assert!(queue.take().is_some() && queue.take().is_none());
    }
}
