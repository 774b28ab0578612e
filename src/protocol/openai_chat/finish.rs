//! Finish reasons: the dialect's `finish_reason` to canon and back.
//!
//! Source: `translation.md` section 6.

use crate::canon::FinishReason;
use crate::json::EscapedStr;

/// Decodes `finish_reason`. Some servers say `stop` after a tool call, so the answer itself tells
/// whether it has one.
pub(super) fn decode(reason: &EscapedStr, has_calls: bool, has_refusal: bool) -> FinishReason {
    match &*reason.to_plain() {
        "stop" | "tool_calls" | "function_call" if has_calls => FinishReason::ToolCalls,
        "stop" if has_refusal => FinishReason::Refusal,
        "stop" | "tool_calls" | "function_call" => FinishReason::End,
        "length" => FinishReason::Length,
        "content_filter" => FinishReason::Filtered,
        _ => FinishReason::Other(reason.clone()),
    }
}

/// Encodes `finish_reason`. `None` where an answer that ends so is an error.
///
/// Reasons of other dialects become `stop`, since clients refuse values that they do not know.
pub(in crate::protocol) fn encode(reason: &FinishReason) -> Option<&'static str> {
    match reason {
        FinishReason::End
        | FinishReason::StopSequence
        | FinishReason::Refusal
        | FinishReason::Other(_) => Some("stop"),
        FinishReason::ToolCalls => Some("tool_calls"),
        FinishReason::Length | FinishReason::ContextFull | FinishReason::Paused => Some("length"),
        FinishReason::Filtered => Some("content_filter"),
        FinishReason::Malformed => None,
    }
}

/// Whether the encoded value says less than the reason.
pub(in crate::protocol) fn is_approximate(reason: &FinishReason) -> bool {
    matches!(reason, FinishReason::Paused | FinishReason::Other(_))
}
