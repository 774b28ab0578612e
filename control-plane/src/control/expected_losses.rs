//! What a translation would lose of a request that sets what its dialect's clients usually set: found
//! by translating one.

use bytes::Bytes;
use http::HeaderMap;

use crate::canon::{Dialect, Loss, Losses};
use crate::protocol::{self, Inbound, Maker, Operation, Target};

/// Requests with the usual settings. Images, files and tools of a vendor are left out: whether those
/// pass depends on what they hold.
const USUAL: &[(&str, &str)] = &[
    (
        "openai_chat",
        r#"{"model":"m","stream":false,"messages":[{"role":"system","content":"s"},{"role":"user","content":"u","name":"n"}],
        "max_tokens":64,"temperature":1.5,"top_p":0.9,"stop":["x"],"seed":7,"presence_penalty":0.5,"frequency_penalty":0.5,
        "logit_bias":{"5":1},"user":"a","metadata":{"a":"b"},"reasoning_effort":"low","parallel_tool_calls":false,
        "response_format":{"type":"json_object"},"service_tier":"auto","store":false,
        "tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{}}}}],"tool_choice":"auto"}"#,
    ),
    (
        "openai_responses",
        r#"{"model":"m","instructions":"s","input":[{"role":"user","content":"u"}],"max_output_tokens":64,"temperature":1.5,"top_p":0.9,
        "store":false,"metadata":{"a":"b"},"reasoning":{"effort":"low","summary":"auto"},"parallel_tool_calls":false,"truncation":"auto",
        "text":{"format":{"type":"json_object"}},"include":["reasoning.encrypted_content"],"prompt_cache_key":"c","user":"a","service_tier":"auto",
        "tools":[{"type":"function","name":"f","strict":true,"parameters":{"type":"object","properties":{}}}],"tool_choice":"auto"}"#,
    ),
    (
        "anthropic",
        r#"{"model":"m","max_tokens":2048,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],
        "messages":[{"role":"user","content":"u"}],"temperature":1,"top_k":40,"stop_sequences":["x"],"metadata":{"user_id":"a"},
        "thinking":{"type":"enabled","budget_tokens":1024},"service_tier":"auto",
        "tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}"#,
    ),
    (
        "gemini",
        r#"{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"u"}]}],
        "generationConfig":{"maxOutputTokens":64,"temperature":1.5,"topP":0.9,"topK":40,"stopSequences":["x"],"seed":7,"presencePenalty":0.5,
        "frequencyPenalty":0.5,"responseMimeType":"application/json","thinkingConfig":{"thinkingBudget":1024,"includeThoughts":true}},
        "safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"BLOCK_NONE"}],
        "tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"object","properties":{}}}]}]}"#,
    ),
];

/// The fewest losses that one of the dialects that a provider speaks makes. `None` where that is not
/// known of the client's dialect.
pub(super) fn expected_losses(from: Dialect, into: &[Dialect]) -> Option<Vec<Loss>> {
    let (_, body) = USUAL.iter().find(|(name, _)| *name == from.name())?;
    let body = Bytes::from_static(body.as_bytes());
    let inbound = Inbound {
        operation: Operation::Generate,
        path_model: Some("m"),
        query: None,
        headers: &HeaderMap::new(),
        body: &body,
    };
    let request = protocol::by_name(from.name())?
        .decode_request(&inbound)
        .ok()?;
    let losses = into.iter().filter_map(|into| {
        let target = Target {
            operation: Operation::Generate,
            provider: "provider",
            maker: Maker::default(),
            model: "m",
            stream: false,
            output_tokens_max: None,
        };
        let mut losses = Losses::default();
        losses.decoded(&request);
        protocol::by_name(into.name())?.encode_request(&request, &target, &mut losses);
        losses.resolve(&body).ok()
    });
    losses.min_by_key(Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::dialects;

    #[test]
    fn every_dialect_that_clients_speak_is_translated_into_every_other() {
        for (name, _) in USUAL {
            for into in dialects().filter(|into| into.name() != *name) {
                let from = dialects().find(|dialect| dialect.name() == *name).unwrap();
                let losses = expected_losses(from, &[into]);
                assert!(losses.is_some(), "{name} into {}", into.name());
            }
        }
    }

    #[test]
    fn what_the_other_dialect_has_no_field_for_is_named() {
        let named = |name: &str| dialects().find(|dialect| dialect.name() == name).unwrap();
        let losses = expected_losses(named("openai_chat"), &[named("anthropic")]).unwrap();
        let paths: Vec<&str> = losses.iter().map(|loss| loss.path.as_str()).collect();
        assert!(
            paths.contains(&"seed") && paths.contains(&"logit_bias"),
            "{paths:?}"
        );
        let least = expected_losses(
            named("openai_chat"),
            &[named("anthropic"), named("openai_responses")],
        );
        assert!(least.unwrap().len() <= losses.len());
    }
}
