//! Token counts, both ways: `usageMetadata`.
//!
//! Source: Gemini API, `UsageMetadata`: the prompt includes cached tokens, the candidates exclude
//! thoughts.

use super::proto_json::{count, enum_name, field};
use crate::canon::Usage;
use crate::json::{Object, Value};

/// Decodes `usageMetadata`. `known` is what earlier chunks said, since some chunks leave out what
/// has not changed.
pub(super) fn decode(usage: Value<'_>, known: &Usage) -> Usage {
    let tokens = |name: &str| field(usage, name).and_then(|value| count(value).ok());
    let thoughts = tokens("thoughtsTokenCount").or(known.reasoning);
    let visible = tokens("candidatesTokenCount").or_else(|| known.visible_output());
    Usage {
        input: tokens("promptTokenCount"),
        cache_read: tokens("cachedContentTokenCount"),
        output: sum(visible, thoughts),
        reasoning: thoughts,
        tool_prompt: tokens("toolUsePromptTokenCount"),
        audio_input: audio_tokens(usage, "promptTokensDetails"),
        audio_output: audio_tokens(usage, "candidatesTokensDetails"),
        ..Usage::default()
    }
}

/// The sum of what is known; `None` where nothing is.
fn sum(visible: Option<u64>, thoughts: Option<u64>) -> Option<u64> {
    match (visible, thoughts) {
        (None, None) => None,
        (visible, thoughts) => Some(visible.unwrap_or(0).saturating_add(thoughts.unwrap_or(0))),
    }
}

fn audio_tokens(usage: Value<'_>, details: &str) -> Option<u64> {
    let is_audio = |item: &Value<'_>| {
        field(*item, "modality")
            .and_then(|modality| enum_name(modality).ok())
            .is_some_and(|modality| modality == "AUDIO")
    };
    let item = field(usage, details)?.items().ok()?.find(is_audio)?;
    count(field(item, "tokenCount")?).ok()
}

/// Writes the counts that are known.
pub(super) fn encode(usage: &Usage, object: &mut Object<'_>) {
    let counts = [
        ("promptTokenCount", usage.input),
        ("cachedContentTokenCount", usage.cache_read),
        ("candidatesTokenCount", usage.visible_output()),
        ("thoughtsTokenCount", usage.reasoning),
        ("toolUsePromptTokenCount", usage.tool_prompt),
        ("totalTokenCount", usage.total()),
    ];
    for (name, tokens) in counts {
        object.some(name, tokens, |value, tokens| value.u64(tokens));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{self, Document};

    fn read(json: &'static str, known: &Usage) -> Usage {
        decode(Document::parse(json.into()).unwrap().root(), known)
    }

    #[test]
    fn thoughts_are_output_and_counted_apart() {
        let usage = read(
            r#"{"promptTokenCount":10,"cachedContentTokenCount":"4","candidatesTokenCount":5,"thoughtsTokenCount":7,
                "toolUsePromptTokenCount":2,"totalTokenCount":24,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":3}]}"#,
            &Usage::default(),
        );
        assert_eq!(
            (usage.input, usage.cache_read, usage.output, usage.reasoning),
            (Some(10), Some(4), Some(12), Some(7))
        );
        assert_eq!((usage.tool_prompt, usage.audio_input), (Some(2), Some(3)));
        let written = json::document(|value| value.object(|object| encode(&usage, object)));
        assert_eq!(
            &written[..],
            br#"{"promptTokenCount":10,"cachedContentTokenCount":4,"candidatesTokenCount":5,"thoughtsTokenCount":7,"toolUsePromptTokenCount":2,"totalTokenCount":24}"#
        );
    }

    #[test]
    fn what_is_not_reported_stays_unknown() {
        assert_eq!(read("{}", &Usage::default()), Usage::default());
        assert_eq!(
            read(r#"{"promptTokenCount":3}"#, &Usage::default()).output,
            None
        );
    }

    #[test]
    fn a_later_chunk_may_leave_out_the_thoughts() {
        let first = read(r#"{"thoughtsTokenCount":7}"#, &Usage::default());
        assert_eq!(
            read(r#"{"candidatesTokenCount":5}"#, &first).output,
            Some(12)
        );
    }
}
