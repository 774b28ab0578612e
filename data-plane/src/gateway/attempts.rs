//! What was tried for one request so far: the open record with the attempt in progress, and the
//! accounts of the current plan that were asked.
//!
//! It decides nothing; `retry` reads it.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;
use tracing::{Span, debug_span};

use super::attempt_error::AttemptError;
use super::plan::Plan;
use super::request_context::RequestContext;
use super::request_tracker::RequestTracker;
use super::resolution_cache::ResolvedModel;
use crate::account::{AccountName, Credential};
use crate::canon::Loss;
use crate::outcome::{Next, Outcome, Reading};
use crate::pool::{Lease, PassedOver, SessionKey};
use crate::record::NextStep;
use crate::segmented_bytes::SegmentedBytes;
use crate::upstream::UpstreamBody;

pub(super) struct Attempts {
    tracker: RequestTracker,
    /// Accounts that the current plan does not ask again.
    tried: Vec<AccountName>,
    /// Accounts whose access token was refused, once for each time: after its refresh they are
    /// asked again.
    refreshed: Vec<AccountName>,
    /// Accounts that reached a limit once. Their cooldown keeps the request from them, and after
    /// that they are as good as before.
    limited: Vec<AccountName>,
    /// How long the request has waited, for whichever account, and how much of that the attempts
    /// tell.
    waited: Duration,
    told_wait: Duration,
}

impl Attempts {
    /// Opens the request's record.
    pub(super) fn new(context: &RequestContext<'_>) -> Self {
        let mut tracker = context.state.open_record(context.request);
        tracker.set_request(
            context.routing.model.clone(),
            context.stream().unwrap_or(false),
            context.named_session(),
        );
        Self {
            tracker,
            tried: Vec::new(),
            refreshed: Vec::new(),
            limited: Vec::new(),
            waited: Duration::ZERO,
            told_wait: Duration::ZERO,
        }
    }

    /// The record, to be closed when the response ends.
    pub(super) fn into_tracker(self) -> RequestTracker {
        self.tracker
    }

    /// Forgets the accounts asked by the previous plan: another dialect may succeed at them.
    pub(super) fn start_plan(&mut self) {
        self.tried.clear();
        self.refreshed.clear();
        self.limited.clear();
    }

    /// How many attempts were sent.
    pub(super) fn count(&self) -> usize {
        self.tracker.attempts_count()
    }

    /// Accounts that the current plan does not ask again.
    pub(super) fn tried(&self) -> &[AccountName] {
        &self.tried
    }

    /// Whether the current plan asked an account before.
    pub(super) fn is_retry(&self) -> bool {
        !self.tried.is_empty() || !self.limited.is_empty()
    }

    /// How long the request has waited, for whichever account.
    pub(super) fn waited(&self) -> Duration {
        self.waited
    }

    pub(super) fn add_wait(&mut self, wait: Duration) {
        self.waited += wait;
    }

    /// The account of the latest attempt.
    pub(super) fn last_account(&self) -> Option<&AccountName> {
        self.tracker.last_account()
    }

    /// How often the latest attempt's account was asked again after a refresh.
    pub(super) fn refreshes(&self) -> usize {
        let Some(last) = self.tracker.last_account() else {
            return 0;
        };
        let of_last = self.refreshed.iter().filter(|account| *account == last);
        of_last.count()
    }

    /// Notes what follows the latest attempt, which ended in `error`: its account is asked once
    /// more after a refresh, after its cooldown, or not again.
    pub(super) fn note_account(&mut self, next: Next, error: &AttemptError) {
        let Some(account) = self.tracker.last_account().cloned() else {
            return;
        };
        let is_limit = error.outcome().is_some_and(Outcome::is_limit);
        match next {
            Next::RefreshThenRetry => self.refreshed.push(account),
            _ if is_limit && !self.limited.contains(&account) => self.limited.push(account),
            _ => self.tried.push(account),
        }
    }

    /// Opens an attempt and the span that it is followed by. Until it settles it counts as
    /// cancelled by the client.
    pub(super) fn begin(&mut self, plan: &Plan, lease: Lease, now: Instant) -> Span {
        let span = debug_span!(
            parent: self.tracker.request_span(),
            "attempt",
            attempt = self.count() + 1,
            provider = &*plan.provider,
            account = lease.account().name.as_str(),
            upstream_dialect = plan.protocol.dialect().name(),
            upstream_model = &*plan.model,
        );
        // Since the attempt before, with the pause of a second try.
        let waited = self.waited.saturating_sub(self.told_wait);
        self.told_wait = self.waited;
        let attempt = plan.attempt(&lease, waited);
        self.set_served_by(plan);
        self.tracker
            .begin_attempt(attempt, lease, now, span.clone());
        span
    }

    /// Settles the attempt that `error` ended, and gives its account back.
    pub(super) fn fail(&mut self, error: &AttemptError) {
        if let Some(outcome) = error.outcome() {
            self.tracker
                .settle_attempt(outcome.clone(), Some(&error.fault));
        }
    }

    /// Records what follows the latest attempt, where one was sent.
    pub(super) fn note_next(&mut self, error: &AttemptError, next: Next) {
        if error.outcome().is_some() {
            let is_limited =
                error.next() != next && !matches!(next, Next::NotRepeated | Next::BodyGone);
            self.tracker.set_next(NextStep { next, is_limited });
        }
    }

    pub(super) fn set_session(&mut self, session: Option<SessionKey>) {
        self.tracker.set_session(session);
    }

    /// Copies what goes upstream in the attempt, where bodies are kept.
    pub(super) fn note_sent(
        &mut self,
        request: &http::Request<SegmentedBytes>,
        credential: &Arc<Credential>,
    ) {
        self.tracker.note_sent(request, credential);
    }

    /// Copies what comes back as it is read, where bodies are kept.
    pub(super) fn watch_body(
        &mut self,
        response: http::Response<UpstreamBody>,
    ) -> http::Response<UpstreamBody> {
        self.tracker.watch_body(response)
    }

    /// Records the head of the upstream's response.
    pub(super) fn set_head(&mut self, status: StatusCode, upstream_id: Option<Box<str>>) {
        self.tracker.set_head(status, upstream_id);
    }

    /// Keeps what the upstream's head said of the account's limits.
    pub(super) fn set_readings(&mut self, readings: Vec<Reading>) {
        self.tracker.set_readings(readings);
    }

    pub(super) fn set_resolved(&mut self, resolved: &ResolvedModel) {
        self.tracker.set_resolved(resolved);
    }

    /// Names the plan's `provider/model` in the response's head.
    pub(super) fn set_served_by(&mut self, plan: &Plan) {
        self.tracker.set_served_by(plan.name.clone());
    }

    pub(super) fn set_losses(&mut self, losses: Vec<Loss>) {
        self.tracker.set_losses(losses);
    }

    /// Records the plan's accounts that could not be leased.
    pub(super) fn add_passed_over(&mut self, plan: &Plan, accounts: &[PassedOver]) {
        for account in accounts {
            self.tracker.add_passed_over(
                format!("{}/{}", plan.endpoint.provider.name, plan.model),
                account,
            );
        }
    }
}
