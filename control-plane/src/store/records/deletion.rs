//! Deleting records because the person says so: a few hundred at a time, so that records that wait
//! have their turn in between.

use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::names::find;
use super::problem::RecordsProblem;
use super::retention::{LAST_OF_OLD, ROUNDS_MAX, ROWS_MAX, delete, give_back};
use super::row::moment;
use crate::outcome::Timestamp;

/// What is deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// All records that there are now. Their sums stay.
    All,
    /// The records of requests that arrived before. Their sums stay.
    Before(Timestamp),
    /// The records of what an account was asked last, and its sums.
    Account(String),
}

/// A deletion that is waited for, and how far it is.
pub(super) struct Wanted {
    deletion: Deletion,
    /// The rows that are meant, once it has begun.
    condition: Option<String>,
    deleted: u64,
    /// Gets how many records were deleted.
    done: oneshot::Sender<Result<u64, RecordsProblem>>,
}

impl Wanted {
    pub(super) fn new(
        deletion: Deletion,
        done: oneshot::Sender<Result<u64, RecordsProblem>>,
    ) -> Self {
        Self {
            deletion,
            condition: None,
            deleted: 0,
            done,
        }
    }

    /// Whether sums go with the records.
    pub(super) fn forgets_sums(&self) -> bool {
        matches!(self.deletion, Deletion::Account(_))
    }

    /// Deletes a part, and calls `then` before anyone hears of it. `None` once all is deleted, or
    /// where it cannot be.
    pub(super) fn step(mut self, connection: &mut Connection, then: impl FnOnce()) -> Option<Self> {
        let deleted = self.delete_some(connection);
        then();
        match deleted {
            Ok(true) => return Some(self),
            // Who waited may be gone, here and below.
            Ok(false) => drop(self.done.send(Ok(self.deleted))),
            Err(error) => self.refuse(error.into()),
        }
        None
    }

    pub(super) fn refuse(self, problem: RecordsProblem) {
        drop(self.done.send(Err(problem)));
    }

    /// Whether there may be more.
    fn delete_some(&mut self, connection: &mut Connection) -> rusqlite::Result<bool> {
        // What comes meanwhile is not meant.
        let condition = match &self.condition {
            Some(condition) => condition.clone(),
            None => condition(connection, &self.deletion)?,
        };
        self.condition = Some(condition.clone());
        for _ in 0..ROUNDS_MAX {
            let deleted = delete(connection, &condition)?;
            self.deleted += deleted as u64;
            if deleted < ROWS_MAX {
                give_back(connection)?;
                return Ok(false);
            }
        }
        give_back(connection)?;
        Ok(true)
    }
}

fn condition(connection: &mut Connection, deletion: &Deletion) -> rusqlite::Result<String> {
    match deletion {
        Deletion::All => {
            let sql = "SELECT coalesce(max(seq), 0) FROM requests";
            let last: i64 = connection.query_row(sql, [], |row| row.get(0))?;
            Ok(format!("seq <= {last}"))
        }
        Deletion::Before(at) => {
            let bound = moment(*at);
            let last = LAST_OF_OLD.replace(":bound", &bound.to_string());
            Ok(format!("received_us < {bound} AND seq <= {last}"))
        }
        Deletion::Account(name) => {
            let Some(account) = find(connection, name)? else {
                return Ok("0".to_owned());
            };
            forget_sums(connection, account)?;
            Ok(format!("account = {account}"))
        }
    }
}

fn forget_sums(connection: &mut Connection, account: i64) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for sql in [
        "DELETE FROM rollup WHERE account = ?1",
        "DELETE FROM first_bytes WHERE account = ?1",
        "DELETE FROM tried WHERE account = ?1",
    ] {
        transaction.execute(sql, params![account])?;
    }
    transaction.commit()
}
