//! Finish reasons: `done_reason` to canon and back.
//!
//! Source: Ollama, `llm/server.go`, `DoneReason`: `stop` and `length`. Its type is any string;
//! `content_filter` is ours, so that a filtered answer does not look like a whole one.

use crate::canon::{Fault, FinishReason};
use crate::json::EscapedStr;
use crate::protocol::finish_words::{self, Produced};

/// # Errors
/// See [`finish_words::settle`].
pub(super) fn decode(reason: &EscapedStr, produced: Produced) -> Result<FinishReason, Fault> {
    finish_words::settle(finish_words::foreign(reason), produced, reason, None)
}

pub(super) fn encode(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::Length | FinishReason::ContextFull | FinishReason::Paused => "length",
        FinishReason::Filtered => "content_filter",
        FinishReason::End
        | FinishReason::StopSequence
        | FinishReason::ToolCalls
        | FinishReason::Refusal
        | FinishReason::Malformed
        | FinishReason::Other(_) => "stop",
    }
}

/// Whether the encoded value says less than the reason.
pub(super) fn is_approximate(reason: &FinishReason) -> bool {
    matches!(reason, FinishReason::Paused | FinishReason::Other(_))
}
