//! A document as a list of values, each with its parent and a hash of what it says.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

use super::VALUES_MAX;
use crate::json::path::push_key;
use crate::json::{Document, Kind, Value};

/// Hashes what values say; keyed, so that no one can write two values with the same hash.
#[derive(Default)]
pub(super) struct Hasher(RandomState);

/// A value by its place in the list.
pub(super) type Index = usize;

/// What a value is called in the one that holds it.
pub(super) enum Name<'d> {
    Root,
    Key(Cow<'d, str>),
    Item(usize),
}

pub(super) struct Node<'d> {
    pub(super) value: Value<'d>,
    pub(super) name: Name<'d>,
    parent: Index,
    /// The first value after it and all that it holds.
    pub(super) end: Index,
    /// The same for values that say the same: the order of members and escapes do not count.
    pub(super) hash: u64,
}

pub(super) struct Tree<'d> {
    pub(super) nodes: Vec<Node<'d>>,
}

impl<'d> Tree<'d> {
    /// `None` where there are too many values.
    pub(super) fn of(document: &'d Document, hasher: &Hasher) -> Option<Self> {
        let mut tree = Self { nodes: Vec::new() };
        tree.add(document.root(), Name::Root, 0, hasher)?;
        Some(tree)
    }

    /// Adds a value with all that it holds; returns its hash.
    fn add(
        &mut self,
        value: Value<'d>,
        name: Name<'d>,
        parent: Index,
        hasher: &Hasher,
    ) -> Option<u64> {
        let index = self.nodes.len();
        if index >= VALUES_MAX {
            return None;
        }
        self.nodes.push(Node {
            value,
            name,
            parent,
            end: index + 1,
            hash: 0,
        });
        let hash = match value.kind() {
            Kind::Object => self.add_members(value, index, hasher)?,
            Kind::Array => self.add_items(value, index, hasher)?,
            _ => hasher.of_scalar(value),
        };
        let end = self.nodes.len();
        let node = &mut self.nodes[index];
        (node.end, node.hash) = (end, hash);
        Some(hash)
    }

    fn add_members(&mut self, object: Value<'d>, index: Index, hasher: &Hasher) -> Option<u64> {
        let mut sum = hasher.0.hash_one("{}");
        for (key, value) in object.members().into_iter().flatten() {
            let of_key = hasher.0.hash_one(&*key);
            let of_value = self.add(value, Name::Key(key), index, hasher)?;
            sum = sum.wrapping_add(hasher.0.hash_one((of_key, of_value)));
        }
        Some(sum)
    }

    fn add_items(&mut self, array: Value<'d>, index: Index, hasher: &Hasher) -> Option<u64> {
        let mut all = hasher.0.build_hasher();
        all.write(b"[]");
        for (at, value) in array.items().into_iter().flatten().enumerate() {
            all.write_u64(self.add(value, Name::Item(at), index, hasher)?);
        }
        Some(all.finish())
    }

    /// What a value holds, without what that holds.
    pub(super) fn children(&self, index: Index) -> impl Iterator<Item = Index> + '_ {
        let end = self.nodes[index].end;
        let mut next = index + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next = self.nodes[child].end;
            Some(child)
        })
    }

    /// Whether it holds nothing: a scalar, or an empty list or object.
    pub(super) fn is_leaf(&self, index: Index) -> bool {
        self.nodes[index].end == index + 1
    }

    /// The key under which a value stands; that of its list for an item.
    pub(super) fn key(&self, index: Index) -> &str {
        let mut at = index;
        loop {
            match &self.nodes[at].name {
                Name::Key(key) => return key,
                Name::Item(_) => at = self.nodes[at].parent,
                Name::Root => return "",
            }
        }
    }

    /// `messages[3].content`; with `is_general`, `messages[].content`.
    pub(super) fn path(&self, index: Index, is_general: bool) -> String {
        let mut names = Vec::new();
        let mut at = index;
        while at > 0 {
            names.push(&self.nodes[at].name);
            at = self.nodes[at].parent;
        }
        let mut path = String::new();
        for name in names.into_iter().rev() {
            match name {
                Name::Key(key) => push_key(&mut path, key),
                Name::Item(_) if is_general => path.push_str("[]"),
                Name::Item(at) => path.push_str(&format!("[{at}]")),
                Name::Root => {}
            }
        }
        path
    }
}

impl Hasher {
    fn of_scalar(&self, value: Value<'_>) -> u64 {
        match value.str() {
            Ok(text) => self.of_text(&text),
            Err(_) => self.0.hash_one((0, value.as_written())),
        }
    }

    pub(super) fn of_text(&self, text: &str) -> u64 {
        self.0.hash_one((1, text))
    }

    /// The hash of a text of JSON. `None` where it is none, or holds nothing.
    pub(super) fn of_json(&self, json: &str) -> Option<u64> {
        let document = Document::parse(json.as_bytes().to_vec().into()).ok()?;
        let tree = Tree::of(&document, self)?;
        (!tree.is_leaf(0)).then(|| tree.nodes[0].hash)
    }
}
