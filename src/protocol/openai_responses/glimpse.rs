//! What a passthrough looks at: as little as it can. Streams are told by the event's name; only
//! terminal frames are parsed.

use bytes::Bytes;

use super::usage;
use crate::json::{Document, Value};
use crate::protocol::openai::faults;
use crate::protocol::sse::Frame;
use crate::protocol::{DecodeError, FrameInfo, Inbound, MalformedResponse, RoutingFields};

/// Headers by which clients name their conversation. Source: `clients.md`, Codex.
const SESSION_HEADERS: [&str; 4] = ["session-id", "session_id", "thread-id", "conversation_id"];

pub(super) fn peek(inbound: &Inbound<'_>) -> Result<RoutingFields, DecodeError> {
    let document = Document::parse_shallow(inbound.body.clone())?;
    let root = document.root();
    Ok(RoutingFields {
        continues: continues(root),
        ..RoutingFields::of_body(root, session(root, inbound))?
    })
}

/// An earlier response, or a conversation by its id or as an object.
fn continues(root: Value<'_>) -> Option<String> {
    let id = root
        .get("previous_response_id")
        .or_else(|| root.get("conversation"))?;
    text(id).or_else(|| text(id.to_document().ok()?.root().get("id")?))
}

fn text(value: Value<'_>) -> Option<String> {
    value.str().ok().map(std::borrow::Cow::into_owned)
}

fn session(root: Value<'_>, inbound: &Inbound<'_>) -> Option<String> {
    let key = root.get("prompt_cache_key").and_then(|key| key.str().ok());
    let header = |name: &&str| Some(inbound.headers.get(*name)?.to_str().ok()?.to_owned());
    key.map(std::borrow::Cow::into_owned)
        .or_else(|| SESSION_HEADERS.iter().find_map(header))
}

pub(super) fn frame(frame: &Frame) -> FrameInfo {
    match &frame.event[..] {
        b"response.completed" | b"response.incomplete" | b"response.failed" | b"error" => {
            parsed(&frame.data)
        }
        // A server without event lines; the type stands in the data.
        b"" => unnamed(&frame.data),
        name => FrameInfo {
            is_content: is_content(name),
            ..FrameInfo::default()
        },
    }
}

fn is_content(event: &[u8]) -> bool {
    event.starts_with(b"response.")
        && !matches!(
            event,
            b"response.created" | b"response.in_progress" | b"response.queued"
        )
}

fn unnamed(data: &Bytes) -> FrameInfo {
    let Ok(document) = Document::parse(data.clone()) else {
        return FrameInfo::default();
    };
    let name = document
        .root()
        .get("type")
        .and_then(|name| name.str().ok())
        .unwrap_or_default();
    match &*name {
        "response.completed" | "response.incomplete" | "response.failed" | "error" => {
            terminal(document.root())
        }
        _ => FrameInfo {
            is_content: is_content(name.as_bytes()),
            ..FrameInfo::default()
        },
    }
}

fn parsed(data: &Bytes) -> FrameInfo {
    Document::parse(data.clone()).map_or_else(
        |_| FrameInfo::default(),
        |document| terminal(document.root()),
    )
}

fn terminal(event: Value<'_>) -> FrameInfo {
    match event.get("response") {
        Some(response) => FrameInfo {
            is_last: true,
            ..of_response(response)
        },
        None => FrameInfo {
            fault: Some(faults::decode_inside(event)),
            is_end: true,
            is_last: true,
            ..FrameInfo::default()
        },
    }
}

/// A whole answer: of a body, or of a stream's terminal event.
fn of_response(response: Value<'_>) -> FrameInfo {
    let fault = match response.get("error") {
        Some(error) => Some(faults::decode_inside(error)),
        None => fails(response).then(|| faults::decode_inside(response)),
    };
    let usage = response
        .get("usage")
        .and_then(|usage| usage.to_document().ok())
        .map(|opened| usage::decode(opened.root()));
    let is_end = !has_status(response, &["in_progress", "queued"]);
    FrameInfo {
        usage,
        is_content: fault.is_none(),
        is_end,
        fault,
        stored: stored(response),
        ..FrameInfo::default()
    }
}

/// Servers that store nothing say `store: false`.
fn stored(response: Value<'_>) -> Option<String> {
    let is_stored = response.get("store").and_then(|store| store.bool().ok()) == Some(true);
    response.get("id").filter(|_| is_stored).and_then(text)
}

fn fails(response: Value<'_>) -> bool {
    has_status(response, &["failed", "cancelled"])
}

fn has_status(response: Value<'_>, any_of: &[&str]) -> bool {
    response
        .get("status")
        .and_then(|status| status.str().ok())
        .is_some_and(|status| any_of.contains(&&*status))
}

pub(super) fn body(body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
    let document = Document::parse_shallow(body.clone())?;
    let has_failed = document.root().get("error").is_some() || fails(document.root());
    // Errors are rare, and are read whole.
    let document = if has_failed {
        Document::parse(body.clone())?
    } else {
        document
    };
    Ok(of_response(document.root()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::{FaultKind, Usage};

    fn look(event: &'static str, data: &'static str) -> FrameInfo {
        frame(&Frame {
            event: Bytes::from_static(event.as_bytes()),
            data: Bytes::from_static(data.as_bytes()),
        })
    }

    #[test]
    fn the_names_tell_where_content_begins_and_what_ends() {
        assert_eq!(look("response.created", "{}"), FrameInfo::default());
        assert!(look("response.output_text.delta", "not even read").is_content);
        assert!(look("", r#"{"type":"response.output_text.delta"}"#).is_content);
        let end = look(
            "response.completed",
            r#"{"response":{"status":"completed","usage":{"input_tokens":3,"output_tokens":1}}}"#,
        );
        assert!(end.is_end && end.fault.is_none());
        assert_eq!(
            end.usage,
            Some(Usage {
                input: Some(3),
                output: Some(1),
                ..Usage::default()
            })
        );
    }

    #[test]
    fn what_is_stored_and_what_is_gone_on_with_is_told() {
        let end = look(
            "response.completed",
            r#"{"response":{"id":"resp_1","status":"completed","store":true}}"#,
        );
        assert_eq!(end.stored.as_deref(), Some("resp_1"));
        assert_eq!(
            look(
                "response.completed",
                r#"{"response":{"id":"resp_1","store":false}}"#
            )
            .stored,
            None
        );
        let root = |body: &'static str| {
            Document::parse_shallow(Bytes::from_static(body.as_bytes())).unwrap()
        };
        assert_eq!(
            continues(root(r#"{"previous_response_id":"resp_1"}"#).root()).as_deref(),
            Some("resp_1")
        );
        assert_eq!(
            continues(root(r#"{"conversation":{"id":"conv_1"}}"#).root()).as_deref(),
            Some("conv_1")
        );
        assert_eq!(
            continues(root(r#"{"previous_response_id":null}"#).root()),
            None
        );
    }

    #[test]
    fn both_forms_of_errors_are_seen() {
        let failed = look(
            "response.failed",
            r#"{"response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"m"}}}"#,
        );
        assert_eq!(failed.fault.unwrap().kind, FaultKind::RateLimited);
        let error = look(
            "error",
            r#"{"type":"error","code":"server_error","message":"m","param":null}"#,
        );
        assert_eq!(error.fault.unwrap().message, "m");
    }
}
