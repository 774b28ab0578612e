//! The latest records, in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Record, Recorder};

/// The latest records, in memory.
pub struct Ring {
    records: Mutex<VecDeque<Arc<Record>>>,
    records_max: usize,
    pushed: Notify,
}

impl Ring {
    /// Holds at most `records_max`; the oldest makes room.
    pub fn new(records_max: usize) -> Self {
        Self {
            records: Mutex::new(VecDeque::new()),
            records_max,
            pushed: Notify::new(),
        }
    }

    pub fn push(&self, record: Arc<Record>) {
        let mut records = self.records.lock();
        let oldest = if records.len() >= self.records_max {
            records.pop_front()
        } else {
            None
        };
        records.push_back(record);
        drop(records);
        // Outside the lock: freeing a record takes longer than the push.
        drop(oldest);
        self.pushed.notify_one();
    }

    /// Waits for the next push; returns at once if there was one since the last call. For one
    /// listener.
    ///
    /// Cancel safe.
    pub async fn pushed(&self) {
        self.pushed.notified().await;
    }

    /// The record of a request. `None` where it is not known, or no longer.
    pub fn find(&self, request_id: &str) -> Option<Arc<Record>> {
        let records = self.records.lock();
        let found = records
            .iter()
            .rev()
            .find(|record| record.request_id == request_id);
        found.cloned()
    }

    /// The latest records that `is_meant` takes, the latest first, at most `records_max`.
    pub fn latest(
        &self,
        records_max: usize,
        is_meant: impl Fn(&Record) -> bool,
    ) -> Vec<Arc<Record>> {
        let records = self.records.lock();
        let latest = records.iter().rev().filter(|record| is_meant(record));
        latest.take(records_max).cloned().collect()
    }
}

/// Keeps the record for `explain`; its log event comes from the gateway.
impl Recorder for Ring {
    fn record(&self, mut record: Record) {
        record.bound();
        self.push(Arc::new(record));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Timestamp;
    use crate::protocol::openai_chat;

    #[test]
    fn only_the_latest_are_remembered() {
        let ring = Ring::new(1);
        for id in ["r1", "r2"] {
            let at = Timestamp::UNIX_EPOCH;
            ring.record(Record::opened(id.to_owned(), at, openai_chat::DIALECT));
        }
        assert!(ring.find("r1").is_none() && ring.find("r2").is_some());
        assert_eq!(ring.latest(5, |_| true).len(), 1);
    }
}
