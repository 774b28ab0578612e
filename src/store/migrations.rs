//! The schema of the database, as a list of migrations.

/// The newest schema that this program knows. `PRAGMA user_version` is a file's own.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Marks a file as a database of Aerostat: `Aero`.
pub(super) const APPLICATION_ID: u32 = 0x4165_726f;

/// The migration at index `n` makes version `n + 1` of version `n`. A released migration is never
/// changed.
pub(super) static MIGRATIONS: [&str; 1] = ["
    CREATE TABLE accounts (
        name TEXT PRIMARY KEY,
        account TEXT NOT NULL            -- JSON, without any secret
    ) WITHOUT ROWID;
    CREATE TABLE keys (
        name TEXT PRIMARY KEY,
        key TEXT NOT NULL                -- JSON: hash, hint, when it was made
    ) WITHOUT ROWID;
    CREATE TABLE flags (
        name TEXT PRIMARY KEY            -- a flag that is set
    ) WITHOUT ROWID;
    CREATE TABLE pool (
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        value TEXT NOT NULL,             -- JSON
        PRIMARY KEY (kind, key)
    ) WITHOUT ROWID;
"];
