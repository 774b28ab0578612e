//! What a person asks of the program and is told by it: settings, records and their sums, the
//! verbs, the command line, the pages, the tray.
//!
//! It is built for size: nothing here is on the way of a request. `src/ARCHITECTURE.md` is the map.

use aerostat_data_plane::{
    account, body_budget, canon, client_keys, gateway, host, json, language, listener, modes,
    ordering, outcome, pool, prices, protocol, provider, record, segmented_bytes, selftest, status,
    suggestion, toml_text, upstream,
};

pub mod accounts;
pub mod cli;
pub mod clients;
pub mod config;
pub mod control;
pub mod dashboard;
#[cfg(feature = "desktop")]
pub mod desktop;
pub mod line_diff;
pub mod metrics;
pub mod store;
#[cfg(feature = "otlp")]
pub mod telemetry;
