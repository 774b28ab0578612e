//! From what was found to a list that people read.

use crate::ordering;
use std::collections::HashMap;

use super::align::{Alignment, Found, Side};
use super::tree::{Index, Tree};
use super::{CHANGES_MAX, Change, ChangeKind, Diff};

/// How many changes are looked at before they are gathered by shape.
const FOUND_MAX: usize = 20_000;
/// How much of a value is shown.
const SHOWN_CHARS_MAX: usize = 80;

/// A change by the places of its values.
#[derive(Clone, Copy)]
struct Sited {
    kind: ChangeKind,
    before: Option<Index>,
    after: Option<Index>,
}

pub(super) fn diff(alignment: &Alignment<'_, '_>) -> Diff {
    let all = sited(alignment);
    let mut diff = Diff {
        left_out: all.len().saturating_sub(FOUND_MAX),
        ..Diff::default()
    };
    let mut known: HashMap<(ChangeKind, String, String), usize> = HashMap::new();
    let (before, after) = (alignment.before.tree, alignment.after.tree);
    for sited in all.into_iter().take(FOUND_MAX) {
        let general = |tree: &Tree<'_>, at: Option<Index>| {
            at.map(|index| tree.path(index, true)).unwrap_or_default()
        };
        let shape = (
            sited.kind,
            general(before, sited.before),
            general(after, sited.after),
        );
        if let Some(at) = known.get(&shape) {
            diff.changes[*at].count += 1;
        } else if diff.changes.len() < CHANGES_MAX {
            known.insert(shape, diff.changes.len());
            diff.changes.push(sited.change(before, after));
        } else {
            diff.left_out += 1;
        }
    }
    diff
}

/// All changes: in the order of the document before, then what was added.
fn sited(alignment: &Alignment<'_, '_>) -> Vec<Sited> {
    let of_found = |found: &Found| {
        let (kind, a, b) = match found {
            Found::Changed(a, b) => (ChangeKind::Changed, *a, *b),
            Found::Moved(a, b) => (ChangeKind::Moved, *a, *b),
        };
        Sited {
            kind,
            before: Some(a),
            after: Some(b),
        }
    };
    let mut all: Vec<Sited> = alignment.found.iter().map(of_found).collect();
    all.extend(unmatched(&alignment.before).into_iter().map(|a| Sited {
        kind: ChangeKind::Removed,
        before: Some(a),
        after: None,
    }));
    all.extend(unmatched(&alignment.after).into_iter().map(|b| Sited {
        kind: ChangeKind::Added,
        before: None,
        after: Some(b),
    }));
    ordering::sort_by_key(&mut all, |sited| {
        (sited.before.unwrap_or(Index::MAX), sited.after)
    });
    all
}

/// The largest values of which nothing was matched.
fn unmatched(side: &Side<'_, '_>) -> Vec<Index> {
    // How many values before each place were matched.
    let mut matched = Vec::with_capacity(side.is_matched.len() + 1);
    matched.push(0);
    for is_matched in &side.is_matched {
        matched.push(matched[matched.len() - 1] + usize::from(*is_matched));
    }
    let mut found = Vec::new();
    for root in &side.open {
        let (mut at, end) = (*root, side.tree.nodes[*root].end);
        while at < end {
            let end_of_value = side.tree.nodes[at].end;
            if !side.is_matched[at] && matched[end_of_value] == matched[at] {
                found.push(at);
                at = end_of_value;
            } else {
                at += 1;
            }
        }
    }
    found
}

impl Sited {
    fn change(self, before: &Tree<'_>, after: &Tree<'_>) -> Change {
        Change {
            kind: self.kind,
            from: self.before.map(|a| before.path(a, false)),
            to: self.after.map(|b| after.path(b, false)),
            before: self.before.map(|a| shown(before, a)),
            after: self.after.map(|b| shown(after, b)),
            count: 1,
        }
    }
}

/// A value as it was written, cut where it is long.
fn shown(tree: &Tree<'_>, index: Index) -> String {
    let text = tree.nodes[index].value.as_written();
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}\u{2026}", &text[..end]),
        None => text.to_owned(),
    }
}
