//! Sums over requests for people: by local time, model, account, program, key and provider, with
//! what they cost.

mod by;
pub mod csv;
mod day_memory;
mod days;
mod group;
mod sum;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::cost::{CostFacts, tokens_of};
use crate::ordering;
use crate::outcome::Timestamp;
use crate::prices;
use crate::store::records::{
    DimensionValue, FIRST_BYTE_BOUNDS_US, FirstBytes, RecordReader, RecordsProblem, local_date,
};
use group::groups;
use sum::{Group, GroupKey};

pub use day_memory::DayMemory;
pub(super) use group::Question;

pub use by::By;

/// Statistics of a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    #[serde(with = "crate::status::timestamp")]
    pub from: Timestamp,
    #[serde(with = "crate::status::timestamp")]
    pub until: Timestamp,
    /// By which days and hours are counted.
    pub zone: String,
    pub by: Vec<By>,
    /// By time first: in its order, without times at which nothing was. Else the largest first.
    pub rows: Vec<StatisticsRow>,
    pub total: StatisticsRow,
    /// Health checks, and requests that were not recorded: both are in no row, and whatever rows are
    /// asked for.
    pub health_checks: u64,
    pub not_recorded: u64,
    /// The day as of which the list of prices was made.
    pub prices_as_of: String,
    /// Why the person's own prices are not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_problem: Option<String>,
}

/// Sums. New input, what was read from caches, both kinds of cache writes and output add up to all
/// tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatisticsRow {
    /// In the order of [`Statistics::by`]; `None` where requests have none.
    pub keys: Vec<Option<String>>,
    /// Where rows are told apart by time: when the row's begins and ends.
    #[serde(
        with = "crate::status::timestamp::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub from: Option<Timestamp>,
    #[serde(
        with = "crate::status::timestamp::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub until: Option<Timestamp>,
    pub requests: u64,
    pub failed: u64,
    pub refused: u64,
    pub left: u64,
    /// Served, and no tokens reported.
    pub uncounted: u64,
    /// Tokens reported so far, and not to the end.
    pub partial: u64,
    /// As upstreams count it: with what was read from and written to caches, without what hosted
    /// tools added.
    pub input_tokens: u64,
    /// Input that was neither read from nor written to a cache, with what hosted tools added.
    pub input_new_tokens: u64,
    pub cache_read_tokens: u64,
    /// Both kinds.
    pub cache_write_tokens: u64,
    /// What is kept for five minutes, and where no length is told.
    pub cache_write_5m_tokens: u64,
    pub cache_write_1h_tokens: u64,
    /// With reasoning.
    pub output_tokens: u64,
    pub reasoning_tokens: u64,
    pub total_tokens: u64,
    pub cost: CostFacts,
    /// Of streams that were served, as far as the bounds of the counts tell.
    pub first_byte_median_ms: Option<u64>,
    pub first_byte_p95_ms: Option<u64>,
}

impl StatisticsRow {
    /// How much of the input was read from caches, in thousandths. `None` where there was none.
    pub fn cache_share_permille(&self) -> Option<u64> {
        let read = self.cache_read_tokens.saturating_mul(1_000);
        read.checked_div(self.input_tokens)
    }

    /// What several rows are together. First-byte times cannot be added.
    pub fn sum<'r>(rows: impl Iterator<Item = &'r Self> + Clone) -> Self {
        let of = |value: fn(&Self) -> u64| rows.clone().map(value).fold(0, u64::saturating_add);
        Self {
            requests: of(|row| row.requests),
            failed: of(|row| row.failed),
            refused: of(|row| row.refused),
            left: of(|row| row.left),
            uncounted: of(|row| row.uncounted),
            partial: of(|row| row.partial),
            input_tokens: of(|row| row.input_tokens),
            input_new_tokens: of(|row| row.input_new_tokens),
            cache_read_tokens: of(|row| row.cache_read_tokens),
            cache_write_tokens: of(|row| row.cache_write_tokens),
            cache_write_5m_tokens: of(|row| row.cache_write_5m_tokens),
            cache_write_1h_tokens: of(|row| row.cache_write_1h_tokens),
            output_tokens: of(|row| row.output_tokens),
            reasoning_tokens: of(|row| row.reasoning_tokens),
            total_tokens: of(|row| row.total_tokens),
            cost: CostFacts::sum(rows.map(|row| &row.cost)),
            ..Self::default()
        }
    }

    /// Requests that failed or were refused.
    pub fn failures(&self) -> u64 {
        self.failed + self.refused
    }
}

/// # Errors
/// When the records cannot be read. Blocks.
pub(super) fn statistics(
    reader: &RecordReader,
    question: &Question<'_>,
) -> Result<Statistics, RecordsProblem> {
    let groups = groups(reader, question)?;
    let (health_checks, not_recorded) = reader.unrecorded(&question.quarters)?;
    Ok(told(question, &groups, health_checks, not_recorded))
}

/// The first day of a month.
fn first_of(month: i64) -> Option<Date> {
    let year = i16::try_from(month.div_euclid(12)).ok()?;
    Date::new(year, month.rem_euclid(12) as i8 + 1, 1).ok()
}

fn told(
    question: &Question<'_>,
    groups: &BTreeMap<GroupKey, Group>,
    health_checks: u64,
    not_recorded: u64,
) -> Statistics {
    let mut total = Group::default();
    let mut rows: Vec<StatisticsRow> = Vec::with_capacity(groups.len());
    for (key, group) in groups {
        total.add(group);
        rows.push(keyed_row(question, key, group));
    }
    let is_by_time = question.by.first().is_some_and(|by| by.is_time());
    if !is_by_time {
        // The largest first; what is equal stays in the order of names.
        ordering::sort_by_key(&mut rows, |row| {
            std::cmp::Reverse((row.total_tokens, row.requests))
        });
    }
    let zone = question.zone.iana_name();
    Statistics {
        from: moment_of(question.quarters.start),
        until: moment_of(question.quarters.end),
        zone: zone.unwrap_or("the system's zone").to_owned(),
        by: question.by.clone(),
        rows,
        total: StatisticsRow::of(vec![None; question.by.len()], &total),
        health_checks,
        not_recorded,
        prices_as_of: prices::list_date().to_string(),
        prices_problem: None,
    }
}

fn keyed_row(question: &Question<'_>, key: &GroupKey, group: &Group) -> StatisticsRow {
    let parts = || key.iter().zip(&question.by);
    let keys = parts().map(|((value, shift), by)| key_text(value, *shift, *by));
    let times = parts()
        .filter_map(|((value, shift), by)| times_of(value, *shift, *by, &question.zone))
        .min_by_key(|(from, until)| until.duration_since(*from).unwrap_or_default());
    StatisticsRow {
        from: times.map(|(from, _)| from),
        until: times.map(|(_, until)| until),
        ..StatisticsRow::of(keys.collect(), group)
    }
}

/// When a quarter begins.
fn moment_of(quarter: i64) -> Timestamp {
    let seconds = u64::try_from(quarter).unwrap_or_default() * 900;
    Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
}

/// When what a key stands for begins and ends. `None` for names.
fn times_of(
    value: &DimensionValue,
    negated_shift: i64,
    by: By,
    zone: &TimeZone,
) -> Option<(Timestamp, Timestamp)> {
    let DimensionValue::Time(time) = *value else {
        return None;
    };
    let midnight = |date: Date| -> Option<Timestamp> {
        Some(date.to_zoned(zone.clone()).ok()?.timestamp().into())
    };
    let hour = time.saturating_mul(4) + negated_shift;
    match by {
        By::Quarter => Some((moment_of(time), moment_of(time + 1))),
        By::Hour => Some((moment_of(hour), moment_of(hour + 4))),
        By::Month => Some((midnight(first_of(time)?)?, midnight(first_of(time + 1)?)?)),
        _ => Some((
            midnight(local_date(time)?)?,
            midnight(local_date(time + 1)?)?,
        )),
    }
}

/// The text of a key: a name, a local month or day, a local time with its offset.
fn key_text(value: &DimensionValue, negated_shift: i64, by: By) -> Option<String> {
    let quarters = match (value, by) {
        (DimensionValue::Name(name), _) => return name.clone(),
        (DimensionValue::Time(month), By::Month) => {
            let first = first_of(*month)?;
            return Some(format!("{:04}-{:02}", first.year(), first.month()));
        }
        (DimensionValue::Time(hours), By::Hour) => hours * 4,
        (DimensionValue::Time(quarter), By::Quarter) => quarter - negated_shift,
        (DimensionValue::Time(days), _) => return Some(local_date(*days)?.to_string()),
    };
    let date = local_date(quarters.div_euclid(96))?;
    let (of_day, offset) = (quarters.rem_euclid(96), -negated_shift * 15);
    let sign = if offset < 0 { '-' } else { '+' };
    Some(format!(
        "{date}T{:02}:{:02}{sign}{:02}:{:02}",
        of_day / 4,
        of_day % 4 * 15,
        offset.abs() / 60,
        offset.abs() % 60
    ))
}

impl StatisticsRow {
    fn of(keys: Vec<Option<String>>, group: &Group) -> Self {
        let (sums, tokens) = (&group.sums, tokens_of(&group.sums));
        let (short, long) = (tokens.cache_write_short(), tokens.cache_write_long());
        let parts = [
            tokens.input_new(),
            sums.cache_read,
            short,
            long,
            sums.output,
        ];
        Self {
            keys,
            from: None,
            until: None,
            requests: sums.requests,
            failed: sums.failed,
            refused: sums.refused,
            left: sums.left_early,
            uncounted: sums.uncounted,
            partial: sums.partial,
            input_tokens: sums.input,
            input_new_tokens: tokens.input_new(),
            cache_read_tokens: sums.cache_read,
            cache_write_tokens: sums.cache_write,
            cache_write_5m_tokens: short,
            cache_write_1h_tokens: long,
            output_tokens: sums.output,
            reasoning_tokens: sums.reasoning,
            total_tokens: parts.into_iter().fold(0, u64::saturating_add),
            cost: CostFacts::of(&group.cost),
            first_byte_median_ms: percentile_ms(&group.first_bytes, 50),
            first_byte_p95_ms: percentile_ms(&group.first_bytes, 95),
        }
    }
}

/// The time that so many percent of the streams took at most, interpolated within its bounds.
/// `None` where there is none, or it is above all bounds.
fn percentile_ms(counted: &FirstBytes, percent: u64) -> Option<u64> {
    let total: u64 = counted.iter().sum();
    if total == 0 {
        return None;
    }
    let rank = (total * percent).div_ceil(100).max(1);
    let mut below = 0;
    for (at, count) in counted.iter().enumerate() {
        if below + count >= rank {
            let upper = *FIRST_BYTE_BOUNDS_US.get(at)?;
            let lower = at.checked_sub(1).map_or(0, |at| FIRST_BYTE_BOUNDS_US[at]);
            return Some((lower + (upper - lower) * (rank - below) / count) / 1_000);
        }
        below += count;
    }
    None
}

#[cfg(test)]
mod tests;
