//! What is kept of a key's usage beyond the process, as one JSON value.

use serde::{Deserialize, Serialize};

use super::limits::KeyUnit;
use crate::account::Period;
use crate::outcome::Timestamp;

/// A key's usage. `made_at` tells the key from an earlier one of its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedUsage {
    pub(super) made_at: Timestamp,
    /// Rises each time that it is saved.
    pub(super) revision: u64,
    pub(super) last_used_at: Option<Timestamp>,
    pub(super) minute: Counted,
    /// Refusals of a local day.
    pub(super) refused: Counted,
    pub(super) meters: Vec<SavedMeter>,
}

/// How many there were since a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) since: Timestamp,
    pub(super) count: u64,
}

impl Counted {
    pub(super) const NONE: Self = Self {
        since: Timestamp::UNIX_EPOCH,
        count: 0,
    };

    /// How many there were in the period that began at `since`.
    pub(super) fn of(&self, since: Timestamp) -> u64 {
        if self.since == since { self.count } else { 0 }
    }

    pub(super) fn add(&mut self, since: Timestamp) {
        let count = self.of(since).saturating_add(1);
        *self = Self { since, count };
    }
}

/// What is spent of a budget, as [`super::meter::Meter`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedMeter {
    pub(super) unit: KeyUnit,
    pub(super) period: Period,
    pub(super) time_zone: String,
    pub(super) starts_at: Timestamp,
    pub(super) spent: u64,
    pub(super) unpriced: u64,
}
