//! The part of a record that only its own page shows, as one JSON text. Its short keys and words
//! are stored, so they stay as they are.
//!
//! What providers said is left out: they quote the request.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::row::{duration, micros, moment};
use crate::account::AccountName;
use crate::canon::{Loss, LossKind, Usage};
use crate::outcome::{Next, Outcome, Refusal, Scope, Stage, Timestamp};
use crate::protocol;
use crate::record::{Attempt, NextStep, PassedOver, Record, Resolved, ResolvedBy};
use crate::status::NotAsked;

#[derive(Serialize, Deserialize)]
pub(super) struct Detail<'d> {
    /// What the model's name became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<Stored<ResolvedBy>>,
    #[serde(default, borrow, skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Cow<'d, str>>,
    #[serde(default, borrow, skip_serializing_if = "Vec::is_empty")]
    passed: Vec<Passed<'d>>,
    #[serde(default, borrow, skip_serializing_if = "Vec::is_empty")]
    attempts: Vec<Tried<'d>>,
    /// `~` before what was adjusted, `+` before what was added.
    #[serde(default, borrow, skip_serializing_if = "Vec::is_empty")]
    losses: Vec<Cow<'d, str>>,
    /// The id of the request that this one sends again.
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    repeats: Option<Cow<'d, str>>,
}

#[derive(Serialize, Deserialize)]
struct Passed<'d> {
    #[serde(borrow)]
    c: Cow<'d, str>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    a: Option<Cow<'d, str>>,
    why: Stored<NotAsked>,
}

/// A value, or the sentence that an earlier version stored in its place.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored<T> {
    Value(T),
    Sentence(String),
}

/// Times are in microseconds; `at` counts from the request's arrival.
#[derive(Serialize, Deserialize)]
struct Tried<'d> {
    #[serde(borrow)]
    p: Cow<'d, str>,
    #[serde(borrow)]
    a: Cow<'d, str>,
    #[serde(borrow)]
    m: Cow<'d, str>,
    #[serde(borrow)]
    d: Cow<'d, str>,
    at: i64,
    #[serde(default, skip_serializing_if = "is_zero")]
    waited: i64,
    took: i64,
    /// The outcome's name, and what belongs to it.
    #[serde(borrow)]
    o: Cow<'d, str>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    of: Option<Cow<'d, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<i64>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'d, str>>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    next: Option<Cow<'d, str>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    limited: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "for serde")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

impl<'d> Detail<'d> {
    fn without_attempts(record: &'d Record) -> Self {
        let resolved = record.resolved.as_deref();
        Self {
            model: resolved.map(|resolved| Stored::Value(resolved.by.clone())),
            candidates: resolved
                .map(|resolved| {
                    resolved
                        .candidates
                        .iter()
                        .map(|name| (&**name).into())
                        .collect()
                })
                .unwrap_or_default(),
            passed: record.passed_over.iter().map(Passed::of).collect(),
            attempts: Vec::new(),
            losses: record.losses.iter().map(loss_text).collect(),
            repeats: record.repeats.as_deref().map(Cow::Borrowed),
        }
    }

    /// Completes a record that was read from its columns.
    pub(super) fn complete(self, record: &mut Record) {
        record.resolved = self.model.map(|by| {
            let candidates = self.candidates.into_iter().map(Cow::into_owned).collect();
            let by = match by {
                Stored::Value(by) => by,
                Stored::Sentence(text) => ResolvedBy::Sentence { text },
            };
            Arc::new(Resolved { by, candidates })
        });
        record.passed_over = self.passed.into_iter().map(Passed::read).collect();
        record.attempts = self
            .attempts
            .into_iter()
            .filter_map(|tried| tried.read(record))
            .collect();
        record.repeats = self.repeats.map(Into::into);
        record.losses = self.losses.iter().map(|text| read_loss(text)).collect();
    }
}

impl<'d> Passed<'d> {
    fn of(passed: &'d PassedOver) -> Self {
        let account = passed.account.as_ref();
        Self {
            c: (&*passed.candidate).into(),
            a: account.map(|account| account.as_str().into()),
            why: Stored::Value(passed.why.clone()),
        }
    }

    fn read(self) -> PassedOver {
        PassedOver {
            candidate: self.c.into_owned(),
            account: self.a.and_then(|name| name.parse().ok()),
            why: match self.why {
                Stored::Value(why) => why,
                Stored::Sentence(text) => NotAsked::Sentence { text },
            },
            said: None,
        }
    }
}

impl<'d> Tried<'d> {
    fn of(attempt: &'d Attempt, received_at: Timestamp) -> Self {
        let (of, until) = outcome_parts(&attempt.outcome);
        let since = attempt.began_at.duration_since(received_at);
        Self {
            p: (&*attempt.provider).into(),
            a: attempt.account.as_str().into(),
            m: (&*attempt.model).into(),
            d: attempt.dialect.name().into(),
            at: since.map_or(0, micros),
            waited: micros(attempt.waited),
            took: micros(attempt.took),
            o: attempt.outcome.name().into(),
            of: of.map(Cow::Borrowed),
            until: until.map(moment),
            status: attempt.status,
            head: attempt.head_after.map(micros),
            id: attempt.upstream_id.as_deref().map(Cow::Borrowed),
            next: attempt.next.map(|step| step.next.name().into()),
            limited: attempt.next.is_some_and(|step| step.is_limited),
        }
    }

    /// `None` where it names what this program does not know.
    fn read(self, record: &Record) -> Option<Attempt> {
        let account: AccountName = self.a.parse().ok()?;
        let until = self.until.map(super::row::at);
        let outcome = read_outcome(&self.o, self.of.as_deref(), until, record.usage)?;
        let next = self.next.as_deref().and_then(next_named);
        Some(Attempt {
            provider: self.p.into(),
            account,
            model: self.m.into(),
            dialect: protocol::by_name(&self.d)?.dialect(),
            began_at: record.received_at + duration(self.at),
            waited: duration(self.waited),
            outcome,
            detail: None,
            took: duration(self.took),
            status: self.status,
            head_after: self.head.map(duration),
            upstream_id: self.id.map(Into::into),
            next: next.map(|next| NextStep {
                next,
                is_limited: self.limited,
            }),
        })
    }
}

fn loss_text(loss: &Loss) -> Cow<'_, str> {
    match loss.kind {
        LossKind::Dropped => Cow::Borrowed(&*loss.path),
        LossKind::Adjusted => Cow::Owned(format!("~{}", loss.path)),
        LossKind::Added => Cow::Owned(format!("+{}", loss.path)),
    }
}

fn read_loss(text: &str) -> Loss {
    let (kind, path) = match text.as_bytes().first() {
        Some(b'~') => (LossKind::Adjusted, &text[1..]),
        Some(b'+') => (LossKind::Added, &text[1..]),
        _ => (LossKind::Dropped, text),
    };
    Loss {
        path: path.to_owned(),
        kind,
    }
}

/// What belongs to an outcome's name: a scope, a stage or a refusal; and until when.
fn outcome_parts(outcome: &Outcome) -> (Option<&'static str>, Option<Timestamp>) {
    match outcome {
        Outcome::Throttled { scope, until } | Outcome::QuotaSpent { scope, until } => {
            (Some(scope.name()), *until)
        }
        Outcome::Overloaded { until } => (None, *until),
        Outcome::Rejected(refusal) => (Some(refusal.name()), None),
        Outcome::Unreachable { stage } | Outcome::TimedOut { stage } => (Some(stage.name()), None),
        _ => (None, None),
    }
}

fn read_outcome(
    name: &str,
    of: Option<&str>,
    until: Option<Timestamp>,
    usage: Usage,
) -> Option<Outcome> {
    let scope = || {
        Scope::ALL
            .into_iter()
            .find(|scope| Some(scope.name()) == of)
    };
    let stage = || {
        Stage::ALL
            .into_iter()
            .find(|stage| Some(stage.name()) == of)
    };
    Some(match name {
        "served" => Outcome::Served { usage },
        "throttled" => Outcome::Throttled {
            scope: scope()?,
            until,
        },
        "quota_spent" => Outcome::QuotaSpent {
            scope: scope()?,
            until,
        },
        "overloaded" => Outcome::Overloaded { until },
        "rejected" => Outcome::Rejected(
            Refusal::ALL
                .into_iter()
                .find(|refusal| Some(refusal.name()) == of)?,
        ),
        "unreachable" => Outcome::Unreachable { stage: stage()? },
        "timed_out" => Outcome::TimedOut { stage: stage()? },
        _ => [
            Outcome::Unauthorized,
            Outcome::Forbidden,
            Outcome::Intercepted,
            Outcome::Failed,
            Outcome::MalformedResponse,
            Outcome::Cancelled,
            Outcome::Unread,
        ]
        .into_iter()
        .find(|outcome| outcome.name() == name)?,
    })
}

fn next_named(word: &str) -> Option<Next> {
    Next::ALL.into_iter().find(|next| next.name() == word)
}

/// The text of a record's detail, whose part without the attempts is `rest`.
pub(super) fn text_of(record: &Record, rest: &str) -> String {
    let attempts = record.attempts.iter();
    let attempts: Vec<_> = attempts
        .map(|attempt| Tried::of(attempt, record.received_at))
        .collect();
    let (Some(before), Ok(attempts), false) = (
        rest.strip_suffix('}'),
        serde_json::to_string(&attempts),
        attempts.is_empty(),
    ) else {
        return rest.to_owned();
    };
    let comma = if before == "{" { "" } else { "," };
    format!("{before}{comma}\"attempts\":{attempts}}}")
}

/// The text of a detail without the attempts; a record's own texts always have one.
pub(super) fn rest_of(record: &Record) -> String {
    serde_json::to_string(&Detail::without_attempts(record)).unwrap_or_else(|_| "{}".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::{InLanguage as _, Language};

    #[test]
    fn sentences_that_an_earlier_version_stored_are_told_as_they_are() {
        let stored = r#"{"model":"by the rule `x`","passed":[{"c":"lab/m","why":"it rests"}]}"#;
        let detail: Detail<'_> = serde_json::from_str(stored).unwrap();
        let dialect = protocol::by_name("anthropic").unwrap().dialect();
        let mut record = Record::opened("r1".to_owned(), Timestamp::UNIX_EPOCH, dialect);
        detail.complete(&mut record);
        let resolved = record.resolved.expect("it was resolved");
        let passed = &record.passed_over[0];
        for language in [Language::English, Language::German] {
            assert_eq!(resolved.by.text(language), "by the rule `x`");
            assert_eq!(
                passed
                    .why
                    .text(language, &|_| unreachable!("no time is told")),
                "it rests"
            );
        }
    }
}
