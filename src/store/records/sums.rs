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
    fn expression(self, shift: i64) -> String {
        match self {
            Self::Account => "account".to_owned(),
            Self::Provider => "provider".to_owned(),
            Self::Model => "model".to_owned(),
            Self::Key => "key".to_owned(),
            Self::Client => "agent".to_owned(),
            Self::Day => format!("(quarter + {shift}) / 96"),
            Self::Hour => format!("(quarter + {shift}) / 4"),
            Self::Quarter => "quarter".to_owned(),
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

impl RecordReader {
    /// The sums of a span, told apart also by what their price depends on.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn rollup(&self, span: &RollupSpan<'_>) -> Read<Vec<RollupRow>> {
        let found = self.with(|connection| {
            let Some(only) = only_sql(connection, span.only)? else {
                return Ok(Vec::new());
            };
            let timed = timed_expression(connection, span.timed_providers)?;
            let sums: Vec<String> = Sums::COLUMNS
                .iter()
                .map(|column| format!("sum({column})"))
                .collect();
            let mut groups: Vec<String> = span
                .by
                .iter()
                .map(|dimension| dimension.expression(span.shift))
                .collect();
            let rates = ["provider", "model", "tier", "band", "is_charged"];
            groups.extend(rates.map(str::to_owned));
            groups.push(timed);
            let numbers: Vec<String> = (1..=groups.len()).map(|index| index.to_string()).collect();
            let sql = format!(
                "SELECT {}, {} FROM rollup WHERE quarter >= ?1 AND quarter < ?2{only} GROUP BY {}",
                groups.join(", "),
                sums.join(", "),
                numbers.join(", ")
            );
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([span.quarters.start, span.quarters.end])?;
            let mut names = NameTexts::new(connection);
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(RollupRow::read(row, span.by, &mut names)?);
            }
            Ok(found)
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
            let mut found: HashMap<Vec<DimensionValue>, FirstBytes> = HashMap::new();
            let Some(only) = only_sql(connection, span.only)? else {
                return Ok(found);
            };
            let mut groups: Vec<String> = span
                .by
                .iter()
                .map(|dimension| dimension.expression(span.shift))
                .collect();
            groups.push("bucket".to_owned());
            let numbers: Vec<String> = (1..=groups.len()).map(|index| index.to_string()).collect();
            let sql = format!(
                "SELECT {}, sum(requests) FROM first_bytes WHERE quarter >= ?1 AND quarter < ?2{only} GROUP BY {}",
                groups.join(", "),
                numbers.join(", ")
            );
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([span.quarters.start, span.quarters.end])?;
            let mut names = NameTexts::new(connection);
            while let Some(row) = rows.next()? {
                let values = read_values(row, span.by, &mut names)?;
                let bucket: u32 = row.get(span.by.len())?;
                let count: i64 = row.get(span.by.len() + 1)?;
                if let Some(counted) = found.entry(values).or_default().get_mut(bucket as usize) {
                    *counted += count.cast_unsigned();
                }
            }
            Ok(found)
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
        sql.push_str(&format!(" AND {} = {id}", dimension.expression(0)));
    }
    Ok(Some(sql))
}

/// The quarter of the day for rows of such providers, else -1.
fn timed_expression(connection: &Connection, providers: &[&str]) -> rusqlite::Result<String> {
    let mut ids = Vec::new();
    for provider in providers {
        ids.extend(find(connection, provider)?.map(|id| id.to_string()));
    }
    Ok(if ids.is_empty() {
        "-1".to_owned()
    } else {
        format!(
            "CASE WHEN provider IN ({}) THEN quarter % 96 ELSE -1 END",
            ids.join(", ")
        )
    })
}

fn read_values(
    row: &rusqlite::Row<'_>,
    by: &[Dimension],
    names: &mut NameTexts<'_>,
) -> rusqlite::Result<Vec<DimensionValue>> {
    let values = by.iter().enumerate().map(|(at, dimension)| {
        let value: i64 = row.get(at)?;
        Ok(if dimension.is_name() {
            DimensionValue::Name(names.text(Some(value))?)
        } else {
            DimensionValue::Time(value)
        })
    });
    values.collect()
}

impl RollupRow {
    fn read(
        row: &rusqlite::Row<'_>,
        by: &[Dimension],
        names: &mut NameTexts<'_>,
    ) -> rusqlite::Result<Self> {
        let first = by.len();
        let quarter_of_day: i64 = row.get(first + 5)?;
        Ok(Self {
            values: read_values(row, by, names)?,
            provider: names.text(row.get(first)?)?,
            model: names.text(row.get(first + 1)?)?,
            rates: Rates {
                tier: ServiceTier::of_number(row.get(first + 2)?),
                band: row.get(first + 3)?,
                is_charged: row.get(first + 4)?,
            },
            quarter_of_day: (quarter_of_day >= 0).then_some(quarter_of_day),
            sums: Sums::read(row, first + 6)?,
        })
    }
}
