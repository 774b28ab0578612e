//! Rows of sums with their costs: read, or remembered of days that are over.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::by::By;
use super::day_memory::{DayMemory, DayQuestion, DayRows, What};
use super::days::{LocalDay, local_days};
use super::sum::{Group, GroupKey};
use crate::config::Config;
use crate::control::billing::billing_of;
use crate::control::cost::{KnownPrices, PricedSums};
use crate::prices::{self, Billing, Prices};
use crate::store::records::{
    Dimension, DimensionValue, RecordReader, RecordsProblem, RollupSpan, Stretch, local_date,
    stretches,
};

/// What statistics are asked for.
pub(in crate::control) struct Question<'q> {
    pub(in crate::control) by: Vec<By>,
    /// Names that requests must have; an empty one stands for none.
    pub(in crate::control) only: Vec<(By, String)>,
    /// Quarters of an hour.
    pub(in crate::control) quarters: Range<i64>,
    pub(in crate::control) zone: TimeZone,
    pub(in crate::control) config: Arc<Config>,
    pub(in crate::control) prices: &'q Prices,
    /// The quarter that is not over yet, and what is remembered of those before.
    pub(in crate::control) memory: Option<(i64, Arc<DayMemory>)>,
}

/// The rows of a period, with their keys in the order of [`Question::by`].
///
/// # Errors
/// When the records cannot be read. Blocks.
pub(super) fn groups(
    reader: &RecordReader,
    question: &Question<'_>,
) -> Result<BTreeMap<GroupKey, Group>, RecordsProblem> {
    let within: Vec<By> = question
        .by
        .iter()
        .copied()
        .filter(|by| !matches!(by, By::Day | By::Month))
        .collect();
    let what = Arc::new((within.clone(), question.only.clone()));
    let mut groups = BTreeMap::new();
    let mut unknown: Vec<LocalDay> = Vec::new();
    for day in local_days(question.quarters.clone(), &question.zone) {
        match question.remembered(&day, &what) {
            Some(rows) => add(&mut groups, question, day.number, &rows),
            None => unknown.push(day),
        }
    }
    let mut rest = unknown.as_slice();
    while !rest.is_empty() {
        let (together, others) = rest.split_at(joined(rest));
        rest = others;
        let number = question.memory.as_ref().map(|(_, memory)| memory.number());
        let read = read(reader, question, &within, together)?;
        for (day, rows) in together.iter().zip(read) {
            add(&mut groups, question, day.number, &rows);
            question.remember(day, &what, number, rows);
        }
    }
    Ok(groups)
}

/// How many days follow each other without a gap.
fn joined(days: &[LocalDay]) -> usize {
    let breaks = days
        .windows(2)
        .position(|pair| pair[0].quarters.end != pair[1].quarters.start);
    breaks.map_or(days.len(), |at| at + 1)
}

impl Question<'_> {
    /// What can be remembered of a day: it is whole, and over.
    fn of_day(&self, day: &LocalDay, what: &Arc<What>) -> Option<(DayQuestion, &DayMemory)> {
        let (now, memory) = self.memory.as_ref()?;
        let question = DayQuestion {
            quarters: day.quarters.clone(),
            what: what.clone(),
        };
        (day.is_whole && day.quarters.end <= *now).then_some((question, memory))
    }

    fn remembered(&self, day: &LocalDay, what: &Arc<What>) -> Option<Arc<DayRows>> {
        let (question, memory) = self.of_day(day, what)?;
        memory.rows(&question, &self.config, self.prices)
    }

    fn remember(&self, day: &LocalDay, what: &Arc<What>, number: Option<u64>, rows: DayRows) {
        if let Some(((question, memory), number)) = self.of_day(day, what).zip(number) {
            memory.keep(question, number, Arc::new(rows), &self.config, self.prices);
        }
    }
}

/// Adds the rows of a day, under keys with the day.
fn add(
    groups: &mut BTreeMap<GroupKey, Group>,
    question: &Question<'_>,
    day: i64,
    rows: &[(GroupKey, Group)],
) {
    for (within, group) in rows {
        let mut within = within.iter();
        let key = question.by.iter().filter_map(|by| match by {
            By::Day => Some((DimensionValue::Time(day), 0)),
            By::Month => Some((DimensionValue::Time(month_of(day)), 0)),
            _ => within.next().cloned(),
        });
        groups.entry(key.collect()).or_default().add(group);
    }
}

/// The month of a day, counted from the year 0.
fn month_of(days: i64) -> i64 {
    local_date(days).map_or(0, |date| {
        i64::from(date.year()) * 12 + i64::from(date.month()) - 1
    })
}

/// The rows of days that follow each other, for each of them.
fn read(
    reader: &RecordReader,
    question: &Question<'_>,
    within: &[By],
    days: &[LocalDay],
) -> Result<Vec<DayRows>, RecordsProblem> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else {
        return Ok(Vec::new());
    };
    let by: Vec<Dimension> = std::iter::once(Dimension::Day)
        .chain(within.iter().map(|by| by.dimension()))
        .collect();
    let only = question.only.iter();
    let only: Vec<(Dimension, String)> = only
        .map(|(by, name)| (by.dimension(), name.clone()))
        .collect();
    let timed = timed_providers(&question.config);
    let timed: Vec<&str> = timed.iter().map(String::as_str).collect();
    let mut found = DayGroups {
        days,
        within,
        groups: vec![BTreeMap::new(); days.len()],
    };
    for stretch in spans(question, first.quarters.start..last.quarters.end) {
        let mut known = KnownPrices::new(&question.config, question.prices);
        let span = RollupSpan {
            quarters: stretch.quarters.clone(),
            shift: stretch.shift,
            by: &by,
            only: &only,
            timed_providers: &timed,
        };
        for row in reader.rollup(&span)? {
            let priced = PricedSums {
                provider: row.provider.as_deref(),
                model: row.model.as_deref(),
                rates: row.rates,
                quarter: stretch.quarters.start,
                quarter_of_day: row.quarter_of_day.unwrap_or(0),
                sums: &row.sums,
            };
            let Some(group) = found.group_of(&row.values, stretch.shift) else {
                continue;
            };
            group.sums.add(&row.sums);
            group.cost.add(&known.cost(&priced));
        }
        for (values, counted) in reader.first_bytes(&span)? {
            if let Some(group) = found.group_of(&values, stretch.shift) {
                group.add_first_bytes(&counted);
            }
        }
    }
    let rows = found.groups.into_iter();
    Ok(rows.map(|rows| rows.into_iter().collect()).collect())
}

/// Groups of days that follow each other.
struct DayGroups<'d> {
    days: &'d [LocalDay],
    within: &'d [By],
    groups: Vec<BTreeMap<GroupKey, Group>>,
}

impl DayGroups<'_> {
    /// The group of a row whose first value is the day.
    fn group_of(&mut self, values: &[DimensionValue], shift: i64) -> Option<&mut Group> {
        let DimensionValue::Time(number) = values.first()? else {
            return None;
        };
        let found = self.days.binary_search_by_key(number, |day| day.number);
        let key = key(&values[1..], self.within, shift);
        Some(self.groups.get_mut(found.ok()?)?.entry(key).or_default())
    }
}

/// A range in parts within which the zone's offset and every price stay the same.
fn spans(question: &Question<'_>, quarters: Range<i64>) -> Vec<Stretch> {
    let mut bounds = question.prices.changes(&quarters);
    bounds.insert(0, quarters.start);
    bounds.push(quarters.end);
    let parts = bounds.windows(2).map(|pair| pair[0]..pair[1]);
    parts
        .flat_map(|part| stretches(part, &question.zone))
        .collect()
}

fn key(values: &[DimensionValue], by: &[By], shift: i64) -> GroupKey {
    let keyed = values.iter().zip(by).map(|(value, by)| match by {
        By::Hour | By::Quarter => (value.clone(), -shift),
        _ => (value.clone(), 0),
    });
    keyed.collect()
}

/// The configured providers whose prices depend on the time of day.
fn timed_providers(config: &Config) -> Vec<String> {
    let lists: Vec<&str> = prices::timed_lists().collect();
    let is_timed = |name: &str| match billing_of(config, name) {
        Billing::Listed { list, .. } => lists.contains(&list),
        Billing::Free { .. } | Billing::Own { .. } => false,
    };
    let configured = config
        .providers
        .iter()
        .map(|provider| provider.name.clone());
    let known = lists.iter().map(|list| (*list).to_owned());
    let mut names: Vec<String> = configured
        .chain(known)
        .filter(|name| is_timed(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
