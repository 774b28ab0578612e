//! What was served: a record for each request, and sums of them by quarter of an hour, in
//! `records.db`.
//!
//! ```text
//! gateway -> Queue -> one writer thread -> records.db <- readers, each statement for itself
//!                     |- few records: a row each
//!                     `- a burst: a segment of many, which becomes rows once a reader asks, or later
//! ```
//!
//! Traffic never waits for it. A file that is full, read-only or damaged stops the recording and
//! nothing else; what was not recorded is counted. It holds no secret, and no prompt and no answer but
//! where a person asked for bodies.

mod bodies;
mod conversation;
mod counts;
mod days;
mod deletion;
mod detail;
mod failures;
mod health;
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
mod segments;
mod served;
mod sums;
#[cfg(test)]
mod tests;
mod touches;
mod writer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::account::Secret;
use crate::modes::BodyMode;
use crate::outcome::Timestamp;
use crate::record::bodies::{BodyCollector, BodySettings, BodySwitch, RawBodies};
use crate::record::{Record, Recorder, Ring};
use queue::{Entry, Queue};

pub use conversation::Conversation;
pub use counts::RecordCounts;
pub use days::{Stretch, local_date, stretches};
pub use deletion::Deletion;
pub use failures::FailureGroup;
pub use list::{FilterPart, Page, RequestFilter};
pub use problem::RecordsProblem;
pub use reader::RecordReader;
pub use recent_names::RecentNames;
pub use retention::Retention;
pub use rollup::{FIRST_BYTE_BOUNDS_US, Rates, Sums, quarter_of, sums_of};
pub use row::RequestRow;
pub use served::Served;
pub use sums::{Dimension, DimensionValue, FirstBytes, RollupSpan};
pub use touches::Touches;

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
    /// Whether bodies are kept, why and until when.
    #[serde(default)]
    pub bodies: BodiesFacts,
}

/// Whether bodies are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodiesFacts {
    /// What holds now.
    pub mode: BodyMode,
    /// What the configuration says.
    pub configured: BodyMode,
    /// Whether a person asked for what holds now, in place of the configuration.
    pub is_asked_for: bool,
    #[serde(default, with = "crate::status::timestamp::option")]
    pub until: Option<Timestamp>,
    /// After how many failures it ends, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures_left: Option<u32>,
    /// How much of a body is kept.
    pub body_bytes_max: u64,
    pub keep_days: u64,
}

impl Default for BodiesFacts {
    fn default() -> Self {
        let none = BodySwitch::default();
        Self::of(&none, Retention::default().bodies, Timestamp::UNIX_EPOCH)
    }
}

impl BodiesFacts {
    pub fn of(switch: &BodySwitch, kept: Duration, now: Timestamp) -> Self {
        const DAY: u64 = 24 * 60 * 60;
        let status = switch.status(now);
        let asked = status.asked.as_ref();
        Self {
            mode: status.mode,
            configured: status.configured.mode,
            is_asked_for: asked.is_some(),
            until: asked.and_then(|asked| asked.until),
            failures_left: asked.and_then(|asked| asked.failures_left),
            body_bytes_max: status.configured.bytes_max as u64,
            keep_days: kept.as_secs() / DAY,
        }
    }
}

/// Lists the secrets that must not be stored.
type KnownSecrets = Box<dyn Fn() -> Vec<Secret> + Send + Sync>;

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
    bodies: BodySwitch,
    known_secrets: OnceLock<KnownSecrets>,
    /// The number of the latest record that was written.
    written: watch::Sender<i64>,
    touches: Arc<Touches>,
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
            bodies: BodySwitch::default(),
            known_secrets: OnceLock::new(),
            written: watch::Sender::new(0),
            touches: Arc::default(),
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
        let retention = self.shared.retention();
        RecordsStatus {
            bodies: BodiesFacts::of(&self.shared.bodies, retention.bodies, Timestamp::now()),
            is_enabled: self.shared.is_enabled.load(Ordering::Relaxed),
            not_recorded: self.shared.queue.dropped(),
            bytes_max: retention.bytes_max,
            ..state
        }
    }

    /// Keeps bodies as configured, where no person asked for something else.
    pub fn configure_bodies(&self, settings: BodySettings) {
        self.shared.bodies.configure(settings);
    }

    /// Keeps records by other limits from now on.
    pub fn set_retention(&self, retention: Retention) {
        *self.shared.retention.lock() = retention;
    }

    /// Whether requests are recorded in the file; the latest are in memory either way.
    pub fn set_enabled(&self, is_enabled: bool) {
        self.shared.is_enabled.store(is_enabled, Ordering::Relaxed);
    }

    /// Keeps a record that is bound already, with the request's bodies where they are wanted.
    pub fn keep(&self, record: Arc<Record>, bodies: Option<RawBodies>) {
        if self.shared.is_enabled.load(Ordering::Relaxed) {
            let bodies =
                bodies.filter(|_| !record.ending.is_failure() || self.bodies().count_failure());
            self.shared.queue.push(Entry {
                record: record.clone(),
                bodies: bodies.map(Box::new),
            });
        }
        self.ring.push(record);
    }

    /// Registers what lists the secrets that must not be stored. Until then no bodies are; later
    /// calls are ignored.
    pub fn set_known_secrets(&self, list: impl Fn() -> Vec<Secret> + Send + Sync + 'static) {
        drop(self.shared.known_secrets.set(Box::new(list)));
    }

    /// Whether bodies are kept.
    pub fn bodies(&self) -> &BodySwitch {
        &self.shared.bodies
    }

    /// Deletes all bodies. Records and sums stay.
    ///
    /// Cancel safe.
    pub async fn delete_bodies(&self) {
        let _ = self.shared.queue.delete_bodies().await;
    }

    /// The number of the latest record that was written; it changes with each batch.
    pub fn written(&self) -> watch::Receiver<i64> {
        self.shared.written.subscribe()
    }

    /// Which sums change as records are written.
    pub fn touches(&self) -> Arc<Touches> {
        self.shared.touches.clone()
    }

    /// Waits until what was recorded before is written, or dropped.
    ///
    /// Cancel safe.
    pub async fn flush(&self) {
        // A queue that is closed answers nothing, and has nothing more to write.
        let _ = self.shared.queue.flush().await;
    }

    /// Has rows made of segments, and waits for it. Returns whether that was done.
    fn unpack(&self, segments: Vec<i64>) -> bool {
        self.shared.queue.unpack(segments)
    }

    /// Deletes records, after those that were recorded before are written, and returns how many.
    ///
    /// # Errors
    /// When the file cannot be written, or the store is closed.
    pub async fn delete(&self, deletion: Deletion) -> Result<u64, RecordsProblem> {
        let deleted = self.shared.queue.delete(deletion).await;
        deleted.unwrap_or_else(|_| {
            Err(RecordsProblem::Unusable {
                why: problem::Lost::Closed.into(),
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
        self.keep(Arc::new(record), None);
    }

    fn record_with_bodies(&self, mut record: Record, bodies: RawBodies) {
        record.bound();
        self.keep(Arc::new(record), Some(bodies));
    }

    fn collect_bodies(&self, arrived: Instant) -> Option<Box<BodyCollector>> {
        let bodies = self.shared.bodies.collect(arrived);
        bodies.filter(|_| self.shared.is_enabled.load(Ordering::Relaxed))
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
