//! The vault: every credential in one file, sealed under one key that lies elsewhere.
//!
//! The file `vault` is encrypted with XChaCha20-Poly1305 under a fresh nonce at each write, and
//! replaced as a whole: a kill at any moment leaves the old state or the new one. Its key lies in
//! the keyring, in a key file, or is derived from a passphrase ([`KeySources`]).
//!
//! A [`Vault`] is a handle that may be locked for now: it is opened once the key can be had.
//!
//! ```text
//! Vault (handle) -> Shared
//!                   |- snapshot: entries and state, read without a lock
//!                   |- open:     the key and the last bytes, locked while reading or writing
//!                   |- file:     VaultFile (lock between processes, atomic replacement)
//!                   `- keys:     KeySources
//! ```
//!
//! It never writes where it could not read, never makes a key where a sealed file exists, and
//! [`Vault::get`] never waits.

mod error;
mod file;
mod key;
mod key_file;
mod key_problem;
mod key_sources;
mod keyring;
mod records;
mod sealed_bytes;
#[cfg(test)]
mod tests;

pub(super) use error::Damage;
pub use error::VaultError;
pub use key_file::{KEY_FILE_VARIABLE, KeyFile};
pub use key_sources::{KeySources, PASSPHRASE_CHARS_MIN, PassphrasePurpose, Prompt};
pub use keyring::{KEYRING_TIMEOUT, Keyring, KeyringError, SystemKeyring};
pub use sealed_bytes::KeyKind;

pub(super) use key::Kdf;
pub(super) use records::VaultEntryDef;
pub(super) use sealed_bytes::{FileFormat, FormatError, SealedBytes, SealingKey, seal};

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::{Mutex, MutexGuard};
use tracing::{debug, info, warn};

use super::{AccountName, Credential, Secret, VaultEntry};
use crate::language::{Language, Said};
use file::VaultFile;

const FORMAT: FileFormat = FileFormat {
    title: "aerostat vault",
    version: 1,
};

/// What is sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Entries {
    accounts: BTreeMap<AccountName, VaultEntry>,
    /// Secrets that belong to no account, by names of those who keep them here.
    values: BTreeMap<String, Secret>,
}

impl FromIterator<(AccountName, VaultEntry)> for Entries {
    fn from_iter<I: IntoIterator<Item = (AccountName, VaultEntry)>>(accounts: I) -> Self {
        Self {
            accounts: accounts.into_iter().collect(),
            values: BTreeMap::new(),
        }
    }
}

/// The credentials of a home, as a handle. Clones are the same vault.
///
/// Calls that open or write block: on the disk, and perhaps on a user whom the keyring prompts.
/// [`get`](Self::get) and [`state`](Self::state) never do.
#[derive(Clone)]
pub struct Vault(Arc<Shared>);

struct Shared {
    file: VaultFile,
    keys: KeySources,
    snapshot: ArcSwap<Snapshot>,
    /// Held while the file is read or written; `None` while the vault is locked.
    open: Mutex<Option<OpenVault>>,
}

/// What readers see. Replaced as a whole.
#[derive(Clone, Default)]
struct Snapshot {
    state: VaultState,
    entries: Arc<Entries>,
}

/// What an open vault needs to write.
struct OpenVault {
    /// `None` where there is no file yet: the key is made when there is something to seal.
    key: Option<SealingKey>,
    /// The file as this process last read or wrote it.
    bytes: Option<Vec<u8>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VaultState {
    /// Nothing has needed it yet.
    #[default]
    Unopened,
    /// There is no file: nothing was ever stored.
    Empty,
    /// Open, with a key of this kind.
    Open(KeyKind),
    /// It can't be read now. `is_transient` says whether opening it again may succeed without any
    /// change of files or settings.
    Locked {
        why: Said,
        /// The same for a reader who knows that the vault is locked.
        detail: Said,
        is_transient: bool,
    },
}

/// A sentence for people.
impl fmt::Display for VaultState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unopened => "not opened yet",
            Self::Empty => "empty",
            Self::Open(KeyKind::Keyring) => "open, sealed with a key in the keyring",
            Self::Open(KeyKind::File) => "open, sealed with a key in a file",
            Self::Open(KeyKind::Passphrase) => "open, sealed with a passphrase",
            Self::Open(KeyKind::Plaintext) => {
                "NOT SEALED: the credentials lie in plain text, as `--insecure-plaintext` asked"
            }
            Self::Locked { why, .. } => why.text(Language::English),
        })
    }
}

impl Vault {
    /// The vault in `folder`. Reads nothing yet.
    pub fn new(folder: &Path, keys: KeySources) -> Self {
        Self(Arc::new(Shared {
            file: VaultFile::in_folder(folder),
            keys,
            snapshot: ArcSwap::default(),
            open: Mutex::new(None),
        }))
    }

    /// Opens it where it is locked. To be tried again while [`VaultError::is_transient`].
    ///
    /// # Errors
    /// Where it stays locked. Nothing was changed then.
    pub fn open(&self) -> Result<(), VaultError> {
        self.0.opened().map(drop)
    }

    /// What the file says that its key lies in; it is not opened. `None` where there is no file, or
    /// none that can be read.
    pub fn key_kind(&self) -> Option<KeyKind> {
        let bytes = self.0.file.read().ok()??;
        let sealed = SealedBytes::parse(FORMAT, &bytes).ok()?;
        Some(sealed.key_kind())
    }

    /// Whether a person is being asked for its passphrase at this moment.
    pub fn is_asking(&self) -> bool {
        self.0.keys.is_asking()
    }

    pub fn state(&self) -> VaultState {
        self.0.snapshot.load().state.clone()
    }

    /// The credential of an account, as of the last finished write. `None` where there is none, and
    /// while the vault is locked.
    pub fn get(&self, name: &AccountName) -> Option<VaultEntry> {
        self.0.snapshot.load().entries.accounts.get(name).cloned()
    }

    /// The accounts that have a credential here; none while the vault is locked.
    pub fn names(&self) -> Vec<AccountName> {
        let snapshot = self.0.snapshot.load();
        snapshot.entries.accounts.keys().cloned().collect()
    }

    /// Stores a credential, replacing the account's previous one. It is on the disk before this
    /// returns; so are the changes of all methods below.
    ///
    /// # Errors
    /// Where the vault can't be opened or written; it is unchanged then.
    pub fn put(&self, name: AccountName, entry: VaultEntry) -> Result<(), VaultError> {
        self.put_all([(name, entry)])
    }

    /// Stores several in one write: all or none.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_all(
        &self,
        all: impl IntoIterator<Item = (AccountName, VaultEntry)>,
    ) -> Result<(), VaultError> {
        self.0.edit(|entries| {
            entries.accounts.extend(all);
            Ok(())
        })
    }

    /// Removes an account's credential, if there is one.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn remove(&self, name: &AccountName) -> Result<(), VaultError> {
        self.0.edit(|entries| {
            entries.accounts.remove(name);
            Ok(())
        })
    }

    /// Changes an account's credential: the mark before a refresh is sent, the successor before its
    /// first use.
    ///
    /// # Errors
    /// [`VaultError::Unknown`] where there is none; else as [`put`](Self::put). Readers then see
    /// the old one, and what `change` made is dropped: a caller with a successor that exists
    /// nowhere else keeps it and tries again.
    pub fn update(
        &self,
        name: &AccountName,
        change: impl FnOnce(&mut Credential),
    ) -> Result<(), VaultError> {
        self.edit_one(name, |entry| change(&mut entry.credential))
    }

    /// A secret that belongs to no account. `None` where there is none of that name, and while the
    /// vault is locked.
    pub fn value(&self, name: &str) -> Option<Secret> {
        self.0.snapshot.load().entries.values.get(name).cloned()
    }

    /// Stores a secret that belongs to no account, such as a value that a change replaced.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_value(&self, name: String, value: Secret) -> Result<(), VaultError> {
        self.0.edit(|entries| {
            entries.values.insert(name, value);
            Ok(())
        })
    }

    /// Removes such a secret, if there is one.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn remove_value(&self, name: &str) -> Result<(), VaultError> {
        self.0.edit(|entries| {
            entries.values.remove(name);
            Ok(())
        })
    }

    /// Changes an account's whole entry, its address too.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn edit_one(
        &self,
        name: &AccountName,
        change: impl FnOnce(&mut VaultEntry),
    ) -> Result<(), VaultError> {
        self.0.edit(|entries| {
            let entry = entries
                .accounts
                .get_mut(name)
                .ok_or_else(|| VaultError::Unknown(name.clone()))?;
            change(entry);
            Ok(())
        })
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vault").field(&self.state()).finish()
    }
}

impl Shared {
    /// The open vault; opens it first if need be.
    fn opened(&self) -> Result<MutexGuard<'_, Option<OpenVault>>, VaultError> {
        let mut open = self.open.lock();
        if open.is_none() {
            let (opened, entries) = self
                .unseal_file()
                .inspect_err(|error| self.publish_locked(error))?;
            self.publish(&opened, entries);
            *open = Some(opened);
        }
        Ok(open)
    }

    fn unseal_file(&self) -> Result<(OpenVault, Entries), VaultError> {
        self.file.remove_stale_draft();
        let Some(bytes) = self.file.read()? else {
            let empty = OpenVault {
                key: None,
                bytes: None,
            };
            return Ok((empty, Entries::default()));
        };
        let (key, entries) = self.unseal(&bytes)?;
        let is_plaintext = key.kind == KeyKind::Plaintext;
        let mut open = OpenVault {
            key: Some(key),
            bytes: Some(bytes),
        };
        if is_plaintext {
            self.seal_plaintext(&mut open, &entries)?;
        }
        Ok((open, entries))
    }

    /// Finds the key and decrypts; the user may be prompted.
    fn unseal(&self, bytes: &[u8]) -> Result<(SealingKey, Entries), VaultError> {
        let unseal = || {
            let sealed = SealedBytes::parse(FORMAT, bytes).map_err(format_error)?;
            let key = self.keys.unsealing_key(&sealed)?;
            let entries = read_entries(&sealed, &key)?;
            Ok((key, entries))
        };
        unseal().map_err(|error| self.with_copy(error, bytes))
    }

    /// Seals a vault in plain text, once the user no longer asks for that.
    fn seal_plaintext(&self, open: &mut OpenVault, entries: &Entries) -> Result<(), VaultError> {
        let Some(key) = self.keys.key_for_plaintext()? else {
            return Ok(());
        };
        let lock = self.file.lock()?;
        self.write(&lock, open, key, entries)?;
        self.file.sync_folder()
    }

    fn write(
        &self,
        lock: &file::FileLock,
        open: &mut OpenVault,
        key: SealingKey,
        entries: &Entries,
    ) -> Result<(), VaultError> {
        let bytes = seal(FORMAT, &key, &records::write(entries));
        self.file.write(lock, &bytes)?;
        debug!(entries = entries.accounts.len(), "vault written");
        *open = OpenVault {
            key: Some(key),
            bytes: Some(bytes),
        };
        Ok(())
    }

    /// Copies damaged bytes aside, and names the copy in the error.
    fn with_copy(&self, error: VaultError, bytes: &[u8]) -> VaultError {
        match error {
            VaultError::Damaged { why, .. } => VaultError::Damaged {
                why,
                copy: self.file.keep_copy(bytes),
            },
            other => other,
        }
    }

    /// Changes the entries and writes them. Where anything fails before the file was replaced,
    /// nothing has changed.
    fn edit(
        &self,
        change: impl FnOnce(&mut Entries) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let mut guard = self.opened()?;
        let open = guard.as_mut().expect("`opened` opens");
        // Before the lock: the keyring may prompt, and another process must not wait for that.
        let new_key = match open.key {
            Some(_) => None,
            None => Some(self.keys.new_key()?),
        };
        let lock = self.file.lock()?;
        let mut entries = self.latest(open)?;
        change(&mut entries)?;
        // Another process may have made the vault in the meantime: then its key counts.
        let key = open
            .key
            .clone()
            .or(new_key)
            .expect("made where there was none");
        self.write(&lock, open, key, &entries)?;
        self.publish(open, entries);
        self.file.sync_folder()
    }

    /// The entries on the disk if another process wrote them since, else those in memory. A file
    /// that was deleted under a running agent is written again from memory.
    fn latest(&self, open: &mut OpenVault) -> Result<Entries, VaultError> {
        let bytes = match self.file.read()? {
            Some(bytes) if open.bytes.as_ref() != Some(&bytes) => bytes,
            _ => return Ok(self.snapshot.load().entries.as_ref().clone()),
        };
        let (key, entries) = self
            .reread(open, &bytes)
            .map_err(|error| self.with_copy(error, &bytes))?;
        *open = OpenVault {
            key: Some(key),
            bytes: Some(bytes),
        };
        self.publish(open, entries.clone());
        Ok(entries)
    }

    /// Uses the key at hand where it matches, so that the user is not prompted again.
    fn reread(&self, open: &OpenVault, bytes: &[u8]) -> Result<(SealingKey, Entries), VaultError> {
        let sealed = SealedBytes::parse(FORMAT, bytes).map_err(format_error)?;
        match open.key.as_ref().filter(|key| sealed.matches(key)) {
            Some(key) => Ok((key.clone(), read_entries(&sealed, key)?)),
            None => self.unseal(bytes),
        }
    }

    fn publish(&self, open: &OpenVault, entries: Entries) {
        let state = match &open.key {
            Some(key) => VaultState::Open(key.kind),
            None => VaultState::Empty,
        };
        let before = self.snapshot.swap(Arc::new(Snapshot {
            state: state.clone(),
            entries: Arc::new(entries),
        }));
        if before.state == state {
            return;
        }
        match state {
            VaultState::Open(KeyKind::Plaintext) => warn!("vault is open and not sealed"),
            VaultState::Open(kind) => info!(key = ?kind, "vault unlocked"),
            _ => debug!("vault is empty"),
        }
    }

    fn publish_locked(&self, error: &VaultError) {
        let state = VaultState::Locked {
            why: Said::of(&error),
            detail: error.detail(),
            is_transient: error.is_transient(),
        };
        let before = self.snapshot.swap(Arc::new(Snapshot {
            state: state.clone(),
            entries: Arc::default(),
        }));
        // Opening is tried again and again; each reason is logged once.
        if before.state != state {
            warn!(%error, is_transient = error.is_transient(), "vault is locked");
        }
    }
}

fn read_entries(sealed: &SealedBytes<'_>, key: &SealingKey) -> Result<Entries, VaultError> {
    let plaintext = sealed
        .unseal(key)
        .ok_or_else(|| VaultError::damaged(Damage::OtherBytes))?;
    records::read(&plaintext).ok_or_else(|| VaultError::damaged(Damage::Content))
}

fn format_error(error: FormatError) -> VaultError {
    match error {
        FormatError::Damaged(why) => VaultError::damaged(why),
        FormatError::Newer { found } => VaultError::Newer {
            found,
            known: FORMAT.version,
        },
    }
}
