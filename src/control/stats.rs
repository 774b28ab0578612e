//! Sums over requests for people: by local day and hour, model, account, program, key and provider,
//! with what they cost.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::billing::billing_of;
use crate::config::Config;
use crate::outcome::Timestamp;
use crate::prices::{self, BANDS, Billing, Conditions, Cost, Money, Prices, Source, Tokens};
use crate::store::records::{
    Dimension, DimensionValue, FIRST_BYTE_BOUNDS_US, FirstBytes, Rates, RecordReader,
    RecordsProblem, RequestRow, RollupSpan, Stretch, Sums, local_date, quarter_of, stretches,
};

/// By what statistics are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Day,
    Hour,
    Model,
    Account,
    /// The client's program.
    Client,
    Key,
    Provider,
}

impl By {
    /// The column's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Model => "model",
            Self::Account => "account",
            Self::Client => "client",
            Self::Key => "key",
            Self::Provider => "provider",
        }
    }

    fn dimension(self) -> Dimension {
        match self {
            Self::Day => Dimension::Day,
            Self::Hour => Dimension::Hour,
            Self::Model => Dimension::Model,
            Self::Account => Dimension::Account,
            Self::Client => Dimension::Client,
            Self::Key => Dimension::Key,
            Self::Provider => Dimension::Provider,
        }
    }
}

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
    pub rows: Vec<StatisticsRow>,
    pub total: StatisticsRow,
    /// Health checks, and requests that were not recorded: both are in no row.
    pub health_checks: u64,
    pub not_recorded: u64,
    /// The day as of which the list of prices was made.
    pub prices_as_of: String,
    /// Why the person's own prices are not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_problem: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticsRow {
    /// In the order of [`Statistics::by`]; `None` where requests have none.
    pub keys: Vec<Option<String>>,
    pub requests: u64,
    pub failed: u64,
    pub refused: u64,
    pub left: u64,
    /// Served, and no tokens reported.
    pub uncounted: u64,
    /// Tokens reported so far, and not to the end.
    pub partial: u64,
    /// With what was read from and written to caches.
    pub input_tokens: u64,
    pub cache_read_tokens: u64,
    pub cache_write_tokens: u64,
    pub cache_write_1h_tokens: u64,
    /// With reasoning.
    pub output_tokens: u64,
    pub reasoning_tokens: u64,
    pub cost: CostFacts,
    /// Of streams that were served, as far as the bounds of the counts tell.
    pub first_byte_median_ms: Option<u64>,
    pub first_byte_p95_ms: Option<u64>,
}

/// What a sum costs, for people and scripts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostFacts {
    /// `$6.42`, `≥ $6.42`, `unknown` or `free`.
    pub text: String,
    /// What is known of it, in micro-dollars.
    pub micros: i64,
    pub is_unknown: bool,
    /// Whether own servers did all of it, which is not unknown.
    #[serde(default)]
    pub is_free: bool,
    /// Whether it may be more.
    pub has_gap: bool,
    /// What is missing, as a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
    /// The same in numbers: tokens without a price, of these models, and requests that did not
    /// report all their tokens.
    #[serde(default)]
    pub unpriced_tokens: u64,
    #[serde(default)]
    pub unpriced_models: Vec<String>,
    #[serde(default)]
    pub uncounted_requests: u64,
    /// The part that providers reported themselves.
    pub charged_micros: i64,
    /// What reading from caches saved at list price.
    pub saved_micros: i64,
}

impl CostFacts {
    pub(super) fn of(cost: &Cost) -> Self {
        Self {
            text: cost.to_string(),
            micros: cost.known.micros(),
            is_unknown: cost.is_unknown(),
            is_free: cost.is_free(),
            has_gap: cost.has_gap(),
            missing: cost.missing(),
            unpriced_tokens: cost.unpriced_tokens,
            unpriced_models: cost.unpriced_models.iter().cloned().collect(),
            uncounted_requests: cost.uncounted_requests,
            charged_micros: cost.charged.micros(),
            saved_micros: cost.saved_by_cache.micros(),
        }
    }
}

/// What statistics are asked for.
pub(super) struct Question<'q> {
    pub(super) by: Vec<By>,
    /// Quarters of an hour.
    pub(super) quarters: Range<i64>,
    pub(super) zone: TimeZone,
    pub(super) config: &'q Config,
    pub(super) prices: &'q Prices,
}

#[derive(Default)]
struct Group {
    sums: Sums,
    cost: Cost,
    first_bytes: FirstBytes,
}

/// A key of a row: times sort by their order, and an hour that comes twice is told apart by its
/// shift.
type GroupKey = Vec<(DimensionValue, i64)>;

/// # Errors
/// When the records cannot be read. Blocks.
pub(super) fn statistics(
    reader: &RecordReader,
    question: &Question<'_>,
) -> Result<Statistics, RecordsProblem> {
    let by: Vec<Dimension> = question.by.iter().map(|by| by.dimension()).collect();
    let timed = timed_providers(question.config);
    let timed: Vec<&str> = timed.iter().map(String::as_str).collect();
    let mut groups: BTreeMap<GroupKey, Group> = BTreeMap::new();
    for stretch in spans(question) {
        let span = RollupSpan {
            quarters: stretch.quarters.clone(),
            shift: stretch.shift,
            by: &by,
            only: &[],
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
            let cost = priced.cost(question.config, question.prices);
            let group = groups
                .entry(key(&row.values, &by, stretch.shift))
                .or_default();
            group.sums.add(&row.sums);
            group.cost.add(&cost);
        }
        for (values, counted) in reader.first_bytes(&span)? {
            let group = groups.entry(key(&values, &by, stretch.shift)).or_default();
            add_counts(&mut group.first_bytes, &counted);
        }
    }
    let (health_checks, not_recorded) = reader.unrecorded(&question.quarters)?;
    Ok(told(question, &groups, health_checks, not_recorded))
}

/// The period in parts within which the zone's offset and every price stay the same.
fn spans(question: &Question<'_>) -> Vec<Stretch> {
    let mut bounds = question.prices.changes(&question.quarters);
    bounds.insert(0, question.quarters.start);
    bounds.push(question.quarters.end);
    let parts = bounds.windows(2).map(|pair| pair[0]..pair[1]);
    parts
        .flat_map(|part| stretches(part, &question.zone))
        .collect()
}

fn key(values: &[DimensionValue], by: &[Dimension], shift: i64) -> GroupKey {
    let keyed = values.iter().zip(by).map(|(value, dimension)| {
        let shift = if *dimension == Dimension::Hour {
            -shift
        } else {
            0
        };
        (value.clone(), shift)
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

/// What one request cost. What failed without a token cost nothing.
pub(super) fn cost_of_request(row: &RequestRow, config: &Config, prices: &Prices) -> Cost {
    let quarter = quarter_of(row.received_at);
    let priced = PricedSums {
        provider: row.provider.as_deref(),
        model: row.model.as_deref(),
        rates: row.rates(),
        quarter,
        quarter_of_day: quarter.rem_euclid(96),
        sums: &row.sums(),
    };
    priced.cost(config, prices)
}

/// Sums that have one price.
struct PricedSums<'p> {
    provider: Option<&'p str>,
    model: Option<&'p str>,
    rates: Rates,
    /// Any of the quarters in which the requests arrived.
    quarter: i64,
    quarter_of_day: i64,
    sums: &'p Sums,
}

impl PricedSums<'_> {
    fn cost(&self, config: &Config, prices: &Prices) -> Cost {
        let sums = self.sums;
        let tokens = Tokens {
            input: sums.input,
            cache_read: sums.cache_read,
            cache_write: sums.cache_write,
            cache_write_long: sums.cache_write_long,
            output: sums.output,
            tool_prompt: sums.tool_prompt,
            audio_input: sums.audio_input,
            audio_output: sums.audio_output,
            hosted_calls: sums.hosted_calls,
        };
        let mut cost = Cost {
            uncounted_requests: sums.uncounted + sums.partial,
            ..Cost::default()
        };
        if self.rates.is_charged {
            cost.known = Money::of_nanos(sums.charged_nanos);
            cost.charged = cost.known;
            cost.priced_requests = sums.requests;
            cost.uncounted_requests = 0;
            return cost;
        }
        let Some(provider) = self.provider else {
            return cost;
        };
        let model = self.model.unwrap_or_default();
        let band = usize::from(self.rates.band);
        let conditions = Conditions {
            tier: self.rates.tier,
            above: band
                .checked_sub(1)
                .map_or(0, |at| BANDS[at.min(BANDS.len() - 1)]),
            quarter: self.quarter,
            quarter_of_day: self.quarter_of_day,
        };
        let billing = billing_of(config, provider);
        match prices.find(billing, model, &conditions) {
            Some((_, Source::Free)) => {
                cost.uncounted_requests = 0;
                cost.free_requests = sums.requests;
                cost.priced_requests = sums.requests;
            }
            Some((rates, _)) => {
                cost.known = tokens.price(&rates);
                cost.saved_by_cache = tokens.saved_by_cache(&rates);
                cost.priced_requests = if tokens.total() > 0 { sums.requests } else { 0 };
            }
            None if tokens.total() > 0 => {
                cost.unpriced_tokens = tokens.total();
                cost.unpriced_models.insert(format!("{provider}/{model}"));
            }
            None => {}
        }
        cost
    }
}

fn add_counts(sum: &mut FirstBytes, added: &FirstBytes) {
    sum.iter_mut()
        .zip(added)
        .for_each(|(sum, added)| *sum += added);
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
        total.sums.add(&group.sums);
        total.cost.add(&group.cost);
        add_counts(&mut total.first_bytes, &group.first_bytes);
        let keys = key
            .iter()
            .zip(&question.by)
            .map(|((value, shift), by)| key_text(value, *shift, *by));
        rows.push(StatisticsRow::of(keys.collect(), group));
    }
    let is_by_time = matches!(question.by.first(), Some(By::Day | By::Hour));
    if !is_by_time {
        // The largest first; what is equal stays in the order of names.
        rows.sort_by_key(|row| {
            std::cmp::Reverse((row.input_tokens + row.output_tokens, row.requests))
        });
    }
    let at = |quarter: i64| {
        let seconds = u64::try_from(quarter).unwrap_or_default() * 900;
        Timestamp::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
    };
    Statistics {
        from: at(question.quarters.start),
        until: at(question.quarters.end),
        zone: question
            .zone
            .iana_name()
            .unwrap_or("the system's zone")
            .to_owned(),
        by: question.by.clone(),
        rows,
        total: StatisticsRow::of(vec![None; question.by.len()], &total),
        health_checks,
        not_recorded,
        prices_as_of: prices::list_date().to_string(),
        prices_problem: None,
    }
}

/// The text of a key: a name, a local day, a local hour with its offset.
fn key_text(value: &DimensionValue, negated_shift: i64, by: By) -> Option<String> {
    match value {
        DimensionValue::Name(name) => name.clone(),
        DimensionValue::Time(days) if by == By::Day => Some(local_date(*days)?.to_string()),
        DimensionValue::Time(hours) => {
            let date = local_date(hours.div_euclid(24))?;
            let (hour, minutes) = (hours.rem_euclid(24), -negated_shift * 15);
            let sign = if minutes < 0 { '-' } else { '+' };
            let (offset_hours, offset_minutes) = (minutes.abs() / 60, minutes.abs() % 60);
            Some(format!(
                "{date}T{hour:02}:00{sign}{offset_hours:02}:{offset_minutes:02}"
            ))
        }
    }
}

impl StatisticsRow {
    fn of(keys: Vec<Option<String>>, group: &Group) -> Self {
        let sums = &group.sums;
        Self {
            keys,
            requests: sums.requests,
            failed: sums.failed,
            refused: sums.refused,
            left: sums.left_early,
            uncounted: sums.uncounted,
            partial: sums.partial,
            input_tokens: sums.input,
            cache_read_tokens: sums.cache_read,
            cache_write_tokens: sums.cache_write,
            cache_write_1h_tokens: sums.cache_write_long,
            output_tokens: sums.output,
            reasoning_tokens: sums.reasoning,
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

/// The columns of a CSV file besides the keys.
const CSV_COLUMNS: &str = "requests,failed,refused,left,uncounted,partial,input_tokens,cache_read_tokens,\
    cache_write_tokens,cache_write_1h_tokens,output_tokens,reasoning_tokens,cost_usd,cost_basis,cost_missing";

/// The rows as a CSV file (RFC 4180, UTF-8). A name that a spreadsheet would take for a formula
/// gets a `'` before it; what is unknown is empty.
pub fn csv(statistics: &Statistics) -> String {
    let names: Vec<&str> = statistics.by.iter().map(|by| by.name()).collect();
    let mut text = names.join(",");
    if !text.is_empty() {
        text.push(',');
    }
    text.push_str(CSV_COLUMNS);
    text.push_str("\r\n");
    for row in &statistics.rows {
        let keys = row
            .keys
            .iter()
            .map(|key| cell(key.as_deref().unwrap_or_default()));
        let numbers = [
            row.requests,
            row.failed,
            row.refused,
            row.left,
            row.uncounted,
            row.partial,
            row.input_tokens,
            row.cache_read_tokens,
            row.cache_write_tokens,
            row.cache_write_1h_tokens,
            row.output_tokens,
            row.reasoning_tokens,
        ];
        let numbers = numbers.iter().map(u64::to_string);
        let cost = &row.cost;
        let amount = if cost.is_unknown {
            String::new()
        } else {
            format!("{}.{:06}", cost.micros / 1_000_000, cost.micros % 1_000_000)
        };
        let basis = match (cost.is_unknown, cost.has_gap) {
            (true, _) => "unknown",
            (false, true) => "at least",
            (false, false) if cost.charged_micros > 0 => "charged",
            (false, false) => "list",
        };
        let missing = cell(cost.missing.as_deref().unwrap_or_default());
        let all: Vec<String> = keys
            .chain(numbers)
            .chain([amount, basis.to_owned(), missing])
            .collect();
        text.push_str(&all.join(","));
        text.push_str("\r\n");
    }
    text
}

fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guarded = if is_formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if guarded.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", guarded.replace('"', "\"\""))
    } else {
        guarded
    }
}

#[cfg(test)]
mod tests;
