//! The tables of `records.db`, as a list of migrations.
//!
//! Names (accounts, models, programs) are interned. What lists show are columns; what one request
//! alone shows is one JSON text at the end of its row, which lists never read.

use crate::store::migrations::Schema;

/// `AeRe`.
pub(super) const SCHEMA: Schema = Schema {
    application_id: 0x4165_5265,
    migrations: &MIGRATIONS,
    // It may be large, and nothing but records is lost with it.
    is_checked: false,
    gives_pages_back: true,
    kept_said: 0,
};

/// The migration at index `n` makes version `n + 1` of version `n`. A released migration is never
/// changed.
///
/// `quarter` is a quarter of an hour since 1970: all zones have had offsets in whole quarter hours
/// since 1980, so a local day is a range of them.
static MIGRATIONS: [&str; 4] = [
    "
    CREATE TABLE names (
        id INTEGER PRIMARY KEY,
        text TEXT NOT NULL UNIQUE
    );
    CREATE TABLE requests (
        seq INTEGER PRIMARY KEY,             -- in the order in which requests ended
        id BLOB NOT NULL UNIQUE,             -- the request's: 12 bytes, or text where it is none of ours
        ending INTEGER NOT NULL,             -- 0 done, 1 left, 2 failed, 3 refused
        received_us INTEGER NOT NULL,        -- since 1970
        took_us INTEGER NOT NULL,
        first_byte_us INTEGER,
        dialect INTEGER NOT NULL,            -- names, as all that follow without a type of their own
        operation INTEGER,
        stream INTEGER NOT NULL,
        asked TEXT,                          -- the client's name of the model, where it is neither `model` nor `provider/model`
        account INTEGER,                     -- of the last attempt
        provider INTEGER,
        model INTEGER,
        key INTEGER,
        agent INTEGER,
        session BLOB,
        status INTEGER NOT NULL,
        cause TEXT,
        blame TEXT,
        until_us INTEGER,
        finish TEXT,
        tier INTEGER NOT NULL,
        is_final INTEGER NOT NULL,
        input INTEGER, cache_read INTEGER, cache_write INTEGER, cache_write_short INTEGER, cache_write_long INTEGER,
        output INTEGER, reasoning INTEGER, tool_prompt INTEGER, audio_input INTEGER, audio_output INTEGER,
        hosted_calls INTEGER, cost_nanos INTEGER,
        bytes_in INTEGER NOT NULL,
        bytes_out INTEGER NOT NULL,
        attempts INTEGER NOT NULL,           -- how many
        dropped TEXT,                        -- the first of the fields that a translation left out
        detail TEXT NOT NULL                 -- JSON: resolution, accounts passed over, attempts, losses
    );
    CREATE INDEX requests_of_account ON requests (account, seq);
    CREATE INDEX requests_of_session ON requests (session, seq) WHERE session IS NOT NULL;
    CREATE INDEX requests_failed ON requests (seq) WHERE ending >= 2;
    CREATE TABLE tried (                     -- accounts of earlier attempts
        seq INTEGER NOT NULL,
        account INTEGER NOT NULL,
        PRIMARY KEY (seq, account)
    ) WITHOUT ROWID;
    CREATE INDEX tried_of_account ON tried (account, seq);
    CREATE TABLE rollup (                    -- 0 stands for no name
        quarter INTEGER NOT NULL,            -- in which the request arrived
        account INTEGER NOT NULL,
        provider INTEGER NOT NULL,
        model INTEGER NOT NULL,              -- the upstream's; 0 also where no model was reached
        key INTEGER NOT NULL,
        agent INTEGER NOT NULL,
        tier INTEGER NOT NULL,
        band INTEGER NOT NULL,               -- how many bounds of long context the input passed
        is_charged INTEGER NOT NULL,         -- 1 where the provider said what it charged
        requests INTEGER NOT NULL, failed INTEGER NOT NULL, refused INTEGER NOT NULL, left_early INTEGER NOT NULL,
        uncounted INTEGER NOT NULL,          -- served, and no usage told
        partial INTEGER NOT NULL,            -- usage told so far, and not to the end
        input INTEGER NOT NULL, cache_read INTEGER NOT NULL, cache_write INTEGER NOT NULL,
        cache_write_short INTEGER NOT NULL, cache_write_long INTEGER NOT NULL,
        output INTEGER NOT NULL, reasoning INTEGER NOT NULL, tool_prompt INTEGER NOT NULL,
        audio_input INTEGER NOT NULL, audio_output INTEGER NOT NULL, hosted_calls INTEGER NOT NULL,
        charged_nanos INTEGER NOT NULL,
        PRIMARY KEY (quarter, account, provider, model, key, agent, tier, band, is_charged)
    ) WITHOUT ROWID;
    CREATE TABLE first_bytes (               -- of streams that were served
        quarter INTEGER NOT NULL,
        account INTEGER NOT NULL,
        provider INTEGER NOT NULL,
        model INTEGER NOT NULL,
        key INTEGER NOT NULL,
        agent INTEGER NOT NULL,
        bucket INTEGER NOT NULL,             -- how many bounds the time passed
        requests INTEGER NOT NULL,
        PRIMARY KEY (quarter, account, provider, model, key, agent, bucket)
    ) WITHOUT ROWID;
    CREATE TABLE arrivals (                  -- where the requests of a quarter lie, and what has no record
        quarter INTEGER PRIMARY KEY,
        first_seq INTEGER,
        last_seq INTEGER,
        health_checks INTEGER NOT NULL,
        not_recorded INTEGER NOT NULL
    );
",
    // What lists are filtered by, in the order of `seq` and nothing else: whatever the filters are, a few bytes a record
    // are read. `asked_hash` is of the client's name of the model; records of before have none.
    "
    ALTER TABLE requests ADD COLUMN asked_hash INTEGER;
    CREATE INDEX requests_narrow
        ON requests (seq, ending, account, provider, model, key, agent, asked_hash, cause, blame);
",
    "
    CREATE TABLE bodies (                    -- of requests whose bodies a person asked for
        seq INTEGER NOT NULL,                -- of the request
        part INTEGER NOT NULL,               -- in the order of travel
        received_us INTEGER NOT NULL,        -- the request's
        head TEXT NOT NULL,                  -- JSON: direction, first line, headers, sizes, times
        bytes BLOB NOT NULL,                 -- deflated, without secrets
        PRIMARY KEY (seq, part)
    );
",
    "
    CREATE TABLE segments (                  -- records that have no row yet
        first_seq INTEGER PRIMARY KEY,       -- of the first record in it
        last_seq INTEGER NOT NULL,
        records INTEGER NOT NULL,            -- how many
        bytes BLOB NOT NULL                  -- see `record::packed`
    );
",
];
