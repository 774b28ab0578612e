//! Entries that are files.

use std::io;
use std::path::{Path, PathBuf};

use super::entry::{self, Entry};
use super::{AutostartError, AutostartFacts, AutostartState, Kind, Places};
use crate::host::private_file;

/// An entry is some lines.
const ENTRY_BYTES_MAX: u64 = 64 << 10;

pub(super) fn status(places: &Places) -> AutostartFacts {
    if places.folder.is_none() {
        return facts(
            AutostartState::Unavailable,
            "there is no place for entries that start at login".to_owned(),
        );
    }
    let found = Kind::all_of_system()
        .iter()
        .filter_map(|kind| found(places, *kind));
    let told: Vec<AutostartFacts> = found
        .map(|(kind, file, entry)| told(kind, &file, &entry))
        .collect();
    let best = [
        AutostartState::On,
        AutostartState::Broken,
        AutostartState::Off,
    ]
    .into_iter()
    .find_map(|state| told.iter().find(|facts| facts.state == state).cloned());
    best.unwrap_or_else(|| {
        facts(
            AutostartState::Off,
            "does not start at login; `aerostat autostart on` changes that".to_owned(),
        )
    })
}

fn facts(state: AutostartState, detail: String) -> AutostartFacts {
    AutostartFacts {
        state,
        kind: None,
        file: None,
        program: None,
        detail,
    }
}

/// The entry of one kind, where there is one.
fn found(places: &Places, kind: Kind) -> Option<(Kind, PathBuf, Entry)> {
    let file = places.file(kind)?;
    let text = private_file::read_linked(&file, ENTRY_BYTES_MAX).ok()?;
    let mut entry = entry::read(kind, std::str::from_utf8(&text).ok()?)?;
    if kind == Kind::Systemd {
        // A unit that nothing wants is only there.
        entry.is_on = places.systemd_link()?.symlink_metadata().is_ok();
    }
    Some((kind, file, entry))
}

fn told(kind: Kind, file: &Path, entry: &Entry) -> AutostartFacts {
    let (state, detail) = match (entry.is_on, Path::new(&entry.program).exists()) {
        (false, _) => (
            AutostartState::Off,
            "does not start at login: the entry is switched off".to_owned(),
        ),
        (true, true) => (
            AutostartState::On,
            format!("starts at login: {}", entry.program),
        ),
        (true, false) => {
            let gone = format!(
                "does not start at login although it should: {} has gone",
                entry.program
            );
            (AutostartState::Broken, gone)
        }
    };
    AutostartFacts {
        state,
        kind: Some(kind),
        file: Some(file.display().to_string()),
        program: Some(entry.program.clone()),
        detail,
    }
}

pub(super) fn turn_on(places: &Places, kind: Kind) -> Result<(), AutostartError> {
    if !Kind::all_of_system().contains(&kind) {
        return Err(AutostartError::NoSystemd);
    }
    let file = places.file(kind).ok_or(AutostartError::NoPlace)?;
    let program = places.program.as_ref().ok_or(AutostartError::NoPlace)?;
    let path = || AutostartError::Path {
        escaped: program.to_string_lossy().escape_debug().to_string(),
    };
    let text = program
        .to_str()
        .and_then(|program| entry::text(kind, program))
        .ok_or_else(path)?;
    write(&file, &text).map_err(|error| refused(&file, error))?;
    if kind == Kind::Systemd {
        link(places, &file)?;
    }
    for other in Kind::all_of_system().iter().filter(|other| **other != kind) {
        remove(places, *other)?;
    }
    Ok(())
}

pub(super) fn turn_off(places: &Places) -> Result<(), AutostartError> {
    Kind::all_of_system()
        .iter()
        .try_for_each(|kind| remove(places, *kind))
}

fn remove(places: &Places, kind: Kind) -> Result<(), AutostartError> {
    let link = places.systemd_link().filter(|_| kind == Kind::Systemd);
    for file in link.into_iter().chain(places.file(kind)) {
        private_file::remove_if_present(&file).map_err(|error| refused(&file, error))?;
    }
    Ok(())
}

/// A session that reads the folder meanwhile finds the old text or the new one.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    private_file::create_folder(folder)?;
    private_file::replace(file, text.as_bytes())
}

/// What `systemctl --user enable` does; it needs no running systemd.
fn link(places: &Places, unit: &Path) -> Result<(), AutostartError> {
    let link = places.systemd_link().ok_or(AutostartError::NoPlace)?;
    let linked = link
        .parent()
        .map_or(Ok(()), private_file::create_folder)
        .and_then(|()| relink(unit, &link));
    linked.map_err(|error| refused(&link, error))
}

#[cfg(unix)]
fn relink(unit: &Path, link: &Path) -> io::Result<()> {
    private_file::remove_if_present(link)?;
    std::os::unix::fs::symlink(unit, link)
}

fn refused(file: &Path, error: io::Error) -> AutostartError {
    AutostartError::File {
        file: file.display().to_string(),
        error,
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;

    use super::super::{repair, status, turn_off, turn_on};
    use super::*;

    /// A person's folder, and a program that exists.
    fn places() -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("my program 100%");
        fs::write(&program, "").unwrap();
        let places = Places {
            folder: Some(folder.path().join("config")),
            program: Some(program),
        };
        (folder, places)
    }

    #[test]
    fn it_is_off_until_it_is_turned_on_and_off_again() {
        let (_folder, places) = places();
        assert_eq!(status(&places).state, AutostartState::Off);
        let on = turn_on(&places, Kind::Desktop).unwrap();
        assert_eq!(
            (on.state, on.kind),
            (AutostartState::On, Some(Kind::Desktop))
        );
        assert_eq!(
            on.program.as_deref(),
            places.program.as_ref().unwrap().to_str()
        );
        assert_eq!(turn_off(&places).unwrap().state, AutostartState::Off);
        assert_eq!(
            turn_off(&places).unwrap().state,
            AutostartState::Off,
            "twice is once"
        );
    }

    #[test]
    fn one_kind_replaces_the_other() {
        let (_folder, places) = places();
        turn_on(&places, Kind::Desktop).unwrap();
        assert_eq!(
            turn_on(&places, Kind::Systemd).unwrap().kind,
            Some(Kind::Systemd)
        );
        assert!(!places.file(Kind::Desktop).unwrap().exists());
        let link = places.systemd_link().unwrap();
        assert_eq!(
            fs::read_link(&link).unwrap(),
            places.file(Kind::Systemd).unwrap()
        );
        turn_on(&places, Kind::Systemd).expect("twice is once");
        turn_on(&places, Kind::Desktop).unwrap();
        assert!(link.symlink_metadata().is_err());
    }

    #[test]
    fn an_entry_whose_program_moved_is_pointed_to_the_new_one() {
        let (folder, mut places) = places();
        turn_on(&places, Kind::Desktop).unwrap();
        assert!(!repair(&places).unwrap(), "nothing is broken");
        let moved = folder.path().join("moved");
        fs::rename(places.program.as_ref().unwrap(), &moved).unwrap();
        assert_eq!(status(&places).state, AutostartState::Broken);
        places.program = Some(moved.clone());
        assert!(repair(&places).unwrap());
        assert_eq!(status(&places).program.as_deref(), moved.to_str());
    }

    #[test]
    fn what_a_person_switched_off_stays_off() {
        let (_folder, mut places) = places();
        turn_on(&places, Kind::Desktop).unwrap();
        let file = places.file(Kind::Desktop).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{text}Hidden=true\n")).unwrap();
        assert_eq!(status(&places).state, AutostartState::Off);
        fs::remove_file(places.program.as_ref().unwrap()).unwrap();
        places.program = Some("/bin/sh".into());
        assert!(!repair(&places).unwrap());
        assert_eq!(status(&places).state, AutostartState::Off);
    }

    #[test]
    fn without_a_home_there_is_no_place() {
        let places = Places {
            folder: None,
            ..places().1
        };
        assert_eq!(status(&places).state, AutostartState::Unavailable);
        assert!(matches!(
            turn_on(&places, Kind::Desktop),
            Err(AutostartError::NoPlace)
        ));
    }

    #[test]
    fn the_folders_are_the_sessions() {
        let find = |variables: &[(&str, &str)]| {
            let lookup = |name: &str| {
                variables
                    .iter()
                    .find(|(known, _)| *known == name)
                    .map(|(_, value)| (*value).into())
            };
            Places::find(&lookup)
        };
        let file = |variables: &[(&str, &str)]| find(variables).file(Kind::Desktop);
        assert_eq!(
            file(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]),
            Some("/x/autostart/aerostat.desktop".into())
        );
        assert_eq!(
            file(&[("XDG_CONFIG_HOME", "x"), ("HOME", "/h")]),
            Some("/h/.config/autostart/aerostat.desktop".into())
        );
        assert_eq!(file(&[]), None);
    }
}
