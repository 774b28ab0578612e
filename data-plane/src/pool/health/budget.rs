//! The user's own budgets: what an account may use per day or month, counted in the time zone that
//! the user named.

use jiff::tz::TimeZone;

use crate::account::{Budget, BudgetUnit};
use crate::canon::Usage;
use crate::outcome::Timestamp;
use crate::pool::state_store::Spent;

/// One budget and what is spent of it in its current period.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    pub(crate) budget: Budget,
    zone: TimeZone,
    starts_at: Timestamp,
    pub(crate) ends_at: Timestamp,
    pub(crate) spent: u64,
}

impl Meter {
    pub(crate) fn new(budget: &Budget, now: Timestamp) -> Self {
        // The name was checked when the budget was set; a system without time zone data counts in
        // UTC.
        let zone = TimeZone::get(&budget.time_zone).unwrap_or(TimeZone::UTC);
        let (starts_at, ends_at) = budget.period.bounds(&zone, now);
        Self {
            budget: budget.clone(),
            zone,
            starts_at,
            ends_at,
            spent: 0,
        }
    }

    /// Takes over what was spent of a known budget that counts alike, whatever its limit.
    pub(crate) fn following(mut self, known: &[Self]) -> Self {
        let counts_alike = |known: &&Self| {
            let (one, other) = (&known.budget, &self.budget);
            one.unit == other.unit && one.period == other.period && one.time_zone == other.time_zone
        };
        if let Some(known) = known.iter().find(counts_alike) {
            self.starts_at = known.starts_at;
            self.ends_at = known.ends_at;
            self.spent = known.spent;
        }
        self
    }

    /// Once the budget is used up: when its period ends.
    pub(crate) fn spent_until(&self, now: Timestamp) -> Option<Timestamp> {
        (self.spent >= self.budget.limit && self.is_current(now)).then_some(self.ends_at)
    }

    /// Whether the requests in flight may use up what is left. They are counted when they end, and
    /// must not exceed the limit until then.
    pub(crate) fn is_reserved(&self, in_flight: u32, now: Timestamp) -> bool {
        let counts = self.budget.unit == BudgetUnit::Requests && self.is_current(now);
        counts && self.spent.saturating_add(u64::from(in_flight)) >= self.budget.limit
    }

    /// Counts one request. Returns what is to be saved of it.
    pub(crate) fn count(&mut self, usage: &Usage, now: Timestamp) -> Option<Spent> {
        self.roll(now);
        let amount = match self.budget.unit {
            BudgetUnit::Requests => 1,
            BudgetUnit::Tokens => tokens(usage),
        };
        self.spent = self.spent.saturating_add(amount);
        (amount > 0).then_some(Spent {
            unit: self.budget.unit,
            period: self.budget.period,
            starts_at: self.starts_at,
            amount,
        })
    }

    /// Takes what was saved of the current period.
    pub(crate) fn restore(&mut self, saved: &Spent) {
        let is_current = (saved.unit, saved.period, saved.starts_at)
            == (self.budget.unit, self.budget.period, self.starts_at);
        if is_current {
            self.spent = self.spent.saturating_add(saved.amount);
        }
    }

    /// Starts a new period when `now` lies outside the current one.
    pub(crate) fn roll(&mut self, now: Timestamp) {
        if !self.is_current(now) {
            (self.starts_at, self.ends_at) = self.budget.period.bounds(&self.zone, now);
            self.spent = 0;
        }
    }

    fn is_current(&self, now: Timestamp) -> bool {
        self.starts_at <= now && now < self.ends_at
    }
}

/// Input and output, as far as the provider reported them.
pub(crate) fn tokens(usage: &Usage) -> u64 {
    let parts = [usage.input, usage.output, usage.tool_prompt];
    parts.into_iter().flatten().fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Period;

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    fn meter(budget: &str, now: &str) -> Meter {
        Meter::new(&budget.parse().unwrap(), at(now))
    }

    fn usage(input: u64, output: u64) -> Usage {
        Usage {
            input: Some(input),
            output: Some(output),
            ..Usage::default()
        }
    }

    #[test]
    fn a_day_ends_at_midnight_in_the_named_zone() {
        let meter = meter("10 requests/day America/New_York", "2026-11-23T04:30:00Z");
        assert_eq!(
            (meter.starts_at, meter.ends_at),
            (at("2026-11-22T05:00:00Z"), at("2026-11-23T05:00:00Z"))
        );
    }

    #[test]
    fn the_day_on_which_the_clocks_go_back_has_25_hours() {
        let meter = meter("10 requests/day Europe/Berlin", "2026-10-25T12:00:00Z");
        assert_eq!(
            (meter.starts_at, meter.ends_at),
            (at("2026-10-24T22:00:00Z"), at("2026-10-25T23:00:00Z"))
        );
    }

    #[test]
    fn a_month_ends_with_its_last_day() {
        let meter = meter("10 requests/month UTC", "2026-12-31T23:59:59Z");
        assert_eq!(
            (meter.starts_at, meter.ends_at),
            (at("2026-12-01T00:00:00Z"), at("2027-01-01T00:00:00Z"))
        );
    }

    #[test]
    fn tokens_are_counted_as_far_as_they_are_known() {
        let mut meter = meter("100 tokens/day UTC", "2026-11-23T12:00:00Z");
        let now = at("2026-11-23T12:00:00Z");
        assert_eq!(meter.count(&Usage::default(), now), None);
        assert_eq!(
            meter.count(&usage(60, 39), now).map(|spent| spent.amount),
            Some(99)
        );
        assert_eq!(meter.spent_until(now), None);
        meter.count(&usage(1, 0), now);
        assert_eq!(meter.spent_until(now), Some(at("2026-11-24T00:00:00Z")));
        assert_eq!(
            meter.spent_until(at("2026-11-24T00:00:00Z")),
            None,
            "the next period is not spent"
        );
    }

    #[test]
    fn requests_in_flight_do_not_pass_the_limit() {
        let mut meter = meter("3 requests/day UTC", "2026-11-23T12:00:00Z");
        let now = at("2026-11-23T12:00:00Z");
        meter.count(&Usage::default(), now);
        assert!(!meter.is_reserved(1, now));
        assert!(meter.is_reserved(2, now));
    }

    #[test]
    fn only_what_was_spent_in_this_period_comes_back() {
        let mut meter = meter("10 requests/day UTC", "2026-11-23T12:00:00Z");
        let spent = |starts_at| Spent {
            unit: BudgetUnit::Requests,
            period: Period::Day,
            starts_at,
            amount: 4,
        };
        meter.restore(&spent(at("2026-11-22T00:00:00Z")));
        assert_eq!(meter.spent, 0);
        meter.restore(&spent(at("2026-11-23T00:00:00Z")));
        assert_eq!(meter.spent, 4);
    }
}
