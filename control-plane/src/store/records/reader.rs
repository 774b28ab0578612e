//! Reading records and sums. Each call is a statement or a few, without a transaction that stays
//! open: a long reader would keep the journal growing.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};

use super::RecordStore;
use super::bodies;
use super::detail::Detail;
use super::names::NameTexts;
use super::problem::RecordsProblem;
use super::retention::Retention;
use super::row::{RequestRow, id_value, row_columns};
use super::schema::SCHEMA;
use super::segments::Which;
use super::writer::Database;
use crate::record::Record;
use crate::record::bodies::RecordedBody;
use crate::record::packed::packed_id;

/// How long a reader waits where the file is locked, which a writer in WAL mode never does for
/// long.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(2);

/// Reads `records.db`; a missing file holds nothing. Every call blocks.
///
/// What has no row yet gets it before it is looked for: by the writer, or by this reader where there
/// is none. Where the file cannot be written it is left out.
pub struct RecordReader {
    path: PathBuf,
    /// What writes the file; `None` where no agent does.
    writer: Option<Arc<RecordStore>>,
    /// Opened at the first call, and again after an error.
    connection: Mutex<Option<Connection>>,
}

pub(super) type Read<T> = Result<T, RecordsProblem>;

impl RecordReader {
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            writer: None,
            connection: Mutex::new(None),
        }
    }

    /// Reads what `writer` writes there.
    pub fn beside(path: PathBuf, writer: Arc<RecordStore>) -> Self {
        Self {
            writer: Some(writer),
            ..Self::new(path)
        }
    }

    /// Has rows made of segments. Returns whether there were any, and are no more.
    pub(super) fn unpack(&self, which: Which<'_>) -> Read<bool> {
        let found = self.with(|connection| which.find(connection))?;
        let segments = found.unwrap_or_default();
        if segments.is_empty() {
            return Ok(false);
        }
        Ok(match &self.writer {
            Some(writer) => writer.unpack(segments),
            None => self.unpack_here(&segments).is_ok(),
        })
    }

    fn unpack_here(&self, segments: &[i64]) -> Read<()> {
        let mut database = Database::open(&self.path, &Retention::default())?;
        let unpacked = segments
            .iter()
            .try_for_each(|first_seq| database.unpack(*first_seq).map(drop));
        database.close();
        unpacked
    }

    /// Runs `read` on the file. `None` where there is no file.
    pub(super) fn with<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Read<Option<T>> {
        let mut guard = self.connection.lock();
        if guard.is_none() {
            *guard = self.open()?;
        }
        let Some(connection) = guard.as_ref() else {
            return Ok(None);
        };
        let result = read(connection);
        if result.is_err() {
            *guard = None;
        }
        Ok(Some(result?))
    }

    fn open(&self) -> Read<Option<Connection>> {
        if !self.path.exists() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            // The writer is about to make the tables.
            0 => Ok(None),
            found if found > SCHEMA.version() => Err(RecordsProblem::Newer),
            found if found < SCHEMA.version() => Ok(None),
            _ => Ok(Some(connection)),
        }
    }

    /// The whole record of a request, with its number. `None` where there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(&self, request_id: &str) -> Read<Option<(i64, Record)>> {
        let found = self.find_row(request_id)?;
        if found.is_none() && self.unpack(Which::With(&packed_id(request_id)))? {
            return self.find_row(request_id);
        }
        Ok(found)
    }

    fn find_row(&self, request_id: &str) -> Read<Option<(i64, Record)>> {
        let sql = format!(
            "SELECT {}, r.detail FROM requests r WHERE r.id = ?1",
            row_columns("r")
        );
        let found = self.with(|connection| {
            let mut names = NameTexts::new(connection);
            let mut select = connection.prepare_cached(&sql)?;
            let mut rows = select.query([id_value(request_id)])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            let text: String = row.get("detail")?;
            let shown = RequestRow::read(row, &mut names)?;
            let detail: Detail<'_> = serde_json::from_str(&text).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(
                    0,
                    rusqlite::types::Type::Text,
                    error.into(),
                )
            })?;
            Ok(Some((shown.seq, shown.into_record(detail))))
        })?;
        Ok(found.flatten())
    }

    /// The bodies of a request, in the order of travel; none where they are not kept.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bodies(&self, request_id: &str) -> Read<Vec<RecordedBody>> {
        let found = self.with(|connection| bodies::read(connection, &id_value(request_id)))?;
        Ok(found.unwrap_or_default())
    }

    /// How many requests have bodies, and how many bytes these take in the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn bodies_size(&self) -> Read<(u64, u64)> {
        Ok(self.with(bodies::size)?.unwrap_or_default())
    }

    /// The number of the latest record; 0 where there is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn last_seq(&self) -> Read<i64> {
        let found = self.with(|connection| {
            let sql = "SELECT max(coalesce((SELECT max(seq) FROM requests), 0),
                coalesce((SELECT max(last_seq) FROM segments), 0))";
            connection.query_row(sql, [], |row| row.get(0))
        })?;
        Ok(found.unwrap_or_default())
    }
}
