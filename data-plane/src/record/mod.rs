//! The facts of one finished request, and the recorder that takes them.
//!
//! A record holds no prompt, no response and no secret; [`bodies`] hold the first two, where a
//! person asks for them. Recording never blocks.

mod agent_family;
pub mod bodies;
mod cause;
pub mod packed;
mod resolved;
mod ring;
#[cfg(feature = "otlp")]
mod trace_parent;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::account::AccountName;
use crate::canon::{Dialect, Loss, ServiceTier, Usage};
use crate::outcome::{Next, Outcome, Refusal, Timestamp};
use crate::protocol::Operation;
pub use crate::status::NotAsked;

pub use agent_family::{CONNECTABLE, agent_family, connectable};
use bodies::{BodyCollector, RawBodies};
pub use cause::{Cause, Ending, Failure, blame_name, blame_named};
pub use resolved::{Clauses, Nearest, Reasons, Resolved, ResolvedBy};
pub use ring::Ring;
#[cfg(feature = "otlp")]
pub use trace_parent::TraceParent;

/// One finished request.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub request_id: String,
    pub received_at: Timestamp,
    /// From the request's arrival to the end of the response.
    pub took: Duration,
    /// From the request's arrival to the first byte that left for the client.
    pub first_byte_after: Option<Duration>,
    pub dialect: Dialect,
    /// `None` where the path leads to none.
    pub operation: Option<Operation>,
    /// The model that the client asked for; empty where it named none.
    pub model: String,
    pub stream: bool,
    /// The name of the key that the client used.
    pub key: Option<Arc<str>>,
    /// Which program the client is, see [`agent_family`].
    pub agent: Option<Cow<'static, str>>,
    /// The conversation, as a digest. `None` where nothing tells it, or nothing asked.
    pub session: Option<[u8; 16]>,
    /// The client's own trace; not stored.
    #[cfg(feature = "otlp")]
    pub trace_parent: Option<TraceParent>,
    /// What the model became; `None` where nothing was resolved.
    pub resolved: Option<Arc<Resolved>>,
    /// Candidates and accounts that were not tried, and why, in the order in which that was found.
    pub passed_over: Vec<PassedOver>,
    pub attempts: Vec<Attempt>,
    /// The status that the client got; 0 where it left before it got one.
    pub status: u16,
    pub ending: Ending,
    /// Set where the ending is a failure. Providers quote the request in their messages: they are
    /// shown to the person, and go into no log and no file.
    pub failure: Option<Failure>,
    pub usage: Usage,
    /// Whether the upstream told the usage to the end of its response.
    pub usage_is_final: bool,
    /// Why the model stopped, in the canonical word.
    pub finish: Option<Cow<'static, str>>,
    /// The service tier that the *answer* names: it decides the price.
    pub tier: Option<ServiceTier>,
    pub losses: Vec<Loss>,
    /// The bytes of the client's body, and of the response's.
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// The id of the request that this one sends again.
    pub repeats: Option<Box<str>>,
}

/// A candidate, or an account of it, that was not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedOver {
    /// `provider/model`.
    pub candidate: String,
    /// `None` where the candidate as a whole was passed over.
    pub account: Option<AccountName>,
    pub why: NotAsked,
    /// What its provider said, which may quote a request; as [`Record::failure`].
    pub said: Option<Arc<str>>,
}

/// One attempt at one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    pub provider: Arc<str>,
    pub account: AccountName,
    /// The upstream's name of the model.
    pub model: Arc<str>,
    pub dialect: Dialect,
    pub began_at: Timestamp,
    /// How long it waited for its lease before it began.
    pub waited: Duration,
    pub outcome: Outcome,
    /// The error message of a failed attempt, as the client may see it; as [`Record::failure`].
    pub detail: Option<String>,
    pub took: Duration,
    /// The upstream's status; `None` where no head came.
    pub status: Option<u16>,
    /// From the attempt's begin to the upstream's head.
    pub head_after: Option<Duration>,
    /// The upstream's own id of the request, which its support asks for.
    pub upstream_id: Option<Box<str>>,
    /// What followed; `None` for the last one.
    pub next: Option<NextStep>,
}

/// What followed a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextStep {
    pub next: Next,
    /// Whether a limit stood against what the outcome suggests: the attempts of a request, the
    /// provider's retry budget, strictness.
    pub is_limited: bool,
}

/// The longest text and the longest list that a record keeps: clients choose their length.
const TEXT_BYTES_MAX: usize = 2_000;
const LIST_MAX: usize = 200;

impl Record {
    /// A record that is opened: nothing has come of it yet.
    pub fn opened(request_id: String, received_at: Timestamp, dialect: Dialect) -> Self {
        Self {
            request_id,
            received_at,
            took: Duration::ZERO,
            first_byte_after: None,
            dialect,
            operation: None,
            model: String::new(),
            stream: false,
            key: None,
            agent: None,
            session: None,
            #[cfg(feature = "otlp")]
            trace_parent: None,
            resolved: None,
            passed_over: Vec::new(),
            attempts: Vec::new(),
            status: 0,
            ending: Ending::Left,
            failure: None,
            usage: Usage::default(),
            usage_is_final: false,
            finish: None,
            tier: None,
            losses: Vec::new(),
            bytes_in: 0,
            bytes_out: 0,
            repeats: None,
        }
    }

    /// Closes it with an error for the client.
    pub fn fail(&mut self, failure: Failure) {
        self.ending = failure.ending(self.attempts.len());
        self.failure = Some(failure);
    }

    /// Whether tokens are paid for: of a count or a list they are not.
    pub fn is_billed(&self) -> bool {
        is_billed(self.operation, &self.usage)
    }

    /// Whether an upstream took the request for the model of its last attempt.
    pub fn reached_model(&self) -> bool {
        let reached = |attempt: &Attempt| {
            !matches!(
                attempt.outcome,
                Outcome::Rejected(Refusal::UnknownModel) | Outcome::Unreachable { .. }
            ) || self.usage.input.is_some()
        };
        self.attempts.last().is_some_and(reached)
    }

    /// Cuts texts and lists to what a record keeps.
    pub fn bound(&mut self) {
        shorten(&mut self.model);
        if let Some(failure) = &mut self.failure {
            shorten(&mut failure.message);
        }
        for attempt in &mut self.attempts {
            if let Some(detail) = &mut attempt.detail {
                shorten(detail);
            }
        }
        self.passed_over.truncate(LIST_MAX);
        self.losses.truncate(LIST_MAX);
    }
}

/// Whether an operation that used so many tokens is paid for.
pub fn is_billed(operation: Option<Operation>, usage: &Usage) -> bool {
    operation.is_some_and(|operation| match operation {
        Operation::Surface(about) => about.is_paid() || usage.input.is_some(),
        _ => operation.generates() || operation.embeds(),
    })
}

fn shorten(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX)
            .rev()
            .find(|end| text.is_char_boundary(*end))
            .unwrap_or_default();
        text.truncate(end);
        text.shrink_to_fit();
    }
}

/// Takes records; must not block.
pub trait Recorder: Send + Sync {
    fn record(&self, record: Record);

    /// The same, with the request's bodies.
    fn record_with_bodies(&self, record: Record, bodies: RawBodies) {
        drop(bodies);
        self.record(record);
    }

    /// Collects the bodies of a request that arrived now, where they are wanted.
    fn collect_bodies(&self, arrived: Instant) -> Option<Box<BodyCollector>> {
        let _ = arrived;
        None
    }

    /// A health check was answered, which has no record.
    fn health_check(&self) {}
}
