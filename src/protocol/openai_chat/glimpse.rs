//! A look at answers that pass through: usage, errors and ends, as cheaply as they can be had.
//!
//! A frame is searched for a few markers and read only where one of them stands. Inside of strings quotes are escaped, so a marker
//! is always a key. Changes nothing.

use bytes::Bytes;
use memchr::memmem;

use crate::json::{Document, Value};
use crate::protocol::{Garbled, Glimpse, sse};

use super::usage;
use crate::protocol::openai::faults;

/// Keys whose value is output, of chat and of the legacy completions.
const CONTENT_KEYS: [&[u8]; 7] = [
    b"\"content\"",
    b"\"tool_calls\"",
    b"\"reasoning_content\"",
    b"\"reasoning\"",
    b"\"text\"",
    b"\"refusal\"",
    b"\"function_call\"",
];

pub(in crate::protocol) fn frame(frame: &sse::Frame) -> Glimpse {
    let data = &frame.data[..];
    if data.trim_ascii() == b"[DONE]" {
        return Glimpse { is_end: true, is_last: true, ..Glimpse::default() };
    }
    let mut glimpse = if says(data, b"\"usage\"") || says(data, b"\"error\"") { figures(&frame.data) } else { Glimpse::default() };
    glimpse.ended = said(data, b"\"finish_reason\"").count() as u64;
    glimpse.is_end = glimpse.ended > 0;
    glimpse.is_content = glimpse.is_end || CONTENT_KEYS.iter().any(|key| says(data, key));
    glimpse
}

pub(in crate::protocol) fn body(body: &Bytes) -> Result<Glimpse, Garbled> {
    let document = Document::parse(body.clone())?;
    let glimpse = of(document.root());
    let is_whole = glimpse.fault.is_none();
    Ok(Glimpse { is_end: is_whole, is_content: is_whole, ..glimpse })
}

fn figures(data: &Bytes) -> Glimpse {
    Document::parse(data.clone()).map(|document| of(document.root())).unwrap_or_default()
}

fn of(root: Value<'_>) -> Glimpse {
    let usage = root.get("usage").map(usage::decode).filter(|usage| !usage.is_unknown());
    Glimpse { usage, fault: faults::inside(root), ..Glimpse::default() }
}

/// Whether `key` stands somewhere with a value other than `null`, `""` and `[]`.
fn says(data: &[u8], key: &[u8]) -> bool {
    said(data, key).next().is_some()
}

/// Where `key` stands with such a value.
fn said<'d>(data: &'d [u8], key: &'d [u8]) -> impl Iterator<Item = usize> + 'd {
    memmem::find_iter(data, key).filter(move |at| {
        let rest = data[at + key.len()..].trim_ascii_start();
        let value = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| ![&b"null"[..], b"\"\"", b"[]"].iter().any(|empty| value.starts_with(empty)))
    })
}
