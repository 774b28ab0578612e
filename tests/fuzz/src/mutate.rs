//! Changes of inputs that stay JSON: bytes changed blindly hardly ever get past the first look at
//! the syntax.

use std::ops::Range;

use aerostat::json::{Document, Kind, Value};
use bytes::Bytes;
use libfuzzer_sys::fuzzer_mutate;

use crate::CHOICES;

/// Values that decoders have to think about.
const ATOMS: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "0.5",
    "18446744073709551616",
    "9007199254740993",
    "\"\"",
    "\" \"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "\"\u{feff}\u{1f600}\"",
    "\"{}\"",
    "[]",
    "[null]",
    "{}",
    "\"data:image/png;base64,AA==\"",
    "\"QWVyb0VudmVsb3Bl\"",
];

/// libFuzzer's mutator of an input: half of the changes are JSON for JSON, half are libFuzzer's
/// own.
pub fn mutate(data: &mut [u8], size: usize, size_max: usize, seed: u32) -> usize {
    let mut dice = Dice(u64::from(seed) | 1 << 32);
    let changed = if dice.below(2) == 0 {
        None
    } else {
        changed(&data[..size], &mut dice)
    };
    match changed.filter(|changed| changed.len() <= size_max) {
        Some(changed) => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        None => fuzzer_mutate(data, size, size_max),
    }
}

/// The input with one JSON value changed; `None` where it holds no JSON.
fn changed(input: &[u8], dice: &mut Dice) -> Option<Vec<u8>> {
    let body = CHOICES.min(input.len());
    if Document::parse(Bytes::copy_from_slice(&input[body..])).is_ok() {
        return replaced(input, body..input.len(), dice);
    }
    let lines = data_lines(input, body);
    let line = dice.one_of(&lines)?.clone();
    match dice.below(6) {
        0 => Some(spliced(
            input,
            line.end..line.end,
            &[
                b"\n\n" as &[u8],
                &input[line_start(input, line.start)..line.end],
            ]
            .concat(),
        )),
        1 => Some(spliced(input, line_start(input, line.start)..line.end, b"")),
        2 => {
            let other = dice.one_of(&lines)?.clone();
            let text = input[other].to_vec();
            Some(spliced(input, line, &text))
        }
        _ => replaced(input, line, dice),
    }
}

/// Where the data of records stands.
fn data_lines(input: &[u8], body: usize) -> Vec<Range<usize>> {
    let mut at = body;
    let mut lines = Vec::new();
    for line in input[body..].split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        if text.starts_with(b"data: ") {
            lines.push(at + 6..at + text.len());
        }
        at += line.len();
    }
    lines
}

fn line_start(input: &[u8], at: usize) -> usize {
    input[..at]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1)
}

/// The input with one value of the JSON at `json` replaced: by another of its values, by an atom,
/// or doubled in its array.
fn replaced(input: &[u8], json: Range<usize>, dice: &mut Dice) -> Option<Vec<u8>> {
    let document = Document::parse(Bytes::copy_from_slice(&input[json.clone()])).ok()?;
    let mut places = Places::default();
    places.note(document.root());
    let moved = |range: &Range<usize>| range.start + json.start..range.end + json.start;
    let place = dice.one_of(&places.values).map(moved)?;
    match dice.below(4) {
        0 => Some(spliced(input, place, dice.one_of(ATOMS)?.as_bytes())),
        1 => {
            let item = dice.one_of(&places.items).map(moved)?;
            let doubled = [&input[item.clone()], &input[item.clone()]].join(&b","[..]);
            Some(spliced(input, item, &doubled))
        }
        _ => {
            let other = dice.one_of(&places.values).map(moved)?;
            Some(spliced(input, place, &input[other]))
        }
    }
}

fn spliced(input: &[u8], range: Range<usize>, with: &[u8]) -> Vec<u8> {
    [&input[..range.start], with, &input[range.end..]].concat()
}

/// Where the values of a document stand.
#[derive(Default)]
struct Places {
    values: Vec<Range<usize>>,
    items: Vec<Range<usize>>,
}

impl Places {
    fn note(&mut self, value: Value<'_>) {
        self.values.push(range(value));
        match value.kind() {
            Kind::Object => value
                .members()
                .into_iter()
                .flatten()
                .for_each(|(_, member)| self.note(member)),
            Kind::Array => value.items().into_iter().flatten().for_each(|item| {
                self.items.push(range(item));
                self.note(item);
            }),
            _ => {}
        }
    }
}

fn range(value: Value<'_>) -> Range<usize> {
    let start = value.offset().0 as usize;
    start..start + value.as_written().len()
}

/// Random numbers from libFuzzer's seed, so that a run can be repeated (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }

    fn one_of<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() {
            None
        } else {
            Some(&from[self.below(from.len())])
        }
    }
}
