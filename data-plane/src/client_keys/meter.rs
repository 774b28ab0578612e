//! One budget, and what is spent of it in its current period.

use jiff::tz::TimeZone;

use super::limits::{KeyBudget, KeyUnit};
use super::saved::SavedMeter;
use crate::outcome::Timestamp;

/// What a finished request used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amounts {
    pub(super) tokens: u64,
    /// In picodollars, as far as prices are known.
    pub(super) picos: u64,
    /// Whether it may have cost more than that.
    pub(super) is_unpriced: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Meter {
    pub(super) budget: KeyBudget,
    zone: TimeZone,
    pub(super) starts_at: Timestamp,
    pub(super) ends_at: Timestamp,
    /// Money in picodollars.
    pub(super) spent: u64,
    /// Requests that arrived in this period and have not ended.
    in_flight: u32,
    /// Requests whose price is not known, or not all of it: what is not known counts as 0.
    pub(super) unpriced: u64,
}

impl Meter {
    /// `in_flight`: requests of the key that have not ended, which will be counted here.
    pub(super) fn new(budget: &KeyBudget, in_flight: u32, now: Timestamp) -> Self {
        let zone = budget.zone();
        let (starts_at, ends_at) = budget.period.bounds(&zone, now);
        Self {
            budget: budget.clone(),
            zone,
            starts_at,
            ends_at,
            spent: 0,
            in_flight,
            unpriced: 0,
        }
    }

    /// Takes over what was spent of a known budget that counts alike, whatever its limit.
    pub(super) fn following(self, known: &[Self]) -> Self {
        let alike = |known: &&Self| known.budget.counts_alike(&self.budget);
        match known.iter().find(alike) {
            Some(known) => Self {
                budget: self.budget,
                ..known.clone()
            },
            None => self,
        }
    }

    /// Takes what was saved of the current period.
    pub(super) fn restore(&mut self, saved: &[SavedMeter]) {
        let is_this = |saved: &&SavedMeter| {
            (saved.unit, saved.period) == (self.budget.unit, self.budget.period)
                && saved.time_zone == self.budget.time_zone
                && saved.starts_at == self.starts_at
        };
        if let Some(saved) = saved.iter().find(is_this) {
            (self.spent, self.unpriced) = (saved.spent, saved.unpriced);
        }
    }

    pub(super) fn saved(&self) -> SavedMeter {
        SavedMeter {
            unit: self.budget.unit,
            period: self.budget.period,
            time_zone: self.budget.time_zone.clone(),
            starts_at: self.starts_at,
            spent: self.spent,
            unpriced: self.unpriced,
        }
    }

    /// Starts a new period where `now` lies outside the current one.
    pub(super) fn roll(&mut self, now: Timestamp) {
        if !self.is_current(now) {
            (self.starts_at, self.ends_at) = self.budget.period.bounds(&self.zone, now);
            (self.spent, self.in_flight, self.unpriced) = (0, 0, 0);
        }
    }

    /// Whether nothing is left for another request. How many requests there are is known before
    /// they end, so those in flight count for that.
    pub(super) fn is_spent(&self) -> bool {
        let reserved = match self.budget.unit {
            KeyUnit::Requests => u64::from(self.in_flight),
            KeyUnit::Tokens | KeyUnit::Dollars => 0,
        };
        self.spent.saturating_add(reserved) >= self.budget.limit_counted()
    }

    pub(super) fn begin(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
    }

    /// A request that arrived at `arrived` is in flight no more.
    pub(super) fn end(&mut self, arrived: Timestamp) {
        if self.is_current(arrived) {
            self.in_flight = self.in_flight.saturating_sub(1);
        }
    }

    /// Counts a finished request in the period in which it arrived, as statistics do: where that
    /// has passed, nowhere.
    pub(super) fn count(&mut self, amounts: &Amounts, arrived: Timestamp) {
        if !self.is_current(arrived) {
            return;
        }
        let amount = match self.budget.unit {
            KeyUnit::Requests => 1,
            KeyUnit::Tokens => amounts.tokens,
            KeyUnit::Dollars => amounts.picos,
        };
        self.spent = self.spent.saturating_add(amount);
        if self.budget.unit == KeyUnit::Dollars && amounts.is_unpriced {
            self.unpriced = self.unpriced.saturating_add(1);
        }
    }

    fn is_current(&self, at: Timestamp) -> bool {
        self.starts_at <= at && at < self.ends_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    fn meter(budget: &str, now: &str) -> Meter {
        let budget = KeyBudget::parse(budget, "UTC").unwrap();
        Meter::new(&budget, 0, at(now))
    }

    fn tokens(tokens: u64) -> Amounts {
        Amounts {
            tokens,
            ..Amounts::default()
        }
    }

    #[test]
    fn the_request_that_crosses_the_limit_is_the_last_one() {
        let now = "2026-11-30T12:00:00Z";
        let mut meter = meter("100 tokens/day", now);
        meter.count(&tokens(99), at(now));
        assert!(!meter.is_spent());
        meter.count(&tokens(500), at(now));
        assert_eq!((meter.is_spent(), meter.spent), (true, 599));
        meter.roll(at("2026-12-01T00:00:00Z"));
        assert_eq!((meter.is_spent(), meter.spent), (false, 0));
    }

    #[test]
    fn days_on_which_clocks_change_end_at_their_midnight() {
        for (zone, now, ends_at) in [
            (
                "Europe/Berlin",
                "2026-10-25T00:30:00Z",
                "2026-10-25T23:00:00Z",
            ),
            (
                "Europe/Berlin",
                "2026-03-29T12:00:00Z",
                "2026-03-29T22:00:00Z",
            ),
            (
                "Australia/Lord_Howe",
                "2026-10-03T14:00:00Z",
                "2026-10-04T13:00:00Z",
            ),
            // At midnight the clocks go on to one: the day begins then.
            (
                "America/Santiago",
                "2026-09-05T12:00:00Z",
                "2026-09-06T04:00:00Z",
            ),
        ] {
            let meter = meter(&format!("1 requests/day {zone}"), now);
            assert_eq!(meter.ends_at, at(ends_at), "{zone}");
        }
        let month = meter("1 requests/month Europe/Berlin", "2026-10-31T23:30:00Z");
        assert_eq!(
            (month.starts_at, month.ends_at),
            (at("2026-10-31T23:00:00Z"), at("2026-11-30T23:00:00Z"))
        );
    }

    #[test]
    fn requests_in_flight_are_counted_before_they_end() {
        let now = at("2026-11-30T12:00:00Z");
        let mut meter = meter("2 requests/day", "2026-11-30T12:00:00Z");
        meter.begin();
        assert!(!meter.is_spent());
        meter.begin();
        assert!(meter.is_spent());
        // One is given up before it was let through, the other ends.
        meter.end(now);
        assert!(!meter.is_spent());
        meter.end(now);
        meter.count(&Amounts::default(), now);
        assert_eq!((meter.is_spent(), meter.spent), (false, 1));
    }

    #[test]
    fn a_request_counts_in_the_period_in_which_it_arrived() {
        let evening = at("2026-11-30T23:59:00Z");
        let mut meter = meter("1 requests/day", "2026-11-30T23:59:00Z");
        meter.begin();
        meter.roll(at("2026-12-01T00:00:01Z"));
        assert!(!meter.is_spent(), "yesterday's do not keep today's out");
        meter.begin();
        meter.end(evening);
        meter.count(&tokens(5), evening);
        assert_eq!((meter.spent, meter.is_spent()), (0, true));
    }

    #[test]
    fn what_has_no_price_counts_as_nothing_and_is_counted() {
        let now = at("2026-11-30T12:00:00Z");
        let mut meter = meter("0.000002 dollars/day", "2026-11-30T12:00:00Z");
        let amounts = |picos, is_unpriced| Amounts {
            tokens: 7,
            picos,
            is_unpriced,
        };
        meter.count(&amounts(0, true), now);
        meter.count(&amounts(1_999_999, false), now);
        assert!(!meter.is_spent());
        meter.count(&amounts(1, true), now);
        assert_eq!((meter.is_spent(), meter.unpriced), (true, 2));
    }

    #[test]
    fn only_what_was_saved_of_this_period_comes_back() {
        let now = "2026-11-30T12:00:00Z";
        let mut old = meter("9 requests/day", "2026-11-29T12:00:00Z");
        old.spent = 4;
        let mut fresh = meter("9 requests/day", now);
        fresh.restore(&[old.saved()]);
        assert_eq!(fresh.spent, 0);
        old.roll(at(now));
        old.spent = 3;
        fresh.restore(&[old.saved()]);
        assert_eq!(fresh.spent, 3);
    }

    #[test]
    fn another_limit_goes_on_with_what_was_spent() {
        let now = "2026-11-30T12:00:00Z";
        let mut known = meter("9 requests/day", now);
        known.spent = 4;
        let raised = meter("20 requests/day", now).following(&[known.clone()]);
        assert_eq!((raised.spent, raised.budget.limit), (4, 20));
        let elsewhere = meter("9 requests/day Asia/Tokyo", now).following(&[known]);
        assert_eq!(elsewhere.spent, 0);
    }
}
