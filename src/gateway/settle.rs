//! The account of one request, settled exactly once.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::Instant;

use super::failure::Failure;
use super::headers;
use super::makers::ResponseOwners;
use super::pipe::StreamStatus;
use super::plan::Plan;
use super::resolved::ResolvedModel;
use crate::canon::{Fault, FaultKind, Usage};
use crate::outcome::{Outcome, Reading, Scope, Stage, Timestamp};
use crate::pool::{self, Lease};
use crate::record::{PassedOver, Record, Recorder};

/// An open record. Settling consumes it; dropping it reports that the client left.
pub(super) struct RequestTracker {
    open: Option<Box<Open>>,
}

struct Open {
    record: Record,
    /// Who was asked last, or counted for: `provider/model`.
    served_by: Option<HeaderValue>,
    recorder: Arc<dyn Recorder>,
    arrived: Instant,
    attempt_began: Instant,
    /// The account that is asked now, and what its provider said of limits meanwhile.
    lease: Option<(Lease, Vec<Reading>)>,
    makers: Arc<ResponseOwners>,
}

impl RequestTracker {
    pub(super) fn new(
        record: Record,
        recorder: Arc<dyn Recorder>,
        makers: Arc<ResponseOwners>,
        arrived: Instant,
    ) -> Self {
        let open = Open {
            record,
            served_by: None,
            recorder,
            arrived,
            attempt_began: arrived,
            lease: None,
            makers,
        };
        Self {
            open: Some(Box::new(open)),
        }
    }

    pub(super) fn record(&mut self) -> &mut Record {
        // Only `settle` and `Drop` take it, and both consume the settlement.
        &mut self
            .open
            .as_mut()
            .expect("a settlement is open until it is consumed")
            .record
    }

    /// Notes who answers.
    pub(super) fn serve_by(&mut self, plan: &Plan) {
        if let Some(open) = &mut self.open {
            open.served_by = Some(plan.name.clone());
        }
    }

    /// Says all this in the answer's head.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        if let Some(open) = self.open.as_deref() {
            headers::tell(headers, &open.record, open.served_by.as_ref());
        }
    }

    /// Notes an attempt that begins; its outcome is the client's leaving until another is known.
    pub(super) fn begin(&mut self, plan: &Plan, lease: Lease, waited: Duration, now: Instant) {
        self.serve_by(plan);
        if let Some(open) = &mut self.open {
            let attempt = plan.attempt(&lease, waited);
            open.attempt_began = now;
            open.record.attempts.push(attempt);
            open.lease = Some((lease, Vec::new()));
        }
    }

    /// Notes what the upstream said of its limits.
    pub(super) fn read(&mut self, readings: Vec<Reading>) {
        if let Some((_, read)) = self.open.as_mut().and_then(|open| open.lease.as_mut()) {
            *read = readings;
        }
    }

    /// Notes that the last attempt came to nothing, and gives its account back.
    pub(super) fn fail(&mut self, failure: &Failure) {
        if let Some(outcome) = failure.outcome.clone() {
            self.note(outcome, Some(&failure.fault));
        }
    }

    /// Notes what the last attempt taught, and gives its account back.
    pub(super) fn note(&mut self, outcome: Outcome, fault: Option<&Fault>) {
        let Some(open) = &mut self.open else { return };
        let took = open.attempt_began.elapsed();
        let detail = fault.map(|fault| fault.message.clone());
        if let Some((lease, readings)) = open.lease.take() {
            lease.settle(&outcome, detail.as_deref(), readings, Timestamp::now());
        }
        if let Some(attempt) = open.record.attempts.last_mut() {
            (attempt.outcome, attempt.took, attempt.detail) = (outcome, took, detail);
        }
    }

    /// Notes what the model's name became.
    pub(super) fn resolved(&mut self, known: &ResolvedModel) {
        let record = self.record();
        record.resolved = Some(known.told.clone());
        record.passed_over.clone_from(&known.skipped);
    }

    /// Notes the accounts of a plan that were not taken.
    pub(super) fn passed_over(&mut self, plan: &Plan, accounts: &[pool::PassedOver]) {
        let candidate = || format!("{}/{}", plan.endpoint.provider.name, plan.model);
        let told = accounts.iter().map(|passed| PassedOver {
            candidate: candidate(),
            account: Some(passed.account.clone()),
            why: passed.why.to_string(),
        });
        // What is said of an account at a later attempt takes the place of what was said before.
        for passed in told {
            let known = self
                .record()
                .passed_over
                .iter()
                .position(|known| is_same(known, &passed));
            known
                .into_iter()
                .for_each(|at| drop(self.record().passed_over.remove(at)));
            self.record().passed_over.push(passed);
        }
    }

    /// Notes that bytes left for the client; the first time counts.
    pub(super) fn first_byte(&mut self) {
        if let Some(open) = self
            .open
            .as_mut()
            .filter(|open| open.record.first_byte_after.is_none())
        {
            open.record.first_byte_after = Some(open.arrived.elapsed());
        }
    }

    /// Notes that the provider keeps an answer, which only this attempt's account can go on with.
    pub(super) fn keep(&mut self, stored: Option<String>) {
        let Some(open) = &self.open else { return };
        if let Some((id, (lease, _))) = stored.zip(open.lease.as_ref()) {
            open.makers.note(id, &lease.account().name);
        }
    }

    /// The stream ended as it shows.
    pub(super) fn settle(mut self, shown: &StreamStatus) {
        self.keep(shown.stored.clone());
        let outcome = match &shown.fault {
            None => Outcome::Served { usage: shown.usage },
            Some(fault) => broken(fault),
        };
        self.note(outcome, shown.fault.as_ref());
        self.close(shown.usage, shown.fault.as_ref());
    }

    /// The request ended in one piece.
    pub(super) fn finish(mut self, status: StatusCode, usage: Usage, fault: Option<&Fault>) {
        self.record().status = status.as_u16();
        self.first_byte();
        self.close(usage, fault);
    }

    fn close(&mut self, usage: Usage, fault: Option<&Fault>) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        open.record.usage = usage;
        open.record.fault = fault.map(|fault| fault.message.clone());
        open.record.took = open.arrived.elapsed();
        open.recorder.record(open.record);
    }
}

/// What a stream that ended in a fault after its commit says of its account. That it broke off says
/// nothing of its endpoint, which answered well at first.
fn broken(fault: &Fault) -> Outcome {
    let until = fault.retry_after.map(|wait| Timestamp::now() + wait);
    match fault.kind {
        FaultKind::RateLimited => Outcome::Throttled {
            scope: Scope::Model,
            until,
        },
        FaultKind::QuotaSpent => Outcome::QuotaSpent {
            scope: Scope::Account,
            until,
        },
        FaultKind::Overloaded => Outcome::Overloaded { until },
        FaultKind::Timeout => Outcome::TimedOut { stage: Stage::Body },
        _ => Outcome::Unreachable { stage: Stage::Body },
    }
}

fn is_same(one: &PassedOver, other: &PassedOver) -> bool {
    one.account == other.account && one.candidate == other.candidate
}

impl Drop for RequestTracker {
    fn drop(&mut self) {
        self.close(Usage::default(), None);
    }
}
