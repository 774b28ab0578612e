//! The retry budget of a provider: trying again helps while few requests need it, and makes an
//! outage worse when all do.

use crate::outcome::{Outcome, Timestamp};
use crate::pool::clock::between;

/// The largest balance, in retries.
const BALANCE_MAX: f64 = 50.0;
/// What a request deposits: in an outage a fifth of the requests may be tried again.
const PER_REQUEST: f64 = 0.2;
/// What a second deposits: a user with few requests may always try again.
const PER_SECOND: f64 = 1.0;

#[derive(Clone, Debug)]
pub(crate) struct RetryBudget {
    balance: f64,
    /// When time was last deposited.
    updated_at: Option<Timestamp>,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self {
            balance: BALANCE_MAX,
            updated_at: None,
        }
    }
}

impl RetryBudget {
    /// Deposits for a request's first attempt.
    pub(crate) fn deposit_request(&mut self) {
        self.deposit(PER_REQUEST);
    }

    /// Whether another attempt may follow `outcome`. Takes it out of the budget.
    ///
    /// An account that reached its limit says nothing of its provider's health: trying another one
    /// costs nothing.
    pub(crate) fn withdraw(&mut self, outcome: &Outcome, now: Timestamp) -> bool {
        let elapsed = between(self.updated_at.unwrap_or(now), now);
        self.updated_at = Some(now);
        self.deposit(elapsed.as_secs_f64() * PER_SECOND);
        if !is_overload_sign(outcome) {
            return true;
        }
        if self.balance < 1.0 {
            return false;
        }
        self.balance -= 1.0;
        true
    }

    fn deposit(&mut self, amount: f64) {
        self.balance = (self.balance + amount).min(BALANCE_MAX);
    }
}

/// Whether more attempts would burden a provider with this outcome.
fn is_overload_sign(outcome: &Outcome) -> bool {
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
            budget.deposit_request();
            budget.withdraw(&Outcome::Failed, now())
        });
        let retries = retries.count();
        assert!(
            (200..300).contains(&retries),
            "a fifth of the requests and what was saved: {retries}"
        );
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
