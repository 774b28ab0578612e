//! Who holds what a provider stored: only the account that made a response can continue it.
//!
//! Ids alone, in memory, bounded in number; after a restart a conversation's affinity is what is
//! left.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::account::AccountName;

/// Ids that are kept; the oldest go first.
const IDS_MAX: usize = 10_000;

/// The accounts by what they made.
#[derive(Debug, Default)]
pub(super) struct ResponseOwners(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    by_id: HashMap<String, AccountName>,
    /// Ids in the order in which they came.
    order: VecDeque<String>,
}

impl ResponseOwners {
    /// Notes that the account's provider keeps `id`.
    pub(super) fn note(&self, id: String, account: &AccountName) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.by_id.insert(id.clone(), account.clone()).is_none() {
            memory.order.push_back(id);
        }
        if memory.order.len() > IDS_MAX
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.by_id.remove(&oldest);
        }
    }

    /// Whether nothing is known: then no request need be searched for ids.
    pub(super) fn is_empty(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .by_id
            .is_empty()
    }

    /// The account that alone can read `id`, as far as it is known.
    pub(super) fn of(&self, id: &str) -> Option<AccountName> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .by_id
            .get(id)
            .cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_ids_go_first() {
        let (makers, account) = (ResponseOwners::default(), "work".parse().unwrap());
        (0..=IDS_MAX).for_each(|number| makers.note(format!("resp_{number}"), &account));
        assert_eq!(makers.of("resp_0"), None);
        assert_eq!(makers.of("resp_1"), Some(account));
    }
}
