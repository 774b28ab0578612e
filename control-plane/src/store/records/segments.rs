//! Segments: what came in a burst, many plain records in one row, which costs a tenth of a row each.
//!
//! Their share of the sums is written with them, in the same transaction. Their rows are made of
//! them once a reader asks for these, or nothing more comes; a record whose request has a row
//! already is then taken out of the sums again, so that it counts once. What failed is never packed:
//! it is what people look for.

use std::sync::Arc;

use memchr::memmem;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::detail::{self, Detail};
use super::row::{operation_of_word, operation_word};
use crate::canon::Loss;
use crate::record::packed::{self, Packer};
use crate::record::{PassedOver, Record, Resolved};

/// How many different texts are remembered of what models became.
const RESTS_MAX: usize = 16;

/// Packs the plain records of a batch.
#[derive(Default)]
pub(super) struct Segment {
    packer: Packer,
    first_seq: i64,
    last_seq: i64,
}

impl Segment {
    pub(super) fn push(&mut self, seq: i64, record: &Record, rest: &str) {
        if self.packer.is_empty() {
            self.first_seq = seq;
        }
        self.last_seq = seq;
        let operation = record.operation.map(operation_word);
        self.packer.push(seq, record, operation, rest);
    }

    /// Writes it, where there is anything in it.
    pub(super) fn write(self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        if self.packer.is_empty() {
            return Ok(());
        }
        let count = self.packer.count().cast_signed();
        let mut insert =
            transaction.prepare_cached("INSERT INTO segments VALUES (?1, ?2, ?3, ?4)")?;
        let bytes = self.packer.finish();
        insert.execute(params![self.first_seq, self.last_seq, count, bytes])?;
        Ok(())
    }
}

/// What is stored of a record besides its attempts, as text. Requests share it, mostly.
#[derive(Default)]
pub(super) struct Rests {
    known: Vec<Rest>,
}

struct Rest {
    resolved: Option<Arc<Resolved>>,
    passed_over: Vec<PassedOver>,
    losses: Vec<Loss>,
    repeats: Option<Box<str>>,
    text: Box<str>,
}

impl Rest {
    fn is_of(&self, record: &Record) -> bool {
        let is_same = match (&self.resolved, &record.resolved) {
            (Some(known), Some(resolved)) => Arc::ptr_eq(known, resolved),
            (None, None) => true,
            _ => false,
        };
        is_same
            && self.passed_over == record.passed_over
            && self.losses == record.losses
            && self.repeats == record.repeats
    }
}

impl Rests {
    pub(super) fn text_of(&mut self, record: &Record) -> &str {
        let known = self.known.iter().position(|rest| rest.is_of(record));
        let index = known.unwrap_or_else(|| {
            if self.known.len() == RESTS_MAX {
                self.known.remove(0);
            }
            self.known.push(Rest {
                resolved: record.resolved.clone(),
                passed_over: record.passed_over.clone(),
                losses: record.losses.clone(),
                repeats: record.repeats.clone(),
                text: detail::rest_of(record).into(),
            });
            self.known.len() - 1
        });
        &self.known[index].text
    }
}

/// What waits in segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Packed {
    pub(super) records: u64,
    pub(super) bytes: u64,
}

impl Packed {
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let mut select = connection.prepare_cached(
            "SELECT coalesce(sum(records), 0), coalesce(sum(length(bytes)), 0) FROM segments",
        )?;
        select.query_row([], |row| {
            let sum = |at| row.get(at).map(i64::cast_unsigned);
            Ok(Self {
                records: sum(0)?,
                bytes: sum(1)?,
            })
        })
    }
}

/// Which segments a question may be about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which<'w> {
    /// The latest ones of those with numbers above the one and below the other, at most so many.
    Between(i64, i64, usize),
    /// Those in which these bytes stand.
    With(&'w [u8]),
}

impl Which<'_> {
    pub(super) const ALL: Self = Self::Between(i64::MIN, i64::MAX, usize::MAX);

    /// The first numbers of these segments, the latest first.
    pub(super) fn find(self, connection: &Connection) -> rusqlite::Result<Vec<i64>> {
        match self {
            Self::Between(above, below, count_max) => {
                let mut select = connection.prepare_cached(
                    "SELECT first_seq FROM segments WHERE last_seq > ?1 AND first_seq < ?2
                    ORDER BY first_seq DESC LIMIT ?3",
                )?;
                let limit = i64::try_from(count_max).unwrap_or(i64::MAX);
                let found = select.query_map([above, below, limit], |row| row.get(0))?;
                found.collect()
            }
            Self::With(needle) => {
                let finder = memmem::Finder::new(needle);
                let mut select = connection
                    .prepare_cached("SELECT first_seq, bytes FROM segments ORDER BY 1 DESC")?;
                let mut rows = select.query([])?;
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    let bytes = row.get_ref(1)?.as_blob().unwrap_or_default();
                    if finder.find(bytes).is_some() {
                        found.push(row.get(0)?);
                    }
                }
                Ok(found)
            }
        }
    }
}

/// The records of a segment with their numbers, and how many of them cannot be read.
#[derive(Default)]
pub(super) struct Unpacked {
    pub(super) records: Vec<(i64, Record)>,
    pub(super) unreadable: u64,
}

/// Takes a segment out of its table. `None` where it is gone.
pub(super) fn take(
    transaction: &Transaction<'_>,
    first_seq: i64,
) -> rusqlite::Result<Option<Unpacked>> {
    let mut select =
        transaction.prepare_cached("SELECT records, bytes FROM segments WHERE first_seq = ?1")?;
    let segment: Option<(i64, Vec<u8>)> = select
        .query_row([first_seq], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((count, bytes)) = segment else {
        return Ok(None);
    };
    let mut delete = transaction.prepare_cached("DELETE FROM segments WHERE first_seq = ?1")?;
    delete.execute([first_seq])?;
    let records = unpack(&bytes);
    Ok(Some(Unpacked {
        unreadable: count.cast_unsigned().saturating_sub(records.len() as u64),
        records,
    }))
}

fn unpack(bytes: &[u8]) -> Vec<(i64, Record)> {
    // The text that was read last, and the record that it was read for.
    let mut latest: Option<(&str, Record)> = None;
    let mut records = Vec::new();
    for unpacked in packed::unpack(bytes).into_iter().flatten().flatten() {
        let mut record = unpacked.record;
        record.operation = unpacked.operation.and_then(operation_of_word);
        match &latest {
            Some((text, of)) if *text == unpacked.rest => {
                record.resolved.clone_from(&of.resolved);
                record.passed_over.clone_from(&of.passed_over);
                record.losses.clone_from(&of.losses);
            }
            _ => {
                let Ok(detail) = serde_json::from_str::<Detail<'_>>(unpacked.rest) else {
                    continue;
                };
                let attempts = std::mem::take(&mut record.attempts);
                detail.complete(&mut record);
                record.attempts = attempts;
                latest = Some((unpacked.rest, record.clone()));
            }
        }
        records.push((unpacked.seq, record));
    }
    records
}
