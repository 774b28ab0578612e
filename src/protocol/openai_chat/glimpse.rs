//! A look at answers that pass through: usage, errors and ends, as cheaply as they can be had.
//!
//! A frame is searched for a few markers and read only where one of them stands. Inside of strings quotes are escaped, so a marker
//! is always a key. Changes nothing.

use bytes::Bytes;
use memchr::memchr_iter;

use crate::json::{Document, Value};
use crate::protocol::{Garbled, Glimpse, sse};

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

pub(in crate::protocol) fn frame(frame: &sse::Frame) -> Glimpse {
    let data = &frame.data[..];
    if data.trim_ascii() == b"[DONE]" {
        return Glimpse { is_end: true, is_last: true, ..Glimpse::default() };
    }
    let (mut has_figures, mut ended, mut is_content) = (false, 0, false);
    for at in memchr_iter(b'"', data) {
        match sign(&data[at..]) {
            Some(Sign::Figures) => has_figures = true,
            Some(Sign::End) => ended += 1,
            Some(Sign::Output) => is_content = true,
            None => {}
        }
    }
    let seen = if has_figures { figures(&frame.data) } else { Glimpse::default() };
    Glimpse { ended, is_end: ended > 0, is_content: is_content || ended > 0, ..seen }
}

pub(in crate::protocol) fn body(body: &Bytes) -> Result<Glimpse, Garbled> {
    let document = Document::skim(body.clone())?;
    // Errors are rare, and are read whole.
    let document = if document.root().get("error").is_some() { Document::parse(body.clone())? } else { document };
    let glimpse = of(document.root());
    let is_whole = glimpse.fault.is_none();
    Ok(Glimpse { is_end: is_whole, is_content: is_whole, ..glimpse })
}

fn figures(data: &Bytes) -> Glimpse {
    Document::parse(data.clone()).map(|document| of(document.root())).unwrap_or_default()
}

fn of(root: Value<'_>) -> Glimpse {
    let usage = root.get("usage").and_then(|usage| usage.opened().ok()).map(|opened| usage::decode(opened.root()));
    let usage = usage.filter(|usage| !usage.is_unknown());
    Glimpse { usage, fault: faults::inside(root), ..Glimpse::default() }
}

/// What is told by the key at the start of `rest`; nothing where its value is `null`, `""` or `[]`.
fn sign(rest: &[u8]) -> Option<Sign> {
    // Most quotes begin nothing of all this.
    if !matches!(rest.get(1), Some(b'c' | b'e' | b'f' | b'r' | b't' | b'u')) {
        return None;
    }
    let (key, sign) = KEYS.iter().find(|(key, _)| rest.starts_with(key))?;
    let value = rest[key.len()..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
    let is_empty = [&b"null"[..], b"\"\"", b"[]"].iter().any(|empty| value.starts_with(empty));
    (!is_empty).then_some(*sign)
}
