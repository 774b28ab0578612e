//! The form of the database, and how an older one becomes the present one.

/// The newest form that this program knows; `PRAGMA user_version` of a file says which it has.
pub(super) const VERSION: u32 = STEPS.len() as u32;

/// Marks a file as ours: `Aero`.
pub(super) const APPLICATION_ID: u32 = 0x4165_726f;

/// The step at index `n` makes version `n + 1` of version `n`. A step that was released is never
/// changed.
pub(super) static STEPS: [&str; 1] = ["
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
