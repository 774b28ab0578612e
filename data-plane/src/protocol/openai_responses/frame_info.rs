//! Reads usage, errors and ends from a passthrough, as cheaply as they can be had.
//!
//! The name of an event tells what its frame is; only terminal frames are parsed.

use bytes::Bytes;

use super::usage;
use crate::canon::ServiceTier;
use crate::json::{Document, Value};
use crate::protocol::openai::faults;
use crate::protocol::sse::Frame;
use crate::protocol::{FrameInfo, MalformedResponse};

pub(super) fn frame(frame: &Frame) -> FrameInfo {
    let name = &frame.event[..];
    if name.is_empty() {
        return unnamed_frame(&frame.data);
    }
    if !is_terminal(name) {
        return FrameInfo {
            is_content: is_content(name),
            ..FrameInfo::default()
        };
    }
    // What cannot be parsed is passed on as it is, and tells nothing.
    match Document::parse(frame.data.clone()) {
        Ok(document) => terminal_event(document.root()),
        Err(_) => FrameInfo::default(),
    }
}

fn is_terminal(event: &[u8]) -> bool {
    matches!(
        event,
        b"response.completed" | b"response.incomplete" | b"response.failed" | b"error"
    )
}

fn is_content(event: &[u8]) -> bool {
    let is_opening = matches!(
        event,
        b"response.created" | b"response.in_progress" | b"response.queued"
    );
    event.starts_with(b"response.") && !is_opening
}

/// The frame of a server that writes no `event:` lines. Its type stands in the data.
fn unnamed_frame(data: &Bytes) -> FrameInfo {
    let Ok(document) = Document::parse(data.clone()) else {
        return FrameInfo::default();
    };
    let event = document.root();
    let name = event.get("type").and_then(|name| name.str().ok());
    let name = name.unwrap_or_default();
    if is_terminal(name.as_bytes()) {
        return terminal_event(event);
    }
    FrameInfo {
        is_content: is_content(name.as_bytes()),
        ..FrameInfo::default()
    }
}

fn terminal_event(event: Value<'_>) -> FrameInfo {
    match event.get("response") {
        Some(response) => FrameInfo {
            is_last: true,
            ..response_info(response)
        },
        None => FrameInfo {
            fault: Some(faults::decode_error(event)),
            is_end: true,
            is_last: true,
            ..FrameInfo::default()
        },
    }
}

pub(super) fn body(body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
    let document = Document::parse_shallow(body.clone())?;
    // Some servers answer with the event that they would have sent in a stream.
    let is_event = has(document.root(), "type", &["error"]);
    let has_failed =
        is_event || document.root().get("error").is_some() || is_failed(document.root());
    // Errors are rare, so parsing them twice costs little.
    let document = if has_failed {
        Document::parse(body.clone())?
    } else {
        document
    };
    Ok(if is_event {
        terminal_event(document.root())
    } else {
        response_info(document.root())
    })
}

/// What a response object tells: the whole body, or what a terminal event holds.
fn response_info(response: Value<'_>) -> FrameInfo {
    let fault = match response.get("error") {
        Some(error) => Some(faults::decode_error(error)),
        None if is_failed(response) => Some(faults::decode_error(response)),
        None => None,
    };
    let usage = response
        .get("usage")
        .and_then(|usage| usage.to_document().ok())
        .map(|usage| usage::decode(usage.root()));
    FrameInfo {
        usage,
        is_content: fault.is_none(),
        is_end: !has_status(response, &["in_progress", "queued"]),
        fault,
        stored: stored_id(response),
        tier: response
            .get("service_tier")
            .and_then(|tier| tier.str().ok())
            .map(|tier| ServiceTier::of(&tier)),
        ..FrameInfo::default()
    }
}

/// The id of a response that the provider stores. Servers that store nothing say `store: false`.
fn stored_id(response: Value<'_>) -> Option<String> {
    if !response.get("store")?.bool().ok()? {
        return None;
    }
    Some(response.get("id")?.str().ok()?.into_owned())
}

fn is_failed(response: Value<'_>) -> bool {
    has_status(response, &["failed", "cancelled"])
}

fn has_status(response: Value<'_>, any_of: &[&str]) -> bool {
    has(response, "status", any_of)
}

fn has(object: Value<'_>, key: &str, any_of: &[&str]) -> bool {
    let word = object.get(key).and_then(|word| word.str().ok());
    word.is_some_and(|word| any_of.contains(&&*word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::{FaultKind, Usage};

    fn info(event: &'static str, data: &'static str) -> FrameInfo {
        frame(&Frame {
            event: Bytes::from_static(event.as_bytes()),
            data: Bytes::from_static(data.as_bytes()),
            is_bare: false,
        })
    }

    #[test]
    fn the_names_tell_where_content_begins_and_what_ends() {
        assert_eq!(info("response.created", "{}"), FrameInfo::default());
        assert!(info("response.output_text.delta", "not even read").is_content);
        assert!(info("", r#"{"type":"response.output_text.delta"}"#).is_content);
        let end = info(
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
        let end = info(
            "response.completed",
            r#"{"response":{"id":"resp_1","status":"completed","store":true}}"#,
        );
        assert_eq!(end.stored.as_deref(), Some("resp_1"));
        assert_eq!(
            info(
                "response.completed",
                r#"{"response":{"id":"resp_1","store":false}}"#
            )
            .stored,
            None
        );
    }

    #[test]
    fn both_forms_of_errors_are_seen() {
        let failed = info(
            "response.failed",
            r#"{"response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"m"}}}"#,
        );
        assert_eq!(failed.fault.unwrap().kind, FaultKind::RateLimited);
        let error = info(
            "error",
            r#"{"type":"error","code":"server_error","message":"m","param":null}"#,
        );
        assert_eq!(error.fault.unwrap().message, "m");
        let whole = br#"{"type":"error","code":"server_error","message":"m","param":null}"#;
        let whole = body(&Bytes::from_static(whole)).unwrap();
        assert_eq!(whole.fault.unwrap().message, "m");
    }
}
