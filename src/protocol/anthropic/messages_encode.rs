//! Turns as this dialect takes them: they alternate, begin with the user, and hold nothing empty.
//!
//! Source: Anthropic Messages reference, "Messages" and "Rules enforced"; `translation.md` section
//! 3.

use super::DIALECT;
use super::content_encode::plain_text;
use super::request_encode::{Encoder, write_text};
use crate::canon::{Media, MediaKind, Part, PartKind, Role, Turn};
use crate::json::{Array, EscapedStr};
use crate::protocol::envelope;

/// What stands in front of a conversation that the assistant begins.
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
    /// EscapedStr that no part of the request holds in this form.
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
        self.blocks.iter().any(|block| {
            matches!(
                block,
                Block::Part(Part {
                    kind: PartKind::ToolResult(_),
                    ..
                })
            )
        })
    }

    pub(super) fn begins_with_reasoning(&self) -> bool {
        matches!(
            self.blocks.first(),
            Some(Block::Part(Part {
                kind: PartKind::Reasoning { .. },
                ..
            }))
        )
    }
}

impl<'e> Encoder<'e> {
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
        if messages
            .first()
            .is_none_or(|message| message.role != "user")
        {
            self.losses.added("turn");
            messages.insert(
                0,
                Message {
                    role: "user",
                    blocks: vec![Block::Text(EscapedStr::from_static(CONTINUE))],
                },
            );
        }
        messages
    }

    fn message(&mut self, turn: &'e Turn) -> Message<'e> {
        turn.name
            .iter()
            .for_each(|name| self.losses.dropped(name.at));
        let is_reminder =
            matches!(turn.role, Role::System | Role::Developer) && !self.abilities.system_turns;
        if is_reminder {
            self.losses.adjusted(turn.at);
        }
        let kept: Vec<&'e Part> = turn
            .parts
            .iter()
            .filter(|part| self.keeps(part, turn.role))
            .collect();
        let block = |part| {
            if is_reminder {
                reminder(part)
            } else {
                Block::Part(part)
            }
        };
        Message {
            role: self.role(turn.role),
            blocks: kept.into_iter().map(block).collect(),
        }
    }

    fn role(&self, role: Role) -> &'static str {
        match role {
            Role::Assistant => "assistant",
            Role::System | Role::Developer if self.abilities.system_turns => "system",
            Role::User | Role::System | Role::Developer => "user",
        }
    }

    /// Whether a part of a turn is written; what is not is reported.
    fn keeps(&mut self, part: &Part, role: Role) -> bool {
        let is_kept = match &part.kind {
            PartKind::Text(_) | PartKind::Refusal(_) => return self.keeps_text(part),
            PartKind::Reasoning { .. } => envelope::fitting(
                part.signature.as_ref(),
                DIALECT,
                self.target.provider,
                self.target.model,
            )
            .is_some(),
            PartKind::Hosted { dialect, .. } => *dialect == DIALECT,
            PartKind::Media(Media {
                kind: MediaKind::Image,
                ..
            }) if role == Role::Assistant => {
                self.losses.refuse(
                    part.at,
                    "the anthropic dialect takes no images of the assistant",
                );
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

/// System text in the middle for models that know no system messages: what Claude's own clients
/// wrap it in.
fn reminder(part: &Part) -> Block<'_> {
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
