//! Finish reasons: the dialect's `finish_reason` to canon and back.
//!
//! Source: `translation.md` section 6.

use crate::canon::{Fault, FinishReason};
use crate::json::EscapedStr;
use crate::protocol::finish_words::{self, Produced};

/// Decodes `finish_reason`. The dialect's own words are among those that its many servers use.
///
/// # Errors
/// See [`finish_words::settle`].
pub(super) fn decode(reason: &EscapedStr, produced: Produced) -> Result<FinishReason, Fault> {
    finish_words::settle(finish_words::foreign(reason), produced, reason, None)
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
