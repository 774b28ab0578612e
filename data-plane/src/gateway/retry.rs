//! The retry policy: whether a failed attempt is followed by another one, and where.
//!
//! An [`Outcome`](crate::outcome::Outcome) suggests what to do; the policy holds the suggestion
//! against the request's attempts, the provider's retry budget, strictness, and what a second try
//! might do. It tries nothing
//! itself.

use std::sync::Arc;
use std::time::Duration;

use tracing::debug;

use super::attempt_error::AttemptError;
use super::attempts::Attempts;
use super::plan::{History, Plan};
use super::request_context::RequestContext;
use crate::outcome::{Next, Outcome};
use crate::pool::Pool;
use crate::segmented_bytes::Rest;

/// How often one request is sent again to an account after a refresh. The second one is for a fresh
/// token that the provider does not know yet.
const REFRESHES_MAX: usize = 2;

/// How long a request pauses before it is sent once more where no other account is left, and up to
/// which share is added, so that clients do not come back together.
const PAUSE: Duration = Duration::from_millis(300);
const PAUSE_JITTER_SHARE: f64 = 0.5;

/// Where the provider names an end, it is waited for up to this time.
const NAMED_PAUSE_MAX: Duration = Duration::from_secs(2);

pub(super) struct RetryPolicy<'c> {
    pool: &'c Pool,
    attempts_max: usize,
    /// Whether translations must be exact; then no part of a request is left out to please an
    /// upstream.
    is_strict: bool,
    repeat: Repeat,
}

/// What a second try of the request would do.
#[derive(Default)]
struct Repeat {
    /// Whether it might do twice what the first one did.
    is_unsafe: bool,
    /// What is sent once only, of a body that passes as it comes.
    rest: Option<Arc<Rest>>,
}

impl Repeat {
    fn of(context: &RequestContext<'_>) -> Self {
        let Some(surface) = &context.surface else {
            return Self::default();
        };
        let request = context.request;
        let call = surface.call;
        Self {
            is_unsafe: !call.is_repeatable(&request.method, &request.headers),
            rest: request.body.rest().cloned(),
        }
    }

    /// What stands against sending the request again after `error`.
    fn objection(&self, error: &AttemptError) -> Option<Next> {
        // Without an outcome nothing was sent.
        let outcome = error.outcome()?;
        if self.rest.as_ref().is_some_and(|rest| rest.is_begun()) {
            return Some(Next::BodyGone);
        }
        (self.is_unsafe && !outcome.is_refusal()).then_some(Next::NotRepeated)
    }
}

impl<'c> RetryPolicy<'c> {
    pub(super) fn new(context: &RequestContext<'c>) -> Self {
        Self {
            pool: &context.state.pool,
            attempts_max: context.config.limits.attempts_max,
            is_strict: context.config.is_strict,
            repeat: Repeat::of(context),
        }
    }

    /// What follows `error`, which ended the latest attempt of `plan`.
    ///
    /// Ask once for each error: a further attempt is taken out of the provider's retry budget.
    pub(super) fn next(
        &self,
        error: &AttemptError,
        plan: &Plan,
        history: History,
        attempts: &Attempts,
    ) -> Next {
        let suggested = error.next();
        let next = match self.repeat.objection(error) {
            Some(objection) if suggested != Next::Return => objection,
            _ => self.permitted(suggested, error, plan, history, attempts),
        };
        debug!(?suggested, decided = ?next, "retry decided");
        next
    }

    /// How long to pause before the request is sent once more by a plan that `error` interrupted,
    /// once no other account and no other candidate is left. `None`: that is not worth it, or the
    /// request has had all its attempts and waits.
    ///
    /// [`RetryPolicy::next`] took the attempt out of the retry budget, when it looked for another
    /// account and there was none.
    pub(super) fn once_more(&self, failed: &Outcome, attempts: &Attempts) -> Option<Duration> {
        if attempts.count() >= self.attempts_max {
            return None;
        }
        let pause = PAUSE.mul_f64(1.0 + PAUSE_JITTER_SHARE * fastrand::f64());
        let pause = match failed {
            Outcome::Overloaded { until: Some(until) } => {
                let named = until.duration_since(self.pool.now()).unwrap_or_default();
                (named <= NAMED_PAUSE_MAX).then_some(pause.max(named))?
            }
            _ => pause,
        };
        (pause <= self.pool.wait_left(attempts.waited())).then_some(pause)
    }

    fn permitted(
        &self,
        suggested: Next,
        error: &AttemptError,
        plan: &Plan,
        history: History,
        attempts: &Attempts,
    ) -> Next {
        if suggested != Next::Return && attempts.count() >= self.attempts_max {
            debug!(
                attempts_max = self.attempts_max,
                "limit: the request has had all its attempts"
            );
            return Next::Return;
        }
        match suggested {
            Next::Return | Next::NotRepeated | Next::BodyGone | Next::OtherCandidate => suggested,
            Next::RetryWithoutReasoning => match history {
                History::Whole if !self.is_strict => suggested,
                History::Whole | History::WithoutReasoning => Next::Return,
            },
            Next::RefreshThenRetry if attempts.refreshes() >= REFRESHES_MAX => {
                self.within_budget(Next::OtherAccount, error, plan)
            }
            Next::RefreshThenRetry | Next::OtherAccount => {
                self.within_budget(suggested, error, plan)
            }
        }
    }

    /// `next`, or the next candidate where the provider's retry budget is spent.
    fn within_budget(&self, next: Next, error: &AttemptError, plan: &Plan) -> Next {
        let provider = &plan.endpoint.provider.name;
        let is_permitted = error
            .outcome()
            .is_none_or(|outcome| self.pool.may_retry(provider, outcome));
        if is_permitted {
            return next;
        }
        debug!(provider, "limit: the provider's retry budget is spent");
        Next::OtherCandidate
    }
}
