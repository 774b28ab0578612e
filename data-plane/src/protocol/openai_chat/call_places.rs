//! Finds the call that a fragment belongs to, however many there are.
//!
//! The index decides where there is one, unless the ids differ: some servers give every call the
//! same index. Without an index the id decides. With neither, the fragment continues the last call,
//! unless its name begins another. Of several calls the last is meant.

use std::collections::HashMap;

use crate::json::EscapedStr;

use super::tool_call_fragment::ToolCallFragment;

/// The calls of one choice, as the places of their parts.
#[derive(Default)]
pub(super) struct CallPlaces {
    last: Option<usize>,
    by_index: HashMap<u64, usize>,
    by_id: HashMap<EscapedStr, usize>,
    by_index_and_id: HashMap<(u64, EscapedStr), usize>,
    /// Of the calls with that index, the one whose id has not come.
    without_id: HashMap<u64, usize>,
}

impl CallPlaces {
    pub(super) fn last(&self) -> Option<usize> {
        self.last
    }

    /// The call of that index, and with that id or none so far.
    pub(super) fn with_index(&self, index: u64, id: Option<&EscapedStr>) -> Option<usize> {
        let Some(id) = id else {
            return self.by_index.get(&index).copied();
        };
        let with_id = self.by_index_and_id.get(&(index, id.clone()));
        let without_id = self.without_id.get(&index);
        with_id.max(without_id).copied()
    }

    pub(super) fn with_id(&self, id: &EscapedStr) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    /// Notes a call that begins with this fragment.
    pub(super) fn begin(&mut self, place: usize, fragment: &ToolCallFragment) {
        self.last = Some(place);
        if let Some(index) = fragment.index {
            self.by_index.insert(index, place);
            self.without_id.insert(index, place);
        }
    }

    /// Notes the id of a call, which came now.
    pub(super) fn name(&mut self, place: usize, index: Option<u64>, id: &EscapedStr) {
        self.by_id.insert(id.clone(), place);
        if let Some(index) = index {
            self.by_index_and_id.insert((index, id.clone()), place);
            self.without_id.remove(&index);
        }
    }
}
