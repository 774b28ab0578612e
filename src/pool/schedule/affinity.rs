//! Which conversation keeps to which account; bounded in number and age.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::lease_request::SessionKey;
use crate::outcome::Timestamp;
use crate::pool::clock::between;

/// Conversations of one provider; beyond that the one unused for longest is forgotten.
const SESSIONS_MAX: usize = 10_000;

/// Prompt caches live for minutes, at most for an hour: after that a conversation may as well go
/// elsewhere.
const IDLE_MAX: Duration = Duration::from_secs(60 * 60);

/// How often a conversation that goes on is told to the state.
const KEPT_EVERY: Duration = Duration::from_secs(10 * 60);

/// How many old entries one call looks at, so that none takes long.
const STEPS_MAX: usize = 8;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    pub(crate) account: usize,
    pub(crate) used_at: Timestamp,
    kept_at: Timestamp,
}

/// The conversations of one provider.
#[derive(Debug, Default)]
pub(crate) struct Affinity {
    bindings: HashMap<SessionKey, Binding>,
    /// Each conversation once, with the moment at which it was last looked at here: the oldest
    /// first.
    ages: VecDeque<(SessionKey, Timestamp)>,
}

impl Affinity {
    /// The conversation's account, where it has one and was not idle for too long.
    pub(crate) fn account(&self, session: SessionKey, now: Timestamp) -> Option<usize> {
        self.bindings
            .get(&session)
            .filter(|binding| !is_idle(binding.used_at, now))
            .map(|binding| binding.account)
    }

    /// Binds a conversation. Returns its former account, and whether the state should hear of it.
    pub(crate) fn bind(
        &mut self,
        session: SessionKey,
        account: usize,
        now: Timestamp,
    ) -> (Option<usize>, bool) {
        let fresh = Binding {
            account,
            used_at: now,
            kept_at: now,
        };
        let Some(binding) = self.bindings.get_mut(&session) else {
            self.bindings.insert(session, fresh);
            self.ages.push_back((session, now));
            return (None, true);
        };
        let former = binding.account;
        let is_news = former != account || between(binding.kept_at, now) >= KEPT_EVERY;
        let kept_at = if is_news { now } else { binding.kept_at };
        *binding = Binding { kept_at, ..fresh };
        (Some(former), is_news)
    }

    /// Forgets a conversation that is idle, or one too many. Call it until it gives `None`, after
    /// each binding.
    pub(crate) fn release(&mut self, now: Timestamp) -> Option<(SessionKey, usize)> {
        for step in 0..STEPS_MAX {
            let is_full = self.bindings.len() > SESSIONS_MAX;
            let (session, seen_at) = *self.ages.front()?;
            if !is_full && !is_idle(seen_at, now) {
                return None;
            }
            self.ages.pop_front();
            let used_at = self
                .bindings
                .get(&session)
                .map_or(seen_at, |binding| binding.used_at);
            // One that was used since goes to the end, unless that would go on for too long.
            let is_due =
                is_idle(used_at, now) || (is_full && (used_at <= seen_at || step + 1 == STEPS_MAX));
            if is_due {
                return self
                    .bindings
                    .remove(&session)
                    .map(|binding| (session, binding.account));
            }
            self.ages.push_back((session, used_at));
        }
        None
    }

    /// Gives each account its new number; conversations of those that have none are dropped.
    pub(crate) fn renumber(&mut self, number: impl Fn(usize) -> Option<usize>) {
        self.bindings.retain(|_, binding| {
            number(binding.account)
                .map(|account| binding.account = account)
                .is_some()
        });
        self.ages
            .retain(|(session, _)| self.bindings.contains_key(session));
    }

    /// The clock went back: what was used "later" was used now.
    pub(crate) fn follow_clock(&mut self, now: Timestamp) {
        for binding in self.bindings.values_mut() {
            binding.used_at = binding.used_at.min(now);
            binding.kept_at = binding.kept_at.min(now);
        }
        self.ages
            .iter_mut()
            .for_each(|(_, seen_at)| *seen_at = (*seen_at).min(now));
    }

    pub(crate) fn accounts(&self) -> impl Iterator<Item = usize> {
        self.bindings.values().map(|binding| binding.account)
    }
}

fn is_idle(used_at: Timestamp, now: Timestamp) -> bool {
    between(used_at, now) >= IDLE_MAX
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
        assert_eq!(affinity.release(after(3600)), Some((key(1), 0)));
        assert_eq!(affinity.release(after(3600)), None);
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
        assert_eq!(affinity.ages.len(), affinity.bindings.len());
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
        affinity.renumber(|account| account.checked_sub(1));
        assert_eq!(
            (
                affinity.account(key(1), after(0)),
                affinity.account(key(2), after(0))
            ),
            (None, Some(0))
        );
    }
}
