//! What an answer that is no success teaches the scheduler.
//!
//! The dialect already read the body into a [`Fault`]; here its kind and the status become an [`Outcome`]. Pure.

use http::StatusCode;

use super::RETRY_AFTER_MAX;
use crate::canon::{Blame, Fault, FaultKind};
use crate::outcome::{Outcome, Refusal, Scope, Stage, Timestamp};

/// Anthropic's own status for "overloaded". Source: Anthropic, "Errors".
const OVERLOADED: u16 = 529;

/// The outcome of an attempt that ended in `fault`. `status` is the head's; a fault inside a stream comes with a 200.
pub fn classify(status: StatusCode, fault: &Fault, now: Timestamp) -> Outcome {
    let until = fault.retry_after.map(|wait| now + wait.min(RETRY_AFTER_MAX));
    if status.is_redirection() {
        // Redirects are not followed: keys would go where they were not meant for.
        return Outcome::Failed;
    }
    match fault.kind {
        FaultKind::Unauthorized | FaultKind::UpstreamAuth | FaultKind::Forbidden => refused_credential(status, fault),
        FaultKind::QuotaSpent => Outcome::QuotaSpent { scope: Scope::Account, until },
        FaultKind::RateLimited => Outcome::Throttled { scope: Scope::Model, until },
        FaultKind::Overloaded => Outcome::Overloaded { until },
        FaultKind::Timeout | FaultKind::RequestTimeout => Outcome::TimedOut { stage: Stage::Head },
        FaultKind::Upstream | FaultKind::Internal => failed(status, until),
        FaultKind::ContextTooLong => Outcome::Rejected(Refusal::ContextTooLong),
        FaultKind::NoSuchModel | FaultKind::NotFound => Outcome::Rejected(Refusal::UnknownModel),
        FaultKind::BadRequest if is_about_reasoning(fault) => Outcome::Rejected(Refusal::InvalidSignature),
        // A conflict is about an object that this request names: no other account knows it, and the client's SDK repeats it.
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
/// Source: observed texts. Anthropic: "Invalid `signature` in `thinking` block", "`thinking` … blocks … cannot be modified";
/// Gemini: "Invalid/Corrupted thought signature", "missing a thought_signature"; OpenAI: code `invalid_encrypted_content`.
fn is_about_reasoning(fault: &Fault) -> bool {
    let message = fault.message.to_ascii_lowercase();
    let names_reasoning = message.contains("thinking") || message.contains("thought");
    let names_token = message.contains("signature") || message.contains("cannot be modified");
    fault.code.as_deref() == Some("invalid_encrypted_content") || (names_reasoning && names_token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(1_000_000)
    }

    /// A fault as the dialects read it from the body whose words stand in `message`.
    fn fault(kind: FaultKind, message: &str) -> Fault {
        Fault::new(kind, Blame::Provider, message)
    }

    fn outcome(status: u16, fault: &Fault) -> Outcome {
        classify(StatusCode::from_u16(status).unwrap(), fault, now())
    }

    #[test]
    fn each_answer_of_a_provider_has_its_outcome() {
        use FaultKind as K;
        use Outcome as O;
        let rejected = |refusal| O::Rejected(refusal);
        let table = [
            (401, K::UpstreamAuth, "Incorrect API key provided", O::Unauthorized),
            (401, K::UpstreamAuth, "invalid x-api-key", O::Unauthorized),
            (400, K::UpstreamAuth, "API key not valid. Please pass a valid API key.", O::Unauthorized),
            (403, K::UpstreamAuth, "Country, region, or territory not supported", O::Forbidden),
            (403, K::UpstreamAuth, "Permission denied on resource project", O::Forbidden),
            (402, K::QuotaSpent, "Your credit balance is too low", O::QuotaSpent { scope: Scope::Account, until: None }),
            (
                429,
                K::QuotaSpent,
                "You exceeded your current quota (insufficient_quota)",
                O::QuotaSpent { scope: Scope::Account, until: None },
            ),
            (429, K::RateLimited, "Rate limit reached for gpt-5", O::Throttled { scope: Scope::Model, until: None }),
            (429, K::RateLimited, "Resource has been exhausted", O::Throttled { scope: Scope::Model, until: None }),
            (404, K::NoSuchModel, "The model `gpt-9` does not exist", rejected(Refusal::UnknownModel)),
            (404, K::NotFound, "model: claude-9", rejected(Refusal::UnknownModel)),
            (400, K::ContextTooLong, "prompt is too long: 210000 tokens > 200000", rejected(Refusal::ContextTooLong)),
            (400, K::BadRequest, "Invalid `signature` in `thinking` block", rejected(Refusal::InvalidSignature)),
            (400, K::BadRequest, "Invalid/Corrupted thought signature.", rejected(Refusal::InvalidSignature)),
            (400, K::BadRequest, "Unknown parameter: 'signature'.", rejected(Refusal::Other)),
            (400, K::BadRequest, "messages: at least one message is required", rejected(Refusal::Other)),
            (413, K::TooLarge, "Request exceeds the maximum size", rejected(Refusal::Other)),
            (409, K::Conflict, "conflict_error", rejected(Refusal::Other)),
            (408, K::RequestTimeout, "Request Timeout", O::TimedOut { stage: Stage::Head }),
            (529, K::Overloaded, "Overloaded", O::Overloaded { until: None }),
            (503, K::Overloaded, "The model is overloaded. Please try again later.", O::Overloaded { until: None }),
            (503, K::Upstream, "<html>503 Service Unavailable</html>", O::Overloaded { until: None }),
            (500, K::Upstream, "The server had an error", O::Failed),
            (502, K::Upstream, "Bad gateway", O::Failed),
            (504, K::Timeout, "DEADLINE_EXCEEDED", O::TimedOut { stage: Stage::Head }),
            (307, K::Upstream, "", O::Failed),
            (302, K::UpstreamAuth, "please log in", O::Failed),
            (200, K::Overloaded, "overloaded_error inside a stream", O::Overloaded { until: None }),
        ];
        for (status, kind, message, expected) in table {
            assert_eq!(outcome(status, &fault(kind, message)), expected, "{status} `{message}`");
        }
    }

    #[test]
    fn a_request_that_is_itself_forbidden_is_no_fault_of_the_account() {
        let mut forbidden = fault(FaultKind::Forbidden, "your request was blocked by our usage policy");
        assert_eq!(outcome(403, &forbidden), Outcome::Forbidden);
        forbidden.blame = Blame::Client;
        assert_eq!(outcome(403, &forbidden), Outcome::Rejected(Refusal::Other));
    }

    #[test]
    fn the_named_moment_is_kept_and_capped() {
        let mut limited = fault(FaultKind::RateLimited, "slow down");
        limited.retry_after = Some(Duration::from_secs(7));
        assert_eq!(outcome(429, &limited), Outcome::Throttled { scope: Scope::Model, until: Some(now() + Duration::from_secs(7)) });
        limited.retry_after = Some(Duration::MAX);
        assert_eq!(outcome(429, &limited), Outcome::Throttled { scope: Scope::Model, until: Some(now() + RETRY_AFTER_MAX) });
    }

    #[test]
    fn encrypted_reasoning_of_another_account_is_told_by_its_code() {
        let refused = fault(FaultKind::BadRequest, "could not be verified").with_code("invalid_encrypted_content");
        assert_eq!(outcome(400, &refused), Outcome::Rejected(Refusal::InvalidSignature));
    }
}
