//! Failures of a period, counted by what they have in common.

use std::collections::HashMap;

use super::list::RequestFilter;
use super::names::NameTexts;
use super::reader::{Read, RecordReader};
use super::row::{at, id_text};
use crate::outcome::Timestamp;
use crate::record::{Cause, blame_named};

/// How many failures are looked at, the latest.
const FAILURES_MAX: usize = 10_000;

/// Failures of one cause, by what its sentence names; the other names are `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureGroup {
    pub cause: Cause,
    pub blame: crate::canon::Blame,
    pub provider: Option<String>,
    pub account: Option<String>,
    /// The upstream's name.
    pub model: Option<String>,
    /// The client's name, where no provider was found.
    pub asked: Option<String>,
    /// The client's key.
    pub key: Option<String>,
    pub count: u64,
    /// Of the latest one.
    pub last_at: Timestamp,
    pub last_id: String,
    pub until: Option<Timestamp>,
}

/// Failures by cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    /// The one that failed last comes first.
    pub groups: Vec<FailureGroup>,
    /// Whether there are more, which were not looked at.
    pub is_cut: bool,
}

/// What failures of a cause have in common: a limit is the account's, an outage is the provider's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Nothing,
    Account,
    Provider,
    Model,
    /// The client's key.
    Key,
}

fn scope(cause: Cause) -> Scope {
    match cause {
        Cause::ContextTooLong | Cause::NoSuchModel => Scope::Model,
        Cause::KeyLimit | Cause::KeyExpired | Cause::ModelNotAllowed => Scope::Key,
        Cause::Account | Cause::Forbidden | Cause::QuotaSpent | Cause::RateLimited => {
            Scope::Account
        }
        Cause::Overloaded
        | Cause::Unreachable
        | Cause::Certificate
        | Cause::TimedOut
        | Cause::BrokeOff
        | Cause::Intercepted
        | Cause::Malformed
        | Cause::Provider => Scope::Provider,
        _ => Scope::Nothing,
    }
}

type GroupKey = (String, String, i64, i64, i64, String, i64);

impl RecordReader {
    /// What failed or was refused in a period, the latest ten thousand.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn failures(&self, from: Timestamp, until: Option<Timestamp>) -> Read<Failures> {
        let filter = RequestFilter {
            endings: vec![
                crate::record::Ending::Failed,
                crate::record::Ending::Refused,
            ],
            from: Some(from),
            until,
            ..RequestFilter::default()
        };
        let found = self.with(|connection| {
            let Some((tail, values)) = filter.sql(connection)? else {
                return Ok(Failures::default());
            };
            let sql = format!(
                "SELECT r.cause, r.blame, coalesce(r.provider, 0), coalesce(r.account, 0), coalesce(r.model, 0),
                    CASE WHEN r.provider IS NULL THEN r.asked END, r.received_us, r.until_us, r.id, coalesce(r.key, 0)
                {tail} ORDER BY r.seq DESC LIMIT {FAILURES_MAX}"
            );
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query(rusqlite::params_from_iter(values))?;
            let mut names = NameTexts::new(connection);
            let mut at_key: HashMap<GroupKey, usize> = HashMap::new();
            let mut failures = Failures::default();
            let mut looked_at = 0;
            while let Some(row) = rows.next()? {
                looked_at += 1;
                let Some(key) = read_key(row)? else { continue };
                if let Some(index) = at_key.get(&key) {
                    failures.groups[*index].count += 1;
                    continue;
                }
                if let Some(group) = read_group(row, &key, &mut names)? {
                    at_key.insert(key, failures.groups.len());
                    failures.groups.push(group);
                }
            }
            failures.is_cut = looked_at == FAILURES_MAX;
            Ok(failures)
        })?;
        Ok(found.unwrap_or_default())
    }
}

/// What tells the row's group from others. `None` where its cause is none that this program knows.
fn read_key(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<GroupKey>> {
    let cause: Option<String> = row.get(0)?;
    let blame: Option<String> = row.get(1)?;
    let Some((cause, blame)) = cause.zip(blame) else {
        return Ok(None);
    };
    let Some(scope) = Cause::named(&cause).map(scope) else {
        return Ok(None);
    };
    let (provider, account, model): (i64, i64, i64) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let asked: Option<String> = match scope {
        Scope::Model if provider == 0 => row.get(5)?,
        Scope::Key if cause == Cause::ModelNotAllowed.name() => row.get(5)?,
        _ => None,
    };
    let only = |is_named: bool, id: i64| if is_named { id } else { 0 };
    Ok(Some((
        cause,
        blame,
        only(!matches!(scope, Scope::Nothing | Scope::Key), provider),
        only(scope == Scope::Account, account),
        only(scope == Scope::Model, model),
        asked.unwrap_or_default(),
        only(scope == Scope::Key, row.get(9)?),
    )))
}

fn read_group(
    row: &rusqlite::Row<'_>,
    (cause, blame, provider, account, model, asked, key): &GroupKey,
    names: &mut NameTexts<'_>,
) -> rusqlite::Result<Option<FailureGroup>> {
    let Some((cause, blame)) = Cause::named(cause).zip(blame_named(blame)) else {
        return Ok(None);
    };
    Ok(Some(FailureGroup {
        cause,
        blame,
        provider: names.text(Some(*provider))?,
        account: names.text(Some(*account))?,
        model: names.text(Some(*model))?,
        asked: Some(asked.clone()).filter(|asked| !asked.is_empty()),
        key: names.text(Some(*key))?,
        count: 1,
        last_at: at(row.get(6)?),
        last_id: id_text(row.get(8)?),
        until: row.get::<_, Option<i64>>(7)?.map(at),
    }))
}
