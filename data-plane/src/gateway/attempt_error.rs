//! Why an attempt did not serve: the fault for the client, and what the scheduler learns.
//!
//! The only place where an upstream's refusal is judged, whether its status said so or a response
//! that began well. Whether another attempt follows is decided in `retry`.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::response::Parts;
use http::{HeaderMap, HeaderName, Response, StatusCode};
use tracing::debug;

use crate::account::Redactor;
use crate::canon::{Blame, Fault, FaultKind};
use crate::content_coding::CodingError;
use crate::json::Document;
use crate::outcome::{Next, Outcome, Stage, Timestamp};
use crate::provider::{ErrorResponse, Provider, RETRY_AFTER_MAX};
use crate::upstream::{BoxError, TransportError};

const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");

/// The result of an attempt. Errors are large and rare, so they are boxed.
pub(super) type AttemptResult<T> = Result<T, Box<AttemptError>>;

pub(super) struct AttemptError {
    pub(super) fault: Fault,
    scope: ErrorScope,
    /// The upstream's own error response, where the client may get it as it came.
    pub(super) original: Option<Response<Bytes>>,
    /// The upstream's status, where the client gets it with the fault.
    pub(super) status: Option<StatusCode>,
    /// How long until an account is available again, where all of them cool down.
    pub(super) available_after: Option<Duration>,
}

/// What else an error rules out.
enum ErrorScope {
    /// The request itself: no other candidate would serve it.
    Request,
    /// The candidate as it was called; nothing was sent.
    Plan,
    /// One attempt, which was sent.
    Attempt(Outcome),
}

impl AttemptError {
    fn new(fault: Fault, scope: ErrorScope) -> Box<Self> {
        Box::new(Self {
            fault,
            scope,
            original: None,
            status: None,
            available_after: None,
        })
    }

    /// The request is at fault, whichever candidate serves it.
    pub(super) fn of_request(fault: Fault) -> Box<Self> {
        Self::new(fault, ErrorScope::Request)
    }

    /// The plan cannot serve the request; another one may.
    pub(super) fn of_plan(fault: Fault) -> Box<Self> {
        Self::new(fault, ErrorScope::Plan)
    }

    pub(super) fn of_attempt(fault: Fault, outcome: Outcome) -> Box<Self> {
        Self::new(fault, ErrorScope::Attempt(outcome))
    }

    pub(super) fn unreachable(error: &TransportError) -> Box<Self> {
        debug!(stage = ?error.stage, why = error.message, "upstream unreachable");
        Self::of_attempt(
            Fault::upstream(error.message.clone()),
            Outcome::Unreachable { stage: error.stage },
        )
    }

    pub(super) fn timed_out(limit: Duration, stage: Stage) -> Box<Self> {
        debug!(?stage, ?limit, "limit: the upstream did not answer in time");
        Self::of_attempt(timed_out(limit), Outcome::TimedOut { stage })
    }

    /// A response that cannot be read; `why` completes the sentence.
    pub(super) fn malformed(why: &str) -> Box<Self> {
        Self::of_attempt(
            Fault::upstream(format!("the upstream's answer cannot be read: {why}")),
            Outcome::MalformedResponse,
        )
    }

    /// An error that the upstream sent. `head` is its own, also where a 200 was followed by an
    /// error; then `body` is empty.
    pub(super) fn refused(
        provider: &Provider,
        head: &Parts,
        body: &[u8],
        fault: Fault,
        now: Timestamp,
    ) -> Box<Self> {
        let response = ErrorResponse {
            status: head.status,
            headers: &head.headers,
            body,
        };
        let (fault, outcome) = provider.classify(response, fault, now);
        let is_about_account = matches!(outcome, Outcome::Unauthorized | Outcome::Forbidden);
        let fault = if is_about_account {
            credential_refused(fault, &provider.name)
        } else {
            fault
        };
        Self::of_attempt(fault, outcome)
    }

    /// Takes the credential that was sent out of all that leaves the attempt.
    pub(super) fn redact(&mut self, redactor: &Redactor) {
        redact_fault(&mut self.fault, redactor);
        if let Some(original) = &mut self.original {
            redactor.headers(original.headers_mut());
            redact_bytes(original.body_mut(), redactor);
        }
    }

    /// What the attempt taught; `None` where nothing was sent.
    pub(super) fn outcome(&self) -> Option<&Outcome> {
        match &self.scope {
            ErrorScope::Request | ErrorScope::Plan => None,
            ErrorScope::Attempt(outcome) => Some(outcome),
        }
    }

    /// What the error by itself suggests to do next.
    pub(super) fn next(&self) -> Next {
        match &self.scope {
            ErrorScope::Request => Next::Return,
            ErrorScope::Plan => Next::OtherCandidate,
            ErrorScope::Attempt(outcome) => outcome.next(),
        }
    }

    /// Whether the provider has no such model, rather than no such path for it: OpenAI says of the
    /// older path that "this is a chat model". Source: observed with `/v1/completions`.
    pub(super) fn is_missing_model(&self) -> bool {
        let is_told_by_code = self.fault.code.as_deref() == Some("model_not_found");
        let names_other_path = || {
            let message = self.fault.message.to_ascii_lowercase();
            message.contains("chat") || message.contains("endpoint")
        };
        self.fault.kind == FaultKind::NoSuchModel && (is_told_by_code || !names_other_path())
    }

    /// Whether the upstream's own error response may pass: a client would take a refused account
    /// credential for a refusal of its own key.
    pub(super) fn may_be_quoted(&self) -> bool {
        self.fault.kind != FaultKind::UpstreamAuth
    }

    /// The error of the two that tells the client more.
    ///
    /// What an upstream answered tells more than why another account was not asked, unless it only
    /// lacks the path. When to come back is taken from the pool, which knows all accounts.
    pub(super) fn more_telling(earlier: Option<Box<Self>>, later: Box<Self>) -> Box<Self> {
        let Some(mut earlier) = earlier else {
            return later;
        };
        let was_answered = earlier.outcome().is_some() && earlier.fault.kind != FaultKind::NotFound;
        if later.outcome().is_some() || !was_answered {
            return later;
        }
        if let Some(wait) = later.available_after {
            earlier.shorten_retry_after(wait);
        }
        earlier
    }

    /// An account is available after `wait`; a client that was told to wait longer would lose time.
    fn shorten_retry_after(&mut self, wait: Duration) {
        let is_limit = matches!(
            self.outcome(),
            Some(
                Outcome::Throttled { .. } | Outcome::QuotaSpent { .. } | Outcome::Overloaded { .. }
            )
        );
        if !is_limit {
            return;
        }
        let shorter = Fault {
            retry_after: Some(wait),
            ..self.fault.clone()
        };
        let told = self.fault.retry_after_seconds();
        if told.is_some_and(|told| shorter.retry_after_seconds() >= Some(told)) {
            return;
        }
        self.fault = shorter;
        if let Some(original) = &mut self.original {
            replace_retry_after(original.headers_mut(), &self.fault);
        }
    }
}

/// Takes a credential out of what an upstream said.
pub(super) fn redact_fault(fault: &mut Fault, redactor: &Redactor) {
    let texts = [&mut fault.code, &mut fault.param, &mut fault.upstream_id];
    let message = std::iter::once(&mut fault.message);
    for text in message.chain(texts.into_iter().flatten()) {
        if let Cow::Owned(clean) = redactor.text(text) {
            *text = clean;
        }
    }
    if let Some(details) = &fault.details
        && let Cow::Owned(clean) = redactor.bytes(details.as_bytes())
    {
        fault.details = Document::parse(clean.into())
            .ok()
            .map(|details| details.root().raw());
    }
}

pub(super) fn redact_bytes(bytes: &mut Bytes, redactor: &Redactor) {
    if let Cow::Owned(clean) = redactor.bytes(bytes) {
        *bytes = clean.into();
    }
}

pub(super) fn timed_out(limit: Duration) -> Fault {
    let message = format!(
        "the upstream did not answer within {} s",
        limit.as_secs_f32()
    );
    Fault::new(FaultKind::Timeout, Blame::Provider, message)
}

/// The upstream's body broke off, or does not unpack.
pub(super) fn broken(error: &BoxError) -> Fault {
    match error.downcast_ref::<CodingError>() {
        Some(coding) => Fault::upstream(format!("the upstream's answer cannot be read: {coding}")),
        None => broken_off(),
    }
}

/// The upstream's body ended before its dialect's terminator.
pub(super) fn broken_off() -> Fault {
    Fault::upstream("the upstream's answer broke off before its end")
}

/// The error of a response that the program's end interrupts.
pub(super) fn shutdown_fault() -> Fault {
    let message =
        "gateway: aerostat was stopped before the answer had ended; ask again once it runs";
    Fault::new(FaultKind::Overloaded, Blame::Gateway, message)
}

pub(super) fn redirected(provider: &str) -> Fault {
    Fault::upstream(format!(
        "provider `{provider}` redirects to another address, which is not followed; set `providers.{provider}.base_url` to where it serves"
    ))
}

/// A refused credential as the client may see it: its own key is not at fault, and must not look
/// so.
fn credential_refused(fault: Fault, provider: &str) -> Fault {
    let message = format!("{}{}", refusal_prefix(provider), fault.message);
    Fault {
        kind: FaultKind::UpstreamAuth,
        blame: Blame::Account,
        message,
        details: None,
        code: None,
        ..fault
    }
}

fn refusal_prefix(provider: &str) -> String {
    format!("provider `{provider}` refused this gateway's credential: ")
}

/// What the provider said, without what is put before it for clients. The account's views
/// name its provider anyway.
pub(super) fn said_by_provider<'f>(fault: &'f Fault, provider: &str) -> &'f str {
    let said = fault.message.strip_prefix(&refusal_prefix(provider));
    said.unwrap_or(&fault.message)
}

/// Replaces the wait in the head of a quoted error response.
fn replace_retry_after(headers: &mut HeaderMap, fault: &Fault) {
    headers.remove(RETRY_AFTER_MS);
    headers.remove(RETRY_AFTER);
    add_retry_after(headers, fault);
}

/// Adds the wait to the head of a quoted error response where it is missing, and bounds it by
/// [`RETRY_AFTER_MAX`].
pub(super) fn add_retry_after(headers: &mut HeaderMap, fault: &Fault) {
    let Some(seconds) = fault.retry_after_seconds() else {
        return;
    };
    if seconds >= RETRY_AFTER_MAX.as_secs() {
        headers.remove(RETRY_AFTER_MS);
        headers.insert(RETRY_AFTER, seconds.into());
    } else {
        headers.entry(RETRY_AFTER).or_insert(seconds.into());
    }
}
