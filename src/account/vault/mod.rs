//! The vault: every credential in one file, sealed under one key that lies elsewhere.
//!
//! The file `vault` is sealed with XChaCha20-Poly1305 under a fresh nonce at each write, and
//! replaced as a whole: it survives a kill at any moment as the old state or the new one. Its key
//! lies in the keyring, in a key file, or in a person's head as a passphrase ([`Keys`]). A
//! [`Vault`] is a handle that may be shut for now: it is opened when the key can be had, and tried
//! again later.
//!
//! It never writes where it could not read, never makes a key where a sealed file exists, and never
//! waits in [`Vault::get`].

mod error;
mod file;
mod format;
mod key;
mod key_file;
mod keyring;
mod keys;
#[cfg(test)]
mod tests;
mod text;

pub use error::VaultError;
pub use format::KeyKind;
pub use key_file::{KEY_FILE_VARIABLE, KeyFile};
pub use keyring::{KEYRING_TIMEOUT, Keyring, KeyringError, SystemKeyring};
pub use keys::{Ask, Keys, PASSPHRASE_CHARS_MIN, Prompt};

pub(super) use format::{Closed, Kind, Lid, Unreadable, seal};
pub(super) use key::Kdf;
pub(super) use text::SealedText;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::{Mutex, MutexGuard};

use super::{AccountName, Credential, Sealed, Secret};
use file::VaultFile;

const KIND: Kind = Kind {
    title: "aerostat vault",
    version: 1,
};

type Entries = BTreeMap<AccountName, Sealed>;

/// The credentials of a home, as a handle. Clones are the same vault.
///
/// Calls that open or write block, on the disk and perhaps on a person whom the keyring asks;
/// [`get`](Self::get) and [`state`](Self::state) never do.
#[derive(Clone)]
pub struct Vault(Arc<Shared>);

struct Shared {
    file: VaultFile,
    keys: Keys,
    view: ArcSwap<View>,
    /// Held while something is read or written; `None` while the vault is shut.
    open: Mutex<Option<Open>>,
}

/// What readers see.
#[derive(Clone, Default)]
struct View {
    state: VaultState,
    entries: Arc<Entries>,
}

/// What an open vault needs to write.
struct Open {
    /// `None` where there is no file yet: the key is made when there is something to seal.
    lid: Option<Lid>,
    /// The file as it was last read or written here.
    bytes: Option<Vec<u8>>,
}

/// How the vault stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum VaultState {
    /// Nobody has asked for it yet.
    #[default]
    Unopened,
    /// There is no file: nothing was ever kept.
    Empty,
    /// Open, with the key from there.
    Open(KeyKind),
    /// It can't be read now. `is_passing` says whether it is worth trying again by itself.
    Shut {
        why: String,
        /// The same for a reader who knows that the vault is locked.
        detail: String,
        is_passing: bool,
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
            Self::Shut { why, .. } => why,
        })
    }
}

impl Vault {
    /// The vault in `folder`. Nothing is read yet.
    pub fn new(folder: &Path, keys: Keys) -> Self {
        Self(Arc::new(Shared {
            file: VaultFile::in_folder(folder),
            keys,
            view: ArcSwap::default(),
            open: Mutex::new(None),
        }))
    }

    /// Opens it where it is shut; to be tried again while [`VaultError::is_passing`].
    ///
    /// # Errors
    /// Where it stays shut. Nothing was changed then.
    pub fn open(&self) -> Result<(), VaultError> {
        self.0.opened().map(drop)
    }

    pub fn state(&self) -> VaultState {
        self.0.view.load().state.clone()
    }

    /// The credential of an account, as the last finished write left it. `None` where there is
    /// none, and while the vault is shut.
    pub fn get(&self, name: &AccountName) -> Option<Sealed> {
        self.0.view.load().entries.get(name).cloned()
    }

    /// The accounts that have a credential here; none while the vault is shut.
    pub fn names(&self) -> Vec<AccountName> {
        self.0.view.load().entries.keys().cloned().collect()
    }

    /// Keeps a credential, in the place of any that the account had. It is on the disk before this
    /// returns, as with all that follow.
    ///
    /// # Errors
    /// Where the vault can't be opened or written; it is as it was then.
    pub fn put(&self, name: AccountName, sealed: Sealed) -> Result<(), VaultError> {
        self.put_all([(name, sealed)])
    }

    /// Keeps several in one write: all or none.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn put_all(
        &self,
        all: impl IntoIterator<Item = (AccountName, Sealed)>,
    ) -> Result<(), VaultError> {
        self.0.edit(|entries| {
            entries.extend(all);
            Ok(())
        })
    }

    /// Forgets an account's credential, if there is one.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn remove(&self, name: &AccountName) -> Result<(), VaultError> {
        self.0.edit(|entries| {
            entries.remove(name);
            Ok(())
        })
    }

    /// Gives an account's credential another name.
    ///
    /// # Errors
    /// [`VaultError::Unknown`] where there is none by the old name; else as [`put`](Self::put).
    pub fn rename(&self, from: &AccountName, to: AccountName) -> Result<(), VaultError> {
        self.0.edit(|entries| {
            let sealed = entries
                .remove(from)
                .ok_or_else(|| VaultError::Unknown(from.clone()))?;
            entries.insert(to, sealed);
            Ok(())
        })
    }

    /// Changes an account's credential: the mark before a refresh is sent, its successor before the
    /// first use.
    ///
    /// # Errors
    /// [`VaultError::Unknown`] where there is none; else as [`put`](Self::put). Readers see the old
    /// one then, and what `change` made is dropped: who holds a successor that exists nowhere else
    /// keeps it and tries again.
    pub fn update(
        &self,
        name: &AccountName,
        change: impl FnOnce(&mut Credential),
    ) -> Result<(), VaultError> {
        self.edit_one(name, |sealed| change(&mut sealed.credential))
    }

    /// Changes an account's entry whole, its address too: what a person confirms.
    ///
    /// # Errors
    /// As [`update`](Self::update).
    pub fn edit_one(
        &self,
        name: &AccountName,
        change: impl FnOnce(&mut Sealed),
    ) -> Result<(), VaultError> {
        self.0.edit(|entries| {
            change(
                entries
                    .get_mut(name)
                    .ok_or_else(|| VaultError::Unknown(name.clone()))?,
            );
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
    /// The open vault, opened now if need be.
    fn opened(&self) -> Result<MutexGuard<'_, Option<Open>>, VaultError> {
        let mut open = self.open.lock();
        if open.is_none() {
            let (opened, entries) = self.unseal().inspect_err(|error| self.show_shut(error))?;
            self.show(&opened, entries);
            *open = Some(opened);
        }
        Ok(open)
    }

    fn unseal(&self) -> Result<(Open, Entries), VaultError> {
        self.file.remove_stale_draft();
        let Some(bytes) = self.file.read()? else {
            return Ok((
                Open {
                    lid: None,
                    bytes: None,
                },
                Entries::new(),
            ));
        };
        let (lid, entries) = self.unseal_bytes(&bytes)?;
        let mut open = Open {
            lid: Some(lid),
            bytes: Some(bytes),
        };
        if open
            .lid
            .as_ref()
            .is_some_and(|lid| lid.kind == KeyKind::Plaintext)
        {
            self.close_plaintext(&mut open, &entries)?;
        }
        Ok((open, entries))
    }

    fn unseal_bytes(&self, bytes: &[u8]) -> Result<(Lid, Entries), VaultError> {
        let unseal = || {
            let closed = Closed::parse(KIND, bytes).map_err(unreadable)?;
            let lid = self.keys.opener(&closed)?;
            let entries = read_entries(&closed, &lid)?;
            Ok((lid, entries))
        };
        unseal().map_err(|error| self.with_copy(error, bytes))
    }

    /// Seals what lies open, once the person no longer asks for plain text.
    fn close_plaintext(&self, open: &mut Open, entries: &Entries) -> Result<(), VaultError> {
        let Some(lid) = self.keys.closer()? else {
            return Ok(());
        };
        let locked = self.file.lock()?;
        let bytes = seal(KIND, &lid, &text::write(entries));
        self.file.write(&locked, &bytes)?;
        *open = Open {
            lid: Some(lid),
            bytes: Some(bytes),
        };
        self.file.sync_folder()
    }

    fn with_copy(&self, error: VaultError, bytes: &[u8]) -> VaultError {
        match error {
            VaultError::Damaged { why, .. } => VaultError::Damaged {
                why,
                copy: self.file.keep_copy(bytes),
            },
            other => other,
        }
    }

    /// Changes the entries and writes them; where anything fails before the file was replaced,
    /// nothing has changed.
    fn edit(
        &self,
        change: impl FnOnce(&mut Entries) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let mut guard = self.opened()?;
        let open = guard.as_mut().expect("`opened` opens");
        let made = open.lid.is_none().then(|| self.keys.sealer()).transpose()?;
        let locked = self.file.lock()?;
        let mut entries = self.latest(open)?;
        change(&mut entries)?;
        let lid = open
            .lid
            .clone()
            .or(made)
            .expect("made above where there was none");
        let bytes = seal(KIND, &lid, &text::write(&entries));
        self.file.write(&locked, &bytes)?;
        *open = Open {
            lid: Some(lid),
            bytes: Some(bytes),
        };
        self.show(open, entries);
        self.file.sync_folder()
    }

    /// The entries on the disk, if another process wrote them since; else those in memory. A file
    /// that was deleted under a running agent is written again from memory.
    fn latest(&self, open: &mut Open) -> Result<Entries, VaultError> {
        let bytes = self.file.read()?;
        if bytes.is_none() || bytes == open.bytes {
            return Ok(self.view.load().entries.as_ref().clone());
        }
        let bytes = bytes.unwrap_or_default();
        let (lid, entries) = self
            .reread(open, &bytes)
            .map_err(|error| self.with_copy(error, &bytes))?;
        *open = Open {
            lid: Some(lid),
            bytes: Some(bytes),
        };
        self.show(open, entries.clone());
        Ok(entries)
    }

    /// With the key at hand where it fits, so that nobody is asked again.
    fn reread(&self, open: &Open, bytes: &[u8]) -> Result<(Lid, Entries), VaultError> {
        let closed = Closed::parse(KIND, bytes).map_err(unreadable)?;
        match open.lid.as_ref().filter(|lid| closed.fits(lid)) {
            Some(lid) => Ok((lid.clone(), read_entries(&closed, lid)?)),
            None => self.unseal_bytes(bytes),
        }
    }

    fn show(&self, open: &Open, entries: Entries) {
        let state = open
            .lid
            .as_ref()
            .map_or(VaultState::Empty, |lid| VaultState::Open(lid.kind));
        self.view.store(Arc::new(View {
            state,
            entries: Arc::new(entries),
        }));
    }

    fn show_shut(&self, error: &VaultError) {
        let state = VaultState::Shut {
            why: error.to_string(),
            detail: error.detail(),
            is_passing: error.is_passing(),
        };
        self.view.store(Arc::new(View {
            state,
            entries: Arc::default(),
        }));
    }
}

fn read_entries(closed: &Closed<'_>, lid: &Lid) -> Result<Entries, VaultError> {
    let text = closed
        .open(lid)
        .ok_or_else(|| VaultError::damaged("its bytes are not the ones that were sealed"))?;
    text::read(&text).ok_or_else(|| VaultError::damaged("what it holds can't be read"))
}

fn unreadable(why: Unreadable) -> VaultError {
    match why {
        Unreadable::Damaged(why) => VaultError::damaged(why),
        Unreadable::Newer { found } => VaultError::Newer {
            found,
            known: KIND.version,
        },
    }
}
