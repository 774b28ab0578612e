//! Faults, both ways: statuses and error types.
//!
//! Source: Anthropic Messages reference, "Errors" and "Server-held threads"; `translation.md`
//! section 8.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use crate::canon::{Blame, Fault, FaultKind, Offset};
use crate::json::{self, Document, Kind, Object, Raw, Value};
use crate::protocol::upstream_faults::{self, ForeignError, kind_of_status, mentions};
use crate::protocol::{DecodeError, redaction, sse};

/// The text by which Claude Code knows that it has to compact the conversation.
const TOO_LONG: &str = "prompt is too long";

/// The texts by which an upstream says that an account is out of credit, under a type that does not
/// tell. Observed with 400 and 429.
const QUOTA_SPENT: [&str; 3] = [
    "credit balance is too low",
    "api usage limits",
    "spend limit",
];

/// The details by which the official SDK knows that it has to send the whole history.
const THREAD_UNSUPPORTED: &str =
    r#"{"error_code":"thread_unsupported_request","unsupported":["thread"]}"#;

/// The status and error type of a kind. With an `upstream_status` the upstream failed itself (500);
/// without, its response was not understood (502).
fn status_and_type(kind: FaultKind, upstream_status: Option<u16>) -> (u16, &'static str) {
    match kind {
        FaultKind::BadRequest | FaultKind::ContextTooLong | FaultKind::ThreadUnsupported => {
            (400, "invalid_request_error")
        }
        FaultKind::Unauthorized => (401, "authentication_error"),
        FaultKind::QuotaSpent => (402, "billing_error"),
        FaultKind::Forbidden => (403, "permission_error"),
        FaultKind::NoSuchModel | FaultKind::NotFound => (404, "not_found_error"),
        FaultKind::MethodNotAllowed => (405, "invalid_request_error"),
        FaultKind::RequestTimeout => (408, "invalid_request_error"),
        FaultKind::Conflict => (409, "conflict_error"),
        FaultKind::TooLarge => (413, "request_too_large"),
        FaultKind::UnsupportedMediaType => (415, "invalid_request_error"),
        FaultKind::Misdirected => (421, "invalid_request_error"),
        FaultKind::UpgradeRequired => (426, "invalid_request_error"),
        FaultKind::RateLimited => (429, "rate_limit_error"),
        FaultKind::HeadersTooLarge => (431, "invalid_request_error"),
        FaultKind::Internal => (500, "api_error"),
        FaultKind::Upstream if upstream_status.is_some() => (500, "api_error"),
        FaultKind::Upstream | FaultKind::UpstreamAuth => (502, "api_error"),
        FaultKind::NotImplemented => (501, "api_error"),
        FaultKind::Timeout => (504, "timeout_error"),
        FaultKind::Overloaded => (529, "overloaded_error"),
    }
}

/// Encodes a fault as a response of its own.
pub(super) fn encode(fault: &Fault, request_id: &str) -> (StatusCode, Bytes) {
    let (status, _) = status_and_type(fault.kind, fault.status);
    let body = json::document(|value| {
        value.object(|object| {
            write(fault, object);
            object.str("request_id", request_id);
        });
    });
    (
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        body,
    )
}

/// Encodes a fault as the `error` event of a stream. Nothing may follow it.
pub(super) fn encode_record(fault: &Fault, out: &mut BytesMut) {
    sse::write(out, "error", |out| {
        json::Writer::new(out).object(|object| write(fault, object))
    });
}

fn write(fault: &Fault, object: &mut Object<'_>) {
    let (_, kind) = status_and_type(fault.kind, fault.status);
    object.str("type", "error");
    object.object("error", |error| {
        error.str("type", kind);
        error.str("message", &message(fault));
        error.some("details", details(fault), |value, details| {
            value.raw(&details)
        });
    });
}

fn message(fault: &Fault) -> String {
    let says_too_long = fault.message.to_ascii_lowercase().contains(TOO_LONG);
    if fault.kind == FaultKind::ContextTooLong && !says_too_long {
        format!("{TOO_LONG}: {}", fault.message)
    } else {
        fault.message.clone()
    }
}

/// The `details` of an error: the upstream's where it speaks this dialect, whose details are an
/// object. Gemini's are an array and are left out.
fn details(fault: &Fault) -> Option<Raw> {
    if let Some(raw) = &fault.details
        && raw.document().root().kind() == Kind::Object
    {
        return Some(raw.clone());
    }
    (fault.kind == FaultKind::ThreadUnsupported).then(|| Raw::from_static(THREAD_UNSUPPORTED))
}

/// The refusal of a request that continues a conversation which only its upstream holds.
pub(super) fn thread_unsupported(at: Offset) -> DecodeError {
    let message = "server-held threads cannot be translated; send the whole conversation";
    let fault = Fault::new(FaultKind::ThreadUnsupported, Blame::Client, message)
        .with_code("thread_unsupported_request");
    DecodeError::Unsupported {
        at,
        fault: Box::new(fault),
    }
}

/// Decodes an error response. A body that is not of this dialect gives the fault of its status.
pub(super) fn decode(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault {
    let document =
        Document::parse(Bytes::copy_from_slice(body)).unwrap_or_else(|_| Document::null());
    let mut fault = decode_error(document.root(), Some(status));
    if let Some(id) = headers.get("request-id")
        && let Ok(id) = id.to_str()
    {
        fault.upstream_id = Some(id.to_owned());
    }
    fault
}

/// Decodes `{"type":"error","error":{…}}`. `status` is that of the response; an error inside a
/// stream has none.
pub(super) fn decode_error(root: Value<'_>, status: Option<StatusCode>) -> Fault {
    let string = |path: &[&str]| {
        let value = root.find(path)?.str().ok()?;
        Some(value.into_owned())
    };
    let error_type = string(&["error", "type"]).unwrap_or_default();
    let (message, param) = match string(&["error", "message"]) {
        Some(message) => (Some(message), None),
        None => {
            let foreign = ForeignError::of(root);
            (foreign.message, foreign.param)
        }
    };
    let status = status.map(|status| status.as_u16());
    let kind = kind(&error_type, status, message.as_deref().unwrap_or_default());
    let mut fault = upstream_faults::fault(kind, status, message.as_deref());
    fault.param = param;
    fault.code = string(&["error", "details", "error_code"]);
    fault.details = root
        .find(&["error", "details"])
        .filter(|details| details.kind() == Kind::Object)
        .map(Value::raw)
        // Details with key material in them go to no client.
        .filter(|details| !redaction::has_key(details.as_str()));
    fault.upstream_id = string(&["request_id"]);
    fault
}

/// The kind of an upstream's error: by its type, else by its status. The message tells apart what
/// shares both.
fn kind(error_type: &str, status: Option<u16>, message: &str) -> FaultKind {
    let kind = match (kind_of_type(error_type), status) {
        (Some(kind), _) => kind,
        (None, Some(status)) => kind_of_status(status, message),
        (None, None) => FaultKind::Upstream,
    };
    match kind {
        FaultKind::BadRequest | FaultKind::RateLimited
            if QUOTA_SPENT.iter().any(|phrase| mentions(message, phrase)) =>
        {
            FaultKind::QuotaSpent
        }
        FaultKind::BadRequest if mentions(message, TOO_LONG) => FaultKind::ContextTooLong,
        FaultKind::BadRequest if status == Some(403) => FaultKind::Forbidden,
        FaultKind::NotFound if mentions(message, "model") => FaultKind::NoSuchModel,
        kind => kind,
    }
}

/// The kind of an error type. `None` for types that say no more than the status, such as
/// `api_error`.
fn kind_of_type(error_type: &str) -> Option<FaultKind> {
    Some(match error_type {
        "invalid_request_error" => FaultKind::BadRequest,
        // What the account may not do is the account's fault and not the client's.
        "authentication_error" | "permission_error" => FaultKind::UpstreamAuth,
        "billing_error" => FaultKind::QuotaSpent,
        "not_found_error" => FaultKind::NotFound,
        "conflict_error" => FaultKind::Conflict,
        "request_too_large" => FaultKind::TooLarge,
        "rate_limit_error" => FaultKind::RateLimited,
        "timeout_error" => FaultKind::Timeout,
        "overloaded_error" => FaultKind::Overloaded,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(status: u16, body: &str) -> Fault {
        decode(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.as_bytes(),
        )
    }

    #[test]
    fn upstream_errors_are_told_apart() {
        let body = |word: &str, message: &str| {
            format!(r#"{{"type":"error","error":{{"type":"{word}","message":"{message}"}}}}"#)
        };
        let cases = [
            (
                400,
                body("invalid_request_error", "max_tokens: Field required"),
                FaultKind::BadRequest,
            ),
            (
                400,
                body("invalid_request_error", "Prompt is too long: 210000 tokens"),
                FaultKind::ContextTooLong,
            ),
            (
                400,
                body("invalid_request_error", "Your credit balance is too low"),
                FaultKind::QuotaSpent,
            ),
            (
                401,
                body("authentication_error", "invalid x-api-key"),
                FaultKind::UpstreamAuth,
            ),
            (402, body("billing_error", "pay"), FaultKind::QuotaSpent),
            (403, body("permission_error", "no"), FaultKind::UpstreamAuth),
            (
                404,
                body("not_found_error", "model: claude-0"),
                FaultKind::NoSuchModel,
            ),
            (413, body("request_too_large", "big"), FaultKind::TooLarge),
            (
                429,
                body("rate_limit_error", "slow down"),
                FaultKind::RateLimited,
            ),
            (500, body("api_error", "oops"), FaultKind::Upstream),
            (
                503,
                body("api_error", "Service unavailable"),
                FaultKind::Overloaded,
            ),
            (504, body("timeout_error", "late"), FaultKind::Timeout),
            (529, body("overloaded_error", "full"), FaultKind::Overloaded),
            (503, "<html>".to_owned(), FaultKind::Overloaded),
            (418, String::new(), FaultKind::BadRequest),
        ];
        for (status, body, kind) in cases {
            assert_eq!(upstream(status, &body).kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn an_error_keeps_its_cause_and_its_id() {
        let mut headers = HeaderMap::new();
        headers.insert("request-id", "req_0".parse().unwrap());
        let body =
            br#"{"type":"error","error":{"type":"not_found_error","message":"gone","details":{"error_code":"thread_not_found"}},
            "request_id":"req_1"}"#;
        let fault = decode(StatusCode::NOT_FOUND, &headers, body);
        assert_eq!(
            (fault.code.as_deref(), fault.upstream_id.as_deref()),
            (Some("thread_not_found"), Some("req_0"))
        );
        let (_, body) = encode(&fault, "req_2");
        let expected = r#"{"type":"error","error":{"type":"not_found_error","message":"gone","details":{"error_code":"thread_not_found"}},"request_id":"req_2"}"#;
        assert_eq!(body, expected);
    }

    #[test]
    fn a_client_sees_the_status_and_type_of_its_dialect() {
        let cases = [
            (FaultKind::UpstreamAuth, 502, "api_error"),
            (FaultKind::QuotaSpent, 402, "billing_error"),
            (FaultKind::Overloaded, 529, "overloaded_error"),
            (FaultKind::NotImplemented, 501, "api_error"),
        ];
        for (kind, status, word) in cases {
            let (got, body) = encode(&Fault::new(kind, Blame::Provider, "m"), "req_1");
            assert_eq!(got, status);
            assert!(String::from_utf8_lossy(&body).contains(&format!(r#""type":"{word}""#)));
        }
    }

    #[test]
    fn a_prompt_that_is_too_long_is_said_so_that_clients_notice() {
        let fault = Fault::new(
            FaultKind::ContextTooLong,
            Blame::Client,
            "maximum context length is 8192",
        );
        let (_, body) = encode(&fault, "r");
        assert!(
            String::from_utf8_lossy(&body)
                .contains("prompt is too long: maximum context length is 8192")
        );
    }

    #[test]
    fn foreign_details_stay_at_home() {
        let mut fault = Fault::bad_request("m");
        fault.details = Some(Raw::from_static("[1]"));
        assert!(!String::from_utf8_lossy(&encode(&fault, "r").1).contains("details"));
    }
}
