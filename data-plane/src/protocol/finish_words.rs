//! What a finish reason means, whatever the dialect: the words of servers that use other words than
//! their dialect's, and the choice that ended.
//!
//! A dialect's own table comes first. Tool calls follow from the calls that came, and an answer
//! without output succeeds only under a word that is known to end one.

use crate::canon::{Fault, FinishReason, PartHead};
use crate::json::EscapedStr;

/// What a choice has brought so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Produced {
    pub(super) has_calls: bool,
    /// Whether the arguments of a call stop in the middle.
    pub(super) has_cut_call: bool,
    pub(super) has_refusal: bool,
    /// Whether there is anything that a client could show or run; reasoning alone is not.
    pub(super) has_output: bool,
}

impl Produced {
    /// Notes a part that has content.
    pub(super) fn note(&mut self, head: &PartHead) {
        self.has_calls |= matches!(head, PartHead::ToolCall { .. });
        self.has_refusal |= *head == PartHead::Refusal;
        self.has_output |= !matches!(head, PartHead::Reasoning(_));
    }
}

/// What a word says by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Ended(FinishReason),
    /// The upstream gave up: what came is no answer.
    Failed,
}

/// Words of other makers, in lower case, by the meaning that they share.
///
/// Source: Text Generation Inference (`eos_token`, `stop_sequence`), Mistral (`model_length`,
/// `error`), Together (`eos`), Cohere (`complete`), DeepSeek (`insufficient_system_resource`),
/// Zhipu (`sensitive`, `network_error`), vLLM (`abort`), OpenRouter (`error`): their references,
/// `finish_reason`. The rest are the four dialects' own words, which relays pass on in another.
#[rustfmt::skip]
const WORDS: [(&[&str], Meaning); 9] = [
    (&["stop", "end_turn", "eos", "eos_token", "end", "complete", "completed"], Meaning::Ended(FinishReason::End)),
    (&["stop_sequence"], Meaning::Ended(FinishReason::StopSequence)),
    (&["tool_calls", "tool_call", "tool_use", "function_call"], Meaning::Ended(FinishReason::ToolCalls)),
    (&["length", "max_tokens", "max_output_tokens", "model_length", "incomplete"], Meaning::Ended(FinishReason::Length)),
    (&["model_context_window_exceeded", "context_length_exceeded"], Meaning::Ended(FinishReason::ContextFull)),
    (&[
        "content_filter", "safety", "sensitive", "recitation", "blocklist", "prohibited_content", "spii",
        "language", "model_armor", "image_safety", "image_prohibited_content", "image_recitation", "image_other",
    ], Meaning::Ended(FinishReason::Filtered)),
    (&["refusal"], Meaning::Ended(FinishReason::Refusal)),
    (&["pause_turn"], Meaning::Ended(FinishReason::Paused)),
    (&[
        "error", "abort", "aborted", "failed", "cancelled", "insufficient_system_resource", "network_error",
        "engine_overloaded",
    ], Meaning::Failed),
];

/// The meaning of a word that a dialect's own table does not have.
pub(super) fn foreign(word: &EscapedStr) -> Meaning {
    let lower = word.to_plain().to_ascii_lowercase();
    WORDS
        .iter()
        .find(|(words, _)| words.contains(&&*lower))
        .map_or_else(
            || Meaning::Ended(FinishReason::Other(word.clone())),
            |(_, meaning)| meaning.clone(),
        )
}

/// Why a choice ended, by what its word means and what it brought. `word` and `detail` are the
/// upstream's, for the message of a failure.
///
/// # Errors
/// When the upstream gave up, or ended without output under a word that does not end an answer.
pub(super) fn settle(
    meaning: Meaning,
    produced: Produced,
    word: &EscapedStr,
    detail: Option<&EscapedStr>,
) -> Result<FinishReason, Fault> {
    let reason = match meaning {
        Meaning::Ended(reason) => reason,
        Meaning::Failed => return Err(failure("the upstream ended the answer", word, detail)),
    };
    match reason {
        FinishReason::Other(_) if !produced.has_output => {
            Err(failure("the upstream gave no answer", word, detail))
        }
        FinishReason::End
        | FinishReason::StopSequence
        | FinishReason::ToolCalls
        | FinishReason::Other(_)
            if produced.has_calls =>
        {
            // Some servers say so too where the limit cut the call off (vLLM, Ollama).
            Ok(match produced.has_cut_call {
                true => FinishReason::Length,
                false => FinishReason::ToolCalls,
            })
        }
        FinishReason::End | FinishReason::ToolCalls if produced.has_refusal => {
            Ok(FinishReason::Refusal)
        }
        FinishReason::ToolCalls => Ok(FinishReason::End),
        reason => Ok(reason),
    }
}

/// The longest word that is repeated in a message.
const WORD_CHARS_MAX: usize = 64;

fn failure(what: &str, word: &EscapedStr, detail: Option<&EscapedStr>) -> Fault {
    let word: String = word.to_plain().chars().take(WORD_CHARS_MAX).collect();
    let detail = detail.map(|detail| super::redaction::redacted(&detail.to_plain()));
    let message = match detail.filter(|detail| !detail.is_empty()) {
        Some(detail) => format!("{what} with the finish reason `{word}`: {detail}"),
        None => format!("{what} with the finish reason `{word}`; ask again or change the request"),
    };
    Fault::upstream(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Produced = Produced {
        has_calls: false,
        has_cut_call: false,
        has_refusal: false,
        has_output: false,
    };
    const TEXT: Produced = Produced {
        has_output: true,
        ..NOTHING
    };
    const CALLS: Produced = Produced {
        has_calls: true,
        ..TEXT
    };

    fn settled(word: &'static str, produced: Produced) -> Option<FinishReason> {
        let word = EscapedStr::from(word);
        settle(foreign(&word), produced, &word, None).ok()
    }

    #[test]
    fn calls_make_a_reason_of_any_word_that_ends() {
        for word in [
            "STOP",
            "FUNCTION_CALL",
            "eos_token",
            "stop_sequence",
            "later",
        ] {
            assert_eq!(
                settled(word, CALLS),
                Some(FinishReason::ToolCalls),
                "{word}"
            );
        }
        assert_eq!(settled("MAX_TOKENS", CALLS), Some(FinishReason::Length));
        assert_eq!(
            settled("content_filter", CALLS),
            Some(FinishReason::Filtered)
        );
    }

    #[test]
    fn a_word_that_ends_no_answer_fails_without_output() {
        assert_eq!(settled("NO_IMAGE", NOTHING), None);
        assert_eq!(
            settled("later", TEXT),
            Some(FinishReason::Other("later".into()))
        );
        assert_eq!(settled("stop", NOTHING), Some(FinishReason::End));
    }

    #[test]
    fn an_upstream_that_gave_up_fails_with_output_too() {
        assert_eq!(settled("insufficient_system_resource", TEXT), None);
        assert_eq!(settled("error", CALLS), None);
    }
}
