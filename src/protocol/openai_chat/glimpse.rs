//! A look at answers that pass through: usage, errors and ends, as cheaply as they can be had.
//!
//! A frame is searched for a few markers and read only where one of them stands. Inside of strings
//! quotes are escaped, so a marker is always a key. Changes nothing.

use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memchr_iter;
use memchr::memmem::Finder;

use crate::canon::Usage;
use crate::json::{Document, Value, value_len};
use crate::protocol::{FrameInfo, MalformedResponse, sse};

use super::usage;
use crate::protocol::openai::faults;

/// What a key tells of the frame that holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Figures,
    End,
    Output,
}

/// The keys that are looked for, of chat and of the legacy completions.
const KEYS: [(&[u8], Sign); 10] = [
    (b"\"usage\"", Sign::Figures),
    (b"\"error\"", Sign::Figures),
    (b"\"finish_reason\"", Sign::End),
    (b"\"content\"", Sign::Output),
    (b"\"tool_calls\"", Sign::Output),
    (b"\"reasoning_content\"", Sign::Output),
    (b"\"reasoning\"", Sign::Output),
    (b"\"text\"", Sign::Output),
    (b"\"refusal\"", Sign::Output),
    (b"\"function_call\"", Sign::Output),
];

/// The keys that are looked for by themselves, which is cheaper than to look at every quote.
static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"usage\""));
static ERROR: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"error\""));
static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"finish_reason\""));
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
    let has_figures = count(&USAGE, data) + count(&ERROR, data) > 0;
    let seen = if has_figures {
        figures(&frame.data)
    } else {
        FrameInfo::default()
    };
    let is_content = ended > 0 || count(&CONTENT, data) > 0 || has_output(data);
    FrameInfo {
        ended,
        is_end: ended > 0,
        is_content,
        ..seen
    }
}

/// How often a key stands there that tells something.
fn count(key: &Finder<'_>, mut data: &[u8]) -> u64 {
    let mut count = 0;
    while let Some(at) = key.find(data) {
        count += u64::from(sign(&data[at..]).is_some());
        data = &data[at + key.needle().len()..];
    }
    count
}

/// Whether any of the keys stands there that carry output.
fn has_output(data: &[u8]) -> bool {
    memchr_iter(b'"', data).any(|at| sign(&data[at..]) == Some(Sign::Output))
}

pub(in crate::protocol) fn body(body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
    if let Some(usage) = plain_usage(body) {
        return Ok(FrameInfo {
            usage,
            is_end: true,
            is_content: true,
            ..FrameInfo::default()
        });
    }
    let document = Document::parse_shallow(body.clone())?;
    // Errors are rare, and are read whole.
    let document = if document.root().get("error").is_some() {
        Document::parse(body.clone())?
    } else {
        document
    };
    let glimpse = of(document.root());
    let is_whole = glimpse.fault.is_none();
    Ok(FrameInfo {
        is_end: is_whole,
        is_content: is_whole,
        ..glimpse
    })
}

/// The figures of an answer that is neither an error nor in doubt: an object in which `usage`
/// stands once. Only that is read.
///
/// `None` where more has to be read to tell.
fn plain_usage(body: &Bytes) -> Option<Option<Usage>> {
    let is_object =
        body.trim_ascii_start().starts_with(b"{") && body.trim_ascii_end().ends_with(b"}");
    let mut at = USAGE.find_iter(body);
    let (at, None) = (at.next()?, at.next()) else {
        return None;
    };
    if !is_object || ERROR.find(body).is_some() {
        return None;
    }
    let value = body[at + USAGE.needle().len()..]
        .trim_ascii_start()
        .strip_prefix(b":")?
        .trim_ascii_start();
    let length = value.starts_with(b"{").then(|| value_len(value))??;
    let document = Document::parse(body.slice_ref(&value[..length])).ok()?;
    Some(Some(usage::decode(document.root())).filter(|usage| !usage.is_unknown()))
}

fn figures(data: &Bytes) -> FrameInfo {
    Document::parse(data.clone())
        .map(|document| of(document.root()))
        .unwrap_or_default()
}

fn of(root: Value<'_>) -> FrameInfo {
    let usage = root
        .get("usage")
        .and_then(|usage| usage.to_document().ok())
        .map(|opened| usage::decode(opened.root()));
    let usage = usage.filter(|usage| !usage.is_unknown());
    FrameInfo {
        usage,
        fault: faults::inside(root),
        ..FrameInfo::default()
    }
}

/// What is told by the key at the start of `rest`; nothing where its value is `null`, `""` or `[]`.
fn sign(rest: &[u8]) -> Option<Sign> {
    // Most quotes begin nothing of all this.
    if !matches!(rest.get(1), Some(b'c' | b'e' | b'f' | b'r' | b't' | b'u')) {
        return None;
    }
    let (key, sign) = KEYS.iter().find(|(key, _)| rest.starts_with(key))?;
    let value = rest[key.len()..]
        .trim_ascii_start()
        .strip_prefix(b":")?
        .trim_ascii_start();
    let is_empty = [&b"null"[..], b"\"\"", b"[]"]
        .iter()
        .any(|empty| value.starts_with(empty));
    (!is_empty).then_some(*sign)
}
