//! A client's variables as lines for a shell, and as pairs for a program that is started.

use super::client::{Client, VariableValue};
use super::places::{Folder, Place, Surroundings};
use super::target::Target;

/// A shell, by the form of its assignments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    Posix,
    Fish,
    PowerShell,
    Cmd,
    /// A file of `NAME=value` lines, which runs no command and so has the key in it.
    DotEnv,
}

/// Their names, and those by which people call them.
const SHELLS: &[(&str, Shell)] = &[
    ("sh", Shell::Posix),
    ("bash", Shell::Posix),
    ("zsh", Shell::Posix),
    ("fish", Shell::Fish),
    ("powershell", Shell::PowerShell),
    ("pwsh", Shell::PowerShell),
    ("cmd", Shell::Cmd),
    ("dotenv", Shell::DotEnv),
];

impl Shell {
    pub fn by_name(name: &str) -> Option<Self> {
        let mut known = SHELLS.iter();
        let found = known.find(|(known, _)| *known == name)?;
        Some(found.1)
    }

    pub fn names() -> impl Iterator<Item = &'static str> {
        SHELLS.iter().map(|(name, _)| *name)
    }

    /// The shell that `$SHELL` names, else the system's own.
    pub fn usual(variable: Option<&str>) -> Self {
        let name = variable.and_then(|path| path.rsplit('/').next());
        let system = if cfg!(windows) {
            Self::PowerShell
        } else {
            Self::Posix
        };
        name.and_then(Self::by_name).unwrap_or(system)
    }

    /// The shell that `SHELL` names by its path or its name, and the file that it reads when it
    /// starts for a person. `None` where that is not known.
    pub fn with_profile(at: &Surroundings) -> Option<(Self, Place)> {
        let path = at.variable("SHELL")?;
        let name = path.rsplit('/').next().unwrap_or(path);
        let place = match name {
            "sh" | "dash" | "ksh" => Place::new(Folder::Home(""), ".profile"),
            // Terminals of macOS start login shells, which read one of these.
            "bash" if cfg!(target_os = "macos") => Place::new(Folder::Home(""), ".bash_profile")
                .or_named(&[".bash_profile", ".bash_login", ".profile"]),
            "bash" => Place::new(Folder::Home(""), ".bashrc"),
            "zsh" => Place::new(Folder::Home(""), ".zshrc").unless(&[("ZDOTDIR", "")]),
            "fish" => Place::new(Folder::XdgConfig("fish"), "config.fish"),
            // Windows' own lies where only PowerShell knows.
            "powershell" | "pwsh" if !cfg!(windows) => {
                Place::new(Folder::XdgConfig("powershell"), "profile.ps1")
            }
            _ => return None,
        };
        Some((Self::by_name(name).unwrap_or(Self::Posix), place))
    }

    fn line(self, name: &str, value: &str) -> String {
        match self {
            Self::Posix => format!("export {name}='{}'", value.replace('\'', r"'\''")),
            Self::Fish => {
                let value = value.replace('\\', r"\\").replace('\'', r"\'");
                format!("set -gx {name} '{value}'")
            }
            Self::PowerShell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
            Self::Cmd => format!("set \"{name}={value}\""),
            Self::DotEnv => format!("{name}={value}"),
        }
    }

    /// The line whose value is what a command prints, so that it is in no file.
    fn line_of_command(self, name: &str, to: &Target) -> String {
        match self {
            Self::Posix => format!("export {name}=\"$({})\"", to.key_line()),
            Self::Fish => format!("set -gx {name} ({})", to.key_line()),
            Self::PowerShell => format!("$env:{name} = (& {})", powershell_words(to)),
            Self::Cmd => format!("for /f %i in ('{}') do @set \"{name}=%i\"", to.key_line()),
            Self::DotEnv => self.line(name, to.plain_key()),
        }
    }
}

fn powershell_words(to: &Target) -> String {
    let words = std::iter::once(to.key_program()).chain(to.key_arguments());
    words
        .map(|word| format!("'{}'", word.replace('\'', "''")))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The lines that point a client here from a shell.
pub fn lines(client: &Client, to: &Target, shell: Shell) -> Vec<String> {
    let line = |name: &str, value: VariableValue| match value {
        VariableValue::Key => Some(shell.line_of_command(name, to)),
        other => Some(shell.line(name, &plain(other, to)?)),
    };
    let variables = client.variables.iter();
    variables
        .filter_map(|variable| line(variable.name, variable.value))
        .collect()
}

/// The variables with their values, the key too, for a program that is started with them.
pub fn pairs(client: &Client, to: &Target) -> Vec<(String, String)> {
    let variables = client.variables.iter();
    let pair = |name: &str, value| Some((name.to_owned(), plain(value, to)?));
    variables
        .filter_map(|variable| pair(variable.name, variable.value))
        .collect()
}

/// `None` where nothing was chosen.
fn plain(value: VariableValue, to: &Target) -> Option<String> {
    match value {
        VariableValue::Url(suffix) => Some(to.url(suffix)),
        VariableValue::Key => Some(to.plain_key().to_owned()),
        VariableValue::Text(text) => Some(text.to_owned()),
        VariableValue::Model => to.model.clone(),
        VariableValue::Tier(tier) => to.tiers.get(tier).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::catalog;
    use crate::clients::target::tests::target;

    #[cfg(unix)]
    #[test]
    fn each_shell_gets_its_own_form_and_the_key_is_in_none() {
        let client = catalog::find("openai", None).unwrap();
        let to = target(&[]);
        let lines = |shell| lines(client, &to, shell).join("\n");
        assert_eq!(
            lines(Shell::Posix),
            "export OPENAI_BASE_URL='http://127.0.0.1:8045/v1'\nexport OPENAI_API_KEY=\"$(/opt/aerostat key show)\""
        );
        assert_eq!(
            lines(Shell::Fish),
            "set -gx OPENAI_BASE_URL 'http://127.0.0.1:8045/v1'\nset -gx OPENAI_API_KEY (/opt/aerostat key show)"
        );
        assert_eq!(
            lines(Shell::PowerShell),
            "$env:OPENAI_BASE_URL = 'http://127.0.0.1:8045/v1'\n$env:OPENAI_API_KEY = (& '/opt/aerostat' 'key' 'show')"
        );
        for shell in [Shell::Posix, Shell::Fish, Shell::PowerShell, Shell::Cmd] {
            assert!(!lines(shell).contains(to.key.expose()));
        }
        assert!(lines(Shell::DotEnv).ends_with(&format!("OPENAI_API_KEY={}", to.key.expose())));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn each_shell_has_a_profile_or_none_is_guessed() {
        let profile = |shell: &str| {
            let variables = [("HOME", "/h"), ("ZDOTDIR", "/z"), ("SHELL", shell)];
            let pairs = variables.iter();
            let at = Surroundings {
                variables: pairs
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
                ..Surroundings::default()
            };
            let (_, place) = Shell::with_profile(&at)?;
            Some(place.file(&at).unwrap().display().to_string())
        };
        for (shell, file) in [
            ("/usr/bin/bash", Some("/h/.bashrc")),
            ("zsh", Some("/z/.zshrc")),
            ("/bin/dash", Some("/h/.profile")),
            ("fish", Some("/h/.config/fish/config.fish")),
            ("pwsh", Some("/h/.config/powershell/profile.ps1")),
            ("/bin/nu", None),
            ("cmd", None),
            ("dotenv", None),
        ] {
            assert_eq!(profile(shell).as_deref(), file, "{shell}");
        }
    }

    #[test]
    fn the_shell_is_the_one_that_the_person_uses() {
        assert_eq!(Shell::usual(Some("/usr/bin/fish")), Shell::Fish);
        assert_eq!(Shell::usual(Some("/bin/zsh")), Shell::Posix);
        assert_eq!(Shell::usual(Some("/bin/nu")), Shell::usual(None));
    }
}
