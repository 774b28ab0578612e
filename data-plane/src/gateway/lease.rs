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
use crate::status::CooldownCause;

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
        let session = context.session();
        attempts.set_session(session);
        session
    } else {
        None
    };
    let owner = context.object_owner();
    let request = LeaseRequest {
        provider,
        model: &plan.model,
        session: session.as_ref(),
        owner: owner.as_ref(),
        tried: attempts.tried(),
        is_retry: attempts.is_retry(),
        waited: attempts.waited(),
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
            Err(refused(plan, &error, context.now()))
        }
    }
}

/// The error of a plan that no account serves at the moment.
fn refused(plan: &Plan, error: &LeaseError, now: Timestamp) -> Box<AttemptError> {
    let mut refused = AttemptError::of_plan(fault(plan, error, now));
    if let LeaseError::CoolingDown { until, why } = error {
        let rest = Rest::of(why, *until, now);
        refused.available_after = (rest.kind <= RestKind::NoCapacity).then_some(rest.wait);
    }
    refused
}

/// What keeps accounts from serving until it ends by itself. What a client should hear first comes
/// first: an end that is sure before one that is only tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum RestKind {
    Limit,
    NoCapacity,
    Unreachable,
    Refused,
}

/// Why a client is sent away, and for how long.
struct Rest {
    kind: RestKind,
    wait: Duration,
}

impl Rest {
    /// `until`: the earliest end, whatever it is the end of.
    fn of(why: &[PassedOver], until: Timestamp, now: Timestamp) -> Self {
        let first = why.iter().filter_map(|passed| rest_of(&passed.why)).min();
        let (kind, until) = first.unwrap_or((RestKind::Limit, until));
        let wait = until.duration_since(now).unwrap_or_default();
        Self { kind, wait }
    }
}

/// `None` for what does not end by itself.
fn rest_of(why: &SkipReason) -> Option<(RestKind, Timestamp)> {
    match why {
        SkipReason::CoolingDown(cooldown) => {
            let kind = match cooldown.cause {
                CooldownCause::RateLimit | CooldownCause::Quota => RestKind::Limit,
                CooldownCause::Overloaded | CooldownCause::Failing => RestKind::NoCapacity,
                CooldownCause::RefreshFailing => RestKind::Unreachable,
                CooldownCause::Forbidden => RestKind::Refused,
            };
            Some((kind, cooldown.until))
        }
        SkipReason::BudgetSpent { until, .. } | SkipReason::Paced { until } => {
            Some((RestKind::Limit, *until))
        }
        SkipReason::CircuitOpen { until } => Some((RestKind::Unreachable, *until)),
        SkipReason::Tried
        | SkipReason::NotTheOwner
        | SkipReason::ModelNotAllowed
        | SkipReason::Disabled
        | SkipReason::Busy { .. }
        | SkipReason::Refreshing
        | SkipReason::NeedsUser(_) => None,
    }
}

fn fault(plan: &Plan, error: &LeaseError, now: Timestamp) -> Fault {
    let (provider, model) = (&plan.endpoint.provider.name, &plan.model);
    match error {
        LeaseError::CoolingDown { until, why } => resting(plan, why, &Rest::of(why, *until, now)),
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

/// Every account rests. The client gets the status that the cause had, not one of a limit where
/// none was reached.
fn resting(plan: &Plan, why: &[PassedOver], rest: &Rest) -> Fault {
    let (provider, model) = (&plan.endpoint.provider.name, &plan.model);
    let reasons = reasons(why);
    let fault = match rest.kind {
        RestKind::Limit => {
            let message = format!(
                "every account of provider `{provider}` for `{model}` is cooling down: {reasons}"
            );
            return limited(message, rest.wait);
        }
        RestKind::NoCapacity => Fault::new(
            FaultKind::Overloaded,
            Blame::Provider,
            format!("provider `{provider}` for `{model}`: {reasons}"),
        ),
        RestKind::Unreachable => Fault::upstream(format!("provider `{provider}`: {reasons}")),
        RestKind::Refused => {
            // No wait: it ends when the provider's settings do, and clients would sit it out.
            return account_fault(format!(
                "provider `{provider}` refused `{model}` to this gateway's credential: {reasons}"
            ));
        }
    };
    Fault {
        retry_after: Some(rest.wait),
        ..fault
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
