//! Encodes turns as messages, which alternate, begin with the user, and have no empty content.
//!
//! Source: Anthropic Messages reference, "Messages" and "Rules enforced"; `translation.md` section
//! 3.

use super::DIALECT;
use super::content_encode::plain_text;
use super::request_encode::{Encoder, write_text};
use crate::canon::{MediaKind, Part, PartKind, Role, Turn};
use crate::json::{Array, EscapedStr};

/// The user's message before a conversation that the assistant begins.
const CONTINUE: &str = "(continue)";

/// One message, before it is written.
#[derive(Debug)]
pub(super) struct Message<'r> {
    role: &'static str,
    blocks: Vec<Block<'r>>,
}

#[derive(Debug)]
enum Block<'r> {
    Part(&'r Part),
    /// Text that no part of the request has in this form.
    Text(EscapedStr),
}

impl Message<'_> {
    pub(super) fn is_system(&self) -> bool {
        self.role == "system"
    }

    pub(super) fn is_assistant(&self) -> bool {
        self.role == "assistant"
    }

    pub(super) fn has_results(&self) -> bool {
        let is_result = |part: &Part| matches!(part.kind, PartKind::ToolResult(_));
        self.parts().any(is_result)
    }

    pub(super) fn begins_with_reasoning(&self) -> bool {
        match self.blocks.first() {
            Some(Block::Part(part)) => matches!(part.kind, PartKind::Reasoning { .. }),
            Some(Block::Text(_)) | None => false,
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Part(part) => Some(*part),
            Block::Text(_) => None,
        })
    }
}

impl<'e> Encoder<'e> {
    /// The messages of the request. Turns of one role become one message.
    pub(super) fn messages(&mut self) -> Vec<Message<'e>> {
        let request = self.request;
        let mut messages: Vec<Message<'e>> = Vec::with_capacity(request.turns.len() + 1);
        for turn in &request.turns {
            let message = self.message(turn);
            match messages.last_mut() {
                _ if message.blocks.is_empty() => {}
                Some(last) if last.role == message.role => last.blocks.extend(message.blocks),
                _ => messages.push(message),
            }
        }
        let begins_with_user = messages.first().is_some_and(|first| first.role == "user");
        if !begins_with_user {
            self.losses.added("turn");
            let first = Message {
                role: "user",
                blocks: vec![Block::Text(EscapedStr::from_static(CONTINUE))],
            };
            messages.insert(0, first);
        }
        messages
    }

    fn message(&mut self, turn: &'e Turn) -> Message<'e> {
        if let Some(name) = &turn.name {
            self.losses.dropped(name.at);
        }
        let is_system = matches!(turn.role, Role::System | Role::Developer);
        let is_reminder = is_system && !self.abilities.system_messages;
        if is_reminder {
            self.losses.adjusted(turn.at);
        }
        let mut blocks = Vec::with_capacity(turn.parts.len());
        for part in &turn.parts {
            if !self.keeps_part(part, turn.role) {
                continue;
            }
            blocks.push(if is_reminder {
                wrap_reminder(part)
            } else {
                Block::Part(part)
            });
        }
        Message {
            role: self.role(turn.role),
            blocks,
        }
    }

    fn role(&self, role: Role) -> &'static str {
        match role {
            Role::Assistant => "assistant",
            Role::System | Role::Developer if self.abilities.system_messages => "system",
            Role::User | Role::System | Role::Developer => "user",
        }
    }

    /// Whether a part of a turn is written; one that is not is reported.
    fn keeps_part(&mut self, part: &Part, role: Role) -> bool {
        let is_kept = match &part.kind {
            PartKind::Text(_) | PartKind::Refusal(_) => return self.keeps_text(part),
            PartKind::Reasoning { .. } => self.own_signature(part).is_some(),
            PartKind::Hosted { dialect, .. } => *dialect == DIALECT,
            PartKind::Media(media) if media.kind == MediaKind::Image && role == Role::Assistant => {
                let why = "the anthropic dialect takes no images of the assistant";
                self.losses.refuse(part.at, why);
                false
            }
            PartKind::Media(_) | PartKind::ToolCall { .. } | PartKind::ToolResult(_) => true,
        };
        if !is_kept {
            self.losses.dropped(part.at);
        }
        is_kept
    }
}

/// System text between turns, for a model that takes no system messages: in the tags in which
/// Claude's own clients send it.
fn wrap_reminder(part: &Part) -> Block<'_> {
    let [open, close] = ["<system-reminder>", "</system-reminder>"].map(EscapedStr::from_static);
    match plain_text(part) {
        Some(text) => Block::Text(EscapedStr::join([&open, text, &close], "\\n")),
        None => Block::Part(part),
    }
}

pub(super) fn write_messages<'e>(
    encoder: &mut Encoder<'e>,
    messages: &[Message<'e>],
    array: &mut Array<'_>,
) {
    for message in messages {
        array.object(|object| {
            object.str("role", message.role);
            object.array("content", |content| {
                for block in &message.blocks {
                    match block {
                        Block::Part(part) => encoder.write_part(part, content.item()),
                        Block::Text(text) => content.object(|object| write_text(text, object)),
                    }
                }
            });
        });
    }
}
