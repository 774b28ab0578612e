//! Equal values at another path: the same under another name, deeper or higher, or written as a text
//! of JSON on one side.

use std::collections::{HashMap, VecDeque};

use super::align::{Alignment, Found, Side};
use super::tree::{Hasher, Index, Tree};
use crate::json::Kind;

/// A shorter text or number is equal by chance.
const STRONG_BYTES_MIN: usize = 4;
/// A shorter word in a key says nothing.
const WORD_CHARS_MIN: usize = 3;

/// How much two keys must have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Same,
    /// One word at least: `max_tokens`, `maxOutputTokens`.
    Alike,
    Any,
}

/// Matches equal values that are open on both sides: the largest first, and those under the same key
/// before others.
pub(super) fn find(alignment: &mut Alignment<'_, '_>, hasher: &Hasher) {
    for is_leaf in [false, true] {
        for keys in [Keys::Same, Keys::Alike, Keys::Any] {
            match_equal(alignment, is_leaf, keys);
        }
        if !is_leaf {
            match_written(alignment, hasher);
        }
    }
    match_data_urls(alignment, hasher);
}

/// The values that are open on a side, in order.
fn open_nodes<'s>(side: &'s Side<'_, '_>) -> impl Iterator<Item = Index> + 's {
    let nodes = side.open.iter();
    nodes
        .flat_map(|root| *root..side.tree.nodes[*root].end)
        .filter(|index| !side.is_matched[*index])
}

/// Values that may be matched, by what they say.
type Candidates = HashMap<u64, VecDeque<Index>>;

fn candidates(side: &Side<'_, '_>, is_wanted: impl Fn(Index) -> bool) -> Candidates {
    let mut found = Candidates::new();
    for index in open_nodes(side).filter(|index| is_wanted(*index)) {
        let hash = side.tree.nodes[index].hash;
        found.entry(hash).or_default().push_back(index);
    }
    found
}

fn match_equal(alignment: &mut Alignment<'_, '_>, is_leaf: bool, keys: Keys) {
    let (before, after) = (alignment.before.tree, alignment.after.tree);
    let mut by_hash = candidates(&alignment.after, |index| after.is_leaf(index) == is_leaf);
    let wanted: Vec<Index> = open_nodes(&alignment.before)
        .filter(|index| before.is_leaf(*index) == is_leaf)
        .collect();
    for a in wanted {
        if alignment.before.is_matched[a] || keys == Keys::Any && !is_strong(before, a) {
            continue;
        }
        let Some(equal) = by_hash.get_mut(&before.nodes[a].hash) else {
            continue;
        };
        let fits = |b: &Index| keys.fit(before.key(a), after.key(*b));
        if let Some(b) = take_first(equal, &alignment.after, fits) {
            alignment.note_move(a, b);
        }
    }
}

/// How many candidates of the same value are looked at: a value that stands everywhere is matched
/// in order.
const LOOKED_AT_MAX: usize = 16;

/// The first candidate that is still open and fits. What is no longer open is dropped.
fn take_first(
    candidates: &mut VecDeque<Index>,
    side: &Side<'_, '_>,
    fits: impl Fn(&Index) -> bool,
) -> Option<Index> {
    let is_open = |index: &Index| {
        let mut all = side.is_matched[*index..side.tree.nodes[*index].end].iter();
        all.all(|is_matched| !is_matched)
    };
    while candidates.front().is_some_and(|first| !is_open(first)) {
        candidates.pop_front();
    }
    let mut looked_at = candidates.iter().take(LOOKED_AT_MAX);
    let at = looked_at.position(|index| fits(index) && is_open(index))?;
    candidates.remove(at)
}

impl Keys {
    fn fit(self, a: &str, b: &str) -> bool {
        match self {
            Self::Same => a == b,
            Self::Alike => words(a).any(|word| words(b).any(|other| word == other)),
            Self::Any => true,
        }
    }
}

/// The words of a key in lower case: `maxOutputTokens`, `max_output_tokens`.
fn words(key: &str) -> impl Iterator<Item = String> + '_ {
    let mut rest = key;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(['_', '-', '.']);
            let end = rest
                .char_indices()
                .skip(1)
                .find(|(_, c)| c.is_uppercase() || "_-.".contains(*c))
                .map_or(rest.len(), |(at, _)| at);
            if end == 0 {
                return None;
            }
            let (word, later) = rest.split_at(end);
            rest = later;
            if word.len() >= WORD_CHARS_MIN {
                return Some(word.to_lowercase());
            }
        }
    })
}

/// Whether an equal value under any other name is the same one.
fn is_strong(tree: &Tree<'_>, index: Index) -> bool {
    let value = tree.nodes[index].value;
    match value.kind() {
        Kind::Null | Kind::Bool => false,
        Kind::Number => value.as_written().len() >= STRONG_BYTES_MIN,
        Kind::String => value.as_written().len() >= STRONG_BYTES_MIN + 2,
        Kind::Array | Kind::Object => !tree.is_leaf(index),
    }
}

/// Objects that are written as a text of JSON on one side: a tool call's arguments.
fn match_written(alignment: &mut Alignment<'_, '_>, hasher: &Hasher) {
    let mut of_after = candidates(&alignment.after, |index| {
        !alignment.after.tree.is_leaf(index)
    });
    for (a, hash) in written(&alignment.before, hasher) {
        let found = of_after.get_mut(&hash);
        if let Some(b) = found.and_then(|equal| take_first(equal, &alignment.after, |_| true)) {
            alignment.note_move(a, b);
        }
    }
    let mut of_before = candidates(&alignment.before, |index| {
        !alignment.before.tree.is_leaf(index)
    });
    for (b, hash) in written(&alignment.after, hasher) {
        let found = of_before.get_mut(&hash);
        if let Some(a) = found.and_then(|equal| take_first(equal, &alignment.before, |_| true)) {
            alignment.note_move(a, b);
        }
    }
}

/// The open texts that are JSON themselves, with the hash of what they say.
fn written(side: &Side<'_, '_>, hasher: &Hasher) -> Vec<(Index, u64)> {
    let texts = open_nodes(side).filter_map(|index| {
        let text = side.tree.nodes[index].value.str().ok()?;
        let is_json = text.trim_start().starts_with(['{', '[']);
        Some((index, hasher.of_json(is_json.then_some(&*text)?)?))
    });
    texts.collect()
}

/// Media that stand in a URL on one side and bare on the other.
fn match_data_urls(alignment: &mut Alignment<'_, '_>, hasher: &Hasher) {
    let mut of_after = candidates(&alignment.after, |_| true);
    for (a, hash) in data_urls(&alignment.before, hasher) {
        let found = of_after.get_mut(&hash);
        if let Some(b) = found.and_then(|equal| take_first(equal, &alignment.after, |_| true)) {
            alignment.note_move(a, b);
        }
    }
    let mut of_before = candidates(&alignment.before, |_| true);
    for (b, hash) in data_urls(&alignment.after, hasher) {
        let found = of_before.get_mut(&hash);
        if let Some(a) = found.and_then(|equal| take_first(equal, &alignment.before, |_| true)) {
            alignment.note_move(a, b);
        }
    }
}

/// The open `data:` URLs, with the hash of the Base64 in them.
fn data_urls(side: &Side<'_, '_>, hasher: &Hasher) -> Vec<(Index, u64)> {
    let urls = open_nodes(side).filter_map(|index| {
        let text = side.tree.nodes[index].value.str().ok()?;
        let (_, data) = text.strip_prefix("data:")?.split_once(";base64,")?;
        Some((index, hasher.of_text(data)))
    });
    urls.collect()
}

impl Alignment<'_, '_> {
    fn note_move(&mut self, a: Index, b: Index) {
        self.before.match_all(a);
        self.after.match_all(b);
        self.found.push(Found::Moved(a, b));
    }
}
