//! Opening the database file: checks what it is and whether it is intact, and migrates it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use serde::de::DeserializeOwned;
use tracing::info;

use super::migrations::{FORGET_SAID, Schema, VERSION};
use super::{ApiKey, Contents};
use crate::account::Account;
use crate::host::private_file::{self, FileIdentity};
use crate::language::said;

/// How long to wait for another process that uses the file, such as a backup tool.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

said! {
    /// Why the database cannot be used: a sentence that says what to do.
    #[derive(Clone, Debug)]
    pub enum StoreError;
    Newer { found: u32 }: "`aerostat.db` is of version {found}, which a newer aerostat made; this one knows versions up to {VERSION}: \
         install the newer one again, or move the file away" |
        "`aerostat.db` hat Version {found} und stammt von einem neueren aerostat; dieses kennt Versionen bis {VERSION}: \
         das neuere wieder installieren oder die Datei verschieben";
    Damaged { why: String }: "`aerostat.db` is damaged ({why}): move it and, where they are there, `aerostat.db-wal` and `aerostat.db-shm` away and try \
         again; credentials lie in `vault` and are kept, and their accounts come back with default settings" |
        "`aerostat.db` ist beschädigt ({why}): die Datei und, wo vorhanden, `aerostat.db-wal` und `aerostat.db-shm` verschieben und noch einmal \
         versuchen; die Zugangsdaten liegen in `vault` und bleiben erhalten, ihre Konten kommen mit Vorgaben wieder";
    Foreign: "`aerostat.db` belongs to another program: move it away, or set another `AEROSTAT_HOME`" |
        "`aerostat.db` gehört einem anderen Programm: die Datei verschieben oder ein anderes `AEROSTAT_HOME` setzen";
    Backup { why: String }: "`aerostat.db` cannot be copied before it is brought to a newer form: {why}" |
        "`aerostat.db` lässt sich nicht kopieren, bevor es in eine neuere Form gebracht wird: {why}";
    Unusable { why: String }: "`aerostat.db` cannot be used: {why}" |
        "`aerostat.db` ist nicht benutzbar: {why}";
    Gone: "`aerostat.db` was deleted or replaced while the agent runs, so a change would be lost with it: put the file \
         back, or quit the agent and start it again; credentials lie in `vault` and are kept" |
        "`aerostat.db` wurde gelöscht oder ersetzt, während der Agent läuft, eine Änderung ginge damit verloren: die Datei \
         zurücklegen oder den Agenten beenden und neu starten; die Zugangsdaten liegen in `vault` und bleiben erhalten";
    Closed: "the store is closed: the agent ends" | "der Speicher ist geschlossen: der Agent wird beendet";
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let why = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged { why },
            _ => Self::Unusable { why },
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Unusable {
            why: error.to_string(),
        }
    }
}

/// The open database, and which file that is.
pub(super) struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
    identity: Option<FileIdentity>,
}

impl Database {
    /// # Errors
    /// When the file that is open is no longer the one at its path: what is written into it ends
    /// with the process.
    pub(super) fn check_place(&self) -> Result<(), StoreError> {
        if private_file::identity(&self.path) == self.identity {
            Ok(())
        } else {
            Err(StoreError::Gone)
        }
    }
}

/// Opens the file and reads everything in it.
pub(super) fn open(path: &Path) -> Result<(Database, Contents), StoreError> {
    let database = connect(path, &Schema::STORE)?;
    let contents = read(&database.connection)?;
    Ok((database, contents))
}

/// Opens a file of that schema, made or migrated where that is needed.
pub(super) fn connect(path: &Path, schema: &Schema) -> Result<Database, StoreError> {
    make_private(path)?;
    check_side_files(path)?;
    // SQLite refuses links in all of the path, and a person's own may lead to the folder.
    let path = &resolved(path)?;
    let mut connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX
            | OpenFlags::SQLITE_OPEN_NOFOLLOW,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let found = version_of(&connection, schema)?;
    if schema.is_checked {
        check(&connection)?;
    }
    if found == 0 && schema.gives_pages_back {
        // Only a file without tables takes it.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    if (1..=schema.kept_said).contains(&found) {
        forget_said(&connection)?;
    }
    migrate(&mut connection, path, found, schema)?;
    Ok(Database {
        connection,
        path: path.clone(),
        identity: private_file::identity(path),
    })
}

/// Creates the file, or takes access from others. SQLite gives its side files the same mode.
fn make_private(path: &Path) -> io::Result<()> {
    let file = private_file::open_or_create(path);
    let made = file.and_then(|file| private_file::restrict(&file));
    made.map_err(|error| private_file::named(path, &error))
}

/// SQLite opens the files beside the database by itself, and waits at a named pipe.
fn check_side_files(path: &Path) -> io::Result<()> {
    for ending in ["-journal", "-wal", "-shm"] {
        let mut side = path.as_os_str().to_owned();
        side.push(ending);
        let side = PathBuf::from(side);
        private_file::check_regular(&side).map_err(|error| private_file::named(&side, &error))?;
    }
    Ok(())
}

fn resolved(path: &Path) -> io::Result<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(".")).canonicalize()?;
    Ok(folder.join(path.file_name().unwrap_or_default()))
}

/// 0 for a new file.
fn version_of(connection: &Connection, schema: &Schema) -> Result<u32, StoreError> {
    let application: u32 = pragma(connection, "application_id")?;
    let version: u32 = pragma(connection, "user_version")?;
    let tables: u32 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(0),
        (id, found) if id == schema.application_id && found > schema.version() => {
            Err(StoreError::Newer { found })
        }
        (id, found) if id == schema.application_id => Ok(found),
        _ => Err(StoreError::Foreign),
    }
}

fn pragma<T: FromSql>(connection: &Connection, name: &str) -> rusqlite::Result<T> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

/// A damaged page would otherwise show only once it is read.
fn check(connection: &Connection) -> Result<(), StoreError> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(StoreError::Damaged { why: verdict })
    }
}

/// Removes what providers said from the file, its free pages and its log. Before the migration,
/// whose copy would keep it.
fn forget_said(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(FORGET_SAID)?;
    connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")
}

/// Applies the missing migrations, all or none, after copying an existing file.
pub(super) fn migrate(
    connection: &mut Connection,
    path: &Path,
    found: u32,
    schema: &Schema,
) -> Result<(), StoreError> {
    let missing = schema.migrations.get(found as usize..).unwrap_or_default();
    if missing.is_empty() {
        return Ok(());
    }
    if found > 0 {
        back_up(connection, path, found)?;
    }
    let transaction = connection.transaction()?;
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", schema.application_id)?;
    transaction.pragma_update(None, "user_version", schema.version())?;
    transaction.commit()?;
    if found > 0 {
        info!(from = found, to = schema.version(), "database migrated");
    }
    Ok(())
}

/// Copies the whole database beside the file, named after its version.
fn back_up(connection: &Connection, path: &Path, found: u32) -> Result<(), StoreError> {
    let backup = backup_of(path, found);
    let failed = |why: String| StoreError::Backup { why };
    private_file::remove_if_present(&backup).map_err(|error| failed(error.to_string()))?;
    // An empty file is taken for a new database, and keeps its mode.
    make_private(&backup).map_err(|error| failed(error.to_string()))?;
    let target = backup
        .to_str()
        .ok_or_else(|| failed("its path is no text".to_owned()))?;
    connection
        .execute("VACUUM INTO ?1", [target])
        .map(drop)
        .map_err(|error| failed(error.to_string()))
}

pub(super) fn backup_of(path: &Path, version: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".v{version}.backup"));
    PathBuf::from(name)
}

fn read(connection: &Connection) -> Result<Contents, StoreError> {
    let accounts: Vec<Account> = all(connection, "SELECT account FROM accounts")?;
    let keys: Vec<ApiKey> = all(connection, "SELECT key FROM keys")?;
    let mut statement = connection.prepare("SELECT name FROM flags")?;
    let flags = statement
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut statement = connection.prepare("SELECT kind, key, value FROM pool")?;
    let pool = statement
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut statement = connection.prepare("SELECT name, usage FROM key_usage")?;
    let key_usage = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Contents {
        accounts: accounts
            .into_iter()
            .map(|account| (account.name.clone(), account))
            .collect(),
        keys: keys
            .into_iter()
            .map(|key| (key.name.clone(), key))
            .collect(),
        flags,
        pool,
        key_usage,
        latest_key_usage: BTreeMap::new(),
    })
}

fn all<T: DeserializeOwned>(connection: &Connection, query: &str) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare(query)?;
    let texts = statement
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let read = |text: &String| {
        serde_json::from_str(text).map_err(|error| StoreError::Damaged {
            why: error.to_string(),
        })
    };
    texts.iter().map(read).collect()
}
