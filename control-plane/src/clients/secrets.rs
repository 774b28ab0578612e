//! Which values of a client's file are secrets, so that a difference can be shown without them and a
//! receipt holds none.
//!
//! A secret is known by the name of its key, or by its own look. Nothing here stores one.

use std::borrow::Cow;

use serde_json::Value as Json;

use crate::account::key_like;
use crate::host::printable;
use crate::ordering;

/// Stands for a secret.
pub const HIDDEN: &str = "***";

/// What names of secrets contain, in lower case.
const NAMES: [&str; 6] = ["key", "token", "secret", "password", "credential", "auth"];
/// What contains secrets under any name.
const HOLDERS: [&str; 1] = ["headers"];
/// What is shorter is only found between quotes: as a plain text it would be found everywhere.
const PLAIN_CHARS_MIN: usize = 8;

/// The secrets of a document.
pub fn of_document(root: &Json) -> Vec<String> {
    let mut found = Vec::new();
    collect(root, false, &mut found);
    found
}

fn collect(value: &Json, is_named: bool, found: &mut Vec<String>) {
    match value {
        Json::Object(members) => {
            for (name, member) in members {
                collect(member, is_holder(name) || names_secret(name), found);
            }
            // Whatever is in `headers` may be one.
            let held = members.iter().filter(|(name, _)| is_holder(name));
            for (_, holder) in held {
                collect_all(holder, found);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, is_named, found)),
        Json::String(text)
            if (is_named || !key_like(text.as_bytes()).is_empty())
                && !text.is_empty()
                && !is_reference(text) =>
        {
            found.push(text.clone());
        }
        _ => {}
    }
}

fn collect_all(value: &Json, found: &mut Vec<String>) {
    match value {
        Json::Object(members) => members
            .values()
            .for_each(|member| collect_all(member, found)),
        other => collect(other, true, found),
    }
}

fn is_holder(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HOLDERS.iter().any(|holder| name.contains(holder))
}

fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|known| name.contains(known)) && !names_variable(&name)
}

/// Qwen Code's, Codex's and Goose's names for the variable that holds a key.
fn names_variable(name: &str) -> bool {
    matches!(name, "envkey" | "env_key") || name.ends_with("_env")
}

/// `{env:…}`, `{file:…}`, `${…}` and `$(…)` name a secret and hold none.
fn is_reference(text: &str) -> bool {
    ["{env:", "{file:", "${", "$("]
        .iter()
        .any(|start| text.starts_with(start))
}

/// Hides secrets in lines that are shown.
pub struct Mask {
    /// The longest first, so that none is left half shown.
    secrets: Vec<String>,
}

impl Mask {
    /// `public` are values of ours, which are shown although their keys are named like secrets.
    pub fn new(secrets: impl IntoIterator<Item = String>, public: &[String]) -> Self {
        let mut all: Vec<String> = Vec::new();
        for secret in secrets
            .into_iter()
            .filter(|secret| !public.contains(secret))
        {
            let quoted = Json::from(secret.as_str()).to_string();
            let escaped = quoted.trim_matches('"').to_owned();
            all.push(secret);
            all.push(escaped);
        }
        all.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
        Self { secrets: all }
    }

    /// A line as it may be shown on a terminal or a page.
    pub fn line(&self, line: &str) -> String {
        let mut shown = Cow::Borrowed(line);
        for secret in &self.secrets {
            if secret.len() >= PLAIN_CHARS_MIN {
                if shown.contains(secret) {
                    shown = shown.replace(secret, HIDDEN).into();
                }
                continue;
            }
            for quote in ['"', '\''] {
                let quoted = format!("{quote}{secret}{quote}");
                if shown.contains(&quoted) {
                    shown = shown
                        .replace(&quoted, &format!("{quote}{HIDDEN}{quote}"))
                        .into();
                }
            }
        }
        printable::escape(&without_key_like(&shown)).into_owned()
    }

    /// Whether bytes hold one of them.
    pub fn finds(&self, bytes: &[u8]) -> bool {
        let text = String::from_utf8_lossy(bytes);
        !key_like(bytes).is_empty() || self.secrets.iter().any(|secret| text.contains(secret))
    }
}

/// What looks like a key in a comment, or under an innocent name.
fn without_key_like(text: &str) -> Cow<'_, str> {
    let mut found = key_like(text.as_bytes());
    if found.is_empty() {
        return Cow::Borrowed(text);
    }
    ordering::sort_by_key(&mut found, |range| range.start);
    let (mut shown, mut done) = (String::with_capacity(text.len()), 0);
    for range in found {
        if range.start < done {
            continue;
        }
        shown.push_str(text.get(done..range.start).unwrap_or_default());
        shown.push_str(HIDDEN);
        done = range.end;
    }
    shown.push_str(text.get(done..).unwrap_or_default());
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_known_by_their_key_or_their_look() {
        let document = json!({
            "env": { "SOME_API_KEY": "hunter2", "REGION": "eu", "X": "sk-0123456789abcdefXYZ" },
            "mcp": { "headers": { "X-Team": "red", "nested": ["blue"] } },
            "apiKey": "{env:OTHER}",
            "tokens": 5,
            "emptyKey": "",
            "envKey": "MY_API_KEY", "env_key": "MY_API_KEY", "api_key_env": "MY_API_KEY",
        });
        let mut found = of_document(&document);
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, ["blue", "hunter2", "red", "sk-0123456789abcdefXYZ"]);
    }

    #[test]
    fn a_line_is_shown_without_them_and_without_control_characters() {
        let secrets = ["a\"very\"long secret".to_owned(), "red".to_owned()];
        let mask = Mask::new(secrets, &[]);
        assert_eq!(
            mask.line(r#""key": "a\"very\"long secret", "bored": "red""#),
            format!(r#""key": "{HIDDEN}", "bored": "{HIDDEN}""#)
        );
        assert_eq!(
            mask.line("// was sk-0123456789abcdefXYZ\u{1b}[2J"),
            format!("// was {HIDDEN}\\u{{1b}}[2J")
        );
        let ours = ["/opt/aerostat key show".to_owned()];
        let mask = Mask::new(ours.clone(), &ours);
        assert_eq!(mask.line(&ours[0]), ours[0]);
    }
}
