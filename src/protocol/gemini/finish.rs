//! Finish reasons, both ways.
//!
//! Source: Gemini API, `Candidate.FinishReason`; `translation.md` section 6.

use crate::canon::FinishReason;
use crate::json::EscapedStr;

/// Decodes a finish reason. `None` where the candidate goes on.
///
/// `STOP` after calls means that the model waits for their results, which Gemini has no value for.
pub(super) fn decode(name: &str, has_calls: bool) -> Option<FinishReason> {
    Some(match name {
        "" | "FINISH_REASON_UNSPECIFIED" => return None,
        "STOP" if has_calls => FinishReason::ToolCalls,
        "STOP" => FinishReason::End,
        "MAX_TOKENS" => FinishReason::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION"
        | "IMAGE_OTHER" => FinishReason::Filtered,
        "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL" => FinishReason::Malformed,
        other => FinishReason::Other(EscapedStr::from(other)),
    })
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

    #[test]
    fn stop_after_calls_waits_for_their_results() {
        assert_eq!(decode("STOP", true), Some(FinishReason::ToolCalls));
        assert_eq!(decode("MAX_TOKENS", true), Some(FinishReason::Length));
        assert_eq!(decode("FINISH_REASON_UNSPECIFIED", false), None);
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
            assert_eq!(encode(&decode(name, false).unwrap()), name);
        }
    }
}
