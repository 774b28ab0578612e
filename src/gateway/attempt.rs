//! The attempts of one request: candidate after candidate, account after account, until one serves
//! or nothing is left to try.
//!
//! [`RetryPolicy`] decides what comes next, and is asked here only.

use std::sync::Arc;

use tracing::debug;

use super::attempt_error::{AttemptError, AttemptResult};
use super::attempts::Attempts;
use super::client_request::ClientRequest;
use super::config::ActiveConfig;
use super::dialect_choice::plans;
use super::encode::encode;
use super::estimate;
use super::exchange::Exchange;
use super::long_work;
use super::plan::{History, Plan};
use super::request_context::RequestContext;
use super::response::{GatewayBody, GatewayError, GatewayResponse, PendingResponse};
use super::retry::RetryPolicy;
use super::state::GatewayState;
use crate::canon::Fault;
use crate::outcome::Next;

/// Serves a request that names a model.
///
/// # Errors
/// The fault for the client. An upstream's own error response that may pass is no error here.
pub(super) async fn run(
    state: &GatewayState,
    active: &ActiveConfig,
    request: &ClientRequest,
) -> Result<GatewayResponse, Box<GatewayError>> {
    let context = RequestContext::new(state, active, request)?;
    if !request.span.is_disabled() {
        request.span.record("model", &*context.routing.model);
    }
    let mut attempts = Attempts::new(&context);
    match serve(&context, &mut attempts).await {
        Ok(mut pending) => {
            let tracker = attempts.into_tracker();
            tracker.write_headers(pending.headers_mut());
            Ok(pending.commit(tracker, &request.shutdown))
        }
        Err(error) => give_up(*error, attempts),
    }
}

/// Tries the plans of all candidates in order.
async fn serve(
    context: &RequestContext<'_>,
    attempts: &mut Attempts,
) -> AttemptResult<PendingResponse> {
    let resolved = context.resolve_model().await;
    attempts.set_resolved(&resolved);
    debug!(
        candidates = resolved.resolution.candidates.len(),
        reason = resolved.resolution.reason.name(),
        "model resolved"
    );
    if let Some(fault) = resolved.resolution.fault() {
        return Err(AttemptError::of_request(fault));
    }
    let policy = RetryPolicy::new(context);
    let mut last: Option<Box<AttemptError>> = None;
    // The candidate whose provider has no such model, in whichever dialect it is asked.
    let mut missing: Option<(Arc<str>, Arc<str>)> = None;
    let all_plans = resolved
        .candidates()
        .flat_map(|(candidate, name)| plans(context, candidate, name));
    for mut plan in all_plans {
        let is_missing = |(provider, model): &(Arc<str>, Arc<str>)| {
            *provider == plan.provider && *model == plan.model
        };
        if missing.as_ref().is_some_and(is_missing) {
            continue;
        }
        attempts.start_plan();
        let mut history = History::Whole;
        loop {
            let error = match try_once(context, &mut plan, history, attempts).await {
                Ok(pending) => return Ok(pending),
                Err(error) => error,
            };
            match policy.next(&error, &plan, history, attempts) {
                // The next attempt takes the place of this one, with its error.
                Next::RetryWithoutReasoning => history = History::WithoutReasoning,
                next @ (Next::OtherAccount | Next::RefreshThenRetry) => {
                    last = Some(AttemptError::more_telling(last, error));
                    attempts.note_account(next);
                    history = History::Whole;
                }
                Next::OtherCandidate => {
                    if error.is_missing_model() {
                        missing = Some((plan.provider.clone(), plan.model.clone()));
                    }
                    last = Some(AttemptError::more_telling(last, error));
                    break;
                }
                Next::Return => return Err(AttemptError::more_telling(last, error)),
            }
        }
    }
    Err(last.unwrap_or_else(|| {
        AttemptError::of_request(Fault::internal("no provider of this model is enabled"))
    }))
}

/// Encodes the request for the plan and sends it to one account, or estimates the token count.
async fn try_once(
    context: &RequestContext<'_>,
    plan: &mut Plan,
    history: History,
    attempts: &mut Attempts,
) -> AttemptResult<PendingResponse> {
    let encoded = match (plan.encoded.take(), history) {
        (Some(encoded), History::Whole) => *encoded,
        _ => long_work::on_body(context.request.body.len(), || {
            encode(context, plan, history)
        }),
    };
    // A request that this plan cannot carry may still fit the next one.
    let mut encoded = encoded.map_err(AttemptError::of_plan)?;
    let result = if estimate::is_needed(context, plan) {
        attempts.set_served_by(plan);
        estimate::respond(context, &mut encoded).map_err(AttemptError::of_request)
    } else {
        let exchange = Exchange {
            context,
            plan,
            encoded: &mut encoded,
        };
        exchange.run(attempts).await
    };
    attempts.set_losses(encoded.losses);
    result
}

/// Ends a request that nothing served: with the upstream's own error response where it may pass,
/// else with the fault, which the server renders.
fn give_up(error: AttemptError, attempts: Attempts) -> Result<GatewayResponse, Box<GatewayError>> {
    let tracker = attempts.into_tracker();
    let AttemptError {
        fault,
        original,
        status,
        ..
    } = error;
    let Some(mut original) = original else {
        return Err(Box::new(GatewayError::tracked(fault, status, tracker)));
    };
    tracker.write_headers(original.headers_mut());
    tracker.finish_with_fault(original.status(), &fault);
    Ok(original.map(GatewayBody::Full))
}
