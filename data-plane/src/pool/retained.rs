//! What is known of accounts that are not configured at the moment.

use std::collections::HashMap;

use super::account_slot::AccountSlot;
use super::state_store::SavedState;
use crate::account::AccountName;
use crate::outcome::Timestamp;

/// Accounts that were removed from the configuration; what is known of more is forgotten.
const REMOVED_MAX: usize = 1_000;

/// What the last run saved of accounts that were not configured since, and what is known of those
/// that no longer are.
pub(crate) struct Retained {
    saved: SavedState,
    removed: HashMap<AccountName, AccountSlot>,
}

impl Retained {
    pub(crate) fn new(saved: SavedState, now: Timestamp) -> Self {
        let mut retained = Self {
            saved,
            removed: HashMap::new(),
        };
        retained.on_clock_rewind(now);
        retained
    }

    pub(crate) fn on_clock_rewind(&mut self, now: Timestamp) {
        for slot in self.removed.values_mut() {
            slot.on_clock_rewind(now);
        }
        for (_, cooldown) in &mut self.saved.cooldowns {
            cooldown.on_clock_rewind(now);
        }
    }

    pub(crate) fn forget(&mut self, name: &AccountName) {
        self.removed.remove(name);
        drop(self.take_saved(name));
    }

    /// Keeps what is known of an account that was removed. Its leases are no longer counted: when
    /// they end, they find no account.
    pub(crate) fn retain(&mut self, slot: AccountSlot) {
        if self.removed.len() >= REMOVED_MAX {
            return;
        }
        let slot = AccountSlot {
            in_flight: 0,
            sessions: 0,
            ..slot
        };
        self.removed.insert(slot.account.name.clone(), slot);
    }

    pub(crate) fn take_removed(&mut self, name: &AccountName) -> Option<AccountSlot> {
        self.removed.remove(name)
    }

    pub(crate) fn take_saved(&mut self, name: &AccountName) -> SavedState {
        let saved = &mut self.saved;
        SavedState {
            cooldowns: extract(&mut saved.cooldowns, |(account, _)| account == name),
            bindings: extract(&mut saved.bindings, |binding| binding.account == *name),
            spent: extract(&mut saved.spent, |(account, _)| account == name),
            readings: extract(&mut saved.readings, |(account, _)| account == name),
            signed_out: extract(&mut saved.signed_out, |(account, _)| account == name),
            objects: Vec::new(),
        }
    }
}

fn extract<T>(all: &mut Vec<T>, matches: impl Fn(&T) -> bool) -> Vec<T> {
    all.extract_if(.., |one| matches(one)).collect()
}
