//! Leases an account for an attempt, and says what a client hears where there is none.
//!
//! Names of accounts stay in the record; a client sees reasons only.

use std::time::Duration;

use tracing::debug;

use super::attempt_error::{AttemptError, AttemptResult};
use super::attempts::Attempts;
use super::plan::Plan;
use super::request_context::RequestContext;
use crate::canon::{Blame, Fault, FaultKind};
use crate::outcome::Timestamp;
use crate::pool::{Lease, LeaseError, LeaseRequest, PassedOver, SkipReason};

/// When a client may come back to accounts that all stayed busy for as long as a request waits.
const BUSY_RETRY: Duration = Duration::from_secs(1);

/// Leases an account for the plan's next attempt; waits where all that could serve are busy.
///
/// # Errors
/// When no account can serve.
pub(super) async fn acquire(
    context: &RequestContext<'_>,
    plan: &Plan,
    attempts: &mut Attempts,
) -> AttemptResult<Lease> {
    let provider = &plan.endpoint.provider.name;
    let pool = &context.state.pool;
    let session = if pool.has_choice(provider) {
        context.session()
    } else {
        None
    };
    let owner = context.response_owner();
    let request = LeaseRequest {
        provider,
        model: &plan.model,
        session: session.as_ref(),
        owner: owner.as_ref(),
        tried: attempts.tried(),
    };
    match pool.lease(&request).await {
        Ok(lease) => {
            attempts.add_passed_over(plan, lease.passed_over());
            Ok(lease)
        }
        Err(error) => {
            attempts.add_passed_over(plan, error.why());
            // Without the reasons: they hold what providers said.
            debug!(provider, why = error.name(), "no account leased");
            Err(refused(plan, &error, Timestamp::now()))
        }
    }
}

/// The error of a plan that no account serves at the moment.
fn refused(plan: &Plan, error: &LeaseError, now: Timestamp) -> Box<AttemptError> {
    let mut refused = AttemptError::of_plan(fault(plan, error, now));
    if let LeaseError::CoolingDown { until, .. } = error {
        refused.available_after = until.duration_since(now).ok();
    }
    refused
}

fn fault(plan: &Plan, error: &LeaseError, now: Timestamp) -> Fault {
    let (provider, model) = (&plan.endpoint.provider.name, &plan.model);
    match error {
        LeaseError::CoolingDown { until, why } => {
            let wait = until.duration_since(now).unwrap_or_default();
            cooling(plan, why, wait)
        }
        LeaseError::Busy { waited, why } => {
            let waited = waited.as_secs();
            let message = format!(
                "every account of provider `{provider}` stayed busy for {waited} s: {}",
                reasons(why)
            );
            limited(message, BUSY_RETRY)
        }
        LeaseError::NeedsUser { why } => {
            account_fault(format!("provider `{provider}`: {}", reasons(why)))
        }
        LeaseError::None { why } if why.is_empty() => account_fault(format!(
            "provider `{provider}` has no account; add one with `aerostat account add {provider}`"
        )),
        LeaseError::None { why } => account_fault(format!(
            "no account of provider `{provider}` may serve `{model}`: {}",
            reasons(why)
        )),
    }
}

/// Every account cools down. Where all of them wait for an open circuit, the provider is down
/// rather than limited.
fn cooling(plan: &Plan, why: &[PassedOver], wait: Duration) -> Fault {
    let (provider, model) = (&plan.endpoint.provider.name, &plan.model);
    let reasons = reasons(why);
    let is_limited = why
        .iter()
        .any(|passed| !matches!(passed.why, SkipReason::CircuitOpen { .. }));
    if is_limited {
        let message = format!(
            "every account of provider `{provider}` for `{model}` is cooling down: {reasons}"
        );
        return limited(message, wait);
    }
    Fault {
        retry_after: Some(wait),
        ..Fault::upstream(format!("provider `{provider}`: {reasons}"))
    }
}

fn limited(message: String, wait: Duration) -> Fault {
    Fault {
        retry_after: Some(wait),
        ..Fault::new(FaultKind::RateLimited, Blame::Account, message)
    }
}

fn account_fault(message: String) -> Fault {
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
