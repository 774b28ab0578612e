//! The requests of one conversation, around one of them.

use rusqlite::{OptionalExtension as _, params};

use super::names::NameTexts;
use super::reader::{Read, RecordReader};
use super::row::id_text;
use super::segments::Which;

/// Up to where the requests of a conversation are counted.
pub const CONVERSATION_MAX: u64 = 1_000;

/// Where a request stands in its conversation, among those that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Counted from 1; `None` beyond [`CONVERSATION_MAX`].
    pub position: Option<u64>,
    /// Up to [`CONVERSATION_MAX`], which then stands for that many or more.
    pub requests: u64,
    pub previous: Option<Turn>,
    pub next: Option<Turn>,
}

/// Another request of the same conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub request_id: String,
    /// Of the last attempt.
    pub account: Option<String>,
}

impl RecordReader {
    /// The conversation around the request of that number.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn conversation(&self, session: &[u8; 16], seq: i64) -> Read<Option<Conversation>> {
        self.unpack(Which::With(session))?;
        self.with(|connection| {
            let turn = |condition: &str| -> rusqlite::Result<Option<Turn>> {
                let sql = format!(
                    "SELECT id, account FROM requests INDEXED BY requests_of_session
                    WHERE session = ?1 AND seq {condition} LIMIT 1"
                );
                let mut select = connection.prepare_cached(&sql)?;
                let mut names = NameTexts::new(connection);
                let found = select
                    .query_row(params![session, seq], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                let Some((id, account)) = found else {
                    return Ok(None);
                };
                Ok(Some(Turn {
                    request_id: id_text(id),
                    account: names.text(account)?,
                }))
            };
            let count = |condition: &str| -> rusqlite::Result<u64> {
                let sql = format!(
                    "SELECT count(*) FROM (SELECT 1 FROM requests INDEXED BY requests_of_session
                    WHERE session = ?1 AND seq {condition} LIMIT {CONVERSATION_MAX})"
                );
                let mut select = connection.prepare_cached(&sql)?;
                select.query_row(params![session, seq], |row| {
                    row.get(0).map(i64::cast_unsigned)
                })
            };
            let (before, after) = (count("< ?2")?, count("> ?2")?);
            Ok(Conversation {
                position: (before < CONVERSATION_MAX).then_some(before + 1),
                requests: (before + 1 + after).min(CONVERSATION_MAX),
                previous: turn("< ?2 ORDER BY seq DESC")?,
                next: turn("> ?2 ORDER BY seq")?,
            })
        })
    }
}
