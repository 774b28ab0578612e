//! The schema of the database, as a list of migrations.

/// The newest schema that this program knows. `PRAGMA user_version` is a file's own.
pub(super) const VERSION: u32 = MIGRATIONS.len() as u32;

/// Marks a file as a database of Aerostat: `Aero`.
pub(super) const APPLICATION_ID: u32 = 0x4165_726f;

/// The migration at index `n` makes version `n + 1` of version `n`. A released migration is never
/// changed.
pub(super) static MIGRATIONS: [&str; 2] = [
    "
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
",
    // What `FORGET_SAID` did before the copy was made.
    "",
];

/// The last version that kept what providers said as they said it, which may quote a key.
pub(super) const KEPT_SAID: u32 = 1;

/// Removes that. It cannot be taken out by its value: the key may have been replaced since.
pub(super) const FORGET_SAID: &str = "
    UPDATE pool SET value = json_remove(value, '$.detail')
        WHERE kind IN ('rest', 'signed_out') AND json_valid(value);
";
