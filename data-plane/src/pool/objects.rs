//! Which account keeps an object at its provider: a file, a batch, a stored response. Only that
//! account can read it.
//!
//! Ids are kept as digests, bounded in number and age, also over a restart. It knows no dialect.

use std::time::Duration;

use lru::LruCache;
use parking_lot::Mutex;

use super::schedule::lease_request::SessionKey;
use super::state_store::{ObjectOwner, SavedObject, StateStore};
use crate::account::AccountName;
use crate::outcome::Timestamp;

/// Ids that are kept; the least recently used one makes room.
const OBJECTS_MAX: usize = 10_000;

/// How long an id is kept that is not used: providers keep stored responses and results of batches
/// for 30 days at the most, files until they are deleted.
const KEPT_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

/// How old a saved time may be before a use is saved: at most one write a day for an id.
const SAVED_EVERY: Duration = Duration::from_secs(24 * 3600);

struct Known {
    owner: ObjectOwner,
    saved_at: Timestamp,
}

/// Owners by the digests of ids.
pub(crate) struct Objects(Mutex<LruCache<SessionKey, Known>>);

impl Objects {
    /// What the last run saved, as far as it is not too old.
    pub(crate) fn new(saved: Vec<SavedObject>, store: &dyn StateStore, now: Timestamp) -> Self {
        // Bounded on insertion: a bounded cache would allocate all of its table now.
        let objects = Self(Mutex::new(LruCache::unbounded()));
        let mut saved = saved;
        saved.sort_by_key(|object| object.used_at);
        for object in saved {
            let age = now.duration_since(object.used_at).unwrap_or_default();
            if age > KEPT_FOR {
                store.remove_object(object.id);
                continue;
            }
            let known = Known {
                owner: object.owner,
                saved_at: object.used_at,
            };
            objects.put(object.id, known, store);
        }
        objects
    }

    fn put(&self, id: SessionKey, known: Known, store: &dyn StateStore) {
        let mut objects = self.0.lock();
        objects.put(id, known);
        if objects.len() > OBJECTS_MAX
            && let Some((oldest, _)) = objects.pop_lru()
        {
            store.remove_object(oldest);
        }
    }

    pub(crate) fn note(
        &self,
        id: &str,
        owner: ObjectOwner,
        store: &dyn StateStore,
        now: Timestamp,
    ) {
        let id = SessionKey::of(id);
        store.save_object(id, &owner, now);
        let known = Known {
            owner,
            saved_at: now,
        };
        self.put(id, known, store);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub(crate) fn owner_of(
        &self,
        id: &str,
        store: &dyn StateStore,
        now: Timestamp,
    ) -> Option<ObjectOwner> {
        let id = SessionKey::of(id);
        let mut objects = self.0.lock();
        let known = objects.get_mut(&id)?;
        if now.duration_since(known.saved_at).unwrap_or_default() > SAVED_EVERY {
            known.saved_at = now;
            store.save_object(id, &known.owner, now);
        }
        Some(known.owner.clone())
    }

    /// Forgets what an account kept that is gone for good.
    pub(crate) fn forget(&self, account: &AccountName, store: &dyn StateStore) {
        let mut objects = self.0.lock();
        let gone: Vec<SessionKey> = objects
            .iter()
            .filter(|(_, known)| known.owner.account == *account)
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            objects.pop(&id);
            store.remove_object(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::NullStateStore;

    fn owner(account: &str) -> ObjectOwner {
        ObjectOwner {
            provider: "lab".to_owned(),
            account: account.parse().unwrap(),
        }
    }

    fn saved(id: &str, account: &str, used_at: Timestamp) -> SavedObject {
        SavedObject {
            id: SessionKey::of(id),
            owner: owner(account),
            used_at,
        }
    }

    #[test]
    fn the_least_recently_used_ids_go_first() {
        let now = Timestamp::UNIX_EPOCH + KEPT_FOR * 2;
        let objects = Objects::new(Vec::new(), &NullStateStore, now);
        for number in 0..=OBJECTS_MAX {
            objects.note(&number.to_string(), owner("work"), &NullStateStore, now);
            objects.owner_of("0", &NullStateStore, now);
        }
        let owner_of = |id| objects.owner_of(id, &NullStateStore, now);
        assert_eq!((owner_of("0"), owner_of("1")), (Some(owner("work")), None));
    }

    #[test]
    fn what_was_saved_is_known_again_until_it_is_too_old() {
        let now = Timestamp::UNIX_EPOCH + KEPT_FOR * 2;
        let old = now - KEPT_FOR - Duration::from_secs(1);
        let all = vec![saved("a", "work", now), saved("b", "work", old)];
        let objects = Objects::new(all, &NullStateStore, now);
        let owner_of = |id| objects.owner_of(id, &NullStateStore, now);
        assert_eq!((owner_of("a"), owner_of("b")), (Some(owner("work")), None));
    }

    #[test]
    fn an_account_that_is_forgotten_keeps_nothing() {
        let now = Timestamp::UNIX_EPOCH + KEPT_FOR * 2;
        let all = vec![saved("a", "work", now), saved("b", "home", now)];
        let objects = Objects::new(all, &NullStateStore, now);
        objects.forget(&"work".parse().unwrap(), &NullStateStore);
        let owner_of = |id| objects.owner_of(id, &NullStateStore, now);
        assert_eq!((owner_of("a"), owner_of("b")), (None, Some(owner("home"))));
    }
}
