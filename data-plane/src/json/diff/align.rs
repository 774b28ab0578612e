//! Which value of one document is which of the other, by where they stand.

use std::collections::HashMap;

use super::tree::{Index, Name, Tree};
use crate::json::Kind;

/// A shorter text tells no item of a list from another.
const TELLING_BYTES_MIN: usize = 4;

/// A change by the places of its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Changed(Index, Index),
    Moved(Index, Index),
}

/// What is known of two documents so far.
pub(super) struct Alignment<'t, 'd> {
    pub(super) before: Side<'t, 'd>,
    pub(super) after: Side<'t, 'd>,
    pub(super) found: Vec<Found>,
}

/// One document: which of its values are accounted for, and the places at which some are not.
pub(super) struct Side<'t, 'd> {
    pub(super) tree: &'t Tree<'d>,
    pub(super) is_matched: Vec<bool>,
    /// Values without a partner at their path, with all that they hold.
    pub(super) open: Vec<Index>,
}

impl<'t, 'd> Side<'t, 'd> {
    fn of(tree: &'t Tree<'d>) -> Self {
        Self {
            tree,
            is_matched: vec![false; tree.nodes.len()],
            open: Vec::new(),
        }
    }

    fn kind(&self, index: Index) -> Kind {
        self.tree.nodes[index].value.kind()
    }

    fn hash(&self, index: Index) -> u64 {
        self.tree.nodes[index].hash
    }

    /// A value and all that it holds is accounted for.
    pub(super) fn match_all(&mut self, index: Index) {
        self.is_matched[index..self.tree.nodes[index].end].fill(true);
    }

    /// The texts in a value by which it is recognised, with their lengths.
    fn telling(&self, index: Index) -> impl Iterator<Item = (u64, usize)> + '_ {
        let nodes = &self.tree.nodes[index..self.tree.nodes[index].end];
        nodes.iter().filter_map(|node| {
            let length = node.value.as_written().len();
            let is_telling = node.value.kind() == Kind::String && length >= TELLING_BYTES_MIN + 2;
            is_telling.then_some((node.hash, length))
        })
    }
}

impl<'t, 'd> Alignment<'t, 'd> {
    pub(super) fn of(before: &'t Tree<'d>, after: &'t Tree<'d>) -> Self {
        let mut alignment = Self {
            before: Side::of(before),
            after: Side::of(after),
            found: Vec::new(),
        };
        alignment.align(0, 0);
        alignment
    }

    /// The two stand at the same path, or are items of which one became the other.
    fn align(&mut self, a: Index, b: Index) {
        if self.before.hash(a) == self.after.hash(b) {
            self.before.match_all(a);
            self.after.match_all(b);
            return;
        }
        match (self.before.kind(a), self.after.kind(b)) {
            (Kind::Object, Kind::Object) => self.align_members(a, b),
            (Kind::Array, Kind::Array) => self.align_items(a, b),
            (Kind::Object | Kind::Array, _) | (_, Kind::Object | Kind::Array) => {
                self.before.open.push(a);
                self.after.open.push(b);
                return;
            }
            _ => self.found.push(Found::Changed(a, b)),
        }
        self.before.is_matched[a] = true;
        self.after.is_matched[b] = true;
    }

    fn align_members(&mut self, a: Index, b: Index) {
        let (before, after) = (self.before.tree, self.after.tree);
        let mut by_key: HashMap<&str, Index> = HashMap::new();
        for member in after.children(b) {
            if let Name::Key(key) = &after.nodes[member].name {
                // Of members with the same name the last one counts.
                self.after.open.extend(by_key.insert(key, member));
            }
        }
        for member in before.children(a) {
            match by_key.remove(before.key(member)) {
                Some(partner) => self.align(member, partner),
                None => self.before.open.push(member),
            }
        }
        self.after.open.extend(by_key.into_values());
    }

    fn align_items(&mut self, a: Index, b: Index) {
        let mut before: Vec<Index> = self.before.tree.children(a).collect();
        let mut after: Vec<Index> = self.after.tree.children(b).collect();
        let is_same =
            |this: &Self, (a, b): (&Index, &Index)| this.before.hash(*a) == this.after.hash(*b);
        while let Some(pair) = before.last().zip(after.last())
            && is_same(self, pair)
        {
            let (a, b) = (*pair.0, *pair.1);
            before.pop();
            after.pop();
            self.pair_items(a, b);
        }
        let pairs = before.iter().zip(&after);
        let same = pairs.take_while(|pair| is_same(self, *pair)).count();
        for (a, b) in before.iter().zip(&after).take(same) {
            self.pair_items(*a, *b);
        }
        self.align_middle(&before[same..], &after[same..]);
    }

    /// Items that are in neither an equal beginning nor an equal end.
    fn align_middle(&mut self, before: &[Index], after: &[Index]) {
        let mut partners = self.partners(before, after);
        let mut is_taken = vec![false; after.len()];
        for partner in partners.iter().flatten() {
            is_taken[*partner] = true;
        }
        // What tells nothing is what stands at the same place.
        for (at, partner) in partners.iter_mut().enumerate() {
            if partner.is_none() && is_taken.get(at) == Some(&false) {
                is_taken[at] = true;
                *partner = Some(at);
            }
        }
        for (a, partner) in before.iter().zip(partners) {
            match partner {
                Some(at) => self.pair_items(*a, after[at]),
                None => self.before.open.push(*a),
            }
        }
        let left = after.iter().zip(is_taken).filter(|(_, is_taken)| !is_taken);
        self.after.open.extend(left.map(|(b, _)| *b));
    }

    /// For each item before, which item after has most of its text.
    fn partners(&self, before: &[Index], after: &[Index]) -> Vec<Option<usize>> {
        let mut owners: HashMap<u64, Option<usize>> = HashMap::new();
        for (at, b) in after.iter().enumerate() {
            for (hash, _) in self.after.telling(*b) {
                let owner = owners.entry(hash).or_insert(Some(at));
                // A text of several items tells nothing.
                *owner = owner.filter(|known| *known == at);
            }
        }
        let mut is_taken = vec![false; after.len()];
        let mut partner = |a: &Index| {
            let mut votes: HashMap<usize, usize> = HashMap::new();
            for (hash, length) in self.before.telling(*a) {
                if let Some(Some(owner)) = owners.get(&hash) {
                    *votes.entry(*owner).or_default() += length;
                }
            }
            let most = votes
                .into_iter()
                .max_by_key(|(at, length)| (*length, std::cmp::Reverse(*at)));
            let (at, _) = most.filter(|(at, _)| !is_taken[*at])?;
            is_taken[at] = true;
            Some(at)
        };
        before.iter().map(&mut partner).collect()
    }

    /// One item became the other, perhaps at another place.
    fn pair_items(&mut self, a: Index, b: Index) {
        let place = |tree: &Tree<'_>, index: Index| match tree.nodes[index].name {
            Name::Item(at) => at,
            _ => 0,
        };
        if place(self.before.tree, a) != place(self.after.tree, b) {
            self.found.push(Found::Moved(a, b));
        }
        self.align(a, b);
    }
}
