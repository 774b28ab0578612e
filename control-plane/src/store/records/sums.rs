//! Reading sums: the rollup of a span, told apart by names and by times.

use std::collections::HashMap;
use std::ops::Range;

use rusqlite::Connection;

use super::names::{NameTexts, find};
use super::reader::{Read, RecordReader};
use super::rollup::{FIRST_BYTE_BOUNDS_US, Rates, Sums};
use crate::canon::ServiceTier;

/// By what sums are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dimension {
    Account,
    Provider,
    Model,
    Key,
    /// The client's program.
    Client,
    /// The local day, as days since 1970.
    Day,
    /// The local hour, as hours since 1970.
    Hour,
    /// The quarter of an hour.
    Quarter,
}

impl Dimension {
    fn column(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Provider => "provider",
            Self::Model => "model",
            Self::Key => "key",
            Self::Client => "agent",
            Self::Day | Self::Hour | Self::Quarter => "quarter",
        }
    }

    /// What its column says, where local time is so many quarters ahead.
    fn value(self, column: i64, shift: i64) -> i64 {
        match self {
            Self::Day => (column + shift).div_euclid(96),
            Self::Hour => (column + shift).div_euclid(4),
            _ => column,
        }
    }

    fn is_name(self) -> bool {
        !matches!(self, Self::Day | Self::Hour | Self::Quarter)
    }
}

/// A range of quarters with one offset, see [`super::stretches`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupSpan<'s> {
    pub quarters: Range<i64>,
    pub shift: i64,
    pub by: &'s [Dimension],
    /// Names that rows must have.
    pub only: &'s [(Dimension, String)],
    /// Providers whose prices depend on the time of day: their rows are told apart by it.
    pub timed_providers: &'s [&'s str],
}

/// What a row is told apart by: a name, which may be none, or a point in time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DimensionValue {
    Name(Option<String>),
    Time(i64),
}

/// Sums that have one price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollupRow {
    /// In the order of [`RollupSpan::by`].
    pub values: Vec<DimensionValue>,
    pub provider: Option<String>,
    pub model: Option<String>,
    pub rates: Rates,
    /// The quarter of the UTC day, 0 to 95, where the provider's prices depend on it.
    pub quarter_of_day: Option<i64>,
    pub sums: Sums,
}

/// How many streams began within each bound; the last is above all of them.
pub type FirstBytes = [u64; FIRST_BYTE_BOUNDS_US.len() + 1];

/// How many dimensions are looked at; more are left out.
const DIMENSIONS_MAX: usize = 8;
/// The columns of a dimension, of what prices depend on.
const PRICED: &str = "quarter, provider, model, tier, band, is_charged";

/// What the rows of a sum have in common, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct SumKey {
    values: [i64; DIMENSIONS_MAX],
    provider: i64,
    model: i64,
    rates: Rates,
    quarter_of_day: Option<i64>,
}

impl RecordReader {
    /// The sums of a span, told apart also by what their price depends on.
    ///
    /// They are grouped here: the database would sort all rows for it, which takes twice as long.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rollup(&self, span: &RollupSpan<'_>) -> Read<Vec<RollupRow>> {
        let found = self.with(|connection| {
            let Some(only) = only_sql(connection, span.only)? else {
                return Ok(Vec::new());
            };
            let timed = ids_of(connection, span.timed_providers)?;
            let sql = format!(
                "SELECT {PRICED}{}, {} FROM rollup WHERE quarter >= ?1 AND quarter < ?2{only}",
                columns(span.by),
                Sums::COLUMNS.join(", ")
            );
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([span.quarters.start, span.quarters.end])?;
            let first_sum = 6 + dimensions(span.by).len();
            let mut sums: HashMap<SumKey, Sums> = HashMap::new();
            while let Some(row) = rows.next()? {
                let key = SumKey::read(row, span, &timed)?;
                sums.entry(key)
                    .or_default()
                    .add(&Sums::read(row, first_sum)?);
            }
            let mut sums: Vec<(SumKey, Sums)> = sums.into_iter().collect();
            sums.sort_unstable_by_key(|(key, _)| *key);
            let mut names = NameTexts::new(connection);
            sums.into_iter()
                .map(|(key, sums)| RollupRow::of(&key, sums, span.by, &mut names))
                .collect()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// How soon streams began in a span, told apart by its dimensions.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn first_bytes(
        &self,
        span: &RollupSpan<'_>,
    ) -> Read<HashMap<Vec<DimensionValue>, FirstBytes>> {
        let found = self.with(|connection| {
            let Some(only) = only_sql(connection, span.only)? else {
                return Ok(HashMap::new());
            };
            let sql = format!(
                "SELECT bucket, requests{} FROM first_bytes WHERE quarter >= ?1 AND quarter < ?2{only}",
                columns(span.by)
            );
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([span.quarters.start, span.quarters.end])?;
            let mut counts: HashMap<[i64; DIMENSIONS_MAX], FirstBytes> = HashMap::new();
            while let Some(row) = rows.next()? {
                let (bucket, count): (u32, i64) = (row.get(0)?, row.get(1)?);
                let values = read_values(row, 2, span)?;
                if let Some(counted) = counts.entry(values).or_default().get_mut(bucket as usize) {
                    *counted += count.cast_unsigned();
                }
            }
            let mut names = NameTexts::new(connection);
            counts
                .into_iter()
                .map(|(values, counted)| Ok((named(&values, span.by, &mut names)?, counted)))
                .collect()
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Health checks, and requests that were not recorded, in a range of quarters.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unrecorded(&self, quarters: &Range<i64>) -> Read<(u64, u64)> {
        let found = self.with(|connection| {
            let sql = "SELECT coalesce(sum(health_checks), 0), coalesce(sum(not_recorded), 0)
                FROM arrivals WHERE quarter >= ?1 AND quarter < ?2";
            connection.query_row(sql, [quarters.start, quarters.end], |row| {
                let count = |at| row.get(at).map(i64::cast_unsigned);
                Ok((count(0)?, count(1)?))
            })
        })?;
        Ok(found.unwrap_or_default())
    }
}

/// Conditions on names, of which an empty one stands for none; `None` where one is known to no row.
fn only_sql(
    connection: &Connection,
    only: &[(Dimension, String)],
) -> rusqlite::Result<Option<String>> {
    let mut sql = String::new();
    for (dimension, name) in only {
        let id = if name.is_empty() {
            Some(0)
        } else {
            find(connection, name)?
        };
        let Some(id) = id else {
            return Ok(None);
        };
        sql.push_str(&format!(" AND {} = {id}", dimension.column()));
    }
    Ok(Some(sql))
}

fn dimensions(by: &[Dimension]) -> &[Dimension] {
    &by[..by.len().min(DIMENSIONS_MAX)]
}

/// The columns of dimensions, to follow others.
fn columns(by: &[Dimension]) -> String {
    let columns = dimensions(by).iter();
    columns
        .map(|dimension| format!(", {}", dimension.column()))
        .collect()
}

/// The numbers of the names that have one.
fn ids_of(connection: &Connection, names: &[&str]) -> rusqlite::Result<Vec<i64>> {
    let mut ids = Vec::new();
    for name in names {
        ids.extend(find(connection, name)?);
    }
    Ok(ids)
}

/// The values of the dimensions, whose columns begin at `first`.
fn read_values(
    row: &rusqlite::Row<'_>,
    first: usize,
    span: &RollupSpan<'_>,
) -> rusqlite::Result<[i64; DIMENSIONS_MAX]> {
    let mut values = [0; DIMENSIONS_MAX];
    for (at, dimension) in dimensions(span.by).iter().enumerate() {
        values[at] = dimension.value(row.get(first + at)?, span.shift);
    }
    Ok(values)
}

fn named(
    values: &[i64; DIMENSIONS_MAX],
    by: &[Dimension],
    names: &mut NameTexts<'_>,
) -> rusqlite::Result<Vec<DimensionValue>> {
    let values = dimensions(by).iter().zip(values).map(|(dimension, value)| {
        Ok(if dimension.is_name() {
            DimensionValue::Name(names.text(Some(*value))?)
        } else {
            DimensionValue::Time(*value)
        })
    });
    values.collect()
}

impl SumKey {
    /// Reads the columns of [`PRICED`] and, after them, the dimensions.
    fn read(
        row: &rusqlite::Row<'_>,
        span: &RollupSpan<'_>,
        timed: &[i64],
    ) -> rusqlite::Result<Self> {
        let (quarter, provider): (i64, i64) = (row.get(0)?, row.get(1)?);
        let is_timed = timed.contains(&provider);
        Ok(Self {
            values: read_values(row, 6, span)?,
            provider,
            model: row.get(2)?,
            rates: Rates {
                tier: ServiceTier::of_number(row.get(3)?),
                band: row.get(4)?,
                is_charged: row.get(5)?,
            },
            quarter_of_day: is_timed.then(|| quarter.rem_euclid(96)),
        })
    }
}

impl RollupRow {
    fn of(
        key: &SumKey,
        sums: Sums,
        by: &[Dimension],
        names: &mut NameTexts<'_>,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            values: named(&key.values, by, names)?,
            provider: names.text(Some(key.provider))?,
            model: names.text(Some(key.model))?,
            rates: key.rates,
            quarter_of_day: key.quarter_of_day,
            sums,
        })
    }
}
