//! The provider's quota windows, as it reported them, and how requests are spaced out before one is
//! exhausted.
//!
//! A figure that was not reported stays unknown: nothing is estimated for people to read.

use std::sync::Arc;
use std::time::Duration;

use crate::outcome::{Reading, ReadingSource, Scope, Timestamp, Unit};
use crate::pool::clock::between;
use crate::pool::state_store::{QuotaReading, READING_SAVED_EVERY};

/// Windows that are kept of one account. When there are more, the one that was read longest ago is
/// forgotten.
const WINDOWS_MAX: usize = 64;

/// A window is low when at most a tenth of its limit is left.
const LOW_SHARE: u64 = 10;

/// Where the limit was not reported, this much remaining is low.
const LOW_REQUESTS: u64 = 2;

/// Only windows that reset within this time are paced: in longer ones nothing is known of the
/// demand to come.
const PACED_WITHIN: Duration = Duration::from_secs(5 * 60);

/// How long a balance is believed.
const BALANCE_TRUSTED: Duration = Duration::from_secs(15 * 60);

/// The longest gap between two requests of a paced window.
const GAP_MAX: Duration = Duration::from_secs(5);

/// How much an account has left for a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    #[default]
    Normal,
    Low,
    Exhausted,
}

/// The pace of a window that is nearly used up.
///
/// ```text
/// now                              until (the reset)
///  |------|------|------|------|----|
///    gap = time left / requests left, at most GAP_MAX
/// ```
#[derive(Clone, Copy, Debug)]
struct Pacing {
    /// Requests that still fit, counted down by leases. `None`: unknown.
    requests_left: Option<u64>,
    is_exhausted: bool,
    until: Timestamp,
    next_at: Timestamp,
}

#[derive(Clone, Debug)]
struct Window {
    read: QuotaReading,
    saved_at: Timestamp,
    /// `None`: enough is left.
    pacing: Option<Pacing>,
}

/// The windows of one account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    list: Vec<Window>,
    /// How many windows are paced. Usually none, so that a choice need not look at the list.
    paced: usize,
    /// How many windows have nothing left, as they were read.
    spent: usize,
    /// A moving average of what a request takes, in tokens.
    tokens_per_request: Option<u64>,
}

/// What a reading changed.
pub(crate) struct Recorded<'a> {
    pub(crate) read: &'a QuotaReading,
    /// Whether it is worth saving.
    pub(crate) is_due_to_save: bool,
    /// Whether the window was not exhausted before, and is now.
    pub(crate) is_newly_exhausted: bool,
}

impl Windows {
    pub(crate) fn reads(&self) -> impl Iterator<Item = &QuotaReading> {
        self.list.iter().map(|window| &window.read)
    }

    /// Takes what the response to a request for `model` reported.
    pub(crate) fn record(
        &mut self,
        reading: Reading,
        model: &Arc<str>,
        now: Timestamp,
    ) -> Recorded<'_> {
        let read = QuotaReading {
            model: (reading.scope == Scope::Model).then(|| model.clone()),
            reading,
            read_at: now,
        };
        self.take(read, now)
    }

    /// Takes a reading, also one that was saved.
    pub(crate) fn take(&mut self, read: QuotaReading, now: Timestamp) -> Recorded<'_> {
        let pacing = pacing(&read, self.tokens_per_request, now);
        self.put(read, pacing, now)
    }

    /// Takes a balance. `is_spent`: whether the account has no other that is left.
    pub(crate) fn record_balance(
        &mut self,
        reading: Reading,
        is_spent: bool,
        now: Timestamp,
    ) -> Recorded<'_> {
        let counts = is_spent || reading.remaining != Some(0);
        let read = QuotaReading {
            model: None,
            reading,
            read_at: now,
        };
        let pacing = pacing(&read, self.tokens_per_request, now).filter(|_| counts);
        self.put(read, pacing, now)
    }

    fn put(&mut self, read: QuotaReading, pacing: Option<Pacing>, now: Timestamp) -> Recorded<'_> {
        let index = self.window_of(&read);
        let window = &mut self.list[index];
        let before = window.pacing;
        // The time of the next request was set by the last lease, not by the provider: it stays.
        let next_at = before.map(|pacing| pacing.next_at);
        window.pacing = pacing.map(|pacing| Pacing {
            next_at: next_at.unwrap_or(pacing.next_at),
            ..pacing
        });
        window.read = read;

        let was_exhausted = before.is_some_and(|pacing| pacing.is_exhausted && now < pacing.until);
        let is_exhausted = pacing.is_some_and(|pacing| pacing.is_exhausted);
        let turned = before.is_some() != pacing.is_some();
        // A `saved_at` in the future was set before the clock went back.
        let is_stale =
            window.saved_at > now || between(window.saved_at, now) >= READING_SAVED_EVERY;
        let is_due_to_save = turned || is_stale;
        if is_due_to_save {
            window.saved_at = now;
        }
        self.count();
        Recorded {
            read: &self.list[index].read,
            is_due_to_save,
            is_newly_exhausted: is_exhausted && !was_exhausted,
        }
    }

    fn count(&mut self) {
        let count = |is_counted: fn(&Window) -> bool| {
            self.list.iter().filter(|window| is_counted(window)).count()
        };
        (self.paced, self.spent) = (
            count(|window| window.pacing.is_some()),
            count(|window| window.read.reading.remaining == Some(0)),
        );
    }

    /// A request for `model` was served: a window that had nothing left when it was leased has
    /// something, and how much is unknown. Yields what is to be saved of it. A balance stands until
    /// it is asked for again.
    pub(crate) fn clear_on_success(
        &mut self,
        model: &str,
        leased_at: Timestamp,
    ) -> Vec<&QuotaReading> {
        if self.spent == 0 {
            return Vec::new();
        }
        let is_disproved = |window: &Window| {
            let reading = &window.read.reading;
            reading.remaining == Some(0)
                && reading.source != ReadingSource::BalanceCall
                && window.read.read_at < leased_at
                && covers(&window.read, model)
        };
        let mut disproved = Vec::new();
        for (index, window) in self.list.iter_mut().enumerate() {
            if is_disproved(window) {
                window.read.reading.remaining = None;
                window.pacing = None;
                disproved.push(index);
            }
        }
        self.count();
        disproved
            .into_iter()
            .map(|index| &self.list[index].read)
            .collect()
    }

    /// The index of the window that `read` is of, which is added if it is new.
    fn window_of(&mut self, read: &QuotaReading) -> usize {
        let is_same = |known: &QuotaReading| {
            known.model == read.model && known.reading.window == read.reading.window
        };
        if let Some(index) = self.list.iter().position(|window| is_same(&window.read)) {
            return index;
        }
        if self.list.len() >= WINDOWS_MAX {
            let oldest = (0..self.list.len()).min_by_key(|index| self.list[*index].read.read_at);
            if let Some(oldest) = oldest {
                self.list.swap_remove(oldest);
            }
        }
        self.list.push(Window {
            read: read.clone(),
            saved_at: Timestamp::UNIX_EPOCH,
            pacing: None,
        });
        self.list.len() - 1
    }

    /// Counts what a request took.
    pub(crate) fn count_tokens(&mut self, tokens: u64) {
        if tokens == 0 {
            return;
        }
        self.tokens_per_request = Some(match self.tokens_per_request {
            Some(average) => (average * 7 + tokens) / 8,
            None => tokens,
        });
    }

    /// The lowest level of the windows for `model`.
    pub(crate) fn level(&self, model: &str, now: Timestamp) -> Level {
        let levels = self.pacings(model, now).map(|pacing| {
            if pacing.is_exhausted {
                Level::Exhausted
            } else {
                Level::Low
            }
        });
        levels.max().unwrap_or_default()
    }

    /// When the next request for `model` may be sent. `None`: now.
    pub(crate) fn paced_until(&self, model: &str, now: Timestamp) -> Option<Timestamp> {
        let next_at = self
            .pacings(model, now)
            .map(|pacing| pacing.next_at.min(pacing.until))
            .max()?;
        (now < next_at).then_some(next_at)
    }

    /// Spaces out the requests after one that is let through.
    pub(crate) fn count_lease(&mut self, model: &str, now: Timestamp) {
        if self.paced == 0 {
            return;
        }
        for window in &mut self.list {
            if !covers(&window.read, model) {
                continue;
            }
            if let Some(pacing) = &mut window.pacing {
                pacing.count_lease(now);
            }
        }
    }

    /// The latest reset of an exhausted window for `model`: when the provider's own limits say that
    /// a refusal will end.
    pub(crate) fn known_reset(&self, model: &str, now: Timestamp) -> Option<Timestamp> {
        let exhausted = self.list.iter().filter(|window| {
            covers(&window.read, model) && window.read.reading.remaining == Some(0)
        });
        exhausted
            .filter_map(|window| window.read.reading.resets_at)
            .filter(|resets_at| *resets_at > now)
            .max()
    }

    /// Forgets the pacing, as when the clock went back or the user clears the account.
    pub(crate) fn clear_pacing(&mut self) {
        for window in &mut self.list {
            window.pacing = None;
        }
        self.paced = 0;
    }

    fn pacings(&self, model: &str, now: Timestamp) -> impl Iterator<Item = &Pacing> {
        let list = if self.paced == 0 {
            &[][..]
        } else {
            &self.list[..]
        };
        list.iter()
            .filter(move |window| covers(&window.read, model))
            .filter_map(|window| window.pacing.as_ref())
            .filter(move |pacing| now < pacing.until)
    }
}

impl Pacing {
    fn count_lease(&mut self, now: Timestamp) {
        if now >= self.until {
            return;
        }
        let time_left = between(now, self.until);
        let Some(requests_left) = self.requests_left.filter(|_| time_left <= PACED_WITHIN) else {
            return;
        };
        let gaps = u32::try_from(requests_left).unwrap_or(u32::MAX).max(1);
        self.next_at = now + (time_left / gaps).min(GAP_MAX);
        self.requests_left = Some(requests_left.saturating_sub(1));
    }
}

fn covers(read: &QuotaReading, model: &str) -> bool {
    match &read.model {
        Some(own) => **own == *model,
        None => true,
    }
}

/// `None` unless the reading says that the window is low, and when it resets.
fn pacing(read: &QuotaReading, tokens_per_request: Option<u64>, now: Timestamp) -> Option<Pacing> {
    let reading = &read.reading;
    let remaining = reading.remaining?;
    let until = match reading.source {
        // No clock fills a balance. Once it is older, a request shows whether it was filled.
        ReadingSource::BalanceCall => Some(read.read_at + BALANCE_TRUSTED),
        ReadingSource::Header | ReadingSource::ErrorBody => reading.resets_at,
    };
    let until = until.filter(|until| *until > now)?;
    let is_low = match reading.limit {
        Some(limit) => remaining.saturating_mul(LOW_SHARE) <= limit,
        None => remaining == 0 || (reading.unit == Unit::Requests && remaining <= LOW_REQUESTS),
    };
    let requests_left = match reading.unit {
        Unit::Requests => Some(remaining),
        Unit::Tokens => tokens_per_request.map(|tokens| remaining / tokens.max(1)),
        Unit::Other => None,
    };
    is_low.then_some(Pacing {
        requests_left,
        is_exhausted: remaining == 0,
        until,
        next_at: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
        windows.record(reading, &"m".into(), start());
        windows
    }

    #[test]
    fn a_tenth_of_the_limit_is_low_and_nothing_is_dry() {
        for (remaining, level) in [
            (50, Level::Normal),
            (11, Level::Normal),
            (10, Level::Low),
            (1, Level::Low),
            (0, Level::Exhausted),
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
        assert_eq!(windows.level("m", start()), Level::Normal);
        assert_eq!(windows.reads().next().unwrap().reading.remaining, None);
    }

    #[test]
    fn a_window_is_low_for_its_model_and_until_its_reset() {
        let windows = windows(reading(Unit::Requests, 1, 100, 60));
        assert_eq!(windows.level("other", start()), Level::Normal);
        assert_eq!(windows.level("m", after(60)), Level::Normal);
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
        windows.record(reading(Unit::Tokens, 400, 10_000, 8), &"m".into(), start());
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
                .record(
                    reading(Unit::Requests, remaining, 100, 600),
                    &"m".into(),
                    now,
                )
                .is_due_to_save
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
            windows.record(named, &"m".into(), after(number));
        }
        assert_eq!(windows.reads().count(), WINDOWS_MAX);
    }
}
