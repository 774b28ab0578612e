//! What a person would write to point a client here: the same lines that `connect` writes, for those
//! who would rather do it themselves.

use std::path::Path;

use super::client::{Client, Setup};
use super::places::Surroundings;
use super::plan::lines_by_hand;
use super::shell::{self, Shell};
use super::status::needs_shell;
use super::target::Target;

/// Lines to be copied, and what to know about them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinesByHand {
    pub blocks: Vec<LinesAt>,
    /// Sentences.
    pub notes: Vec<String>,
    /// Whether the lines name a model that a person replaces.
    pub names_models: bool,
}

/// Some lines, and where they belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinesAt {
    /// A file, `~` for the person's home; empty for a shell.
    pub place: String,
    pub text: String,
}

/// The lines of a client. Our key is in none of them.
pub fn by_hand(client: &Client, to: &Target, at: &Surroundings) -> LinesByHand {
    let language = at.language;
    let shell = Shell::usual(at.variable("SHELL"));
    let variables = || LinesAt {
        place: String::new(),
        text: shell::lines(client, to, shell).join("\n"),
    };
    let blocks = match &client.setup {
        Setup::Files(files) => {
            let mut blocks: Vec<LinesAt> = files
                .iter()
                .map(|rule| LinesAt {
                    place: rule
                        .place
                        .file(at)
                        .map_or(String::new(), |file| shown(&file, at)),
                    text: lines_by_hand(rule, to).join("\n"),
                })
                .collect();
            if needs_shell(client) {
                blocks.push(variables());
            }
            blocks
        }
        Setup::Environment => vec![variables()],
        Setup::ByHand(_) | Setup::Impossible(_) => Vec::new(),
    };
    let notes = match &client.setup {
        Setup::ByHand(lines) => lines(to, language),
        Setup::Impossible(why) => vec![why.of(language).to_owned()],
        Setup::Files(_) | Setup::Environment => {
            let warnings = client.warnings.iter();
            let warnings = warnings.filter(|warning| (warning.when)(at));
            let texts = std::iter::once(client.by_hand).chain(warnings.map(|warning| warning.text));
            let texts = texts.map(|text| text.of(language).to_owned());
            texts.filter(|text| !text.is_empty()).collect()
        }
    };
    LinesByHand {
        names_models: client.lists_models || matches!(client.setup, Setup::Environment),
        blocks,
        notes,
    }
}

fn shown(file: &Path, at: &Surroundings) -> String {
    let home = at.home();
    match home.and_then(|home| Some(file.strip_prefix(home).ok()?.to_owned())) {
        Some(below) => Path::new("~").join(below).display().to_string(),
        None => file.display().to_string(),
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use crate::clients::catalog::{ALL, find};
    use crate::clients::target::tests::target;

    fn at() -> Surroundings {
        let pairs = [("HOME", "/home/ann"), ("SHELL", "/bin/bash")];
        Surroundings {
            variables: pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..Surroundings::default()
        }
    }

    #[test]
    fn lines_are_as_strict_as_their_programs_and_name_their_file() {
        let to = target(&[]);
        let lines = |name: &str| by_hand(find(name, None).unwrap(), &to, &at()).blocks;
        let claude = lines("claude-code");
        assert_eq!(claude[0].place, "~/.claude/settings.json");
        let settings: serde_json::Value = serde_json::from_str(&claude[0].text).unwrap();
        assert_eq!(settings["env"]["ANTHROPIC_BASE_URL"], to.origin);
        assert_eq!(settings["apiKeyHelper"], to.key_line());
        let codex: toml_edit::DocumentMut = lines("codex")[0].text.parse().unwrap();
        assert_eq!(codex["model_provider"].as_str(), Some("aerostat"));
        let gemini = lines("gemini-cli");
        assert_eq!(gemini[1].place, "");
        assert!(gemini[1].text.contains("GOOGLE_GEMINI_BASE_URL"));
        assert_eq!(lines("cursor"), []);
    }

    #[test]
    fn each_client_has_lines_or_a_reason_and_our_key_is_in_none() {
        let to = target(&["demo"]);
        for client in ALL {
            let found = by_hand(client, &to, &at());
            assert!(
                !found.blocks.is_empty() || !found.notes.is_empty(),
                "{}",
                client.id()
            );
            assert!(
                !format!("{found:?}").contains(to.key.expose()),
                "{}",
                client.id()
            );
        }
    }
}
