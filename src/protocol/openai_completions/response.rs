//! A whole answer in the legacy shape: text only.
//!
//! Source: Completions API, response body.

use bytes::Bytes;

use crate::canon::{Choice, Fault, FinishReason, LossKind, Losses, PartHead, Response};
use crate::json::{self, EscapedStr, Object};
use crate::protocol::ResponseContext;
use crate::protocol::openai::faults;
use crate::protocol::openai_chat::finish;
use crate::protocol::openai_chat::head::Head;
use crate::protocol::openai_chat::response::write_usage;

pub(super) const OBJECT: &str = "text_completion";
pub(super) const ID_PREFIX: &str = "cmpl-";
pub(super) const UNEXPECTED_CALL: &str = "the model called a tool, and none was offered";

pub(super) fn encode(response: &Response, ask: &ResponseContext<'_>, losses: &mut Losses) -> Bytes {
    if response.choices.iter().any(|choice| {
        choice
            .finish
            .as_ref()
            .is_some_and(|reason| word(reason).is_none())
    }) {
        return faults::encode(&Fault::upstream(UNEXPECTED_CALL)).1;
    }
    let mut head = Head::new(ask, OBJECT, ID_PREFIX);
    head.learn(&response.start);
    json::document(|value| {
        value.object(|object| {
            head.write(object, |array| {
                for (index, choice) in (0..).zip(&response.choices) {
                    array.object(|object| write_whole(index, choice, object, losses));
                }
            });
            write_usage(&response.usage, object, losses);
        });
    })
}

fn write_whole(index: u64, choice: &Choice, object: &mut Object<'_>, losses: &mut Losses) {
    let texts = choice
        .parts
        .iter()
        .filter(|part| is_text(&part.head))
        .flat_map(|part| &part.texts);
    write_choice(index, texts, choice.finish.as_ref().and_then(word), object);
    if choice.finish.as_ref().is_some_and(finish::is_approximate) {
        losses.noted("finish_reason", LossKind::Adjusted);
    }
    if choice.parts.iter().any(|part| !is_text(&part.head)) {
        losses.noted("reasoning", LossKind::Dropped);
    }
}

/// What the legacy shape can show: a refusal is text here.
pub(super) fn is_text(head: &PartHead) -> bool {
    matches!(head, PartHead::Text | PartHead::Refusal)
}

/// The dialect's word: none for calls; a refusal, which has no field of its own, must not look like
/// an answer.
pub(super) fn word(reason: &FinishReason) -> Option<&'static str> {
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
    finish: Option<&str>,
    object: &mut Object<'_>,
) {
    object.key("text").texts(texts);
    object.u64("index", index);
    object.null("logprobs");
    match finish {
        Some(word) => object.str("finish_reason", word),
        None => object.null("finish_reason"),
    }
}
