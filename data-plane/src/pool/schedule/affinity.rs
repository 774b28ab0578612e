//! Which conversation keeps to which account; bounded in number and age.

use std::time::Duration;

use lru::LruCache;

use super::lease_request::SessionKey;
use crate::outcome::Timestamp;
use crate::pool::clock::between;

/// Conversations of one provider. When there are more, the least recently used is released.
pub(crate) const SESSIONS_MAX: usize = 10_000;

/// Prompt caches live for minutes, at most for an hour: after that a conversation may as well go
/// elsewhere.
const IDLE_MAX: Duration = Duration::from_secs(60 * 60);

/// How often the binding of a conversation that goes on is saved.
const SAVED_EVERY: Duration = Duration::from_secs(10 * 60);

#[derive(Clone, Copy, Debug)]
struct Binding {
    /// The account's index.
    account: usize,
    used_at: Timestamp,
    saved_at: Timestamp,
}

/// The conversations of one provider, in the order of their last use.
#[derive(Debug)]
pub(crate) struct Affinity {
    bindings: LruCache<SessionKey, Binding>,
}

/// A conversation that no longer keeps to an account.
pub(crate) struct Released {
    pub(crate) session: SessionKey,
    pub(crate) account: usize,
    /// It was not idle: there were too many.
    pub(crate) is_evicted: bool,
}

impl Default for Affinity {
    fn default() -> Self {
        // The bound is kept by `release`, which reports what it removes.
        Self {
            bindings: LruCache::unbounded(),
        }
    }
}

impl Affinity {
    /// The conversation's account. `None` where it has none, or was idle for too long.
    pub(crate) fn account(&self, session: SessionKey, now: Timestamp) -> Option<usize> {
        self.bindings
            .peek(&session)
            .filter(|binding| !binding.is_idle(now))
            .map(|binding| binding.account)
    }

    /// Binds a conversation. Returns its former account, and whether the binding is to be saved.
    pub(crate) fn bind(
        &mut self,
        session: SessionKey,
        account: usize,
        now: Timestamp,
    ) -> (Option<usize>, bool) {
        let Some(binding) = self.bindings.get_mut(&session) else {
            let binding = Binding {
                account,
                used_at: now,
                saved_at: now,
            };
            self.bindings.push(session, binding);
            return (None, true);
        };
        let former = binding.account;
        let is_due_to_save = former != account || between(binding.saved_at, now) >= SAVED_EVERY;
        binding.account = account;
        binding.used_at = now;
        if is_due_to_save {
            binding.saved_at = now;
        }
        (Some(former), is_due_to_save)
    }

    /// Releases a conversation that is idle, or one too many. Call it after each binding, until it
    /// returns `None`.
    pub(crate) fn release(&mut self, now: Timestamp) -> Option<Released> {
        let (_, oldest) = self.bindings.peek_lru()?;
        let is_idle = oldest.is_idle(now);
        if !is_idle && self.bindings.len() <= SESSIONS_MAX {
            return None;
        }
        let (session, binding) = self.bindings.pop_lru()?;
        Some(Released {
            session,
            account: binding.account,
            is_evicted: !is_idle,
        })
    }

    /// Gives each account its new index. Conversations of accounts that have none are dropped.
    pub(crate) fn reindex(&mut self, new_index: impl Fn(usize) -> Option<usize>) {
        let mut bindings = std::mem::replace(&mut self.bindings, LruCache::unbounded());
        // The least recently used comes first, so that the order stays.
        while let Some((session, mut binding)) = bindings.pop_lru() {
            if let Some(account) = new_index(binding.account) {
                binding.account = account;
                self.bindings.push(session, binding);
            }
        }
    }

    /// The clock went back: what was used "later" was used now.
    pub(crate) fn on_clock_rewind(&mut self, now: Timestamp) {
        for (_, binding) in &mut self.bindings {
            binding.used_at = binding.used_at.min(now);
            binding.saved_at = binding.saved_at.min(now);
        }
    }

    /// The account of each conversation.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = usize> {
        self.bindings.iter().map(|(_, binding)| binding.account)
    }
}

impl Binding {
    fn is_idle(&self, now: Timestamp) -> bool {
        between(self.used_at, now) >= IDLE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn key(number: usize) -> SessionKey {
        SessionKey::of(&number.to_string())
    }

    fn bind(affinity: &mut Affinity, number: usize, now: Timestamp) -> usize {
        affinity.bind(key(number), 0, now);
        std::iter::from_fn(|| affinity.release(now)).count()
    }

    #[test]
    fn a_conversation_is_released_when_it_was_idle_for_an_hour() {
        let mut affinity = Affinity::default();
        bind(&mut affinity, 1, after(0));
        bind(&mut affinity, 2, after(0));
        bind(&mut affinity, 2, after(3000));
        assert_eq!(affinity.account(key(1), after(3599)), Some(0));
        assert_eq!(affinity.account(key(1), after(3600)), None);
        let released = affinity.release(after(3600)).unwrap();
        assert_eq!((released.session, released.account), (key(1), 0));
        assert!(affinity.release(after(3600)).is_none());
        assert_eq!(affinity.account(key(2), after(3600)), Some(0));
    }

    #[test]
    fn conversations_are_bounded_in_number_and_those_in_use_stay() {
        let mut affinity = Affinity::default();
        for number in 0..SESSIONS_MAX + 500 {
            bind(&mut affinity, number, after(number as u64 / 100));
            bind(&mut affinity, 0, after(number as u64 / 100));
            assert!(affinity.bindings.len() <= SESSIONS_MAX);
        }
        assert!(
            affinity.account(key(0), after(105)).is_some(),
            "it was used all the time"
        );
        assert!(
            affinity.account(key(1), after(105)).is_none(),
            "it was the oldest"
        );
    }

    #[test]
    fn the_state_hears_of_news_and_now_and_then_of_what_goes_on() {
        let mut affinity = Affinity::default();
        assert_eq!(affinity.bind(key(1), 0, after(0)), (None, true));
        assert_eq!(affinity.bind(key(1), 0, after(1)), (Some(0), false));
        assert_eq!(affinity.bind(key(1), 1, after(2)), (Some(0), true));
        assert_eq!(affinity.bind(key(1), 1, after(602)), (Some(1), true));
    }

    #[test]
    fn conversations_of_an_account_that_is_gone_are_dropped() {
        let mut affinity = Affinity::default();
        affinity.bind(key(1), 0, after(0));
        affinity.bind(key(2), 1, after(0));
        affinity.reindex(|account| account.checked_sub(1));
        assert_eq!(
            (
                affinity.account(key(1), after(0)),
                affinity.account(key(2), after(0))
            ),
            (None, Some(0))
        );
    }
}
