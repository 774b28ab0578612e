//! Where the records of finished requests go.

use std::sync::Arc;

use crate::metrics::Metrics;
use crate::record::{Record, Recorder};
use crate::store::records::RecordStore;

/// Counts each record, and then keeps it.
pub(super) struct Recording {
    pub(super) metrics: Arc<Metrics>,
    pub(super) records: Arc<RecordStore>,
}

impl Recorder for Recording {
    fn record(&self, record: Record) {
        self.metrics.count(&record);
        self.records.record(record);
    }

    fn health_check(&self) {
        self.records.health_check();
    }
}
