//! The attempts of one call: each candidate in order, until one serves or nothing is left to try.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};

use super::answer::{self, Reading, Ready, collect, late};
use super::plan::{Decoded, Exchange, Job, Plan, Prepared, not_ready};
use super::settle::Settlement;
use super::{Answer, Call, Failed, Gateway, Setup};
use crate::canon::{Blame, Fault, FaultKind, Loss, Usage};
use crate::outcome::{Next, Outcome, Stage};
use crate::protocol::Operation;
use crate::provider;
use crate::record::{Attempt, Record};
use crate::upstream::{Body as UpstreamBody, TransportError};

/// What is read of an upstream's error answer.
const FAULT_BODY_BYTES_MAX: usize = 1024 * 1024;

/// An attempt that did not serve.
pub(super) struct Failure {
    pub(super) fault: Fault,
    pub(super) outcome: Outcome,
    /// The upstream's own words, where they may go to the client as they came.
    pub(super) original: Option<Answer>,
}

/// A good attempt.
struct Success {
    ready: Ready,
    losses: Vec<Loss>,
}

/// Serves a call that names a model.
pub(super) async fn run(gateway: &Gateway, setup: &Setup, call: &Call) -> Result<Answer, Failed> {
    let job = Job::new(gateway, setup, call)?;
    let mut settlement = open(&job);
    let served = serve(&job, &mut settlement).await;
    match served {
        Ok((success, plan)) => {
            settlement.record().losses.clone_from(&success.losses);
            let attempts = settlement.record().attempts.len();
            let mut answer = success.ready.commit(settlement);
            answer::loss_headers(&success.losses, answer.headers_mut());
            mark(answer.headers_mut(), &plan, attempts);
            Ok(answer)
        }
        Err(failure) => give_up(call, failure, settlement),
    }
}

fn open(job: &Job<'_>) -> Settlement {
    let call = job.call;
    let record = Record {
        request_id: call.request_id.clone(),
        received_at: call.received_at,
        took: std::time::Duration::ZERO,
        first_byte_after: None,
        dialect: call.protocol.dialect(),
        operation: call.operation,
        model: job.peek.model.clone(),
        stream: job.peek.stream,
        attempts: Vec::new(),
        status: 0,
        usage: Usage::default(),
        losses: Vec::new(),
        fault: None,
    };
    Settlement::new(record, job.gateway.recorder.clone(), call.arrived)
}

/// Tries the candidates' plans in order. The retry policy is [`Outcome::next`]; here it is only obeyed.
async fn serve(job: &Job<'_>, settlement: &mut Settlement) -> Result<(Success, Plan), Failure> {
    let candidates = job.candidates().await.map_err(Failure::of_request)?;
    let plans = candidates.iter().flat_map(|candidate| job.plans(candidate));
    let mut last = None;
    for plan in plans.take(job.setup.limits.attempts_max) {
        let failure = match try_plan(job, &plan, settlement).await {
            Ok(success) => return Ok((success, plan)),
            Err(failure) => failure,
        };
        let goes_on = !matches!(failure.outcome.next(false), Next::Return);
        last = Some(failure);
        if !goes_on {
            break;
        }
    }
    Err(last.unwrap_or_else(|| Failure::of_request(Fault::internal("no provider of this model is enabled"))))
}

/// One plan; a refused signature is tried once more without the reasoning.
async fn try_plan(job: &Job<'_>, plan: &Plan, settlement: &mut Settlement) -> Result<Success, Failure> {
    let first = try_once(job, plan, false, settlement).await;
    match first {
        Err(failure) if failure.outcome.next(false) == Next::RetryWithoutReasoning => try_once(job, plan, true, settlement).await,
        other => other,
    }
}

async fn try_once(job: &Job<'_>, plan: &Plan, without_reasoning: bool, settlement: &mut Settlement) -> Result<Success, Failure> {
    // A request that this plan cannot carry may still fit the next one.
    let mut prepared = job.prepare(plan, without_reasoning).map_err(Failure::of_plan)?;
    if let Some(success) = estimate(job, plan, &prepared)? {
        return Ok(success);
    }
    settlement.begin(attempt(plan));
    let tried = exchange(job, plan, &mut prepared).await;
    if let Err(failure) = &tried {
        settlement.note(failure.outcome.clone());
    }
    Ok(Success { ready: tried?, losses: prepared.losses })
}

async fn exchange(job: &Job<'_>, plan: &Plan, prepared: &mut Prepared) -> Result<Ready, Failure> {
    let answer = send(job, plan, prepared).await?;
    if answer.status().is_success() {
        return Reading { job, plan, prepared }.read(answer).await;
    }
    Err(refused(job, plan, prepared, answer).await)
}

fn attempt(plan: &Plan) -> Attempt {
    Attempt {
        provider: plan.endpoint.provider.name.clone(),
        account: plan.endpoint.account.name.clone(),
        model: plan.model.clone(),
        dialect: plan.protocol.dialect(),
        outcome: Outcome::Cancelled,
        took: std::time::Duration::ZERO,
    }
}

/// A token count without an upstream that counts.
fn estimate(job: &Job<'_>, plan: &Plan, prepared: &Prepared) -> Result<Option<Success>, Failure> {
    let counts = plan.is_passthrough || plan.protocol.counts_tokens() || job.call.operation != Operation::CountTokens;
    if counts {
        return Ok(None);
    }
    let Decoded::Generate(request) = job.decoded().map_err(Failure::of_request)? else { return Ok(None) };
    let (answer, loss) = answer::estimated(job, &request);
    let losses = prepared.losses.iter().cloned().chain([loss]).collect();
    Ok(Some(Success { ready: Ready::Whole { answer, usage: Usage::default() }, losses }))
}

async fn send(job: &Job<'_>, plan: &Plan, prepared: &mut Prepared) -> Result<http::Response<UpstreamBody>, Failure> {
    let endpoint = &plan.endpoint;
    if !endpoint.account.is_ready() {
        return Err(Failure { fault: not_ready(endpoint), outcome: Outcome::Unauthorized, original: None });
    }
    let call = provider::Call { method: Method::POST, version: plan.protocol.version(), wire: std::mem::take(&mut prepared.wire) };
    let request = endpoint.provider.prepare(call, &endpoint.account.credential).map_err(Failure::of_plan)?;
    let limit = job.setup.limits.head_timeout(job.peek.stream);
    match tokio::time::timeout(limit, endpoint.upstream.send(request)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(Failure::unreachable(&error)),
        Err(_) => Err(Failure { fault: late(limit), outcome: Outcome::TimedOut { stage: Stage::Head }, original: None }),
    }
}

/// Reads an error answer. The upstream's own words reach a client of the same dialect, unless they speak of the account's credential.
async fn refused(job: &Job<'_>, plan: &Plan, prepared: &Prepared, answer: http::Response<UpstreamBody>) -> Failure {
    let (head, body) = answer.into_parts();
    let idle_timeout = job.setup.limits.pace.idle_timeout;
    let body = collect(body, FAULT_BODY_BYTES_MAX, idle_timeout).await.unwrap_or_else(|_| Bytes::new());
    let provider = &plan.endpoint.provider;
    let fault = if head.status.is_redirection() {
        redirected(&provider.name)
    } else {
        plan.protocol.decode_fault(head.status, &head.headers, &body)
    };
    let fault = with_retry_after(fault, &head.headers, job);
    let outcome = provider::classify(head.status, &fault, job.call.received_at);
    let is_about_account = matches!(outcome, Outcome::Unauthorized | Outcome::Forbidden) || head.status.is_redirection();
    if is_about_account {
        return Failure { fault: credential_refused(fault, &provider.name), outcome, original: None };
    }
    let passes = matches!(prepared.exchange, Exchange::Passthrough) && !body.is_empty();
    let original = passes.then(|| answer::passed(plan, &head, body));
    Failure { fault, outcome, original }
}

fn with_retry_after(mut fault: Fault, headers: &HeaderMap, job: &Job<'_>) -> Fault {
    let named = provider::retry_after(headers, job.call.received_at, provider::RETRY_AFTER_MAX);
    fault.retry_after = named.or(fault.retry_after).map(|after| after.min(provider::RETRY_AFTER_MAX));
    fault
}

fn redirected(provider: &str) -> Fault {
    let message = format!(
        "provider `{provider}` redirects to another address, which is not followed; set `providers.{provider}.base_url` to where it serves"
    );
    Fault { kind: FaultKind::Upstream, ..Fault::upstream(message) }
}

/// A refused credential as the client may see it: its own key is not at fault, and must not look so.
fn credential_refused(fault: Fault, provider: &str) -> Fault {
    if fault.kind == FaultKind::Upstream {
        return fault;
    }
    let message = format!("the provider `{provider}` refused this gateway's credential: {}", fault.message);
    Fault { kind: FaultKind::UpstreamAuth, blame: Blame::Account, message, details: None, code: None, ..fault }
}

impl Failure {
    /// The request is at fault, whoever would serve it.
    fn of_request(fault: Fault) -> Self {
        Self { fault, outcome: Outcome::Rejected(crate::outcome::Refusal::Other), original: None }
    }

    /// This way of serving the request does not work; the next may.
    fn of_plan(fault: Fault) -> Self {
        Self { fault, outcome: Outcome::Rejected(crate::outcome::Refusal::UnknownModel), original: None }
    }

    fn unreachable(error: &TransportError) -> Self {
        let fault = Fault::upstream(error.message.clone());
        Self { fault, outcome: Outcome::Unreachable { stage: error.stage }, original: None }
    }
}

/// Nothing is left to try: the last failure is the answer.
fn give_up(call: &Call, failure: Failure, mut settlement: Settlement) -> Result<Answer, Failed> {
    let attempts = settlement.record().attempts.len();
    let mut headers = HeaderMap::new();
    count_attempts(&mut headers, attempts);
    match failure.original {
        Some(mut answer) => {
            settlement.finish(answer.status().as_u16(), Usage::default(), Some(&failure.fault));
            answer.headers_mut().extend(headers);
            Ok(answer)
        }
        None => {
            let (status, _) = call.protocol.encode_fault(&failure.fault, &call.request_id);
            settlement.finish(status.as_u16(), Usage::default(), Some(&failure.fault));
            Err(Failed { fault: failure.fault, headers })
        }
    }
}

/// Says who served, and how many tries it took.
fn mark(headers: &mut HeaderMap, plan: &Plan, attempts: usize) {
    let model = format!("{}/{}", plan.endpoint.provider.name, plan.model);
    if let Ok(model) = HeaderValue::from_str(&model) {
        headers.insert("x-aerostat-model", model);
    }
    count_attempts(headers, attempts);
}

fn count_attempts(headers: &mut HeaderMap, attempts: usize) {
    headers.insert("x-aerostat-attempts", HeaderValue::from(attempts));
}
