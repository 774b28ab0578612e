//! The writer: the one thread that writes to the database.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::{Connection, Transaction, params};
use serde::Serialize;
use tracing::{debug, warn};

use super::StoreError;
use super::file::Database;
use super::queue::{Batch, Change, Queue, StateWrites, UsageWrites};

pub(super) fn start(database: Database, queue: Arc<Queue>) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("store".to_owned())
        .spawn(move || write_all(database, &queue))
}

fn write_all(mut database: Database, queue: &Queue) {
    let mut was_gone = false;
    while let Some(batch) = queue.take() {
        let Batch {
            changes,
            state,
            usage,
        } = batch;
        let place = database.check_place();
        if let (Err(error), false) = (&place, was_gone) {
            warn!(%error, "the database is gone");
        }
        was_gone = place.is_err();
        let connection = &mut database.connection;
        // State first: a caller that waits for its change finds on the disk what was saved before.
        if !state.is_empty()
            && let Err(error) = write_state(connection, &state)
        {
            warn!(%error, values = state.len(), "pool state cannot be stored");
        }
        if !usage.is_empty()
            && let Err(error) = write_usage(connection, &usage)
        {
            warn!(%error, "what keys used cannot be stored");
        }
        for (change, completion) in changes {
            let written = place
                .clone()
                .and_then(|()| write_change(connection, &change));
            if let Err(error) = &written {
                debug!(%error, "a change cannot be stored");
            }
            // The caller may be gone; the change is made all the same.
            let _ = completion.send(written);
        }
    }
    if let Err((_, error)) = database.connection.close() {
        warn!(%error, "the database could not be closed");
    }
}

/// Writes a user's change; it is on the disk when this returns.
fn write_change(connection: &mut Connection, change: &Change) -> Result<(), StoreError> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let transaction = connection.transaction()?;
    apply(&transaction, change)?;
    Ok(transaction.commit()?)
}

fn apply(transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<usize> {
    match change {
        Change::PutAccount(account) => {
            let (name, text) = (account.name.as_str(), json(account));
            transaction.execute(
                "INSERT OR REPLACE INTO accounts VALUES (?1, ?2)",
                params![name, text],
            )
        }
        Change::RemoveAccount(name) => {
            const DELETE_STATE: &str =
                "DELETE FROM pool WHERE substr(key, 1, length(?1) + 1) = ?1 || char(10)
                OR (kind = 'bound' AND json_extract(value, '$.account') = ?1)";
            transaction.execute(DELETE_STATE, [name.as_str()])?;
            transaction.execute("DELETE FROM accounts WHERE name = ?1", [name.as_str()])
        }
        Change::PutKey(key) => transaction.execute(
            "INSERT OR REPLACE INTO keys VALUES (?1, ?2)",
            params![key.name.as_str(), json(key)],
        ),
        Change::RemoveKey(name) => {
            transaction.execute("DELETE FROM key_usage WHERE name = ?1", [name.as_str()])?;
            transaction.execute("DELETE FROM keys WHERE name = ?1", [name.as_str()])
        }
        Change::SetFlag(flag, true) => {
            transaction.execute("INSERT OR REPLACE INTO flags VALUES (?1)", [flag.name()])
        }
        Change::Flush => Ok(0),
        Change::SetFlag(flag, false) => {
            transaction.execute("DELETE FROM flags WHERE name = ?1", [flag.name()])
        }
    }
}

/// StateWrites may be lost with the system's power; they cost no wait for the disk.
fn write_state(connection: &mut Connection, state: &StateWrites) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let transaction = connection.transaction()?;
    let mut put = transaction.prepare("INSERT OR REPLACE INTO pool VALUES (?1, ?2, ?3)")?;
    let mut remove = transaction.prepare("DELETE FROM pool WHERE kind = ?1 AND key = ?2")?;
    for ((kind, key), value) in state {
        match value {
            Some(value) => put.execute(params![kind, key, value])?,
            None => remove.execute(params![kind, key])?,
        };
    }
    drop((put, remove));
    transaction.commit()
}

/// As [`write_state`]. A key that was removed meanwhile leaves nothing.
fn write_usage(connection: &mut Connection, usage: &UsageWrites) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let transaction = connection.transaction()?;
    let mut put = transaction.prepare_cached(
        "INSERT OR REPLACE INTO key_usage
        SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM keys WHERE name = ?1)",
    )?;
    for (name, usage) in usage {
        put.execute([name, usage])?;
    }
    drop(put);
    transaction.commit()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("what is stored has text keys")
}
