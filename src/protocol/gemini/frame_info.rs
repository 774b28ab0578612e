//! A look at answers that pass through: usage, end and errors, without reading the rest.
//!
//! Keys are found by their bytes: inside a string their quotes would be escaped. Nothing here is
//! translated.

use bytes::Bytes;
use memchr::memmem;

use super::{faults, usage};
use crate::canon::{Fault, Usage};
use crate::json::Document;
use crate::protocol::objects::Objects;
use crate::protocol::{FrameInfo, MalformedResponse};

/// Looks at a whole answer.
pub(super) fn body(body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
    Document::parse_shallow(body.clone())?;
    Ok(look(body))
}

/// Looks at one chunk or at a whole answer.
pub(super) fn look(data: &Bytes) -> FrameInfo {
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
    if !after_key(data, b"\"error\"").is_some_and(|rest| rest.starts_with(b"{")) {
        return None;
    }
    let document = Document::parse(data.clone()).ok()?;
    faults::error_of(document.root()).map(|error| faults::decode(error, None))
}

fn is_end(data: &[u8]) -> bool {
    let names_a_reason = |key: &[u8]| {
        after_key(data, key).is_some_and(|rest| rest.starts_with(b"\"") && !is_unspecified(rest))
    };
    names_a_reason(b"\"finishReason\"") || names_a_reason(b"\"blockReason\"")
}

fn is_unspecified(word: &[u8]) -> bool {
    word.starts_with(b"\"FINISH_REASON_UNSPECIFIED\"")
        || word.starts_with(b"\"BLOCK_REASON_UNSPECIFIED\"")
}

/// Usage is cumulative: the last counts.
fn last_usage(data: &[u8]) -> Option<Usage> {
    let start = memmem::rfind(data, b"\"usageMetadata\"")?;
    let rest = after_key(&data[start..], b"\"usageMetadata\"")?;
    let mut found = None;
    // What follows the object is none of our business, and refused.
    let _ = Objects::default().push(rest, |object| {
        found.get_or_insert(object);
        Ok(())
    });
    let document = Document::parse(found?).ok()?;
    Some(usage::decode(document.root(), &Usage::default())).filter(|usage| !usage.is_unknown())
}

/// What follows a key and its colon.
fn after_key<'d>(data: &'d [u8], key: &[u8]) -> Option<&'d [u8]> {
    let start = memmem::find(data, key)? + key.len();
    data[start..]
        .trim_ascii_start()
        .strip_prefix(b":")
        .map(<[u8]>::trim_ascii_start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::FaultKind;

    #[test]
    fn a_chunk_tells_its_usage_and_end() {
        let chunk = r#"{"candidates": [{"content": {"parts": [{"text": "\"finishReason\": \"STOP\""}]}}],
            "usageMetadata": {"promptTokenCount": 3}, "modelVersion": "m"}"#;
        let glimpse = look(&chunk.into());
        assert_eq!(glimpse.usage.unwrap().input, Some(3));
        assert!(glimpse.is_content && !glimpse.is_end);
        assert!(look(&r#"{"candidates":[{"finishReason":"STOP"}]}"#.into()).is_end);
        assert!(look(&r#"{"promptFeedback":{"blockReason": "SAFETY"}}"#.into()).is_end);
    }

    #[test]
    fn only_an_error_of_the_answer_itself_is_one() {
        let error = r#"[{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}]"#;
        assert_eq!(
            look(&error.into()).fault.unwrap().kind,
            FaultKind::Overloaded
        );
        let argument = r#"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"error":{"a":1}}}}]}}]}"#;
        assert_eq!(look(&argument.into()).fault, None);
    }
}
