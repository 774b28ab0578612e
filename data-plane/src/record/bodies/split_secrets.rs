//! Secrets that a stream tells in several events: half a key in one, the rest in the next. Each
//! text that grows from event to event is put together and looked at as a whole.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher as _;
use std::ops::Range;

use bytes::Bytes;

use crate::json::{Document, Kind, Value};
use crate::protocol::objects::begins_as_lines;
use crate::protocol::sse;

/// How deeply a text may lie in an event.
const DEPTH_MAX: usize = 32;
/// How many texts that grow are told apart; of more, the first.
const TEXTS_MAX: usize = 256;

/// What is at one path in all events, as it is written there.
#[derive(Default)]
struct Growing {
    text: Vec<u8>,
    /// Where each event's part of `text` begins, and where that lies in the stream.
    parts: Vec<(usize, usize)>,
}

/// The places in a stream of server-sent events, or of JSON objects by lines, where parts of secrets
/// stand, which `find` sees in the whole text alone. Empty for other bodies.
pub(super) fn split_secrets(
    stream: &[u8],
    find: impl Fn(&[u8]) -> Vec<Range<usize>>,
) -> Vec<Range<usize>> {
    let is_events = sse::begins_as_events(stream);
    if !is_events && !begins_as_lines(stream) {
        return Vec::new();
    }
    let mut texts = Texts::default();
    for data in data_lines(stream, if is_events { b"data:" } else { b"" }) {
        let bytes = Bytes::copy_from_slice(&stream[data.clone()]);
        if let Ok(document) = Document::parse(bytes) {
            texts.collect(document.root(), PathDigest::default(), data.start, 0);
        }
    }
    let grown = texts
        .by_path
        .values()
        .filter(|growing| growing.parts.len() > 1);
    grown
        .flat_map(|growing| {
            let found = find(&growing.text);
            found.into_iter().flat_map(|secret| growing.places(&secret))
        })
        .collect()
}

/// What stands behind `prefix` in each line.
fn data_lines<'s>(stream: &'s [u8], prefix: &'s [u8]) -> impl Iterator<Item = Range<usize>> + 's {
    let mut at = 0;
    let lines = stream.split_inclusive(|byte| matches!(byte, b'\n' | b'\r'));
    lines.filter_map(move |line| {
        let begin = at;
        at += line.len();
        let data = line.strip_prefix(prefix)?;
        let blank = usize::from(data.first() == Some(&b' '));
        let end = line.trim_ascii_end().len();
        let start = line.len() - data.len() + blank;
        (start < end).then_some(begin + start..begin + end)
    })
}

/// Stands for the names that lead to a value. A digest, since a long name above many texts would
/// else be copied and compared once for each of them.
type PathDigest = u64;

/// The texts that grow, by their paths.
#[derive(Default)]
struct Texts {
    by_path: HashMap<PathDigest, Growing>,
    digests: RandomState,
}

impl Texts {
    /// Adds the texts of a value to those at the same paths before. `start` is where the event's
    /// data begins in the stream.
    fn collect(&mut self, value: Value<'_>, path: PathDigest, start: usize, depth: usize) {
        match value.kind() {
            Kind::String => self.add(value, path, start),
            Kind::Object if depth < DEPTH_MAX => {
                for (key, member) in value.members().into_iter().flatten() {
                    let path = self.digests.hash_one((path, &*key));
                    self.collect(member, path, start, depth + 1);
                }
            }
            Kind::Array if depth < DEPTH_MAX => {
                for (index, item) in value.items().into_iter().flatten().enumerate() {
                    let path = self.digests.hash_one((path, index));
                    self.collect(item, path, start, depth + 1);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, value: Value<'_>, path: PathDigest, start: usize) {
        // Without its quotes.
        let written = value.as_written();
        let inner = written.get(1..written.len() - 1).unwrap_or_default();
        let is_full = self.by_path.len() >= TEXTS_MAX;
        let growing = match self.by_path.entry(path) {
            _ if inner.is_empty() => return,
            Entry::Vacant(_) if is_full => return,
            entry => entry.or_default(),
        };
        let offset = start + value.offset().0 as usize + 1;
        growing.parts.push((growing.text.len(), offset));
        growing.text.extend_from_slice(inner.as_bytes());
    }
}

impl Growing {
    /// Where a secret's parts lie in the stream; none where it lies in one event, which is found
    /// without us.
    fn places(&self, secret: &Range<usize>) -> Vec<Range<usize>> {
        let part_of = |at: usize| self.parts.partition_point(|(begin, _)| *begin <= at);
        let (first, last) = (part_of(secret.start), part_of(secret.end - 1));
        if secret.is_empty() || first == last {
            return Vec::new();
        }
        let parts = (first..=last).filter_map(|number| {
            let (begin, offset) = *self.parts.get(number.checked_sub(1)?)?;
            let end = self
                .parts
                .get(number)
                .map_or(self.text.len(), |(next, _)| *next);
            let (from, to) = (secret.start.max(begin), secret.end.min(end));
            Some(offset + from - begin..offset + to - begin)
        });
        parts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";

    fn cleaned(stream: &str) -> String {
        let find = |text: &[u8]| {
            let found = memchr::memmem::find_iter(text, KEY.as_bytes());
            found.map(|at| at..at + KEY.len()).collect()
        };
        let mut places = split_secrets(stream.as_bytes(), find);
        places.sort_by_key(|place| place.start);
        let mut clean = stream.to_owned();
        for place in places.into_iter().rev() {
            clean.replace_range(place, "#");
        }
        clean
    }

    #[test]
    fn a_secret_in_several_lines_is_found_in_each_of_them() {
        let (a, b) = KEY.split_at(9);
        let line =
            |text: &str| format!("{{\"message\":{{\"content\":\"{text}\"}},\"done\":false}}\n");
        assert_eq!(
            cleaned(&[line(a), line(b)].concat()),
            [line("#"), line("#")].concat()
        );
    }

    #[test]
    fn a_secret_in_several_events_is_found_in_each_of_them() {
        let (a, b, c) = (&KEY[..7], &KEY[7..20], &KEY[20..]);
        let stream = format!(
            "event: x\ndata: {{\"delta\":{{\"text\":\"it is {a}\"}}}}\n\ndata:{{\"delta\":{{\"text\":\"{b}\"}}}}\r\n\r\ndata: {{\"other\":\"-\",\"delta\":{{\"text\":\"{c}.\"}}}}\n\ndata: [DONE]\n\n"
        );
        assert_eq!(
            cleaned(&stream),
            "event: x\ndata: {\"delta\":{\"text\":\"it is #\"}}\n\ndata:{\"delta\":{\"text\":\"#\"}}\r\n\r\ndata: {\"other\":\"-\",\"delta\":{\"text\":\"#.\"}}\n\ndata: [DONE]\n\n"
        );
    }

    #[test]
    fn what_lies_in_one_event_or_under_two_names_is_left_alone() {
        let whole = format!("data: {{\"a\":\"x\"}}\n\ndata: {{\"a\":\"{KEY}\"}}\n\n");
        assert_eq!(cleaned(&whole), whole);
        let (a, b) = KEY.split_at(9);
        let apart = format!("data: {{\"a\":\"{a}\"}}\n\ndata: {{\"b\":\"{b}\"}}\n\n");
        assert_eq!(cleaned(&apart), apart);
        let no_stream = format!("[{{\"a\":\"{a}\"}},\n{{\"a\":\"{b}\"}}]\n");
        assert_eq!(cleaned(&no_stream), no_stream);
        assert_eq!(
            cleaned("data: {\"a\":\ndata: x\n\n"),
            "data: {\"a\":\ndata: x\n\n"
        );
    }
}
