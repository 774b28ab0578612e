//! Whether the file of the records is whole.

use super::RecordsProblem;
use super::reader::{Read, RecordReader};

impl RecordReader {
    /// Reads the whole file, which takes a second for each hundred thousand records.
    ///
    /// # Errors
    /// When it is damaged or cannot be read; a missing file is whole.
    pub fn check(&self) -> Read<()> {
        let verdict: Option<String> = self.with(|connection| {
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        })?;
        match verdict {
            Some(why) if why != "ok" => Err(RecordsProblem::Damaged { why }),
            _ => Ok(()),
        }
    }
}
