//! How long records are kept, and how large the file may be. Failures outlive successes; the rollup
//! stays for good.

use std::time::Duration;

use rusqlite::Connection;

use super::bodies;
use super::row::moment;
use crate::outcome::Timestamp;

/// How many rows are deleted in one transaction, so that nothing waits long for it.
pub(super) const ROWS_MAX: usize = 500;
/// How many pages are given back at a time.
const PAGES_MAX: u32 = 256;
/// How many batches of rows are deleted before records that wait have their turn.
pub(super) const ROUNDS_MAX: usize = 8;
/// What the journal beside the file may take, which counts to its size.
const JOURNAL_BYTES_MAX: u64 = 16 << 20;

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How long the records of requests that were served are kept.
    pub served: Duration,
    /// The same of requests that failed.
    pub failed: Duration,
    /// How long bodies are kept.
    pub bodies: Duration,
    /// The file with its journal.
    pub bytes_max: u64,
}

impl Default for Retention {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            served: Duration::from_secs(30 * DAY),
            failed: Duration::from_secs(90 * DAY),
            bodies: Duration::from_secs(7 * DAY),
            bytes_max: 256 << 20,
        }
    }
}

impl Retention {
    /// What the journal may take.
    pub(super) fn journal_bytes_max(&self) -> u64 {
        JOURNAL_BYTES_MAX.min(self.bytes_max / 4)
    }

    /// The size of the file from which on records are deleted.
    fn pages_bytes_max(&self) -> u64 {
        (self.bytes_max - self.journal_bytes_max()) / 100 * 95
    }
}

/// Deletes what is too old. Returns whether there may be more of it.
pub(super) fn delete_old(
    connection: &mut Connection,
    retention: &Retention,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let before = |kept: Duration| now.checked_sub(kept).map_or(0, moment);
    let mut may_be_more = delete_old_bodies(connection, before(retention.bodies))?;
    for (condition, bound) in [
        ("ending < 2", before(retention.served)),
        ("ending >= 2", before(retention.failed)),
    ] {
        for round in 0..ROUNDS_MAX {
            let sql = format!("{condition} AND received_us < {bound} AND seq <= {LAST_OF_OLD}");
            let deleted = delete(connection, &sql.replace(BOUND, &bound.to_string()))?;
            if deleted < ROWS_MAX {
                break;
            }
            may_be_more |= round + 1 == ROUNDS_MAX;
        }
    }
    give_back(connection)?;
    Ok(may_be_more)
}

const BOUND: &str = ":bound";
/// No request that arrived before the bound has a later number: rows behind it need no look.
pub(super) const LAST_OF_OLD: &str =
    "(SELECT coalesce(max(last_seq), 0) FROM arrivals WHERE quarter <= :bound / 900000000)";

/// Returns whether there may be more of them.
fn delete_old_bodies(connection: &mut Connection, bound: i64) -> rusqlite::Result<bool> {
    let sql = format!("received_us < {bound} AND seq <= {LAST_OF_OLD}");
    let condition = sql.replace(BOUND, &bound.to_string());
    for _ in 0..ROUNDS_MAX {
        if bodies::delete_oldest(connection, &condition)? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Deletes the oldest records while the file is too large: bodies first, then served requests.
pub(super) fn delete_excess(
    connection: &mut Connection,
    retention: &Retention,
) -> rusqlite::Result<()> {
    for _ in 0..ROUNDS_MAX {
        if file_bytes(connection)? <= retention.pages_bytes_max() {
            return Ok(());
        }
        if bodies::delete_oldest(connection, "1")? > 0 {
            give_back(connection)?;
            continue;
        }
        let is_served_left = delete(connection, "ending < 2")? > 0;
        if !is_served_left && delete(connection, "ending >= 2")? == 0 {
            return Ok(());
        }
        give_back(connection)?;
    }
    Ok(())
}

/// Deletes the oldest rows that meet the condition, in a transaction of their own.
pub(super) fn delete(connection: &mut Connection, condition: &str) -> rusqlite::Result<usize> {
    let transaction = connection.transaction()?;
    let select =
        format!("SELECT seq FROM requests WHERE {condition} ORDER BY seq LIMIT {ROWS_MAX}");
    let chosen: Vec<i64> = {
        let mut statement = transaction.prepare(&select)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    {
        let mut row = transaction.prepare_cached("DELETE FROM requests WHERE seq = ?1")?;
        let mut tried = transaction.prepare_cached("DELETE FROM tried WHERE seq = ?1")?;
        let mut bodies = transaction.prepare_cached("DELETE FROM bodies WHERE seq = ?1")?;
        for seq in &chosen {
            row.execute([seq])?;
            tried.execute([seq])?;
            bodies.execute([seq])?;
        }
    }
    transaction.commit()?;
    Ok(chosen.len())
}

/// Bounds the journal: it is written back into the file long before its limit.
pub(super) fn bound_journal(
    connection: &Connection,
    retention: &Retention,
) -> rusqlite::Result<()> {
    /// SQLite's own default.
    const PAGES_MAX: i64 = 1_000;
    let limit = retention.journal_bytes_max().cast_signed();
    let page_size: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    connection.pragma_update(None, "journal_size_limit", limit)?;
    let pages = PAGES_MAX.min(limit / 2 / page_size);
    connection.pragma_update(None, "wal_autocheckpoint", pages)
}

/// Gives free pages back to the file system.
pub(super) fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({PAGES_MAX})"))?;
    let mut steps = vacuum.query([])?;
    // Each step frees a page.
    while steps.next()?.is_some() {}
    Ok(())
}

/// The size of the file without its journal.
pub(super) fn file_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok((pragma("page_count")? * pragma("page_size")?).cast_unsigned())
}
