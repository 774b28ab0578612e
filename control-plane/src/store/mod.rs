//! What outlives the process and is no secret, in SQLite: accounts and their settings, the pool's
//! state, hashed API keys, whether the port was stopped.
//!
//! ```text
//! readers <- Contents (memory)
//! callers -> Queue -> one writer thread -> aerostat.db
//!            |- changes by the user: one transaction each, synced before the call returns
//!            `- the pool's state: collected, the latest value of a key counts, never waited for
//! keys    -> UsageFile -> aerostat.db.usage, at once; the same by the queue, a moment later
//! ```
//!
//! What was served is in a file of its own, see [`records`]: it may be lost or full, and nothing
//! else is.
//!
//! It never holds a credential.

mod api_key;
mod file;
mod migrations;
mod pool_state;
mod queue;
pub mod records;
mod usage_file;
mod writer;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use crate::account::{Account, AccountName};
use crate::client_keys::KeyUsageStore;
use queue::{Change, Queue};
use usage_file::UsageFile;

pub use api_key::{ApiKey, KeyName};
pub use file::StoreError;
pub use pool_state::PoolStateStore;

/// A handle to the one store of a home; clones share it.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    contents: Mutex<Contents>,
    queue: Arc<Queue>,
    usage_file: UsageFile,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// A decision of the user that holds until it is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// The port was stopped.
    Stopped,
    /// Credentials may be stored in plain text.
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

/// Everything stored, as of the last finished change; the pool's state as of the start.
#[derive(Debug, Default)]
struct Contents {
    accounts: BTreeMap<AccountName, Account>,
    keys: BTreeMap<KeyName, ApiKey>,
    flags: BTreeSet<String>,
    /// By kind and key; small JSON values.
    pool: BTreeMap<(String, String), String>,
    /// By the key's name, as of the start; JSON values.
    key_usage: BTreeMap<String, String>,
    /// The same, of the last moments before.
    latest_key_usage: BTreeMap<String, String>,
}

impl Store {
    /// Opens the database at `path`. Creates a missing one, and migrates an older one after a copy
    /// was made.
    ///
    /// # Errors
    /// When it is damaged, of a newer version, or cannot be read or written; the sentence says what
    /// to do.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let (database, mut contents) = file::open(path)?;
        let (usage_file, latest) = UsageFile::read(path);
        contents.latest_key_usage = latest;
        let queue = Arc::new(Queue::default());
        let writer = writer::start(database, Arc::clone(&queue))?;
        let shared = Shared {
            contents: Mutex::new(contents),
            queue,
            usage_file,
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

    /// Adds or replaces an account. Returns once it is on the disk.
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

    /// Removes an account and the pool's state of it.
    ///
    /// # Errors
    /// As [`Store::put_account`].
    pub async fn remove_account(&self, name: &AccountName) -> Result<(), StoreError> {
        self.change(Change::RemoveAccount(name.clone())).await?;
        self.contents().accounts.remove(name);
        Ok(())
    }

    /// The API keys besides the local one, hashed.
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
        self.shared.usage_file.remove(name.as_str());
        self.contents().keys.remove(name);
        Ok(())
    }

    /// Keeps the usage of API keys.
    pub fn key_usage_store(&self) -> Arc<dyn KeyUsageStore> {
        Arc::new(self.clone())
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

    /// The pool's state of one kind when the store was opened, as keys and values.
    pub fn pool_state(&self, kind: &str) -> Vec<(String, String)> {
        let contents = self.contents();
        let of_kind = contents.pool.iter().filter(|((known, _), _)| known == kind);
        of_kind
            .map(|((_, key), value)| (key.clone(), value.clone()))
            .collect()
    }

    /// Saves a small JSON value of the pool's state for the next start; `None` removes it. Never
    /// blocks. A later value of the same key replaces it.
    pub fn save_pool_state(&self, kind: &'static str, key: String, value: Option<String>) {
        self.shared.queue.save_state(kind, key, value);
    }

    /// Waits until the pool's state that was saved before is written.
    ///
    /// # Errors
    /// As [`Store::put_account`].
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.change(Change::Flush).await
    }

    /// How many values of the pool's state were dropped because the disk was too slow.
    pub fn state_writes_dropped(&self) -> u64 {
        self.shared.queue.dropped()
    }

    /// Writes what is pending and closes the file. Later changes are refused.
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

impl KeyUsageStore for Store {
    /// What was saved of the key when the store was opened.
    fn load(&self, name: &str) -> Vec<String> {
        let contents = self.contents();
        let saved = [&contents.key_usage, &contents.latest_key_usage];
        saved
            .iter()
            .filter_map(|saved| saved.get(name).cloned())
            .collect()
    }

    fn save(&self, name: &str, usage: String) {
        self.shared.usage_file.write(name, &usage);
        self.shared.queue.save_usage(name.to_owned(), usage);
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
