//! Where entries belong, and which kinds there are.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What starts a program at login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A desktop session, from an entry in its `autostart` folder.
    Desktop,
    /// The person's systemd, with or without a desktop.
    Systemd,
    /// macOS' launchd.
    LaunchAgent,
    /// Windows' `Run` key of this person.
    Registry,
}

impl Kind {
    /// What this system's desktop uses.
    pub fn of_system() -> Self {
        if cfg!(windows) {
            Self::Registry
        } else if cfg!(target_os = "macos") {
            Self::LaunchAgent
        } else {
            Self::Desktop
        }
    }

    /// The kinds that are looked for on this system.
    #[cfg(not(windows))]
    pub(super) fn all_of_system() -> &'static [Self] {
        if cfg!(target_os = "macos") {
            &[Self::LaunchAgent]
        } else {
            &[Self::Desktop, Self::Systemd]
        }
    }
}

/// The folders that entries lie in, and the program that they start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// `$XDG_CONFIG_HOME` or what stands for it; macOS: `~/Library`.
    pub(super) folder: Option<PathBuf>,
    pub(super) program: Option<PathBuf>,
}

impl Places {
    /// `lookup` reads the environment.
    pub fn find(lookup: &dyn Fn(&str) -> Option<OsString>) -> Self {
        Self {
            folder: folder(&|name| lookup(name).map(PathBuf::from)),
            program: super::this_program(lookup),
        }
    }

    #[cfg(not(windows))]
    pub(super) fn file(&self, kind: Kind) -> Option<PathBuf> {
        let folder = self.folder.as_ref()?;
        Some(match kind {
            Kind::Desktop => folder.join("autostart/aerostat.desktop"),
            Kind::Systemd => folder.join("systemd/user/aerostat.service"),
            Kind::LaunchAgent => folder.join("LaunchAgents/aerostat.plist"),
            Kind::Registry => return None,
        })
    }

    /// What `systemctl --user enable` would make.
    #[cfg(not(windows))]
    pub(super) fn systemd_link(&self) -> Option<PathBuf> {
        Some(
            self.folder
                .as_ref()?
                .join("systemd/user/default.target.wants/aerostat.service"),
        )
    }
}

#[cfg(target_os = "macos")]
fn folder(lookup: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    Some(
        lookup("HOME")
            .filter(|home| home.is_absolute())?
            .join("Library"),
    )
}

#[cfg(windows)]
fn folder(_: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    None
}

/// Source: XDG Base Directory Specification; a relative path there is invalid and ignored.
#[cfg(not(any(target_os = "macos", windows)))]
fn folder(lookup: &dyn Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| lookup(name).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME").or_else(|| Some(absolute("HOME")?.join(".config")))
}
