//! The conversation, for a Chat upstream.
//!
//! Each result of a call is a `tool` message right after the assistant's; images in it follow in
//! the next user message, as `tool` messages hold text only. Source: `translation.md` sections 3, 4
//! and 10. Never reorders turns: `turns::arrange` did.

use crate::canon::{
    Losses, Offset, Part, PartKind, ReasoningForm, Request, Role, ToolInput, ToolResult, Turn,
};
use crate::json::{Array, EscapedStr, Object};
use crate::protocol::names::{self, Names};

use super::content::Content;

/// Some servers refuse longer ids.
const CALL_ID_LEN_MAX: usize = 40;
/// Stands in a result for the media that follow in the next message.
const MEDIA_FOLLOW: &str = "(see the attachments of the next message)";
const ERROR_PREFIX: &str = "Error: ";

pub(super) struct Messages<'e> {
    pub names: &'e Names<'e>,
    /// Whether OpenAI's own model reads them, which takes cache breakpoints and no reasoning.
    pub is_openai: bool,
    pub losses: &'e mut Losses,
}

impl Messages<'_> {
    pub(super) fn write(&mut self, request: &Request, array: &mut Array<'_>) {
        // `system` also for developers: every server knows the word, and OpenAI's reads it as
        // `developer` where that is due.
        self.message(
            "system",
            None,
            &request.system.iter().collect::<Vec<_>>(),
            array,
        );
        for turn in &request.turns {
            match turn.role {
                Role::System | Role::Developer => self.message(
                    "system",
                    Some(turn),
                    &turn.parts.iter().collect::<Vec<_>>(),
                    array,
                ),
                Role::User => self.user(turn, array),
                Role::Assistant => self.assistant(turn, array),
            }
        }
    }

    /// A message that holds content only; none where nothing of it can be carried.
    fn message(&mut self, role: &str, turn: Option<&Turn>, parts: &[&Part], array: &mut Array<'_>) {
        let parts = self.carried(parts);
        if parts.is_empty() {
            return;
        }
        array.object(|object| {
            object.str("role", role);
            object.some(
                "name",
                turn.and_then(|turn| turn.name.as_ref()),
                |value, name| value.text(&name.value),
            );
            self.content(&parts, object);
        });
    }

    fn user(&mut self, turn: &Turn, array: &mut Array<'_>) {
        let mut content = Vec::new();
        for part in &turn.parts {
            match &part.kind {
                PartKind::ToolResult(result) => {
                    self.result(result, part, array);
                    content.extend(
                        result
                            .parts
                            .iter()
                            .filter(|part| matches!(part.kind, PartKind::Media(_))),
                    );
                }
                _ => content.push(part),
            }
        }
        self.message("user", Some(turn), &content, array);
    }

    fn result(&mut self, result: &ToolResult, part: &Part, array: &mut Array<'_>) {
        self.note_extras(part);
        part.cache
            .iter()
            .for_each(|mark| self.losses.dropped(mark.at));
        let texts = self.result_texts(result);
        array.object(|object| {
            object.str("role", "tool");
            object.text(
                "tool_call_id",
                &names::call_id(&result.call_id, CALL_ID_LEN_MAX),
            );
            self.content(&texts.iter().collect::<Vec<_>>(), object);
        });
    }

    /// The texts of a result, with what they say of errors and of media.
    fn result_texts(&mut self, result: &ToolResult) -> Vec<Part> {
        let mut texts: Vec<Part> = Vec::new();
        for part in &result.parts {
            match &part.kind {
                PartKind::Text(_) => texts.push(part.clone()),
                PartKind::Media(_) => self.losses.adjusted(part.at),
                _ => self.losses.dropped(part.at),
            }
        }
        if texts.is_empty() {
            let has_media = result
                .parts
                .iter()
                .any(|part| matches!(part.kind, PartKind::Media(_)));
            texts.push(Part::text(
                EscapedStr::from_static(if has_media { MEDIA_FOLLOW } else { "" }),
                Offset(0),
            ));
        }
        if result.is_error {
            prefix(&mut texts[0]);
        }
        texts
    }

    fn assistant(&mut self, turn: &Turn, array: &mut Array<'_>) {
        let answer = self.answer(turn);
        if answer.is_empty() {
            return turn
                .name
                .iter()
                .for_each(|name| self.losses.dropped(name.at));
        }
        array.object(|object| {
            object.str("role", "assistant");
            object.some("name", turn.name.as_ref(), |value, name| {
                value.text(&name.value)
            });
            if answer.content.is_empty() {
                object.null("content");
            } else {
                self.content(&answer.content, object);
            }
            if !answer.refusal.is_empty() {
                object.key("refusal").texts(answer.refusal.iter().copied());
            }
            if !answer.reasoning.is_empty() {
                object.text(
                    "reasoning_content",
                    &EscapedStr::join(answer.reasoning.iter().copied(), "\\n\\n"),
                );
            }
            if !answer.calls.is_empty() {
                object.array("tool_calls", |array| {
                    answer.calls.iter().for_each(|part| self.call(part, array))
                });
            }
        });
    }

    /// Sorts an assistant's parts into the fields of its message.
    ///
    /// Reasoning goes back only beside calls: servers that want it back want it within a tool loop,
    /// others refuse it elsewhere, and OpenAI everywhere.
    fn answer<'t>(&mut self, turn: &'t Turn) -> Answer<'t> {
        let mut answer = Answer::default();
        let has_calls = turn
            .parts
            .iter()
            .any(|part| matches!(part.kind, PartKind::ToolCall { .. }));
        let wants_reasoning = has_calls && !self.is_openai;
        for part in &turn.parts {
            match &part.kind {
                PartKind::ToolCall { .. } => answer.calls.push(part),
                PartKind::Refusal(text) => answer.refusal.push(text),
                PartKind::Reasoning { form, texts }
                    if wants_reasoning
                        && part.signature.is_none()
                        && *form != ReasoningForm::Redacted =>
                {
                    answer.reasoning.extend(texts);
                }
                PartKind::Media(_) => self.losses.refuse(
                    part.at,
                    "the openai_chat dialect takes media from users only",
                ),
                _ => answer.content.extend(self.carried(&[part])),
            }
        }
        answer
    }

    fn call(&mut self, part: &Part, array: &mut Array<'_>) {
        let PartKind::ToolCall {
            id,
            name,
            namespace,
            input,
        } = &part.kind
        else {
            return;
        };
        self.note_extras(part);
        part.cache
            .iter()
            .for_each(|mark| self.losses.dropped(mark.at));
        let arguments = match input {
            ToolInput::Free(_) => input.to_object().to_text(),
            input => input.to_arguments(),
        };
        array.object(|object| {
            object.text("id", &names::call_id(id, CALL_ID_LEN_MAX));
            object.str("type", "function");
            object.object("function", |object| {
                object.text("name", &self.names.wire(name, namespace.as_ref()));
                object.text("arguments", &arguments);
            });
        });
    }

    /// The parts that can stand in `content`; the others are lost.
    fn carried<'p>(&mut self, parts: &[&'p Part]) -> Vec<&'p Part> {
        let mut carried = Vec::new();
        for part in parts {
            if matches!(part.kind, PartKind::Text(_) | PartKind::Media(_)) {
                carried.push(*part);
            } else {
                self.losses.dropped(part.at);
            }
        }
        carried
    }

    fn content(&mut self, parts: &[&Part], object: &mut Object<'_>) {
        parts.iter().for_each(|part| self.note_extras(part));
        Content {
            takes_marks: self.is_openai,
            losses: self.losses,
        }
        .write(parts, object);
    }

    /// What stands on a part and has no place in the dialect.
    fn note_extras(&mut self, part: &Part) {
        part.drop_signature(self.losses);
        part.citations
            .iter()
            .for_each(|citations| self.losses.dropped(citations.at));
    }
}

/// The fields of an assistant's message.
#[derive(Default)]
struct Answer<'t> {
    content: Vec<&'t Part>,
    refusal: Vec<&'t EscapedStr>,
    reasoning: Vec<&'t EscapedStr>,
    calls: Vec<&'t Part>,
}

impl Answer<'_> {
    fn is_empty(&self) -> bool {
        self.content.is_empty() && self.refusal.is_empty() && self.calls.is_empty()
    }
}

/// Results have no flag for errors.
fn prefix(part: &mut Part) {
    if let PartKind::Text(text) = &mut part.kind {
        *text = EscapedStr::join([&EscapedStr::from_static(ERROR_PREFIX), text], "");
    }
}
