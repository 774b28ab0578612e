//! The schema of the database, as a list of migrations.

/// What a file of ours is, and how it came to its present form.
pub(super) struct Schema {
    /// Marks a file as ours.
    pub(super) application_id: u32,
    /// See [`MIGRATIONS`].
    pub(super) migrations: &'static [&'static str],
    /// Whether all of the file is looked at before it is used.
    pub(super) is_checked: bool,
    /// Whether pages that become free can be given back while the file is in use.
    pub(super) gives_pages_back: bool,
    /// The last version that kept what providers said as they said it, which may quote a key.
    pub(super) kept_said: u32,
}

impl Schema {
    /// Accounts, keys, the pool's state: `Aero`.
    pub(super) const STORE: Self = Self {
        application_id: 0x4165_726f,
        migrations: &MIGRATIONS,
        is_checked: true,
        gives_pages_back: false,
        kept_said: 1,
    };

    /// The newest form that this program knows. `PRAGMA user_version` is a file's own.
    pub(super) const fn version(&self) -> u32 {
        self.migrations.len() as u32
    }
}

pub(super) const VERSION: u32 = Schema::STORE.version();

/// The migration at index `n` makes version `n + 1` of version `n`. A released migration is never
/// changed.
static MIGRATIONS: [&str; 3] = [
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
    // Keys may have limits from here on, which an older program would not hold.
    "
    CREATE TABLE key_usage (
        name TEXT PRIMARY KEY,           -- of a key in `keys`
        usage TEXT NOT NULL              -- JSON: what is used of its limits
    ) WITHOUT ROWID;
",
];

/// Removes what providers said. It cannot be taken out by its value: the key may have been replaced since.
pub(super) const FORGET_SAID: &str = "
    UPDATE pool SET value = json_remove(value, '$.detail')
        WHERE kind IN ('rest', 'signed_out') AND json_valid(value);
";
