//! Today in one line, and the last 24 hours in quarters of an hour: what tray, dashboard and command
//! line share.

use std::time::SystemTime;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::period;
use super::service::ControlService;
use super::stats::{By, StatisticsRow};
use super::wire::ControlError;
use crate::outcome::Timestamp;
use crate::status::timestamp;
use crate::store::records::quarter_of;

/// The quarters of the timeline.
const QUARTERS: i64 = 96;

/// Today, and the last 24 hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Today {
    /// Since local midnight.
    pub totals: Totals,
    /// Quarters of an hour, the oldest first; those without requests among them. The last one is not
    /// over.
    pub timeline: Vec<TimelineBar>,
}

/// What was since local midnight.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    #[serde(with = "timestamp")]
    pub since: Timestamp,
    /// By which midnight is meant.
    pub zone: String,
    #[serde(flatten)]
    pub sums: StatisticsRow,
    /// Read from caches, in thousandths of the input; `None` where there was none.
    pub cache_share_permille: Option<u64>,
    /// Requests that have no record, and are in no sum.
    pub not_recorded: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_problem: Option<String>,
}

/// A quarter of an hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelineBar {
    #[serde(with = "timestamp::option")]
    pub from: Option<Timestamp>,
    #[serde(with = "timestamp::option")]
    pub until: Option<Timestamp>,
    /// All of them; the failed, refused and left ones are among them.
    pub requests: u64,
    pub failed: u64,
    pub refused: u64,
    pub left: u64,
    pub tokens: u64,
}

impl ControlService {
    /// Today's sums. What was recorded a moment ago may be missing.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn totals_today(&self) -> Result<Totals, ControlError> {
        let (zone, now) = (TimeZone::system(), SystemTime::now());
        let since = period::begin("today", now, &zone, true)?;
        let quarters = quarter_of(since)..quarter_of(now) + 1;
        let told = self
            .statistics(Vec::new(), Vec::new(), quarters, zone)
            .await?;
        Ok(Totals {
            since,
            zone: told.zone,
            cache_share_permille: told.total.cache_share_permille(),
            sums: told.total,
            not_recorded: told.not_recorded,
            prices_problem: told.prices_problem,
        })
    }

    /// Whether requests are recorded at the moment.
    pub fn is_recording(&self) -> bool {
        let status = self.records.as_ref().map(|records| records.status());
        status.is_some_and(|status| status.is_enabled && status.problem.is_none())
    }

    /// The number of the latest record in the sums, which changes with each batch that is written.
    /// `None` where no agent records.
    pub fn records_written(&self) -> Option<watch::Receiver<i64>> {
        Some(self.records.as_ref()?.written())
    }

    /// The last 24 hours in quarters of an hour.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn timeline(&self) -> Result<Vec<TimelineBar>, ControlError> {
        let end = quarter_of(SystemTime::now()) + 1;
        let quarters = end - QUARTERS..end;
        let by = vec![By::Quarter];
        let told = self
            .statistics(by, Vec::new(), quarters.clone(), TimeZone::UTC)
            .await?;
        let mut rows = told.rows.iter().peekable();
        let bars = quarters.map(|quarter| {
            let is_of = |row: &&StatisticsRow| row.from.map(quarter_of) == Some(quarter);
            let empty = TimelineBar::empty(quarter);
            rows.next_if(is_of).map_or(empty, TimelineBar::of)
        });
        Ok(bars.collect())
    }
}

impl TimelineBar {
    fn empty(quarter: i64) -> Self {
        let begin = |quarter: i64| {
            let seconds = u64::try_from(quarter).unwrap_or_default() * 900;
            Some(Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
        };
        Self {
            from: begin(quarter),
            until: begin(quarter + 1),
            ..Self::default()
        }
    }

    fn of(row: &StatisticsRow) -> Self {
        Self {
            from: row.from,
            until: row.until,
            requests: row.requests,
            failed: row.failed,
            refused: row.refused,
            left: row.left,
            tokens: row.total_tokens,
        }
    }
}
