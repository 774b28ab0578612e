//! Bodies in their table: deflated, and the first to go where space is short.
//!
//! Its short keys and words are stored, so they stay as they are.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::retention::give_back;
use super::row::moment;
use crate::outcome::Timestamp;
use crate::record::bodies::{
    BODY_BYTES_MAX, Chunk, Direction, RecordedBody, RecordedHeader, StartLine,
};

/// Of how many requests bodies are deleted in one transaction.
const REQUESTS_MAX: usize = 20;
/// A body with what stands for its secrets: none is longer than a secret of four characters twice.
const UNPACKED_BYTES_MAX: u64 = 3 * BODY_BYTES_MAX as u64;

/// A body as it is written.
pub(super) struct StoredBody {
    head: String,
    bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    /// The direction.
    d: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attempt: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// Name, value where it is kept, and length.
    h: Vec<(String, Option<String>, u32)>,
    size: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    redacted: u32,
    /// Of each piece how long it is, and how many milliseconds after the one before it came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    chunks: Vec<(u32, u32)>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "for serde")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// Packs bodies for the file.
pub(super) fn packed(bodies: Vec<RecordedBody>) -> Vec<StoredBody> {
    let pack = |body: RecordedBody| StoredBody {
        bytes: deflated(&body.bytes),
        // The texts of a head always have a form in JSON.
        head: serde_json::to_string(&Head::of(body)).unwrap_or_default(),
    };
    bodies.into_iter().map(pack).collect()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

pub(super) fn insert(
    connection: &Connection,
    seq: i64,
    received_at: Timestamp,
    bodies: &[StoredBody],
) -> rusqlite::Result<()> {
    if bodies.is_empty() {
        return Ok(());
    }
    let mut insert = connection.prepare_cached("INSERT INTO bodies VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for (part, body) in (0_i64..).zip(bodies) {
        insert.execute(params![
            seq,
            part,
            moment(received_at),
            body.head,
            body.bytes
        ])?;
    }
    Ok(())
}

/// The bodies of the request with that id.
pub(super) fn read(connection: &Connection, id: &Value) -> rusqlite::Result<Vec<RecordedBody>> {
    let sql = "SELECT b.head, b.bytes FROM bodies b JOIN requests r ON r.seq = b.seq
        WHERE r.id = ?1 ORDER BY b.part";
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([id])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let head: String = row.get(0)?;
        let packed: Vec<u8> = row.get(1)?;
        found.extend(unpacked(&head, &packed));
    }
    Ok(found)
}

/// `None` where it is of a form that this program does not know.
fn unpacked(head: &str, packed: &[u8]) -> Option<RecordedBody> {
    let head: Head = serde_json::from_str(head).ok()?;
    let mut bytes = Vec::new();
    let mut inflater = DeflateDecoder::new(packed).take(UNPACKED_BYTES_MAX);
    inflater.read_to_end(&mut bytes).ok()?;
    head.into_body(bytes)
}

/// How many requests have bodies, and how many bytes these take.
pub(super) fn size(connection: &Connection) -> rusqlite::Result<(u64, u64)> {
    let sql =
        "SELECT count(DISTINCT seq), coalesce(sum(length(bytes) + length(head)), 0) FROM bodies";
    connection.query_row(sql, [], |row| {
        let count = |at| row.get(at).map(i64::cast_unsigned);
        Ok((count(0)?, count(1)?))
    })
}

/// Deletes the bodies of the oldest requests that meet the condition, in a transaction of its own.
/// Returns of how many requests.
pub(super) fn delete_oldest(
    connection: &mut Connection,
    condition: &str,
) -> rusqlite::Result<usize> {
    let sql = format!(
        "SELECT DISTINCT seq FROM bodies WHERE {condition} ORDER BY seq LIMIT {REQUESTS_MAX}"
    );
    let chosen: Vec<i64> = {
        let mut select = connection.prepare_cached(&sql)?;
        let rows = select.query_map([], |row| row.get(0))?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    if chosen.is_empty() {
        return Ok(0);
    }
    let transaction = connection.transaction()?;
    for seq in &chosen {
        let mut delete = transaction.prepare_cached("DELETE FROM bodies WHERE seq = ?1")?;
        delete.execute([seq])?;
    }
    transaction.commit()?;
    Ok(chosen.len())
}

/// Deletes all bodies, from the journal too.
pub(super) fn delete_all(connection: &mut Connection) -> rusqlite::Result<()> {
    while delete_oldest(connection, "1")? > 0 {
        give_back(connection)?;
    }
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

impl Head {
    fn of(body: RecordedBody) -> Self {
        let (method, target, status) = match body.start {
            StartLine::Request { method, target } => (Some(method), Some(target), None),
            StartLine::Response { status } => (None, None, Some(status)),
        };
        let headers = body.headers.into_iter();
        Self {
            d: body.direction.name().to_owned(),
            attempt: body.attempt,
            method,
            target,
            status,
            h: headers
                .map(|header| (header.name, header.value, header.bytes))
                .collect(),
            size: body.size,
            cut: body.is_cut,
            redacted: body.redactions,
            chunks: steps(&body.chunks),
        }
    }

    fn into_body(self, bytes: Vec<u8>) -> Option<RecordedBody> {
        let start = match (self.method, self.target, self.status) {
            (Some(method), Some(target), _) => StartLine::Request { method, target },
            (_, _, Some(status)) => StartLine::Response { status },
            _ => return None,
        };
        let headers = self.h.into_iter();
        Some(RecordedBody {
            direction: Direction::named(&self.d)?,
            attempt: self.attempt,
            start,
            headers: headers
                .map(|(name, value, bytes)| RecordedHeader { name, value, bytes })
                .collect(),
            bytes,
            size: self.size,
            is_cut: self.cut,
            redactions: self.redacted,
            chunks: sums(&self.chunks),
        })
    }
}

/// Each piece against the one before it, which is short to write.
fn steps(chunks: &[Chunk]) -> Vec<(u32, u32)> {
    let mut last = (0, 0);
    let step = |chunk: &Chunk| {
        let step = (
            chunk.end.saturating_sub(last.0),
            chunk.at_ms.saturating_sub(last.1),
        );
        last = (chunk.end, chunk.at_ms);
        step
    };
    chunks.iter().map(step).collect()
}

fn sums(steps: &[(u32, u32)]) -> Vec<Chunk> {
    let mut last = (0_u32, 0_u32);
    let sum = |(length, after): &(u32, u32)| {
        last = (
            last.0.saturating_add(*length),
            last.1.saturating_add(*after),
        );
        Chunk {
            end: last.0,
            at_ms: last.1,
        }
    };
    steps.iter().map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_back_as_it_was() {
        let request = RecordedBody {
            direction: Direction::WentUpstream,
            attempt: Some(2),
            start: StartLine::Request {
                method: "POST".to_owned(),
                target: "https://a.example/v1".to_owned(),
            },
            headers: vec![RecordedHeader {
                name: "authorization".to_owned(),
                value: None,
                bytes: 7,
            }],
            bytes: b"{}".repeat(1_000),
            size: 3_000,
            is_cut: true,
            redactions: 1,
            chunks: Vec::new(),
        };
        let response = RecordedBody {
            direction: Direction::CameBack,
            start: StartLine::Response { status: 200 },
            bytes: vec![0, 255],
            chunks: vec![Chunk { end: 1, at_ms: 5 }, Chunk { end: 2, at_ms: 9 }],
            is_cut: false,
            redactions: 0,
            ..request.clone()
        };
        for body in [request, response] {
            let stored = packed(vec![body.clone()]).remove(0);
            assert!(stored.bytes.len() < 100);
            assert_eq!(unpacked(&stored.head, &stored.bytes), Some(body));
        }
    }
}
