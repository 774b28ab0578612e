//! How a request was served, and what the user can do now.

use serde::{Deserialize, Serialize};

use super::wire::ControlError;
use crate::canon::{Loss, LossKind};
use crate::outcome::{Outcome, Refusal, Stage, Timestamp};
use crate::protocol::Operation;
use crate::record::{Attempt, PassedOver, Record};
use crate::status::{rfc3339, timestamp};

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
    pub resolution: String,
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
    /// What to do now, where something is to be done.
    pub advice: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOverFacts {
    pub candidate: String,
    pub account: Option<String>,
    pub why: String,
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
    /// Until when the account cools down, where the provider named it.
    #[serde(with = "timestamp::option")]
    pub until: Option<Timestamp>,
    pub detail: Option<String>,
}

/// No record has that id.
pub(super) fn unknown(id: &str) -> ControlError {
    let shown: String = id.chars().take(64).collect();
    ControlError::failed(format!(
        "no record of a request `{}`: an answer's `x-aerostat-request-id` names it, and `aerostat log` lists what is kept",
        shown.escape_debug()
    ))
}

impl Explanation {
    pub(super) fn of(record: &Record) -> Self {
        let resolved = record.resolved.as_deref();
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
                .map(|resolved| resolved.text.clone())
                .unwrap_or_default(),
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
            advice: advice(record),
        }
    }
}

impl PassedOverFacts {
    fn of(passed: &PassedOver) -> Self {
        let account = passed.account.as_ref().map(ToString::to_string);
        Self {
            candidate: passed.candidate.clone(),
            account,
            why: match &passed.said {
                Some(said) => format!("{}: {said}", passed.why),
                None => passed.why.clone(),
            },
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
            until: until(&attempt.outcome),
            detail: attempt.detail.clone(),
        }
    }
}

fn operation_name(record: &Record) -> &'static str {
    record.operation.map_or("unknown path", Operation::name)
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn adjusted(loss: &Loss) -> Option<String> {
    match loss.kind {
        LossKind::Dropped => None,
        LossKind::Adjusted => Some(format!("~{}", loss.path)),
        LossKind::Added => Some(format!("+{}", loss.path)),
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

/// What the user can do about a request that failed, by the outcome of its last attempt.
fn advice(record: &Record) -> Option<String> {
    record.failure.as_ref()?;
    let Some(last) = record.attempts.last() else {
        return Some(without_attempt(record));
    };
    let (provider, account) = (&last.provider, last.account.as_str());
    let another = format!("add another account with `aerostat account add {provider}`");
    Some(match &last.outcome {
        Outcome::Unauthorized => format!("sign in again: `aerostat account login {account}`"),
        outcome @ (Outcome::Throttled { .. }
        | Outcome::QuotaSpent { .. }
        | Outcome::Overloaded { .. }) => match until(outcome) {
            Some(until) => format!("ask again after {}, or {another}", rfc3339(until)),
            None => format!("ask again in a while, or {another}"),
        },
        Outcome::Forbidden => format!(
            "ask `{provider}` for access to `{}`, or choose another model",
            last.model
        ),
        Outcome::Unreachable { stage: Stage::Tls } => {
            format!(
                "check the address and the certificate of `{provider}`; a company's own certificates go into [network] ca_file"
            )
        }
        Outcome::Unreachable { .. } => {
            format!(
                "check the network, the proxy and `base_url` in [providers.{provider}]; `aerostat account test {account}` tries again"
            )
        }
        Outcome::TimedOut { .. } => format!(
            "ask again; where `{provider}` is always this slow, raise the timeouts in [limits]"
        ),
        Outcome::Failed | Outcome::Intercepted | Outcome::MalformedResponse => {
            format!("ask again later: the fault is at `{provider}`, or at its `base_url`")
        }
        Outcome::Rejected(Refusal::UnknownModel) => {
            format!("see what there is: `aerostat provider models {provider}`")
        }
        Outcome::Rejected(Refusal::ContextTooLong) => {
            "send less, or choose a model with a larger context".to_owned()
        }
        Outcome::Rejected(_) => {
            "change the request as the message says: no other account would take it".to_owned()
        }
        Outcome::Cancelled => "nothing: the client left before the answer had ended".to_owned(),
        Outcome::Unread => {
            "have the client read its stream, or leave it; `limits.unread_timeout_seconds` says how long others wait for that"
                .to_owned()
        }
        Outcome::Served { .. } => "ask again: the answer broke off after it had begun".to_owned(),
    })
}

fn without_attempt(record: &Record) -> String {
    if record
        .resolved
        .as_ref()
        .is_none_or(|resolved| resolved.candidates.is_empty())
    {
        return format!(
            "see what the name becomes: `aerostat model try {}`",
            record.model.escape_debug()
        );
    }
    if record.passed_over.is_empty() {
        return "change the request as the message says".to_owned();
    }
    "see what the accounts lack: `aerostat account list`".to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use std::sync::Arc;

    use super::*;
    use crate::canon::{Fault, Usage};
    use crate::outcome::Scope;
    use crate::protocol::openai_chat;
    use crate::record::{Failure, Resolved};

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
            Failure::of(&Fault::upstream(message), last, at(0))
        });
        Record {
            took: Duration::from_millis(12),
            operation: Some(Operation::Generate),
            model: "lab/m".to_owned(),
            resolved: Some(Arc::new(Resolved::new(
                "addressed".to_owned(),
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
