//! Faults, both ways: `google.rpc.Status`.
//!
//! Source: Gemini API, "Troubleshooting"; google.rpc `ErrorInfo`, `RetryInfo`, `QuotaFailure`;
//! `translation.md` section 8.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::proto_json::{count, enum_name, field};
use crate::canon::{Blame, Fault, FaultKind};
use crate::json::{self, Array, Document, Raw, Value, Writer};
use crate::protocol::redaction;
use crate::protocol::upstream_faults::{self, ForeignError, kind_of_status, mentions};

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// Decodes an error response. A body that is not of this dialect gives the fault of its status.
pub(super) fn decode(status: StatusCode, body: &[u8]) -> Fault {
    let document =
        Document::parse(Bytes::copy_from_slice(body)).unwrap_or_else(|_| Document::null());
    if let Some(error) = error_of(document.root()) {
        return decode_error(error, Some(status.as_u16()));
    }
    foreign(ForeignError::of(document.root()), status.as_u16())
}

/// The fault of a body that is not of this dialect.
fn foreign(error: ForeignError, status: u16) -> Fault {
    let fields = ErrorFields {
        message: error.message.unwrap_or_default(),
        ..ErrorFields::default()
    };
    let (kind, code) = classify(status, &fields);
    Fault {
        code: code.map(str::to_owned),
        param: error.param,
        ..upstream_faults::fault(kind, Some(status), Some(&fields.message))
    }
}

/// The error object of a body; `None` where it has none. That of a stream stands in an array.
pub(super) fn error_of(body: Value<'_>) -> Option<Value<'_>> {
    let first = body.items().ok().and_then(|mut items| items.next());
    let error = field(first.unwrap_or(body), "error")?;
    error.members().is_ok().then_some(error)
}

/// Decodes an error object. `status` is that of the response; an error inside a stream has only its
/// own `code`.
pub(super) fn decode_error(error: Value<'_>, status: Option<u16>) -> Fault {
    let code = || field(error, "code").and_then(|code| u16::try_from(count(code).ok()?).ok());
    let status = status.or_else(code);
    let fields = ErrorFields::of(error);
    let (kind, code) = classify(status.unwrap_or(500), &fields);
    let mut fault = upstream_faults::fault(kind, status, Some(&fields.message));
    // A client's key is checked by the gateway, so what is forbidden is the account.
    if kind == FaultKind::Forbidden {
        fault.blame = Blame::Account;
    }
    fault.code = code
        .map(str::to_owned)
        .or(Some(fields.status))
        .filter(|code| !code.is_empty());
    fault.retry_after = fields.retry_after;
    fault.details = field(error, "details")
        .map(Value::raw)
        // Details with key material in them go to no client.
        .filter(|details| !redaction::has_key(details.as_str()));
    fault
}

/// The fields of an error that tell its meaning.
#[derive(Default)]
struct ErrorFields {
    /// The canonical code's name, such as `RESOURCE_EXHAUSTED`.
    status: String,
    message: String,
    /// `ErrorInfo.reason`.
    reason: String,
    /// Whether a daily quota is exhausted.
    is_daily: bool,
    /// `RetryInfo.retryDelay`.
    retry_after: Option<Duration>,
}

impl ErrorFields {
    fn of(error: Value<'_>) -> Self {
        let string = |value: Value<'_>, name: &str| {
            let string = field(value, name)?.str().ok()?;
            Some(String::from(string))
        };
        let status = field(error, "status").and_then(|status| enum_name(status).ok());
        let mut fields = Self {
            status: status.unwrap_or_default(),
            message: string(error, "message").unwrap_or_default(),
            ..Self::default()
        };
        let details = field(error, "details").and_then(|list| list.items().ok());
        let (mut reason, mut retry_after) = (None, None);
        for detail in details.into_iter().flatten() {
            reason = reason.or_else(|| string(detail, "reason"));
            retry_after = retry_after.or_else(|| seconds(&string(detail, "retryDelay")?));
            fields.is_daily |= is_daily(detail);
        }
        fields.reason = reason.unwrap_or_default();
        fields.retry_after = retry_after;
        fields
    }

    fn mentions(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| mentions(&self.message, phrase))
    }
}

/// Whether a detail reports that a daily quota is exhausted. `quotaId` names the period, such as
/// `GenerateRequestsPerDayPerProjectPerModel`. Source: google.rpc `QuotaFailure`.
fn is_daily(detail: Value<'_>) -> bool {
    let violations = field(detail, "violations").and_then(|list| list.items().ok());
    violations.into_iter().flatten().any(|violation| {
        let id = field(violation, "quotaId").and_then(|id| id.str().ok());
        id.is_some_and(|id| id.contains("PerDay"))
    })
}

/// A protobuf duration: `7s`, `1.5s`.
fn seconds(duration: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(duration.strip_suffix('s')?.parse().ok()?).ok()
}

/// The kind of an error, and our own code for it where there is one.
fn classify(status: u16, fields: &ErrorFields) -> (FaultKind, Option<&'static str>) {
    let is_bad_key = fields.reason == "API_KEY_INVALID"
        || fields.mentions(&["api key not valid", "api key expired"]);
    if is_bad_key {
        return (FaultKind::UpstreamAuth, None);
    }
    match status {
        400 => bad_request(fields),
        429 if fields.is_daily => (FaultKind::QuotaSpent, None),
        status => (kind_of_status(status, &fields.message), None),
    }
}

/// The kind of a 400.
fn bad_request(fields: &ErrorFields) -> (FaultKind, Option<&'static str>) {
    if fields.mentions(&["input token count", "exceeds the maximum number of tokens"]) {
        return (FaultKind::ContextTooLong, Some("context_length_exceeded"));
    }
    if fields.mentions(&["thought_signature", "thought signature"]) {
        return (FaultKind::BadRequest, Some("invalid_signature"));
    }
    // An account without billing, or in a location that is not served, is told so with a 400.
    if fields.status == "FAILED_PRECONDITION" && fields.mentions(&["billing", "location"]) {
        return (FaultKind::UpstreamAuth, None);
    }
    (FaultKind::BadRequest, None)
}

/// The HTTP status and the canonical code's name of a fault.
fn status_and_name(fault: &Fault) -> (u16, &'static str) {
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
        // The upstream failed itself; one whose response was not understood is a 502.
        Kind::Upstream if fault.status.is_some() => (500, "INTERNAL"),
        Kind::Internal => (500, "INTERNAL"),
        Kind::NotImplemented => (501, "UNIMPLEMENTED"),
        // Never 401 or 403, on which clients discard their own key.
        Kind::UpstreamAuth | Kind::Upstream => (502, "INTERNAL"),
        Kind::Overloaded => (503, "UNAVAILABLE"),
        Kind::Timeout => (504, "DEADLINE_EXCEEDED"),
    }
}

/// Encodes a fault as a response of its own.
pub(super) fn encode(fault: &Fault, request_id: &str) -> (StatusCode, Bytes) {
    let (status, _) = status_and_name(fault);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json::document(|value| write_error(fault, Some(request_id), value));
    (status, body)
}

/// Writes a fault inside a stream, whose head has had the request's id.
pub(super) fn write(fault: &Fault, out: Writer<'_>) {
    write_error(fault, None, out);
}

fn write_error(fault: &Fault, request_id: Option<&str>, out: Writer<'_>) {
    let (code, name) = status_and_name(fault);
    let details =
        json::value(|value| value.array(|details| write_details(fault, request_id, details)));
    out.object(|body| {
        body.object("error", |error| {
            error.u64("code", code.into());
            error.str("message", &fault.message);
            error.str("status", name);
            if details.as_str() != "[]" {
                error.raw("details", &details);
            }
        });
    });
}

/// Writes the upstream's own details, with the delay that holds now in place of the upstream's.
fn write_details(fault: &Fault, request_id: Option<&str>, details: &mut Array<'_>) {
    let upstream = fault.details.as_ref().map(Raw::document);
    let items = upstream
        .iter()
        .filter_map(|document| document.root().items().ok())
        .flatten();
    for item in items {
        let is_stale = fault.retry_after.is_some() && is_type(item, RETRY_INFO);
        if !is_stale {
            details.item().raw(&item.raw());
        }
    }
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
    let written = detail.get("@type").and_then(|value| value.str().ok());
    written.is_some_and(|written| written == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> Fault {
        decode(StatusCode::from_u16(status).unwrap(), body.as_bytes())
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
