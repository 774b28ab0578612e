//! The dialect as its clients and upstreams see it: literal wire JSON in, literal expectations out.

mod embeddings;
mod requests_decoded;
mod requests_encoded;
mod responses_decoded;
mod responses_encoded;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;

use super::{DIALECT, Gemini};
use crate::canon::{
    CacheBreakpoint, Dialect, Effort, Embedding, Embeddings, Event, FaultKind, FinishReason, Fold,
    Format, Located, LossKind, Losses, Media, MediaKind, MediaSource, Offset, Origin, Part,
    PartHead, PartIndex, PartKind, Reasoning, ReasoningDisplay, ReasoningForm, ReasoningMode,
    Request, Response, Role, SchemaFormat, Signature, Start, Tool, ToolChoice, ToolInput, ToolKind,
    ToolResult, Turn, Unknown, Usage,
};
use crate::json::{EscapedStr, Raw};
use crate::protocol::{
    DecodeContext, DecodeError, EmbedProtocol as _, Encoded, Inbound, Operation, PassthroughState,
    Protocol as _, ResponseContext, StreamEnd, Target, envelope,
};

fn decode_as(operation: Operation, body: &str) -> Result<Request, DecodeError> {
    let headers = HeaderMap::new();
    let body = Bytes::copy_from_slice(body.as_bytes());
    Gemini.decode_request(&Inbound {
        operation,
        path_model: Some("m"),
        query: None,
        headers: &headers,
        body: &body,
    })
}

fn decode(body: &str) -> Request {
    decode_as(Operation::Generate, body).unwrap()
}

fn refusal(body: &str) -> String {
    decode_as(Operation::Generate, body)
        .unwrap_err()
        .into_fault(body.as_bytes())
        .message
}

fn target(model: &str) -> Target<'_> {
    Target {
        operation: Operation::Generate,
        provider: "google",
        maker: crate::protocol::Maker::Unknown,
        model,
        stream: false,
        output_tokens_max: None,
    }
}

fn encode(request: &Request, model: &str) -> (String, Losses) {
    let mut losses = Losses::default();
    let Encoded { wire, .. } = Gemini.encode_request(request, &target(model), &mut losses);
    (
        String::from_utf8(wire.body.whole().to_vec()).unwrap(),
        losses,
    )
}

fn contents(request: &Request, model: &str) -> String {
    let body = encode(request, model).0;
    let value: serde_json::Value = serde_json::from_str(&body).unwrap();
    value["contents"].to_string()
}

fn noted(losses: Losses, body: &[u8]) -> Vec<String> {
    let symbol = |kind| match kind {
        LossKind::Dropped => "-",
        LossKind::Adjusted => "~",
        LossKind::Added => "+",
    };
    losses
        .resolve(body)
        .unwrap()
        .into_iter()
        .map(|loss| format!("{}{}", symbol(loss.kind), loss.path))
        .collect()
}

const SPOT: Offset = Offset(0);

fn turn(role: Role, parts: Vec<Part>) -> Turn {
    Turn {
        role,
        parts,
        name: None,
        at: SPOT,
    }
}

fn user(text: &str) -> Turn {
    turn(Role::User, vec![Part::text(text.into(), SPOT)])
}

fn call(id: &str, name: &str) -> Part {
    let input = ToolInput::Json(Raw::from_static(r#"{"n":12345678901234567890}"#));
    Part::new(
        PartKind::ToolCall {
            id: id.into(),
            name: name.into(),
            namespace: None,
            input,
        },
        SPOT,
    )
}

fn result(id: &str, text: &str) -> Part {
    let parts = vec![Part::text(text.into(), SPOT)];
    Part::new(
        PartKind::ToolResult(ToolResult {
            call_id: id.into(),
            name: None,
            parts,
            is_error: false,
        }),
        SPOT,
    )
}

fn reasoning(text: Option<&str>, signature: Option<Signature>) -> Part {
    let texts = text.into_iter().map(EscapedStr::from).collect();
    Part {
        signature,
        ..Part::new(
            PartKind::Reasoning {
                form: ReasoningForm::Full,
                texts,
            },
            SPOT,
        )
    }
}

fn signature(provider: &str, value: &str) -> Signature {
    Signature {
        origin: Origin {
            dialect: DIALECT,
            provider: provider.into(),
            model: String::new(),
        },
        value: value.into(),
    }
}

fn located<T>(value: T) -> Option<Located<T>> {
    Some(Located::new(value, SPOT))
}

fn ask_for(turns: Vec<Turn>) -> Request {
    Request {
        turns,
        ..Request::default()
    }
}

const STREAM: &str = concat!(
    "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"hm\",\"thought\":true}]},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":5},\"modelVersion\":\"g\",\"responseId\":\"r\"}\r\n\r\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"H\u{e9}\"}]}}]}\n\n",
    ": ping\n\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"llo\"},{\"text\":\"\",\"thoughtSignature\":\"c2ln\"}]}}]}\n\n",
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\": [1.50]}},\"thoughtSignature\":\"Zg==\"},{\"functionCall\":{\"id\":\"x\",\"name\":\"g\"}}]},\"finishReason\":\"STOP\"}],",
    "\"usageMetadata\":{\"promptTokenCount\":5,\"candidatesTokenCount\":2,\"thoughtsTokenCount\":3,\"totalTokenCount\":10}}\n\n",
);

fn decode_context() -> DecodeContext {
    DecodeContext {
        request_id: "req".into(),
        ..DecodeContext::default()
    }
}

fn read(chunks: &[&[u8]]) -> Vec<Event> {
    let (mut decoder, mut events) = (Gemini.stream_decoder(&decode_context()), Vec::new());
    for chunk in chunks {
        if let Err(malformed) = decoder.push(Bytes::copy_from_slice(chunk), &mut events) {
            events.push(Event::Failed(malformed.into()));
            return events;
        }
    }
    decoder.finish(&mut events);
    events
}

fn fold(events: Vec<Event>) -> Response {
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish().unwrap()
}

fn failure(events: &[Event]) -> Option<FaultKind> {
    match events.last() {
        Some(Event::Failed(fault)) => Some(fault.kind),
        _ => None,
    }
}
