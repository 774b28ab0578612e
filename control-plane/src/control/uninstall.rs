//! Uninstalling: undoes what Aerostat changed outside its home and, in a purge, removes the home's
//! files and the vault's key.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::socket_path::SocketPath;
use crate::account::SystemKeyring;
use crate::config::Home;
use crate::host::autostart::{self, Places};
use crate::host::private_file;

/// Our files in a home, by the beginning of their names. Files of the person's own stay.
const FILES: [&str; 11] = [
    "config.toml",
    "aerostat.db",
    "records.db",
    "vault",
    "local-key",
    "clients",
    "lock",
    "control.sock",
    "dashboard-",
    "logs",
    ".config.toml",
];

/// What an uninstall did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uninstalled {
    pub removed: Vec<String>,
    /// What is still there, each with the reason.
    pub kept: Vec<String>,
    /// What could not be removed, each with the reason.
    pub failed: Vec<String>,
}

/// Undoes start at login. No agent may run.
pub fn uninstall(home: &Home, places: &Places) -> Uninstalled {
    let mut done = disable_autostart(places);
    if home.folder().exists() {
        done.kept.push(format!(
            "{}: `--purge` removes settings and accounts too",
            home.folder().display()
        ));
    }
    done
}

/// The same, and removes the configuration, the accounts, the vault and, by `forget_key`, its key.
/// All homes of a person share that key: it stays if the `usual` home is another one and has a
/// vault.
pub fn purge<E: fmt::Display>(
    home: &Home,
    usual: Option<&Home>,
    places: &Places,
    forget_key: impl FnOnce() -> Result<bool, E>,
) -> Uninstalled {
    let mut done = disable_autostart(places);
    let another =
        usual.filter(|usual| usual.digest() != home.digest() && usual.vault_file().exists());
    match another {
        Some(another) => done.kept.push(format!(
            "{KEY}: it opens the vault in {} too",
            another.folder().display()
        )),
        // Without its vault the key opens nothing.
        None => done.note_if(KEY, forget_key()),
    }
    for file in files(home) {
        let removed = if file.is_dir() {
            fs::remove_dir_all(&file)
        } else {
            fs::remove_file(&file)
        };
        done.note_if(&file.display().to_string(), removed.map(|()| true));
    }
    let socket = SocketPath::of(home, &|name| std::env::var_os(name));
    let _ = private_file::remove_if_present(socket.path());
    match fs::remove_dir(home.folder()) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
            done.kept.push(format!(
                "{}: it holds files of others",
                home.folder().display()
            ));
        }
        _ => {}
    }
    done
}

const KEY: &str = "the vault's key in the keyring";

/// Removes the vault's key from the system's keyring. Whether there was one.
///
/// # Errors
/// When the keyring is locked, or refuses.
pub fn forget_key() -> Result<bool, impl fmt::Display> {
    SystemKeyring::forget()
}

fn disable_autostart(places: &Places) -> Uninstalled {
    let mut done = Uninstalled::default();
    let was_on = autostart::status(places).kind.is_some();
    done.note_if(
        "start at login",
        autostart::turn_off(places).map(|_| was_on),
    );
    done
}

impl Uninstalled {
    /// Notes the outcome of one removal; nothing where there was nothing to remove.
    fn note_if(&mut self, what: &str, was_there: Result<bool, impl fmt::Display>) {
        match was_there {
            Ok(true) => self.removed.push(what.to_owned()),
            Ok(false) => {}
            Err(error) => self.failed.push(format!("{what}: {error}")),
        }
    }
}

fn files(home: &Home) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home.folder()) else {
        return Vec::new();
    };
    let is_ours = |name: &str| FILES.iter().any(|ours| name.starts_with(ours));
    let ours = entries
        .flatten()
        .filter(|entry| is_ours(&entry.file_name().to_string_lossy()));
    ours.map(|entry| entry.path()).collect()
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::ffi::OsString;

    fn home_in(folder: &tempfile::TempDir, name: &str) -> Home {
        let home = Home::at(folder.path().join(name));
        fs::create_dir(home.folder()).unwrap();
        home
    }

    /// A keyring that has the key, and notes that it was asked to forget it.
    fn keyring(is_asked: &Cell<bool>) -> impl FnOnce() -> Result<bool, String> {
        || {
            is_asked.set(true);
            Ok(true)
        }
    }

    #[test]
    fn the_key_of_another_homes_vault_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (home, usual) = (home_in(&folder, "home"), home_in(&folder, "usual"));
        let places = Places::find(&|_| None);
        let is_asked = Cell::new(false);
        fs::write(usual.vault_file(), "x").unwrap();
        let done = purge(&home, Some(&usual), &places, keyring(&is_asked));
        assert!(
            !is_asked.get()
                && done.kept[0]
                    .starts_with("the vault's key in the keyring: it opens the vault in "),
            "{done:?}"
        );
        purge(&usual, Some(&usual), &places, keyring(&is_asked));
        assert!(is_asked.get(), "its own vault went with it");
    }

    #[test]
    fn a_key_that_was_not_there_is_not_called_removed() {
        let folder = tempfile::tempdir().unwrap();
        let done = purge(
            &home_in(&folder, "home"),
            None,
            &Places::find(&|_| None),
            || Ok::<_, String>(false),
        );
        assert_eq!(done, Uninstalled::default());
    }

    #[test]
    fn a_purge_leaves_what_a_person_put_there() {
        let folder = tempfile::tempdir().unwrap();
        let home = home_in(&folder, "home");
        for name in [
            "config.toml",
            "aerostat.db",
            "aerostat.db-wal",
            "records.db",
            "vault",
            "local-key",
            "my-notes.txt",
        ] {
            fs::write(home.folder().join(name), "x").unwrap();
        }
        let config: OsString = folder.path().join("config").into();
        let places = Places::find(&|name| (name == "XDG_CONFIG_HOME").then(|| config.clone()));
        assert_eq!(uninstall(&home, &places).removed, [""; 0]);
        assert!(home.config_file().exists(), "settings stay without a purge");
        purge(&home, None, &places, keyring(&Cell::new(false)));
        let left: Vec<_> = fs::read_dir(home.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, ["my-notes.txt"]);
    }
}
