//! Encodes a whole response as a `message` object.
//!
//! Source: Anthropic Messages reference, "Response".

use bytes::Bytes;

use super::message_fields::{MessageEnd, MessageFields, ThinkingDisplay};
use super::usage;
use crate::canon::{
    Choice, Fault, FinishReason, LossKind, Losses, PartHead, ReasoningForm, Response, ResponsePart,
    ToolInput,
};
use crate::json::{self, Array, EscapedStr};
use crate::protocol::ResponseContext;

/// The message of the fault that a malformed tool call becomes.
pub(super) const MALFORMED: &str = "the model wrote a tool call that cannot be read";

/// Encodes a response.
///
/// # Errors
/// When it ended in a malformed tool call.
pub(super) fn encode(
    response: &Response,
    context: &ResponseContext<'_>,
    losses: &mut Losses,
) -> Result<Bytes, Fault> {
    let empty = Choice::default();
    let choice = response.choices.first().unwrap_or(&empty);
    if choice.finish == Some(FinishReason::Malformed) {
        return Err(Fault::upstream(MALFORMED));
    }
    if !usage::is_complete(&response.usage) {
        losses.noted("usage", LossKind::Dropped);
    }
    let mut encoder = Encoder {
        fields: MessageFields::new(context),
        losses,
    };
    Ok(json::document(|value| {
        value.object(|object| {
            encoder.fields.write_start(&response.start, object);
            object.array("content", |content| {
                for part in &choice.parts {
                    encoder.part(part, content);
                }
            });
            encoder.end(choice).write(object);
            let tier = MessageFields::tier(&response.start);
            object.object("usage", |object| {
                usage::encode(&response.usage, tier, object);
            });
        });
    }))
}

struct Encoder<'e> {
    fields: MessageFields,
    losses: &'e mut Losses,
}

impl Encoder<'_> {
    fn end(&mut self, choice: &Choice) -> MessageEnd {
        let unknown = FinishReason::Other(EscapedStr::default());
        let reason = choice.finish.as_ref().unwrap_or(&unknown);
        if self.fields.is_approximate(reason) {
            self.losses.noted("stop_reason", LossKind::Adjusted);
        }
        MessageEnd {
            stop_reason: self.fields.stop_reason(reason),
            stop_sequence: choice.sequence.clone(),
            detail: choice.detail.clone(),
        }
    }

    fn part(&mut self, part: &ResponsePart, content: &mut Array<'_>) {
        match &part.head {
            PartHead::Text | PartHead::Refusal => self.text(part, content),
            PartHead::Reasoning(form) => self.thinking(part, *form, content),
            PartHead::ToolCall { id, name, free, .. } => {
                self.tool_use(id, name, &input(part, *free), content);
            }
            PartHead::Hosted { raw, .. } if self.fields.is_native() => content.item().raw(raw),
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
        if is_cited && !self.fields.is_native() {
            self.losses.noted("citations", LossKind::Dropped);
        }
        content.object(|object| {
            object.str("type", "text");
            object.text("text", &text);
            if is_cited && self.fields.is_native() {
                object.array("citations", |citations| {
                    for raw in &part.citations {
                        citations.item().raw(raw);
                    }
                });
            }
        });
    }

    fn thinking(&self, part: &ResponsePart, form: ReasoningForm, content: &mut Array<'_>) {
        let text = match self.fields.thinking {
            ThinkingDisplay::Shown => part.text(),
            ThinkingDisplay::Omitted => EscapedStr::default(),
            ThinkingDisplay::Hidden => return,
        };
        if text.is_empty() && part.signature.is_none() {
            return;
        }
        let signature = self.fields.signature(form, part.signature.as_ref());
        content.object(|object| match form {
            ReasoningForm::Redacted => {
                object.str("type", "redacted_thinking");
                object.text("data", &signature);
            }
            ReasoningForm::Full | ReasoningForm::Summary => {
                object.str("type", "thinking");
                object.text("thinking", &text);
                object.text("signature", &signature);
            }
        });
    }

    fn tool_use(
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

/// The input of a tool call, from the text that its events carried.
fn input(part: &ResponsePart, is_free: bool) -> ToolInput {
    let text = part.text();
    if is_free {
        ToolInput::Free(text)
    } else {
        ToolInput::from_arguments(&text)
    }
}
