//! Finish reasons, both ways: the values of `stop_reason`.
//!
//! Source: Anthropic Messages reference, "Response", `stop_reason`; `translation.md` section 6.

use crate::canon::FinishReason;
use crate::json::EscapedStr;

/// Stop reasons and their meaning. Decoding takes the first row with the name, encoding the first
/// row with the meaning.
const STOP_REASONS: [(&str, FinishReason); 8] = [
    ("end_turn", FinishReason::End),
    ("stop_sequence", FinishReason::StopSequence),
    ("tool_use", FinishReason::ToolCalls),
    ("max_tokens", FinishReason::Length),
    ("model_context_window_exceeded", FinishReason::ContextFull),
    ("refusal", FinishReason::Refusal),
    ("refusal", FinishReason::Filtered),
    ("pause_turn", FinishReason::Paused),
];

/// Decodes a stop reason. Whether the message ended for tool calls is told by the calls in it,
/// since some servers write another reason.
pub(super) fn decode(name: &EscapedStr, has_calls: bool) -> FinishReason {
    let row = STOP_REASONS.iter().find(|(known, _)| *name == *known);
    let reason = match row {
        Some((_, reason)) => reason.clone(),
        None => FinishReason::Other(name.clone()),
    };
    match reason {
        FinishReason::End if has_calls => FinishReason::ToolCalls,
        FinishReason::ToolCalls if !has_calls => FinishReason::End,
        reason => reason,
    }
}

/// Encodes a reason. `None` where the dialect has no name for it: a malformed tool call is a fault,
/// and unknown reasons are their own dialect's.
pub(super) fn encode(reason: &FinishReason) -> Option<&'static str> {
    STOP_REASONS
        .iter()
        .find(|(_, meaning)| meaning == reason)
        .map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_back_as_itself() {
        for (name, _) in STOP_REASONS {
            let reason = decode(&EscapedStr::from(name), name == "tool_use");
            assert_eq!(encode(&reason), Some(name));
        }
    }

    #[test]
    fn calls_decide_and_a_cut_call_stays_cut() {
        assert_eq!(decode(&"end_turn".into(), true), FinishReason::ToolCalls);
        assert_eq!(decode(&"tool_use".into(), false), FinishReason::End);
        assert_eq!(decode(&"max_tokens".into(), true), FinishReason::Length);
        assert_eq!(
            decode(&"compaction".into(), false),
            FinishReason::Other("compaction".into())
        );
    }
}
