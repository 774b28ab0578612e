//! Clients' files on the disk: found behind every symbolic link, and replaced without touching their
//! mode, their owner or the link.
//!
//! Knows no format and no client.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::problem::WhyFixed;
use crate::host::private_file;

/// Settings of a program; what is larger is something else.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// As many as Linux follows.
const LINKS_MAX: usize = 40;

/// A file as it was read, or the place where one would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFound {
    /// By the name that the client uses.
    pub path: PathBuf,
    /// Where every link has been followed.
    pub resolved: PathBuf,
    /// `None` where there is none.
    pub bytes: Option<Vec<u8>>,
    /// Its permissions on Unix.
    pub mode: Option<u32>,
    /// Why it cannot be replaced, where that is known beforehand.
    pub fixed: Option<WhyFixed>,
}

/// Reads a file, which may be missing.
///
/// # Errors
/// When it cannot be read, is no regular file or far too large, or its links lead in a circle.
pub fn read(path: &Path) -> io::Result<FileFound> {
    let resolved = resolve(path)?;
    let bytes = match private_file::read_linked(&resolved, FILE_BYTES_MAX) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    Ok(FileFound {
        mode: mode(&resolved),
        fixed: why_fixed(&resolved),
        path: path.to_owned(),
        resolved,
        bytes,
    })
}

/// Follows every link, also one to a file that does not exist yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = std::path::absolute(path)?;
    for _ in 0..LINKS_MAX {
        let is_link = match fs::symlink_metadata(&path) {
            Ok(found) => found.file_type().is_symlink(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if !is_link {
            return Ok(in_real_folder(&path));
        }
        let target = fs::read_link(&path)?;
        path = match path.parent() {
            Some(folder) => folder.join(target),
            None => target,
        };
    }
    Err(io::Error::other("its symbolic links lead in a circle"))
}

/// The same file in the folder without links, as far as that exists.
fn in_real_folder(path: &Path) -> PathBuf {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return path.to_owned();
    };
    match real(folder) {
        Ok(real) => real.join(name),
        Err(_) if folder.parent().is_some() => in_real_folder(folder).join(name),
        Err(_) => path.to_owned(),
    }
}

/// Windows' own form of a real path begins with `\\?\`, which not every program reads.
fn real(folder: &Path) -> io::Result<PathBuf> {
    if cfg!(windows) {
        return folder.try_exists().and_then(|is_there| {
            let missing = || io::Error::from(io::ErrorKind::NotFound);
            is_there.then(|| folder.to_owned()).ok_or_else(missing)
        });
    }
    fs::canonicalize(folder)
}

#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).ok().map(|found| found.mode() & 0o7777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> Option<u32> {
    None
}

/// Why a file must not be replaced: it is generated, or meant to stay as it is.
fn why_fixed(resolved: &Path) -> Option<WhyFixed> {
    if resolved.starts_with("/nix/store") {
        return Some(WhyFixed::NixStore);
    }
    match fs::metadata(resolved) {
        Ok(found) if found.permissions().readonly() => Some(WhyFixed::ReadOnly),
        Ok(found) => of_another_user(&found).or_else(|| folder_is_fixed(resolved)),
        Err(_) => folder_is_fixed(resolved),
    }
}

#[cfg(unix)]
fn of_another_user(found: &fs::Metadata) -> Option<WhyFixed> {
    use std::os::unix::fs::MetadataExt as _;
    let own = private_file::own_user();
    let is_foreign = found.uid() != own && own != private_file::ROOT;
    is_foreign.then_some(WhyFixed::OtherUser)
}

#[cfg(not(unix))]
fn of_another_user(_: &fs::Metadata) -> Option<WhyFixed> {
    None
}

/// Whether the nearest folder that exists lets this person make a file in it.
#[cfg(unix)]
fn folder_is_fixed(file: &Path) -> Option<WhyFixed> {
    let folder = file.ancestors().skip(1).find(|folder| folder.exists())?;
    let why = || WhyFixed::Folder {
        folder: folder.to_owned(),
    };
    (!private_file::is_writable_folder(folder)).then(why)
}

#[cfg(not(unix))]
fn folder_is_fixed(_: &Path) -> Option<WhyFixed> {
    None
}

/// Replaces the file with these bytes, or removes it. Gives the folders that it had to make, the
/// outermost first.
///
/// # Errors
/// When it cannot be written; it is untouched then.
pub fn write(file: &FileFound, bytes: Option<&[u8]>) -> io::Result<Vec<PathBuf>> {
    let Some(bytes) = bytes else {
        private_file::remove_if_present(&file.resolved)?;
        return Ok(Vec::new());
    };
    let folders = missing_folders(&file.resolved);
    if let Some(folder) = file.resolved.parent() {
        private_file::create_folder(folder)?;
    }
    private_file::replace_keeping_permissions(&file.resolved, bytes)?;
    Ok(folders)
}

/// The folders above a file that do not exist, the outermost first.
pub fn missing_folders(file: &Path) -> Vec<PathBuf> {
    let above = file.ancestors().skip(1);
    let mut missing: Vec<PathBuf> = above
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .map(Path::to_owned)
        .collect();
    missing.reverse();
    missing
}

/// Removes folders that are empty, the innermost first.
pub fn remove_empty(folders: &[PathBuf]) {
    for folder in folders.iter().rev() {
        // One that holds something stays.
        let _ = fs::remove_dir(folder);
    }
}

/// The digest of a file's bytes; of a missing file a word that is none.
pub fn digest(bytes: Option<&[u8]>) -> String {
    match bytes {
        Some(bytes) => hex::encode(Sha256::digest(bytes)),
        None => ABSENT.to_owned(),
    }
}

const ABSENT: &str = "absent";

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode_of(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn every_link_is_followed_and_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("dotfiles")).unwrap();
        fs::write(at("dotfiles/real"), "old").unwrap();
        symlink("dotfiles/real", at("middle")).unwrap();
        symlink(at("middle"), at("outer")).unwrap();
        let found = read(&at("outer")).unwrap();
        assert_eq!(found.bytes.as_deref(), Some(&b"old"[..]));
        write(&found, Some(b"new")).unwrap();
        assert_eq!(fs::read(at("dotfiles/real")).unwrap(), b"new");
        for link in ["outer", "middle"] {
            let found = fs::symlink_metadata(at(link)).unwrap();
            assert!(found.file_type().is_symlink(), "{link}");
        }
        let left: Vec<_> = fs::read_dir(at("dotfiles")).unwrap().collect();
        assert_eq!(left.len(), 1, "no draft is left");
    }

    #[test]
    fn a_link_to_a_file_that_is_missing_gets_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("there/real", at("link")).unwrap();
        let found = read(&at("link")).unwrap();
        assert_eq!(found.bytes, None);
        let made = write(&found, Some(b"new")).unwrap();
        assert_eq!(fs::read(at("there/real")).unwrap(), b"new");
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        assert_eq!(mode_of(&at("there/real")), 0o600);
        assert_eq!(mode_of(&at("there")), 0o700);
        write(&found, None).unwrap();
        remove_empty(&made);
        assert!(!at("there").exists());
    }

    #[test]
    fn links_in_a_circle_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("b", at("a")).unwrap();
        symlink("a", at("b")).unwrap();
        assert!(read(&at("a")).unwrap_err().to_string().contains("circle"));
    }

    #[test]
    fn the_mode_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        for mode in [0o644, 0o600, 0o640] {
            fs::write(&file, "old").unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            write(&read(&file).unwrap(), Some(b"new")).unwrap();
            assert_eq!(mode_of(&file), mode);
        }
    }

    #[test]
    fn what_is_read_only_is_known_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "old").unwrap();
        assert_eq!(read(&file).unwrap().fixed, None);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
        assert_eq!(read(&file).unwrap().fixed, Some(WhyFixed::ReadOnly));
        assert!(why_fixed(Path::new("/nix/store/abc/settings.json")).is_some());
    }

    #[test]
    fn what_is_no_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let error = read(folder.path()).unwrap_err();
        assert!(error.to_string().contains("a folder"), "{error}");
    }
}
