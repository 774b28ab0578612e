//! Quota windows: what a provider told of its limits, and what of it makes an account go slower
//! before it runs dry.
//!
//! A figure that was not told stays unknown; nothing is estimated for people's eyes.

use std::sync::Arc;
use std::time::Duration;

use crate::outcome::{Reading, Scope, Timestamp, Unit};
use crate::pool::clock::between;
use crate::pool::state::{READING_KEPT_EVERY, ReadAt};

/// Windows of one account; the one that was read longest ago gives way.
const WINDOWS_MAX: usize = 64;

/// Below a tenth of its limit a window is low.
const LOW_SHARE: u64 = 10;

/// Where the limit was not told, this much remaining is low.
const LOW_REQUESTS: u64 = 2;

/// Only windows that reset soon are spaced out: in longer ones nobody knows what is still to come.
const PACED_WITHIN: Duration = Duration::from_secs(5 * 60);

/// No request waits longer than this for its place in a low window.
const GAP_MAX: Duration = Duration::from_secs(5);

/// How low an account is for a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    #[default]
    Fine,
    Low,
    Dry,
}

/// A window that is nearly used up.
#[derive(Clone, Copy, Debug)]
struct Strain {
    /// Requests that still fit, where that is known: counted down as they are leased.
    requests: Option<u64>,
    is_dry: bool,
    until: Timestamp,
    next_at: Timestamp,
}

#[derive(Clone, Debug)]
struct Window {
    read: ReadAt,
    kept_at: Timestamp,
    strain: Option<Strain>,
}

/// The windows of one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    list: Vec<Window>,
    strained: usize,
    /// What a request took of late, in tokens.
    request_tokens: Option<u64>,
}

impl Windows {
    pub(crate) fn reads(&self) -> impl Iterator<Item = &ReadAt> {
        self.list.iter().map(|window| &window.read)
    }

    /// Takes what an answer to a request for `model` told. Returns it where it is worth keeping.
    pub(crate) fn learn(
        &mut self,
        reading: Reading,
        model: &Arc<str>,
        now: Timestamp,
    ) -> Option<&ReadAt> {
        let model = (reading.scope == Scope::Model).then(|| model.clone());
        self.take(
            ReadAt {
                model,
                reading,
                read_at: now,
            },
            now,
        )
    }

    /// Takes a reading, also one that was kept.
    pub(crate) fn take(&mut self, read: ReadAt, now: Timestamp) -> Option<&ReadAt> {
        let at = self.place_of(&read);
        let strain = strain(&read.reading, self.request_tokens, now);
        let window = &mut self.list[at];
        let changes = strain.is_some() != window.strain.is_some();
        let next_at = window.strain.map(|strain| strain.next_at);
        window.strain = strain.map(|strain| Strain {
            next_at: next_at.unwrap_or(strain.next_at),
            ..strain
        });
        window.read = read;
        self.strained = self
            .list
            .iter()
            .filter(|window| window.strain.is_some())
            .count();
        let window = &mut self.list[at];
        let is_old = window.kept_at > now || between(window.kept_at, now) >= READING_KEPT_EVERY;
        (changes || is_old).then(|| {
            window.kept_at = now;
            &window.read
        })
    }

    fn place_of(&mut self, read: &ReadAt) -> usize {
        let is_same = |known: &ReadAt| {
            known.model == read.model && known.reading.window == read.reading.window
        };
        if let Some(at) = self.list.iter().position(|window| is_same(&window.read)) {
            return at;
        }
        if self.list.len() >= WINDOWS_MAX {
            let oldest = (0..self.list.len()).min_by_key(|at| self.list[*at].read.read_at);
            oldest.map(|at| self.list.swap_remove(at));
        }
        self.list.push(Window {
            read: read.clone(),
            kept_at: Timestamp::UNIX_EPOCH,
            strain: None,
        });
        self.list.len() - 1
    }

    /// Learns what a request takes.
    pub(crate) fn count_tokens(&mut self, tokens: u64) {
        if tokens > 0 {
            self.request_tokens = Some(
                self.request_tokens
                    .map_or(tokens, |known| (known * 7 + tokens) / 8),
            );
        }
    }

    pub(crate) fn level(&self, model: &str, now: Timestamp) -> Level {
        let levels = self.strains(model, now).map(|strain| {
            if strain.is_dry {
                Level::Dry
            } else {
                Level::Low
            }
        });
        levels.max().unwrap_or_default()
    }

    /// When the next request for `model` may go; `None` where it may go now.
    pub(crate) fn paced_until(&self, model: &str, now: Timestamp) -> Option<Timestamp> {
        let next = self
            .strains(model, now)
            .map(|strain| strain.next_at.min(strain.until))
            .max()?;
        (now < next).then_some(next)
    }

    /// Spaces out what follows a request that is let through.
    pub(crate) fn count_lease(&mut self, model: &str, now: Timestamp) {
        if self.strained == 0 {
            return;
        }
        for window in self
            .list
            .iter_mut()
            .filter(|window| covers(&window.read, model))
        {
            let Some(strain) = window.strain.as_mut().filter(|strain| now < strain.until) else {
                continue;
            };
            let left = between(now, strain.until);
            let Some(requests) = strain.requests.filter(|_| left <= PACED_WITHIN) else {
                continue;
            };
            let parts = u32::try_from(requests).unwrap_or(u32::MAX).max(1);
            strain.next_at = now + (left / parts).min(GAP_MAX);
            strain.requests = Some(requests.saturating_sub(1));
        }
    }

    /// The latest reset of a window for `model` that has nothing left: what the provider's known
    /// limits say of a refusal.
    pub(crate) fn known_reset(&self, model: &str, now: Timestamp) -> Option<Timestamp> {
        let spent = self.list.iter().filter(|window| {
            covers(&window.read, model) && window.read.reading.remaining == Some(0)
        });
        spent
            .filter_map(|window| window.read.reading.resets_at)
            .filter(|at| *at > now)
            .max()
    }

    /// Forgets the spacing: the clock went back, or a person said so.
    pub(crate) fn relax(&mut self) {
        self.list.iter_mut().for_each(|window| window.strain = None);
        self.strained = 0;
    }

    fn strains(&self, model: &str, now: Timestamp) -> impl Iterator<Item = &Strain> {
        let list = if self.strained == 0 {
            &[][..]
        } else {
            &self.list[..]
        };
        let covering = list
            .iter()
            .filter(move |window| covers(&window.read, model));
        covering
            .filter_map(|window| window.strain.as_ref())
            .filter(move |strain| now < strain.until)
    }
}

fn covers(read: &ReadAt, model: &str) -> bool {
    read.model.as_deref().is_none_or(|own| own == model)
}

fn strain(reading: &Reading, request_tokens: Option<u64>, now: Timestamp) -> Option<Strain> {
    let (remaining, until) = (
        reading.remaining?,
        reading.resets_at.filter(|at| *at > now)?,
    );
    let is_low = match reading.limit {
        Some(limit) => remaining.saturating_mul(LOW_SHARE) <= limit,
        None => remaining == 0 || (reading.unit == Unit::Requests && remaining <= LOW_REQUESTS),
    };
    let requests = match reading.unit {
        Unit::Requests => Some(remaining),
        Unit::Tokens => request_tokens.map(|tokens| remaining / tokens.max(1)),
        Unit::Other => None,
    };
    is_low.then_some(Strain {
        requests,
        is_dry: remaining == 0,
        until,
        next_at: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::ReadingSource;

    fn start() -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    fn after(seconds: u64) -> Timestamp {
        start() + Duration::from_secs(seconds)
    }

    fn reading(unit: Unit, remaining: u64, limit: u64, resets_after: u64) -> Reading {
        Reading {
            window: "w".into(),
            unit,
            scope: Scope::Model,
            limit: Some(limit),
            remaining: Some(remaining),
            resets_at: Some(after(resets_after)),
            source: ReadingSource::Header,
        }
    }

    fn windows(reading: Reading) -> Windows {
        let mut windows = Windows::default();
        windows.learn(reading, &"m".into(), start());
        windows
    }

    #[test]
    fn a_tenth_of_the_limit_is_low_and_nothing_is_dry() {
        for (remaining, level) in [
            (50, Level::Fine),
            (11, Level::Fine),
            (10, Level::Low),
            (1, Level::Low),
            (0, Level::Dry),
        ] {
            let windows = windows(reading(Unit::Requests, remaining, 100, 60));
            assert_eq!(windows.level("m", start()), level, "{remaining}");
        }
    }

    #[test]
    fn what_was_not_told_is_not_low() {
        let unknown = Reading {
            remaining: None,
            resets_at: None,
            limit: None,
            ..reading(Unit::Requests, 0, 0, 60)
        };
        let windows = windows(unknown);
        assert_eq!(windows.level("m", start()), Level::Fine);
        assert_eq!(windows.reads().next().unwrap().reading.remaining, None);
    }

    #[test]
    fn a_window_is_low_for_its_model_and_until_its_reset() {
        let windows = windows(reading(Unit::Requests, 1, 100, 60));
        assert_eq!(windows.level("other", start()), Level::Fine);
        assert_eq!(windows.level("m", after(60)), Level::Fine);
    }

    #[test]
    fn the_last_requests_of_a_window_are_spread_over_what_is_left_of_it() {
        let mut windows = windows(reading(Unit::Requests, 4, 100, 8));
        assert_eq!(windows.paced_until("m", start()), None);
        windows.count_lease("m", start());
        assert_eq!(windows.paced_until("m", start()), Some(after(2)));
        windows.count_lease("m", after(2));
        assert_eq!(windows.paced_until("m", after(2)), Some(after(4)));
    }

    #[test]
    fn tokens_are_spread_by_what_requests_took() {
        let mut windows = Windows::default();
        windows.count_tokens(100);
        windows.learn(reading(Unit::Tokens, 400, 10_000, 8), &"m".into(), start());
        windows.count_lease("m", start());
        assert_eq!(windows.paced_until("m", start()), Some(after(2)));
    }

    #[test]
    fn windows_of_hours_are_not_spread() {
        let mut windows = windows(reading(Unit::Requests, 4, 100, 5 * 60 * 60));
        windows.count_lease("m", start());
        assert_eq!(windows.paced_until("m", start()), None);
        assert_eq!(windows.level("m", start()), Level::Low);
    }

    #[test]
    fn the_reset_of_a_dry_window_is_known() {
        assert_eq!(
            windows(reading(Unit::Tokens, 0, 100, 60)).known_reset("m", start()),
            Some(after(60))
        );
        assert_eq!(
            windows(reading(Unit::Tokens, 1, 100, 60)).known_reset("m", start()),
            None
        );
    }

    #[test]
    fn a_reading_is_kept_at_once_when_the_window_turns_low_else_every_few_seconds() {
        let mut windows = Windows::default();
        let mut is_kept = |remaining, now| {
            windows
                .learn(
                    reading(Unit::Requests, remaining, 100, 600),
                    &"m".into(),
                    now,
                )
                .is_some()
        };
        assert!(is_kept(90, start()));
        assert!(!is_kept(89, after(1)));
        assert!(is_kept(5, after(2)));
        assert!(!is_kept(4, after(3)));
        assert!(is_kept(4, after(7)));
    }

    #[test]
    fn windows_are_bounded() {
        let mut windows = Windows::default();
        for number in 0..200_u64 {
            let named = Reading {
                window: number.to_string().into(),
                ..reading(Unit::Requests, 9, 9, 60)
            };
            windows.learn(named, &"m".into(), after(number));
        }
        assert_eq!(windows.reads().count(), WINDOWS_MAX);
    }
}
