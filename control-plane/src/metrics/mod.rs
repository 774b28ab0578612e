//! Counters since the start and gauges of the moment, as text that Prometheus and others read.
//!
//! ```text
//! finished record -> Metrics (counters) --+
//! Now, read when it is asked for ---------+-> OpenMetrics text -> /metrics on a port of its own
//! ```
//!
//! The counters are fed from finished records, never by a request on its way, and are gone with the
//! process. No label is what a client asked for, and none is an account's name.

mod counters;
mod exposition;
mod openmetrics;
mod page;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use parking_lot::Mutex;

use crate::record::Record;
use counters::Counters;

pub use page::{MetricsPage, ReadNow, limits};

/// What is counted since the start.
#[derive(Default)]
pub struct Metrics(Mutex<Counters>);

impl Metrics {
    /// Counts a finished request.
    pub fn count(&self, record: &Record) {
        self.0.lock().count(record);
    }

    /// All metrics as text.
    pub fn text(&self, now: &Now) -> String {
        // Copied, so that no request that ends waits for the text.
        let counters = self.0.lock().clone();
        exposition::write(&counters, now)
    }
}

/// What is not counted but read at the moment when it is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Requests that have an account.
    pub in_flight: u64,
    /// How many accounts stand how, by provider and the status' word.
    pub accounts: BTreeMap<(String, &'static str), u64>,
    /// Requests since the start that a limit of their key refused, by the limit's word. The words
    /// are ours, and few.
    pub client_limits: Vec<(&'static str, u64)>,
    /// Requests since the start that have no record.
    pub records_dropped: u64,
    /// Spans since the start that were not delivered. `None` in a program without traces.
    pub spans_dropped: Option<u64>,
    /// The file of the records with its journal. `None` where it is not known.
    pub store_bytes: Option<u64>,
}
