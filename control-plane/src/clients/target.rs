//! What a client is pointed at: the gateway's address, its key in the form that the client takes, and
//! its models.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::shell::Shell;
use crate::account::Secret;

/// What a client is pointed at.
pub struct Target {
    /// `http://127.0.0.1:8045`, without a slash at the end.
    pub origin: String,
    /// This program, to be started by clients.
    pub program: PathBuf,
    /// The home, where clients would not find it by themselves.
    pub home: Option<PathBuf>,
    /// The file that holds the local key.
    pub key_file: PathBuf,
    /// The local key.
    pub key: Secret,
    /// Whether the port asks for a key.
    pub asks_for_key: bool,
    /// What the gateway serves.
    pub models: Vec<Model>,
    /// The model that the client is to use by default.
    pub model: Option<String>,
    /// Which model a tier of the client is to be.
    pub tiers: BTreeMap<String, String>,
    /// The shell in whose profile variables are written.
    pub shell: Shell,
}

/// A model that the gateway serves. Limits that are not known are left out rather than guessed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// What clients ask for.
    pub id: String,
    pub display_name: Option<String>,
    pub context_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
}

impl Model {
    /// The name for people.
    pub fn title(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.id)
    }

    /// Whether it is one of Anthropic's, by whichever provider: such models do best in their own
    /// dialect, which carries cache marks and thinking.
    pub fn is_claude(&self) -> bool {
        let (_, name) = self.id.rsplit_once('/').unwrap_or(("", &self.id));
        name.starts_with("claude")
    }
}

/// What a client that must have a key gets where the port asks for none.
const ANY_KEY: &str = "aerostat";

impl Target {
    /// The base URL with what the client wants after the address.
    pub fn url(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.origin)
    }

    /// The model that was chosen, else the first: for clients that do not start without one.
    pub fn any_model(&self) -> Option<&str> {
        let first = self.models.first().map(|model| model.id.as_str());
        self.model.as_deref().or(first)
    }

    /// The key itself, for the few clients that take it in no other form. Where the port asks for
    /// none, any word does, and the key stays out of the file.
    pub fn plain_key(&self) -> &str {
        if self.asks_for_key {
            self.key.expose()
        } else {
            ANY_KEY
        }
    }

    /// The program that prints the key.
    pub fn key_program(&self) -> String {
        self.program.display().to_string()
    }

    /// The arguments with which it does.
    pub fn key_arguments(&self) -> Vec<String> {
        let mut arguments = vec!["key".to_owned(), "show".to_owned()];
        if let Some(home) = &self.home {
            arguments.extend(["--home".to_owned(), home.display().to_string()]);
        }
        arguments
    }

    /// Both as one line for a shell.
    pub fn key_line(&self) -> String {
        let words = std::iter::once(self.key_program()).chain(self.key_arguments());
        words
            .map(|word| quoted(&word))
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// The absolute path of the file with the key.
    pub fn key_file(&self) -> &Path {
        &self.key_file
    }
}

/// A word as a shell takes it whole: POSIX shells, and on Windows its own.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    let is_bare = !word.is_empty()
        && word
            .chars()
            .all(|c| is_plain(c) || (cfg!(windows) && c == '\\'));
    if is_bare {
        word.to_owned()
    } else if cfg!(windows) {
        format!("\"{word}\"")
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A gateway at the usual address with these models.
    pub(in crate::clients) fn target(models: &[&str]) -> Target {
        let model = |id: &&str| Model {
            id: (*id).to_owned(),
            ..Model::default()
        };
        Target {
            origin: "http://127.0.0.1:8045".to_owned(),
            program: PathBuf::from("/opt/aerostat"),
            home: None,
            key_file: PathBuf::from("/home/me/.config/aerostat/local-key"),
            key: Secret::new("sk-our-own-key-0123456789abcdefghij".to_owned()),
            asks_for_key: true,
            models: models.iter().map(model).collect(),
            model: None,
            tiers: BTreeMap::new(),
            shell: Shell::Posix,
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_line_that_prints_the_key_survives_a_shell() {
        let mut target = target(&[]);
        assert_eq!(target.key_line(), "/opt/aerostat key show");
        target.program = PathBuf::from("/opt/it's here/aerostat");
        target.home = Some(PathBuf::from("/tmp/a b"));
        assert_eq!(
            target.key_line(),
            r"'/opt/it'\''s here/aerostat' key show --home '/tmp/a b'"
        );
    }

    #[test]
    fn without_authentication_the_key_stays_out_of_files() {
        let mut target = target(&[]);
        assert_eq!(target.plain_key(), target.key.expose());
        target.asks_for_key = false;
        assert_eq!(target.plain_key(), "aerostat");
    }

    #[test]
    fn claude_models_are_known_behind_a_provider_too() {
        let is_claude = |id: &str| {
            Model {
                id: id.to_owned(),
                ..Model::default()
            }
            .is_claude()
        };
        assert!(is_claude("claude-opus-4-8") && is_claude("router/claude-x"));
        assert!(!is_claude("gpt-5") && !is_claude("claude/gpt"));
    }
}
