//! What passes through, as cheaply as it can be seen: the event's name decides whether a frame is
//! read at all.
//!
//! Source: Anthropic Messages reference, "Stream". Changes nothing.

use bytes::Bytes;
use http::StatusCode;

use super::{faults, usage};
use crate::json::{Document, Value};
use crate::protocol::sse::Frame;
use crate::protocol::{FrameInfo, MalformedResponse};

/// Looks at one frame.
pub(super) fn frame(frame: &Frame) -> FrameInfo {
    match &frame.event[..] {
        b"content_block_start" | b"content_block_delta" => FrameInfo {
            is_content: true,
            ..FrameInfo::default()
        },
        b"message_stop" => FrameInfo {
            is_end: true,
            is_last: true,
            ..FrameInfo::default()
        },
        b"message_start" | b"message_delta" | b"error" | b"" => {
            parse(&frame.data, |root| record(root, &frame.event))
        }
        _ => FrameInfo::default(),
    }
}

/// Looks at a whole answer.
pub(super) fn body(body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
    let document = Document::parse_shallow(body.clone())?;
    let root = document.root();
    if word(root, "type").as_deref() == Some("error") {
        return Ok(fault(Document::parse(body.clone())?.root()));
    }
    let is_content = root.get("content").is_some();
    let is_end = root.get("stop_reason").is_some();
    let usage = root
        .get("usage")
        .and_then(|usage| usage.to_document().ok())
        .map(|opened| usage::decode(opened.root()));
    Ok(FrameInfo {
        usage,
        is_content,
        is_end,
        ..FrameInfo::default()
    })
}

/// A record whose name, where the frame has none, stands in its data.
fn record(root: Value<'_>, event: &[u8]) -> FrameInfo {
    let kind = word(root, "type").unwrap_or_default();
    let usage = |holder: Option<Value<'_>>| {
        holder
            .and_then(|holder| holder.get("usage"))
            .map(usage::decode)
    };
    match if event.is_empty() {
        kind.as_bytes()
    } else {
        event
    } {
        b"message_start" => FrameInfo {
            usage: usage(root.get("message")),
            ..FrameInfo::default()
        },
        b"message_delta" => FrameInfo {
            usage: usage(Some(root)),
            ..FrameInfo::default()
        },
        b"content_block_start" | b"content_block_delta" => FrameInfo {
            is_content: true,
            ..FrameInfo::default()
        },
        b"message_stop" => FrameInfo {
            is_end: true,
            is_last: true,
            ..FrameInfo::default()
        },
        b"error" => fault(root),
        _ => FrameInfo::default(),
    }
}

fn fault(root: Value<'_>) -> FrameInfo {
    FrameInfo {
        fault: Some(faults::decode_record(root, None::<StatusCode>)),
        ..FrameInfo::default()
    }
}

fn word<'d>(root: Value<'d>, key: &str) -> Option<std::borrow::Cow<'d, str>> {
    root.get(key)?.str().ok()
}

fn parse(data: &Bytes, read: impl FnOnce(Value<'_>) -> FrameInfo) -> FrameInfo {
    Document::parse(data.clone())
        .map_or_else(|_| FrameInfo::default(), |document| read(document.root()))
}
