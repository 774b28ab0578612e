//! When the balance of one account is asked for: after requests, as they are what changes it, and
//! not after each. Pure.

use std::time::Duration;

use crate::outcome::{Outcome, Timestamp};
use crate::pool::clock::between;

/// How often the balance of an account that serves is asked for.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// The same after a refusal for want of credit.
const EVERY_WHILE_SPENT: Duration = Duration::from_secs(60);

/// When the balance of one account is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct BalanceState {
    asked_at: Option<Timestamp>,
    is_due: bool,
}

impl BalanceState {
    /// Notes what a request showed. Whether the balance is due by it, and was not before.
    pub(crate) fn note(&mut self, outcome: &Outcome, now: Timestamp) -> bool {
        let pause = match outcome {
            Outcome::Served { .. } => EVERY,
            Outcome::QuotaSpent { .. } => EVERY_WHILE_SPENT,
            _ => return false,
        };
        let is_over = match self.asked_at {
            // A time that lies ahead was noted before the clock went back.
            Some(asked_at) => asked_at > now || between(asked_at, now) >= pause,
            None => true,
        };
        let turns = is_over && !self.is_due;
        self.is_due |= is_over;
        turns
    }

    /// Whether it is due; it is asked for then.
    pub(crate) fn take(&mut self, now: Timestamp) -> bool {
        let was_due = std::mem::take(&mut self.is_due);
        if was_due {
            self.asked_at = Some(now);
        }
        was_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::Usage;
    use crate::outcome::Scope;

    fn after(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_balance_is_asked_for_after_use_and_not_at_each() {
        let served = Outcome::Served {
            usage: Usage::default(),
        };
        let spent = Outcome::QuotaSpent {
            scope: Scope::Account,
            until: None,
        };
        let mut balance = BalanceState::default();
        assert!(!balance.note(&Outcome::Failed, after(0)));
        assert!(balance.note(&served, after(0)));
        assert!(!balance.note(&served, after(0)), "it is due already");
        assert!(balance.take(after(0)) && !balance.take(after(0)));
        assert!(!balance.note(&served, after(599)));
        assert!(!balance.note(&spent, after(59)));
        assert!(balance.note(&spent, after(60)) && balance.take(after(60)));
        assert!(!balance.note(&served, after(659)));
        assert!(balance.note(&served, after(660)));
    }
}
