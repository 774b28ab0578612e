//! Encodes a whole answer: one message per choice.
//!
//! Source: Chat Completions API, response body.

use bytes::Bytes;

use crate::canon::{
    Choice, Fault, FinishReason, LossKind, Losses, PartHead, ReasoningForm, Response, ResponsePart,
    Usage,
};
use crate::json::{self, EscapedStr, Object, Raw};
use crate::protocol::ResponseContext;

use super::response_head::ResponseHead;
use super::{DIALECT, finish, legacy_functions, output_images, usage};

pub(in crate::protocol) const ID_PREFIX: &str = "chatcmpl-";

/// The fault of an answer with a tool call that cannot be read.
pub(super) const MALFORMED_CALL: &str = "the model wrote a tool call that cannot be read";

/// # Errors
/// When the model wrote a malformed tool call.
pub(super) fn encode(
    response: &Response,
    context: &ResponseContext<'_>,
    losses: &mut Losses,
) -> Result<Bytes, Fault> {
    let is_malformed = |choice: &Choice| choice.finish == Some(FinishReason::Malformed);
    if response.choices.iter().any(is_malformed) {
        return Err(Fault::upstream(MALFORMED_CALL));
    }
    let mut head = ResponseHead::new(context, "chat.completion", ID_PREFIX);
    head.update(&response.start);
    let mut encoder = Encoder {
        uses_legacy_functions: legacy_functions::are_used_by(context.request),
        is_same_dialect: context.origin.dialect == DIALECT,
        losses,
    };
    Ok(json::document(|value| {
        value.object(|object| {
            head.write(object, |array| {
                for (index, choice) in (0..).zip(&response.choices) {
                    array.object(|object| encoder.choice(index, choice, object));
                }
            });
            write_usage(&response.usage, object, encoder.losses);
        });
    }))
}

/// Writes the usage, if any of it is known. A required figure that is unknown is written as 0 and
/// noted as a loss.
pub(in crate::protocol) fn write_usage(
    usage: &Usage,
    object: &mut Object<'_>,
    losses: &mut Losses,
) {
    if usage.is_unknown() {
        return;
    }
    if !usage::is_complete(usage) {
        losses.noted("usage", LossKind::Dropped);
    }
    object.object("usage", |object| usage::write(usage, object));
}

struct Encoder<'e> {
    /// Whether the answer takes the legacy form, which has room for one call.
    uses_legacy_functions: bool,
    /// Whether the upstream speaks this dialect, so that citations have its shape.
    is_same_dialect: bool,
    losses: &'e mut Losses,
}

impl Encoder<'_> {
    fn choice(&mut self, index: u64, choice: &Choice, object: &mut Object<'_>) {
        object.u64("index", index);
        object.object("message", |object| self.message(choice, object));
        write_logprobs(choice, object);
        let reason = match &choice.finish {
            Some(reason) => self.finish_reason(reason),
            None => None,
        };
        match reason {
            Some(reason) => object.str("finish_reason", reason),
            None => object.null("finish_reason"),
        }
    }

    fn finish_reason(&mut self, reason: &FinishReason) -> Option<&'static str> {
        if finish::is_approximate(reason) {
            self.losses.noted("finish_reason", LossKind::Adjusted);
        }
        if self.uses_legacy_functions && *reason == FinishReason::ToolCalls {
            return Some(legacy_functions::FINISH_REASON);
        }
        finish::encode(reason)
    }

    fn message(&mut self, choice: &Choice, object: &mut Object<'_>) {
        object.str("role", "assistant");
        let content = texts(choice, |head| matches!(head, PartHead::Text));
        write_texts_or_null("content", &content, object);
        self.refusal(choice, object);
        let reasoning = texts(choice, is_visible_reasoning);
        if !reasoning.is_empty() {
            write_reasoning(object, &EscapedStr::join(&reasoning, "\\n\\n"));
        }
        self.annotations(choice, object);
        self.images(choice, object);
        self.calls(choice, object);
    }

    fn refusal(&self, choice: &Choice, object: &mut Object<'_>) {
        let texts = texts(choice, |head| matches!(head, PartHead::Refusal));
        // Other dialects tell a refusal by the finish reason alone.
        let by_reason = choice
            .finish
            .as_ref()
            .and_then(|reason| reason.refusal(choice.detail.as_ref()));
        match by_reason {
            Some(text) if texts.is_empty() => object.text("refusal", &text),
            _ => write_texts_or_null("refusal", &texts, object),
        }
    }

    fn annotations(&mut self, choice: &Choice, object: &mut Object<'_>) {
        let citations: Vec<&Raw> = choice
            .parts
            .iter()
            .flat_map(|part| &part.citations)
            .collect();
        if citations.is_empty() {
            return;
        }
        if !self.is_same_dialect {
            return self.losses.noted("citations", LossKind::Dropped);
        }
        object.array("annotations", |array| {
            for citation in citations {
                array.item().raw(citation);
            }
        });
    }

    fn images(&mut self, choice: &Choice, object: &mut Object<'_>) {
        let (images, has_other_media) = output_images::of_choice(choice);
        if has_other_media {
            self.losses.noted("media", LossKind::Dropped);
        }
        if !images.is_empty() {
            object.array("images", |array| {
                for (mime, data) in &images {
                    output_images::write(mime, data, array);
                }
            });
        }
    }

    fn calls(&mut self, choice: &Choice, object: &mut Object<'_>) {
        let calls: Vec<&ResponsePart> = choice
            .parts
            .iter()
            .filter(|part| matches!(part.head, PartHead::ToolCall { .. }))
            .collect();
        let is_hosted = |part: &ResponsePart| matches!(part.head, PartHead::Hosted { .. });
        if choice.parts.iter().any(is_hosted) {
            self.losses.noted("hosted_tools", LossKind::Dropped);
        }
        match &calls[..] {
            [] => {}
            [first, others @ ..] if self.uses_legacy_functions => {
                if !others.is_empty() {
                    self.losses.noted("tool_calls", LossKind::Dropped);
                }
                object.object("function_call", |object| write_function(first, object));
            }
            calls => object.array("tool_calls", |array| {
                for call in calls {
                    array.object(|object| write_call(call, object));
                }
            }),
        }
    }
}

/// The texts of the matching parts, one for each paragraph.
fn texts(choice: &Choice, matches: impl Fn(&PartHead) -> bool) -> Vec<EscapedStr> {
    choice
        .parts
        .iter()
        .filter(|part| matches(&part.head))
        .flat_map(|part| part.texts.iter().cloned())
        .collect()
}

fn is_visible_reasoning(head: &PartHead) -> bool {
    matches!(
        head,
        PartHead::Reasoning(ReasoningForm::Full | ReasoningForm::Summary)
    )
}

/// Writes reasoning, which has no official field, under both names that clients read: most read
/// `reasoning_content`, those of OpenRouter and newer vLLM `reasoning`.
pub(super) fn write_reasoning(object: &mut Object<'_>, text: &EscapedStr) {
    object.text("reasoning_content", text);
    object.text("reasoning", text);
}

fn write_texts_or_null(key: &str, texts: &[EscapedStr], object: &mut Object<'_>) {
    if texts.is_empty() {
        object.null(key);
    } else {
        object.key(key).texts(texts);
    }
}

fn write_call(call: &ResponsePart, object: &mut Object<'_>) {
    let PartHead::ToolCall { id, name, free, .. } = &call.head else {
        return;
    };
    object.text("id", id);
    if *free {
        object.str("type", "custom");
        object.object("custom", |object| {
            object.text("name", name);
            object.key("input").texts(&call.texts);
        });
    } else {
        object.str("type", "function");
        object.object("function", |object| write_function(call, object));
    }
}

fn write_function(call: &ResponsePart, object: &mut Object<'_>) {
    let PartHead::ToolCall { name, .. } = &call.head else {
        return;
    };
    object.text("name", name);
    object.key("arguments").texts(&call.texts);
}

/// `{"content":[…],"refusal":null}`. A streamed answer has several lists, which become one.
fn write_logprobs(choice: &Choice, object: &mut Object<'_>) {
    let mut content: Vec<&Raw> = Vec::new();
    let mut refusal: Vec<&Raw> = Vec::new();
    for part in &choice.parts {
        match part.head {
            PartHead::Text => content.extend(&part.logprobs),
            PartHead::Refusal => refusal.extend(&part.logprobs),
            _ => {}
        }
    }
    if content.is_empty() && refusal.is_empty() {
        return object.null("logprobs");
    }
    object.object("logprobs", |object| {
        write_joined("content", &content, object);
        write_joined("refusal", &refusal, object);
    });
}

fn write_joined(key: &str, lists: &[&Raw], object: &mut Object<'_>) {
    if lists.is_empty() {
        return object.null(key);
    }
    object.array(key, |array| {
        for list in lists {
            let document = list.document();
            for item in document.root().items().into_iter().flatten() {
                array.item().raw(&item.raw());
            }
        }
    });
}
