//! An attempt that did not serve: what the client would be told, what the scheduler learns, what
//! comes next.
//!
//! The only place where an upstream's refusal is judged, whether its status said it or an answer
//! that began well.

use std::time::{Duration, SystemTime};

use http::header::RETRY_AFTER;
use http::response::Parts;
use http::{HeaderMap, HeaderName};

use super::Answer;
use super::plan::Plan;
use crate::canon::{Blame, Fault, FaultKind};
use crate::outcome::{Next, Outcome, Stage};
use crate::provider::{RETRY_AFTER_MAX, Refused};
use crate::upstream::TransportError;

const IN_MILLIS: HeaderName = HeaderName::from_static("retry-after-ms");

/// What an attempt gives. Failures are large and rare, so they are boxed.
pub(super) type Attempted<T> = Result<T, Box<Failure>>;

pub(super) struct Failure {
    pub(super) fault: Fault,
    /// `None` where nothing was sent.
    pub(super) outcome: Option<Outcome>,
    pub(super) next: Next,
    /// The upstream's own words, where they may go to the client as they came.
    pub(super) original: Option<Answer>,
    /// How long it takes until an account is back, where all of them rest.
    pub(super) rests_for: Option<Duration>,
}

impl Failure {
    /// The request is at fault, whoever would serve it.
    pub(super) fn of_request(fault: Fault) -> Box<Self> {
        Box::new(Self {
            fault,
            outcome: None,
            next: Next::Return,
            original: None,
            rests_for: None,
        })
    }

    /// This way of serving the request is closed; another may be open.
    pub(super) fn of_plan(fault: Fault) -> Box<Self> {
        Box::new(Self {
            fault,
            outcome: None,
            next: Next::OtherCandidate,
            original: None,
            rests_for: None,
        })
    }

    pub(super) fn of_attempt(fault: Fault, outcome: Outcome) -> Box<Self> {
        let next = outcome.next(false);
        Box::new(Self {
            fault,
            outcome: Some(outcome),
            next,
            original: None,
            rests_for: None,
        })
    }

    pub(super) fn unreachable(error: &TransportError) -> Box<Self> {
        Self::of_attempt(
            Fault::upstream(error.message.clone()),
            Outcome::Unreachable { stage: error.stage },
        )
    }

    pub(super) fn late(limit: Duration, stage: Stage) -> Box<Self> {
        Self::of_attempt(late(limit), Outcome::TimedOut { stage })
    }

    /// An answer that cannot be read; `why` completes the sentence.
    pub(super) fn garbled(why: &str) -> Box<Self> {
        Self::of_attempt(
            Fault::upstream(format!("the upstream's answer cannot be read: {why}")),
            Outcome::MalformedResponse,
        )
    }

    /// What an upstream said instead of an answer. `head` is its own, also where a 200 was followed
    /// by an error; then `body` is empty.
    pub(super) fn refused(plan: &Plan, head: &Parts, body: &[u8], fault: Fault) -> Box<Self> {
        let answer = Refused {
            status: head.status,
            headers: &head.headers,
            body,
        };
        let (fault, outcome) = plan
            .endpoint
            .provider
            .judge(answer, fault, SystemTime::now());
        let is_about_account = matches!(outcome, Outcome::Unauthorized | Outcome::Forbidden);
        let fault = if is_about_account {
            credential_refused(fault, &plan.endpoint.provider.name)
        } else {
            fault
        };
        Self::of_attempt(fault, outcome)
    }

    /// Whether the upstream's own words say nothing that a client would take for its own
    /// credential's refusal.
    pub(super) fn may_be_quoted(&self) -> bool {
        self.fault.kind != FaultKind::UpstreamAuth
    }

    /// Of two failures the one that says more: what an upstream answered, before a reason why
    /// another was not asked. That a path is missing there says nothing. When to come back is the
    /// pool's word, who knows all accounts.
    pub(super) fn more_telling(earlier: Option<Box<Self>>, later: Box<Self>) -> Box<Self> {
        let says_something =
            |earlier: &Self| earlier.outcome.is_some() && earlier.fault.kind != FaultKind::NotFound;
        match earlier {
            Some(mut earlier) if later.outcome.is_none() && says_something(&earlier) => {
                later
                    .rests_for
                    .into_iter()
                    .for_each(|wait| earlier.wait_at_most(wait));
                earlier
            }
            _ => later,
        }
    }

    /// An account is back after `wait`: a client that was told a longer one would wait for nothing.
    fn wait_at_most(&mut self, wait: Duration) {
        let is_limit = matches!(
            self.outcome,
            Some(
                Outcome::Throttled { .. } | Outcome::QuotaSpent { .. } | Outcome::Overloaded { .. }
            )
        );
        let told = self.fault.retry_after_seconds();
        let shorter = Fault {
            retry_after: Some(wait),
            ..self.fault.clone()
        };
        if is_limit && told.is_none_or(|told| shorter.retry_after_seconds() < Some(told)) {
            self.fault = shorter;
            self.original
                .iter_mut()
                .for_each(|original| replace_retry_after(original.headers_mut(), &self.fault));
        }
    }
}

pub(super) fn late(after: Duration) -> Fault {
    Fault::new(
        FaultKind::Timeout,
        Blame::Provider,
        format!(
            "the upstream did not answer within {} s",
            after.as_secs_f32()
        ),
    )
}

pub(super) fn redirected(provider: &str) -> Fault {
    Fault::upstream(format!(
        "provider `{provider}` redirects to another address, which is not followed; set `providers.{provider}.base_url` to where it serves"
    ))
}

/// A refused credential as the client may see it: its own key is not at fault, and must not look
/// so.
fn credential_refused(fault: Fault, provider: &str) -> Fault {
    let message = format!(
        "provider `{provider}` refused this gateway's credential: {}",
        fault.message
    );
    Fault {
        kind: FaultKind::UpstreamAuth,
        blame: Blame::Account,
        message,
        details: None,
        code: None,
        ..fault
    }
}

/// The head of a quoted error answer, with another wait.
fn replace_retry_after(headers: &mut HeaderMap, fault: &Fault) {
    headers.remove(IN_MILLIS);
    headers.remove(RETRY_AFTER);
    name_retry_after(headers, fault);
}

/// Completes the head of a quoted error answer: the wait stands in it, and is never longer than
/// [`RETRY_AFTER_MAX`].
pub(super) fn name_retry_after(headers: &mut HeaderMap, fault: &Fault) {
    let Some(seconds) = fault.retry_after_seconds() else {
        return;
    };
    if seconds >= RETRY_AFTER_MAX.as_secs() {
        headers.remove(IN_MILLIS);
        headers.insert(RETRY_AFTER, seconds.into());
    } else {
        headers.entry(RETRY_AFTER).or_insert(seconds.into());
    }
}
