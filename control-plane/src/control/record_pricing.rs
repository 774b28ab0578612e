//! What requests cost as they end, for the budgets of keys: by the same prices as statistics.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::cost::cost_of_record;
use crate::client_keys::Pricing;
use crate::config::Live;
use crate::prices::{self, Cost, Prices};
use crate::record::Record;

/// How often the person's own prices are looked at, at most.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

/// Reads the person's own prices; and what is wrong with these, where they are not used.
pub(super) fn read_prices(path: &std::path::Path) -> (Prices, Option<String>) {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            return (
                Prices::default(),
                Some(format!("prices.toml: it cannot be read: {error}")),
            );
        }
    };
    match prices::parse_own(&text) {
        Ok(prices) => (prices, None),
        Err(bad) => (Prices::default(), Some(bad.to_string())),
    }
}

/// Prices records with the configuration and the prices of the moment.
pub(super) struct RecordPricing {
    live: watch::Receiver<Live>,
    file: Arc<PricesFile>,
}

struct PricesFile {
    path: PathBuf,
    /// `None` before the first look.
    prices: ArcSwap<Option<Prices>>,
    /// When the file was looked at, and how old it was then.
    looked: Mutex<(Option<Instant>, Option<SystemTime>)>,
}

impl RecordPricing {
    pub(super) fn new(live: watch::Receiver<Live>, path: PathBuf) -> Self {
        let file = PricesFile {
            path,
            prices: ArcSwap::default(),
            looked: Mutex::new((None, None)),
        };
        Self {
            live,
            file: Arc::new(file),
        }
    }
}

impl Pricing for RecordPricing {
    fn cost(&self, record: &Record) -> Cost {
        let prices = self.file.prices.load();
        let config = self.live.borrow().config.clone();
        match &**prices {
            Some(prices) => cost_of_record(record, &config, prices),
            None => cost_of_record(record, &config, &self.file.read()),
        }
    }

    fn prepare(&self) {
        if self.file.is_due()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let file = self.file.clone();
            // It ends by itself; what it reads is there for the request's end.
            drop(runtime.spawn_blocking(move || file.look()));
        }
    }
}

impl PricesFile {
    fn is_due(&self) -> bool {
        let mut looked = self.looked.lock();
        let now = Instant::now();
        let is_due = looked.0.is_none_or(|at| now - at >= LOOKED_AT_EVERY);
        if is_due {
            looked.0 = Some(now);
        }
        is_due
    }

    /// Reads the file where it has changed.
    fn look(&self) {
        let changed_at = std::fs::metadata(&self.path).and_then(|file| file.modified());
        let changed_at = changed_at.ok();
        let is_known = self.prices.load().is_some() && self.looked.lock().1 == changed_at;
        if !is_known {
            self.read();
            self.looked.lock().1 = changed_at;
        }
    }

    fn read(&self) -> Prices {
        let (prices, problem) = read_prices(&self.path);
        if let Some(problem) = problem {
            tracing::warn!(problem, "your own prices are not used");
        }
        self.prices.store(Arc::new(Some(prices.clone())));
        prices
    }
}
