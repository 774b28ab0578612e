//! How many records there are.

use super::reader::{Read, RecordReader};
use super::row::at;
use super::segments::Which;
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
        self.unpack(Which::ALL)?;
        let counted = self.with(|connection| {
            let all = "SELECT count(*), (SELECT received_us FROM requests ORDER BY seq LIMIT 1) FROM requests";
            let (all, oldest): (i64, Option<i64>) =
                connection.query_row(all, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
            // Most are done: what is left is the rest of all.
            let others = "SELECT coalesce(sum(ending = 1), 0), coalesce(sum(ending = 2), 0),
                coalesce(sum(ending = 3), 0) FROM requests INDEXED BY requests_narrow WHERE ending > 0";
            connection.query_row(others, [], |row| {
                let count = |at| row.get(at).map(i64::cast_unsigned);
                let (left, failed, refused) = (count(0)?, count(1)?, count(2)?);
                Ok(RecordCounts {
                    done: all
                        .cast_unsigned()
                        .saturating_sub(left + failed + refused),
                    left,
                    failed,
                    refused,
                    oldest: oldest.map(at),
                })
            })
        })?;
        Ok(counted.unwrap_or_default())
    }
}
