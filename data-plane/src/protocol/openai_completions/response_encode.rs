//! Encodes a whole answer in the legacy shape, which has text only.
//!
//! Source: Completions API, response body.

use bytes::Bytes;

use crate::canon::{
    Choice, Fault, FinishReason, LossKind, Losses, PartHead, Response, ResponsePart,
};
use crate::json::{self, EscapedStr, Object};
use crate::protocol::ResponseContext;
use crate::protocol::openai_chat::finish;
use crate::protocol::openai_chat::response_encode::write_usage;
use crate::protocol::openai_chat::response_head::ResponseHead;

pub(super) const OBJECT: &str = "text_completion";
pub(super) const ID_PREFIX: &str = "cmpl-";
pub(super) const UNEXPECTED_CALL: &str = "the model called a tool, and none was offered";

/// # Errors
/// When the model called a tool.
pub(super) fn encode(
    response: &Response,
    context: &ResponseContext<'_>,
    losses: &mut Losses,
) -> Result<Bytes, Fault> {
    let has_unexpected_call = response
        .choices
        .iter()
        .filter_map(|choice| choice.finish.as_ref())
        .any(|reason| finish_reason(reason).is_none());
    if has_unexpected_call {
        return Err(Fault::upstream(UNEXPECTED_CALL));
    }
    let mut head = ResponseHead::new(context, OBJECT, ID_PREFIX).without_tier();
    head.update(&response.start);
    Ok(json::document(|value| {
        value.object(|object| {
            head.write(object, |array| {
                for (index, choice) in (0..).zip(&response.choices) {
                    array.object(|object| write_whole_choice(index, choice, object, losses));
                }
            });
            write_usage(&response.usage, object, losses);
        });
    }))
}

fn write_whole_choice(index: u64, choice: &Choice, object: &mut Object<'_>, losses: &mut Losses) {
    let is_text_part = |part: &&ResponsePart| is_text(&part.head);
    let text_parts = choice.parts.iter().filter(is_text_part);
    let texts = text_parts.flat_map(|part| &part.texts);
    let reason = choice.finish.as_ref();
    write_choice(index, texts, reason.and_then(finish_reason), object);
    if reason.is_some_and(finish::is_approximate) {
        losses.noted("finish_reason", LossKind::Adjusted);
    }
    if !choice.parts.iter().all(|part| is_text(&part.head)) {
        losses.noted("reasoning", LossKind::Dropped);
    }
}

/// Whether the dialect can carry the part. A refusal is text here.
pub(super) fn is_text(head: &PartHead) -> bool {
    matches!(head, PartHead::Text | PartHead::Refusal)
}

/// Encodes `finish_reason`. `None` for tool calls. The dialect has no field for a refusal, which
/// becomes `content_filter` so that it does not look like an answer.
pub(super) fn finish_reason(reason: &FinishReason) -> Option<&'static str> {
    match reason {
        FinishReason::ToolCalls => None,
        FinishReason::Refusal => finish::encode(&FinishReason::Filtered),
        reason => finish::encode(reason),
    }
}

/// `{"text":"…","index":0,"logprobs":null,"finish_reason":"stop"}`, in whole answers and in chunks.
pub(super) fn write_choice<'t>(
    index: u64,
    texts: impl IntoIterator<Item = &'t EscapedStr>,
    finish_reason: Option<&str>,
    object: &mut Object<'_>,
) {
    object.key("text").texts(texts);
    object.u64("index", index);
    object.null("logprobs");
    match finish_reason {
        Some(reason) => object.str("finish_reason", reason),
        None => object.null("finish_reason"),
    }
}
