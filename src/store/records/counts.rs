//! How many records there are.

use super::reader::{Read, RecordReader};
use super::row::at;
use crate::outcome::Timestamp;

/// The records that are kept, by how their requests ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordCounts {
    pub done: u64,
    pub left: u64,
    pub failed: u64,
    pub refused: u64,
    pub oldest: Option<Timestamp>,
}

impl RecordReader {
    /// Counts all records: a look at a few bytes of each.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn counts(&self) -> Read<RecordCounts> {
        let counted = self.with(|connection| {
            let sql = "SELECT coalesce(sum(ending = 0), 0), coalesce(sum(ending = 1), 0),
                coalesce(sum(ending = 2), 0), coalesce(sum(ending = 3), 0),
                (SELECT received_us FROM requests ORDER BY seq LIMIT 1)
                FROM requests INDEXED BY requests_narrow";
            connection.query_row(sql, [], |row| {
                let count = |at| row.get(at).map(i64::cast_unsigned);
                let oldest: Option<i64> = row.get(4)?;
                Ok(RecordCounts {
                    done: count(0)?,
                    left: count(1)?,
                    failed: count(2)?,
                    refused: count(3)?,
                    oldest: oldest.map(at),
                })
            })
        })?;
        Ok(counted.unwrap_or_default())
    }
}
