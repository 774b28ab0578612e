//! The file of the vault: read whole, replaced whole, so that it holds the old state or the new one
//! and nothing between.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::VaultError;
use super::key::hex;

/// Far more than thousands of accounts take.
const FILE_BYTES_MAX: u64 = 64 << 20;

pub(super) struct VaultFile {
    folder: PathBuf,
}

/// The lock between processes that write; it goes with its process.
pub(super) struct Locked {
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

    /// What is being written, until it takes the vault's place.
    fn next_path(&self) -> PathBuf {
        self.folder.join("vault.new")
    }

    /// The bytes. `None` where there is no vault.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, VaultError> {
        match self.bytes() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            bytes => bytes.map(Some).map_err(VaultError::io("read")),
        }
    }

    fn bytes(&self) -> io::Result<Vec<u8>> {
        let file = File::open(self.path())?;
        close_to_others(&file);
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "the file is far larger than any vault",
            ));
        }
        Ok(bytes)
    }

    /// Waits until no other process writes; makes the folder where it is missing.
    pub(super) fn lock(&self) -> Result<Locked, VaultError> {
        let locked = || {
            create_folder(&self.folder)?;
            let file = private()
                .read(true)
                .truncate(false)
                .create(true)
                .open(self.folder.join("vault.lock"))?;
            file.lock()?;
            Ok(Locked { _file: file })
        };
        locked().map_err(VaultError::io("locked"))
    }

    /// Replaces the vault. Where this fails, the old one stands, unless the error is `made
    /// durable`.
    pub(super) fn write(&self, _locked: &Locked, bytes: &[u8]) -> Result<(), VaultError> {
        let written = self
            .write_next(bytes)
            .and_then(|()| replace(&self.next_path(), &self.path()));
        if written.is_err() {
            // A full disk has better use for its space.
            drop(fs::remove_file(self.next_path()));
        }
        written.map_err(VaultError::io("written"))
    }

    fn write_next(&self, bytes: &[u8]) -> io::Result<()> {
        remove_if_there(&self.next_path())?;
        let mut file = private().create_new(true).open(self.next_path())?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    /// Makes the replacement survive a power cut.
    pub(super) fn sync_folder(&self) -> Result<(), VaultError> {
        sync_folder(&self.folder).map_err(VaultError::io("made durable"))
    }

    /// Removes what an interrupted write left, unless another process is writing it. Where that
    /// fails, nothing is the worse for it.
    pub(super) fn sweep(&self) {
        if !self.next_path().exists() {
            return;
        }
        let lock = private()
            .truncate(false)
            .create(true)
            .open(self.folder.join("vault.lock"));
        if let Ok(lock) = lock
            && lock.try_lock().is_ok()
        {
            drop(fs::remove_file(self.next_path()));
        }
    }

    /// Keeps a copy of damaged bytes beside the vault, once for each damage. The copy's name;
    /// `None` where it can't be kept.
    pub(super) fn keep_copy(&self, bytes: &[u8]) -> Option<String> {
        let name = format!("vault.damaged-{}", &hex(&Sha256::digest(bytes))[..8]);
        let path = self.folder.join(&name);
        let copied = match private().create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            opened => {
                opened.and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            }
        };
        copied.ok().map(|()| name)
    }
}

/// Options for files that nobody else may read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// As far as it can be done: a sealed file on a disk that takes no change is still sealed.
#[cfg(unix)]
fn close_to_others(file: &File) {
    use std::os::unix::fs::PermissionsExt as _;
    let is_open = file
        .metadata()
        .is_ok_and(|facts| facts.permissions().mode() & 0o077 != 0);
    if is_open {
        drop(file.set_permissions(fs::Permissions::from_mode(0o600)));
    }
}

/// Windows' config folder is the person's own already.
#[cfg(not(unix))]
fn close_to_others(_: &File) {}

#[cfg(unix)]
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// A virus scanner that looks at the file keeps it from being replaced for a moment.
#[cfg(not(unix))]
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    const TRIES: u32 = 10;
    for attempt in 1..TRIES {
        match fs::rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                std::thread::sleep(std::time::Duration::from_millis(u64::from(10 * attempt)));
            }
            renamed => return renamed,
        }
    }
    fs::rename(from, to)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows has no such call; its file systems journal a rename.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}
