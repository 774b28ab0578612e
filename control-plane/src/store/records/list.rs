//! Requests as a list: which ones, page by page in both directions.
//!
//! Names are interned, so one that no record has is answered at once. What filters look at lies in
//! one narrow index in the order of the list: whatever they are, a page costs one look at a few
//! bytes a record at most.

use rusqlite::{Connection, OptionalExtension as _, params_from_iter, types::Value};

use super::names::{NameTexts, find};
use super::reader::{Read, RecordReader};
use super::rollup::quarter_of;
use super::row::{RequestRow, asked_hash, moment, row_columns};
use super::segments::Which;
use crate::ordering;
use crate::outcome::Timestamp;
use crate::record::{Cause, Ending, blame_name};

/// The most rows of one page, and up to where rows are counted.
const ROWS_MAX: usize = 1_000;

/// Which requests are meant. Everything that is set must hold. An empty name stands for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// None of them: however it ended.
    pub endings: Vec<Ending>,
    pub cause: Option<Cause>,
    pub blame: Option<crate::canon::Blame>,
    /// The client's name of the model.
    pub asked: Option<String>,
    /// The account of any attempt.
    pub account: Option<String>,
    pub provider: Option<String>,
    /// The upstream's name.
    pub model: Option<String>,
    pub key: Option<String>,
    /// The client's program.
    pub agent: Option<String>,
    pub session: Option<[u8; 16]>,
    /// By arrival.
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// A part of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterPart {
    Ending,
    Cause,
    Blame,
    Asked,
    Account,
    Provider,
    Model,
    Key,
    Client,
    Session,
    Since,
    Until,
}

impl FilterPart {
    pub const ALL: [Self; 12] = [
        Self::Ending,
        Self::Cause,
        Self::Blame,
        Self::Asked,
        Self::Account,
        Self::Provider,
        Self::Model,
        Self::Key,
        Self::Client,
        Self::Session,
        Self::Since,
        Self::Until,
    ];

    /// The word for it, as in the URL and among the flags of `log`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ending => "ending",
            Self::Cause => "cause",
            Self::Blame => "blame",
            Self::Asked => "asked",
            Self::Account => "account",
            Self::Provider => "provider",
            Self::Model => "model",
            Self::Key => "key",
            Self::Client => "client",
            Self::Session => "session",
            Self::Since => "since",
            Self::Until => "until",
        }
    }
}

impl RequestFilter {
    /// The parts that are set.
    pub fn parts(&self) -> Vec<FilterPart> {
        let is_set = |part: &FilterPart| self.without(*part) != *self;
        FilterPart::ALL.into_iter().filter(is_set).collect()
    }

    /// The filter without one of its parts.
    #[must_use]
    pub fn without(&self, part: FilterPart) -> Self {
        let mut filter = self.clone();
        match part {
            FilterPart::Ending => filter.endings.clear(),
            FilterPart::Cause => filter.cause = None,
            FilterPart::Blame => filter.blame = None,
            FilterPart::Asked => filter.asked = None,
            FilterPart::Account => filter.account = None,
            FilterPart::Provider => filter.provider = None,
            FilterPart::Model => filter.model = None,
            FilterPart::Key => filter.key = None,
            FilterPart::Client => filter.agent = None,
            FilterPart::Session => filter.session = None,
            FilterPart::Since => filter.from = None,
            FilterPart::Until => filter.until = None,
        }
        filter
    }

    fn is_of_failures(&self) -> bool {
        !self.endings.is_empty() && self.endings.iter().all(|ending| ending.is_failure())
    }

    /// Whether it looks at what the narrow index holds, besides the account and the ending.
    fn is_narrow(&self) -> bool {
        self.cause.is_some()
            || self.blame.is_some()
            || self.asked.is_some()
            || self.provider.is_some()
            || self.model.is_some()
            || self.key.is_some()
            || self.agent.is_some()
    }
}

impl RequestFilter {
    /// Tables and conditions of requests, by their last attempts, from `FROM` on. `None` where a
    /// name is known to no record.
    pub(super) fn sql(
        &self,
        connection: &Connection,
    ) -> rusqlite::Result<Option<(String, Vec<Value>)>> {
        let conditions = Conditions::of(connection, self, &Page::default())?;
        Ok(conditions.map(|conditions| (conditions.from(Among::Last), conditions.values)))
    }
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

impl RecordReader {
    /// The requests that the filter takes: the latest first, but after [`Page::after`] the oldest.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self, filter: &RequestFilter, page: &Page) -> Read<Vec<RequestRow>> {
        if filter.is_of_failures() {
            return self.list_rows(filter, page);
        }
        // The latest first, and twice as many each time: mostly they fill the page.
        let mut segments = 1;
        loop {
            let rows = self.list_rows(filter, page)?;
            let is_filled = rows.len() >= page.rows_max.min(ROWS_MAX) && page.after.is_none();
            let last = rows.last().filter(|_| is_filled).map(|row| row.seq);
            let above = last.or(page.after).unwrap_or(i64::MIN);
            let before = page.before.unwrap_or(i64::MAX);
            if !self.unpack(Which::Between(above, before, segments))? {
                return Ok(rows);
            }
            segments = segments.saturating_mul(2);
        }
    }

    fn list_rows(&self, filter: &RequestFilter, page: &Page) -> Read<Vec<RequestRow>> {
        let found = self.with(|connection| {
            let Some(conditions) = Conditions::of(connection, filter, page)? else {
                return Ok(Vec::new());
            };
            let mut rows = conditions.select(connection, page)?;
            if let Some(account) = conditions.tried() {
                rows.extend(conditions.select_tried(connection, page, account)?);
                ordering::sort_by_key(&mut rows, |row| row.seq);
                if page.after.is_none() {
                    rows.reverse();
                }
                rows.truncate(page.rows_max.min(ROWS_MAX));
            }
            Ok(rows)
        })?;
        Ok(found.unwrap_or_default())
    }

    /// How many requests the filter takes, counted up to a thousand.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn count(&self, filter: &RequestFilter) -> Read<usize> {
        let mut segments = 1;
        loop {
            let count = self.count_rows(filter)?;
            let is_all = count == ROWS_MAX || filter.is_of_failures();
            if is_all || !self.unpack(Which::Between(i64::MIN, i64::MAX, segments))? {
                return Ok(count);
            }
            segments = segments.saturating_mul(2);
        }
    }

    fn count_rows(&self, filter: &RequestFilter) -> Read<usize> {
        let found = self.with(|connection| {
            let page = Page::default();
            let Some(conditions) = Conditions::of(connection, filter, &page)? else {
                return Ok(0);
            };
            let mut counted = conditions.count(connection, Among::Last)?;
            if conditions.tried().is_some() {
                counted += conditions.count(connection, Among::Earlier)?;
            }
            Ok(counted.min(ROWS_MAX))
        })?;
        Ok(found.unwrap_or_default())
    }

    /// Which part of a filter that takes nothing excludes the most, and how many requests there are
    /// without it, counted up to a thousand. `None` where no single part is to blame.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn excludes_most(&self, filter: &RequestFilter) -> Read<Option<(FilterPart, usize)>> {
        let mut most = None;
        for part in filter.parts() {
            let count = self.count(&filter.without(part))?;
            if count > most.map_or(0, |(_, most)| most) {
                most = Some((part, count));
            }
        }
        Ok(most)
    }
}

/// Where a filter's account is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Among {
    /// The last attempts.
    Last,
    Earlier,
}

/// A filter as SQL.
struct Conditions {
    /// Besides the account.
    sql: String,
    values: Vec<Value>,
    /// 0: none.
    account: Option<i64>,
    index: &'static str,
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
            index: index_for(filter),
        };
        if let Some(account) = &filter.account {
            let Some(id) = id_of(connection, account)? else {
                return Ok(None);
            };
            conditions.account = Some(id);
        }
        if !conditions.push_names(connection, filter)? {
            return Ok(None);
        }
        conditions.push_ending(filter);
        if let Some(asked) = &filter.asked {
            conditions.push_asked(asked);
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

    /// Whether all names are known.
    fn push_names(
        &mut self,
        connection: &Connection,
        filter: &RequestFilter,
    ) -> rusqlite::Result<bool> {
        for (column, name) in [
            ("provider", &filter.provider),
            ("model", &filter.model),
            ("key", &filter.key),
            ("agent", &filter.agent),
        ] {
            let Some(name) = name else { continue };
            match id_of(connection, name)? {
                None => return Ok(false),
                Some(0) => self.sql.push_str(&format!(" AND r.{column} IS NULL")),
                Some(id) => self.push(&format!("r.{column} = ?"), id),
            }
        }
        Ok(true)
    }

    fn push_ending(&mut self, filter: &RequestFilter) {
        if filter.is_of_failures() {
            // In the words of the partial index.
            self.sql.push_str(" AND r.ending >= 2");
        }
        if !filter.endings.is_empty() {
            let numbers: Vec<String> = filter
                .endings
                .iter()
                .map(|ending| ending.number().to_string())
                .collect();
            self.sql
                .push_str(&format!(" AND r.ending IN ({})", numbers.join(", ")));
        }
        if let Some(cause) = filter.cause {
            self.push("r.cause = ?", cause.name().to_owned());
        }
        if let Some(blame) = filter.blame {
            self.push("r.blame = ?", blame_name(blame).to_owned());
        }
    }

    /// The hash is in the narrow index, the name is not.
    fn push_asked(&mut self, asked: &str) {
        self.push(
            "(r.asked_hash = ? OR r.asked_hash IS NULL)",
            asked_hash(asked),
        );
        self.push(
            "coalesce(r.asked, (SELECT text FROM names WHERE id = r.model), '') = ?",
            asked.to_owned(),
        );
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

    /// The account that earlier attempts may have asked.
    fn tried(&self) -> Option<i64> {
        self.account.filter(|account| *account != 0)
    }

    /// Tables and conditions, from `FROM` on.
    fn from(&self, among: Among) -> String {
        let (tables, account) = match (among, self.account) {
            (Among::Last, None) => (format!("requests r {}", self.index), String::new()),
            (Among::Last, Some(0)) => (
                format!("requests r {}", self.index),
                " AND r.account IS NULL".to_owned(),
            ),
            (Among::Last, Some(id)) => (
                format!("requests r {}", self.index),
                format!(" AND r.account = {id}"),
            ),
            // Of these there are few, and each is found by its number.
            (Among::Earlier, id) => (
                "tried t CROSS JOIN requests r ON r.seq = t.seq".to_owned(),
                format!(" AND t.account = {}", id.unwrap_or_default()),
            ),
        };
        format!("FROM {tables} WHERE 1{account}{}", self.sql)
    }

    fn select(&self, connection: &Connection, page: &Page) -> rusqlite::Result<Vec<RequestRow>> {
        self.query(connection, page, Among::Last)
    }

    /// Requests whose earlier attempts asked the account, and the last one did not.
    fn select_tried(
        &self,
        connection: &Connection,
        page: &Page,
        account: i64,
    ) -> rusqlite::Result<Vec<RequestRow>> {
        debug_assert_eq!(self.account, Some(account));
        self.query(connection, page, Among::Earlier)
    }

    fn query(
        &self,
        connection: &Connection,
        page: &Page,
        among: Among,
    ) -> rusqlite::Result<Vec<RequestRow>> {
        let direction = if page.after.is_some() { "ASC" } else { "DESC" };
        let order = match among {
            Among::Last => "r.seq",
            Among::Earlier => "t.seq",
        };
        let sql = format!(
            "SELECT {} {} ORDER BY {order} {direction} LIMIT {}",
            row_columns("r"),
            self.from(among),
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

    fn count(&self, connection: &Connection, among: Among) -> rusqlite::Result<usize> {
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 {} LIMIT {ROWS_MAX})",
            self.from(among)
        );
        let mut select = connection.prepare_cached(&sql)?;
        select.query_row(params_from_iter(&self.values), |row| {
            row.get::<_, u32>(0).map(|count| count as usize)
        })
    }
}

/// The index by which few rows are looked at. The planner has no samples to know it by.
fn index_for(filter: &RequestFilter) -> &'static str {
    let is_narrow = filter.is_narrow();
    if filter.session.is_some() {
        "INDEXED BY requests_of_session"
    } else if is_narrow || (filter.account.is_some() && !filter.endings.is_empty()) {
        "INDEXED BY requests_narrow"
    } else if filter.account.is_some() {
        "INDEXED BY requests_of_account"
    } else if filter.is_of_failures() {
        "INDEXED BY requests_failed"
    } else if !filter.endings.is_empty() {
        "INDEXED BY requests_narrow"
    } else {
        "NOT INDEXED"
    }
}

/// The number of a name, 0 of an empty one; `None` where no record has it.
fn id_of(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    if name.is_empty() {
        return Ok(Some(0));
    }
    find(connection, name)
}

fn seq_bound(connection: &Connection, sql: &str, at: Timestamp) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached(sql)?;
    let bound = select
        .query_row([quarter_of(at)], |row| row.get::<_, Option<i64>>(0))
        .optional()?;
    Ok(bound.flatten())
}
