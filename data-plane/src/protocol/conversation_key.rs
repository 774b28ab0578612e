//! A key for a conversation whose client sends no id: a digest of how it begins, which is the same
//! in each of its requests.
//!
//! Only text counts: cache breakpoints, ids and tools move or change between the turns of one
//! conversation. Source: `clients.md`, "Sticky-session hints": system text and first user text.

use sha2::{Digest as _, Sha256};

#[cfg(doc)]
use crate::json::Document;
use crate::json::{Kind, Value};

/// The members that hold a dialect's system text and its turns.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// The names by which the system text goes.
    pub system: &'static [&'static str],
    pub turns: &'static str,
}

/// The members that hold text and lists of it, in all dialects.
const TEXT_KEYS: [&str; 3] = ["text", "content", "parts"];

/// A digest of the system text and the turns up to the first of the user. `None` where there is no
/// text.
///
/// `root`: of a shallow index ([`Document::parse_shallow`]). Of what it skipped only the beginning
/// is read.
pub fn digest(root: Value<'_>, fields: Fields) -> Option<String> {
    let mut digest = TextDigest {
        hash: Sha256::new(),
        has_text: false,
    };
    if let Some(system) = fields.system.iter().find_map(|name| root.get(name)) {
        digest.add_skipped(system);
    }
    if let Some(turns) = root.get(fields.turns) {
        digest.add_turns(turns);
    }
    if !digest.has_text {
        return None;
    }
    Some(hex::encode(&digest.hash.finalize()[..16]))
}

struct TextDigest {
    hash: Sha256,
    has_text: bool,
}

impl TextDigest {
    /// Adds the turns up to the first of the user. Bare text is one turn.
    fn add_turns(&mut self, turns: Value<'_>) {
        if turns.kind() != Kind::Array {
            return self.add_skipped(turns);
        }
        let Ok(turns) = turns.to_shallow_document() else {
            return;
        };
        for turn in turns.root().items().into_iter().flatten() {
            let Ok(turn) = turn.to_document() else {
                return;
            };
            self.add(turn.root());
            if is_of_user(turn.root()) {
                return;
            }
        }
    }

    /// Adds a value that a shallow index skipped.
    fn add_skipped(&mut self, value: Value<'_>) {
        if let Ok(document) = value.to_document() {
            self.add(document.root());
        }
    }

    /// Adds all text at and below a value, each with its length, so that two texts never equal one.
    fn add(&mut self, value: Value<'_>) {
        match value.kind() {
            Kind::String => self.add_text(value.as_written()),
            Kind::Array => {
                for item in value.items().into_iter().flatten() {
                    self.add(item);
                }
            }
            Kind::Object => {
                for inner in TEXT_KEYS.iter().filter_map(|key| value.get(key)) {
                    self.add(inner);
                }
            }
            _ => {}
        }
    }

    fn add_text(&mut self, text: &str) {
        self.hash.update((text.len() as u64).to_le_bytes());
        self.hash.update(text);
        self.has_text = true;
    }
}

/// A turn without a role is the user's, as is Gemini's default.
fn is_of_user(turn: Value<'_>) -> bool {
    turn.get("role")
        .is_none_or(|role| role.str().is_ok_and(|role| role == "user"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    const CHAT: Fields = Fields {
        system: &[],
        turns: "messages",
    };
    const MESSAGES: Fields = Fields {
        system: &["system"],
        turns: "messages",
    };

    fn of(fields: Fields, body: &'static str) -> Option<String> {
        digest(Document::parse_shallow(body.into()).unwrap().root(), fields)
    }

    #[test]
    fn later_turns_change_nothing() {
        let first = of(
            CHAT,
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"}]}"#,
        );
        let second = of(
            CHAT,
            r#"{"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]}"#,
        );
        assert!(first.is_some());
        assert_eq!(first, second);
    }

    #[test]
    fn cache_marks_that_move_change_nothing() {
        let marked = of(
            MESSAGES,
            r#"{"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]}"#,
        );
        let bare = of(
            MESSAGES,
            r#"{"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}"#,
        );
        assert_eq!(marked, bare);
    }

    #[test]
    fn another_system_text_or_first_turn_is_another_conversation() {
        let base = of(
            MESSAGES,
            r#"{"system":"s","messages":[{"role":"user","content":"a"}]}"#,
        );
        assert_ne!(
            base,
            of(
                MESSAGES,
                r#"{"system":"t","messages":[{"role":"user","content":"a"}]}"#
            )
        );
        assert_ne!(
            base,
            of(
                MESSAGES,
                r#"{"system":"s","messages":[{"role":"user","content":"b"}]}"#
            )
        );
        assert_ne!(
            base,
            of(
                MESSAGES,
                r#"{"system":"sa","messages":[{"role":"user","content":""}]}"#
            )
        );
    }

    #[test]
    fn each_name_of_the_system_text_counts() {
        let fields = Fields {
            system: &["systemInstruction", "system_instruction"],
            turns: "contents",
        };
        let turns = r#""contents":[{"parts":[{"text":"a"}]}]"#;
        let with = |name: &str, text: &str| {
            let body = format!(r#"{{"{name}":{{"parts":[{{"text":"{text}"}}]}},{turns}}}"#);
            of(fields, body.leak())
        };
        assert_ne!(
            with("systemInstruction", "s"),
            with("systemInstruction", "t")
        );
        assert_eq!(
            with("systemInstruction", "s"),
            with("system_instruction", "s")
        );
    }

    #[test]
    fn text_that_is_no_list_is_a_turn() {
        let fields = Fields {
            system: &["instructions"],
            turns: "input",
        };
        assert!(of(fields, r#"{"input":"hi"}"#).is_some());
        assert_eq!(of(fields, r#"{"input":[]}"#), None);
    }
}
