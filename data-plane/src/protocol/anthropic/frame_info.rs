//! Reads usage, end and errors of what passes through, as cheaply as possible: the event's name
//! decides whether a frame is parsed at all.
//!
//! Source: Anthropic Messages reference, "Stream".

use std::borrow::Cow;

use bytes::Bytes;

use super::{faults, usage};
use crate::canon::ServiceTier;
use crate::json::{Document, Value};
use crate::protocol::sse::Frame;
use crate::protocol::{FrameInfo, MalformedResponse};

/// Reads one frame of a stream.
pub(super) fn frame(frame: &Frame) -> FrameInfo {
    match &frame.event[..] {
        b"content_block_start" | b"content_block_delta" => content(),
        b"message_stop" => end(),
        b"message_start" | b"message_delta" | b"error" | b"" => {
            match Document::parse(frame.data.clone()) {
                Ok(document) => record(document.root(), &frame.event),
                Err(_) => FrameInfo::default(),
            }
        }
        _ => FrameInfo::default(),
    }
}

/// Reads a whole response.
///
/// # Errors
/// When the body is not JSON.
pub(super) fn body(body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
    let document = Document::parse_shallow(body.clone())?;
    let root = document.root();
    if string(root, "type").as_deref() == Some("error") {
        return Ok(error(Document::parse(body.clone())?.root()));
    }
    let usage = root.get("usage");
    let usage = usage.and_then(|usage| usage.to_document().ok());
    let usage = usage.as_ref().map(Document::root);
    Ok(FrameInfo {
        tier: usage.and_then(tier_of),
        usage: usage.map(usage::decode),
        is_content: root.get("content").is_some(),
        is_end: root.get("stop_reason").is_some(),
        ..FrameInfo::default()
    })
}

/// Reads a record. Where the frame has no event name, the data's `type` is the name.
fn record(root: Value<'_>, event: &[u8]) -> FrameInfo {
    let kind = string(root, "type").unwrap_or_default();
    let event = if event.is_empty() {
        kind.as_bytes()
    } else {
        event
    };
    match event {
        b"message_start" => usage_of(root.get("message")),
        b"message_delta" => usage_of(Some(root)),
        b"content_block_start" | b"content_block_delta" => content(),
        b"message_stop" => end(),
        b"error" => error(root),
        _ => FrameInfo::default(),
    }
}

fn content() -> FrameInfo {
    FrameInfo {
        is_content: true,
        ..FrameInfo::default()
    }
}

fn end() -> FrameInfo {
    FrameInfo {
        is_end: true,
        is_last: true,
        ..FrameInfo::default()
    }
}

fn usage_of(holder: Option<Value<'_>>) -> FrameInfo {
    let usage = holder.and_then(|holder| holder.get("usage"));
    FrameInfo {
        tier: usage.and_then(tier_of),
        usage: usage.map(usage::decode),
        ..FrameInfo::default()
    }
}

fn tier_of(usage: Value<'_>) -> Option<ServiceTier> {
    let word = usage.get("service_tier")?.str().ok()?;
    Some(ServiceTier::of(&word))
}

fn error(root: Value<'_>) -> FrameInfo {
    FrameInfo {
        fault: Some(faults::decode_error(root, None)),
        ..FrameInfo::default()
    }
}

fn string<'d>(root: Value<'d>, key: &str) -> Option<Cow<'d, str>> {
    root.get(key)?.str().ok()
}
