//! Errors on the wire, both ways: one table from canon's kinds to status, type and code, and one
//! from upstreams' error codes to canon's kinds.
//!
//! Source: `openai-chat.md`, "Errors"; `openai-responses.md`, "Errors"; `translation.md` section 8.
//! Decides nothing about retries.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use crate::canon::{Fault, FaultKind};
use crate::json::{self, Document, Kind, Object, Value};
use crate::protocol::sse;
use crate::protocol::upstream_faults::{self, ForeignError, kind_of_status, mentions};

/// One kind of fault on the wire.
struct Row {
    status: StatusCode,
    kind: &'static str,
    /// Takes precedence over the fault's own code.
    code: Option<&'static str>,
}

const fn row(status: StatusCode, kind: &'static str, code: Option<&'static str>) -> Row {
    Row { status, kind, code }
}

const REQUEST: &str = "invalid_request_error";
const SERVER: &str = "server_error";

#[rustfmt::skip]
fn table(kind: FaultKind) -> Row {
    match kind {
        FaultKind::BadRequest           => row(StatusCode::BAD_REQUEST, REQUEST, None),
        FaultKind::ContextTooLong       => row(StatusCode::BAD_REQUEST, REQUEST, Some("context_length_exceeded")),
        FaultKind::Unauthorized         => row(StatusCode::UNAUTHORIZED, REQUEST, Some("invalid_api_key")),
        // Never 401 or 403: the client would drop its own key.
        FaultKind::UpstreamAuth         => row(StatusCode::BAD_GATEWAY, SERVER, Some("upstream_auth")),
        FaultKind::QuotaSpent           => row(StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", Some("insufficient_quota")),
        FaultKind::Forbidden            => row(StatusCode::FORBIDDEN, REQUEST, None),
        FaultKind::NoSuchModel          => row(StatusCode::NOT_FOUND, REQUEST, Some("model_not_found")),
        FaultKind::NotFound             => row(StatusCode::NOT_FOUND, REQUEST, Some("not_found")),
        FaultKind::MethodNotAllowed     => row(StatusCode::METHOD_NOT_ALLOWED, REQUEST, Some("method_not_allowed")),
        FaultKind::Misdirected          => row(StatusCode::MISDIRECTED_REQUEST, REQUEST, Some("misdirected_request")),
        FaultKind::Conflict             => row(StatusCode::CONFLICT, REQUEST, None),
        FaultKind::TooLarge             => row(StatusCode::PAYLOAD_TOO_LARGE, REQUEST, Some("request_too_large")),
        FaultKind::UnsupportedMediaType => row(StatusCode::UNSUPPORTED_MEDIA_TYPE, REQUEST, Some("unsupported_media_type")),
        FaultKind::HeadersTooLarge      => row(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, REQUEST, Some("headers_too_large")),
        FaultKind::RequestTimeout       => row(StatusCode::REQUEST_TIMEOUT, REQUEST, Some("request_timeout")),
        FaultKind::UpgradeRequired      => row(StatusCode::UPGRADE_REQUIRED, REQUEST, Some("upgrade_required")),
        FaultKind::ThreadUnsupported    => row(StatusCode::BAD_REQUEST, REQUEST, Some("thread_unsupported_request")),
        FaultKind::NotImplemented       => row(StatusCode::NOT_IMPLEMENTED, SERVER, Some("not_implemented")),
        FaultKind::RateLimited          => row(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", Some("rate_limit_exceeded")),
        FaultKind::Overloaded           => row(StatusCode::SERVICE_UNAVAILABLE, SERVER, None),
        FaultKind::Upstream             => row(StatusCode::BAD_GATEWAY, SERVER, None),
        FaultKind::Internal             => row(StatusCode::INTERNAL_SERVER_ERROR, SERVER, None),
        FaultKind::Timeout              => row(StatusCode::GATEWAY_TIMEOUT, SERVER, None),
    }
}

pub(in crate::protocol) fn encode(fault: &Fault) -> (StatusCode, Bytes) {
    (
        status(fault),
        json::document(|value| value.object(|object| write(fault, object))),
    )
}

pub(in crate::protocol) fn status(fault: &Fault) -> StatusCode {
    match (fault.kind, fault.status) {
        (FaultKind::Upstream, Some(500)) => StatusCode::INTERNAL_SERVER_ERROR,
        (kind, _) => table(kind).status,
    }
}

/// Writes the error as a record of a stream. It ends the stream: no `finish_reason` and no `[DONE]`
/// follow.
pub(in crate::protocol) fn encode_record(fault: &Fault, out: &mut BytesMut) {
    sse::write(out, "", |out| {
        json::Writer::new(out).object(|object| write(fault, object))
    });
}

/// Writes the member `error`.
pub(in crate::protocol) fn write(fault: &Fault, object: &mut Object<'_>) {
    let row = table(fault.kind);
    object.object("error", |error| {
        error.str("message", &fault.message);
        error.str("type", row.kind);
        write_nullable("param", fault.param.as_deref(), error);
        let code = fault.code.as_deref().filter(|code| is_own_code(code));
        write_nullable("code", row.code.or(code), error);
    });
}

/// Whether a code can be one of OpenAI's, which are lower-case words. Those of other dialects
/// (`RESOURCE_EXHAUSTED`) and numbers mean nothing to its clients.
fn is_own_code(code: &str) -> bool {
    code.starts_with(|first: char| first.is_ascii_lowercase())
        && !code.contains(|c: char| c.is_ascii_uppercase())
}

/// Writes a member that is always present.
pub(in crate::protocol) fn write_nullable(key: &str, value: Option<&str>, object: &mut Object<'_>) {
    match value {
        Some(value) => object.str(key, value),
        None => object.null(key),
    }
}

/// Upstreams' error codes, in `code` or in `type`.
const ERROR_CODES: [(&str, FaultKind); 21] = [
    ("context_length_exceeded", FaultKind::ContextTooLong),
    ("insufficient_quota", FaultKind::QuotaSpent),
    ("usage_limit_reached", FaultKind::QuotaSpent),
    ("billing_hard_limit_reached", FaultKind::QuotaSpent),
    ("rate_limit_exceeded", FaultKind::RateLimited),
    ("rate_limit_error", FaultKind::RateLimited),
    ("requests", FaultKind::RateLimited),
    ("tokens", FaultKind::RateLimited),
    ("model_not_found", FaultKind::NoSuchModel),
    ("invalid_api_key", FaultKind::UpstreamAuth),
    ("authentication_error", FaultKind::UpstreamAuth),
    ("server_is_overloaded", FaultKind::Overloaded),
    ("slow_down", FaultKind::Overloaded),
    ("overloaded_error", FaultKind::Overloaded),
    ("overloaded", FaultKind::Overloaded),
    ("invalid_prompt", FaultKind::BadRequest),
    ("bio_policy", FaultKind::BadRequest),
    ("invalid_encrypted_content", FaultKind::BadRequest),
    ("content_policy_violation", FaultKind::Forbidden),
    ("content_filter", FaultKind::Forbidden),
    ("moderation_blocked", FaultKind::Forbidden),
];

/// Messages of servers that have no code for a conversation that is too long: vLLM, llama.cpp,
/// OpenRouter.
const TOO_LONG: [&str; 3] = ["maximum context length", "context window", "context size"];

/// Decodes an upstream's error response. Any other body still gives the fault of its status.
pub(in crate::protocol) fn decode(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault {
    let document =
        Document::parse(Bytes::copy_from_slice(body)).unwrap_or_else(|_| Document::null());
    let mut fault = ErrorFields::of(document.root()).into_fault(Some(status.as_u16()));
    fault.upstream_id = headers
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned);
    fault
}

/// Decodes the `error` of an answer or of a stream's record. `None` where it has none.
pub(in crate::protocol) fn decode_member(root: Value<'_>) -> Option<Fault> {
    root.get("error")
        .filter(|error| !matches!(error.as_written(), "false" | "\"\"" | "{}" | "0"))
        .map(decode_error)
}

/// Decodes a value that is known to be an error: `{message, code, …}`, or a record that holds one
/// as `error`. A numeric code is the status (OpenRouter).
pub(in crate::protocol) fn decode_error(error: Value<'_>) -> Fault {
    let fields = ErrorFields::of(error);
    let status = fields
        .code
        .as_ref()
        .and_then(|code| code.parse().ok())
        .filter(|status| (400..600).contains(status));
    fields.into_fault(status)
}

/// The fields of an upstream's error.
#[derive(Debug, Default)]
struct ErrorFields {
    message: Option<String>,
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
}

impl ErrorFields {
    /// `{"error":{message,type,param,code}}`; also `{"error":"…"}` (Ollama), a list of one
    /// (Google's Chat endpoint), and what [`ForeignError`] knows.
    fn of(root: Value<'_>) -> Self {
        let root = root
            .items()
            .ok()
            .and_then(|mut items| items.next())
            .unwrap_or(root);
        let error = root.get("error").unwrap_or(root);
        let text = |key: &str| {
            error
                .get(key)
                .and_then(|value| value.str().ok())
                .map(std::borrow::Cow::into_owned)
        };
        let number = |value: Value<'_>| {
            (value.kind() == Kind::Number).then(|| value.as_written().to_owned())
        };
        let alone = error.str().ok().map(std::borrow::Cow::into_owned);
        let own = alone.or_else(|| text("message"));
        let foreign = match &own {
            Some(_) => ForeignError::default(),
            None => ForeignError::of(root),
        };
        Self {
            message: own.or(foreign.message),
            kind: text("type"),
            code: text("code")
                .or_else(|| text("status"))
                .or_else(|| error.get("code").and_then(number)),
            param: text("param").or(foreign.param),
        }
    }

    fn into_fault(self, status: Option<u16>) -> Fault {
        let fault =
            upstream_faults::fault(self.fault_kind(status), status, self.message.as_deref());
        Fault {
            code: self.code,
            param: self.param,
            ..fault
        }
    }

    /// An error code tells more than the status, except that a 401 always concerns the credential.
    fn fault_kind(&self, status: Option<u16>) -> FaultKind {
        let message = self.message.as_deref().unwrap_or_default();
        let by_code = [&self.code, &self.kind]
            .into_iter()
            .flatten()
            .find_map(|code| kind_of_code(code));
        match (by_code, status) {
            (_, Some(401)) => FaultKind::UpstreamAuth,
            // The request's own fault, which the client may mend.
            (Some(FaultKind::Forbidden), Some(400)) => FaultKind::BadRequest,
            (Some(kind), _) => kind,
            // Google's Chat endpoint uses a 400 for it.
            (None, _) if mentions(message, "api key not valid") => FaultKind::UpstreamAuth,
            (None, Some(400)) if TOO_LONG.iter().any(|words| mentions(message, words)) => {
                FaultKind::ContextTooLong
            }
            (None, Some(403)) if mentions(message, "moderation") => FaultKind::Forbidden,
            (None, Some(status)) => kind_of_status(status, message),
            (None, None) if self.kind.as_deref() == Some(REQUEST) => FaultKind::BadRequest,
            (None, None) => FaultKind::Upstream,
        }
    }
}

fn kind_of_code(code: &str) -> Option<FaultKind> {
    ERROR_CODES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::Blame;

    fn decoded(status: u16, body: &str) -> Fault {
        decode(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.as_bytes(),
        )
    }

    #[test]
    fn upstream_errors_get_their_kind() {
        let cases = [
            (
                400,
                r#"{"error":{"message":"x","code":"context_length_exceeded"}}"#,
                FaultKind::ContextTooLong,
            ),
            (
                400,
                r#"{"message":"This model's maximum context length is 4096 tokens"}"#,
                FaultKind::ContextTooLong,
            ),
            (
                400,
                r#"{"error":{"message":"x","param":"n"}}"#,
                FaultKind::BadRequest,
            ),
            (
                400,
                r#"{"error":{"message":"x","code":"unsupported_value"}}"#,
                FaultKind::BadRequest,
            ),
            (
                400,
                r#"{"error":{"message":"x","code":"content_policy_violation"}}"#,
                FaultKind::BadRequest,
            ),
            (
                400,
                r#"[{"error":{"message":"API key not valid. Please pass a valid API key."}}]"#,
                FaultKind::UpstreamAuth,
            ),
            (
                401,
                r#"{"error":{"message":"x","code":"model_not_found"}}"#,
                FaultKind::UpstreamAuth,
            ),
            (402, "", FaultKind::QuotaSpent),
            (403, "<html>", FaultKind::UpstreamAuth),
            (
                403,
                r#"{"error":{"message":"x","code":"unsupported_country_region_territory"}}"#,
                FaultKind::UpstreamAuth,
            ),
            (
                403,
                r#"{"error":{"message":"x","code":"content_policy_violation"}}"#,
                FaultKind::Forbidden,
            ),
            (
                404,
                r#"{"error":"model 'x' not found, try pulling it first"}"#,
                FaultKind::NoSuchModel,
            ),
            (
                404,
                r#"{"error":{"message":"x","code":"model_not_found"}}"#,
                FaultKind::NoSuchModel,
            ),
            (404, "", FaultKind::NotFound),
            (
                429,
                r#"{"error":{"message":"x","type":"insufficient_quota"}}"#,
                FaultKind::QuotaSpent,
            ),
            (
                429,
                r#"[{"error":{"message":"x","status":"RESOURCE_EXHAUSTED"}}]"#,
                FaultKind::RateLimited,
            ),
            (500, "", FaultKind::Upstream),
            (502, "<html>", FaultKind::Upstream),
            (503, "", FaultKind::Overloaded),
            (529, "", FaultKind::Overloaded),
            (504, "", FaultKind::Timeout),
            (302, "", FaultKind::Upstream),
        ];
        for (status, body, expected) in cases {
            assert_eq!(decoded(status, body).kind, expected, "{status} {body}");
        }
    }

    #[test]
    fn bodies_that_are_no_errors_give_the_fault_of_their_status() {
        assert_eq!(decoded(502, "<html>").message, "the upstream answered 502");
        assert_eq!(decoded(422, r#"{"detail":"no"}"#).message, "no");
    }

    #[test]
    fn errors_inside_an_answer_are_told_apart_by_their_number_or_word() {
        let inside = |body: &'static str| {
            decode_member(
                Document::parse(Bytes::from_static(body.as_bytes()))
                    .unwrap()
                    .root(),
            )
        };
        for nothing in [
            r#"{"error":null}"#,
            r#"{"error":{}}"#,
            r#"{"error":false}"#,
            "[]",
        ] {
            assert_eq!(inside(nothing), None, "{nothing}");
        }
        let numbered = inside(r#"{"error":{"message":"busy","code":429}}"#).unwrap();
        assert_eq!(
            (numbered.kind, numbered.status, numbered.code.as_deref()),
            (FaultKind::RateLimited, Some(429), Some("429"))
        );
        let named = inside(r#"{"error":{"message":"busy","type":"overloaded_error"}}"#).unwrap();
        assert_eq!((named.kind, named.status), (FaultKind::Overloaded, None));
        assert_eq!(
            inside(r#"{"error":{"type":"invalid_request_error"}}"#)
                .unwrap()
                .kind,
            FaultKind::BadRequest
        );
        assert_eq!(
            inside(r#"{"error":"oops"}"#).unwrap().kind,
            FaultKind::Upstream
        );
    }

    #[test]
    fn a_refused_key_is_neither_quoted_nor_told_as_the_clients() {
        let fault = decoded(
            401,
            r#"{"error":{"message":"Incorrect API key provided: sk-ab***yz. See","code":"invalid_api_key"}}"#,
        );
        assert_eq!(fault.blame, Blame::Account);
        let (status, body) = encode(&fault);
        assert_eq!(status, 502);
        let expected = r#"{"error":{"message":"Incorrect API key provided: [redacted]. See","type":"server_error","param":null,"code":"upstream_auth"}}"#;
        assert_eq!(body, expected);
    }
}
