//! What differs between two JSON documents, by path and not by line: added, removed, changed, moved.
//!
//! ```text
//! Tree (each) -> align: what stands at the same path -> moves: equal values elsewhere -> report
//! ```
//!
//! Made for a request before and after its translation: a list whose items shift is followed by what
//! the items say, an equal value under another name has moved, and so has one that is written as a
//! text of JSON on one side. No step's work grows with the square of a document.

mod align;
mod moves;
mod report;
#[cfg(test)]
mod tests;
mod tree;

use super::Document;
use align::Alignment;
use tree::Tree;

/// A document with more values is not compared.
const VALUES_MAX: usize = 100_000;
/// How many changes are listed; those that differ in nothing but the places in lists are one.
const CHANGES_MAX: usize = 200;

/// What became of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    Added,
    Removed,
    Changed,
    Moved,
}

/// One change, or several of the same shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: ChangeKind,
    /// The path before, of the first of them; `None` where it was added.
    pub from: Option<String>,
    /// The path after; `None` where it was removed.
    pub to: Option<String>,
    /// The value before and after, as far as it is short.
    pub before: Option<String>,
    pub after: Option<String>,
    /// How many: `messages[3].content` and `messages[5].content` are one change twice.
    pub count: usize,
}

/// The changes in the order of the document before, then what was added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    pub changes: Vec<Change>,
    /// How many more there are.
    pub left_out: usize,
}

/// What differs between the two. `None` where one of them has too many values.
pub fn diff(before: &Document, after: &Document) -> Option<Diff> {
    let hasher = tree::Hasher::default();
    let before = Tree::of(before, &hasher)?;
    let after = Tree::of(after, &hasher)?;
    let mut alignment = Alignment::of(&before, &after);
    moves::find(&mut alignment, &hasher);
    Some(report::diff(&alignment))
}
