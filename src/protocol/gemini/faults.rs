//! Errors: `google.rpc.Status`, both ways.
//!
//! Source: Gemini API, "Troubleshooting"; google.rpc `ErrorInfo`, `RetryInfo`, `QuotaFailure`;
//! `translation.md` section 8. Says what an error means, not what to do about it.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::proto_json::{count, field, word};
use crate::canon::{Blame, Fault, FaultKind};
use crate::json::{self, Array, Document, Raw, Value, Writer};
use crate::protocol::keys;
use crate::protocol::upstream_faults::{self, kind_of_status, says};

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// Reads an error answer. A stream's error stands in an array.
pub(super) fn decode_answer(status: StatusCode, body: &[u8]) -> Fault {
    let document =
        Document::parse(Bytes::copy_from_slice(body)).unwrap_or_else(|_| Document::null());
    decode(
        error_of(document.root()).unwrap_or(Document::null().root()),
        Some(status.as_u16()),
    )
}

/// The error object of a body, where it is one.
pub(super) fn error_of(body: Value<'_>) -> Option<Value<'_>> {
    let body = body
        .items()
        .ok()
        .and_then(|mut items| items.next())
        .unwrap_or(body);
    field(body, "error").filter(|error| error.members().is_ok())
}

/// Reads an error object. `status` is the head's; an error inside a stream has its `code` only.
pub(super) fn decode(error: Value<'_>, status: Option<u16>) -> Fault {
    let code = || field(error, "code").and_then(|code| u16::try_from(count(code).ok()?).ok());
    let status = status.or_else(code);
    let said = Said::of(error);
    let (kind, code) = classify(status.unwrap_or(500), &said);
    let mut fault = upstream_faults::fault(kind, status, Some(&said.message));
    if kind == FaultKind::Forbidden {
        fault.blame = Blame::Account;
    }
    fault.code = code
        .map(str::to_owned)
        .or(Some(said.word))
        .filter(|code| !code.is_empty());
    fault.retry_after = said.retry_after;
    fault.details = field(error, "details")
        .map(Value::raw)
        .filter(|details| !keys::are_in(details.as_str()));
    fault
}

/// The parts of an error that its meaning is read from.
#[derive(Default)]
struct Said {
    word: String,
    message: String,
    reason: String,
    is_daily: bool,
    retry_after: Option<Duration>,
}

impl Said {
    fn of(error: Value<'_>) -> Self {
        let details: Vec<_> = field(error, "details")
            .and_then(|list| list.items().ok())
            .into_iter()
            .flatten()
            .collect();
        let text = |value: Value<'_>, name: &str| {
            field(value, name)
                .and_then(|value| value.str().ok())
                .map(String::from)
        };
        Self {
            word: field(error, "status")
                .and_then(|status| word(status).ok())
                .unwrap_or_default(),
            message: text(error, "message").unwrap_or_default(),
            reason: details
                .iter()
                .find_map(|detail| text(*detail, "reason"))
                .unwrap_or_default(),
            is_daily: details.iter().any(|detail| is_daily(*detail)),
            retry_after: details
                .iter()
                .find_map(|detail| seconds(&text(*detail, "retryDelay")?)),
        }
    }

    fn mentions(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| says(&self.message, phrase))
    }
}

/// Source: google.rpc `QuotaFailure`; `quotaId` names the period, such as
/// `GenerateRequestsPerDayPerProjectPerModel`.
fn is_daily(detail: Value<'_>) -> bool {
    let mut violations = field(detail, "violations")
        .and_then(|list| list.items().ok())
        .into_iter()
        .flatten();
    violations.any(|violation| {
        let id = field(violation, "quotaId").and_then(|id| id.str().ok());
        id.is_some_and(|id| id.contains("PerDay"))
    })
}

/// A protobuf duration: `7s`, `1.5s`.
fn seconds(duration: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(duration.strip_suffix('s')?.parse().ok()?).ok()
}

/// What an error means, and our stable word for it where there is one.
fn classify(status: u16, said: &Said) -> (FaultKind, Option<&'static str>) {
    if said.reason == "API_KEY_INVALID" || said.mentions(&["api key not valid", "api key expired"])
    {
        return (FaultKind::UpstreamAuth, None);
    }
    match status {
        400 => bad_request(said),
        429 if said.is_daily => (FaultKind::QuotaSpent, None),
        status => (kind_of_status(status, &said.message), None),
    }
}

/// A billing account or a place that is missing is the account's trouble, said with a 400.
fn bad_request(said: &Said) -> (FaultKind, Option<&'static str>) {
    if said.mentions(&["input token count", "exceeds the maximum number of tokens"]) {
        return (FaultKind::ContextTooLong, Some("context_length_exceeded"));
    }
    if said.mentions(&["thought_signature", "thought signature"]) {
        return (FaultKind::BadRequest, Some("invalid_signature"));
    }
    let is_accounts = said.word == "FAILED_PRECONDITION" && said.mentions(&["billing", "location"]);
    (
        if is_accounts {
            FaultKind::UpstreamAuth
        } else {
            FaultKind::BadRequest
        },
        None,
    )
}

/// The status and the word of a fault.
fn row(fault: &Fault) -> (u16, &'static str) {
    use FaultKind as Kind;
    match fault.kind {
        Kind::BadRequest | Kind::ContextTooLong | Kind::ThreadUnsupported => {
            (400, "INVALID_ARGUMENT")
        }
        Kind::Unauthorized => (401, "UNAUTHENTICATED"),
        Kind::Forbidden => (403, "PERMISSION_DENIED"),
        Kind::NoSuchModel | Kind::NotFound => (404, "NOT_FOUND"),
        Kind::MethodNotAllowed => (405, "UNIMPLEMENTED"),
        Kind::RequestTimeout => (408, "DEADLINE_EXCEEDED"),
        Kind::Conflict => (409, "ABORTED"),
        Kind::TooLarge => (413, "INVALID_ARGUMENT"),
        Kind::UnsupportedMediaType => (415, "INVALID_ARGUMENT"),
        Kind::Misdirected => (421, "INVALID_ARGUMENT"),
        Kind::UpgradeRequired => (426, "FAILED_PRECONDITION"),
        Kind::RateLimited | Kind::QuotaSpent => (429, "RESOURCE_EXHAUSTED"),
        Kind::HeadersTooLarge => (431, "INVALID_ARGUMENT"),
        // An upstream that failed; one that was not understood is a 502.
        Kind::Upstream if fault.status.is_some() => (500, "INTERNAL"),
        Kind::Internal => (500, "INTERNAL"),
        Kind::NotImplemented => (501, "UNIMPLEMENTED"),
        // Never 401 or 403: the client would drop its own key.
        Kind::UpstreamAuth | Kind::Upstream => (502, "INTERNAL"),
        Kind::Overloaded => (503, "UNAVAILABLE"),
        Kind::Timeout => (504, "DEADLINE_EXCEEDED"),
    }
}

pub(super) fn encode(fault: &Fault, request_id: &str) -> (StatusCode, Bytes) {
    let status = StatusCode::from_u16(row(fault).0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (
        status,
        json::document(|value| write_with(fault, Some(request_id), value)),
    )
}

/// The error object of a stream, whose head has told the request's id.
pub(super) fn write(fault: &Fault, out: Writer<'_>) {
    write_with(fault, None, out);
}

fn write_with(fault: &Fault, request_id: Option<&str>, out: Writer<'_>) {
    let (code, word) = row(fault);
    let details =
        json::value(|value| value.array(|details| write_details(fault, request_id, details)));
    out.object(|body| {
        body.object("error", |error| {
            error.u64("code", code.into());
            error.str("message", &fault.message);
            error.str("status", word);
            if details.as_str() != "[]" {
                error.raw("details", &details);
            }
        });
    });
}

/// The upstream's own details, but the delay that is true now.
fn write_details(fault: &Fault, request_id: Option<&str>, details: &mut Array<'_>) {
    let theirs = fault.details.as_ref().map(Raw::document);
    let items = theirs
        .iter()
        .filter_map(|document| document.root().items().ok())
        .flatten();
    let is_stale = |item: &Value<'_>| fault.retry_after.is_some() && is_type(*item, RETRY_INFO);
    items
        .filter(|item| !is_stale(item))
        .for_each(|item| details.item().raw(&item.raw()));
    if let Some(delay) = fault.retry_after {
        details.object(|info| {
            info.str("@type", RETRY_INFO);
            info.str("retryDelay", &format!("{}s", delay.as_secs_f64()));
        });
    }
    if let Some(id) = request_id.filter(|id| !id.is_empty()) {
        details.object(|info| {
            info.str("@type", "type.googleapis.com/google.rpc.RequestInfo");
            info.str("requestId", id);
        });
    }
}

fn is_type(detail: Value<'_>, name: &str) -> bool {
    detail
        .get("@type")
        .is_some_and(|value| value.str().is_ok_and(|written| written == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Fault {
        decode_answer(StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn a_bad_key_is_the_accounts_fault_and_never_told_as_the_clients() {
        let fault = read(
            400,
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT",
            "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}]}}"#,
        );
        assert_eq!(
            (fault.kind, fault.blame),
            (FaultKind::UpstreamAuth, Blame::Account)
        );
        assert_eq!(encode(&fault, "").0, 502);
    }

    #[test]
    fn limits_say_how_long_and_whether_the_day_is_spent() {
        let body = |quota: &str| {
            format!(
                r#"[{{"error":{{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[
                {{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaId":"{quota}"}}]}},
                {{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7.5s"}}]}}}}]"#
            )
        };
        let minute = read(
            429,
            &body("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
        );
        assert_eq!(
            (minute.kind, minute.retry_after),
            (FaultKind::RateLimited, Some(Duration::from_millis(7500)))
        );
        assert_eq!(
            read(
                429,
                &body("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
            )
            .kind,
            FaultKind::QuotaSpent
        );
    }

    #[test]
    fn a_fault_tells_its_delay_once() {
        let mut fault = Fault::new(FaultKind::RateLimited, Blame::Account, "slow");
        fault.retry_after = Some(Duration::from_secs(3));
        fault.details = Some(Raw::from_static(
            r#"[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7s"},{"@type":"x"}]"#,
        ));
        let (status, body) = encode(&fault, "req_1");
        assert_eq!(status, 429);
        let expected = r#"{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3s"},{"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"req_1"}]}}"#;
        assert_eq!(body, expected);
    }

    #[test]
    fn keys_are_taken_out_of_messages() {
        let fault = read(
            403,
            r#"{"error":{"code":403,"message":"Consumer 'api_key:AIzaSy-x_9' is suspended","status":"PERMISSION_DENIED"}}"#,
        );
        assert_eq!(fault.message, "Consumer 'api_key:[redacted]' is suspended");
    }

    #[test]
    fn statuses_and_messages_have_their_meaning() {
        let kind = |status: u16, message: &str| {
            read(status, &format!(r#"{{"error":{{"message":"{message}"}}}}"#)).kind
        };
        assert_eq!(
            kind(
                400,
                "The input token count (9) exceeds the maximum number of tokens allowed (8)."
            ),
            FaultKind::ContextTooLong
        );
        assert_eq!(
            kind(404, "models/x is not found for API version v1beta"),
            FaultKind::NoSuchModel
        );
        assert_eq!(kind(403, "no"), FaultKind::UpstreamAuth);
        assert_eq!(kind(503, "The model is overloaded."), FaultKind::Overloaded);
        assert_eq!(read(500, "<html>").kind, FaultKind::Upstream);
        let signature = read(
            400,
            r#"{"error":{"message":"Function call is missing a thought_signature"}}"#,
        );
        assert_eq!(signature.code.as_deref(), Some("invalid_signature"));
    }
}
