//! When the access token of one account is refreshed. Pure: `runner` does it.
//!
//! ```text
//!             request() | is_in_doubt | the token is in use and near its end
//!   idle ------------------------------------------------------------------> due
//!    ^                                                                        | start()
//!    |  succeed(): the next one is due shortly before the new token's end     v
//!    +--------------------------------------------------------------------- running
//!    |  reset(): the provider refused; only a new credential helps            |
//!    +------------------------------------------------------------------------+
//!    |  fail(): due again after a back-off                                    |
//!    '------------------------------------------------------------------------'
//! ```

use std::time::Duration;

use crate::outcome::Timestamp;
use crate::pool::clock::{CLOCK_SLACK, between};

/// Tokens are refreshed this long before they end, or in the last fifth of a shorter life.
const AHEAD_MAX: Duration = Duration::from_secs(5 * 60);
const AHEAD_SHARE: u32 = 5;

/// Up to this share earlier still, so that accounts that were signed in together do not refresh
/// together.
const AHEAD_JITTER_SHARE: f64 = 0.5;

/// Accounts that served within this time are refreshed ahead; others when a request needs them.
const IN_USE: Duration = Duration::from_secs(60 * 60);

const FIRST_RETRY: Duration = Duration::from_secs(2);
const RETRY_MAX: Duration = Duration::from_secs(5 * 60);
const RETRY_JITTER_SHARE: f64 = 0.25;

/// A refresh: none, due, running, or to be tried again.
#[derive(Clone, Debug, Default)]
pub(crate) struct RefreshState {
    is_requested: bool,
    pub(crate) is_running: bool,
    /// A refresh was sent, and whether the provider carried it out is unknown.
    pub(crate) is_in_doubt: bool,
    /// When the token is refreshed ahead of its end.
    ahead_at: Option<Timestamp>,
    retry: Option<Retry>,
    failures: u32,
}

#[derive(Clone, Copy, Debug)]
struct Retry {
    failed_at: Timestamp,
    at: Timestamp,
}

impl RefreshState {
    /// A request waits for it, or the token was refused.
    pub(crate) fn request(&mut self) {
        self.is_requested = true;
    }

    /// The same, but not before `pause` is over.
    pub(crate) fn request_after(&mut self, pause: Duration, now: Timestamp) {
        self.is_requested = true;
        self.retry = Some(Retry {
            failed_at: now,
            at: now + pause,
        });
    }

    /// Tries again at once what was to be tried later.
    pub(crate) fn retry_now(&mut self) {
        self.retry = None;
        self.failures = 0;
    }

    /// Whether to start now. `last_used_at`: when the account was last leased.
    pub(crate) fn is_due(&self, last_used_at: Option<Timestamp>, now: Timestamp) -> bool {
        if self.is_running || self.retry.is_some_and(|retry| retry.at > now) {
            return false;
        }
        let is_in_use = last_used_at.is_some_and(|used_at| between(used_at, now) < IN_USE);
        let is_ahead = is_in_use && self.ahead_at.is_some_and(|at| at <= now);
        self.is_requested || self.is_in_doubt || is_ahead
    }

    /// When it may become due by the clock alone.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        match self.retry {
            _ if self.is_running => None,
            Some(retry) => Some(retry.at),
            None => self.ahead_at,
        }
    }

    pub(crate) fn start(&mut self) {
        self.is_running = true;
    }

    /// There is a token that ends at `expires_at`. `jitter`: 0..1.
    pub(crate) fn succeed(&mut self, expires_at: Option<Timestamp>, now: Timestamp, jitter: f64) {
        *self = Self {
            ahead_at: expires_at.map(|expires_at| ahead_of(expires_at, now, jitter)),
            ..Self::default()
        };
    }

    /// There is none. Returns when it is tried again. `jitter`: 0..1.
    pub(crate) fn fail(&mut self, is_in_doubt: bool, now: Timestamp, jitter: f64) -> Timestamp {
        let wait = FIRST_RETRY
            .saturating_mul(2_u32.saturating_pow(self.failures.min(16)))
            .min(RETRY_MAX);
        let at = now + wait.mul_f64(1.0 + RETRY_JITTER_SHARE * jitter);
        self.failures = self.failures.saturating_add(1);
        self.is_running = false;
        self.is_in_doubt = is_in_doubt;
        self.retry = Some(Retry { failed_at: now, at });
        at
    }

    /// How often it failed in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Nothing is tried again.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The clock went back: the back-off keeps its length.
    pub(crate) fn on_clock_rewind(&mut self, now: Timestamp) {
        if let Some(retry) = &mut self.retry
            && retry.failed_at > now + CLOCK_SLACK
        {
            retry.at = now + between(retry.failed_at, retry.at);
            retry.failed_at = now;
        }
    }
}

fn ahead_of(expires_at: Timestamp, now: Timestamp, jitter: f64) -> Timestamp {
    let share = between(now, expires_at) / AHEAD_SHARE;
    let ahead = AHEAD_MAX
        .min(share)
        .mul_f64(1.0 + AHEAD_JITTER_SHARE * jitter);
    expires_at.checked_sub(ahead).unwrap_or(expires_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn refreshed(ends_at: Timestamp, jitter: f64) -> RefreshState {
        let mut refresh = RefreshState::default();
        refresh.succeed(Some(ends_at), after(0), jitter);
        refresh
    }

    #[test]
    fn a_token_of_an_hour_is_refreshed_minutes_before_its_end() {
        assert!(!refreshed(after(3600), 0.0).is_due(Some(after(0)), after(3299)));
        assert!(refreshed(after(3600), 0.0).is_due(Some(after(0)), after(3300)));
        assert!(refreshed(after(3600), 1.0).is_due(Some(after(0)), after(3150)));
    }

    #[test]
    fn a_short_token_is_refreshed_in_its_last_fifth() {
        assert!(!refreshed(after(100), 0.0).is_due(Some(after(0)), after(79)));
        assert!(refreshed(after(100), 0.0).is_due(Some(after(0)), after(80)));
    }

    #[test]
    fn an_account_that_nobody_uses_is_not_refreshed_ahead() {
        assert!(!refreshed(after(3600), 0.0).is_due(None, after(3500)));
        assert!(!refreshed(after(36000), 0.0).is_due(Some(after(0)), after(35900)));
    }

    #[test]
    fn what_is_in_doubt_is_tried_again_until_it_is_answered_ever_more_slowly() {
        let mut refresh = RefreshState {
            is_in_doubt: true,
            ..RefreshState::default()
        };
        let mut now = after(0);
        let mut waits = Vec::new();
        for _ in 0..10 {
            assert!(refresh.is_due(None, now));
            refresh.start();
            assert!(!refresh.is_due(None, now));
            let next = refresh.fail(true, now, 0.0);
            waits.push(between(now, next).as_secs());
            now = next;
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }
}
