//! Statistics with the prices, the configuration and the memory of this process.

use std::ops::Range;
use std::time::SystemTime;

use jiff::tz::TimeZone;

use super::service::ControlService;
use super::stats::{By, Question, Statistics, statistics};
use super::wire::ControlError;
use crate::store::records::{RecordReader, quarter_of};

impl ControlService {
    /// Statistics of a range of quarters, of the requests that have the names of `only`.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub(super) async fn statistics(
        &self,
        by: Vec<By>,
        only: Vec<(By, String)>,
        quarters: Range<i64>,
        zone: TimeZone,
    ) -> Result<Statistics, ControlError> {
        let (prices, prices_problem) = self.prices();
        let (config, memory) = (self.config(), self.day_memory.clone());
        let now = quarter_of(SystemTime::now());
        let told = self
            .read_records(move |reader| {
                let question = Question {
                    by,
                    only,
                    quarters,
                    zone,
                    config,
                    prices: &prices,
                    memory: memory.map(|memory| (now, memory)),
                };
                statistics(reader, &question)
            })
            .await?;
        Ok(Statistics {
            prices_problem,
            ..told
        })
    }

    /// Reads in the background what is asked first once pages are looked at, where an agent
    /// remembers it: a month by each name, and a year. Nothing waits for it, and it has a connection
    /// of its own, which goes with its cache.
    pub(crate) fn read_statistics_ahead(&self, zone: TimeZone) {
        let Some(memory) = self
            .day_memory
            .clone()
            .filter(|memory| memory.begins_ahead())
        else {
            return;
        };
        let (config, file) = (self.config(), self.home.records_file());
        let (prices, _) = self.prices();
        tokio::task::spawn_blocking(move || {
            let reader = RecordReader::new(file);
            let now = quarter_of(SystemTime::now());
            for (by, days) in ASKED_FIRST {
                let question = Question {
                    by: [By::Day].into_iter().chain(by).collect(),
                    only: Vec::new(),
                    // A day more, so that the first one is whole.
                    quarters: now - (days + 1) * QUARTERS_OF_DAY..now,
                    zone: zone.clone(),
                    config: config.clone(),
                    prices: &prices,
                    memory: Some((now, memory.clone())),
                };
                // Who asks for it is told why it cannot be read.
                if memory.is_closed() || statistics(&reader, &question).is_err() {
                    return;
                }
            }
        });
    }
}

const QUARTERS_OF_DAY: i64 = 96;
/// What pages ask for first, of so many days, in the order of its use.
const ASKED_FIRST: [(Option<By>, i64); 6] = [
    (Some(By::Model), 30),
    (None, 366),
    (Some(By::Account), 30),
    (Some(By::Client), 30),
    (Some(By::Provider), 30),
    (Some(By::Key), 30),
];
