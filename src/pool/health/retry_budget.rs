//! The retry budget: failing over helps while few requests need it, and makes an outage worse when
//! all do.

use crate::outcome::{Outcome, Timestamp};
use crate::pool::clock::between;

/// What may be saved up.
const SAVED_MAX: f64 = 50.0;
/// What a request saves.
const PER_REQUEST: f64 = 0.2;
/// What a second saves: a person with few requests may always try again.
const PER_SECOND: f64 = 1.0;

#[derive(Clone, Debug)]
pub(crate) struct RetryBudget {
    saved: f64,
    at: Option<Timestamp>,
    /// How often there was nothing left.
    pub(crate) refused: u64,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            saved: SAVED_MAX,
            at: None,
            refused: 0,
        }
    }
}

impl RetryBudget {
    pub(crate) fn count_request(&mut self) {
        self.saved = (self.saved + PER_REQUEST).min(SAVED_MAX);
    }

    /// Whether one more attempt may follow `outcome`; takes it out of the budget.
    ///
    /// An account that reached its limit says nothing of its provider's health: going on to another
    /// costs nothing.
    pub(crate) fn withdraw(&mut self, outcome: &Outcome, now: Timestamp) -> bool {
        self.save(now);
        if !burdens(outcome) {
            return true;
        }
        if self.saved < 1.0 {
            self.refused += 1;
            return false;
        }
        self.saved -= 1.0;
        true
    }

    fn save(&mut self, now: Timestamp) {
        let since = between(self.at.unwrap_or(now), now);
        self.at = Some(now);
        self.saved = (self.saved + since.as_secs_f64() * PER_SECOND).min(SAVED_MAX);
    }
}

/// Whether a provider that answered so is one that more attempts would burden.
fn burdens(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Failed
            | Outcome::Unreachable { .. }
            | Outcome::TimedOut { .. }
            | Outcome::MalformedResponse
            | Outcome::Overloaded { .. }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Scope;
    use std::time::Duration;

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    #[test]
    fn in_an_outage_retries_end_while_requests_do_not() {
        let mut budget = RetryBudget::default();
        let retries = (0..1000).filter(|_| {
            budget.count_request();
            budget.withdraw(&Outcome::Failed, now())
        });
        let retries = retries.count();
        assert!(
            (200..300).contains(&retries),
            "a fifth of the requests and what was saved: {retries}"
        );
        assert_eq!(budget.refused, 1000 - retries as u64);
    }

    #[test]
    fn limits_of_accounts_cost_nothing() {
        let mut budget = RetryBudget::default();
        let limited = Outcome::Throttled {
            scope: Scope::Model,
            until: None,
        };
        assert!((0..1000).all(|_| budget.withdraw(&limited, now())));
    }

    #[test]
    fn time_fills_the_budget() {
        let mut budget = RetryBudget::default();
        while budget.withdraw(&Outcome::Failed, now()) {}
        assert!(budget.withdraw(&Outcome::Failed, now() + Duration::from_secs(2)));
    }
}
