//! Classifies error responses: what the scheduler learns from one, and what users read about it.
//!
//! The dialect has already decoded the body into a [`Fault`]. Its kind, the status and the limits
//! in the response become an [`Outcome`]. Pure.

use http::{HeaderMap, StatusCode, header};

use super::limits::{self, Limit};
use super::presets::{ModelList, Preset};
use super::{Provider, RETRY_AFTER_MAX};
use crate::canon::{Blame, Fault, FaultKind};
use crate::outcome::{Outcome, Refusal, Scope, Stage, Timestamp};

/// Anthropic's own status for "overloaded". Source: Anthropic, "Errors".
const OVERLOADED: u16 = 529;

/// A response that is no success.
#[derive(Clone, Copy, Debug)]
pub struct ErrorResponse<'a> {
    /// Of the head: an error inside a stream comes with a 200.
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    /// Empty where there was none, or inside a stream.
    pub body: &'a [u8],
}

impl Provider {
    /// Classifies an error response. `fault` is what the dialect decoded; it is returned with the
    /// wait that the client is told and with remarks for the user.
    pub fn classify(
        &self,
        response: ErrorResponse<'_>,
        fault: Fault,
        now: Timestamp,
    ) -> (Fault, Outcome) {
        let limit = limits::limit(
            response.headers,
            response.body,
            &fault,
            self.preset().and_then(|preset| preset.day_ends),
            now,
        );
        let mut fault = fault;
        let is_intercepted = response.status == StatusCode::FORBIDDEN && is_web_page(response);
        let outcome = if is_intercepted {
            // A firewall, a consent page, a portal: it knows nothing of the account.
            (fault.kind, fault.blame) = (FaultKind::Upstream, Blame::Provider);
            Outcome::Intercepted
        } else {
            outcome_of(response.status, &fault, &limit, now)
        };
        fault.retry_after = limit.wait.map(|wait| wait.min(RETRY_AFTER_MAX));
        if let Some(message) = self.non_api_message(response, &fault) {
            fault.message = message;
        }
        if has_wait(&outcome) {
            for remark in &limit.remarks {
                fault.message = format!("{}; {remark}", fault.message);
            }
        }
        (fault, outcome)
    }

    /// The preset of this provider, by its name or by its origin.
    pub fn preset(&self) -> Option<&'static Preset> {
        super::presets::preset(&self.name).or_else(|| super::presets::at(&self.base_url))
    }

    /// Why this provider's list of models is not requested. `None` where it is.
    pub fn why_no_model_list(&self) -> Option<&'static str> {
        match self.preset()?.models {
            ModelList::Listed => None,
            ModelList::Unlisted(why) => Some(why),
        }
    }

    /// The message for responses that do not come from an API: a web page, or a path that is not
    /// served.
    fn non_api_message(&self, response: ErrorResponse<'_>, fault: &Fault) -> Option<String> {
        let (name, base_url) = (&self.name, &self.base_url);
        if is_web_page(response) {
            let status = response.status.as_u16();
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
fn is_web_page(response: ErrorResponse<'_>) -> bool {
    let content_type = response
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let start = response.body.trim_ascii_start();
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

fn has_wait(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Throttled { .. }
            | Outcome::QuotaSpent { .. }
            | Outcome::Overloaded { .. }
            | Outcome::Unauthorized
    )
}

/// The outcome of an attempt that ended in `fault`.
fn outcome_of(status: StatusCode, fault: &Fault, limit: &Limit, now: Timestamp) -> Outcome {
    let until = limit.wait.and_then(|wait| now.checked_add(wait));
    if status.is_redirection() {
        // Redirects are not followed: the key would be sent to another server.
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
        // Credit belongs to the account, whatever the model.
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

/// Whether a 400 rejects a reasoning signature.
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
