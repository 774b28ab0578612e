//! Where the files of clients lie: by system, by what variables say, and by what is there already.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::client::keys;
use super::disk;
use super::document::{Document, Format};
use crate::language::Language;

/// Where the person who asks is: the variables that the catalog names, and folders.
///
/// It travels with a verb, since the agent was started elsewhere. Of variables that hold keys it has
/// only that they are set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Surroundings {
    pub variables: BTreeMap<String, String>,
    pub current_folder: Option<PathBuf>,
    /// This program, as it is to be started by others.
    pub program: Option<PathBuf>,
    /// In which the person reads; a command line always English.
    #[serde(skip)]
    pub language: Language,
}

/// The variables that name folders on some system.
const FOLDERS: &[&str] = &[
    "HOME",
    "USERPROFILE",
    "APPDATA",
    "LOCALAPPDATA",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "PATH",
    "PATHEXT",
    "SHELL",
    "ZDOTDIR",
];

/// Stands for the value of a variable that holds a key.
const SET: &str = "(set)";

impl Surroundings {
    /// Reads what `names` name, and of `key_names` only whether they are set.
    pub fn read<'n>(
        lookup: &dyn Fn(&str) -> Option<OsString>,
        names: impl IntoIterator<Item = &'n str>,
        key_names: impl IntoIterator<Item = &'n str>,
    ) -> Self {
        let mut variables = BTreeMap::new();
        let set = |name: &&str| lookup(name).filter(|value| !value.is_empty());
        for name in FOLDERS.iter().copied().chain(names) {
            if let Some(value) = set(&name) {
                variables.insert(name.to_owned(), value.to_string_lossy().into_owned());
            }
        }
        for name in key_names {
            if set(&name).is_some() {
                variables.insert(name.to_owned(), SET.to_owned());
            }
        }
        Self {
            variables,
            current_folder: std::env::current_dir().ok(),
            program: None,
            language: Language::English,
        }
    }

    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    fn folder(&self, name: &str) -> Option<PathBuf> {
        self.variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    }

    /// The person's home.
    pub fn home(&self) -> Option<PathBuf> {
        let name = if cfg!(windows) { "USERPROFILE" } else { "HOME" };
        self.folder(name).or_else(|| self.folder("HOME"))
    }

    /// Whether a program of that name is on `PATH`.
    pub fn has_program(&self, name: &str) -> bool {
        self.find_program(name).is_some()
    }

    /// The program of that name that a shell would start.
    pub fn find_program(&self, name: &str) -> Option<PathBuf> {
        let path = self.variable("PATH")?;
        let endings: Vec<String> = if cfg!(windows) {
            let known = self.variable("PATHEXT").unwrap_or(".EXE;.CMD;.BAT");
            known.split(';').map(str::to_owned).collect()
        } else {
            vec![String::new()]
        };
        std::env::split_paths(path)
            .flat_map(|folder| {
                let file = |ending: &String| folder.join(format!("{name}{ending}"));
                endings.iter().map(file).collect::<Vec<_>>()
            })
            .find(|file| file.is_file())
    }

    /// This folder and those above it.
    pub fn project_folders(&self) -> impl Iterator<Item = &Path> {
        self.current_folder
            .iter()
            .flat_map(|folder| folder.ancestors())
    }
}

/// A folder by a system's rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// Below the person's home.
    Home(&'static str),
    /// Below `$XDG_CONFIG_HOME`, else `~/.config`; on every system.
    XdgConfig(&'static str),
    /// Below macOS' `~/Library/Application Support`.
    ApplicationSupport(&'static str),
    /// Below Windows' `%APPDATA%`.
    AppData(&'static str),
    /// Below Windows' `%LOCALAPPDATA%`.
    LocalAppData(&'static str),
    /// One place for the whole machine.
    Absolute(&'static str),
    /// The folder in which the client would be started, or below it.
    Project(&'static str),
}

impl Folder {
    fn find(self, at: &Surroundings) -> Option<PathBuf> {
        let (base, below) = match self {
            Self::Home(below) => (at.home()?, below),
            Self::XdgConfig(below) => {
                let usual = || Some(at.home()?.join(".config"));
                (at.folder("XDG_CONFIG_HOME").or_else(usual)?, below)
            }
            Self::ApplicationSupport(below) => {
                (at.home()?.join("Library/Application Support"), below)
            }
            Self::AppData(below) => (at.folder("APPDATA")?, below),
            Self::LocalAppData(below) => (at.folder("LOCALAPPDATA")?, below),
            Self::Absolute(path) => (PathBuf::from(path), ""),
            Self::Project(below) => (at.current_folder.clone()?, below),
        };
        Some(if below.is_empty() {
            base
        } else {
            base.join(below)
        })
    }
}

/// Where a file lies.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Variables that name the folder instead, each with what follows it; the first that is set
    /// counts.
    pub variables: &'static [(&'static str, &'static str)],
    pub linux: Folder,
    /// `None` for the same as Linux.
    pub macos: Option<Folder>,
    pub windows: Option<Folder>,
    /// The file's names, of which the client prefers the first that is there.
    pub names: &'static [&'static str],
    /// Of those that are there, the client's own are in the ones with this key; the strongest with
    /// it goes before a stronger one without.
    pub marked_by: Option<(Format, &'static [&'static str])>,
    /// Its name where none of them is there.
    pub new_name: &'static str,
    /// Finds the place where the rules above cannot.
    pub finder: Option<fn(&Surroundings) -> Option<Place>>,
}

impl Place {
    /// One file, in the same folder on every system.
    pub const fn new(folder: Folder, name: &'static str) -> Self {
        Self {
            variables: &[],
            linux: folder,
            macos: None,
            windows: None,
            names: &[],
            marked_by: None,
            new_name: name,
            finder: None,
        }
    }

    /// A place that depends on more than folders.
    pub const fn found_by(finder: fn(&Surroundings) -> Option<Place>) -> Self {
        Self {
            finder: Some(finder),
            ..Self::new(Folder::Home(""), "")
        }
    }

    /// The same, unless a variable names another folder.
    #[must_use]
    pub const fn unless(self, variables: &'static [(&'static str, &'static str)]) -> Self {
        Self { variables, ..self }
    }

    #[must_use]
    pub const fn on_macos(self, folder: Folder) -> Self {
        Self {
            macos: Some(folder),
            ..self
        }
    }

    #[must_use]
    pub const fn on_windows(self, folder: Folder) -> Self {
        Self {
            windows: Some(folder),
            ..self
        }
    }

    /// The names that the client looks for, the strongest first.
    #[must_use]
    pub const fn or_named(self, names: &'static [&'static str]) -> Self {
        Self { names, ..self }
    }

    /// The file among [`Place::names`] that has this key, where one has.
    #[must_use]
    pub const fn with_key(self, format: Format, key: &'static [&'static str]) -> Self {
        Self {
            marked_by: Some((format, key)),
            ..self
        }
    }

    pub fn folder(&self, at: &Surroundings) -> Option<PathBuf> {
        if let Some(finder) = self.finder {
            return finder(at)?.folder(at);
        }
        let named = self.variables.iter().find_map(|(name, below)| {
            let value = PathBuf::from(at.variable(name)?);
            // A relative one is what the client makes of it in the folder where it is started.
            let folder = match &at.current_folder {
                Some(current) => current.join(value),
                None => value,
            };
            Some(if below.is_empty() {
                folder
            } else {
                folder.join(below)
            })
        });
        named.or_else(|| self.of_system().find(at))
    }

    fn of_system(&self) -> Folder {
        let own = if cfg!(target_os = "macos") {
            self.macos
        } else if cfg!(windows) {
            self.windows
        } else {
            None
        };
        own.unwrap_or(self.linux)
    }

    /// The file that is there, else the one that would be made. `None` where no variable names the
    /// folder.
    pub fn file(&self, at: &Surroundings) -> Option<PathBuf> {
        if let Some(finder) = self.finder {
            return finder(at)?.file(at);
        }
        let folder = self.folder(at)?;
        let names = self.names.iter().map(|name| folder.join(name));
        let there: Vec<PathBuf> = names
            .filter(|file| file.symlink_metadata().is_ok())
            .collect();
        let marked = there.iter().position(|file| self.is_marked(file));
        let found = there.into_iter().nth(marked.unwrap_or(0));
        Some(found.unwrap_or_else(|| folder.join(self.new_name)))
    }

    fn is_marked(&self, file: &Path) -> bool {
        let Some((format, key)) = self.marked_by else {
            return false;
        };
        let bytes = disk::read(file).ok().and_then(|found| found.bytes);
        let document = bytes.and_then(|bytes| Document::parse(&bytes, format).ok());
        document.is_some_and(|document| document.get(&keys(key)).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(variables: &[(&str, &str)]) -> Surroundings {
        let pairs = variables.iter();
        Surroundings {
            variables: pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            current_folder: Some(PathBuf::from("/home/ann/project")),
            ..Surroundings::default()
        }
    }

    const OWN: Place = Place::new(Folder::XdgConfig("tool"), "tool.json")
        .unless(&[("TOOL_HOME", ""), ("TOOL_ROOT", "config")]);

    #[cfg(unix)]
    #[test]
    fn variables_name_another_folder_and_a_relative_xdg_folder_counts_for_nothing() {
        let file = |variables: &[(&str, &str)]| OWN.file(&at(variables));
        let named = |path: &str| Some(PathBuf::from(path));
        assert_eq!(file(&[("HOME", "/h")]), named("/h/.config/tool/tool.json"));
        assert_eq!(
            file(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "x")]),
            named("/h/.config/tool/tool.json")
        );
        assert_eq!(
            file(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]),
            named("/x/tool/tool.json")
        );
        assert_eq!(
            file(&[("TOOL_ROOT", "/r"), ("TOOL_HOME", "/t")]),
            named("/t/tool.json")
        );
        assert_eq!(file(&[("TOOL_ROOT", "/r")]), named("/r/config/tool.json"));
        assert_eq!(
            file(&[("TOOL_HOME", "here")]),
            named("/home/ann/project/here/tool.json")
        );
        assert_eq!(file(&[]), None);
    }

    #[test]
    fn the_strongest_file_that_is_there_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(Folder::Home("tool"), "a.json")
            .unless(&[("TOOL_HOME", "")])
            .or_named(&["a.jsonc", "a.json", "old.json"]);
        let at = at(&[("TOOL_HOME", folder.path().to_str().unwrap())]);
        let name = || {
            let file = place.file(&at).unwrap();
            file.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(name(), "a.json");
        std::fs::write(folder.path().join("old.json"), "").unwrap();
        assert_eq!(name(), "old.json");
        std::fs::write(folder.path().join("a.jsonc"), "").unwrap();
        assert_eq!(name(), "a.jsonc");
    }

    #[test]
    fn a_file_with_the_key_goes_before_a_stronger_one_without() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(Folder::Home("tool"), "a.json")
            .unless(&[("TOOL_HOME", "")])
            .or_named(&["a.jsonc", "a.json", "old.json"])
            .with_key(Format::Jsonc, &["provider"]);
        let at = at(&[("TOOL_HOME", folder.path().to_str().unwrap())]);
        let name = || {
            let file = place.file(&at).unwrap();
            file.file_name().unwrap().to_str().unwrap().to_owned()
        };
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        write("old.json", "{\"provider\": {}}").unwrap();
        write("a.json", "{}").unwrap();
        write("a.jsonc", "{ /* broken").unwrap();
        assert_eq!(name(), "old.json");
        write("a.json", "{\"provider\": {},}").unwrap();
        assert_eq!(name(), "a.json");
        write("a.json", "{}").unwrap();
        write("old.json", "{}").unwrap();
        assert_eq!(name(), "a.jsonc");
    }

    #[test]
    fn of_a_key_only_that_it_is_set_is_read() {
        let lookup = |name: &str| match name {
            "A_KEY" => Some("sk-1".into()),
            "A_URL" => Some("http://x".into()),
            _ => None,
        };
        let read = Surroundings::read(&lookup, ["A_URL"], ["A_KEY", "B_KEY"]);
        assert_eq!(read.variable("A_URL"), Some("http://x"));
        assert_eq!(read.variable("A_KEY"), Some(SET));
        assert_eq!(read.variable("B_KEY"), None);
    }
}
