//! Encodes turns as messages, which alternate, begin with the user, and have no empty content.
//!
//! Source: Anthropic Messages reference, "Messages" and "Rules enforced"; `translation.md` section
//! 3.

use super::DIALECT;
use super::content_encode::{is_moved_out, plain_text};
use super::request_encode::{Encoder, write_text};
use crate::canon::{MediaKind, Offset, Part, PartKind, Role, Turn};
use crate::json::{Array, EscapedStr};
use crate::protocol::reminder::wrapped;

/// The user's message before a conversation that the assistant begins.
const CONTINUE: &str = "(continue)";

/// One message, before it is written.
#[derive(Debug)]
pub(super) struct Message<'r> {
    role: &'static str,
    blocks: Vec<Block<'r>>,
    at: Offset,
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
        let turns = &self.request.turns;
        let messages = turns.iter().map(|turn| self.message(turn)).collect();
        let mut messages = merged(messages);
        self.move_system(&mut messages);
        self.end_with_content(&mut messages);
        let mut messages = merged(messages);
        let begins_with_user = messages.first().is_some_and(|first| first.role == "user");
        if !begins_with_user {
            self.losses.added("turn");
            let first = Message {
                role: "user",
                blocks: vec![Block::Text(EscapedStr::from_static(CONTINUE))],
                at: Offset(0),
            };
            messages.insert(0, first);
        }
        self.trim_prefill(&mut messages);
        messages
    }

    /// Turns system messages into the user's where the API takes none: one stands behind a user's
    /// message, and is the last or stands before the assistant's.
    fn move_system(&mut self, messages: &mut [Message<'e>]) {
        for index in 0..messages.len() {
            let (before, rest) = messages.split_at_mut(index);
            let [message, after @ ..] = rest else { return };
            let follows_user = before.last().is_some_and(|before| before.role == "user");
            let is_followed_by_user = after.first().is_some_and(|after| after.role == "user");
            if message.is_system() && (!follows_user || is_followed_by_user) {
                self.losses.adjusted(message.at);
                message.role = "user";
                message.blocks.iter_mut().for_each(Block::wrap_reminder);
            }
        }
    }

    /// Leaves thinking out that nothing follows: "The final block in an assistant message cannot be
    /// `thinking`". The call or the text that it led to is gone from the client's history.
    fn end_with_content(&mut self, messages: &mut [Message<'e>]) {
        for message in messages.iter_mut().filter(|message| message.is_assistant()) {
            let is_reasoning = |block: &mut Block<'_>| matches!(block, Block::Part(part) if matches!(part.kind, PartKind::Reasoning { .. }));
            while let Some(Block::Part(part)) = message.blocks.pop_if(is_reasoning) {
                self.losses.dropped(part.at);
            }
        }
    }

    /// Cuts white space off the end of a prefill: "final assistant content cannot end with trailing
    /// whitespace".
    fn trim_prefill(&mut self, messages: &mut [Message<'e>]) {
        let last = messages.last_mut().filter(|last| last.is_assistant());
        let Some(block) = last.and_then(|last| last.blocks.last_mut()) else {
            return;
        };
        if let Block::Part(part) = block
            && let Some(text) = plain_text(part)
        {
            let plain = text.to_plain();
            let trimmed = plain.trim_end();
            if trimmed.len() < plain.len() {
                self.losses.adjusted(part.at);
                *block = Block::Text(EscapedStr::from(trimmed));
            }
        }
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
            let mut block = Block::Part(part);
            if is_reminder {
                block.wrap_reminder();
            }
            blocks.push(block);
        }
        blocks.extend(self.moved_out(turn));
        Message {
            role: self.role(turn.role),
            blocks,
            at: turn.at,
        }
    }

    /// The media of results that failed, which these cannot hold.
    fn moved_out(&mut self, turn: &'e Turn) -> Vec<Block<'e>> {
        let mut moved = Vec::new();
        for part in &turn.parts {
            if let PartKind::ToolResult(result) = &part.kind {
                let media = result
                    .parts
                    .iter()
                    .filter(|part| is_moved_out(result, part));
                for part in media {
                    self.losses.adjusted(part.at);
                    moved.push(Block::Part(part));
                }
            }
        }
        moved
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

impl Block<'_> {
    /// Wraps system text between turns in the tags in which Claude's own clients send it.
    fn wrap_reminder(&mut self) {
        if let Block::Part(part) = self
            && let Some(text) = plain_text(part)
        {
            *self = Block::Text(wrapped(text));
        }
    }
}

/// Joins messages of one role and leaves empty ones out.
fn merged(messages: Vec<Message<'_>>) -> Vec<Message<'_>> {
    let mut merged: Vec<Message<'_>> = Vec::with_capacity(messages.len() + 1);
    for message in messages {
        match merged.last_mut() {
            _ if message.blocks.is_empty() => {}
            Some(last) if last.role == message.role => last.blocks.extend(message.blocks),
            _ => merged.push(message),
        }
    }
    merged
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
