//! A row of sums with its cost, and what tells it from others.

use crate::prices::Cost;
use crate::store::records::{DimensionValue, FirstBytes, Sums};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) sums: Sums,
    pub(super) cost: Cost,
    pub(super) first_bytes: FirstBytes,
}

impl Group {
    pub(super) fn add(&mut self, other: &Self) {
        self.sums.add(&other.sums);
        self.cost.add(&other.cost);
        self.add_first_bytes(&other.first_bytes);
    }

    pub(super) fn add_first_bytes(&mut self, added: &FirstBytes) {
        let counts = self.first_bytes.iter_mut().zip(added);
        counts.for_each(|(sum, added)| *sum += added);
    }
}

/// A key of a row: times sort by their order, and an hour that comes twice is told apart by its
/// shift.
pub(super) type GroupKey = Vec<(DimensionValue, i64)>;
