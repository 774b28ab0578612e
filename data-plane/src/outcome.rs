//! What an attempt taught the scheduler, and what it suggests to do next.
//!
//! Outcomes are for the scheduler, faults for the client; a failed attempt gives one of each.
//! Providers classify, the pool learns, `gateway::retry` holds the suggestion against its limits.
//! No clock: times are wall time that callers pass in.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use crate::canon::Usage;

/// Wall time. The monotonic clock stands still in suspend and means nothing after a restart, so no
/// decision here uses it.
pub type Timestamp = SystemTime;

/// As the wire formats count; 0 before 1970.
pub fn since_1970(at: Timestamp) -> Duration {
    at.duration_since(Timestamp::UNIX_EPOCH).unwrap_or_default()
}

/// How far a provider's limit reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// This account for this model.
    Model,
    /// This account for all of its models.
    Account,
}

/// Where an upstream could not be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Name, route, port: nothing was sent.
    Connect,
    /// Certificate or protocol: nothing was sent.
    Tls,
    /// The request was sent, at least in part; no head came.
    Head,
    /// The response broke off before any of it reached the client.
    Body,
}

/// Why a request was refused for what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The provider has no such model, or no such path.
    UnknownModel,
    ContextTooLong,
    /// A reasoning token that the upstream does not take: worth one more try without the reasoning.
    InvalidSignature,
    Other,
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Requests,
    Tokens,
    /// Money, credits, a share of a plan.
    Other,
}

/// Where a reading comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadingSource {
    Header,
    ErrorBody,
    /// The provider's own call for balances.
    BalanceCall,
}

/// What a provider reported of one of its limits. `None` = not reported, which is never the same as
/// 0 or as unlimited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The provider's short name for it: `requests`, `input_tokens`, `5h`, `requests_per_day`.
    pub window: Cow<'static, str>,
    pub unit: Unit,
    /// Whether it counts for the requested model, or for all models of the account.
    pub scope: Scope,
    pub limit: Option<u64>,
    pub remaining: Option<u64>,
    /// When `remaining` is `limit` again.
    pub resets_at: Option<Timestamp>,
    pub source: ReadingSource,
}

/// What an attempt taught the scheduler.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Served {
        usage: Usage,
    },
    /// A rate limit; `until` as the provider named it.
    Throttled {
        scope: Scope,
        until: Option<Timestamp>,
    },
    /// Credits or a longer quota are spent.
    QuotaSpent {
        scope: Scope,
        until: Option<Timestamp>,
    },
    /// The credential was refused.
    Unauthorized,
    /// The account may not use this model; the fault holds the provider's reason.
    Forbidden,
    /// Something in front of the provider answered, and not its API.
    Intercepted,
    /// The provider has no room.
    Overloaded {
        until: Option<Timestamp>,
    },
    /// The provider failed.
    Failed,
    /// The request is at fault: nothing cools down, and no other account would do better.
    Rejected(Refusal),
    Unreachable {
        stage: Stage,
    },
    /// No response within the time allowed.
    TimedOut {
        stage: Stage,
    },
    /// A response that cannot be read.
    MalformedResponse,
    /// The client left.
    Cancelled,
    /// The client did not read its stream, and others waited for the account.
    Unread,
}

/// What to do after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Give the client this error.
    Return,
    /// The same account, with a fresh access token.
    RefreshThenRetry,
    /// The same account, without the reasoning of earlier turns.
    RetryWithoutReasoning,
    OtherAccount,
    OtherCandidate,
    /// Give the client this error, as a second try might do twice what the first one did.
    NotRepeated,
    /// Give the client this error, as the body that was sent has passed and is gone.
    BodyGone,
}

impl Scope {
    pub const ALL: [Self; 2] = [Self::Model, Self::Account];

    /// Its word, which is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Account => "account",
        }
    }
}

impl Stage {
    pub const ALL: [Self; 4] = [Self::Connect, Self::Tls, Self::Head, Self::Body];

    /// Its word, which is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Head => "head",
            Self::Body => "body",
        }
    }
}

impl Refusal {
    pub const ALL: [Self; 4] = [
        Self::UnknownModel,
        Self::ContextTooLong,
        Self::InvalidSignature,
        Self::Other,
    ];

    /// Its word, which is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnknownModel => "unknown_model",
            Self::ContextTooLong => "context_too_long",
            Self::InvalidSignature => "invalid_signature",
            Self::Other => "other",
        }
    }
}

impl Next {
    pub const ALL: [Self; 7] = [
        Self::Return,
        Self::RefreshThenRetry,
        Self::RetryWithoutReasoning,
        Self::OtherAccount,
        Self::OtherCandidate,
        Self::NotRepeated,
        Self::BodyGone,
    ];

    /// Its word, which is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Return => "return",
            Self::RefreshThenRetry => "refresh",
            Self::RetryWithoutReasoning => "without_reasoning",
            Self::OtherAccount => "other_account",
            Self::OtherCandidate => "other_candidate",
            Self::NotRepeated => "not_repeated",
            Self::BodyGone => "body_gone",
        }
    }
}

impl Outcome {
    /// What to do after this outcome, as far as nothing of the response was committed: after the
    /// first byte there is nothing left to decide, since two responses are never spliced.
    pub fn next(&self) -> Next {
        match self {
            Self::Served { .. }
            | Self::Cancelled
            | Self::Unread
            | Self::Rejected(Refusal::Other) => Next::Return,
            Self::Rejected(Refusal::UnknownModel | Refusal::ContextTooLong) => Next::OtherCandidate,
            Self::Rejected(Refusal::InvalidSignature) => Next::RetryWithoutReasoning,
            Self::Unauthorized => Next::RefreshThenRetry,
            Self::Throttled { .. }
            | Self::QuotaSpent { .. }
            | Self::Forbidden
            | Self::Intercepted
            | Self::Overloaded { .. }
            | Self::Failed
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::MalformedResponse => Next::OtherAccount,
        }
    }

    /// Whether the account is at a limit: it pauses until that is over, and is as good as before.
    pub fn is_limit(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. } | Self::QuotaSpent { .. } | Self::Overloaded { until: Some(_) }
        )
    }

    /// Whether it is worth asking the same endpoint again in a moment: it had no room, or the
    /// connection failed.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Overloaded { .. }
                | Self::Unreachable {
                    stage: Stage::Connect | Stage::Head | Stage::Body
                }
        )
    }

    /// Whether the request was refused before anything was done for it, so that it may be sent
    /// again whatever it asks for. A provider that failed may have done it.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Throttled { .. }
                | Self::QuotaSpent { .. }
                | Self::Unauthorized
                | Self::Forbidden
                | Self::Intercepted
                | Self::Rejected(_)
                | Self::Unreachable {
                    stage: Stage::Connect | Stage::Tls
                }
        )
    }

    /// One word for logs and records.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Served { .. } => "served",
            Self::Throttled { .. } => "throttled",
            Self::QuotaSpent { .. } => "quota_spent",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Intercepted => "intercepted",
            Self::Overloaded { .. } => "overloaded",
            Self::Failed => "failed",
            Self::Rejected(_) => "rejected",
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::MalformedResponse => "garbled",
            Self::Cancelled => "cancelled",
            Self::Unread => "unread",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_at_fault_goes_to_no_other_account() {
        assert_eq!(Outcome::Rejected(Refusal::Other).next(), Next::Return);
        assert_eq!(
            Outcome::Rejected(Refusal::UnknownModel).next(),
            Next::OtherCandidate
        );
    }
}
