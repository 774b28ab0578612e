//! Cooldowns: why an account pauses, for which model, until when, and what may look earlier whether
//! it is over.
//!
//! All moments are wall time: a rest lasts through restarts, suspend and clock jumps. Pure; who
//! rests when is decided in `learn`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::outcome::Timestamp;
use crate::pool::clock::between;
use crate::status::CooldownCause;

/// No provider's period is longer than a month; a moment beyond this is a mistake of somebody's
/// clock.
const REST_MAX: Duration = Duration::from_secs(32 * 24 * 60 * 60);

/// A rest longer than this is looked at again before it ends.
const PROBED_BEYOND: Duration = Duration::from_secs(30 * 60);

/// The first probe comes this long after the rest began; each later one after twice the time.
const FIRST_PROBE: Duration = Duration::from_secs(15 * 60);

/// How far the clock may go back before a rest that "begins later" is moved: less is a correction,
/// not a jump.
pub(crate) const CLOCK_SLACK: Duration = Duration::from_secs(60);

/// How long after a rest its strikes are remembered.
const STRIKES_KEPT: Duration = Duration::from_secs(60 * 60);

/// Up to this share is added to a back-off, so that accounts do not come back together.
const JITTER_SHARE: f64 = 0.25;

/// The first and the longest cooldown where the provider names no moment.
fn back_off_bounds(cause: CooldownCause) -> (Duration, Duration) {
    let (first, longest) = match cause {
        CooldownCause::RateLimit => (2, 10 * 60),
        CooldownCause::Quota => (10 * 60, 6 * 60 * 60),
        CooldownCause::Overloaded => (1, 2 * 60),
        CooldownCause::Forbidden => (60 * 60, 24 * 60 * 60),
        CooldownCause::Failing => (1, 60),
        CooldownCause::RefreshFailing => (2, 5 * 60),
    };
    (Duration::from_secs(first), Duration::from_secs(longest))
}

/// Whether a cooldown of this cause only puts the account behind others: no provider said that it
/// may not be used.
pub(crate) fn is_soft(cause: CooldownCause) -> bool {
    cause == CooldownCause::Failing
}

/// How many strikes pass without a cooldown: one failed response says little.
fn free_strikes(cause: CooldownCause) -> u32 {
    u32::from(cause == CooldownCause::Failing)
}

/// Who named the end of a rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The refusal itself.
    Named,
    /// The reset of a quota window that the provider told of earlier.
    KnownReset,
    /// Nobody: the wait grows with each refusal.
    BackOff,
}

impl End {
    const ALL: [Self; 3] = [Self::Named, Self::KnownReset, Self::BackOff];

    /// The word that is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Named => "named",
            Self::KnownReset => "known_reset",
            Self::BackOff => "back_off",
        }
    }

    /// The end of a stored word.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.name() == name)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "as the provider named it",
            Self::KnownReset => "the reset that the provider's limits told",
            Self::BackOff => {
                "a guess that grows with each refusal, as the provider named no moment"
            }
        })
    }
}

/// An account pauses, for one model or for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cooldown {
    /// `None`: all of the account's models.
    pub model: Option<Arc<str>>,
    pub cause: CooldownCause,
    /// What the provider said, bounded and without secrets.
    pub detail: Option<Arc<str>>,
    pub since: Timestamp,
    pub until: Timestamp,
    pub end: End,
    /// Refusals in a row.
    pub strikes: u32,
    /// Probes that were let through.
    pub probes: u32,
}

/// A refusal on its way to become a rest.
pub(crate) struct Refused<'a> {
    pub(crate) model: Option<&'a Arc<str>>,
    pub(crate) cause: CooldownCause,
    pub(crate) detail: Option<&'a str>,
    pub(crate) named: Option<(Timestamp, End)>,
    /// When the attempt began: attempts that ran beside each other are one strike.
    pub(crate) leased_at: Timestamp,
    pub(crate) is_probe: bool,
    pub(crate) now: Timestamp,
    /// 0..1
    pub(crate) jitter: f64,
}

impl Cooldown {
    /// A pause of all models that only a probe ends.
    pub(crate) fn unending(since: Timestamp) -> Self {
        let (cause, end) = (CooldownCause::Forbidden, End::BackOff);
        Self {
            model: None,
            cause,
            detail: None,
            since,
            until: since + REST_MAX,
            end,
            strikes: 1,
            probes: 0,
        }
    }

    pub(crate) fn covers(&self, model: &str) -> bool {
        self.model.as_deref().is_none_or(|own| own == model)
    }

    pub(crate) fn is_on(&self, now: Timestamp) -> bool {
        now < self.until
    }

    /// When one live request may look whether the rest is over. `None` for rests that end soon
    /// enough.
    pub(crate) fn probe_at(&self) -> Option<Timestamp> {
        let is_long = between(self.since, self.until) > PROBED_BEYOND;
        is_long.then(|| self.since + FIRST_PROBE * 2_u32.saturating_pow(self.probes.min(16)))
    }

    pub(crate) fn is_probe_due(&self, now: Timestamp) -> bool {
        self.probe_at().is_some_and(|at| at <= now)
    }

    /// Counts a probe that is let through, so that the next comes at a later moment.
    pub(crate) fn count_probe(&mut self, now: Timestamp) {
        while self.is_probe_due(now) && self.probes < 32 {
            self.probes += 1;
        }
    }

    /// A rest that begins later than now was made before the clock went back: it keeps its length
    /// from now on.
    pub(crate) fn follow_clock(&mut self, now: Timestamp) {
        if self.since > now + CLOCK_SLACK {
            self.until = now + between(self.since, self.until).min(REST_MAX);
            self.since = now;
        }
    }

    fn new(refused: &Refused<'_>) -> Self {
        let mut rest = Self {
            model: refused.model.cloned(),
            cause: refused.cause,
            detail: None,
            since: refused.now,
            until: refused.now,
            end: End::BackOff,
            strikes: 1,
            probes: 0,
        };
        rest.set_end(refused);
        rest
    }

    /// Takes a further refusal.
    fn extend(&mut self, refused: &Refused<'_>) {
        let is_beside = refused.leased_at < self.since;
        let stands = self.is_on(refused.now) && (is_beside || refused.is_probe);
        let standing_until = self.until;
        if !is_beside {
            let is_forgotten =
                between(self.until, refused.now) > STRIKES_KEPT || self.cause != refused.cause;
            self.strikes = if is_forgotten {
                1
            } else {
                self.strikes.saturating_add(1)
            };
        }
        if stands && refused.named.is_none_or(|(until, _)| until <= refused.now) {
            return;
        }
        self.cause = refused.cause;
        self.set_end(refused);
        if is_beside {
            self.until = self.until.max(standing_until);
        }
        if !stands {
            (self.since, self.probes) = (refused.now, 0);
        }
    }

    fn set_end(&mut self, refused: &Refused<'_>) {
        self.detail = refused.detail.map(Arc::from);
        let named = refused.named.filter(|(until, _)| *until > refused.now);
        let wait = back_off(refused.cause, self.strikes, refused.jitter);
        (self.until, self.end) = named.unwrap_or((refused.now + wait, End::BackOff));
        self.until = self.until.min(refused.now + REST_MAX);
    }
}

/// A wait that doubles with each strike up to the cause's longest, and up to a quarter more.
fn back_off(cause: CooldownCause, strikes: u32, jitter: f64) -> Duration {
    let Some(doublings) = strikes.checked_sub(free_strikes(cause) + 1) else {
        return Duration::ZERO;
    };
    let (first, longest) = back_off_bounds(cause);
    let wait = first
        .saturating_mul(2_u32.saturating_pow(doublings))
        .min(longest);
    wait.mul_f64(1.0 + JITTER_SHARE * jitter)
}

/// The rests of one account; ended ones stay a while for their strikes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cooldowns(Vec<Cooldown>);

/// How many rests of one account are kept: models beyond that are forgotten in the order in which
/// they end.
const RESTS_MAX: usize = 128;

impl Cooldowns {
    pub(crate) fn of(rests: Vec<Cooldown>) -> Self {
        Self(rests)
    }

    pub(crate) fn all(&self) -> &[Cooldown] {
        &self.0
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Cooldown] {
        &mut self.0
    }

    /// The rest that keeps the account from `model` longest.
    pub(crate) fn of_model(&self, model: &str, now: Timestamp) -> Option<&Cooldown> {
        self.hard(model, now).max_by_key(|rest| rest.until)
    }

    /// What keeps the account from `model`.
    fn hard(&self, model: &str, now: Timestamp) -> impl Iterator<Item = &Cooldown> {
        self.0
            .iter()
            .filter(move |rest| rest.is_on(now) && rest.covers(model) && !is_soft(rest.cause))
    }

    /// Whether the account failed with `model` of late.
    pub(crate) fn is_shaky(&self, model: &str, now: Timestamp) -> bool {
        self.0
            .iter()
            .any(|rest| is_soft(rest.cause) && rest.is_on(now) && rest.covers(model))
    }

    /// Whether each rest that covers `model` lets a probe through.
    pub(crate) fn is_probe_due(&self, model: &str, now: Timestamp) -> bool {
        self.hard(model, now).all(|rest| rest.is_probe_due(now))
    }

    /// Lets a probe through; the rests that it looks at.
    pub(crate) fn count_probe(
        &mut self,
        model: &str,
        now: Timestamp,
    ) -> impl Iterator<Item = &Cooldown> {
        let covering = self
            .0
            .iter_mut()
            .filter(move |rest| rest.is_on(now) && rest.covers(model));
        covering.map(move |rest| {
            rest.count_probe(now);
            &*rest
        })
    }

    /// Takes a refusal and gives the rest that it leads to; it may be over already.
    pub(crate) fn refuse(&mut self, refused: &Refused<'_>) -> &Cooldown {
        self.make_room(refused.now);
        // What keeps a token from being refreshed says nothing of the provider's limits: the two do
        // not replace each other.
        let is_refresh = |cause| cause == CooldownCause::RefreshFailing;
        let is_same = |rest: &Cooldown| {
            rest.model.as_ref() == refused.model
                && is_refresh(rest.cause) == is_refresh(refused.cause)
        };
        let known = self.0.iter().position(is_same);
        let position = known.unwrap_or(self.0.len());
        match known {
            Some(position) => self.0[position].extend(refused),
            None => self.0.push(Cooldown::new(refused)),
        }
        &self.0[position]
    }

    /// Ends what an answer for `model` proves to be over: all that began before its attempt did.
    pub(crate) fn relieve(&mut self, model: &str, leased_at: Timestamp) -> Vec<Cooldown> {
        if self.0.is_empty() {
            return Vec::new();
        }
        self.0
            .extract_if(.., |rest| rest.covers(model) && rest.since <= leased_at)
            .collect()
    }

    /// Ends the rests of one cause.
    pub(crate) fn end(&mut self, cause: CooldownCause) {
        self.0.retain(|rest| rest.cause != cause);
    }

    fn make_room(&mut self, now: Timestamp) {
        self.0.retain(|rest| rest.until + STRIKES_KEPT > now);
        if self.0.len() >= RESTS_MAX {
            let first_to_end = (0..self.0.len()).min_by_key(|at| self.0[*at].until);
            first_to_end.map(|at| self.0.swap_remove(at));
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

    fn refused(cause: CooldownCause, named: Option<Timestamp>, now: Timestamp) -> Refused<'static> {
        let named = named.map(|until| (until, End::Named));
        Refused {
            model: None,
            cause,
            detail: None,
            named,
            leased_at: now,
            is_probe: false,
            now,
            jitter: 0.0,
        }
    }

    #[test]
    fn a_named_moment_is_the_end() {
        let mut rests = Cooldowns::default();
        let rest = rests.refuse(&refused(
            CooldownCause::RateLimit,
            Some(start() + MINUTE * 7),
            start(),
        ));
        assert_eq!((rest.until, rest.end), (start() + MINUTE * 7, End::Named));
    }

    #[test]
    fn without_a_named_moment_waits_double_up_to_a_cap() {
        let mut rests = Cooldowns::default();
        let mut now = start();
        let mut waits = Vec::new();
        for _ in 0..12 {
            let until = rests
                .refuse(&refused(CooldownCause::RateLimit, None, now))
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
        let mut rests = Cooldowns::default();
        assert!(
            !rests
                .refuse(&refused(CooldownCause::Failing, None, start()))
                .is_on(start())
        );
        assert!(
            rests
                .refuse(&refused(CooldownCause::Failing, None, start()))
                .is_on(start())
        );
    }

    #[test]
    fn refusals_of_attempts_beside_each_other_are_one_strike() {
        let mut rests = Cooldowns::default();
        rests.refuse(&refused(CooldownCause::RateLimit, None, start()));
        for _ in 0..9 {
            rests.refuse(&Refused {
                leased_at: start() - MINUTE,
                ..refused(CooldownCause::RateLimit, None, start())
            });
        }
        assert_eq!(rests.all()[0].strikes, 1);
        assert_eq!(rests.all()[0].until, start() + Duration::from_secs(2));
    }

    #[test]
    fn the_later_of_two_named_moments_holds_for_attempts_beside_each_other() {
        let mut rests = Cooldowns::default();
        rests.refuse(&refused(
            CooldownCause::RateLimit,
            Some(start() + MINUTE * 9),
            start(),
        ));
        let beside = Refused {
            leased_at: start() - MINUTE,
            ..refused(CooldownCause::RateLimit, Some(start() + MINUTE), start())
        };
        assert_eq!(rests.refuse(&beside).until, start() + MINUTE * 9);
    }

    #[test]
    fn a_moment_in_the_past_is_no_moment() {
        let mut rests = Cooldowns::default();
        let rest = rests.refuse(&refused(
            CooldownCause::RateLimit,
            Some(start() - MINUTE),
            start(),
        ));
        assert_eq!(
            (between(start(), rest.until).as_secs(), rest.end),
            (2, End::BackOff)
        );
    }

    #[test]
    fn probes_come_after_15_30_and_60_minutes_of_long_rests_only() {
        let mut rests = Cooldowns::default();
        rests.refuse(&refused(
            CooldownCause::Quota,
            Some(start() + MINUTE * 300),
            start(),
        ));
        let mut due = Vec::new();
        for minute in 0..300 {
            let now = start() + MINUTE * minute;
            if rests.is_probe_due("m", now) {
                due.push(minute);
                rests.count_probe("m", now).for_each(drop);
            }
        }
        assert_eq!(due, [15, 30, 60, 120, 240]);
        let mut short = Cooldowns::default();
        short.refuse(&refused(
            CooldownCause::Quota,
            Some(start() + MINUTE * 30),
            start(),
        ));
        assert!(!short.is_probe_due("m", start() + MINUTE * 29));
    }

    #[test]
    fn a_refused_probe_leaves_the_rest_as_it_is() {
        let mut rests = Cooldowns::default();
        rests.refuse(&refused(
            CooldownCause::Quota,
            Some(start() + MINUTE * 300),
            start(),
        ));
        let now = start() + MINUTE * 15;
        rests.count_probe("m", now).for_each(drop);
        let rest = rests.refuse(&Refused {
            is_probe: true,
            ..refused(CooldownCause::Quota, None, now)
        });
        assert_eq!(
            (rest.since, rest.until, rest.end),
            (start(), start() + MINUTE * 300, End::Named)
        );
    }

    #[test]
    fn only_an_attempt_that_began_after_the_rest_ends_it() {
        let mut rests = Cooldowns::default();
        rests.refuse(&refused(
            CooldownCause::RateLimit,
            Some(start() + MINUTE),
            start(),
        ));
        assert!(rests.relieve("m", start() - MINUTE).is_empty());
        assert_eq!(rests.relieve("m", start() + MINUTE).len(), 1);
    }

    #[test]
    fn after_the_clock_went_back_a_rest_keeps_its_length_and_no_more() {
        let mut rests = Cooldowns::default();
        let year = MINUTE * 60 * 24 * 365;
        rests.refuse(&refused(
            CooldownCause::RateLimit,
            Some(start() + year + MINUTE),
            start() + year,
        ));
        rests.all_mut()[0].follow_clock(start());
        assert_eq!(rests.all()[0].until, start() + MINUTE);
        rests.all_mut()[0].follow_clock(start());
        assert_eq!(rests.all()[0].until, start() + MINUTE);
    }

    #[test]
    fn stored_words_read_back() {
        assert!(
            CooldownCause::ALL
                .into_iter()
                .all(|cause| CooldownCause::from_name(cause.name()) == Some(cause))
        );
        assert!(
            End::ALL
                .into_iter()
                .all(|end| End::of_name(end.name()) == Some(end))
        );
    }
}
