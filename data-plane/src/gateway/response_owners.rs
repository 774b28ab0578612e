//! Which account owns a stored response: only the account that made it can continue it.
//!
//! Ids in memory only, bounded in number, never on disk. After a restart only session affinity is
//! left to find the account.

use lru::LruCache;
use parking_lot::Mutex;

use crate::account::AccountName;

/// Ids that are kept; the least recently used one makes room.
const IDS_MAX: usize = 10_000;

/// Accounts by the ids of their stored responses.
#[derive(Debug)]
pub(super) struct ResponseOwners(Mutex<LruCache<String, AccountName>>);

impl Default for ResponseOwners {
    fn default() -> Self {
        // Bounded on insertion: a bounded cache would allocate all of its table now.
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl ResponseOwners {
    /// Remembers that the account's provider keeps the response `id`.
    pub(super) fn insert(&self, id: String, account: &AccountName) {
        let mut owners = self.0.lock();
        owners.put(id, account.clone());
        if owners.len() > IDS_MAX {
            owners.pop_lru();
        }
    }

    /// Whether no response is stored: then no request need be searched for ids.
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    /// The account that alone can read the response `id`; `None` where it is not known.
    pub(super) fn owner_of(&self, id: &str) -> Option<AccountName> {
        self.0.lock().get(id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_ids_go_first() {
        let (owners, account) = (ResponseOwners::default(), "work".parse().unwrap());
        for number in 0..=IDS_MAX {
            owners.insert(format!("resp_{number}"), &account);
        }
        assert_eq!(owners.owner_of("resp_0"), None);
        assert_eq!(owners.owner_of("resp_1"), Some(account));
    }
}
