//! Whether anything was served yet, to one program and to all others: from the sums, which outlive
//! the records.

use rusqlite::Connection;

use super::names;
use super::reader::{Read, RecordReader};

/// Whether requests were served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// To the program in question.
    pub to_client: bool,
    pub to_others: bool,
}

impl RecordReader {
    /// Whether that program, and whether any other, got a response that was no error.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn served(&self, client: &str) -> Read<Served> {
        let found = self.with(|connection| {
            let id = names::find(connection, client)?;
            Ok(Served {
                to_client: match id {
                    Some(id) => is_served(connection, "agent = ?1", id)?,
                    None => false,
                },
                // The number 0 stands for programs without a name, and is the one of none.
                to_others: is_served(connection, "agent <> ?1", id.unwrap_or(-1))?,
            })
        })?;
        Ok(found.unwrap_or_default())
    }
}

fn is_served(connection: &Connection, whose: &str, id: i64) -> rusqlite::Result<bool> {
    let sql = format!(
        "SELECT EXISTS (SELECT 1 FROM rollup WHERE {whose} AND requests > failed + refused)"
    );
    let mut select = connection.prepare_cached(&sql)?;
    select.query_row([id], |row| row.get(0))
}
