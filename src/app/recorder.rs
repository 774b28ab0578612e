//! Records on their way to the log: a bounded channel to one thread, so that no request waits for a
//! disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::time::Duration;

use crate::record::{Record, Recorder, Ring};

/// Records that may wait; one more is dropped and counted.
const WAITING_MAX: usize = 4_096;

/// How long the writer rests after it was woken, so that it is woken for many records at once:
/// waking a thread costs more than the rest of a small request.
const REST: Duration = Duration::from_millis(20);

/// Keeps records for `explain`, and writes them to the log where somebody reads them there.
pub(super) struct Log {
    ring: Arc<Ring>,
    /// Boxed: the channel makes all its places at once, which would be 1.8 MB of memory before the
    /// first request.
    sender: SyncSender<Box<Record>>,
    dropped: AtomicU64,
}

impl Log {
    pub(super) fn start(ring: Arc<Ring>) -> Self {
        let (sender, receiver) = mpsc::sync_channel(WAITING_MAX);
        // Ends when the sender is dropped; without the thread records are only counted as dropped.
        let _ = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || write_all(&receiver));
        Self {
            ring,
            sender,
            dropped: AtomicU64::new(0),
        }
    }
}

impl Recorder for Log {
    fn record(&self, record: Record) {
        if tracing::enabled!(tracing::Level::DEBUG)
            && self.sender.try_send(Box::new(record.clone())).is_err()
        {
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            tracing::debug!(dropped, "record dropped");
        }
        self.ring.push(record);
    }
}

fn write_all(records: &Receiver<Box<Record>>) {
    while let Ok(record) = records.recv() {
        std::thread::sleep(REST);
        write(&record);
        records.try_iter().for_each(|record| write(&record));
    }
}

fn write(record: &Record) {
    for attempt in &record.attempts {
        let (provider, outcome) = (&*attempt.provider, attempt.outcome.name());
        let account = attempt.account.as_str();
        tracing::debug!(request_id = record.request_id, provider, account, outcome, took = ?attempt.took, "attempt");
    }
    tracing::debug!(
        request_id = record.request_id,
        dialect = record.dialect.name(),
        operation = record.operation.name(),
        model = %record.model.escape_debug(),
        status = record.status,
        attempts = record.attempts.len(),
        input_tokens = record.usage.input,
        output_tokens = record.usage.output,
        losses = record.losses.len(),
        took = ?record.took,
        fault = record.fault.as_deref().map(|fault| fault.escape_debug().to_string()),
        "request"
    );
}
