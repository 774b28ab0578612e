//! The log: lines on standard error, of which the last are kept in memory.

use std::io::{self, IsTerminal as _};

use tracing::warn;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::host::recent_log::KeptStderr;

/// The filter where `AEROSTAT_LOG` is not set.
const DEFAULT_FILTER: &str = "aerostat=info,warn";

/// Starts the log. `AEROSTAT_LOG` says how much is written, as in `debug` or `aerostat=debug,warn`.
pub(super) fn start() {
    let filter = std::env::var("AEROSTAT_LOG").unwrap_or_else(|_| DEFAULT_FILTER.to_owned());
    let (filter, problem) = match filter.parse::<Targets>() {
        Ok(filter) => (filter, None),
        Err(error) => (default_filter(), Some(error.to_string())),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_ansi(io::stderr().is_terminal())
        .with_writer(|| KeptStderr)
        // They are reported by `eprintln!`, which panics where the terminal is gone.
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .init();
    if let Some(problem) = problem {
        warn!(
            problem,
            "AEROSTAT_LOG is not understood and counts as unset"
        );
    }
}

fn default_filter() -> Targets {
    DEFAULT_FILTER
        .parse()
        .expect("the default filter is well-formed")
}
