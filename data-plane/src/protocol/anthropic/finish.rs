//! Finish reasons, both ways: the values of `stop_reason`.
//!
//! Source: Anthropic Messages reference, "Response", `stop_reason`; `translation.md` section 6.

use crate::canon::{Fault, FinishReason};
use crate::json::EscapedStr;
use crate::protocol::finish_words::{self, Meaning, Produced};

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

/// The stop reason that canon has no meaning for: the message is a summary of the conversation.
/// Source: Anthropic Messages reference (beta), `stop_reason`.
const COMPACTION: &str = "compaction";

/// Decodes a stop reason.
///
/// # Errors
/// See [`finish_words::settle`].
pub(super) fn decode(
    name: &EscapedStr,
    produced: Produced,
    detail: Option<&EscapedStr>,
) -> Result<FinishReason, Fault> {
    let row = STOP_REASONS.iter().find(|(known, _)| *name == *known);
    let meaning = match row {
        Some((_, reason)) => Meaning::Ended(reason.clone()),
        None => finish_words::foreign(name),
    };
    finish_words::settle(meaning, produced, name, detail)
}

/// The stop reason for a client of an upstream that speaks this dialect too. Words that the dialect
/// does not have are `end_turn`, since clients refuse values that they do not know.
pub(super) fn encode_native(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::Other(name) if *name == COMPACTION => COMPACTION,
        reason => encode(reason).unwrap_or("end_turn"),
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

    fn produced(has_calls: bool) -> Produced {
        Produced {
            has_calls,
            has_output: true,
            ..Produced::default()
        }
    }

    fn decoded(name: &'static str, has_calls: bool) -> FinishReason {
        decode(&EscapedStr::from(name), produced(has_calls), None).unwrap()
    }

    #[test]
    fn every_word_comes_back_as_itself() {
        for (name, _) in STOP_REASONS {
            assert_eq!(encode(&decoded(name, name == "tool_use")), Some(name));
        }
    }

    #[test]
    fn calls_decide_and_a_cut_call_stays_cut() {
        assert_eq!(decoded("end_turn", true), FinishReason::ToolCalls);
        assert_eq!(decoded("STOP", true), FinishReason::ToolCalls);
        assert_eq!(decoded("tool_use", false), FinishReason::End);
        assert_eq!(decoded("max_tokens", true), FinishReason::Length);
        let compaction = decoded("compaction", false);
        assert_eq!(compaction, FinishReason::Other("compaction".into()));
        assert_eq!(encode_native(&compaction), "compaction");
    }

    #[test]
    fn a_word_that_the_dialect_does_not_have_reaches_no_client() {
        assert_eq!(encode_native(&decoded("later", false)), "end_turn");
        assert!(decode(&"later".into(), Produced::default(), None).is_err());
    }
}
