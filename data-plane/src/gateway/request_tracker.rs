//! The open record of one request, with the lease of its attempt in progress. It is closed exactly
//! once.
//!
//! It decides nothing and sends nothing; the recorder must not block.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Span, debug, field};

use super::attempt_error::{said_by_provider, shutdown_fault};
use super::body_tee;
use super::client_request::ClientRequest;
use super::resolution_cache::ResolvedModel;
use super::response_facts::ResponseFacts;
use super::response_headers;
use super::stream_transform::StreamStatus;
use crate::account::{AccountName, Credential};
use crate::canon::{Blame, Fault, FaultKind, FinishReason, Loss};
use crate::client_keys::Permit;
use crate::outcome::{Outcome, Reading, Scope, Stage, Timestamp};
use crate::pool::{self, Lease, ObjectOwner, Pool, SessionKey, SkipReason};
use crate::protocol::{self, Operation};
use crate::record::bodies::BodyCollector;
use crate::record::{Attempt, Ending, Failure, NextStep, PassedOver, Record, Recorder};
use crate::segmented_bytes::{Rest, SegmentedBytes};
use crate::status::NotAsked;
use crate::upstream::UpstreamBody;

/// An open record. Finishing consumes it; dropping it records that the client left.
pub(super) struct RequestTracker {
    /// `None` once the record is closed.
    open: Option<Box<OpenRecord>>,
}

struct OpenRecord {
    record: Record,
    /// Who was asked last, or counted for: `provider/model`.
    served_by: Option<HeaderValue>,
    recorder: Arc<dyn Recorder>,
    pool: Pool,
    /// Cancelled where the program, and not the client, ends the request.
    shutdown: CancellationToken,
    /// Where the request is counted for its key.
    permit: Option<Arc<Permit>>,
    arrived: Instant,
    attempt_began: Instant,
    current: Option<CurrentAttempt>,
    /// What followed of the client's body while it was sent on.
    rest: Option<Arc<Rest>>,
    request_span: Span,
    /// Of the latest attempt, which the response comes from.
    attempt_span: Span,
    /// Set where bodies are kept.
    bodies: Option<Box<BodyCollector>>,
}

/// The attempt whose account is not given back yet.
struct CurrentAttempt {
    lease: Lease,
    /// What the upstream's head said of the account's limits.
    readings: Vec<Reading>,
}

impl RequestTracker {
    /// Opens the record of a request.
    pub(super) fn open(request: &ClientRequest, recorder: Arc<dyn Recorder>, pool: Pool) -> Self {
        let mut bodies = recorder.collect_bodies(request.arrived);
        if let Some(bodies) = &mut bodies {
            let body = request.body.iter().map(|segment| &segment[..]);
            // Of a body that passes as it comes only a whole one is kept.
            let body = body.filter(|_| request.body.rest().is_none());
            bodies.client_sent(&request.method, &request.uri, &request.headers, body);
        }
        let open = OpenRecord {
            record: request.record(),
            served_by: None,
            recorder,
            pool,
            shutdown: request.shutdown.clone(),
            permit: request.permit.clone(),
            arrived: request.arrived,
            attempt_began: request.arrived,
            current: None,
            rest: request.body.rest().cloned(),
            request_span: request.span.clone(),
            attempt_span: Span::none(),
            bodies,
        };
        Self {
            open: Some(Box::new(open)),
        }
    }

    fn opened(&self) -> &OpenRecord {
        // Only `close` takes it, and its callers consume the tracker.
        self.open
            .as_ref()
            .expect("a record is open until its tracker is consumed")
    }

    fn open_mut(&mut self) -> &mut OpenRecord {
        self.open
            .as_mut()
            .expect("a record is open until its tracker is consumed")
    }

    pub(super) fn attempts_count(&self) -> usize {
        self.opened().record.attempts.len()
    }

    /// The account of the latest attempt.
    pub(super) fn last_account(&self) -> Option<&AccountName> {
        let attempt = self.opened().record.attempts.last()?;
        Some(&attempt.account)
    }

    pub(super) fn request_span(&self) -> &Span {
        &self.opened().request_span
    }

    /// The span of what the response still brings: of its attempt, else of the request.
    pub(super) fn span(&self) -> &Span {
        let open = self.opened();
        if open.attempt_span.is_disabled() {
            &open.request_span
        } else {
            &open.attempt_span
        }
    }

    /// Names `provider/model` in the response's head.
    pub(super) fn set_served_by(&mut self, name: HeaderValue) {
        self.open_mut().served_by = Some(name);
    }

    /// Records what the request's body says.
    pub(super) fn set_request(
        &mut self,
        model: String,
        is_stream: bool,
        session: Option<SessionKey>,
    ) {
        let record = &mut self.open_mut().record;
        record.model = model;
        record.stream = is_stream;
        record.session = session.map(SessionKey::bytes);
    }

    pub(super) fn set_session(&mut self, session: Option<SessionKey>) {
        self.open_mut().record.session = session.map(SessionKey::bytes);
    }

    /// Records the head of the upstream's response.
    pub(super) fn set_head(&mut self, status: StatusCode, upstream_id: Option<Box<str>>) {
        let open = self.open_mut();
        let head_after = open.attempt_began.elapsed();
        if let Some(attempt) = open.record.attempts.last_mut() {
            attempt.status = Some(status.as_u16());
            attempt.head_after = Some(head_after);
            attempt.upstream_id = upstream_id;
        }
    }

    /// Records what follows the latest attempt.
    pub(super) fn set_next(&mut self, next: NextStep) {
        if let Some(attempt) = self.open_mut().record.attempts.last_mut() {
            attempt.next = Some(next);
        }
    }

    pub(super) fn set_losses(&mut self, losses: Vec<Loss>) {
        self.open_mut().record.losses = losses;
    }

    /// Records what the model's name became.
    pub(super) fn set_resolved(&mut self, resolved: &ResolvedModel) {
        let record = &mut self.open_mut().record;
        record.resolved = Some(resolved.recorded.clone());
        record.passed_over.clone_from(&resolved.passed_over);
    }

    /// Records an account that was not leased, in place of what an earlier attempt said of it.
    pub(super) fn add_passed_over(&mut self, candidate: String, account: &pool::PassedOver) {
        let passed_over = &mut self.open_mut().record.passed_over;
        let earlier = passed_over.iter().position(|known| {
            known.account.as_ref() == Some(&account.account) && known.candidate == candidate
        });
        if let Some(index) = earlier {
            passed_over.remove(index);
        }
        let said = match &account.why {
            SkipReason::CoolingDown(cooldown) => cooldown.detail.as_ref(),
            _ => None,
        };
        let said = said.map(|said| Arc::from(said.to_string()));
        passed_over.push(PassedOver {
            candidate,
            account: Some(account.account.clone()),
            why: NotAsked::from(&account.why),
            said,
        });
    }

    pub(super) fn begin_attempt(
        &mut self,
        attempt: Attempt,
        lease: Lease,
        now: Instant,
        span: Span,
    ) {
        let open = self.open_mut();
        open.attempt_began = now;
        open.record.attempts.push(attempt);
        open.current = Some(CurrentAttempt {
            lease,
            readings: Vec::new(),
        });
        open.attempt_span = span;
    }

    /// Copies what goes upstream, where bodies are kept.
    pub(super) fn note_sent(
        &mut self,
        request: &http::Request<SegmentedBytes>,
        credential: &Arc<Credential>,
    ) {
        if let Some(bodies) = &mut self.open_mut().bodies {
            let body = request.body().iter().map(|segment| &segment[..]);
            let body = body.filter(|_| request.body().rest().is_none());
            let (method, uri) = (request.method(), request.uri());
            bodies.went_upstream(method, uri, request.headers(), body, credential);
        }
    }

    /// Copies what comes back as it is read, where bodies are kept.
    pub(super) fn watch_body(
        &mut self,
        response: http::Response<UpstreamBody>,
    ) -> http::Response<UpstreamBody> {
        let Some(bodies) = &mut self.open_mut().bodies else {
            return response;
        };
        let part = bodies.comes_back(response.status().as_u16(), response.headers());
        match part {
            Some(part) => response.map(|body| body_tee::copied(body, part)),
            None => response,
        }
    }

    /// Copies what the client gets, where bodies are kept.
    pub(super) fn note_response(&mut self, response: &http::Response<Bytes>) {
        if let Some(bodies) = &mut self.open_mut().bodies {
            let status = response.status().as_u16();
            bodies.client_got(status, response.headers(), Some(response.body()));
        }
    }

    /// Keeps what the upstream said of the account's limits until the attempt settles.
    pub(super) fn set_readings(&mut self, readings: Vec<Reading>) {
        if let Some(current) = &mut self.open_mut().current {
            current.readings = readings;
        }
    }

    /// The time by the clock of the attempt in progress.
    fn now(&self) -> Timestamp {
        match &self.opened().current {
            Some(current) => current.lease.now(),
            None => Timestamp::now(),
        }
    }

    /// How many requests wait for an account of the provider that serves this one.
    pub(super) fn waiting(&self) -> Option<Arc<AtomicUsize>> {
        let current = self.opened().current.as_ref()?;
        Some(current.lease.waiting().clone())
    }

    /// Settles the latest attempt, and gives its account back.
    pub(super) fn settle_attempt(&mut self, outcome: Outcome, fault: Option<&Fault>) {
        let open = self.open_mut();
        let took = open.attempt_began.elapsed();
        let detail = fault.map(|fault| fault.message.clone());
        if let Some(CurrentAttempt { lease, readings }) = open.current.take() {
            debug!(
                parent: &open.attempt_span,
                outcome = outcome.name(),
                ?took,
                fault = fault.map(|fault| field::debug(fault.kind)),
                "attempt settled"
            );
            let provider = open
                .record
                .attempts
                .last()
                .map(|attempt| &*attempt.provider);
            let said = fault.zip(provider);
            let said = said.map(|(fault, provider)| said_by_provider(fault, provider));
            let now = lease.now();
            lease.settle(&outcome, said, readings, now);
        }
        if let Some(attempt) = open.record.attempts.last_mut() {
            attempt.outcome = outcome;
            attempt.took = took;
            attempt.detail = detail;
        }
    }

    /// Writes into the response's head how it came about.
    pub(super) fn write_headers(&self, headers: &mut HeaderMap) {
        let open = self.opened();
        response_headers::write(headers, &open.record, open.served_by.as_ref());
    }

    /// Records that a stream with this head goes to the client.
    pub(super) fn start_stream(&mut self, head: &http::Response<()>) {
        let open = self.open_mut();
        let status = head.status().as_u16();
        open.record.status = status;
        let passes_unread = matches!(open.record.operation, Some(Operation::Surface(_)));
        open.record.stream = !passes_unread || is_event_stream(head.headers());
        if let Some(bodies) = &mut open.bodies {
            bodies.client_got(status, head.headers(), None);
        }
    }

    /// Records that bytes of the response leave for the client.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        let open = self.open_mut();
        open.record.bytes_out += bytes.len() as u64;
        if let Some(bodies) = &mut open.bodies {
            bodies.client_gets(bytes);
        }
        self.first_byte();
    }

    /// Records when the first bytes leave for the client; later calls are ignored.
    fn first_byte(&mut self) {
        let open = self.open_mut();
        if open.record.first_byte_after.is_none() {
            open.record.first_byte_after = Some(open.arrived.elapsed());
        }
    }

    /// Remembers which account a stored response belongs to: only that one can continue it.
    fn note_owner(&self, stored: Option<String>) {
        let open = self.opened();
        if let (Some(id), Some(current)) = (stored, &open.current) {
            let account = current.lease.account();
            let owner = ObjectOwner {
                provider: account.provider.clone(),
                account: account.name.clone(),
            };
            open.pool.note_object(&id, owner);
        }
    }

    /// Closes the record of a stream that ended with this status.
    pub(super) fn finish_stream(mut self, status: &StreamStatus) {
        self.note_owner(status.stored.clone());
        let outcome = match &status.fault {
            None => Outcome::Served {
                usage: status.usage,
            },
            Some(fault) => outcome_of_broken_stream(fault, self.now()),
        };
        self.settle_attempt(outcome, status.fault.as_ref());
        self.set_facts(status);
        let failure = status.fault.as_ref().map(|fault| self.failure(fault));
        let record = &mut self.open_mut().record;
        match failure {
            Some(failure) => record.fail(failure),
            None => {
                record.ending = Ending::Done;
                record.usage_is_final = true;
            }
        }
        self.close();
    }

    /// Closes the record of a stream whose client did not read it for `limit`.
    pub(super) fn finish_unread(mut self, status: &StreamStatus, limit: Duration) {
        self.note_owner(status.stored.clone());
        let message = format!(
            "the client did not read its stream for {} s while other requests waited for the account, so the stream was ended \
             (`limits.unread_timeout_seconds`)",
            limit.as_secs_f32()
        );
        let fault = Fault::new(FaultKind::RequestTimeout, Blame::Client, message);
        self.settle_attempt(Outcome::Unread, Some(&fault));
        self.set_facts(status);
        let failure = self.failure(&fault);
        self.open_mut().record.fail(failure);
        self.close();
    }

    /// Closes the record of a stream that its client left; what it told so far counts.
    pub(super) fn leave_stream(mut self, status: &StreamStatus) {
        self.set_facts(status);
        self.close_unfinished();
    }

    fn set_facts(&mut self, status: &StreamStatus) {
        let record = &mut self.open_mut().record;
        record.usage = status.usage;
        record.tier = status.tier;
        record.finish = status.finish.as_ref().map(FinishReason::name);
    }

    /// Closes the record of a response in one piece.
    pub(super) fn finish_full(mut self, status: StatusCode, facts: ResponseFacts, bytes_out: u64) {
        let ResponseFacts {
            usage,
            finish,
            tier,
            stored,
        } = facts;
        self.note_owner(stored.map(Into::into));
        self.settle_attempt(Outcome::Served { usage }, None);
        let record = &mut self.open_mut().record;
        record.usage = usage;
        record.usage_is_final = true;
        record.finish = finish.as_ref().map(FinishReason::name);
        record.tier = tier;
        record.ending = Ending::Done;
        self.finish(status, bytes_out);
    }

    /// Closes the record of a response that no upstream was asked for.
    pub(super) fn finish_local(mut self, status: StatusCode, bytes_out: u64) {
        self.open_mut().record.ending = Ending::Done;
        self.finish(status, bytes_out);
    }

    /// Closes the record of a request that no attempt served.
    pub(super) fn finish_with_fault(mut self, status: StatusCode, fault: &Fault, bytes_out: u64) {
        let failure = self.failure(fault);
        self.open_mut().record.fail(failure);
        self.finish(status, bytes_out);
    }

    fn failure(&self, fault: &Fault) -> Failure {
        let last = self.opened().record.attempts.last();
        Failure::of(
            fault,
            last.map(|attempt| &attempt.outcome),
            Timestamp::now(),
        )
    }

    fn finish(mut self, status: StatusCode, bytes_out: u64) {
        let record = &mut self.open_mut().record;
        record.status = status.as_u16();
        record.bytes_out = bytes_out;
        self.first_byte();
        self.close();
    }

    /// Closes the record of a request that did not get to its end: the client left, or the program
    /// ends and answers the client for it.
    fn close_unfinished(&mut self) {
        if self.opened().shutdown.is_cancelled() {
            let fault = shutdown_fault();
            let failure = self.failure(&fault);
            let record = &mut self.open_mut().record;
            record.fail(failure);
            if let Some(protocol) = protocol::by_name(record.dialect.name()) {
                let (status, _) = protocol.encode_fault(&fault, &record.request_id);
                record.status = status.as_u16();
            }
        }
        self.close();
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        let OpenRecord {
            mut record,
            recorder,
            permit,
            arrived,
            request_span,
            bodies,
            rest,
            ..
        } = *open;
        record.bytes_in += rest.map_or(0, |rest| rest.read_bytes());
        record.took = arrived.elapsed();
        if let Some(permit) = permit {
            permit.settle(&record);
        }
        debug!(
            parent: &request_span,
            status = record.status,
            attempts = record.attempts.len(),
            input_tokens = record.usage.input,
            output_tokens = record.usage.output,
            losses = record.losses.len(),
            took = ?record.took,
            ending = record.ending.name(),
            // Never the message: providers quote the request in theirs.
            fault = record.failure.as_ref().map(|failure| failure.cause.name()),
            "request recorded"
        );
        match bodies.filter(|bodies| bodies.is_wanted(record.ending)) {
            Some(bodies) => recorder.record_with_bodies(record, bodies.into_raw()),
            None => recorder.record(record),
        }
    }
}

/// What a stream that ended in a fault after its commit says of its account. That it broke off says
/// nothing of its endpoint, which began well.
fn outcome_of_broken_stream(fault: &Fault, now: Timestamp) -> Outcome {
    let until = fault.retry_after.map(|wait| now + wait);
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

fn is_event_stream(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|value| value.starts_with(b"text/event-stream"))
}

impl Drop for RequestTracker {
    fn drop(&mut self) {
        if self.open.is_some() {
            self.close_unfinished();
        }
    }
}
