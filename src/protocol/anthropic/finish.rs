//! The dialect's words for stop reasons, and where they stand in an answer.
//!
//! Source: Anthropic Messages reference, "Response", `stop_reason`; `translation.md` section 6.
//! Knows no event order.

use crate::canon::FinishReason;
use crate::json::EscapedStr;

/// Each word and its meaning. Decoding takes the first row with the word, encoding the first row
/// with the meaning.
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

/// Reads a stop reason. Calls in the answer decide whether it ended for them, not the upstream's
/// word.
pub(super) fn decode(word: &EscapedStr, has_calls: bool) -> FinishReason {
    let known = STOP_REASONS.iter().find(|(name, _)| *word == *name);
    match known.map_or_else(
        || FinishReason::Other(word.clone()),
        |(_, reason)| reason.clone(),
    ) {
        FinishReason::End if has_calls => FinishReason::ToolCalls,
        FinishReason::ToolCalls if !has_calls => FinishReason::End,
        reason => reason,
    }
}

/// The word for a reason. `None` = the dialect has none: malformed calls are faults, and other
/// words are their dialect's own.
pub(super) fn encode(reason: &FinishReason) -> Option<&'static str> {
    STOP_REASONS
        .iter()
        .find(|(_, meaning)| meaning == reason)
        .map(|(word, _)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_comes_back_as_itself() {
        for (word, _) in STOP_REASONS {
            let reason = decode(&EscapedStr::from(word), word == "tool_use");
            assert_eq!(encode(&reason), Some(word));
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
