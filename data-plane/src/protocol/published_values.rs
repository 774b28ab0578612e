//! Every value of an enum that a client gets is one of its own dialect's, whatever an upstream says.
//!
//! Source of the sets: the four references, "Response"; they are what the official SDKs type.

use std::borrow::Cow;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use serde_json::{Value, json};

use super::{DecodeContext, Operation, Protocol, ResponseContext, by_name};
use crate::canon::{Blame, Event, Fault, FaultKind, Losses, Origin, Request, Response};

const UPSTREAMS: [&str; 4] = ["openai_chat", "openai_responses", "anthropic", "gemini"];
const CLIENTS: [&str; 6] = [
    "openai_chat",
    "openai_completions",
    "openai_responses",
    "anthropic",
    "gemini",
    "ollama",
];

/// Words of all dialects, of servers that keep to none, and of no server yet.
const WORDS: [&str; 36] = [
    "stop",
    "length",
    "tool_calls",
    "function_call",
    "content_filter",
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
    "compaction",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "LANGUAGE",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
    "IMAGE_SAFETY",
    "NO_IMAGE",
    "UNEXPECTED_TOOL_CALL",
    "TOO_MANY_TOOL_CALLS",
    "MISSING_THOUGHT_SIGNATURE",
    "FUNCTION_CALL",
    "eos_token",
    "max_output_tokens",
    "insufficient_system_resource",
    "completed",
    "incomplete",
    "LATER_WORD",
    "later word",
];

const TIERS: [&str; 11] = [
    "standard",
    "priority",
    "batch",
    "auto",
    "default",
    "flex",
    "scale",
    "FLEX",
    "STANDARD",
    "on_demand",
    "later",
];

/// The codes of a failed response. Source: openai-python `types/responses/response_error.py`.
#[rustfmt::skip]
const RESPONSES_CODES: [&str; 21] = [
    "server_error", "rate_limit_exceeded", "invalid_prompt", "data_residency_mismatch", "bio_policy",
    "misalignment_policy_violation", "vector_store_timeout", "invalid_image", "invalid_image_format",
    "invalid_base64_image", "invalid_image_url", "image_too_large", "image_too_small", "image_parse_error",
    "image_content_policy_violation", "invalid_image_mode", "image_file_too_large",
    "unsupported_image_media_type", "empty_image_file", "failed_to_download_image", "image_file_not_found",
];

/// Words about safety and media. Source: google-genai `types.py`, `BlockedReason`, `HarmCategory`,
/// `HarmProbability`, `MediaModality`.
#[rustfmt::skip]
const BLOCK_REASONS: [&str; 7] = [
    "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK",
];
const HARM_CATEGORIES: [&str; 5] = [
    "HARM_CATEGORY_HARASSMENT",
    "HARM_CATEGORY_HATE_SPEECH",
    "HARM_CATEGORY_SEXUALLY_EXPLICIT",
    "HARM_CATEGORY_DANGEROUS_CONTENT",
    "HARM_CATEGORY_CIVIC_INTEGRITY",
];
const HARM_PROBABILITIES: [&str; 4] = ["NEGLIGIBLE", "LOW", "MEDIUM", "HIGH"];
const MODALITIES: [&str; 5] = ["TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Nothing,
    Text,
    Call,
    CutCall,
}

const CONTENTS: [Content; 4] = [
    Content::Nothing,
    Content::Text,
    Content::Call,
    Content::CutCall,
];

/// A whole answer of an upstream.
fn answer(upstream: &str, word: &str, tier: &str, content: Content) -> Value {
    let arguments = if content == Content::CutCall {
        "{\"a\":\"b"
    } else {
        "{}"
    };
    let has_call = matches!(content, Content::Call | Content::CutCall);
    let text = if content == Content::Text { "hi" } else { "" };
    match upstream {
        "openai_chat" => {
            let mut message = json!({"role": "assistant", "content": text});
            if has_call {
                let function = json!({"name": "f", "arguments": arguments});
                message["tool_calls"] =
                    json!([{"id": "c", "type": "function", "function": function}]);
            }
            json!({"id": "x", "service_tier": tier, "choices": [
                {"index": 0, "message": message, "finish_reason": word}]})
        }
        "openai_responses" => {
            let mut output = Vec::new();
            if content == Content::Text {
                output.push(json!({"type": "message", "id": "m", "content": [
                    {"type": "output_text", "text": text, "annotations": []}]}));
            }
            if has_call {
                output.push(json!({"type": "function_call", "id": "f", "call_id": "c",
                    "name": "f", "arguments": arguments}));
            }
            let status = if matches!(word, "stop" | "completed" | "STOP") {
                "completed"
            } else {
                "incomplete"
            };
            json!({"id": "resp_x", "status": status, "service_tier": tier, "output": output,
                "incomplete_details": {"reason": word}})
        }
        "anthropic" => {
            let mut blocks = vec![json!({"type": "text", "text": text})];
            if has_call {
                blocks.push(json!({"type": "tool_use", "id": "c", "name": "f", "input": {}}));
            }
            json!({"id": "msg_x", "type": "message", "role": "assistant", "model": "m",
                "content": blocks, "stop_reason": word,
                "usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": tier}})
        }
        _ => {
            let mut parts = vec![json!({"text": text})];
            if has_call {
                parts.push(json!({"functionCall": {"name": "f", "args": {}}}));
            }
            json!({"candidates": [{"content": {"role": "model", "parts": parts},
                "finishReason": word}]})
        }
    }
}

fn decoded(upstream: &dyn Protocol, body: &Value) -> Result<Response, Fault> {
    let context = DecodeContext {
        request_id: "r".into(),
        ..DecodeContext::default()
    };
    upstream.decode_response(Bytes::from(body.to_string()), &context)
}

/// What a client gets: the whole answer, and the records of its stream.
fn encoded(client: &dyn Protocol, upstream: &dyn Protocol, response: &Response) -> Vec<Value> {
    let whole = with_context(upstream, |context| {
        let body = client.encode_response(response, context, &mut Losses::default());
        body.unwrap_or_else(|fault| client.encode_fault(&fault, "r").1)
    });
    std::iter::once(serde_json::from_slice(&whole).unwrap())
        .chain(streamed(client, upstream, &response.events()))
        .collect()
}

/// The records of a stream that fails.
fn failed(client: &dyn Protocol, fault: Fault) -> Vec<Value> {
    streamed(client, by_name("gemini").unwrap(), &[Event::Failed(fault)])
}

fn streamed(client: &dyn Protocol, upstream: &dyn Protocol, events: &[Event]) -> Vec<Value> {
    let mut stream = BytesMut::new();
    with_context(upstream, |context| {
        let mut encoder = client.stream_encoder(context);
        for event in events {
            encoder.push(event, &mut stream);
        }
        encoder.finish(&mut stream);
    });
    let stream = String::from_utf8(stream.to_vec()).unwrap();
    stream
        .lines()
        .filter_map(|line| line.strip_prefix("data: ").or_else(|| bare(line)))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// A record of JSON alone.
fn bare(line: &str) -> Option<&str> {
    line.starts_with('{').then_some(line)
}

fn with_context<T>(upstream: &dyn Protocol, run: impl FnOnce(&ResponseContext<'_>) -> T) -> T {
    let request = Request {
        model: "m".into(),
        body: Bytes::from_static(b"{}"),
        ..Request::default()
    };
    let origin = Origin {
        dialect: upstream.dialect(),
        provider: "p".into(),
        model: "m".into(),
    };
    run(&ResponseContext {
        request: &request,
        operation: Operation::Generate,
        query: Some("alt=sse"),
        origin: &origin,
        request_id: "r",
        received_at: Duration::from_secs(1),
        completed_at: Duration::from_secs(1),
    })
}

/// The values of an enum by its key in a client's dialect. `None` for members that are no enum.
fn published(client: &str, key: &str, parent: &str) -> Option<&'static [&'static str]> {
    Some(match (client, key, parent) {
        ("openai_chat", "finish_reason", _) => &[
            "stop",
            "length",
            "tool_calls",
            "content_filter",
            "function_call",
        ],
        ("ollama", "done_reason", _) => &["stop", "length", "content_filter"],
        ("ollama", "role", _) => &["assistant"],
        ("openai_completions", "finish_reason", _) => &["stop", "length", "content_filter"],
        ("openai_chat" | "openai_completions" | "openai_responses", "service_tier", _) => {
            &["auto", "default", "flex", "scale", "priority"]
        }
        ("openai_chat", "role", _) => &["assistant"],
        ("openai_chat", "type", "tool_calls") => &["function", "custom"],
        ("openai_responses", "status", "response" | "") => {
            &["in_progress", "completed", "incomplete", "failed"]
        }
        ("openai_responses", "status", _) => &["in_progress", "completed", "incomplete"],
        ("openai_responses", "reason", "incomplete_details") => {
            &["max_output_tokens", "content_filter"]
        }
        ("openai_responses", "code", "error") => &RESPONSES_CODES,
        ("openai_responses", "role", _) => &["assistant"],
        ("openai_responses", "type", "item" | "output") => {
            &["message", "reasoning", "function_call", "custom_tool_call"]
        }
        ("anthropic", "stop_reason", _) => &[
            "end_turn",
            "max_tokens",
            "stop_sequence",
            "tool_use",
            "pause_turn",
            "refusal",
            "model_context_window_exceeded",
            "compaction",
        ],
        ("anthropic", "service_tier", _) => &["standard", "priority", "batch"],
        ("anthropic", "role", _) => &["assistant"],
        ("anthropic", "type", "content" | "content_block") => {
            &["text", "thinking", "redacted_thinking", "tool_use"]
        }
        ("gemini", "finishReason", _) => &[
            "STOP",
            "MAX_TOKENS",
            "SAFETY",
            "OTHER",
            "MALFORMED_FUNCTION_CALL",
        ],
        ("gemini", "role", _) => &["model"],
        ("gemini", "blockReason", _) => &BLOCK_REASONS,
        ("gemini", "category", "safetyRatings") => &HARM_CATEGORIES,
        ("gemini", "probability" | "severity", "safetyRatings") => &HARM_PROBABILITIES,
        ("gemini", "modality", _) => &MODALITIES,
        ("anthropic", "category", "stop_details") => &[
            "cyber",
            "bio",
            "frontier_llm",
            "reasoning_extraction",
            "general_harms",
        ],
        ("anthropic", "type", "stop_details") => &["refusal"],
        _ => return None,
    })
}

fn check(client: &str, parent: &str, value: &Value, case: &str) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                if let (Some(set), Some(word)) = (published(client, key, parent), member.as_str()) {
                    assert!(
                        set.contains(&word),
                        "{case}: {client} gets {parent}.{key} = `{word}`"
                    );
                }
                check(client, key, member, case);
            }
        }
        Value::Array(items) => {
            for item in items {
                check(client, parent, item, case);
            }
        }
        _ => {}
    }
}

fn each_answer(
    mut take: impl FnMut(&'static dyn Protocol, Content, &str, Result<Response, Fault>),
) {
    for upstream in UPSTREAMS {
        let protocol = by_name(upstream).unwrap();
        for (number, word) in WORDS.into_iter().enumerate() {
            for content in CONTENTS {
                let tier = TIERS[number % TIERS.len()];
                let response = decoded(protocol, &answer(upstream, word, tier, content));
                take(protocol, content, word, response);
            }
        }
    }
}

#[test]
fn a_client_gets_values_of_its_own_dialect_only() {
    each_answer(|upstream, content, word, response| {
        let Ok(response) = response else { return };
        for client in CLIENTS {
            let case = format!("{} says `{word}` with {content:?}", upstream.dialect());
            for value in encoded(by_name(client).unwrap(), upstream, &response) {
                check(client, "", &value, &case);
            }
        }
    });
}

/// The word by which a client knows how its answer ended.
fn end_of(client: &str, whole: &Value) -> String {
    let end = match client {
        "openai_chat" => &whole["choices"][0]["finish_reason"],
        "openai_responses" => &whole["status"],
        "anthropic" => &whole["stop_reason"],
        _ => &whole["candidates"][0]["finishReason"],
    };
    end.as_str().unwrap_or_default().to_owned()
}

#[test]
fn calls_are_told_by_the_calls() {
    const ENDS: [&str; 6] = [
        "stop",
        "end_turn",
        "STOP",
        "FUNCTION_CALL",
        "eos_token",
        "LATER_WORD",
    ];
    let expected = [
        ("openai_chat", "tool_calls"),
        ("openai_responses", "completed"),
        ("anthropic", "tool_use"),
        ("gemini", "STOP"),
    ];
    each_answer(|upstream, content, word, response| {
        // In Responses another word is the reason for which an answer is incomplete.
        let is_responses = upstream.dialect().name() == "openai_responses";
        let ends = ENDS.contains(&word) && (!is_responses || matches!(word, "stop" | "STOP"));
        if content != Content::Call || !ends {
            return;
        }
        let response = response.unwrap();
        for (client, end) in expected {
            let whole = encoded(by_name(client).unwrap(), upstream, &response).remove(0);
            assert_eq!(
                end_of(client, &whole),
                end,
                "{} `{word}`",
                upstream.dialect()
            );
        }
    });
}

/// What Gemini says of safety and of media: a block is a filtered answer, and its words stay in its
/// own dialect, whichever they are.
#[test]
fn words_about_safety_and_media_stay_in_their_dialect() {
    let upstream = by_name("gemini").unwrap();
    let blocked = BLOCK_REASONS.into_iter().chain(["LATER_WORD"]).map(|word| {
        let feedback = json!({"blockReason": word, "safetyRatings": ratings()});
        (
            word,
            json!({"promptFeedback": feedback, "usageMetadata": media()}),
        )
    });
    let rated = HARM_CATEGORIES.map(|category| {
        let content = json!({"role": "model", "parts": [{"text": "hi"}]});
        let candidate =
            json!({"content": content, "finishReason": "STOP", "safetyRatings": ratings()});
        (
            category,
            json!({"candidates": [candidate], "usageMetadata": media()}),
        )
    });
    let ends = [
        ("openai_chat", "content_filter", "stop"),
        ("openai_responses", "incomplete", "completed"),
        ("anthropic", "refusal", "end_turn"),
        ("gemini", "SAFETY", "STOP"),
    ];
    for (word, body) in blocked.chain(rated) {
        let response = decoded(upstream, &body).unwrap();
        let is_rated = HARM_CATEGORIES.contains(&word);
        for client in CLIENTS {
            let values = encoded(by_name(client).unwrap(), upstream, &response);
            for value in &values {
                check(client, "", value, word);
                let text = value.to_string();
                let is_foreign = text.contains("HARM_CATEGORY") || text.contains("modality");
                assert!(client == "gemini" || !is_foreign, "{client}: {text}");
            }
            let end = ends.iter().find(|(name, ..)| *name == client);
            if let Some((_, filtered, ended)) = end {
                let expected = if is_rated { ended } else { filtered };
                assert_eq!(end_of(client, &values[0]), *expected, "{client} {word}");
            }
        }
    }
}

fn ratings() -> Value {
    let rate = |(category, probability): (&str, &str)| json!({"category": category, "probability": probability});
    let ratings = HARM_CATEGORIES.into_iter().zip(HARM_PROBABILITIES);
    ratings.map(rate).collect()
}

fn media() -> Value {
    let details: Value = MODALITIES
        .map(|modality| json!({"modality": modality, "tokenCount": 1}))
        .to_vec()
        .into();
    json!({"promptTokenCount": 5, "promptTokensDetails": details})
}

/// A failed response has a code of the published set, whatever failed.
#[test]
fn a_failed_response_has_a_published_code() {
    let client = by_name("openai_responses").unwrap();
    for kind in [
        FaultKind::BadRequest,
        FaultKind::ContextTooLong,
        FaultKind::QuotaSpent,
        FaultKind::RateLimited,
        FaultKind::Forbidden,
        FaultKind::Overloaded,
        FaultKind::Timeout,
        FaultKind::Internal,
    ] {
        let fault = Fault::new(kind, Blame::Provider, "x").with_code("LATER_CODE");
        let records = failed(client, fault);
        let last = records.last().unwrap();
        assert_eq!(last["type"], "response.failed");
        let code = last["response"]["error"]["code"].as_str().unwrap();
        assert!(RESPONSES_CODES.contains(&code), "{kind:?}: {code}");
    }
}

#[test]
fn a_call_that_the_limit_cut_off_says_so() {
    let expected = [
        ("openai_chat", "length"),
        ("openai_responses", "incomplete"),
        ("anthropic", "max_tokens"),
        ("gemini", "MAX_TOKENS"),
    ];
    each_answer(|upstream, content, word, response| {
        let own = match upstream.dialect().name() {
            "openai_chat" => "length",
            "openai_responses" => "max_output_tokens",
            "anthropic" => "max_tokens",
            _ => "MAX_TOKENS",
        };
        if content != Content::CutCall || word != own {
            return;
        }
        let response = response.unwrap();
        for (client, end) in expected {
            for whole in encoded(by_name(client).unwrap(), upstream, &response)
                .iter()
                .take(1)
            {
                assert_eq!(end_of(client, whole), end, "{}", upstream.dialect());
                if client == "openai_responses" {
                    let details = &whole["incomplete_details"];
                    assert_eq!(details["reason"], "max_output_tokens", "{whole}");
                    let call = whole["output"].as_array().and_then(|output| output.last());
                    let call = call.expect("the call that was cut");
                    let (kind, status) = (&call["type"], &call["status"]);
                    assert_eq!(
                        (kind, status),
                        (&"function_call".into(), &"incomplete".into())
                    );
                }
            }
        }
    });
}

#[test]
fn a_word_that_ends_no_answer_fails_where_nothing_came() {
    each_answer(|upstream, content, word, response| {
        let declines = matches!(word, "NO_IMAGE" | "OTHER" | "LATER_WORD" | "later word");
        let is_responses = upstream.dialect().name() == "openai_responses";
        if content == Content::Nothing && declines && !is_responses {
            let fault = response.unwrap_err();
            assert_eq!(fault.blame, Blame::Provider, "{word}");
            let message = fault.message.to_ascii_lowercase();
            assert!(message.contains(&word.to_ascii_lowercase()), "{message}");
        }
    });
}

#[test]
fn an_answer_that_is_incomplete_without_details_is_cut() {
    let upstream = by_name("openai_responses").unwrap();
    let body = json!({"id": "resp_x", "status": "incomplete", "output": []});
    let response = decoded(upstream, &body).unwrap();
    let whole = encoded(by_name("openai_chat").unwrap(), upstream, &response).remove(0);
    assert_eq!(end_of("openai_chat", &whole), "length");
}

/// Error types are an enum of Anthropic's, status names one of Google's; OpenAI's codes are words.
#[test]
fn errors_are_told_in_the_clients_words() {
    for (status, code) in [
        (400, "INVALID_ARGUMENT"),
        (503, "UNAVAILABLE"),
        (500, "429"),
    ] {
        let fault = Fault {
            status: Some(status),
            ..Fault::new(FaultKind::Upstream, Blame::Provider, "x").with_code(code)
        };
        let chat = body_of("openai_chat", &fault);
        assert_eq!(chat["error"]["code"], Value::Null);
        assert_eq!(body_of("anthropic", &fault)["error"]["type"], "api_error");
        assert_eq!(body_of("gemini", &fault)["error"]["status"], "INTERNAL");
    }
    let own = Fault::bad_request("x").with_code("unsupported_value");
    assert_eq!(
        body_of("openai_chat", &own)["error"]["code"],
        "unsupported_value"
    );
}

fn body_of(client: &str, fault: &Fault) -> Value {
    let (_, body) = by_name(client).unwrap().encode_fault(fault, "r");
    let text: Cow<'_, str> = String::from_utf8_lossy(&body);
    serde_json::from_str(&text).unwrap()
}

#[test]
fn a_whole_answer_without_a_finish_word_stopped_by_itself() {
    for upstream in UPSTREAMS {
        let protocol = by_name(upstream).unwrap();
        let mut body = answer(upstream, "stop", "default", Content::Text);
        match upstream {
            "openai_chat" => body["choices"][0]["finish_reason"] = Value::Null,
            "openai_responses" => body["status"] = Value::Null,
            "anthropic" => body["stop_reason"] = Value::Null,
            _ => body["candidates"][0]["finishReason"] = Value::Null,
        }
        let response = decoded(protocol, &body).unwrap();
        let chat = encoded(by_name("openai_chat").unwrap(), protocol, &response).remove(0);
        assert_eq!(end_of("openai_chat", &chat), "stop", "{upstream}");
    }
}

/// Proxies in front of an upstream of any dialect end its stream as Chat does.
#[test]
fn a_foreign_terminator_breaks_no_stream() {
    let streams = [
        (
            "gemini",
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]},\"finishReason\":\"STOP\"}]}\n\n",
        ),
        (
            "gemini",
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]}}]}\n\n",
        ),
        (
            "anthropic",
            "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}\n\n\
             data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n",
        ),
        (
            "openai_responses",
            "data: {\"type\":\"response.completed\",\"response\":{\"status\":\"completed\",\"output\":[]}}\n\n",
        ),
    ];
    for (upstream, stream) in streams {
        let context = DecodeContext {
            request_id: "r".into(),
            ..DecodeContext::default()
        };
        let mut decoder = by_name(upstream).unwrap().stream_decoder(&context);
        let mut events = Vec::new();
        let stream = Bytes::from(format!("{stream}data: [DONE]\n\n"));
        decoder.push(stream, &mut events).unwrap();
        decoder.finish(&mut events);
        let ended = matches!(events.last(), Some(Event::Finish { .. }));
        assert!(ended, "{upstream}: {:?}", events.last());
    }
}
