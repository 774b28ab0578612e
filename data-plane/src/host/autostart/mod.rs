//! Starting at login: off until a person turns it on, and never turned on again by itself.
//!
//! Linux and macOS keep it in a file, which is written here: what a library writes there breaks on
//! paths with spaces, `%` or `&`. Windows keeps it in the registry. Everything is read from the
//! system each time, since people change it elsewhere too.

mod entry;
mod place;
#[cfg(windows)]
mod registry;

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::language::said;

#[cfg(not(windows))]
mod files;
#[cfg(not(windows))]
use files as system;
#[cfg(windows)]
use registry as system;

pub use place::{Kind, Places};

/// Whether the agent starts at login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutostartFacts {
    pub state: AutostartState,
    /// What starts it, where it is on.
    pub kind: Option<Kind>,
    /// The file that says so, where there is one.
    pub file: Option<String>,
    /// The program that is started.
    pub program: Option<String>,
    /// The same as a sentence.
    pub detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutostartState {
    On,
    Off,
    /// An entry is there, and starts nothing: its program has gone.
    Broken,
    /// This system says nowhere where such entries belong.
    Unavailable,
}

said! {
    /// Why an entry was not changed.
    #[derive(Debug)]
    pub enum AutostartError;
    NoPlace: "no variable says where entries of this person belong: set `HOME`" |
        "keine Variable nennt den Ort für solche Einträge: `HOME` setzen";
    Path { escaped: String }: "the path of this program cannot be written into an entry: `{escaped}`" |
        "der Pfad dieses Programms lässt sich in keinen Eintrag schreiben: `{escaped}`";
    File { file: String, error: std::io::Error }: "`{file}` cannot be changed: {error}" |
        "`{file}` lässt sich nicht ändern: {error}";
    NoSystemd: "systemd units exist on Linux only" | "systemd-Units gibt es nur unter Linux";
    System { words: String }: "the system refused: {words}" | "das System lehnt ab: {words}";
}

/// What starts at login now.
pub fn status(places: &Places) -> AutostartFacts {
    system::status(places)
}

/// Has this program started at login, by one kind of entry; another one is removed.
///
/// # Errors
/// When the entry cannot be written; then everything is as it was.
pub fn turn_on(places: &Places, kind: Kind) -> Result<AutostartFacts, AutostartError> {
    system::turn_on(places, kind)?;
    Ok(status(places))
}

/// Removes every entry of ours.
///
/// # Errors
/// When one cannot be removed.
pub fn turn_off(places: &Places) -> Result<AutostartFacts, AutostartError> {
    system::turn_off(places)?;
    Ok(status(places))
}

/// Points an entry that is on, and whose program has gone, to this program. Whether there was one.
///
/// # Errors
/// When it cannot be written.
pub fn repair(places: &Places) -> Result<bool, AutostartError> {
    let facts = status(places);
    match facts.kind {
        Some(kind) if facts.state == AutostartState::Broken => turn_on(places, kind).map(|_| true),
        _ => Ok(false),
    }
}

/// This program as an entry should start it.
/// This program, as it is to be started by others: an AppImage by its file, not by where it is
/// mounted.
pub fn this_program(lookup: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    startable(std::env::current_exe().ok()?, lookup)
}

/// An AppImage's own file, not the mount that goes with the process; and of a file that an update
/// replaced, the new one.
///
/// Programs that an AppImage starts inherit its variables, so that the mount tells whose they are.
fn startable(program: PathBuf, lookup: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let path = |name| {
        lookup(name)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
    };
    let is_in_image = path("APPDIR").is_some_and(|mount| program.starts_with(mount));
    let image = path("APPIMAGE").filter(|_| is_in_image);
    image.or_else(|| Some(without_mark(program)))
}

/// Source: proc_pid_exe(5): a file that was removed since is called so.
fn without_mark(program: PathBuf) -> PathBuf {
    match program
        .to_str()
        .and_then(|path| path.strip_suffix(" (deleted)"))
    {
        Some(path) if !program.exists() => path.into(),
        _ => program,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started_from(program: &str, variables: &[(&str, &str)]) -> Option<PathBuf> {
        let lookup = |name: &str| {
            variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| OsString::from(value))
        };
        startable(program.into(), &lookup)
    }

    #[test]
    fn an_image_is_started_by_its_own_file() {
        let image = [
            ("APPIMAGE", "/home/me/A.AppImage"),
            ("APPDIR", "/tmp/.mount_A"),
        ];
        assert_eq!(
            started_from("/tmp/.mount_A/usr/bin/aerostat", &image),
            Some("/home/me/A.AppImage".into())
        );
        assert_eq!(
            started_from("/usr/bin/aerostat", &image),
            Some("/usr/bin/aerostat".into()),
            "started from another image"
        );
    }

    #[test]
    fn a_program_that_an_update_replaced_is_started_by_its_path() {
        assert_eq!(
            started_from("/nowhere/aerostat (deleted)", &[]),
            Some("/nowhere/aerostat".into())
        );
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("aerostat (deleted)");
        std::fs::write(&odd, "").unwrap();
        assert_eq!(
            started_from(odd.to_str().unwrap(), &[]),
            Some(odd.clone()),
            "a name that a person gave it"
        );
    }
}
