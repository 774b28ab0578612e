//! Literal wire JSON in, literal expectations out, read against the Chat Completions reference.
#![expect(
    clippy::needless_pass_by_value,
    reason = "literals read better without borrows"
)]

mod answers_decoded;
mod answers_encoded;
mod requests;
mod rest;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use serde_json::{Value as Json, json};

use super::{DIALECT, OpenaiChat};
use crate::canon::*;
use crate::protocol::{
    DecodeContext, DecodeError, Inbound, Operation, Protocol, ResponseContext, StreamEnd, Target,
};

fn decode(body: &Json) -> Result<Request, DecodeError> {
    let body = Bytes::from(body.to_string());
    let headers = HeaderMap::new();
    let inbound = Inbound {
        operation: Operation::Generate,
        path_model: None,
        query: None,
        headers: &headers,
        body: &body,
    };
    OpenaiChat.decode_request(&inbound)
}

fn refusal_of(body: &Json) -> String {
    decode(body)
        .unwrap_err()
        .into_fault(body.to_string().as_bytes())
        .message
}

fn target(stream: bool) -> Target<'static> {
    Target {
        operation: Operation::Generate,
        provider: "lab",
        maker: crate::protocol::Maker::Unknown,
        model: "gpt-4.1",
        stream,
        output_tokens_max: None,
    }
}

/// The request on the wire, and the losses as `dropped path`.
fn encode(request: &Request, stream: bool) -> (Json, Result<Vec<String>, String>) {
    encode_for(request, &target(stream))
}

fn encode_for(request: &Request, target: &Target<'_>) -> (Json, Result<Vec<String>, String>) {
    let mut losses = Losses::default();
    let encoded = OpenaiChat.encode_request(request, target, &mut losses);
    let wire = serde_json::from_slice(encoded.wire.body.whole()).unwrap();
    let losses = losses.resolve(&request.body);
    let line = |loss: Loss| {
        format!(
            "{} {}",
            format!("{:?}", loss.kind).to_lowercase(),
            loss.path
        )
    };
    (
        wire,
        losses
            .map(|losses| losses.into_iter().map(line).collect())
            .map_err(|refusal| refusal.why),
    )
}

/// What a Chat upstream is sent for what a Chat client said.
fn translate(body: &Json) -> (Json, Vec<String>) {
    let (wire, losses) = encode(&decode(body).unwrap(), false);
    (wire, losses.unwrap())
}

fn with_messages(messages: Json) -> Json {
    json!({"model": "m", "messages": messages})
}

fn answering() -> DecodeContext {
    DecodeContext {
        request_id: "r1".into(),
        ..DecodeContext::default()
    }
}

fn sse_of(chunks: &[Json]) -> String {
    chunks
        .iter()
        .map(|chunk| format!("data: {chunk}\n\n"))
        .collect::<String>()
        + "data: [DONE]\n\n"
}

fn events(stream: &[u8], chunk_bytes: usize) -> Vec<Event> {
    let mut decoder = OpenaiChat.stream_decoder(&answering());
    let mut out = Vec::new();
    for chunk in stream.chunks(chunk_bytes.max(1)) {
        if let Err(malformed) = decoder.push(Bytes::copy_from_slice(chunk), &mut out) {
            out.push(Event::Failed(malformed.into()));
            return out;
        }
    }
    decoder.finish(&mut out);
    out
}

fn fold(events: Vec<Event>) -> Result<Response, Fault> {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

fn chunk(delta: Json, finish: Json) -> Json {
    json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "up", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
}

/// `text:hi call_1/f:{}` of the first choice.
fn sketch(response: &Response) -> String {
    let line = |part: &ResponsePart| match &part.head {
        PartHead::Text => format!("text:{}", part.text().to_plain()),
        PartHead::Refusal => format!("refusal:{}", part.text().to_plain()),
        PartHead::Reasoning(_) => format!("reasoning:{}", part.text().to_plain()),
        PartHead::ToolCall { id, name, .. } => format!(
            "{}/{}:{}",
            id.to_plain(),
            name.to_plain(),
            part.text().to_plain()
        ),
        PartHead::Media { mime } => format!("{}:{}", mime.to_plain(), part.text().to_plain()),
        PartHead::Hosted { .. } => "hosted".into(),
    };
    response.choices[0]
        .parts
        .iter()
        .map(line)
        .collect::<Vec<_>>()
        .join(" ")
}

fn call(fragment: Json) -> Json {
    chunk(json!({"tool_calls": [fragment]}), Json::Null)
}

fn interleaved() -> String {
    sse_of(&[
        json!({"choices": [], "prompt_filter_results": []}),
        chunk(
            json!({"role": "assistant", "content": "", "reasoning_content": "h\u{fc}m"}),
            Json::Null,
        ),
        chunk(json!({"content": "so"}), Json::Null),
        call(
            json!({"index": 0, "id": "call_a", "type": "function", "function": {"name": "f", "arguments": ""}}),
        ),
        call(
            json!({"index": 1, "id": "call_b", "type": "function", "function": {"name": "g", "arguments": "{\"b\""}}),
        ),
        call(json!({"index": 0, "function": {"arguments": "{\"a\":"}})),
        call(json!({"index": 1, "function": {"arguments": ":2}"}})),
        call(json!({"index": 0, "function": {"arguments": "1}"}})),
        chunk(json!({}), json!("stop")),
        json!({"id": "chatcmpl-1", "choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}}),
    ])
}

fn ask_with<T>(
    request: &Request,
    dialect: &str,
    use_it: impl FnOnce(&ResponseContext<'_>) -> T,
) -> T {
    let dialect = if dialect == DIALECT.name() {
        DIALECT
    } else {
        Dialect::named("anthropic")
    };
    let origin = Origin {
        dialect,
        provider: "lab".into(),
        model: "up".into(),
    };
    use_it(&ResponseContext {
        request,
        operation: Operation::Generate,
        query: None,
        origin: &origin,
        request_id: "r1",
        received_at: Duration::from_secs(9),
        completed_at: Duration::from_secs(9),
    })
}

/// The records of a client's stream, without their common head.
fn encoded(request: &Request, events: &[Event]) -> Vec<String> {
    let mut out = BytesMut::new();
    ask_with(request, "anthropic", |ask| {
        let mut encoder = OpenaiChat.stream_encoder(ask);
        events
            .iter()
            .for_each(|event| encoder.push(event, &mut out));
        assert_eq!(encoder.finish(&mut out), StreamEnd::Clean);
    });
    let head = r#"{"id":"chatcmpl-r1","object":"chat.completion.chunk","created":9,"model":"up","choices":"#;
    let text = String::from_utf8(out.to_vec()).unwrap();
    text.split_terminator("\n\n")
        .map(|record| record.strip_prefix("data: ").unwrap().replace(head, ""))
        .collect()
}

fn answer() -> Vec<Event> {
    let at = |part| PartIndex { choice: 0, part };
    let call = |id: &str| PartHead::ToolCall {
        id: id.into(),
        name: "f".into(),
        namespace: None,
        free: false,
    };
    vec![
        Event::Start(Start::default()),
        Event::PartStart {
            at: at(0),
            head: PartHead::Reasoning(ReasoningForm::Full),
        },
        Event::Delta {
            at: at(0),
            text: "hm".into(),
        },
        Event::Signature {
            at: at(0),
            value: "secret".into(),
        },
        Event::PartEnd { at: at(0) },
        Event::PartStart {
            at: at(1),
            head: PartHead::Text,
        },
        Event::Delta {
            at: at(1),
            text: "hi".into(),
        },
        Event::PartEnd { at: at(1) },
        Event::PartStart {
            at: at(2),
            head: call("c1"),
        },
        Event::Signature {
            at: at(2),
            value: "secret".into(),
        },
        Event::Delta {
            at: at(2),
            text: "{}".into(),
        },
        Event::PartEnd { at: at(2) },
        Event::Usage(Usage {
            input: Some(4),
            output: Some(2),
            reasoning: Some(1),
            ..Usage::default()
        }),
        Event::Finish {
            choice: 0,
            reason: FinishReason::ToolCalls,
            sequence: None,
            detail: None,
        },
    ]
}
