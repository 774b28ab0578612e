//! Where the refresh of one account's access token stands. Pure; `refresh` does it.

use std::time::Duration;

use crate::outcome::Timestamp;
use crate::pool::clock::between;
use crate::pool::health::cooldown::CLOCK_SLACK;

/// Tokens are refreshed this long before their end, or in the last fifth of a shorter life.
const AHEAD_MAX: Duration = Duration::from_secs(5 * 60);
const AHEAD_SHARE: u32 = 5;

/// Up to this share earlier still, so that accounts that were signed in together do not refresh
/// together.
const JITTER_SHARE: f64 = 0.5;

/// Accounts that served within this time are refreshed ahead; others when they are wanted.
const IN_USE: Duration = Duration::from_secs(60 * 60);

const FIRST_RETRY: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(5 * 60);

/// A refresh: none, wanted, under way, or to be tried again.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefreshState {
    is_wanted: bool,
    pub(crate) is_running: bool,
    /// A refresh was sent and nobody knows whether it was taken.
    pub(crate) is_in_doubt: bool,
    /// From when on the token is refreshed ahead of its end.
    ahead_at: Option<Timestamp>,
    retry: Option<(Timestamp, Timestamp)>,
    strikes: u32,
}

impl RefreshState {
    /// A request waits for it, or the token was refused.
    pub(crate) fn want(&mut self) {
        self.is_wanted = true;
    }

    /// What was to be tried again later is tried now, where there is something to try.
    pub(crate) fn hurry(&mut self) {
        self.retry = None;
        self.strikes = 0;
    }

    /// Whether to begin now. `used_at`: when the account served last.
    pub(crate) fn is_due(&self, used_at: Option<Timestamp>, now: Timestamp) -> bool {
        let is_in_use = used_at.is_some_and(|used_at| between(used_at, now) < IN_USE);
        let is_ahead = is_in_use && self.ahead_at.is_some_and(|at| at <= now);
        let may_retry = self.retry.is_none_or(|(_, at)| at <= now);
        !self.is_running && may_retry && (self.is_wanted || self.is_in_doubt || is_ahead)
    }

    /// When it may become due by itself.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        match self.retry {
            _ if self.is_running => None,
            Some((_, at)) => Some(at),
            None => self.ahead_at,
        }
    }

    pub(crate) fn begin(&mut self) {
        self.is_running = true;
    }

    /// A token came that ends at `ends_at`. `jitter`: 0..1.
    pub(crate) fn succeed(&mut self, ends_at: Option<Timestamp>, now: Timestamp, jitter: f64) {
        *self = Self {
            ahead_at: ends_at.map(|end| ahead_of(end, now, jitter)),
            ..Self::default()
        };
    }

    /// None came; when it is tried again.
    pub(crate) fn fail(&mut self, is_in_doubt: bool, now: Timestamp, jitter: f64) -> Timestamp {
        let wait = FIRST_RETRY
            .saturating_mul(2_u32.saturating_pow(self.strikes.min(16)))
            .min(RETRY_MAX);
        let at = now + wait.mul_f64(1.0 + 0.25 * jitter);
        self.strikes = self.strikes.saturating_add(1);
        (self.is_running, self.is_in_doubt, self.retry) = (false, is_in_doubt, Some((now, at)));
        at
    }

    /// The provider refused: nothing is tried again.
    pub(crate) fn end(&mut self) {
        *self = Self::default();
    }

    /// The clock went back: what is to be tried again waits no longer than it would have.
    pub(crate) fn follow_clock(&mut self, now: Timestamp) {
        if let Some((since, at)) = self.retry.filter(|(since, _)| *since > now + CLOCK_SLACK) {
            self.retry = Some((now, now + between(since, at)));
        }
    }
}

fn ahead_of(end: Timestamp, now: Timestamp, jitter: f64) -> Timestamp {
    let ahead = AHEAD_MAX
        .min(between(now, end) / AHEAD_SHARE)
        .mul_f64(1.0 + JITTER_SHARE * jitter);
    end.checked_sub(ahead).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn flown(ends_at: Timestamp, jitter: f64) -> RefreshState {
        let mut flight = RefreshState::default();
        flight.succeed(Some(ends_at), after(0), jitter);
        flight
    }

    #[test]
    fn a_token_of_an_hour_is_refreshed_minutes_before_its_end() {
        assert!(!flown(after(3600), 0.0).is_due(Some(after(0)), after(3299)));
        assert!(flown(after(3600), 0.0).is_due(Some(after(0)), after(3300)));
        assert!(flown(after(3600), 1.0).is_due(Some(after(0)), after(3150)));
    }

    #[test]
    fn a_short_token_is_refreshed_in_its_last_fifth() {
        assert!(!flown(after(100), 0.0).is_due(Some(after(0)), after(79)));
        assert!(flown(after(100), 0.0).is_due(Some(after(0)), after(80)));
    }

    #[test]
    fn an_account_that_nobody_uses_is_not_refreshed_ahead() {
        assert!(!flown(after(3600), 0.0).is_due(None, after(3500)));
        assert!(!flown(after(36000), 0.0).is_due(Some(after(0)), after(35900)));
    }

    #[test]
    fn what_is_in_doubt_is_tried_again_until_it_is_answered_ever_more_slowly() {
        let mut flight = RefreshState {
            is_in_doubt: true,
            ..RefreshState::default()
        };
        let mut now = after(0);
        let mut waits = Vec::new();
        for _ in 0..10 {
            assert!(flight.is_due(None, now));
            flight.begin();
            assert!(!flight.is_due(None, now));
            let next = flight.fail(true, now, 0.0);
            waits.push(between(now, next).as_secs());
            now = next;
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }
}
