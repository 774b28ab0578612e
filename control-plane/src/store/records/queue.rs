//! Records that wait to be written. Adding to it never blocks.

use std::collections::VecDeque;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;
use tracing::warn;

use super::deletion::{Deletion, Wanted};
use super::problem::RecordsProblem;
use crate::record::Record;
use crate::record::bodies::RawBodies;

/// How many records may wait; one more is dropped and counted.
const WAITING_MAX: usize = 8_192;
/// How many are written in one transaction.
const BATCH_MAX: usize = 500;
/// How long records are collected, so that many share one transaction.
const BATCH_DELAY: Duration = Duration::from_millis(250);
/// How many deletions may wait.
const DELETIONS_MAX: usize = 16;
/// How many readers may wait for rows.
const UNPACKINGS_MAX: usize = 64;

/// A record, with the request's bodies where they are kept.
pub(super) struct Entry {
    pub(super) record: Arc<Record>,
    pub(super) bodies: Option<Box<RawBodies>>,
}

/// What the writer takes at a time; empty where nothing came for a while.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) records: Vec<Entry>,
    /// Whether all bodies that were written before are deleted.
    pub(super) deletes_bodies: bool,
    pub(super) health_checks: u64,
    /// Those that wait for all of this batch to be written.
    pub(super) flushes: Vec<oneshot::Sender<()>>,
    pub(super) deletions: Vec<Wanted>,
    pub(super) unpackings: Vec<Unpacking>,
    /// Whether a caller waits for this batch, or for one behind it.
    pub(super) is_waited_for: bool,
}

/// Segments that a reader wants as rows, by their first numbers.
pub(super) struct Unpacking {
    pub(super) segments: Vec<i64>,
    /// Dropped where they stay as they are.
    pub(super) done: mpsc::SyncSender<()>,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<Entry>,
    deletes_bodies: bool,
    health_checks: u64,
    flushes: Vec<oneshot::Sender<()>>,
    deletions: Vec<Wanted>,
    unpackings: Vec<Unpacking>,
    /// Records that were not written, for any reason.
    dropped: u64,
    is_closed: bool,
}

impl Waiting {
    fn is_urgent(&self) -> bool {
        self.is_closed
            || !self.flushes.is_empty()
            || !self.deletions.is_empty()
            || !self.unpackings.is_empty()
            || self.records.len() >= BATCH_MAX
    }
}

#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

impl Queue {
    pub(super) fn push(&self, entry: Entry) {
        let mut waiting = self.waiting.lock();
        if waiting.is_closed || waiting.records.len() >= WAITING_MAX {
            waiting.dropped += 1;
            let is_first = waiting.dropped == 1 && !waiting.is_closed;
            drop(waiting);
            if is_first {
                warn!(
                    max = WAITING_MAX,
                    "records are dropped: the disk is too slow"
                );
            }
            return;
        }
        waiting.records.push_back(entry);
        // The writer waits for the first one, then for a batch of them.
        let wakes = matches!(waiting.records.len(), 1 | BATCH_MAX);
        drop(waiting);
        if wakes {
            self.filled.notify_one();
        }
    }

    /// Deletes all bodies, also those that wait; resolves as [`Queue::flush`] does.
    pub(super) fn delete_bodies(&self) -> tokio::sync::oneshot::Receiver<()> {
        let mut waiting = self.waiting.lock();
        waiting.deletes_bodies = true;
        for entry in &mut waiting.records {
            entry.bodies = None;
        }
        drop(waiting);
        self.flush()
    }

    pub(super) fn count_health_check(&self) {
        self.waiting.lock().health_checks += 1;
    }

    /// Resolves once what was pushed before is written or dropped; also where the queue is closed.
    pub(super) fn flush(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if !waiting.is_closed {
            waiting.flushes.push(sender);
            drop(waiting);
            self.filled.notify_one();
        }
        receiver
    }

    /// Asks for a deletion, which comes after what was pushed before. The answer is an error where
    /// the queue is closed, or too many wait.
    pub(super) fn delete(
        &self,
        deletion: Deletion,
    ) -> oneshot::Receiver<Result<u64, RecordsProblem>> {
        let (done, receiver) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if !waiting.is_closed && waiting.deletions.len() < DELETIONS_MAX {
            waiting.deletions.push(Wanted::new(deletion, done));
            drop(waiting);
            self.filled.notify_one();
        }
        receiver
    }

    /// Has rows made of segments, and waits for it. At once where the queue is closed, or too many
    /// wait. Returns whether it was done.
    pub(super) fn unpack(&self, segments: Vec<i64>) -> bool {
        let (done, receiver) = mpsc::sync_channel(1);
        let mut waiting = self.waiting.lock();
        if waiting.is_closed || waiting.unpackings.len() >= UNPACKINGS_MAX {
            return false;
        }
        waiting.unpackings.push(Unpacking { segments, done });
        drop(waiting);
        self.filled.notify_one();
        receiver.recv().is_ok()
    }

    /// Counts records of a batch that could not be written.
    pub(super) fn drop_batch(&self, records: usize) {
        self.waiting.lock().dropped += records as u64;
    }

    pub(super) fn dropped(&self) -> u64 {
        self.waiting.lock().dropped
    }

    pub(super) fn close(&self) {
        self.waiting.lock().is_closed = true;
        self.filled.notify_one();
    }

    /// Waits for records, at most `wait`, and then a moment for more; not at all where `wait` is
    /// `None`, since the writer has something else to do. `None` once the queue is closed and empty.
    pub(super) fn take(&self, wait: Option<Duration>) -> Option<Batch> {
        let mut waiting = self.waiting.lock();
        if let Some(wait) = wait {
            self.wait(&mut waiting, wait);
        }
        let taken = waiting.records.len().min(BATCH_MAX);
        let records: Vec<_> = waiting.records.drain(..taken).collect();
        let is_all = waiting.records.is_empty();
        let is_end = waiting.is_closed && records.is_empty();
        let is_waited_for = !waiting.flushes.is_empty()
            || !waiting.deletions.is_empty()
            || !waiting.unpackings.is_empty();
        let batch = Batch {
            records,
            is_waited_for,
            unpackings: std::mem::take(&mut waiting.unpackings),
            deletes_bodies: std::mem::take(&mut waiting.deletes_bodies),
            health_checks: std::mem::take(&mut waiting.health_checks),
            flushes: if is_all {
                std::mem::take(&mut waiting.flushes)
            } else {
                Vec::new()
            },
            deletions: if is_all {
                std::mem::take(&mut waiting.deletions)
            } else {
                Vec::new()
            },
        };
        (!is_end).then_some(batch)
    }

    fn wait(&self, waiting: &mut MutexGuard<'_, Waiting>, wait: Duration) {
        let has_none = |waiting: &mut Waiting| waiting.records.is_empty() && !waiting.is_urgent();
        self.filled.wait_while_for(waiting, has_none, wait);
        if !waiting.records.is_empty() {
            let is_early = |waiting: &mut Waiting| !waiting.is_urgent();
            self.filled.wait_while_for(waiting, is_early, BATCH_DELAY);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Timestamp;
    use crate::protocol::openai_chat;

    fn record() -> Entry {
        let at = Timestamp::UNIX_EPOCH;
        Entry {
            record: Arc::new(Record::opened("1".to_owned(), at, openai_chat::DIALECT)),
            bodies: None,
        }
    }

    #[test]
    fn what_is_too_much_is_dropped_and_counted() {
        let queue = Queue::default();
        (0..WAITING_MAX + 3).for_each(|_| queue.push(record()));
        assert_eq!(queue.dropped(), 3);
        assert_eq!(
            queue.take(Some(Duration::ZERO)).unwrap().records.len(),
            BATCH_MAX
        );
    }

    #[test]
    fn what_waits_at_the_end_is_still_taken() {
        let queue = Queue::default();
        queue.push(record());
        queue.close();
        assert_eq!(queue.take(Some(Duration::ZERO)).unwrap().records.len(), 1);
        assert!(queue.take(Some(Duration::ZERO)).is_none());
        queue.push(record());
        assert_eq!(queue.dropped(), 1);
    }
}
