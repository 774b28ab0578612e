//! How a request was served, and what the user can do now.

use serde::{Deserialize, Serialize};

use super::cost::CostAccount;
use super::failure_reason::{FailureFacts, Wording};
use super::refusal::Refusal;
use super::wire::ControlError;
use crate::canon::{Loss, LossKind};
use crate::language::{Language, Said};
use crate::outcome::{Next, Outcome, Scope, Stage, Timestamp};
use crate::protocol::Operation;
use crate::record::{Attempt, Cause, NextStep, PassedOver, Record, blame_name};
use crate::status::{NotAsked, rfc3339, timestamp};
use crate::store::records::Conversation;

/// How many requests are kept in memory.
pub const RECORDS_MAX: usize = 512;

/// One request as people and scripts see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    pub id: String,
    #[serde(with = "timestamp")]
    pub received_at: Timestamp,
    pub took_ms: u64,
    pub first_byte_ms: Option<u64>,
    pub dialect: String,
    pub operation: String,
    /// What the client asked for.
    pub model: String,
    pub stream: bool,
    /// How the model was resolved.
    pub resolution: Said,
    /// `provider/model`, in the order in which they are tried.
    pub candidates: Vec<String>,
    pub passed_over: Vec<PassedOverFacts>,
    pub attempts: Vec<AttemptFacts>,
    /// The status that the client got; 0 where it left before it got one.
    pub status: u16,
    /// The error that the client got, where the request failed.
    pub fault: Option<String>,
    pub dropped: Vec<String>,
    /// `~` before what was approximated, `+` before what was added.
    pub adjusted: Vec<String>,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    /// What the request failed of, and by whose fault.
    pub why: Option<String>,
    /// What to do now, where something is to be done.
    pub advice: Option<String>,
    /// `done`, `left`, `failed` or `refused`.
    pub ending: String,
    /// One word for what it failed of, and for whose fault that is.
    pub cause: Option<String>,
    pub blame: Option<String>,
    /// The name of the key that the client used.
    pub key: Option<String>,
    /// The client's program.
    pub client: Option<String>,
    /// The conversation, as a digest.
    pub session: Option<String>,
    pub finish: Option<String>,
    /// The service tier that the answer names.
    pub tier: Option<String>,
    pub cache_read_tokens: Option<u64>,
    pub cache_write_tokens: Option<u64>,
    /// Whether the upstream told the tokens to the end of its response.
    pub usage_is_final: bool,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// How its cost comes about; `None` where nothing asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<CostAccount>,
    /// Where it stands in its conversation; `None` where it is of none, or not in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversation: Option<ConversationFacts>,
    /// Until when it is of no use to ask again, where that is known.
    #[serde(default, with = "timestamp::option")]
    pub until: Option<Timestamp>,
    /// What a translation could not carry exactly, in the order in which it was noted.
    #[serde(default)]
    pub losses: Vec<LossFacts>,
    /// The id of the request that this one sends again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<String>,
}

/// A field that a translation changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossFacts {
    /// In the client's request; of what was added, its name upstream.
    pub path: String,
    /// `dropped`, `adjusted` or `added`.
    pub kind: String,
}

/// A request among those of its conversation that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationFacts {
    /// Counted from 1; `None` beyond a thousand.
    pub position: Option<u64>,
    /// How many there are; a thousand stands for that many or more.
    pub requests: u64,
    /// The ids of the requests before and after it.
    pub previous: Option<String>,
    pub next: Option<String>,
    /// Whether another account served it than the one before.
    pub account_changed: bool,
}

impl ConversationFacts {
    pub(super) fn of(conversation: Conversation, record: &Record) -> Self {
        let last = record.attempts.last();
        let account = last.map(|attempt| attempt.account.as_str());
        let previous = conversation.previous;
        let before = previous.as_ref().and_then(|turn| turn.account.as_deref());
        let account_changed = account.is_some() && before.is_some() && before != account;
        Self {
            position: conversation.position,
            requests: conversation.requests,
            account_changed,
            previous: previous.map(|turn| turn.request_id),
            next: conversation.next.map(|turn| turn.request_id),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOverFacts {
    pub candidate: String,
    pub account: Option<String>,
    pub why: String,
    /// The same as a value, for pages, and what the provider said.
    #[serde(skip)]
    pub reason: Option<NotAsked>,
    #[serde(skip)]
    pub said: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptFacts {
    pub provider: String,
    pub account: Option<String>,
    pub model: String,
    pub dialect: String,
    #[serde(with = "timestamp")]
    pub began_at: Timestamp,
    /// How long it waited for its account.
    pub waited_ms: u64,
    pub took_ms: u64,
    pub outcome: String,
    /// The upstream's status, and its own id of the request.
    pub status: Option<u16>,
    pub upstream_id: Option<String>,
    /// From the attempt's begin to the upstream's head.
    pub head_ms: Option<u64>,
    /// What followed, and whether a limit stood against more.
    pub next: Option<String>,
    /// Until when the account cools down, where the provider named it.
    #[serde(with = "timestamp::option")]
    pub until: Option<Timestamp>,
    pub detail: Option<String>,
    /// What the outcome is about: one `model` or the whole `account`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Where it ended: `connect`, `tls`, `head` or `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Why the upstream took no such request: `unknown_model`, `context_too_long`,
    /// `invalid_signature` or `other`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// What followed, as a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_step: Option<NextFacts>,
}

/// What followed an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextFacts {
    /// `return`, `refresh`, `without_reasoning`, `other_account` or `other_candidate`.
    pub next: String,
    /// Whether a limit stood against more.
    pub is_limited: bool,
}

/// No record has that id.
pub(super) fn unknown(id: &str) -> ControlError {
    let shown: String = id.chars().take(64).collect();
    let id = shown.escape_debug().to_string();
    ControlError::failed(Refusal::NoRecord { id })
}

impl Explanation {
    /// Why it failed, to be written for a reader. `None` where it did not.
    pub(crate) fn failure(&self) -> Option<FailureFacts<'_>> {
        let last = self.attempts.last();
        Some(FailureFacts {
            cause: Cause::named(self.cause.as_deref()?)?,
            until: self.until,
            provider: last.map(|attempt| attempt.provider.as_str()),
            account: last.and_then(|attempt| attempt.account.as_deref()),
            model: last.map(|attempt| attempt.model.as_str()),
            asked: &self.model,
            key: self.key.as_deref(),
        })
    }

    pub(super) fn of(record: &Record) -> Self {
        let resolved = record.resolved.as_deref();
        let failure = FailureFacts::of_record(record);
        Self {
            id: record.request_id.clone(),
            received_at: record.received_at,
            took_ms: millis(record.took),
            first_byte_ms: record.first_byte_after.map(millis),
            dialect: record.dialect.name().to_owned(),
            operation: operation_name(record).to_owned(),
            model: record.model.clone(),
            stream: record.stream,
            resolution: resolved
                .map_or_else(|| Said::quoted(""), |resolved| Said::of(&resolved.by)),
            candidates: resolved
                .map(|resolved| resolved.candidates.clone())
                .unwrap_or_default(),
            passed_over: record.passed_over.iter().map(PassedOverFacts::of).collect(),
            attempts: record.attempts.iter().map(AttemptFacts::of).collect(),
            status: record.status,
            fault: record
                .failure
                .as_ref()
                .map(|failure| failure.message.clone()),
            dropped: record
                .losses
                .iter()
                .filter(|loss| loss.kind == LossKind::Dropped)
                .map(|loss| loss.path.clone())
                .collect(),
            adjusted: record.losses.iter().filter_map(adjusted).collect(),
            input_tokens: record.usage.input,
            output_tokens: record.usage.output,
            why: failure.map(|failure| failure.what(&Wording::plain())),
            advice: failure.map(|failure| failure.advice(&Wording::plain())),
            ending: record.ending.name().to_owned(),
            cause: record
                .failure
                .as_ref()
                .map(|failure| failure.cause.name().to_owned()),
            blame: record
                .failure
                .as_ref()
                .map(|failure| blame_name(failure.blame).to_owned()),
            key: record.key.as_deref().map(str::to_owned),
            client: record.agent.as_deref().map(str::to_owned),
            session: record.session.map(hex::encode),
            finish: record.finish.as_deref().map(str::to_owned),
            tier: record.tier.map(|tier| tier.name().to_owned()),
            cache_read_tokens: record.usage.cache_read,
            cache_write_tokens: record.usage.cache_write,
            usage_is_final: record.usage_is_final,
            bytes_in: record.bytes_in,
            bytes_out: record.bytes_out,
            cost: None,
            conversation: None,
            until: record.failure.as_ref().and_then(|failure| failure.until),
            losses: record.losses.iter().map(LossFacts::of).collect(),
            repeats: record.repeats.as_deref().map(str::to_owned),
        }
    }
}

impl LossFacts {
    pub(super) fn of(loss: &Loss) -> Self {
        let kind = match loss.kind {
            LossKind::Dropped => "dropped",
            LossKind::Adjusted => "adjusted",
            LossKind::Added => "added",
        };
        Self {
            path: loss.path.clone(),
            kind: kind.to_owned(),
        }
    }
}

impl PassedOverFacts {
    fn of(passed: &PassedOver) -> Self {
        let account = passed.account.as_ref().map(ToString::to_string);
        let why = passed.why.text(Language::English, &rfc3339);
        Self {
            candidate: passed.candidate.clone(),
            account,
            why: match &passed.said {
                Some(said) => format!("{why}: {said}"),
                None => why,
            },
            reason: Some(passed.why.clone()),
            said: passed.said.as_deref().map(str::to_owned),
        }
    }
}

impl AttemptFacts {
    fn of(attempt: &Attempt) -> Self {
        Self {
            provider: attempt.provider.to_string(),
            account: Some(attempt.account.to_string()),
            model: attempt.model.to_string(),
            dialect: attempt.dialect.name().to_owned(),
            began_at: attempt.began_at,
            waited_ms: millis(attempt.waited),
            took_ms: millis(attempt.took),
            outcome: attempt.outcome.name().to_owned(),
            status: attempt.status,
            upstream_id: attempt.upstream_id.as_deref().map(str::to_owned),
            head_ms: attempt.head_after.map(millis),
            next: attempt.next.map(next_text),
            until: until(&attempt.outcome),
            detail: attempt.detail.clone(),
            scope: scope(&attempt.outcome).map(|scope| scope.name().to_owned()),
            stage: stage(&attempt.outcome).map(|stage| stage.name().to_owned()),
            refusal: match attempt.outcome {
                Outcome::Rejected(refusal) => Some(refusal.name().to_owned()),
                _ => None,
            },
            next_step: attempt.next.map(|step| NextFacts {
                next: step.next.name().to_owned(),
                is_limited: step.is_limited,
            }),
        }
    }
}

fn operation_name(record: &Record) -> &'static str {
    record.operation.map_or("unknown path", Operation::name)
}

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn next_text(step: NextStep) -> String {
    let next = match step.next {
        Next::Return => "the error went to the client",
        Next::RefreshThenRetry => "the access token was refreshed",
        Next::RetryWithoutReasoning => "it was sent again without earlier reasoning",
        Next::OtherAccount => "another account was asked",
        Next::OtherCandidate => "the next candidate was asked",
        Next::NotRepeated => {
            "it was not sent again, as the provider may have done what it asks for, and a second try would do it twice (an `idempotency-key` allows one)"
        }
        Next::BodyGone => {
            "it was not sent again, as its body had passed already and is kept nowhere"
        }
    };
    if step.is_limited {
        format!("{next}, since a limit allowed no more")
    } else {
        next.to_owned()
    }
}

fn adjusted(loss: &Loss) -> Option<String> {
    match loss.kind {
        LossKind::Dropped => None,
        LossKind::Adjusted => Some(format!("~{}", loss.path)),
        LossKind::Added => Some(format!("+{}", loss.path)),
    }
}

fn scope(outcome: &Outcome) -> Option<Scope> {
    match outcome {
        Outcome::Throttled { scope, .. } | Outcome::QuotaSpent { scope, .. } => Some(*scope),
        _ => None,
    }
}

fn stage(outcome: &Outcome) -> Option<Stage> {
    match outcome {
        Outcome::Unreachable { stage } | Outcome::TimedOut { stage } => Some(*stage),
        _ => None,
    }
}

fn until(outcome: &Outcome) -> Option<Timestamp> {
    match outcome {
        Outcome::Throttled { until, .. }
        | Outcome::QuotaSpent { until, .. }
        | Outcome::Overloaded { until } => *until,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use std::sync::Arc;

    use super::*;
    use crate::canon::{Blame, Fault, FaultKind, Usage};
    use crate::protocol::openai_chat;
    use crate::record::{Failure, Resolved, ResolvedBy};

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn attempt(outcome: Outcome) -> Attempt {
        Attempt {
            provider: "lab".into(),
            account: "work".parse().unwrap(),
            model: "m".into(),
            dialect: openai_chat::DIALECT,
            began_at: at(1),
            waited: Duration::from_millis(5),
            outcome,
            detail: Some("slow down".to_owned()),
            took: Duration::from_millis(7),
            status: Some(429),
            head_after: None,
            upstream_id: None,
            next: None,
        }
    }

    fn record(attempts: Vec<Attempt>, fault: Option<&str>) -> Record {
        let failure = fault.map(|message| {
            let last = attempts.last().map(|attempt: &Attempt| &attempt.outcome);
            let fault = match last {
                Some(Outcome::Unauthorized) => {
                    Fault::new(FaultKind::UpstreamAuth, Blame::Account, message)
                }
                _ => Fault {
                    retry_after: Some(Duration::from_secs(60)),
                    ..Fault::new(FaultKind::RateLimited, Blame::Account, message)
                },
            };
            Failure::of(&fault, last, at(0))
        });
        Record {
            took: Duration::from_millis(12),
            operation: Some(Operation::Generate),
            model: "lab/m".to_owned(),
            resolved: Some(Arc::new(Resolved::new(
                ResolvedBy::Addressed {
                    name: "lab/m".to_owned(),
                },
                vec!["lab/m".to_owned()],
            ))),
            attempts,
            status: 429,
            failure,
            losses: vec![
                Loss {
                    path: "seed".to_owned(),
                    kind: LossKind::Dropped,
                },
                Loss {
                    path: "max_tokens".to_owned(),
                    kind: LossKind::Added,
                },
            ],
            ..Record::opened("r1".to_owned(), at(0), openai_chat::DIALECT)
        }
    }

    fn explained(record: &Record) -> Explanation {
        Explanation::of(record)
    }

    #[test]
    fn an_attempt_is_told_with_its_wait_and_its_end() {
        let throttled = Outcome::Throttled {
            scope: Scope::Model,
            until: Some(at(60)),
        };
        let explanation = explained(&record(vec![attempt(throttled)], Some("slow down")));
        let AttemptFacts {
            waited_ms,
            took_ms,
            outcome,
            until,
            ..
        } = &explanation.attempts[0];
        assert_eq!(
            (*waited_ms, *took_ms, outcome.as_str(), *until),
            (5, 7, "throttled", Some(at(60)))
        );
        assert_eq!(
            (explanation.dropped, explanation.adjusted),
            (vec!["seed".to_owned()], vec!["+max_tokens".to_owned()])
        );
        assert!(
            explanation
                .advice
                .unwrap()
                .starts_with("ask again after 1970-01-01T00:01:00Z, or add another account")
        );
    }

    #[test]
    fn what_was_served_needs_no_advice() {
        let explanation = explained(&record(
            vec![attempt(Outcome::Served {
                usage: Usage::default(),
            })],
            None,
        ));
        assert_eq!(explanation.advice, None);
    }

    #[test]
    fn a_refused_credential_names_the_way_back() {
        let explanation = explained(&record(vec![attempt(Outcome::Unauthorized)], Some("no")));
        assert_eq!(
            explanation.advice.as_deref(),
            Some("sign in again: `aerostat account login work`")
        );
    }
}
