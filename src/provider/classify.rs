//! What an answer that is no success teaches the scheduler, and what a person should read about it.
//!
//! The dialect already read the body into a [`Fault`]; here its kind, the status and the limits
//! that the answer tells become an [`Outcome`]. Pure.

use http::{HeaderMap, StatusCode, header};

use super::limits::{self, Limit};
use super::presets::{Models, Preset};
use super::{Provider, RETRY_AFTER_MAX};
use crate::canon::{Blame, Fault, FaultKind};
use crate::outcome::{Outcome, Refusal, Scope, Stage, Timestamp};

/// Anthropic's own status for "overloaded". Source: Anthropic, "Errors".
const OVERLOADED: u16 = 529;

/// An answer that is no success.
#[derive(Clone, Copy, Debug)]
pub struct Refused<'a> {
    /// The head's; a fault inside a stream comes with a 200.
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    /// Empty where there was none, or inside a stream.
    pub body: &'a [u8],
}

impl Provider {
    /// Judges an answer that is no success. `fault` is what the dialect read in it; it comes back
    /// with the wait that the client is told and with what a person should know.
    pub fn judge(&self, answer: Refused<'_>, fault: Fault, now: Timestamp) -> (Fault, Outcome) {
        let limit = limits::limit(
            answer.headers,
            answer.body,
            &fault,
            self.preset().and_then(|preset| preset.day_ends),
            now,
        );
        let mut fault = fault;
        let is_intercepted = answer.status == StatusCode::FORBIDDEN && is_web_page(answer);
        let outcome = if is_intercepted {
            // A firewall, a consent page, a portal: it knows nothing of the account.
            (fault.kind, fault.blame) = (FaultKind::Upstream, Blame::Provider);
            Outcome::Intercepted
        } else {
            classify(answer.status, &fault, &limit, now)
        };
        fault.retry_after = limit.wait.map(|wait| wait.min(RETRY_AFTER_MAX));
        if let Some(message) = self.other_than_api(answer, &fault) {
            fault.message = message;
        }
        if is_about_time(&outcome) {
            limit
                .remarks
                .iter()
                .for_each(|remark| fault.message = format!("{}; {remark}", fault.message));
        }
        (fault, outcome)
    }

    /// The preset that this provider is, by its name or by where it answers.
    pub fn preset(&self) -> Option<&'static Preset> {
        super::presets::preset(&self.name).or_else(|| super::presets::at(&self.base_url))
    }

    /// Why this provider's list of models is not asked for, where it tells nothing that could be
    /// used.
    pub fn lists_no_models(&self) -> Option<&'static str> {
        match self.preset()?.models {
            Models::Listed => None,
            Models::Unlisted(why) => Some(why),
        }
    }

    /// The sentence for answers that no API gives: a web page, or a path that is not served.
    fn other_than_api(&self, answer: Refused<'_>, fault: &Fault) -> Option<String> {
        let (name, base_url) = (&self.name, &self.base_url);
        if is_web_page(answer) {
            let status = answer.status.as_u16();
            return Some(format!(
                "provider `{name}` answered {status} with a web page instead of an API's error; `{base_url}` may be down, or no \
                 API: check `providers.{name}.base_url`"
            ));
        }
        let is_path =
            fault.kind == FaultKind::NotFound && fault.code.is_none() && fault.details.is_none();
        is_path.then(|| {
            format!(
                "provider `{name}` has nothing at that path below `{base_url}` ({}); check `providers.{name}.base_url`: its version \
                 segment, such as `/v1`, may be missing, wrong or there twice",
                fault.message
            )
        })
    }
}

/// Whether the body is HTML, whatever its head says, or the short form of Cloudflare's error pages:
/// `error code: 1020`. Source: Cloudflare, "Cloudflare 1xxx errors".
fn is_web_page(answer: Refused<'_>) -> bool {
    let content_type = answer
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let start = answer.body.trim_ascii_start();
    let is_html = |prefix: &[u8]| {
        start
            .get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    content_type.to_ascii_lowercase().starts_with("text/html")
        || is_html(b"<!doctype html")
        || is_html(b"<html")
        || is_html(b"<head")
        || is_html(b"<!--")
        || is_html(b"error code: 1")
}

fn is_about_time(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Throttled { .. }
            | Outcome::QuotaSpent { .. }
            | Outcome::Overloaded { .. }
            | Outcome::Unauthorized
    )
}

/// The outcome of an attempt that ended in `fault`.
fn classify(status: StatusCode, fault: &Fault, limit: &Limit, now: Timestamp) -> Outcome {
    let until = limit.wait.and_then(|wait| now.checked_add(wait));
    if status.is_redirection() {
        // Redirects are not followed: keys would go where they were not meant for.
        return Outcome::Failed;
    }
    match fault.kind {
        FaultKind::Unauthorized | FaultKind::UpstreamAuth | FaultKind::Forbidden => {
            refused_credential(status, fault)
        }
        FaultKind::QuotaSpent if limit.is_daily => Outcome::QuotaSpent {
            scope: limit.scope,
            until,
        },
        // Money is the account's, whatever was asked.
        FaultKind::QuotaSpent => Outcome::QuotaSpent {
            scope: Scope::Account,
            until,
        },
        FaultKind::RateLimited if limit.is_daily => Outcome::QuotaSpent {
            scope: limit.scope,
            until,
        },
        FaultKind::RateLimited => Outcome::Throttled {
            scope: limit.scope,
            until,
        },
        FaultKind::Overloaded => Outcome::Overloaded { until },
        FaultKind::Timeout | FaultKind::RequestTimeout => Outcome::TimedOut { stage: Stage::Head },
        FaultKind::Upstream | FaultKind::Internal => failed(status, until),
        FaultKind::ContextTooLong => Outcome::Rejected(Refusal::ContextTooLong),
        FaultKind::NoSuchModel | FaultKind::NotFound => Outcome::Rejected(Refusal::UnknownModel),
        FaultKind::BadRequest if is_about_reasoning(fault) => {
            Outcome::Rejected(Refusal::InvalidSignature)
        }
        // A conflict is about an object that this request names: no other account knows it, and the
        // client's SDK repeats it.
        FaultKind::Conflict
        | FaultKind::BadRequest
        | FaultKind::MethodNotAllowed
        | FaultKind::Misdirected
        | FaultKind::TooLarge
        | FaultKind::UnsupportedMediaType
        | FaultKind::HeadersTooLarge
        | FaultKind::UpgradeRequired
        | FaultKind::ThreadUnsupported
        | FaultKind::NotImplemented => Outcome::Rejected(Refusal::Other),
    }
}

/// A 403 is the account's, unless the fault says that the request itself is forbidden.
fn refused_credential(status: StatusCode, fault: &Fault) -> Outcome {
    match (fault.blame, status) {
        (Blame::Client, _) => Outcome::Rejected(Refusal::Other),
        (_, StatusCode::FORBIDDEN) => Outcome::Forbidden,
        _ if fault.kind == FaultKind::Forbidden => Outcome::Forbidden,
        _ => Outcome::Unauthorized,
    }
}

fn failed(status: StatusCode, until: Option<Timestamp>) -> Outcome {
    match status.as_u16() {
        503 | OVERLOADED => Outcome::Overloaded { until },
        504 => Outcome::TimedOut { stage: Stage::Head },
        _ => Outcome::Failed,
    }
}

/// Whether a 400 complains about a reasoning token that it does not take.
///
/// Source: observed texts. Anthropic: "Invalid `signature` in `thinking` block", "`thinking` …
/// blocks … cannot be modified"; Gemini: "Invalid/Corrupted thought signature", "missing a
/// thought_signature"; OpenAI: code `invalid_encrypted_content`.
fn is_about_reasoning(fault: &Fault) -> bool {
    let message = fault.message.to_ascii_lowercase();
    let names_reasoning = message.contains("thinking") || message.contains("thought");
    let names_token = message.contains("signature") || message.contains("cannot be modified");
    fault.code.as_deref() == Some("invalid_encrypted_content") || (names_reasoning && names_token)
}

#[cfg(test)]
mod tests;
