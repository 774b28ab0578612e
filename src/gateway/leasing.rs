//! Accounts for attempts: what the pool is asked, and what a client hears when it has none.

use std::time::Duration;

use super::failure::{Attempted, Failure};
use super::plan::{Plan, RequestContext};
use super::settle::RequestTracker;
use crate::account::AccountName;
use crate::canon::{Blame, Fault, FaultKind};
use crate::outcome::{Next, Timestamp};
use crate::pool::{Lease, LeaseError, LeaseRequest, PassedOver, SkipReason};

/// When a client may come back to accounts that were all busy for as long as a request waits.
const BUSY_RETRY: Duration = Duration::from_secs(1);

/// The accounts that one plan has asked.
#[derive(Debug, Default)]
pub(super) struct Tried {
    accounts: Vec<AccountName>,
    /// Whose access token was refused once: its refresh gives it another try.
    refreshed: Vec<AccountName>,
}

impl Tried {
    /// Notes what comes after an attempt at `account`: nothing, or the same account once more.
    pub(super) fn note(&mut self, account: &AccountName, next: Next) {
        let comes_again = match next {
            Next::RetrySame { .. } | Next::RetryWithoutReasoning => true,
            Next::RefreshThenRetry => !self.refreshed.contains(account),
            _ => false,
        };
        if !comes_again {
            self.accounts.push(account.clone());
        } else if next == Next::RefreshThenRetry {
            self.refreshed.push(account.clone());
        }
    }
}

/// Asks for an account for the next attempt, and waits for it where it has to.
///
/// # Errors
/// When none can serve, with what a client may hear of it. Names of accounts stay in the record.
pub(super) async fn lease(
    job: &RequestContext<'_>,
    plan: &Plan,
    tried: &Tried,
    settlement: &mut RequestTracker,
) -> Attempted<Lease> {
    let provider = &plan.endpoint.provider.name;
    let pool = &job.gateway.pool;
    let session = if pool.has_choice(provider) {
        job.session()
    } else {
        None
    };
    let maker = job.maker();
    let want = LeaseRequest {
        provider,
        model: &plan.model,
        session: session.as_ref(),
        maker: maker.as_ref(),
        tried: &tried.accounts,
    };
    match pool.lease(&want).await {
        Ok(lease) => {
            settlement.passed_over(plan, lease.passed_over());
            Ok(lease)
        }
        Err(refusal) => {
            settlement.passed_over(plan, refusal.why());
            Err(refused(plan, &refusal, Timestamp::now()))
        }
    }
}

/// The failure of a plan that no account serves at the moment.
fn refused(plan: &Plan, refusal: &LeaseError, now: Timestamp) -> Box<Failure> {
    let mut failure = Failure::of_plan(fault(plan, refusal, now));
    if let LeaseError::Resting { until, .. } = refusal {
        failure.rests_for = until.duration_since(now).ok();
    }
    failure
}

fn fault(plan: &Plan, refusal: &LeaseError, now: Timestamp) -> Fault {
    let (provider, model) = (&plan.endpoint.provider.name, &plan.model);
    match refusal {
        LeaseError::Resting { until, why } => {
            let wait = until.duration_since(now).unwrap_or_default();
            let is_reached =
                |passed: &PassedOver| !matches!(passed.why, SkipReason::CircuitOpen { .. });
            if why.iter().any(is_reached) {
                limited(
                    format!(
                        "every account of provider `{provider}` for `{model}` rests: {}",
                        reasons(why)
                    ),
                    wait,
                )
            } else {
                Fault {
                    retry_after: Some(wait),
                    ..Fault::upstream(format!("provider `{provider}`: {}", reasons(why)))
                }
            }
        }
        LeaseError::Busy { waited, why } => {
            let waited = waited.as_secs();
            limited(
                format!(
                    "every account of provider `{provider}` stayed busy for {waited} s: {}",
                    reasons(why)
                ),
                BUSY_RETRY,
            )
        }
        LeaseError::NeedsPerson { why } => {
            account(format!("provider `{provider}`: {}", reasons(why)))
        }
        LeaseError::None { why } if why.is_empty() => account(format!(
            "provider `{provider}` has no account; add one with `aerostat account add {provider}`"
        )),
        LeaseError::None { why } => account(format!(
            "no account of provider `{provider}` may serve `{model}`: {}",
            reasons(why)
        )),
    }
}

fn limited(message: String, wait: Duration) -> Fault {
    Fault {
        retry_after: Some(wait),
        ..Fault::new(FaultKind::RateLimited, Blame::Account, message)
    }
}

fn account(message: String) -> Fault {
    Fault::new(FaultKind::UpstreamAuth, Blame::Account, message)
}

/// Each reason once, without the names of accounts.
fn reasons(why: &[PassedOver]) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for passed in why {
        let reason = passed.why.to_string();
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons.join("; ")
}
