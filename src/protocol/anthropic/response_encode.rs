//! Encodes a whole answer as a `message` object.
//!
//! Source: Anthropic Messages reference, "Response".

use bytes::Bytes;

use super::message_fields::{Thoughts, View, write_end};
use super::{faults, usage};
use crate::canon::{
    Choice, Fault, FinishReason, LossKind, Losses, PartHead, ReasoningForm, Response, ResponsePart,
    ToolInput,
};
use crate::json::{self, Array, EscapedStr};
use crate::protocol::ResponseContext;

pub(super) const MALFORMED: &str = "the model wrote a tool call that cannot be read";

/// Writes an answer. One that ended in a call which cannot be read is an error in every dialect.
pub(super) fn encode(response: &Response, ask: &ResponseContext<'_>, losses: &mut Losses) -> Bytes {
    let empty = Choice::default();
    let choice = response.choices.first().unwrap_or(&empty);
    if choice.finish == Some(FinishReason::Malformed) {
        return faults::encode(&Fault::upstream(MALFORMED), ask.request_id).1;
    }
    if !usage::is_whole(&response.usage) {
        losses.noted("usage", LossKind::Dropped);
    }
    let mut writer = Writer {
        view: View::new(ask),
        losses,
    };
    json::document(|value| {
        value.object(|object| {
            writer.view.write_start(&response.start, object);
            object.array("content", |content| {
                choice
                    .parts
                    .iter()
                    .for_each(|part| writer.part(part, content))
            });
            let word = writer.stop_reason(choice);
            write_end(
                &word,
                choice.sequence.as_ref(),
                choice.detail.as_ref(),
                object,
            );
            let tier = writer.view.tier(&response.start);
            object.object("usage", |object| {
                usage::encode(&response.usage, tier, object)
            });
        });
    })
}

struct Writer<'w> {
    view: View,
    losses: &'w mut Losses,
}

impl Writer<'_> {
    fn stop_reason(&mut self, choice: &Choice) -> EscapedStr {
        let reason = choice
            .finish
            .clone()
            .unwrap_or(FinishReason::Other(EscapedStr::default()));
        if self.view.is_approximate(&reason) {
            self.losses.noted("stop_reason", LossKind::Adjusted);
        }
        self.view.stop_reason(&reason)
    }

    fn part(&mut self, part: &ResponsePart, content: &mut Array<'_>) {
        match &part.head {
            PartHead::Text | PartHead::Refusal => self.text(part, content),
            PartHead::Reasoning(form) => self.reasoning(part, *form, content),
            PartHead::ToolCall { id, name, free, .. } => {
                self.call(id, name, &input(part, *free), content)
            }
            PartHead::Hosted { raw, .. } if self.view.is_native() => content.item().raw(raw),
            PartHead::Hosted { .. } => self.losses.noted("hosted tool", LossKind::Dropped),
            PartHead::Media { .. } => self.losses.noted("media", LossKind::Dropped),
        }
    }

    fn text(&mut self, part: &ResponsePart, content: &mut Array<'_>) {
        let text = part.text();
        if text.is_empty() {
            return;
        }
        let is_cited = !part.citations.is_empty();
        if is_cited && !self.view.is_native() {
            self.losses.noted("citations", LossKind::Dropped);
        }
        content.object(|object| {
            object.str("type", "text");
            object.text("text", &text);
            if is_cited && self.view.is_native() {
                object.array("citations", |citations| {
                    part.citations
                        .iter()
                        .for_each(|raw| citations.item().raw(raw))
                });
            }
        });
    }

    fn reasoning(&self, part: &ResponsePart, form: ReasoningForm, content: &mut Array<'_>) {
        let text = if self.view.thoughts == Thoughts::Shown {
            part.text()
        } else {
            EscapedStr::default()
        };
        let is_empty = text.is_empty() && part.signature.is_none();
        if self.view.thoughts == Thoughts::Hidden || is_empty {
            return;
        }
        let carrier = self.view.carrier(form, part.signature.as_ref());
        content.object(|object| match form {
            ReasoningForm::Redacted => {
                object.str("type", "redacted_thinking");
                object.text("data", &carrier);
            }
            ReasoningForm::Full | ReasoningForm::Summary => {
                object.str("type", "thinking");
                object.text("thinking", &text);
                object.text("signature", &carrier);
            }
        });
    }

    fn call(
        &mut self,
        id: &EscapedStr,
        name: &EscapedStr,
        input: &ToolInput,
        content: &mut Array<'_>,
    ) {
        if matches!(input, ToolInput::Malformed(_)) {
            self.losses.noted("input", LossKind::Adjusted);
        }
        content.object(|object| {
            object.str("type", "tool_use");
            object.text("id", id);
            object.text("name", name);
            object.raw("input", &input.to_object());
        });
    }
}

/// What a call was given, from its arguments as events carry them.
fn input(part: &ResponsePart, is_free: bool) -> ToolInput {
    let arguments = part.text();
    if is_free {
        ToolInput::Free(arguments)
    } else {
        ToolInput::from_arguments(&arguments)
    }
}
