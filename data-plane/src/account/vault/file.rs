//! The file of the vault: read and replaced as a whole, so that it holds the old state or the new
//! one and nothing in between. It knows bytes, not what they mean.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::VaultError;
use super::error::FileWork;
use crate::host::private_file::{self, Draft};

/// Far more than thousands of accounts take.
const FILE_BYTES_MAX: u64 = 64 << 20;

pub(super) struct VaultFile {
    folder: PathBuf,
}

/// The lock between processes that write. The system releases it with the process.
pub(super) struct FileLock {
    _file: File,
}

impl VaultFile {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.join("vault")
    }

    /// What is being written, until it takes the vault's place. One name suffices: only the holder
    /// of the lock writes.
    fn draft_path(&self) -> PathBuf {
        self.folder.join("vault.new")
    }

    fn lock_path(&self) -> PathBuf {
        self.folder.join("vault.lock")
    }

    /// The whole file. `None` where there is none.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, VaultError> {
        match self.bytes() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            bytes => bytes.map(Some).map_err(VaultError::io(FileWork::Read)),
        }
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let path = self.path();
        let mut bytes = Vec::new();
        let read = private_file::open(&path).and_then(|file| {
            // Best effort: a sealed file on a read-only disk is still sealed.
            let _ = private_file::restrict(&file);
            private_file::read_into(&file, &mut bytes, FILE_BYTES_MAX)
        });
        read.map_err(|error| private_file::named_if_foreign(&path, error))?;
        Ok(bytes)
    }

    /// Waits until no other process writes. Creates the folder where it is missing.
    pub(super) fn lock(&self) -> Result<FileLock, VaultError> {
        let lock = || {
            private_file::create_folder(&self.folder)?;
            private_file::secure_folder(&self.folder)?;
            let path = self.lock_path();
            let file = private_file::open_or_create(&path)
                .map_err(|error| private_file::named_if_foreign(&path, error))?;
            file.lock()?;
            Ok(FileLock { _file: file })
        };
        lock().map_err(VaultError::io(FileWork::Locked))
    }

    /// Replaces the file. Where this fails, the old one is untouched. The new one survives a power
    /// cut only after [`sync_folder`](Self::sync_folder).
    pub(super) fn write(&self, _lock: &FileLock, bytes: &[u8]) -> Result<(), VaultError> {
        let replace = || {
            let mut draft = Draft::create(self.draft_path())?;
            draft.write(bytes)?;
            draft.rename_to(&self.path())
        };
        replace().map_err(VaultError::io(FileWork::Written))
    }

    /// Makes the last replacement survive a power cut.
    pub(super) fn sync_folder(&self) -> Result<(), VaultError> {
        private_file::sync_folder_of(&self.path()).map_err(VaultError::io(FileWork::MadeDurable))
    }

    /// Removes the draft of an interrupted write, unless another process is writing it now. Best
    /// effort: the next write replaces the draft anyway.
    pub(super) fn remove_stale_draft(&self) {
        if !self.draft_path().exists() {
            return;
        }
        if let Ok(lock) = private_file::open_or_create(&self.lock_path())
            && lock.try_lock().is_ok()
        {
            let _ = fs::remove_file(self.draft_path());
        }
    }

    /// Keeps a copy of damaged bytes beside the vault, once for each content. Returns the copy's
    /// name; `None` where it can't be written.
    pub(super) fn keep_copy(&self, bytes: &[u8]) -> Option<String> {
        let name = format!("vault.damaged-{}", &hex::encode(Sha256::digest(bytes))[..8]);
        let path = self.folder.join(&name);
        match private_file::write_new(&path, bytes) {
            Ok(()) => Some(name),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Some(name),
            Err(_) => None,
        }
    }
}
