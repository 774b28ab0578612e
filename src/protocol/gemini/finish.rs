//! Why an answer ended: one table, both ways.
//!
//! Source: Gemini API, `Candidate.FinishReason`; `translation.md` section 6.

use crate::canon::FinishReason;
use crate::json::EscapedStr;

/// What an upstream's word means. `None` = the candidate goes on.
///
/// `STOP` after calls means that their results are awaited: Gemini has no word of its own for that.
pub(super) fn decode(word: &str, has_calls: bool) -> Option<FinishReason> {
    Some(match word {
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

/// The word for a client.
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
        for word in [
            "STOP",
            "MAX_TOKENS",
            "SAFETY",
            "MALFORMED_FUNCTION_CALL",
            "OTHER",
        ] {
            assert_eq!(encode(&decode(word, false).unwrap()), word);
        }
    }
}
