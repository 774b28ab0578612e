//! Finish reasons, both ways.
//!
//! Source: Gemini API, `Candidate.FinishReason`; `translation.md` section 6.

use crate::canon::{Fault, FinishReason};
use crate::json::EscapedStr;
use crate::protocol::finish_words::{self, Meaning, Produced};

/// Whether a value says that the candidate ended.
pub(super) fn ends(name: &str) -> bool {
    !matches!(name, "" | "FINISH_REASON_UNSPECIFIED")
}

/// Decodes a finish reason.
///
/// `STOP` after calls means that the model waits for their results, which Gemini has no value for.
///
/// # Errors
/// See [`finish_words::settle`].
pub(super) fn decode(
    name: &EscapedStr,
    produced: Produced,
    detail: Option<&EscapedStr>,
) -> Result<FinishReason, Fault> {
    let meaning = match &*name.to_plain() {
        "MALFORMED_FUNCTION_CALL" | "MALFORMED_RESPONSE" | "UNEXPECTED_TOOL_CALL" => {
            Meaning::Ended(FinishReason::Malformed)
        }
        // The API gave up on what the model or the request did.
        "TOO_MANY_TOOL_CALLS" | "MISSING_THOUGHT_SIGNATURE" => Meaning::Failed,
        // A prompt or an answer without the image that was asked for: text in its place is one.
        "NO_IMAGE" | "OTHER" => Meaning::Ended(FinishReason::Other(name.clone())),
        _ => finish_words::foreign(name),
    };
    finish_words::settle(meaning, produced, name, detail)
}

/// Encodes a finish reason.
pub(super) fn encode(reason: &FinishReason) -> &'static str {
    match reason {
        FinishReason::End | FinishReason::StopSequence | FinishReason::ToolCalls => "STOP",
        FinishReason::Length | FinishReason::ContextFull => "MAX_TOKENS",
        FinishReason::Filtered | FinishReason::Refusal => "SAFETY",
        FinishReason::Malformed => "MALFORMED_FUNCTION_CALL",
        FinishReason::Paused | FinishReason::Other(_) => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: Produced = Produced {
        has_calls: false,
        has_cut_call: false,
        has_refusal: false,
        has_output: true,
    };

    fn decoded(name: &'static str, produced: Produced) -> Option<FinishReason> {
        decode(&EscapedStr::from(name), produced, None).ok()
    }

    #[test]
    fn calls_wait_for_their_results_whatever_the_word() {
        let calls = Produced {
            has_calls: true,
            ..TEXT
        };
        for name in ["STOP", "FUNCTION_CALL", "OTHER", "LATER"] {
            assert_eq!(
                decoded(name, calls),
                Some(FinishReason::ToolCalls),
                "{name}"
            );
        }
        assert_eq!(decoded("MAX_TOKENS", calls), Some(FinishReason::Length));
        assert!(!ends("FINISH_REASON_UNSPECIFIED"));
    }

    #[test]
    fn what_gave_no_answer_is_none() {
        for name in ["NO_IMAGE", "OTHER", "LATER", "TOO_MANY_TOOL_CALLS"] {
            assert_eq!(decoded(name, Produced::default()), None, "{name}");
        }
        assert_eq!(decoded("MISSING_THOUGHT_SIGNATURE", TEXT), None);
    }

    #[test]
    fn each_word_comes_back_as_one_of_its_meaning() {
        for name in [
            "STOP",
            "MAX_TOKENS",
            "SAFETY",
            "MALFORMED_FUNCTION_CALL",
            "OTHER",
        ] {
            assert_eq!(encode(&decoded(name, TEXT).unwrap()), name);
        }
    }
}
