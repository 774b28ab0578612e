//! What outlives the process and is no secret: accounts and their settings, pool state, hashed
//! keys, whether the port is wanted.
//!
//! Readers are served from memory. One thread writes to SQLite: small facts of the pool come
//! together in one transaction and never make anybody wait; changes that a person made are on the
//! disk before they are answered. No credential is ever handed in here.

mod file;
mod keys;
mod notes;
mod queue;
mod schema;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::account::{Account, AccountName};
use queue::{Change, Queue};

pub use file::StoreError;
pub use keys::{ApiKey, KeyName};
pub use notes::PoolNotes;

/// A handle to the one store of a home; clones share it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    contents: Mutex<Contents>,
    queue: Arc<Queue>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// What a person decided once, and what holds until it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// The port was stopped.
    Stopped,
    /// Credentials may lie in plain text where nothing can seal them.
    Plaintext,
}

impl Flag {
    fn name(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Plaintext => "plaintext",
        }
    }
}

/// All that is stored, as of the last answered change; of the pool's notes, as of the start.
#[derive(Debug, Default)]
struct Contents {
    accounts: BTreeMap<AccountName, Account>,
    keys: BTreeMap<KeyName, ApiKey>,
    flags: BTreeSet<String>,
    /// By kind and key; small JSON values.
    pool: BTreeMap<(String, String), String>,
}

impl Store {
    /// Opens the database at `path`; makes it where it is missing, and brings an older one to the
    /// present form after a copy was made.
    ///
    /// # Errors
    /// When it is damaged, of a newer version, or cannot be read or written; the sentence says what
    /// to do.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (connection, contents) = file::open(path)?;
        let queue = Arc::new(Queue::default());
        let writer = writer::start(connection, Arc::clone(&queue))?;
        let shared = Shared {
            contents: Mutex::new(contents),
            queue,
            writer: Mutex::new(Some(writer)),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// All accounts, by name.
    pub fn accounts(&self) -> Vec<Account> {
        self.contents().accounts.values().cloned().collect()
    }

    pub fn account(&self, name: &AccountName) -> Option<Account> {
        self.contents().accounts.get(name).cloned()
    }

    /// Adds an account, or changes it. Done once it is on the disk.
    ///
    /// # Errors
    /// When it cannot be written; then nothing has changed.
    pub async fn put_account(&self, account: Account) -> Result<(), StoreError> {
        self.change(Change::PutAccount(Box::new(account.clone())))
            .await?;
        self.contents()
            .accounts
            .insert(account.name.clone(), account);
        Ok(())
    }

    /// Removes an account and all that the pool noted of it.
    ///
    /// # Errors
    /// As [`Store::put_account`].
    pub async fn remove_account(&self, name: &AccountName) -> Result<(), StoreError> {
        self.change(Change::RemoveAccount(name.clone())).await?;
        self.contents().accounts.remove(name);
        Ok(())
    }

    /// The keys that open the API port beside the local one, hashed.
    pub fn keys(&self) -> Vec<ApiKey> {
        self.contents().keys.values().cloned().collect()
    }

    /// # Errors
    /// As [`Store::put_account`].
    pub async fn put_key(&self, key: ApiKey) -> Result<(), StoreError> {
        self.change(Change::PutKey(key.clone())).await?;
        self.contents().keys.insert(key.name.clone(), key);
        Ok(())
    }

    /// # Errors
    /// As [`Store::put_account`].
    pub async fn remove_key(&self, name: &KeyName) -> Result<(), StoreError> {
        self.change(Change::RemoveKey(name.clone())).await?;
        self.contents().keys.remove(name);
        Ok(())
    }

    pub fn has(&self, flag: Flag) -> bool {
        self.contents().flags.contains(flag.name())
    }

    /// # Errors
    /// As [`Store::put_account`].
    pub async fn set(&self, flag: Flag, is_set: bool) -> Result<(), StoreError> {
        self.change(Change::SetFlag(flag, is_set)).await?;
        let mut contents = self.contents();
        if is_set {
            contents.flags.insert(flag.name().to_owned())
        } else {
            contents.flags.remove(flag.name())
        };
        Ok(())
    }

    /// What the pool had noted under a kind when the store was opened, as key and value.
    pub fn noted(&self, kind: &str) -> Vec<(String, String)> {
        let contents = self.contents();
        let of_kind = contents.pool.iter().filter(|((known, _), _)| known == kind);
        of_kind
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect()
    }

    /// Notes a small fact of the pool for the next start, or forgets it. Never waits; a later note
    /// of the same key takes its place.
    pub fn note(&self, kind: &'static str, key: String, value: Option<String>) {
        self.shared.queue.note(kind, key, value);
    }

    /// Waits until all that was noted is on the disk.
    ///
    /// # Errors
    /// As [`Store::put_account`].
    pub async fn keep_notes(&self) -> Result<(), StoreError> {
        self.change(Change::Noted).await
    }

    /// How many notes were lost because the disk was too slow.
    pub fn notes_dropped(&self) -> u64 {
        self.shared.queue.dropped()
    }

    /// Writes what is waiting and closes the file. What comes after it is refused.
    pub fn close(&self) {
        self.shared.close();
    }

    async fn change(&self, change: Change) -> Result<(), StoreError> {
        self.shared
            .queue
            .change(change)
            .await
            .unwrap_or(Err(StoreError::Closed))
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.shared.contents.lock()
    }
}

impl Shared {
    fn close(&self) {
        self.queue.close();
        let writer = self.writer.lock().take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("the store's writer broke");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
