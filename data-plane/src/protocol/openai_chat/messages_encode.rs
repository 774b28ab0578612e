//! Encodes the conversation.
//!
//! Each result of a call is a `tool` message right after the assistant's. `tool` messages hold text
//! only, so media of a result follow in the next user message. Source: `translation.md` sections 3,
//! 4 and 10. Never reorders turns: `turns::arrange` did.

use std::borrow::Cow;

use crate::canon::{
    Losses, Offset, Part, PartKind, ReasoningForm, Request, Role, ToolInput, ToolResult, Turn,
};
use crate::json::{Array, EscapedStr, Object};
use crate::protocol::names::Names;
use crate::protocol::openai::abilities;
use crate::protocol::reminder::wrapped;
use crate::protocol::{Target, envelope};

use super::DIALECT;
use super::content_encode::ContentEncoder;
use super::server::{ChatServer, PlaceInLoop, refuses};

/// Stands in a result for the media that follow in the next message.
const MEDIA_FOLLOW: &str = "(see the attachments of the next message)";
const ERROR_PREFIX: &str = "Error: ";
/// The assistant's message between results and a user's message.
const RECEIVED: &str = "(results received)";

pub(super) struct MessagesEncoder<'e> {
    pub names: &'e Names<'e>,
    pub target: &'e Target<'e>,
    pub server: ChatServer,
    pub losses: &'e mut Losses,
}

impl MessagesEncoder<'_> {
    /// `instruction`: system text of our own, behind the client's.
    pub(super) fn write(
        &mut self,
        request: &Request,
        instruction: Option<&Part>,
        array: &mut Array<'_>,
    ) {
        // `system` stands for `developer` too: every server knows it, and OpenAI's reads it as
        // `developer` for the models that want that.
        let system: Vec<&Part> = request.system.iter().chain(instruction).collect();
        self.message("system", None, &system, array);
        // Whether only results stand before the turn.
        let mut follows_results = false;
        for turn in self.turns(&request.turns).iter() {
            match turn.role {
                Role::System | Role::Developer => {
                    let parts: Vec<&Part> = turn.parts.iter().collect();
                    self.message("system", Some(turn), &parts, array);
                }
                Role::User => self.user(turn, array),
                Role::Assistant => self.assistant(turn, follows_results, array),
            }
            let is_result = |part: &Part| matches!(part.kind, PartKind::ToolResult(_));
            follows_results = turn.role == Role::User && turn.parts.iter().all(is_result);
        }
    }

    /// The turns that the server takes: where it takes system text in front only, later system text
    /// joins the user's, in the tags in which Claude's clients send it.
    fn turns<'t>(&mut self, turns: &'t [Turn]) -> Cow<'t, [Turn]> {
        let is_system = |turn: &Turn| matches!(turn.role, Role::System | Role::Developer);
        if self.server.takes_system_anywhere() || !turns.iter().any(is_system) {
            return Cow::Borrowed(turns);
        }
        let mut joined: Vec<Turn> = Vec::with_capacity(turns.len());
        for turn in turns {
            let mut turn = turn.clone();
            if is_system(&turn) {
                self.losses.adjusted(turn.at);
                turn.role = Role::User;
                turn.parts.iter_mut().for_each(wrap_reminder);
            }
            match joined.last_mut() {
                Some(last) if last.role == turn.role && last.name == turn.name => {
                    last.parts.append(&mut turn.parts);
                }
                _ => joined.push(turn),
            }
        }
        Cow::Owned(joined)
    }

    /// Writes a message with content only, or none where the dialect can carry none of its parts.
    fn message(&mut self, role: &str, turn: Option<&Turn>, parts: &[&Part], array: &mut Array<'_>) {
        let parts = self.supported(parts);
        if parts.is_empty() {
            return;
        }
        array.object(|object| {
            object.str("role", role);
            self.name(turn, object);
            self.content(&parts, object);
        });
    }

    fn name(&mut self, turn: Option<&Turn>, object: &mut Object<'_>) {
        match turn.and_then(|turn| turn.name.as_ref()) {
            Some(name) if refuses(self.target.maker, "name") => self.losses.dropped(name.at),
            Some(name) => object.text("name", &name.value),
            None => {}
        }
    }

    fn user(&mut self, turn: &Turn, array: &mut Array<'_>) {
        let mut content = Vec::new();
        let mut has_results = false;
        for part in &turn.parts {
            match &part.kind {
                PartKind::ToolResult(result) => {
                    has_results = true;
                    self.result(result, part, array);
                    let is_media = |part: &&Part| matches!(part.kind, PartKind::Media(_));
                    content.extend(result.parts.iter().filter(is_media));
                }
                _ => content.push(part),
            }
        }
        if has_results && !content.is_empty() && !self.server.takes_user_after_results() {
            self.losses.added("turn");
            array.object(|object| {
                object.str("role", "assistant");
                object.str("content", RECEIVED);
            });
        }
        self.message("user", Some(turn), &content, array);
    }

    fn result(&mut self, result: &ToolResult, part: &Part, array: &mut Array<'_>) {
        self.drop_extras(part);
        if let Some(mark) = &part.cache {
            self.losses.dropped(mark.at);
        }
        let texts = self.result_texts(result);
        array.object(|object| {
            object.str("role", "tool");
            object.text("tool_call_id", &self.server.call_id(&result.call_id));
            let texts: Vec<&Part> = texts.iter().collect();
            self.content(&texts, object);
        });
    }

    /// The texts of a result. They also say that it is an error, or that media follow.
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
            let is_media = |part: &Part| matches!(part.kind, PartKind::Media(_));
            let has_media = result.parts.iter().any(is_media);
            let text = if has_media { MEDIA_FOLLOW } else { "" };
            texts.push(Part::text(EscapedStr::from_static(text), Offset(0)));
        }
        if result.is_error {
            add_error_prefix(&mut texts[0]);
        }
        texts
    }

    fn assistant(&mut self, turn: &Turn, follows_results: bool, array: &mut Array<'_>) {
        let is_call = |part: &Part| matches!(part.kind, PartKind::ToolCall { .. });
        let place = if turn.parts.iter().any(is_call) {
            PlaceInLoop::Calls
        } else if follows_results {
            PlaceInLoop::End
        } else {
            PlaceInLoop::Outside
        };
        let message = self.sort_parts(turn, place);
        if message.is_empty() {
            if let Some(name) = &turn.name {
                self.losses.dropped(name.at);
            }
            return;
        }
        array.object(|object| {
            object.str("role", "assistant");
            self.name(Some(turn), object);
            if message.content.is_empty() {
                object.null("content");
            } else {
                self.content(&message.content, object);
            }
            if !message.refusal.is_empty() {
                object.key("refusal").texts(message.refusal);
            }
            let needs_reasoning = self.server.requires_reasoning() && place != PlaceInLoop::Outside;
            if message.reasoning.is_empty() && needs_reasoning {
                self.losses.added("reasoning_content");
            }
            if !message.reasoning.is_empty() || needs_reasoning {
                let reasoning = EscapedStr::join(message.reasoning, "\\n\\n");
                object.text("reasoning_content", &reasoning);
            }
            if !message.calls.is_empty() {
                object.array("tool_calls", |array| {
                    for part in &message.calls {
                        self.call(part, array);
                    }
                });
            }
        });
    }

    /// Sorts an assistant's parts into the fields of its message.
    fn sort_parts<'t>(&mut self, turn: &'t Turn, place: PlaceInLoop) -> AssistantMessage<'t> {
        let mut message = AssistantMessage::default();
        let takes_reasoning =
            self.server.takes_reasoning(place) && !refuses(self.target.maker, "reasoning_content");
        for part in &turn.parts {
            match &part.kind {
                PartKind::ToolCall { .. } => message.calls.push(part),
                PartKind::Refusal(_) if refuses(self.target.maker, "refusal") => {
                    message.content.push(part);
                }
                PartKind::Refusal(text) => message.refusal.push(text),
                PartKind::Reasoning { form, texts }
                    if takes_reasoning
                        && *form != ReasoningForm::Redacted
                        && (part.signature.is_none() || self.is_remembered(part)) =>
                {
                    message.reasoning.extend(texts);
                }
                PartKind::Media(_) => self.losses.refuse(
                    part.at,
                    "the openai_chat dialect takes media from users only",
                ),
                _ => message.content.extend(self.supported(&[part])),
            }
        }
        message
    }

    /// Whether the gateway remembered this reasoning for the model that now gets it back: its mark is
    /// an empty signature.
    fn is_remembered(&self, part: &Part) -> bool {
        let Target {
            provider, model, ..
        } = *self.target;
        let own = envelope::fitting(part.signature.as_ref(), DIALECT, provider, model);
        own.is_some_and(EscapedStr::is_empty) && abilities::wants_plain_reasoning(self.target)
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
        self.drop_extras(part);
        if let Some(mark) = &part.cache {
            self.losses.dropped(mark.at);
        }
        let arguments = match input {
            ToolInput::Free(_) => input.to_object().to_text(),
            input => input.to_arguments(),
        };
        array.object(|object| {
            object.text("id", &self.server.call_id(id));
            object.str("type", "function");
            object.object("function", |object| {
                object.text("name", &self.names.wire(name, namespace.as_ref()));
                object.text("arguments", &arguments);
            });
        });
    }

    /// The parts that can stand in `content`; the others are noted as losses.
    fn supported<'p>(&mut self, parts: &[&'p Part]) -> Vec<&'p Part> {
        let mut supported = Vec::new();
        for part in parts {
            if matches!(part.kind, PartKind::Text(_) | PartKind::Media(_)) {
                supported.push(*part);
            } else {
                self.losses.dropped(part.at);
            }
        }
        supported
    }

    fn content(&mut self, parts: &[&Part], object: &mut Object<'_>) {
        parts.iter().for_each(|part| self.drop_extras(part));
        ContentEncoder {
            takes_cache_marks: self.server == ChatServer::Openai,
            losses: self.losses,
        }
        .write(parts, object);
    }

    /// Notes what belongs to a part and has no field in the dialect.
    fn drop_extras(&mut self, part: &Part) {
        part.drop_signature(self.losses);
        if let Some(citations) = &part.citations {
            self.losses.dropped(citations.at);
        }
    }
}

/// The fields of an assistant's message.
#[derive(Default)]
struct AssistantMessage<'t> {
    content: Vec<&'t Part>,
    refusal: Vec<&'t EscapedStr>,
    reasoning: Vec<&'t EscapedStr>,
    calls: Vec<&'t Part>,
}

impl AssistantMessage<'_> {
    fn is_empty(&self) -> bool {
        self.content.is_empty() && self.refusal.is_empty() && self.calls.is_empty()
    }
}

/// System text within a user's turn.
fn wrap_reminder(part: &mut Part) {
    if let PartKind::Text(text) = &mut part.kind {
        *text = wrapped(text);
    }
}

/// The dialect has no flag for results that are errors.
fn add_error_prefix(part: &mut Part) {
    if let PartKind::Text(text) = &mut part.kind {
        *text = EscapedStr::join([&EscapedStr::from_static(ERROR_PREFIX), text], "");
    }
}
