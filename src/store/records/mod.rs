//! What was served: a record for each request, and sums of them by quarter of an hour, in
//! `records.db`.
//!
//! ```text
//! gateway -> Queue -> one writer thread -> records.db <- readers, each statement for itself
//! ```
//!
//! Traffic never waits for it. A file that is full, read-only or damaged stops the recording and
//! nothing else; what was not recorded is counted. It holds no prompt, no answer and no secret.

mod conversation;
mod counts;
mod days;
mod deletion;
mod detail;
mod failures;
mod list;
mod names;
mod problem;
mod queue;
mod reader;
mod recent_names;
mod retention;
mod rollup;
mod row;
mod schema;
mod served;
mod sums;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::outcome::Timestamp;
use crate::record::{Record, Recorder, Ring};
use queue::Queue;

pub use conversation::{CONVERSATION_MAX, Conversation, Turn};
pub use counts::RecordCounts;
pub use days::{Stretch, local_date, stretches};
pub use deletion::Deletion;
pub use failures::{FailureGroup, Failures};
pub use list::{FilterPart, Page, RequestFilter};
pub use problem::RecordsProblem;
pub use reader::RecordReader;
pub use recent_names::RecentNames;
pub use retention::Retention;
pub use rollup::{FIRST_BYTE_BOUNDS_US, Rates, Sums, quarter_of, sums_of};
pub use row::RequestRow;
pub use served::Served;
pub use sums::{Dimension, DimensionValue, FirstBytes, RollupSpan};

/// How the records stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsStatus {
    /// Whether the configuration asks for records.
    pub is_enabled: bool,
    /// Why nothing is recorded, where it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<RecordsProblem>,
    /// How many requests since the start have no record.
    #[serde(default)]
    pub not_recorded: u64,
    /// The file with its journal, and how large both may become.
    pub bytes: u64,
    pub bytes_max: u64,
    /// When the oldest request arrived that has a record.
    #[serde(default, with = "crate::status::timestamp::option")]
    pub oldest: Option<Timestamp>,
}

/// Writes records, and keeps the latest in memory.
pub struct RecordStore {
    shared: Arc<Shared>,
    ring: Arc<Ring>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

struct Shared {
    queue: Queue,
    retention: Mutex<Retention>,
    state: Mutex<RecordsStatus>,
    /// How many of the dropped records are noted in the file.
    noted: AtomicU64,
    is_enabled: AtomicBool,
    /// The number of the latest record that was written.
    written: watch::Sender<i64>,
}

impl RecordStore {
    /// Begins to record into the file at `path`, which the writer opens. The latest records are in
    /// `ring` as well.
    ///
    /// # Errors
    /// When there can be no further thread.
    pub fn start(path: PathBuf, retention: Retention, ring: Arc<Ring>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Queue::default(),
            retention: Mutex::new(retention),
            state: Mutex::default(),
            noted: AtomicU64::new(0),
            is_enabled: AtomicBool::new(true),
            written: watch::Sender::new(0),
        });
        let writer = writer::start(path, shared.clone())?;
        Ok(Self {
            shared,
            ring,
            writer: Mutex::new(Some(writer)),
        })
    }

    pub fn status(&self) -> RecordsStatus {
        let state = self.shared.state.lock().clone();
        RecordsStatus {
            is_enabled: self.shared.is_enabled.load(Ordering::Relaxed),
            not_recorded: self.shared.queue.dropped(),
            bytes_max: self.shared.retention().bytes_max,
            ..state
        }
    }

    /// Keeps records by other limits from now on.
    pub fn set_retention(&self, retention: Retention) {
        *self.shared.retention.lock() = retention;
    }

    /// Whether requests are recorded in the file; the latest are in memory either way.
    pub fn set_enabled(&self, is_enabled: bool) {
        self.shared.is_enabled.store(is_enabled, Ordering::Relaxed);
    }

    /// Keeps a record that is bound already.
    pub fn keep(&self, record: Arc<Record>) {
        if self.shared.is_enabled.load(Ordering::Relaxed) {
            self.shared.queue.push(record.clone());
        }
        self.ring.push(record);
    }

    /// The number of the latest record that was written; it changes with each batch.
    pub fn written(&self) -> watch::Receiver<i64> {
        self.shared.written.subscribe()
    }

    /// Waits until what was recorded before is written, or dropped.
    ///
    /// Cancel safe.
    pub async fn flush(&self) {
        // A queue that is closed answers nothing, and has nothing more to write.
        let _ = self.shared.queue.flush().await;
    }

    /// Deletes records, after those that were recorded before are written, and returns how many.
    ///
    /// # Errors
    /// When the file cannot be written, or the store is closed.
    pub async fn delete(&self, deletion: Deletion) -> Result<u64, RecordsProblem> {
        let deleted = self.shared.queue.delete(deletion).await;
        deleted.unwrap_or_else(|_| {
            Err(RecordsProblem::Unusable {
                why: "the agent ends".to_owned(),
            })
        })
    }

    /// Writes what waits, and closes the file.
    pub fn close(&self) {
        self.shared.queue.close();
        let writer = self.writer.lock().take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("the writer of the records broke");
        }
    }
}

impl Recorder for RecordStore {
    fn record(&self, mut record: Record) {
        record.bound();
        self.keep(Arc::new(record));
    }

    fn health_check(&self) {
        self.shared.queue.count_health_check();
    }
}

impl Drop for RecordStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn retention(&self) -> Retention {
        *self.retention.lock()
    }

    fn problem(&self) -> Option<RecordsProblem> {
        self.state.lock().problem.clone()
    }

    fn set_problem(&self, problem: Option<RecordsProblem>) {
        self.state.lock().problem = problem;
    }

    fn set_size(&self, bytes: u64, oldest_us: Option<i64>) {
        let mut state = self.state.lock();
        state.bytes = bytes;
        state.oldest = oldest_us.map(row::at);
    }

    fn noted(&self) -> u64 {
        self.noted.load(Ordering::Relaxed)
    }

    fn note(&self, dropped: u64) {
        self.noted.fetch_add(dropped, Ordering::Relaxed);
    }

    fn publish(&self, seq: i64) {
        self.written.send_replace(seq);
    }
}
