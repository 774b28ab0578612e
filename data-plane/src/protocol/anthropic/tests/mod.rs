//! What the dialect does as a whole, wire in and wire out; each expectation is read against the
//! Anthropic Messages reference.

mod requests;
mod responses_decoded;
mod responses_encoded;
mod rules;

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::{Anthropic, DIALECT};
use crate::canon::{Dialect, Event, Loss, Losses, Origin, Refusal, Request};
use crate::protocol::{
    DecodeContext, DecodeError, Inbound, Operation, Protocol, ResponseContext, Target,
};

static NO_HEADERS: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

fn decode_for(operation: Operation, body: &str) -> Result<Request, DecodeError> {
    let body = Bytes::from(body.to_owned());
    Anthropic.decode_request(&Inbound {
        operation,
        path_model: None,
        query: None,
        headers: &NO_HEADERS,
        body: &body,
    })
}

fn decode(body: &str) -> Request {
    decode_for(Operation::Generate, body).unwrap()
}

/// A request of one user message, with more members.
fn request_with(members: &str) -> Request {
    decode(&format!(
        r#"{{"model":"m","max_tokens":9000,"messages":[{{"role":"user","content":"hi"}}]{members}}}"#
    ))
}

/// A request of those messages.
fn chat(messages: &str) -> Request {
    decode(&format!(
        r#"{{"model":"m","max_tokens":9000,"messages":{messages}}}"#
    ))
}

fn target(model: &str) -> Target<'_> {
    Target {
        operation: Operation::Generate,
        provider: "work",
        maker: crate::protocol::Maker::Unknown,
        model,
        stream: false,
        output_tokens_max: None,
    }
}

/// The body, and what was not carried exactly.
fn encode(
    request: &Request,
    target: &Target<'_>,
) -> Result<(serde_json::Value, Vec<String>), Refusal> {
    let mut losses = Losses::default();
    let encoded = Anthropic.encode_request(request, target, &mut losses);
    let losses = losses
        .resolve(&request.body)?
        .iter()
        .map(|Loss { path, kind }| format!("{kind:?} {path}"))
        .collect();
    Ok((
        serde_json::from_slice(encoded.wire.body.whole()).unwrap(),
        losses,
    ))
}

fn sent(request: &Request, model: &str) -> (serde_json::Value, Vec<String>) {
    encode(request, &target(model)).unwrap()
}

fn origin(dialect: &'static str) -> Origin {
    Origin {
        dialect: Dialect::named(dialect),
        provider: "work".into(),
        model: "up".into(),
    }
}

fn asking<'a>(request: &'a Request, origin: &'a Origin) -> ResponseContext<'a> {
    ResponseContext {
        request,
        operation: Operation::Generate,
        query: None,
        origin,
        request_id: "req_1",
        received_at: Duration::ZERO,
        completed_at: Duration::ZERO,
    }
}

/// A body without the members that are null; `tests/schemas` checks that they are there.
fn without_nulls(value: serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(members) => members
            .into_iter()
            .filter(|(_, member)| !member.is_null())
            .map(|(key, member)| (key, without_nulls(member)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        serde_json::Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// The events of an upstream's stream, in chunks of that length.
fn events(stream: &str, chunk_len: usize) -> Vec<Event> {
    let mut decoder = Anthropic.stream_decoder(&DecodeContext::default());
    let mut events = Vec::new();
    for chunk in stream.as_bytes().chunks(chunk_len) {
        decoder
            .push(Bytes::copy_from_slice(chunk), &mut events)
            .unwrap();
    }
    decoder.finish(&mut events);
    events
}

#[test]
fn the_dialect_is_found_by_its_name() {
    assert_eq!(
        crate::protocol::by_name("anthropic").map(Protocol::dialect),
        Some(DIALECT)
    );
}
