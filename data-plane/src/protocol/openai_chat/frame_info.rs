//! Reads usage, errors and ends from a passthrough, as cheaply as they can be had.
//!
//! A frame is searched for a few keys and parsed only where one of them tells a figure or an
//! error. Quotes inside of strings are escaped, so `"usage"` in the bytes is always a key.

use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memchr_iter;
use memchr::memmem::Finder;

use crate::canon::{ServiceTier, Usage};
use crate::json::{Document, Value, value_len};
use crate::protocol::openai::faults;
use crate::protocol::{FrameInfo, MalformedResponse, sse};

use super::usage;

/// What the presence of a key says of its frame.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KeyMeaning {
    /// The frame has to be parsed: it holds usage or an error.
    UsageOrError,
    Finish,
    Content,
}

/// The keys that matter, of Chat and of the legacy completions.
const KEYS: [(&[u8], KeyMeaning); 10] = [
    (b"\"usage\"", KeyMeaning::UsageOrError),
    (b"\"error\"", KeyMeaning::UsageOrError),
    (b"\"finish_reason\"", KeyMeaning::Finish),
    (b"\"content\"", KeyMeaning::Content),
    (b"\"tool_calls\"", KeyMeaning::Content),
    (b"\"reasoning_content\"", KeyMeaning::Content),
    (b"\"reasoning\"", KeyMeaning::Content),
    (b"\"text\"", KeyMeaning::Content),
    (b"\"refusal\"", KeyMeaning::Content),
    (b"\"function_call\"", KeyMeaning::Content),
];

// The frequent keys are searched for one by one, which is cheaper than to stop at every quote.
static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"usage\""));
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"error\""));
static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"finish_reason\""));
static TIER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"service_tier\""));
static CONTENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"content\""));

pub(in crate::protocol) fn frame(frame: &sse::Frame) -> FrameInfo {
    let data = &frame.data[..];
    if data.first() != Some(&b'{') && data.trim_ascii() == b"[DONE]" {
        return FrameInfo {
            is_end: true,
            is_last: true,
            ..FrameInfo::default()
        };
    }
    let ended = count(&FINISH, data);
    let has_usage_or_error = count(&USAGE, data) + count(&ERROR, data) > 0;
    let parsed = if has_usage_or_error {
        parse(&frame.data)
    } else {
        FrameInfo::default()
    };
    FrameInfo {
        ended,
        is_end: ended > 0,
        is_content: ended > 0 || count(&CONTENT, data) > 0 || has_content_key(data),
        ..parsed
    }
}

/// The number of occurrences of the key with a value that is not empty.
fn count(key: &Finder<'_>, mut data: &[u8]) -> u64 {
    let mut count = 0;
    while let Some(at) = key.find(data) {
        count += u64::from(key_meaning(&data[at..]).is_some());
        data = &data[at + key.needle().len()..];
    }
    count
}

fn has_content_key(data: &[u8]) -> bool {
    memchr_iter(b'"', data).any(|at| key_meaning(&data[at..]) == Some(KeyMeaning::Content))
}

/// The meaning of the key at the start of `data`. `None` for other keys, and where the value is
/// `null`, `""` or `[]`.
fn key_meaning(data: &[u8]) -> Option<KeyMeaning> {
    // Most quotes begin none of the keys.
    if !matches!(data.get(1), Some(b'c' | b'e' | b'f' | b'r' | b't' | b'u')) {
        return None;
    }
    let (key, meaning) = KEYS.iter().find(|(key, _)| data.starts_with(key))?;
    let value = data[key.len()..]
        .trim_ascii_start()
        .strip_prefix(b":")?
        .trim_ascii_start();
    let is_empty = [&b"null"[..], b"\"\"", b"[]"]
        .iter()
        .any(|empty| value.starts_with(empty));
    (!is_empty).then_some(*meaning)
}

pub(in crate::protocol) fn body(body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
    if let Some(usage) = sole_usage(body) {
        return Ok(FrameInfo {
            usage,
            tier: tier_in(body),
            is_end: true,
            is_content: true,
            ..FrameInfo::default()
        });
    }
    let document = Document::parse_shallow(body.clone())?;
    let has_error = document.root().get("error").is_some();
    // Errors are rare, so parsing them twice costs little.
    let document = if has_error {
        Document::parse(body.clone())?
    } else {
        document
    };
    let info = usage_and_fault(document.root());
    let is_answer = info.fault.is_none();
    Ok(FrameInfo {
        is_end: is_answer,
        is_content: is_answer,
        ..info
    })
}

/// The usage of an answer, where it can be read without parsing the rest: the body is an object in
/// which `usage` occurs once and `error` does not. The inner `None` = no figure is known.
///
/// `None` where the body has to be parsed.
fn sole_usage(body: &Bytes) -> Option<Option<Usage>> {
    let is_object =
        body.trim_ascii_start().starts_with(b"{") && body.trim_ascii_end().ends_with(b"}");
    let mut occurrences = USAGE.find_iter(body);
    let (at, None) = (occurrences.next()?, occurrences.next()) else {
        return None;
    };
    if !is_object || ERROR.find(body).is_some() {
        return None;
    }
    let value = body[at + USAGE.needle().len()..]
        .trim_ascii_start()
        .strip_prefix(b":")?
        .trim_ascii_start();
    if !value.starts_with(b"{") {
        return None;
    }
    let length = value_len(value)?;
    let document = Document::parse(body.slice_ref(&value[..length])).ok()?;
    Some(Some(usage::decode(document.root())).filter(|usage| !usage.is_unknown()))
}

/// What cannot be parsed is passed on as it is, and tells nothing.
fn parse(data: &Bytes) -> FrameInfo {
    match Document::parse(data.clone()) {
        Ok(document) => usage_and_fault(document.root()),
        Err(_) => FrameInfo::default(),
    }
}

fn usage_and_fault(root: Value<'_>) -> FrameInfo {
    let usage = root
        .get("usage")
        .and_then(|usage| usage.to_document().ok())
        .map(|opened| usage::decode(opened.root()));
    FrameInfo {
        usage: usage.filter(|usage| !usage.is_unknown()),
        fault: faults::decode_member(root),
        tier: root
            .get("service_tier")
            .and_then(|tier| tier.str().ok())
            .map(|tier| ServiceTier::of(&tier)),
        ..FrameInfo::default()
    }
}

/// The service tier of an answer that is not parsed.
fn tier_in(body: &[u8]) -> Option<ServiceTier> {
    let at = TIER.find(body)? + TIER.needle().len();
    let value = body[at..].trim_ascii_start().strip_prefix(b":")?;
    let word = value.trim_ascii_start().strip_prefix(b"\"")?;
    let end = memchr::memchr(b'"', word)?;
    std::str::from_utf8(&word[..end]).ok().map(ServiceTier::of)
}
