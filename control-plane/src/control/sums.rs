//! Statistics with the prices, the configuration and the memory of this process.

use std::ops::Range;
use std::time::SystemTime;

use jiff::tz::TimeZone;

use super::service::ControlService;
use super::stats::{By, Question, Statistics, statistics};
use super::wire::ControlError;
use crate::store::records::quarter_of;

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
}
