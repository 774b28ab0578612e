//! What waits to be written. Nobody waits to put something in.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;

use super::{ApiKey, Flag, KeyName, StoreError};
use crate::account::{Account, AccountName};

/// Notes of different keys that may wait; one more is dropped and counted.
const NOTES_MAX: usize = 16_384;
/// How long notes are gathered, so that many go into one transaction.
const GATHER: Duration = Duration::from_millis(100);

/// What a person changed. Its number is bounded by itself: each is waited for.
pub(super) enum Change {
    PutAccount(Box<Account>),
    RemoveAccount(AccountName),
    PutKey(ApiKey),
    RemoveKey(KeyName),
    SetFlag(Flag, bool),
    /// Nothing: who asks waits for the notes before it.
    Noted,
}

/// Who waits for a change to be on the disk.
pub(super) type Waiting = oneshot::Sender<Result<(), StoreError>>;

/// By a note's kind and key, its value; `None` forgets it.
pub(super) type Notes = BTreeMap<(&'static str, String), Option<String>>;

/// What the writer takes at once.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) changes: VecDeque<(Change, Waiting)>,
    pub(super) notes: Notes,
}

#[derive(Default)]
struct Waits {
    batch: Batch,
    dropped: u64,
    is_closed: bool,
}

#[derive(Default)]
pub(super) struct Queue {
    waits: Mutex<Waits>,
    filled: Condvar,
}

impl Queue {
    pub(super) fn note(&self, kind: &'static str, key: String, value: Option<String>) {
        let mut waits = self.lock();
        let was_empty = waits.batch.notes.is_empty();
        let key = (kind, key);
        if waits.is_closed
            || (waits.batch.notes.len() >= NOTES_MAX && !waits.batch.notes.contains_key(&key))
        {
            waits.dropped += 1;
            return;
        }
        waits.batch.notes.insert(key, value);
        drop(waits);
        if was_empty {
            self.filled.notify_one();
        }
    }

    /// Ends without a value where the queue is closed.
    pub(super) fn change(&self, change: Change) -> oneshot::Receiver<Result<(), StoreError>> {
        let (sender, receiver) = oneshot::channel();
        let mut waits = self.lock();
        if let Change::RemoveAccount(name) = &change {
            waits
                .batch
                .notes
                .retain(|(_, key), value| !is_about(name, key, value.as_deref()));
        }
        if !waits.is_closed {
            waits.batch.changes.push_back((change, sender));
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

    /// Waits for something to write: a change at once, notes after they were gathered. `None` at
    /// the end.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut waits = self.lock();
        self.filled.wait_while(&mut waits, |waits| {
            waits.batch.changes.is_empty() && waits.batch.notes.is_empty() && !waits.is_closed
        });
        self.filled.wait_while_for(
            &mut waits,
            |waits| waits.batch.changes.is_empty() && !waits.is_closed,
            GATHER,
        );
        let batch = std::mem::take(&mut waits.batch);
        let is_end = waits.is_closed && batch.changes.is_empty() && batch.notes.is_empty();
        (!is_end).then_some(batch)
    }

    fn lock(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock()
    }
}

/// Whether a note speaks of an account: in its key, or in its value as a conversation's account.
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
        queue.note("rest", "a".to_owned(), Some("1".to_owned()));
        queue.note("rest", "a".to_owned(), Some("2".to_owned()));
        let batch = queue.take().unwrap();
        assert_eq!(
            batch.notes,
            Notes::from([(("rest", "a".to_owned()), Some("2".to_owned()))])
        );
    }

    #[test]
    fn notes_that_are_too_many_are_dropped_and_counted() {
        let queue = Queue::default();
        (0..NOTES_MAX + 3).for_each(|index| queue.note("rest", index.to_string(), None));
        queue.note("rest", "0".to_owned(), None);
        assert_eq!(queue.dropped(), 3);
    }

    #[test]
    fn what_waits_at_the_end_is_still_taken() {
        let queue = Queue::default();
        queue.note("rest", "a".to_owned(), None);
        queue.close();
        assert!(queue.take().is_some() && queue.take().is_none());
    }
}
