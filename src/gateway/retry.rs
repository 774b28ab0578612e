//! The retry policy: whether a failed attempt is followed by another one, and where.
//!
//! An [`Outcome`](crate::outcome::Outcome) suggests what to do; the policy holds the suggestion
//! against the request's attempts, the provider's retry budget and strictness. It tries nothing
//! itself.

use tracing::debug;

use super::attempt_error::AttemptError;
use super::attempts::Attempts;
use super::plan::{History, Plan};
use super::request_context::RequestContext;
use crate::outcome::Next;
use crate::pool::Pool;

pub(super) struct RetryPolicy<'c> {
    pool: &'c Pool,
    attempts_max: usize,
    /// Whether translations must be exact; then no part of a request is left out to please an
    /// upstream.
    is_strict: bool,
}

impl<'c> RetryPolicy<'c> {
    pub(super) fn new(context: &RequestContext<'c>) -> Self {
        Self {
            pool: &context.state.pool,
            attempts_max: context.config.limits.attempts_max,
            is_strict: context.config.is_strict,
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
        let next = self.permitted(suggested, error, plan, history, attempts);
        debug!(?suggested, decided = ?next, "retry decided");
        next
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
            Next::Return | Next::OtherCandidate => suggested,
            Next::RetryWithoutReasoning => match history {
                History::Whole if !self.is_strict => suggested,
                History::Whole | History::WithoutReasoning => Next::Return,
            },
            // A fresh token that is refused as well will not be accepted later.
            Next::RefreshThenRetry if attempts.was_refreshed() => {
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
