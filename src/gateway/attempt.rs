//! The attempts of one call: each candidate in order, until one serves or nothing is left to try.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::answer::{PendingResponse, passed};
use super::body::{Bounds, collect};
use super::failure::{Attempted, Failure, name_retry_after, redirected};
use super::leasing::{Tried, lease};
use super::plan::{Exchange, Plan, Prepared, RequestContext};
use super::reading::{Reading, is_encoded};
use super::settle::RequestTracker;
use super::{ActiveConfig, Answer, Call, Failed, Gateway, estimate};
use crate::account::{BadProxy, Credential};
use crate::canon::{Blame, Fault, FaultKind};
use crate::outcome::{Next, Stage, Timestamp};
use crate::provider;
use crate::segmented_bytes::SegmentedBytes;
use crate::upstream::{ProxyChoice, UpstreamBody};

/// What is read of an upstream's error answer, and how long.
const FAULT_BODY_BYTES_MAX: usize = 1024 * 1024;
const FAULT_BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves a call that names a model.
pub(super) async fn run(
    gateway: &Gateway,
    force: &ActiveConfig,
    call: &Call,
) -> Result<Answer, Box<Failed>> {
    let job = RequestContext::new(gateway, force, call)?;
    let mut settlement = job.open_settlement();
    match serve(&job, &mut settlement).await {
        Ok(mut ready) => {
            settlement.tell(ready.headers_mut());
            Ok(ready.commit(settlement))
        }
        Err(failure) => give_up(call, *failure, settlement),
    }
}

/// Tries the candidates' plans in order. The retry policy is [`crate::outcome::Outcome::next`];
/// here it is only obeyed.
async fn serve(
    job: &RequestContext<'_>,
    settlement: &mut RequestTracker,
) -> Attempted<PendingResponse> {
    let known = job
        .candidates(settlement)
        .await
        .map_err(Failure::of_request)?;
    let mut last = None;
    for plan in known
        .candidates()
        .flat_map(|(candidate, name)| job.plans(candidate, name))
    {
        let failure = match try_plan(job, &plan, settlement).await {
            Ok(ready) => return Ok(ready),
            Err(failure) => failure,
        };
        let goes_on = !matches!(failure.next, Next::Return | Next::RetryWithoutReasoning);
        last = Some(Failure::more_telling(last, failure));
        if !goes_on || is_spent(job, settlement) {
            break;
        }
    }
    Err(last.unwrap_or_else(|| {
        Failure::of_request(Fault::internal("no provider of this model is enabled"))
    }))
}

/// Whether the call had all the attempts that it may have.
fn is_spent(job: &RequestContext<'_>, settlement: &mut RequestTracker) -> bool {
    settlement.record().attempts.len() >= job.setup.limits.attempts_max
}

/// One plan at one account after another.
async fn try_plan(
    job: &RequestContext<'_>,
    plan: &Plan,
    settlement: &mut RequestTracker,
) -> Attempted<PendingResponse> {
    let mut tried = Tried::default();
    let mut last: Option<Box<Failure>> = None;
    while last
        .as_ref()
        .is_none_or(|failure| may_go_on(job, plan, failure, settlement))
    {
        let failure = match try_account(job, plan, &mut tried, settlement).await {
            Ok(ready) => return Ok(ready),
            Err(failure) => failure,
        };
        let next = failure.next;
        last = Some(Failure::more_telling(last, failure));
        match next {
            Next::OtherAccount | Next::RefreshThenRetry => {}
            Next::RetrySame { after } => sleep(after).await,
            Next::Return | Next::RetryWithoutReasoning | Next::OtherCandidate => break,
        }
    }
    Err(last.unwrap_or_else(|| Failure::of_plan(Fault::internal("a plan that was never tried"))))
}

/// Whether the plan may be tried once more: by the call's own bound, and by the provider's budget
/// for retries.
fn may_go_on(
    job: &RequestContext<'_>,
    plan: &Plan,
    failure: &Failure,
    settlement: &mut RequestTracker,
) -> bool {
    let allows = |outcome| {
        job.gateway
            .pool
            .may_retry(&plan.endpoint.provider.name, outcome)
    };
    !is_spent(job, settlement) && failure.outcome.as_ref().is_none_or(allows)
}

/// One account; a refused signature is tried once more without the reasoning.
async fn try_account(
    job: &RequestContext<'_>,
    plan: &Plan,
    tried: &mut Tried,
    settlement: &mut RequestTracker,
) -> Attempted<PendingResponse> {
    let first = try_once(job, plan, job.prepare(plan), tried, settlement).await;
    let is_wanted = matches!(&first, Err(failure) if failure.next == Next::RetryWithoutReasoning);
    // Where translations have to be exact, nothing is left out to please an upstream.
    if !is_wanted || job.setup.is_strict || is_spent(job, settlement) {
        return first;
    }
    try_once(
        job,
        plan,
        job.prepare_without_reasoning(plan),
        tried,
        settlement,
    )
    .await
}

async fn try_once(
    job: &RequestContext<'_>,
    plan: &Plan,
    prepared: Result<Prepared, Fault>,
    tried: &mut Tried,
    settlement: &mut RequestTracker,
) -> Attempted<PendingResponse> {
    // A request that this plan cannot carry may still fit the next one.
    let mut prepared = prepared.map_err(Failure::of_plan)?;
    let done = if estimate::is_needed(job, plan) {
        settlement.serve_by(plan);
        estimate::answer(job, &mut prepared).map_err(Failure::of_request)
    } else {
        exchange(job, plan, &mut prepared, tried, settlement).await
    };
    settlement.record().losses = prepared.losses;
    done
}

/// One attempt: an account, the request, and the answer's beginning.
async fn exchange(
    job: &RequestContext<'_>,
    plan: &Plan,
    prepared: &mut Prepared,
    tried: &mut Tried,
    settlement: &mut RequestTracker,
) -> Attempted<PendingResponse> {
    let asked_at = Instant::now();
    let lease = lease(job, plan, tried, settlement).await?;
    let account = lease.account().name.clone();
    let request = request(plan, prepared, lease.credential()).map_err(Failure::of_plan)?;
    let via =
        ProxyChoice::of(lease.account()).map_err(|bad| Failure::of_plan(unusable(plan, &bad)))?;
    let now = Instant::now();
    settlement.begin(plan, lease, now - asked_at, now);
    let answered = ask(job, plan, prepared, (request, via), now, settlement).await;
    if let Err(failure) = &answered {
        settlement.fail(failure);
        tried.note(&account, failure.next);
    }
    answered
}

async fn ask(
    job: &RequestContext<'_>,
    plan: &Plan,
    prepared: &mut Prepared,
    (request, via): (http::Request<SegmentedBytes>, ProxyChoice),
    now: Instant,
    settlement: &mut RequestTracker,
) -> Attempted<PendingResponse> {
    let answer = send(job, plan, request, &via, now).await?;
    settlement.read(provider::readings(answer.headers(), Timestamp::now));
    if answer.status().is_success() {
        return Reading {
            job,
            plan,
            prepared,
        }
        .read(answer)
        .await;
    }
    Err(refused(plan, prepared, answer).await)
}

/// The request as it goes out. A wire request is sent once, so it is taken.
fn request(
    plan: &Plan,
    prepared: &mut Prepared,
    credential: &Credential,
) -> Result<http::Request<SegmentedBytes>, Fault> {
    let call = provider::Call {
        method: Method::POST,
        version: plan.protocol.descriptor().version,
        wire: std::mem::take(&mut prepared.wire),
    };
    plan.endpoint.provider.prepare(call, credential)
}

/// An account whose proxy is none; the record says which one.
fn unusable(plan: &Plan, bad: &BadProxy) -> Fault {
    let message = format!(
        "provider `{}`: an account's proxy cannot be used: {bad}",
        plan.endpoint.provider.name
    );
    Fault::new(FaultKind::UpstreamAuth, Blame::Account, message)
}

async fn send(
    job: &RequestContext<'_>,
    plan: &Plan,
    request: http::Request<SegmentedBytes>,
    via: &ProxyChoice,
    now: Instant,
) -> Attempted<http::Response<UpstreamBody>> {
    let limit = job.setup.limits.head_timeout(job.stream().unwrap_or(false));
    let sent = timeout_at(now + limit, plan.endpoint.upstream.send(request, via)).await;
    let answered = sent.map_err(|_| Failure::late(limit, Stage::Head))?;
    answered.map_err(|error| Failure::unreachable(&error))
}

/// Reads an error answer. The upstream's own words reach a client of the same dialect, unless they
/// speak of the account's credential.
async fn refused(
    plan: &Plan,
    prepared: &Prepared,
    answer: http::Response<UpstreamBody>,
) -> Box<Failure> {
    let (head, body) = answer.into_parts();
    if head.status.is_redirection() {
        return Failure::refused(plan, &head, &[], redirected(&plan.endpoint.provider.name));
    }
    let body = if is_encoded(&head.headers) {
        Bytes::new()
    } else {
        error_body(body).await
    };
    let fault = plan
        .protocol
        .decode_fault(head.status, &head.headers, &body);
    let mut failure = Failure::refused(plan, &head, &body, fault);
    let passes = matches!(prepared.exchange, Exchange::Passthrough) && !body.is_empty();
    if passes && failure.may_be_quoted() {
        let mut original = passed(plan, &head, body);
        name_retry_after(original.headers_mut(), &failure.fault);
        failure.original = Some(original);
    }
    failure
}

/// What there is of an error's body; without it the status still speaks.
async fn error_body(body: UpstreamBody) -> Bytes {
    let bounds = Bounds {
        bytes_max: FAULT_BODY_BYTES_MAX,
        first_timeout: FAULT_BODY_TIMEOUT,
        idle_timeout: FAULT_BODY_TIMEOUT,
    };
    let read = timeout(FAULT_BODY_TIMEOUT, collect(body, bounds)).await;
    read.ok().and_then(Result::ok).unwrap_or_default()
}

/// Nothing serves: the upstream's own words where they may pass, else the fault, for the server to
/// say.
fn give_up(
    call: &Call,
    failure: Failure,
    settlement: RequestTracker,
) -> Result<Answer, Box<Failed>> {
    let Failure {
        fault, original, ..
    } = failure;
    if let Some(mut original) = original {
        settlement.tell(original.headers_mut());
        settlement.finish(
            original.status(),
            crate::canon::Usage::default(),
            Some(&fault),
        );
        return Ok(original);
    }
    let mut headers = HeaderMap::new();
    settlement.tell(&mut headers);
    let (status, _) = call.protocol.encode_fault(&fault, &call.request_id);
    settlement.finish(status, crate::canon::Usage::default(), Some(&fault));
    Err(Box::new(Failed { fault, headers }))
}
