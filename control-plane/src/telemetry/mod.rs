//! Traces of finished requests for OpenTelemetry, sent over OTLP as JSON.
//!
//! ```text
//! finished record -> bounded queue -> one task: spans -> JSON -> collector
//! ```
//!
//! Only with the cargo feature `otlp`. It never sees a message, a key or an account's name, and no
//! request waits for it: what finds the queue full, or the collector away for too long, is dropped
//! and counted.

mod collector;
mod exporter;
mod names;
mod otlp_json;
mod span;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::record::Record;

pub use collector::Collector;

/// How many records may wait.
const WAITING_MAX: usize = 2_048;

/// Tells the host of a provider. `None` where it is not known.
pub type FindHost = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Takes finished requests, and sends them as spans where there is a collector.
pub struct Traces {
    /// `None` where the configuration names none.
    collector: ArcSwapOption<Collector>,
    queue: mpsc::Sender<Arc<Record>>,
    /// Taken by the task that sends.
    waiting: Mutex<Option<mpsc::Receiver<Arc<Record>>>>,
    /// Spans that were not delivered.
    dropped: AtomicU64,
    closing: CancellationToken,
    find_host: FindHost,
}

impl Traces {
    pub fn new(find_host: FindHost) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        Self {
            collector: ArcSwapOption::empty(),
            queue,
            waiting: Mutex::new(Some(waiting)),
            dropped: AtomicU64::new(0),
            closing: CancellationToken::new(),
            find_host,
        }
    }

    /// Sends later requests there.
    pub fn set_collector(&self, collector: Option<Collector>) {
        self.collector.store(collector.map(Arc::new));
    }

    /// Takes a finished request, unless its client's own trace is not sampled.
    pub fn push(&self, record: &Arc<Record>) {
        let is_sampled = record.trace_parent.is_none_or(|parent| parent.is_sampled);
        if !is_sampled || self.collector.load().is_none() {
            return;
        }
        if self.queue.try_send(record.clone()).is_err() {
            self.drop_spans(span::count(record));
        }
    }

    /// How many spans since the start were not delivered.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Has what waits sent once more, and the task end.
    pub fn close(&self) {
        self.closing.cancel();
    }

    fn drop_spans(&self, spans: u64) {
        self.dropped.fetch_add(spans, Ordering::Relaxed);
    }
}
