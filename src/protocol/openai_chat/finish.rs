//! Why an answer ended: canon's reasons and the dialect's words, in one table each way.
//!
//! Source: `translation.md` section 6. Knows nothing of how a stream ends.

use crate::canon::FinishReason;
use crate::json::EscapedStr;

/// The reason behind an upstream's word. Whether tools were called is seen from the answer: some
/// servers say `stop` then.
pub(super) fn decode(word: &EscapedStr, has_calls: bool, has_refusal: bool) -> FinishReason {
    match &*word.to_plain() {
        "stop" | "tool_calls" | "function_call" if has_calls => FinishReason::ToolCalls,
        "stop" if has_refusal => FinishReason::Refusal,
        "stop" | "tool_calls" | "function_call" => FinishReason::End,
        "length" => FinishReason::Length,
        "content_filter" => FinishReason::Filtered,
        _ => FinishReason::Other(word.clone()),
    }
}

/// The dialect's word. `None` where an answer that ends so is an error.
///
/// A reason that no table knows is `stop`: clients refuse words that they do not know.
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

/// Whether the word says less than the reason.
pub(in crate::protocol) fn is_approximate(reason: &FinishReason) -> bool {
    matches!(reason, FinishReason::Paused | FinishReason::Other(_))
}
