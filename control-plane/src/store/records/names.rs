//! Interned names: an account, a model or a program is written once, and rows hold its number.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _};

/// How many names are remembered between two transactions.
const CACHED_MAX: usize = 10_000;
/// The longest name that is kept.
const NAME_BYTES_MAX: usize = 256;

/// The numbers of names that were written. What a transaction that failed wrote must be forgotten.
#[derive(Default)]
pub(super) struct NameIds(HashMap<Box<str>, i64>);

impl NameIds {
    /// The number of a name, which is written where it is new.
    pub(super) fn id(&mut self, connection: &Connection, name: &str) -> rusqlite::Result<i64> {
        let name = shortened(name);
        if let Some(id) = self.0.get(name) {
            return Ok(*id);
        }
        let id = match find(connection, name)? {
            Some(id) => id,
            None => {
                let mut insert =
                    connection.prepare_cached("INSERT INTO names (text) VALUES (?1)")?;
                insert.insert([name])?
            }
        };
        if self.0.len() >= CACHED_MAX {
            self.0.clear();
        }
        self.0.insert(name.into(), id);
        Ok(id)
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// The number of a name; `None` where no row can hold it.
pub(super) fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let mut select = connection.prepare_cached("SELECT id FROM names WHERE text = ?1")?;
    select
        .query_row([shortened(name)], |row| row.get(0))
        .optional()
}

fn shortened(name: &str) -> &str {
    let mut end = name.len().min(NAME_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

/// The names of numbers, for one reader.
pub(super) struct NameTexts<'c> {
    connection: &'c Connection,
    known: HashMap<i64, String>,
}

impl<'c> NameTexts<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            known: HashMap::new(),
        }
    }

    /// The name of that number. `None` for none: 0, or a number that is gone.
    pub(super) fn text(&mut self, id: Option<i64>) -> rusqlite::Result<Option<String>> {
        let Some(id) = id.filter(|id| *id != 0) else {
            return Ok(None);
        };
        if let Some(known) = self.known.get(&id) {
            return Ok(Some(known.clone()));
        }
        let mut select = self
            .connection
            .prepare_cached("SELECT text FROM names WHERE id = ?1")?;
        let text: Option<String> = select.query_row([id], |row| row.get(0)).optional()?;
        if let Some(text) = &text {
            self.known.insert(id, text.clone());
        }
        Ok(text)
    }
}
