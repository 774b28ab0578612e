//! Reads usage, end and errors of what passes through, without parsing the rest.
//!
//! Keys are searched for in the bytes: inside of a JSON string their quotes would be escaped.

use bytes::Bytes;
use memchr::memmem;

use super::{faults, usage};
use crate::canon::{Fault, Usage};
use crate::json::Document;
use crate::protocol::objects::Objects;
use crate::protocol::sse::Frame;
use crate::protocol::{FrameInfo, MalformedResponse};

/// Reads one frame of a stream.
pub(super) fn frame(frame: &Frame) -> FrameInfo {
    chunk(&frame.data)
}

/// Reads a whole response.
///
/// # Errors
/// When the body is not JSON.
pub(super) fn body(body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
    Document::parse_shallow(body.clone())?;
    Ok(chunk(body))
}

fn chunk(data: &Bytes) -> FrameInfo {
    let fault = error(data);
    FrameInfo {
        usage: last_usage(data),
        is_content: memmem::find(data, b"\"parts\"").is_some(),
        is_end: fault.is_none() && is_end(data),
        is_last: false,
        fault,
        ..FrameInfo::default()
    }
}

fn error(data: &Bytes) -> Option<Fault> {
    // An argument of a call may be named `error` too, so the document decides.
    if !after_key(data, b"\"error\"")?.starts_with(b"{") {
        return None;
    }
    let document = Document::parse(data.clone()).ok()?;
    let error = faults::error_of(document.root())?;
    Some(faults::decode_error(error, None))
}

fn is_end(data: &[u8]) -> bool {
    has_reason(data, b"\"finishReason\"") || has_reason(data, b"\"blockReason\"")
}

fn has_reason(data: &[u8], key: &[u8]) -> bool {
    let Some(value) = after_key(data, key) else {
        return false;
    };
    let is_unspecified = value.starts_with(b"\"FINISH_REASON_UNSPECIFIED\"")
        || value.starts_with(b"\"BLOCK_REASON_UNSPECIFIED\"");
    value.starts_with(b"\"") && !is_unspecified
}

/// The last usage, since usage is cumulative.
fn last_usage(data: &[u8]) -> Option<Usage> {
    let start = memmem::rfind(data, b"\"usageMetadata\"")?;
    let value = after_key(&data[start..], b"\"usageMetadata\"")?;
    let mut first = None;
    // The splitter refuses what follows the object, which is the end of the chunk around it.
    let _ = Objects::default().push(value, |object| {
        first.get_or_insert(object);
        Ok(())
    });
    let document = Document::parse(first?).ok()?;
    let usage = usage::decode(document.root(), &Usage::default());
    (!usage.is_unknown()).then_some(usage)
}

/// What follows a key and its colon.
fn after_key<'d>(data: &'d [u8], key: &[u8]) -> Option<&'d [u8]> {
    let end = memmem::find(data, key)? + key.len();
    let value = data[end..].trim_ascii_start().strip_prefix(b":")?;
    Some(value.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::FaultKind;

    #[test]
    fn a_chunk_tells_its_usage_and_end() {
        let data = r#"{"candidates": [{"content": {"parts": [{"text": "\"finishReason\": \"STOP\""}]}}],
            "usageMetadata": {"promptTokenCount": 3}, "modelVersion": "m"}"#;
        let info = chunk(&data.into());
        assert_eq!(info.usage.unwrap().input, Some(3));
        assert!(info.is_content && !info.is_end);
        assert!(chunk(&r#"{"candidates":[{"finishReason":"STOP"}]}"#.into()).is_end);
        assert!(chunk(&r#"{"promptFeedback":{"blockReason": "SAFETY"}}"#.into()).is_end);
    }

    #[test]
    fn only_an_error_of_the_answer_itself_is_one() {
        let error = r#"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#;
        assert_eq!(
            chunk(&error.into()).fault.unwrap().kind,
            FaultKind::Overloaded
        );
        let argument = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"error":{"a":1}}}}]}}]}"#;
        assert_eq!(chunk(&argument.into()).fault, None);
    }
}
