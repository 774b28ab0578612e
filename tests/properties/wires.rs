//! Requests of every dialect with everything that they can say, and random cuts of them.
//!
//! In the templates `~` is replaced by a text that stands nowhere else (`mk7q` and some odd
//! characters), and of `{"one of": […]}` one remains. What is random is chosen by a row of bytes,
//! so that a failing request shrinks.

use aerostat::canon::Request;
use aerostat::protocol::{self, DecodeError, Inbound, Operation, Protocol};
use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

/// What strings end in: what JSON has to escape, what UTF-16 splits, what looks like JSON, what
/// steers a line.
const ODD: [&str; 8] = [
    "", " é", "\"\\", "\n\u{1}", "😀", "{\"a\":", "</x>", "\u{2028}",
];

pub(super) const DIALECTS: [&str; 6] = [
    "openai_chat",
    "openai_completions",
    "openai_responses",
    "anthropic",
    "gemini",
    "ollama",
];

pub(super) fn protocol(dialect: &str) -> &'static dyn Protocol {
    protocol::by_name(dialect).expect("a dialect")
}

/// A request of that dialect: a cut of all that it can say.
pub(super) fn request(dialect: &str, chance: &[u8]) -> Value {
    let mut chance = Chance {
        bytes: chance,
        at: 0,
    };
    let mut body = template(dialect);
    choose(&mut body, &mut chance);
    prune(dialect, &mut body, &mut chance);
    let mut count = 0;
    mark(&mut body, &mut count, &mut chance);
    body
}

/// Reads a request as the dialect's decoder does.
pub(super) fn decode(dialect: &str, body: &Value) -> Result<Request, DecodeError> {
    let bytes = Bytes::from(body.to_string());
    decode_bytes(dialect, &bytes)
}

pub(super) fn decode_bytes(dialect: &str, body: &Bytes) -> Result<Request, DecodeError> {
    let headers = HeaderMap::new();
    let path_model = (dialect == "gemini").then_some("m");
    let inbound = Inbound {
        operation: Operation::Generate,
        path_model,
        query: None,
        headers: &headers,
        body,
    };
    protocol(dialect).decode_request(&inbound)
}

/// Pointers (RFC 6901) to every value below the root, outer before inner.
pub(super) fn pointers(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (format!("/{}", key.replace('/', "~1")), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, value)| (format!("/{index}"), value))
            .collect(),
        _ => Vec::new(),
    };
    let below = |(key, value): (String, &Value)| {
        let inner = pointers(value)
            .into_iter()
            .map(|rest| format!("{key}{rest}"))
            .collect::<Vec<_>>();
        std::iter::once(key).chain(inner)
    };
    children.into_iter().flat_map(below).collect()
}

/// A loss's path as a pointer: `messages[0].name` is `/messages/0/name`.
pub(super) fn pointer(path: &str) -> String {
    format!(
        "/{}",
        path.replace('[', "/").replace(']', "").replace('.', "/")
    )
}

/// The body without the value at the pointer.
pub(super) fn without(body: &Value, pointer: &str) -> Value {
    let mut body = body.clone();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer below the root");
    match body.pointer_mut(parent) {
        Some(Value::Object(members)) => drop(members.remove(&key.replace("~1", "/"))),
        Some(Value::Array(items)) => drop(items.remove(key.parse().expect("an index"))),
        _ => panic!("nothing at `{pointer}` in {body}"),
    }
    body
}

/// Random choices, one byte each; none is left after the last.
struct Chance<'c> {
    bytes: &'c [u8],
    at: usize,
}

impl Chance<'_> {
    fn next(&mut self) -> usize {
        self.at += 1;
        self.bytes.get(self.at - 1).copied().unwrap_or(0).into()
    }
}

fn choose(value: &mut Value, chance: &mut Chance<'_>) {
    if let Some(Value::Array(variants)) = value.get_mut("one of") {
        let chosen = chance.next() % variants.len();
        *value = variants.swap_remove(chosen);
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(|value| choose(value, chance)),
        Value::Array(items) => items.iter_mut().for_each(|value| choose(value, chance)),
        _ => {}
    }
}

/// Schemas, which are cut as a whole: what they say inside is not the dialects'.
const SCHEMAS: [&str; 6] = [
    "/parameters",
    "/parametersJsonSchema",
    "/input_schema",
    "/schema",
    "/responseJsonSchema",
    "/args",
];

fn is_in_schema(pointer: &str) -> bool {
    SCHEMAS
        .iter()
        .any(|schema| pointer.contains(&format!("{schema}/")))
}

/// Takes away about a third of what the dialect does not demand.
fn prune(dialect: &str, body: &mut Value, chance: &mut Chance<'_>) {
    // From the end, so that the pointers that are left stay true.
    for pointer in pointers(body).iter().rev() {
        if !is_in_schema(pointer) && chance.next() % 3 == 1 {
            let pruned = without(body, pointer);
            if decode(dialect, &pruned).is_ok() {
                *body = pruned;
            }
        }
    }
}

fn mark(value: &mut Value, count: &mut usize, chance: &mut Chance<'_>) {
    match value {
        Value::String(text) if text.contains('~') => {
            *count += 1;
            // Inside other JSON, or a URL, nothing odd.
            let odd = if text.len() == 1 {
                ODD[chance.next() % ODD.len()]
            } else {
                ""
            };
            *text = text.replace('~', &format!("mk{count}q{odd}"));
        }
        Value::Object(members) => members
            .values_mut()
            .for_each(|value| mark(value, count, chance)),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|value| mark(value, count, chance)),
        _ => {}
    }
}

pub(super) fn template(dialect: &str) -> Value {
    match dialect {
        "openai_chat" => chat(),
        "openai_completions" => completions(),
        "openai_responses" => responses(),
        "anthropic" => anthropic(),
        "gemini" => gemini(),
        "ollama" => ollama(),
        other => panic!("no template of {other}"),
    }
}

fn schema() -> Value {
    json!({"type": "object", "description": "~", "properties": {"city": {"type": "string", "description": "~"},
        "day": {"type": "integer", "enum": [7001, 7002]}}, "required": ["city"], "additionalProperties": false})
}

fn chat() -> Value {
    json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "~", "name": "~"},
            {"role": "developer", "content": [{"type": "text", "text": "~", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}]},
            {"role": "user", "name": "~", "content": [
                {"type": "text", "text": "~", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUFBQQ==", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "https://example.test/~.png"}},
                {"type": "input_audio", "input_audio": {"data": "QkJCQg==", "format": "wav"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,Q0NDQw==", "filename": "~"}},
                {"type": "file", "file": {"file_id": "file-~"}}]},
            {"role": "assistant", "name": "~", "content": {"one of": ["~", [{"type": "text", "text": "~"}]]}, "reasoning_content": "~",
                "tool_calls": [
                {"id": "call_mk901q", "type": "function", "function": {"name": "alpha", "arguments": "{\"city\":\"~\",\"n\":12345678901234567890}"}},
                {"id": "call_mk902q", "type": "custom", "custom": {"name": "beta", "input": "~"}}]},
            {"role": "tool", "tool_call_id": "call_mk902q", "content": [{"type": "text", "text": "~"}]},
            {"role": "tool", "tool_call_id": "call_mk901q", "content": "~"},
            {"role": "user", "content": "~", "unknown_member": "~"},
            {"role": "assistant", "content": null, "refusal": "~"},
            {"role": "system", "content": "~"},
            {"role": "user", "content": "~"}],
        "max_completion_tokens": 40961, "temperature": 0.1701, "top_p": 0.1702, "n": 2, "stop": {"one of": ["~", ["~", "~"]]},
        "seed": 170_003, "presence_penalty": 0.1704, "frequency_penalty": 0.1705, "logit_bias": {"170006": 17}, "logprobs": true,
        "top_logprobs": 7, "parallel_tool_calls": {"one of": [true, false]},
        "tools": [
            {"type": "function", "function": {"name": "alpha", "description": "~", "parameters": schema(), "strict": {"one of": [true, false]}}},
            {"type": "custom", "custom": {"name": "beta", "description": "~",
                "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "~"}}}}],
        "tool_choice": {"one of": ["none", "auto", "required", {"type": "function", "function": {"name": "alpha"}},
            {"type": "custom", "custom": {"name": "beta"}},
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "alpha"}}]}}]},
        "response_format": {"one of": [{"type": "text"}, {"type": "json_object"},
            {"type": "json_schema", "json_schema": {"name": "mk903q", "description": "~", "schema": schema(), "strict": true}}]},
        "reasoning_effort": {"one of": ["none", "minimal", "low", "medium", "high", "xhigh", "max"]},
        "verbosity": "low", "modalities": ["text"], "metadata": {"a": "~"}, "safety_identifier": "~", "prompt_cache_key": "~",
        "prompt_cache_options": {"mode": "implicit"}, "prompt_cache_retention": "24h", "prediction": {"type": "content", "content": "~"},
        "service_tier": "flex", "unknown_member": {"a": "~"},
    })
}

fn completions() -> Value {
    json!({
        "model": "m", "prompt": "~", "max_tokens": 40961, "temperature": 0.1701, "top_p": 0.1702, "n": 2, "stop": ["~"], "seed": 170_003,
        "presence_penalty": 0.1704, "frequency_penalty": 0.1705, "logit_bias": {"170006": 17}, "user": "~", "unknown_member": "~",
    })
}

fn responses() -> Value {
    json!({
        "model": "m", "instructions": "~",
        "input": [
            {"role": "developer", "content": [{"type": "input_text", "text": "~"}]},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "~", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
                {"type": "input_image", "image_url": "data:image/png;base64,QUFBQQ==", "detail": "low"},
                {"type": "input_image", "image_url": "https://example.test/~.png"},
                {"type": "input_image", "file_id": "file-~"},
                {"type": "input_file", "file_data": "data:application/pdf;base64,Q0NDQw==", "filename": "~"},
                {"type": "input_file", "file_url": "https://example.test/~.pdf"}]},
            {"type": "reasoning", "id": "rs_mk904q", "summary": [{"type": "summary_text", "text": "~"}, {"type": "summary_text", "text": "~"}],
                "encrypted_content": "mk905q"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "~", "annotations": []},
                {"type": "refusal", "refusal": "~"}]},
            {"type": "function_call", "call_id": "call_mk901q", "name": "alpha", "arguments": "{\"city\":\"~\",\"n\":12345678901234567890}"},
            {"type": "custom_tool_call", "call_id": "call_mk902q", "name": "beta", "input": "~"},
            {"type": "function_call", "call_id": "call_mk906q", "namespace": "group", "name": "gamma", "arguments": "{}"},
            {"type": "custom_tool_call_output", "call_id": "call_mk902q", "output": "~"},
            {"type": "function_call_output", "call_id": "call_mk901q", "output": [{"type": "input_text", "text": "~"},
                {"type": "input_image", "image_url": "data:image/png;base64,RERERA=="}]},
            {"type": "function_call_output", "call_id": "call_mk906q", "output": "~"},
            {"role": "system", "content": "~"},
            {"role": "user", "content": "~", "unknown_member": "~"}],
        "max_output_tokens": 40961, "temperature": 0.1701, "top_p": 0.1702, "top_logprobs": 7,
        "parallel_tool_calls": {"one of": [true, false]},
        "tools": [
            {"type": "function", "name": "alpha", "description": "~", "parameters": schema(), "strict": {"one of": [true, false]}},
            {"type": "custom", "name": "beta", "description": "~", "format": {"type": "grammar", "syntax": "lark", "definition": "~"}},
            {"type": "namespace", "name": "group", "description": "~",
                "tools": [{"type": "function", "name": "gamma", "description": "~", "parameters": schema()}]},
            {"type": "web_search", "external_web_access": true}],
        "tool_choice": {"one of": ["none", "auto", "required", {"type": "function", "name": "alpha"}, {"type": "custom", "name": "beta"},
            {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "alpha"}]}, {"type": "web_search"}]},
        "text": {"verbosity": "low", "format": {"one of": [{"type": "text"}, {"type": "json_object"},
            {"type": "json_schema", "name": "mk903q", "description": "~", "schema": schema(), "strict": true}]}},
        "reasoning": {"effort": {"one of": ["none", "low", "high"]}, "summary": {"one of": ["auto", "detailed"]}},
        "truncation": "auto", "metadata": {"a": "~"}, "safety_identifier": "~", "prompt_cache_key": "~", "service_tier": "flex",
        "client_metadata": {"a": "~"}, "max_tool_calls": 3, "unknown_member": {"a": "~"},
    })
}

fn anthropic() -> Value {
    json!({
        "model": "m", "max_tokens": 40961,
        "system": [{"type": "text", "text": "~", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, {"type": "text", "text": "~"}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "~", "cache_control": {"type": "ephemeral"}, "unknown_member": "~"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "QUFBQQ=="}, "transformations": {"a": "~"}},
                {"type": "image", "source": {"type": "url", "url": "https://example.test/~.png"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "Q0NDQw=="}, "title": "~",
                    "context": "~", "citations": {"enabled": true}},
                {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "~"}, "title": "~"},
                {"type": "document", "source": {"type": "file", "file_id": "file_mk907q"}}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "~", "signature": "mk905q"},
                {"type": "redacted_thinking", "data": "mk908q"},
                {"type": "text", "text": "~"},
                {"type": "tool_use", "id": "call_mk901q", "name": "alpha", "input": {"city": "~", "n": 123_456_789_012_345_678_u64}},
                {"type": "tool_use", "id": "call_mk902q", "name": "beta", "input": {}}]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "call_mk902q", "is_error": true, "content": [{"type": "text", "text": "~"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "RERERA=="}}]},
                {"type": "tool_result", "tool_use_id": "call_mk901q", "content": "~", "cache_control": {"type": "ephemeral"}},
                {"type": "text", "text": "~"}]},
            {"role": "system", "content": "~"},
            {"role": "assistant", "content": "~"},
            {"role": "user", "content": "~", "unknown_member": "~"}],
        "stop_sequences": ["~", "~"], "temperature": 0.1701, "top_p": 0.1702, "top_k": 1703,
        "tools": [
            {"name": "alpha", "description": "~", "input_schema": schema(), "strict": true, "cache_control": {"type": "ephemeral"},
                "input_examples": ["~"]},
            {"name": "beta", "input_schema": {"type": "object"}},
            {"type": "web_search_20260318", "name": "web_search", "max_uses": 3}],
        "tool_choice": {"one of": [{"type": "auto", "disable_parallel_tool_use": true}, {"type": "any"}, {"type": "none"},
            {"type": "tool", "name": "alpha", "disable_parallel_tool_use": false}]},
        "thinking": {"one of": [{"type": "adaptive", "display": "omitted"}, {"type": "enabled", "budget_tokens": 8193}, {"type": "disabled"}]},
        "output_config": {"effort": {"one of": ["low", "high", "max"]}, "format": {"type": "json_schema", "schema": schema()}},
        "metadata": {"user_id": "~"}, "service_tier": "standard_only", "cache_control": {"type": "ephemeral", "ttl": "5m"},
        "context_management": {"a": "~"}, "unknown_member": {"a": "~"},
    })
}

fn ollama() -> Value {
    json!({
        "model": "m", "keep_alive": "~", "truncate": true, "unknown_member": {"a": "~"},
        "messages": [
            {"role": "system", "content": "~"},
            {"role": "user", "content": "~", "images": ["iVBORw0KGgoAAAANSUhEUg=="]},
            {"role": "assistant", "content": "~", "thinking": "~", "tool_calls": [
                {"id": "call_mk901q", "function": {"index": 0, "name": "alpha", "arguments": {"city": "~", "n": 123_456_789_012_345_678_u64}}},
                {"function": {"index": 1, "name": "beta", "arguments": {}}}]},
            {"role": "tool", "tool_call_id": "call_mk901q", "tool_name": "alpha", "content": "~"},
            {"role": "tool", "tool_name": "beta", "content": "~", "unknown_member": "~"},
            {"role": "assistant", "content": "~"},
            {"role": "user", "content": "~"}],
        "options": {"num_predict": 40961, "temperature": 0.1701, "top_p": 0.1702, "top_k": 1703, "seed": 170_003,
            "presence_penalty": 0.1704, "frequency_penalty": 0.1705, "stop": ["~", "~"], "num_ctx": 170_009, "min_p": 0.1706},
        "tools": [
            {"type": "function", "function": {"name": "alpha", "description": "~", "parameters": schema()}},
            {"type": "function", "function": {"name": "beta", "parameters": {"type": "object"}}}],
        "think": {"one of": [true, false, "low", "high"]},
        "format": {"one of": ["json", schema()]},
        "logprobs": true, "top_logprobs": 7,
    })
}

fn gemini() -> Value {
    json!({
        "systemInstruction": {"role": "user", "parts": [{"text": "~"}, {"text": "~"}]},
        "contents": [
            {"role": "user", "parts": [
                {"text": "~", "unknownMember": "~"},
                {"inlineData": {"mimeType": "image/png", "data": "QUFBQQ==", "displayName": "~"}, "mediaResolution": {"level": "MEDIA_RESOLUTION_LOW"}},
                {"inlineData": {"mimeType": "audio/wav", "data": "QkJCQg=="}},
                {"inlineData": {"mimeType": "application/pdf", "data": "Q0NDQw=="}},
                {"fileData": {"mimeType": "video/mp4", "fileUri": "https://example.test/~"}, "videoMetadata": {"fps": 3}}]},
            {"role": "model", "parts": [
                {"text": "~", "thought": true},
                {"text": "~", "thoughtSignature": "bWs5MDU="},
                {"functionCall": {"id": "call_mk901q", "name": "alpha", "args": {"city": "~", "n": 123_456_789_012_345_678_u64}},
                    "thoughtSignature": "bWs5MDY="},
                {"functionCall": {"id": "call_mk902q", "name": "beta"}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "call_mk901q", "name": "alpha", "response": {"output": "~"}}},
                {"functionResponse": {"id": "call_mk902q", "name": "beta", "response": {"error": "~"}, "scheduling": "SILENT",
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": "RERERA=="}}]}},
                {"text": "~"}]},
            {"role": "model", "parts": [{"text": "~"}]},
            {"role": "user", "parts": [{"text": "~"}]}],
        "generationConfig": {
            "maxOutputTokens": 40961, "temperature": 0.1701, "topP": 0.1702, "topK": 1703, "seed": 170_003, "presencePenalty": 0.1704,
            "frequencyPenalty": 0.1705, "candidateCount": 2, "stopSequences": ["~", "~"], "responseLogprobs": true, "logprobs": 7,
            "thinkingConfig": {"includeThoughts": {"one of": [true, false]}, "thinkingBudget": {"one of": [0, -1, 8193]}},
            "responseMimeType": "application/json", "responseJsonSchema": schema(), "mediaResolution": "MEDIA_RESOLUTION_LOW",
            "responseModalities": ["TEXT"]},
        "tools": [{"functionDeclarations": [
            {"name": "alpha", "description": "~", "parametersJsonSchema": schema(), "response": {"type": "OBJECT"}},
            {"name": "beta", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING", "nullable": true, "description": "~"}}}}]},
            {"googleSearch": {}}],
        "toolConfig": {"functionCallingConfig": {"one of": [{"mode": "AUTO"}, {"mode": "NONE"}, {"mode": "ANY"},
            {"mode": "ANY", "allowedFunctionNames": ["alpha"]}, {"mode": "ANY", "allowedFunctionNames": ["alpha", "beta"]}]}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}], "labels": {"a": "~"},
        "serviceTier": "FLEX", "unknownMember": {"a": "~"},
    })
}

#[test]
fn every_template_can_be_read_whole() {
    for dialect in DIALECTS {
        for first in 0..8 {
            let mut body = template(dialect);
            choose(
                &mut body,
                &mut Chance {
                    bytes: &[first; 64],
                    at: 0,
                },
            );
            if let Err(error) = decode(dialect, &body) {
                panic!(
                    "{dialect}: {}",
                    error.into_fault(body.to_string().as_bytes()).message
                );
            }
        }
    }
}
