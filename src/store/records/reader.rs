//! Reading records and sums. Each call is a statement or a few, without a transaction that stays
//! open: a long reader would keep the journal growing.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, params_from_iter, types::Value};

use super::detail::Detail;
use super::names::{NameTexts, find};
use super::problem::RecordsProblem;
use super::rollup::{FIRST_BYTE_BOUNDS_US, Rates, Sums, quarter_of};
use super::row::{RequestRow, id_value, moment, row_columns};
use super::schema::SCHEMA;
use crate::canon::ServiceTier;
use crate::outcome::Timestamp;
use crate::record::Record;

/// How long a reader waits where the file is locked, which a writer in WAL mode never does for
/// long.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);
/// The most rows of one page.
const ROWS_MAX: usize = 1_000;

/// Reads `records.db`; a missing file holds nothing. Every call blocks.
pub struct RecordReader {
    path: PathBuf,
    /// Opened at the first call, and again after an error.
    connection: Mutex<Option<Connection>>,
}

/// Which requests are meant. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Only those that failed or were refused.
    pub failed_only: bool,
    /// The account of any attempt.
    pub account: Option<String>,
    pub provider: Option<String>,
    /// The upstream's name.
    pub model: Option<String>,
    pub key: Option<String>,
    pub agent: Option<String>,
    pub session: Option<[u8; 16]>,
    /// By arrival.
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// Which part of the list is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Only numbers below this one: older ones.
    pub before: Option<i64>,
    /// Only numbers above this one; then the oldest of them come first.
    pub after: Option<i64>,
    pub rows_max: usize,
}

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
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "the bars of a day are drawn by it")
    )]
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

type Read<T> = Result<T, RecordsProblem>;

impl RecordReader {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            connection: Mutex::new(None),
        }
    }

    /// Runs `read` on the file. `None` where there is no file.
    fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Read<Option<T>> {
        let mut guard = self.connection.lock();
        if guard.is_none() {
            *guard = self.open()?;
        }
        let Some(connection) = guard.as_ref() else {
            return Ok(None);
        };
        let result = read(connection);
        if result.is_err() {
            *guard = None;
        }
        Ok(Some(result?))
    }

    fn open(&self) -> Read<Option<Connection>> {
        if !self.path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            // The writer is about to make the tables.
            0 => Ok(None),
            found if found > SCHEMA.version() => Err(RecordsProblem::Newer),
            found if found < SCHEMA.version() => Ok(None),
            _ => Ok(Some(connection)),
        }
    }

    /// The whole record of a request, with its number. `None` where there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(&self, request_id: &str) -> Read<Option<(i64, Record)>> {
        let sql = format!(
            "SELECT {}, r.detail FROM requests r WHERE r.id = ?1",
            row_columns("r")
        );
        let found = self.with(|connection| {
            let mut names = NameTexts::new(connection);
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([id_value(request_id)])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            let text: String = row.get("detail")?;
            let shown = RequestRow::read(row, &mut names)?;
            let detail: Detail<'_> = serde_json::from_str(&text).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(
                    0,
                    rusqlite::types::Type::Text,
                    error.into(),
                )
            })?;
            Ok(Some((shown.seq, shown.into_record(detail))))
        })?;
        Ok(found.flatten())
    }

    /// The requests that the filter takes: the latest first, but after [`Page::after`] the oldest.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self, filter: &RequestFilter, page: &Page) -> Read<Vec<RequestRow>> {
        let found = self.with(|connection| {
            let Some(conditions) = Conditions::of(connection, filter, page)? else {
                return Ok(Vec::new());
            };
            let mut rows = conditions.select(connection, page)?;
            if let Some(account) = conditions.account {
                rows.extend(conditions.select_tried(connection, page, account)?);
                rows.sort_by_key(|row| row.seq);
                if page.after.is_none() {
                    rows.reverse();
                }
                rows.truncate(page.rows_max.min(ROWS_MAX));
            }
            Ok(rows)
        })?;
        Ok(found.unwrap_or_default())
    }

    /// The number of the latest record; 0 where there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_seq(&self) -> Read<i64> {
        let found = self.with(|connection| {
            connection.query_row("SELECT coalesce(max(seq), 0) FROM requests", [], |row| {
                row.get(0)
            })
        })?;
        Ok(found.unwrap_or_default())
    }

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

/// A filter as SQL.
struct Conditions {
    /// Besides the account.
    sql: String,
    values: Vec<Value>,
    account: Option<i64>,
}

impl Conditions {
    /// `None` where a name is known to no record.
    fn of(
        connection: &Connection,
        filter: &RequestFilter,
        page: &Page,
    ) -> rusqlite::Result<Option<Self>> {
        let mut conditions = Self {
            sql: String::new(),
            values: Vec::new(),
            account: None,
        };
        if let Some(account) = &filter.account {
            let Some(id) = find(connection, account)? else {
                return Ok(None);
            };
            conditions.account = Some(id);
        }
        for (column, name) in [
            ("provider", &filter.provider),
            ("model", &filter.model),
            ("key", &filter.key),
            ("agent", &filter.agent),
        ] {
            let Some(name) = name else { continue };
            let Some(id) = find(connection, name)? else {
                return Ok(None);
            };
            conditions.push(&format!("r.{column} = ?"), id);
        }
        if filter.failed_only {
            conditions.sql.push_str(" AND r.ending >= 2");
        }
        if let Some(session) = filter.session {
            conditions.push("r.session = ?", Vec::from(session));
        }
        conditions.push_times(connection, filter)?;
        if let Some(before) = page.before {
            conditions.push("r.seq < ?", before);
        }
        if let Some(after) = page.after {
            conditions.push("r.seq > ?", after);
        }
        Ok(Some(conditions))
    }

    /// Bounds by arrival, and the numbers between which such requests lie.
    fn push_times(
        &mut self,
        connection: &Connection,
        filter: &RequestFilter,
    ) -> rusqlite::Result<()> {
        if let Some(from) = filter.from {
            self.push("r.received_us >= ?", moment(from));
            let sql = "SELECT min(first_seq) FROM arrivals WHERE quarter >= ?1";
            let first = seq_bound(connection, sql, from)?;
            self.push("r.seq >= ?", first.unwrap_or(i64::MAX));
        }
        if let Some(until) = filter.until {
            self.push("r.received_us < ?", moment(until));
            let sql = "SELECT max(last_seq) FROM arrivals WHERE quarter <= ?1";
            let last = seq_bound(connection, sql, until)?;
            self.push("r.seq <= ?", last.unwrap_or(0));
        }
        Ok(())
    }

    fn push(&mut self, condition: &str, value: impl Into<Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.push(value.into());
    }

    fn select(&self, connection: &Connection, page: &Page) -> rusqlite::Result<Vec<RequestRow>> {
        let account = match self.account {
            Some(account) => format!(" AND r.account = {account}"),
            None => String::new(),
        };
        self.query(connection, page, "requests r", &account)
    }

    /// Requests whose earlier attempts asked the account.
    fn select_tried(
        &self,
        connection: &Connection,
        page: &Page,
        account: i64,
    ) -> rusqlite::Result<Vec<RequestRow>> {
        let from = "tried t JOIN requests r ON r.seq = t.seq";
        self.query(
            connection,
            page,
            from,
            &format!(" AND t.account = {account}"),
        )
    }

    fn query(
        &self,
        connection: &Connection,
        page: &Page,
        from: &str,
        account: &str,
    ) -> rusqlite::Result<Vec<RequestRow>> {
        let direction = if page.after.is_some() { "ASC" } else { "DESC" };
        let sql = format!(
            "SELECT {} FROM {from} WHERE 1{account}{} ORDER BY r.seq {direction} LIMIT {}",
            row_columns("r"),
            self.sql,
            page.rows_max.min(ROWS_MAX)
        );
        let mut names = NameTexts::new(connection);
        let mut select = connection.prepare_cached(&sql)?;
        let mut rows = select.query(params_from_iter(&self.values))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(RequestRow::read(row, &mut names)?);
        }
        Ok(found)
    }
}

fn seq_bound(connection: &Connection, sql: &str, at: Timestamp) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached(sql)?;
    let bound = select
        .query_row([quarter_of(at)], |row| row.get::<_, Option<i64>>(0))
        .optional()?;
    Ok(bound.flatten())
}

/// Conditions on names; `None` where a name is known to no row.
fn only_sql(
    connection: &Connection,
    only: &[(Dimension, String)],
) -> rusqlite::Result<Option<String>> {
    let mut sql = String::new();
    for (dimension, name) in only {
        let Some(id) = find(connection, name)? else {
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
