//! The home: the folder of Aerostat's files.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::host::private_file;

/// The name of the configuration file.
pub const CONFIG_FILE: &str = "config.toml";

/// The folder of configuration, keys, vault and database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    folder: PathBuf,
}

impl Home {
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// `AEROSTAT_HOME`, else the folder below the platform's configuration folder. `lookup` reads
    /// the environment; an empty variable counts as unset.
    ///
    /// # Errors
    /// When no variable names a folder.
    pub fn find(lookup: &dyn Fn(&str) -> Option<OsString>) -> io::Result<Self> {
        match variable(lookup, "AEROSTAT_HOME") {
            Some(home) => Ok(Self::at(std::path::absolute(home)?)),
            None => Self::default_in(lookup)
                .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, NO_HOME)),
        }
    }

    /// The home where `AEROSTAT_HOME` is not set.
    pub fn default_in(lookup: &dyn Fn(&str) -> Option<OsString>) -> Option<Self> {
        platform_folder(&|name| variable(lookup, name))
            .map(|config| Self::at(config.join("aerostat")))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn config_file(&self) -> PathBuf {
        self.folder.join(CONFIG_FILE)
    }

    pub fn local_key_file(&self) -> PathBuf {
        self.folder.join("local-key")
    }

    /// Accounts, the pool's state and other data without secrets.
    pub fn database_file(&self) -> PathBuf {
        self.folder.join("aerostat.db")
    }

    /// What was served. Apart, since it may grow, and nothing else is lost with it.
    pub fn records_file(&self) -> PathBuf {
        self.folder.join("records.db")
    }

    /// A person's own prices.
    pub fn prices_file(&self) -> PathBuf {
        self.folder.join("prices.toml")
    }

    /// The sealed file of credentials.
    pub fn vault_file(&self) -> PathBuf {
        self.folder.join("vault")
    }

    /// What was changed in the files of clients, one receipt each.
    pub fn clients_folder(&self) -> PathBuf {
        self.folder.join("clients")
    }

    /// Locked by the one process that may change the home.
    pub fn lock_file(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// Describes the holder of the lock. Separate, since some systems refuse to read a locked file.
    pub fn holder_file(&self) -> PathBuf {
        self.folder.join("lock.json")
    }

    /// A short name that is unique to this home, for what cannot lie in its folder.
    pub fn digest(&self) -> String {
        let folder = std::fs::canonicalize(&self.folder).unwrap_or_else(|_| self.folder.clone());
        let hash = Sha256::digest(folder.as_os_str().as_encoded_bytes());
        hex::encode(&hash[..8])
    }

    /// Creates the folder where it is missing, and takes access to it from others.
    ///
    /// # Errors
    /// When it cannot be created, or as [`Home::secure`].
    pub fn create(&self) -> io::Result<()> {
        private_file::create_folder(&self.folder)?;
        self.secure()
    }

    /// Closes the folder to others, where there is one.
    ///
    /// # Errors
    /// When another user owns it or can write to it: what it holds is then not this person's word.
    /// The text says which command mends that.
    pub fn secure(&self) -> io::Result<()> {
        private_file::secure_folder(&self.folder)
    }
}

fn variable(lookup: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Option<PathBuf> {
    lookup(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

const NO_HOME: &str = "no variable says where files belong: set `AEROSTAT_HOME`";

#[cfg(target_os = "macos")]
fn platform_folder(folder: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    Some(folder("HOME")?.join("Library/Application Support"))
}

#[cfg(windows)]
fn platform_folder(folder: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    folder("APPDATA")
}

/// Source: XDG Base Directory Specification; a relative path there is invalid and ignored.
#[cfg(not(any(target_os = "macos", windows)))]
fn platform_folder(folder: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    folder("XDG_CONFIG_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| Some(folder("HOME")?.join(".config")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)]) -> Option<PathBuf> {
        let lookup = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        };
        Home::find(&lookup).ok().map(|home| home.folder)
    }

    #[test]
    fn the_variable_of_its_own_comes_first_and_is_the_folder_itself() {
        assert_eq!(
            find(&[("AEROSTAT_HOME", "/a/b"), ("HOME", "/h")]),
            Some(PathBuf::from("/a/b"))
        );
        assert!(
            find(&[("AEROSTAT_HOME", "relative")])
                .unwrap()
                .is_absolute()
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_follows_the_xdg_folders() {
        assert_eq!(
            find(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]),
            Some(PathBuf::from("/x/aerostat"))
        );
        assert_eq!(
            find(&[("XDG_CONFIG_HOME", "x"), ("HOME", "/h")]),
            Some(PathBuf::from("/h/.config/aerostat"))
        );
        assert_eq!(
            find(&[("AEROSTAT_HOME", ""), ("HOME", "/h")]),
            Some(PathBuf::from("/h/.config/aerostat"))
        );
    }

    #[test]
    fn without_any_variable_there_is_an_error() {
        assert_eq!(find(&[]), None);
    }
}
