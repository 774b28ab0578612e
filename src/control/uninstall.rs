//! Taking Aerostat off a person's account: what it changed elsewhere, and, where they ask for it, what it keeps.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::autostart::{self, Places};
use super::{Home, Place};
use crate::account::{KeyringError, SystemKeyring};

/// What lies in a home, by the beginning of its name. What a person put there is not removed.
const FILES: [&str; 9] =
    ["config.toml", "aerostat.db", "vault", "local-key", "lock", "control.sock", "dashboard-", "logs", ".config.toml"];

/// What was taken off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uninstalled {
    pub removed: Vec<String>,
    /// What is still there, each with the reason.
    pub kept: Vec<String>,
    /// What could not be removed, each with the reason.
    pub failed: Vec<String>,
}

/// Undoes start at login; with `is_purge` also removes the configuration, the accounts, the vault and its key. No agent may run.
pub fn uninstall(home: &Home, places: &Places, is_purge: bool) -> Uninstalled {
    take_off(home, places, is_purge, SystemKeyring::forget)
}

fn take_off(home: &Home, places: &Places, is_purge: bool, forget: impl FnOnce() -> Result<bool, KeyringError>) -> Uninstalled {
    let mut done = Uninstalled::default();
    done.note("start at login", autostart::status(places).kind.is_some(), autostart::turn_off(places).map(drop));
    if !is_purge {
        if home.folder().exists() {
            done.kept.push(format!("{}: `--purge` removes settings and accounts too", home.folder().display()));
        }
        return done;
    }
    // Without its vault the key opens nothing.
    let forgotten = forget();
    done.note("the vault's key in the keyring", *forgotten.as_ref().unwrap_or(&false), forgotten.map(drop));
    for file in files(home) {
        let removed = if file.is_dir() { fs::remove_dir_all(&file) } else { fs::remove_file(&file) };
        done.note(&file.display().to_string(), true, removed);
    }
    drop(fs::remove_file(Place::of(home, &|name| std::env::var_os(name)).path()));
    match fs::remove_dir(home.folder()) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            done.kept.push(format!("{}: it holds files of others", home.folder().display()));
        }
        _ => {}
    }
    done
}

impl Uninstalled {
    fn note(&mut self, what: &str, was_there: bool, done: Result<(), impl std::fmt::Display>) {
        match done {
            Ok(()) if was_there => self.removed.push(what.to_owned()),
            Ok(()) => {}
            Err(error) => self.failed.push(format!("{what}: {error}")),
        }
    }
}

fn files(home: &Home) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home.folder()) else { return Vec::new() };
    let is_ours = |name: &str| FILES.iter().any(|ours| name.starts_with(ours));
    let ours = entries.flatten().filter(|entry| is_ours(&entry.file_name().to_string_lossy()));
    ours.map(|entry| entry.path()).collect()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::ffi::OsString;

    #[test]
    fn a_purge_leaves_what_a_person_put_there() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        fs::create_dir(home.folder()).unwrap();
        for name in ["config.toml", "aerostat.db", "aerostat.db-wal", "vault", "local-key", "my-notes.txt"] {
            fs::write(home.folder().join(name), "x").unwrap();
        }
        let config: OsString = folder.path().join("config").into();
        let places = Places::find(&|name| (name == "XDG_CONFIG_HOME").then(|| config.clone()));
        assert_eq!(take_off(&home, &places, false, || panic!("the key stays without a purge")).removed, [""; 0]);
        assert!(home.config_file().exists(), "settings stay without a purge");
        take_off(&home, &places, true, || Ok(true));
        let left: Vec<_> = fs::read_dir(home.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["my-notes.txt"]);
    }
    #[test]
    fn a_purge_claims_only_the_key_that_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        let config: OsString = folder.path().join("config").into();
        let places = Places::find(&|name| (name == "XDG_CONFIG_HOME").then(|| config.clone()));
        assert_eq!(take_off(&home, &places, true, || Ok(false)), Uninstalled::default());
        assert_eq!(take_off(&home, &places, true, || Ok(true)).removed, ["the vault's key in the keyring"]);
        assert_eq!(take_off(&home, &places, true, || Err(KeyringError::Locked)).failed.len(), 1);
    }
}
