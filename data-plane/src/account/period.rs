//! The periods that budgets count by, in the days of a time zone.

use std::time::{Duration, SystemTime};

use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Day,
    Month,
}

impl Period {
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The period around `now`, from midnight to midnight in the zone, where a day may have 23 or
    /// 25 hours. The end is the next period's begin.
    pub fn bounds(self, zone: &TimeZone, now: SystemTime) -> (SystemTime, SystemTime) {
        self.zoned_bounds(zone, now)
            .unwrap_or((now, now + Duration::from_secs(24 * 60 * 60)))
    }

    /// `None` beyond the years that `jiff` supports.
    fn zoned_bounds(self, zone: &TimeZone, now: SystemTime) -> Option<(SystemTime, SystemTime)> {
        let now: Zoned = jiff::Timestamp::try_from(now).ok()?.to_zoned(zone.clone());
        let (first, length) = match self {
            Self::Day => (now, 1.day()),
            Self::Month => (now.first_of_month().ok()?, 1.month()),
        };
        let first = first.start_of_day().ok()?;
        let next = first
            .date()
            .checked_add(length)
            .ok()?
            .to_zoned(zone.clone())
            .ok()?;
        Some((
            first.timestamp().into(),
            next.start_of_day().ok()?.timestamp().into(),
        ))
    }
}

/// A budget as text, in its parts: `500000 tokens/day Europe/Berlin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetWords<'t> {
    pub amount: &'t str,
    pub unit: &'t str,
    pub period: Period,
    pub time_zone: Option<&'t str>,
}

impl<'t> BudgetWords<'t> {
    /// `None` where the text has another form.
    pub fn of(text: &'t str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let amount = words.next()?;
        let (unit, period) = words.next()?.split_once('/')?;
        let period = [Period::Day, Period::Month]
            .into_iter()
            .find(|known| known.name() == period)?;
        let time_zone = words.next();
        words.next().is_none().then_some(Self {
            amount,
            unit,
            period,
            time_zone,
        })
    }
}
