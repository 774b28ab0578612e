//! Cooldowns: why an account pauses, for which model, until when, and when a probe may be sent
//! before it ends.
//!
//! All times are wall time: a cooldown lasts through restarts, suspend and clock jumps. Pure:
//! `feedback` decides which outcome is a strike.
//!
//! # Back-off
//!
//! Where the provider names no end, the cooldown doubles with each strike, up to the cause's
//! longest (here `RateLimit`, without jitter):
//!
//! ```text
//! strike 1      strike 2             strike 3
//! |--2 s--|     |----4 s----|        |--------8 s--------|     ...  10 min at most
//!   ^ ^         ^                                        |<-- 1 h -->| then strikes start at 1
//!   | |         the attempt was leased after `since`: a new strike
//!   attempts leased before `since` ran beside the first: the same strike, the later end holds
//! ```
//!
//! # Probes
//!
//! A named end can be wrong by hours, as when a user buys credit. So a cooldown of more than 30
//! minutes lets single live requests through, at times that double:
//!
//! ```text
//! since    15 min   30 min            60 min                         120 min         until
//! |-----------P--------P-----------------P------------------------------P---- ... ----|
//! ```
//!
//! A probe that is refused leaves the cooldown as it is; one that is served ends it.

use std::sync::Arc;
use std::time::Duration;

use crate::language::Said;
use crate::outcome::Timestamp;
use crate::pool::clock::{CLOCK_SLACK, between};
use crate::status::CooldownCause;

/// No provider's quota window is longer than a month: a later end is a mistake of some clock.
const COOLDOWN_MAX: Duration = Duration::from_secs(32 * 24 * 60 * 60);

/// An end this far off is no quota's either: no client waits for `retry-after: 99999999` or for 2099.
const CREDIBLE_MAX: Duration = Duration::from_secs(COOLDOWN_MAX.as_secs() - 60 * 60);

/// How long a cooldown lasts whose named end is not credible. The next request then shows whether it
/// is over.
const INCREDIBLE_END_AFTER: Duration = Duration::from_secs(60 * 60);

/// Longer cooldowns are probed before they end.
const PROBED_BEYOND: Duration = Duration::from_secs(30 * 60);

/// When the first probe may be sent, from the start of the cooldown; each later one at twice the
/// time.
const FIRST_PROBE: Duration = Duration::from_secs(15 * 60);

/// How long strikes are remembered after their cooldown.
const STRIKES_KEPT: Duration = Duration::from_secs(60 * 60);

/// Up to this share is added to a back-off, so that accounts do not come back together.
const JITTER_SHARE: f64 = 0.25;

/// Cooldowns that are kept of one account. When there are more, the one that ends first is
/// forgotten.
const COOLDOWNS_MAX: usize = 128;

/// The first and the longest cooldown where the provider names no end.
fn back_off_bounds(cause: CooldownCause) -> (Duration, Duration) {
    let (first, longest) = match cause {
        CooldownCause::RateLimit => (2, 10 * 60),
        CooldownCause::Quota => (10 * 60, 6 * 60 * 60),
        CooldownCause::Overloaded => (1, 2 * 60),
        CooldownCause::Forbidden => (60, 60 * 60),
        CooldownCause::Failing => (1, 60),
        CooldownCause::RefreshFailing => (2, 5 * 60),
    };
    (Duration::from_secs(first), Duration::from_secs(longest))
}

/// Whether a cooldown of this cause only ranks the account behind others, as the provider never
/// said that it may not be used.
pub(crate) fn is_soft(cause: CooldownCause) -> bool {
    cause == CooldownCause::Failing
}

/// Whether the end of a cooldown of this cause is itself the next look: it comes when it is named,
/// with no probe before and no jitter on top. It hangs on the provider's settings, so accounts that
/// come back together do no harm.
fn is_plain(cause: CooldownCause) -> bool {
    cause == CooldownCause::Forbidden
}

/// How many strikes pass without a cooldown: one failed response says little.
fn free_strikes(cause: CooldownCause) -> u32 {
    u32::from(cause == CooldownCause::Failing)
}

/// Where the end of a cooldown comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CooldownEnd {
    /// The refusal itself named it.
    Named,
    /// The reset of a quota window that the provider reported earlier.
    KnownReset,
    /// Our back-off: the provider named none.
    BackOff,
}

impl CooldownEnd {
    const ALL: [Self; 3] = [Self::Named, Self::KnownReset, Self::BackOff];

    /// The name that is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::KnownReset => "known_reset",
            Self::BackOff => "back_off",
        }
    }

    /// The end of a stored name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.name() == name)
    }
}

/// A pause of an account, for one model or for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// `None`: all of the account's models.
    pub model: Option<Arc<str>>,
    pub cause: CooldownCause,
    /// What the provider said, bounded and without secrets.
    pub detail: Option<Said>,
    pub since: Timestamp,
    pub until: Timestamp,
    pub end: CooldownEnd,
    /// Refusals in a row.
    pub strikes: u32,
    /// Probes that were let through.
    pub probes: u32,
}

/// One refusal, as input to the arithmetic.
pub(crate) struct Strike<'a> {
    /// `None`: all of the account's models.
    pub(crate) model: Option<&'a Arc<str>>,
    pub(crate) cause: CooldownCause,
    pub(crate) detail: Option<Said>,
    /// The end that the provider named, and where.
    pub(crate) named_end: Option<(Timestamp, CooldownEnd)>,
    /// When the attempt began: attempts that ran beside each other are one strike.
    pub(crate) leased_at: Timestamp,
    pub(crate) is_probe: bool,
    pub(crate) now: Timestamp,
    /// 0..1
    pub(crate) jitter: f64,
}

impl Cooldown {
    pub(crate) fn covers(&self, model: &str) -> bool {
        match &self.model {
            Some(own) => **own == *model,
            None => true,
        }
    }

    pub(crate) fn is_active(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// When the next probe may be sent. `None` for cooldowns that end soon enough.
    pub(crate) fn probe_at(&self) -> Option<Timestamp> {
        let is_long = between(self.since, self.until) > PROBED_BEYOND && !is_plain(self.cause);
        is_long.then(|| self.since + FIRST_PROBE * 2_u32.saturating_pow(self.probes.min(16)))
    }

    pub(crate) fn is_probe_due(&self, now: Timestamp) -> bool {
        self.probe_at().is_some_and(|at| at <= now)
    }

    /// Counts a probe that is let through. Probe times that passed unused are skipped: a process
    /// that slept for a day sends one probe, not five.
    pub(crate) fn count_probe(&mut self, now: Timestamp) {
        while self.is_probe_due(now) && self.probes < 32 {
            self.probes += 1;
        }
    }

    /// A cooldown that starts later than now was made before the clock went back: it keeps its
    /// length, from now on.
    pub(crate) fn on_clock_rewind(&mut self, now: Timestamp) {
        if self.since > now + CLOCK_SLACK {
            self.until = now + between(self.since, self.until).min(COOLDOWN_MAX);
            self.since = now;
        }
    }

    fn new(strike: &Strike<'_>) -> Self {
        let mut cooldown = Self {
            model: strike.model.cloned(),
            cause: strike.cause,
            detail: None,
            since: strike.now,
            until: strike.now,
            end: CooldownEnd::BackOff,
            strikes: 1,
            probes: 0,
        };
        cooldown.set_end(strike);
        cooldown
    }

    fn add(&mut self, strike: &Strike<'_>) {
        // Requests that were in flight together are refused together. That is one refusal, so only
        // an attempt that began after the cooldown did counts as another strike.
        let is_concurrent = strike.leased_at < self.since;
        // Whether the cooldown goes on as it is, at least until its present end.
        let stands = self.is_active(strike.now) && (is_concurrent || strike.is_probe);
        let present_until = self.until;
        if !is_concurrent {
            let is_forgotten = between(self.until, strike.now) > STRIKES_KEPT;
            self.strikes = if is_forgotten || self.cause != strike.cause {
                1
            } else {
                self.strikes.saturating_add(1)
            };
        }
        let names_end = strike
            .named_end
            .is_some_and(|(until, _)| until > strike.now);
        if stands && !names_end {
            return;
        }
        self.cause = strike.cause;
        self.set_end(strike);
        if is_concurrent {
            // Of two ends that were named for the same refusal, the later one is safe.
            self.until = self.until.max(present_until);
        }
        if !stands {
            self.since = strike.now;
            self.probes = 0;
        }
    }

    /// Takes the named end, or backs off. An end in the past names nothing.
    fn set_end(&mut self, strike: &Strike<'_>) {
        self.detail.clone_from(&strike.detail);
        let named_end = strike.named_end.filter(|(until, _)| *until > strike.now);
        (self.until, self.end) = named_end.unwrap_or_else(|| {
            let wait = back_off(strike.cause, self.strikes, strike.jitter);
            (strike.now + wait, CooldownEnd::BackOff)
        });
        if between(strike.now, self.until) > CREDIBLE_MAX {
            self.until = strike.now + INCREDIBLE_END_AFTER;
            self.end = CooldownEnd::BackOff;
        }
    }
}

/// A wait that doubles with each strike, up to the cause's longest, plus up to a quarter of it.
fn back_off(cause: CooldownCause, strikes: u32, jitter: f64) -> Duration {
    let Some(doublings) = strikes.checked_sub(free_strikes(cause) + 1) else {
        return Duration::ZERO;
    };
    let (first, longest) = back_off_bounds(cause);
    let wait = first
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(longest);
    if is_plain(cause) {
        return wait;
    }
    wait.mul_f64(1.0 + JITTER_SHARE * jitter)
}

/// The cooldowns of one account. Ended ones stay for a while, as they hold the strikes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cooldowns(Vec<Cooldown>);

impl FromIterator<Cooldown> for Cooldowns {
    fn from_iter<I: IntoIterator<Item = Cooldown>>(cooldowns: I) -> Self {
        Self(cooldowns.into_iter().collect())
    }
}

impl Cooldowns {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Cooldown> {
        self.0.iter()
    }

    /// Those that last at `now`.
    pub(crate) fn active(&self, now: Timestamp) -> impl Iterator<Item = &Cooldown> {
        self.iter().filter(move |cooldown| cooldown.is_active(now))
    }

    /// Those that keep the account from serving `model`.
    fn blocking(&self, model: &str, now: Timestamp) -> impl Iterator<Item = &Cooldown> {
        self.active(now)
            .filter(move |cooldown| cooldown.covers(model) && !is_soft(cooldown.cause))
    }

    /// The one that keeps the account from serving `model` longest.
    pub(crate) fn longest_for(&self, model: &str, now: Timestamp) -> Option<&Cooldown> {
        self.blocking(model, now)
            .max_by_key(|cooldown| cooldown.until)
    }

    /// Whether `model` failed on the account lately.
    pub(crate) fn is_degraded(&self, model: &str, now: Timestamp) -> bool {
        self.active(now)
            .any(|cooldown| cooldown.covers(model) && is_soft(cooldown.cause))
    }

    /// Whether each cooldown that covers `model` lets a probe through.
    pub(crate) fn is_probe_due(&self, model: &str, now: Timestamp) -> bool {
        self.blocking(model, now)
            .all(|cooldown| cooldown.is_probe_due(now))
    }

    /// Lets a probe through. Yields the cooldowns that it probes.
    pub(crate) fn count_probe(
        &mut self,
        model: &str,
        now: Timestamp,
    ) -> impl Iterator<Item = &Cooldown> {
        let covering = self
            .0
            .iter_mut()
            .filter(move |cooldown| cooldown.is_active(now) && cooldown.covers(model));
        covering.map(move |cooldown| {
            cooldown.count_probe(now);
            &*cooldown
        })
    }

    /// Whether a quota was used up that the provider named no end of, and no request has shown since
    /// that it is back.
    pub(crate) fn awaits_proof(&self, now: Timestamp) -> bool {
        self.iter().any(|cooldown| {
            cooldown.cause == CooldownCause::Quota
                && cooldown.end == CooldownEnd::BackOff
                && cooldown.model.is_none()
                && !cooldown.is_active(now)
                && between(cooldown.until, now) <= STRIKES_KEPT
        })
    }

    /// Takes a refusal. Returns the cooldown that it leads to, which may have no length.
    pub(crate) fn add_strike(&mut self, strike: &Strike<'_>) -> &Cooldown {
        self.make_room(strike.now);
        // A token that cannot be refreshed says nothing of the provider's limits: the two do not
        // replace each other.
        let is_refresh = |cause| cause == CooldownCause::RefreshFailing;
        let is_same = |cooldown: &Cooldown| {
            cooldown.model.as_ref() == strike.model
                && is_refresh(cooldown.cause) == is_refresh(strike.cause)
        };
        let index = match self.0.iter().position(is_same) {
            Some(index) => {
                self.0[index].add(strike);
                index
            }
            None => {
                self.0.push(Cooldown::new(strike));
                self.0.len() - 1
            }
        };
        &self.0[index]
    }

    /// Ends what a served request for `model` disproves: all that began before its attempt did.
    pub(crate) fn clear_on_success(&mut self, model: &str, leased_at: Timestamp) -> Vec<Cooldown> {
        if self.0.is_empty() {
            return Vec::new();
        }
        self.0
            .extract_if(.., |cooldown| {
                cooldown.covers(model) && cooldown.since <= leased_at
            })
            .collect()
    }

    /// Ends those that `is_over` says.
    pub(crate) fn clear(&mut self, is_over: impl Fn(CooldownCause) -> bool) -> Vec<Cooldown> {
        self.0
            .extract_if(.., |cooldown| is_over(cooldown.cause))
            .collect()
    }

    pub(crate) fn on_clock_rewind(&mut self, now: Timestamp) {
        for cooldown in &mut self.0 {
            cooldown.on_clock_rewind(now);
        }
    }

    fn make_room(&mut self, now: Timestamp) {
        self.0
            .retain(|cooldown| cooldown.until + STRIKES_KEPT > now);
        if self.0.len() < COOLDOWNS_MAX {
            return;
        }
        let first_to_end = (0..self.0.len()).min_by_key(|index| self.0[*index].until);
        if let Some(index) = first_to_end {
            self.0.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn start() -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn strike(cause: CooldownCause, named: Option<Timestamp>, now: Timestamp) -> Strike<'static> {
        let named_end = named.map(|until| (until, CooldownEnd::Named));
        Strike {
            model: None,
            cause,
            detail: None,
            named_end,
            leased_at: now,
            is_probe: false,
            now,
            jitter: 0.0,
        }
    }

    #[test]
    fn a_named_moment_is_the_end() {
        let mut cooldowns = Cooldowns::default();
        let cooldown = cooldowns.add_strike(&strike(
            CooldownCause::RateLimit,
            Some(start() + MINUTE * 7),
            start(),
        ));
        assert_eq!(
            (cooldown.until, cooldown.end),
            (start() + MINUTE * 7, CooldownEnd::Named)
        );
    }

    #[test]
    fn an_absurd_named_moment_is_an_hour() {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        for (named, expected) in [
            (DAY * 31, DAY * 31),
            (DAY * 32, MINUTE * 60),
            (DAY * 36_500, MINUTE * 60),
        ] {
            let mut cooldowns = Cooldowns::default();
            let named = strike(CooldownCause::Quota, Some(start() + named), start());
            assert_eq!(
                between(start(), cooldowns.add_strike(&named).until),
                expected
            );
        }
    }

    #[test]
    fn without_a_named_moment_waits_double_up_to_a_cap() {
        let mut cooldowns = Cooldowns::default();
        let mut now = start();
        let mut waits = Vec::new();
        for _ in 0..12 {
            let until = cooldowns
                .add_strike(&strike(CooldownCause::RateLimit, None, now))
                .until;
            waits.push(between(now, until).as_secs());
            now = until;
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600]);
    }

    #[test]
    fn jitter_only_adds_and_at_most_a_quarter() {
        assert_eq!(
            back_off(CooldownCause::RateLimit, 3, 0.0),
            Duration::from_secs(8)
        );
        assert_eq!(
            back_off(CooldownCause::RateLimit, 3, 1.0),
            Duration::from_secs(10)
        );
    }

    #[test]
    fn one_failed_answer_rests_nothing_the_second_does() {
        let mut cooldowns = Cooldowns::default();
        assert!(
            !cooldowns
                .add_strike(&strike(CooldownCause::Failing, None, start()))
                .is_active(start())
        );
        assert!(
            cooldowns
                .add_strike(&strike(CooldownCause::Failing, None, start()))
                .is_active(start())
        );
    }

    #[test]
    fn refusals_of_attempts_beside_each_other_are_one_strike() {
        let mut cooldowns = Cooldowns::default();
        cooldowns.add_strike(&strike(CooldownCause::RateLimit, None, start()));
        for _ in 0..9 {
            cooldowns.add_strike(&Strike {
                leased_at: start() - MINUTE,
                ..strike(CooldownCause::RateLimit, None, start())
            });
        }
        assert_eq!(cooldowns.0[0].strikes, 1);
        assert_eq!(cooldowns.0[0].until, start() + Duration::from_secs(2));
    }

    #[test]
    fn the_later_of_two_named_moments_holds_for_attempts_beside_each_other() {
        let mut cooldowns = Cooldowns::default();
        cooldowns.add_strike(&strike(
            CooldownCause::RateLimit,
            Some(start() + MINUTE * 9),
            start(),
        ));
        let beside = Strike {
            leased_at: start() - MINUTE,
            ..strike(CooldownCause::RateLimit, Some(start() + MINUTE), start())
        };
        assert_eq!(cooldowns.add_strike(&beside).until, start() + MINUTE * 9);
    }

    #[test]
    fn a_moment_in_the_past_is_no_moment() {
        let mut cooldowns = Cooldowns::default();
        let cooldown = cooldowns.add_strike(&strike(
            CooldownCause::RateLimit,
            Some(start() - MINUTE),
            start(),
        ));
        assert_eq!(
            (between(start(), cooldown.until).as_secs(), cooldown.end),
            (2, CooldownEnd::BackOff)
        );
    }

    #[test]
    fn probes_come_after_15_30_and_60_minutes_of_long_rests_only() {
        let mut cooldowns = Cooldowns::default();
        cooldowns.add_strike(&strike(
            CooldownCause::Quota,
            Some(start() + MINUTE * 300),
            start(),
        ));
        let mut due = Vec::new();
        for minute in 0..300 {
            let now = start() + MINUTE * minute;
            if cooldowns.is_probe_due("m", now) {
                due.push(minute);
                cooldowns.count_probe("m", now).for_each(drop);
            }
        }
        assert_eq!(due, [15, 30, 60, 120, 240]);
        let mut short = Cooldowns::default();
        short.add_strike(&strike(
            CooldownCause::Quota,
            Some(start() + MINUTE * 30),
            start(),
        ));
        assert!(!short.is_probe_due("m", start() + MINUTE * 29));
    }

    #[test]
    fn a_refused_probe_leaves_the_rest_as_it_is() {
        let mut cooldowns = Cooldowns::default();
        cooldowns.add_strike(&strike(
            CooldownCause::Quota,
            Some(start() + MINUTE * 300),
            start(),
        ));
        let now = start() + MINUTE * 15;
        cooldowns.count_probe("m", now).for_each(drop);
        let cooldown = cooldowns.add_strike(&Strike {
            is_probe: true,
            ..strike(CooldownCause::Quota, None, now)
        });
        assert_eq!(
            (cooldown.since, cooldown.until, cooldown.end),
            (start(), start() + MINUTE * 300, CooldownEnd::Named)
        );
    }

    #[test]
    fn only_an_attempt_that_began_after_the_rest_ends_it() {
        let mut cooldowns = Cooldowns::default();
        cooldowns.add_strike(&strike(
            CooldownCause::RateLimit,
            Some(start() + MINUTE),
            start(),
        ));
        assert!(cooldowns.clear_on_success("m", start() - MINUTE).is_empty());
        assert_eq!(cooldowns.clear_on_success("m", start() + MINUTE).len(), 1);
    }

    #[test]
    fn after_the_clock_went_back_a_rest_keeps_its_length_and_no_more() {
        let mut cooldowns = Cooldowns::default();
        let year = MINUTE * 60 * 24 * 365;
        cooldowns.add_strike(&strike(
            CooldownCause::RateLimit,
            Some(start() + year + MINUTE),
            start() + year,
        ));
        cooldowns.0[0].on_clock_rewind(start());
        assert_eq!(cooldowns.0[0].until, start() + MINUTE);
        cooldowns.0[0].on_clock_rewind(start());
        assert_eq!(cooldowns.0[0].until, start() + MINUTE);
    }

    #[test]
    fn stored_words_read_back() {
        assert!(
            CooldownCause::ALL
                .into_iter()
                .all(|cause| CooldownCause::from_name(cause.name()) == Some(cause))
        );
        assert!(
            CooldownEnd::ALL
                .into_iter()
                .all(|end| CooldownEnd::from_name(end.name()) == Some(end))
        );
    }
}
