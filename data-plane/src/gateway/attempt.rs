//! The attempts of one request: candidate after candidate, account after account, until one serves
//! or nothing is left to try.
//!
//! [`RetryPolicy`] decides what comes next, and is asked here only.

use std::sync::Arc;

use tokio::time::sleep;
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
use super::surface;
use crate::canon::Fault;
use crate::outcome::{Next, Outcome};

/// Serves a request that names a model.
///
/// # Errors
/// The fault for the client. An upstream's own error response that may pass is no error here.
pub(super) async fn run(
    state: &GatewayState,
    active: &ActiveConfig,
    request: &ClientRequest,
) -> Result<GatewayResponse, Box<GatewayError>> {
    let context = match RequestContext::new(state, active, request) {
        Ok(context) => context,
        Err(fault) => {
            let tracker = state.open_record(request);
            return Err(Box::new(GatewayError::tracked(fault, None, tracker)));
        }
    };
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
    surface::check_model(context).map_err(AttemptError::of_request)?;
    let resolved = surface::resolve(context).await;
    let resolved = resolved.map_err(AttemptError::of_request)?;
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
    let mut course = Course::default();
    let all_plans = resolved
        .candidates()
        .flat_map(|(candidate, name)| plans(context, candidate, name));
    for mut plan in all_plans {
        if course.lacks_model(&plan) {
            continue;
        }
        match run_plan(context, &policy, &mut plan, &mut course, attempts).await {
            Ok(pending) => return Ok(pending),
            Err(PlanEnd::Final(error)) => return Err(course.last_error(error)),
            Err(PlanEnd::Failed { interrupted_by }) => course.note_end(plan, interrupted_by),
        }
    }
    if let Some((mut plan, outcome)) = course.interrupted.take()
        && let Some(pause) = policy.once_more(&outcome, attempts)
    {
        debug!(
            ?pause,
            "no other account is left: the request is sent once more"
        );
        attempts.add_wait(pause);
        sleep(pause).await;
        match run_plan(context, &policy, &mut plan, &mut course, attempts).await {
            Ok(pending) => return Ok(pending),
            Err(PlanEnd::Final(error)) => return Err(course.last_error(error)),
            Err(PlanEnd::Failed { .. }) => {}
        }
    }
    Err(course.last.unwrap_or_else(|| {
        let fault = match (&context.surface, resolved.resolution.candidates.first()) {
            (Some(call), Some(first)) => surface::not_translated(context, call, first),
            _ => Fault::internal("no provider of this model is enabled"),
        };
        AttemptError::of_request(fault)
    }))
}

/// What the plans that were tried so far left behind.
#[derive(Default)]
struct Course {
    /// The error of them that tells the client most.
    last: Option<Box<AttemptError>>,
    /// The candidate whose provider has no such model, in whichever dialect it is asked.
    missing: Option<(Arc<str>, Arc<str>)>,
    /// The first plan that failed by what may be over in a moment.
    interrupted: Option<(Plan, Outcome)>,
}

/// How a plan ended that did not serve.
enum PlanEnd {
    /// No other plan would serve the request.
    Final(Box<AttemptError>),
    /// The next plan may. `interrupted_by`: what may be over in a moment.
    Failed { interrupted_by: Option<Outcome> },
}

impl Course {
    fn lacks_model(&self, plan: &Plan) -> bool {
        self.missing
            .as_ref()
            .is_some_and(|(provider, model)| *provider == plan.provider && *model == plan.model)
    }

    fn note_error(&mut self, error: Box<AttemptError>) {
        self.last = Some(self.last_error(error));
    }

    fn last_error(&mut self, error: Box<AttemptError>) -> Box<AttemptError> {
        AttemptError::more_telling(self.last.take(), error)
    }

    fn note_end(&mut self, plan: Plan, interrupted_by: Option<Outcome>) {
        if let Some(outcome) = interrupted_by
            && self.interrupted.is_none()
        {
            self.interrupted = Some((plan, outcome));
        }
    }
}

/// Makes the attempts of one plan, account after account.
async fn run_plan(
    context: &RequestContext<'_>,
    policy: &RetryPolicy<'_>,
    plan: &mut Plan,
    course: &mut Course,
    attempts: &mut Attempts,
) -> Result<PendingResponse, PlanEnd> {
    attempts.start_plan();
    let mut history = History::Whole;
    let mut interrupted_by = None;
    loop {
        let error = match try_once(context, plan, history, attempts).await {
            Ok(pending) => return Ok(pending),
            Err(error) => error,
        };
        let next = policy.next(&error, plan, history, attempts);
        attempts.note_next(&error, next);
        match next {
            // The next attempt takes the place of this one, with its error.
            Next::RetryWithoutReasoning => history = History::WithoutReasoning,
            next @ (Next::OtherAccount | Next::RefreshThenRetry) => {
                attempts.note_account(next, &error);
                let outcome = error.outcome().filter(|outcome| outcome.may_pass());
                interrupted_by = interrupted_by.or(outcome.cloned());
                course.note_error(error);
                history = History::Whole;
            }
            Next::OtherCandidate => {
                if error.is_missing_model() {
                    course.missing = Some((plan.provider.clone(), plan.model.clone()));
                }
                course.note_error(error);
                return Err(PlanEnd::Failed { interrupted_by });
            }
            Next::Return | Next::NotRepeated | Next::BodyGone => return Err(PlanEnd::Final(error)),
        }
    }
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
    let mut tracker = attempts.into_tracker();
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
    tracker.note_response(&original);
    let bytes_out = original.body().len() as u64;
    tracker.finish_with_fault(original.status(), &fault, bytes_out);
    Ok(original.map(GatewayBody::Full))
}
