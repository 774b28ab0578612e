//! Errors in OpenAI's shape: `{"error":{"message","type","param","code"}}`, and in streams.
//!
//! The body and the table are the same in Chat and Responses. Source: `openai-chat.md`, "Errors"; `translation.md` section 8.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use crate::canon::{Blame, Fault, FaultKind};
use crate::json::{self, Document, Kind, Object, Value, Writer};
use crate::protocol::sse;

/// One kind of fault as OpenAI says it. `code` is `None` where the fault's own code is told.
struct Row {
    status: u16,
    kind: &'static str,
    code: Option<&'static str>,
}

const REQUEST: &str = "invalid_request_error";
const SERVER: &str = "server_error";

fn row(fault: &Fault) -> Row {
    let (status, kind, code) = match fault.kind {
        FaultKind::BadRequest => (400, REQUEST, None),
        FaultKind::ContextTooLong => (400, REQUEST, Some("context_length_exceeded")),
        FaultKind::ThreadUnsupported => (400, REQUEST, None),
        FaultKind::Unauthorized => (401, REQUEST, Some("invalid_api_key")),
        FaultKind::Forbidden => (403, REQUEST, None),
        FaultKind::NoSuchModel => (404, REQUEST, Some("model_not_found")),
        FaultKind::NotFound => (404, REQUEST, None),
        FaultKind::MethodNotAllowed => (405, REQUEST, None),
        FaultKind::RequestTimeout => (408, REQUEST, None),
        FaultKind::Conflict => (409, REQUEST, None),
        FaultKind::TooLarge => (413, REQUEST, None),
        FaultKind::UnsupportedMediaType => (415, REQUEST, None),
        FaultKind::Misdirected => (421, REQUEST, None),
        FaultKind::UpgradeRequired => (426, REQUEST, None),
        FaultKind::QuotaSpent => (429, "insufficient_quota", Some("insufficient_quota")),
        FaultKind::RateLimited => (429, "rate_limit_error", Some("rate_limit_exceeded")),
        FaultKind::HeadersTooLarge => (431, REQUEST, None),
        FaultKind::Internal => (500, SERVER, None),
        FaultKind::Upstream if fault.status == Some(500) => (500, SERVER, None),
        FaultKind::NotImplemented => (501, SERVER, None),
        FaultKind::Upstream => (502, SERVER, None),
        FaultKind::UpstreamAuth => (502, SERVER, Some("upstream_auth")),
        FaultKind::Overloaded => (503, SERVER, None),
        FaultKind::Timeout => (504, SERVER, None),
    };
    Row { status, kind, code }
}

pub(super) fn encode(fault: &Fault) -> (StatusCode, Bytes) {
    let row = row(fault);
    let body = json::document(|value| value.object(|object| object.object("error", |error| write_error(error, fault, &row))));
    (StatusCode::from_u16(row.status).unwrap_or(StatusCode::BAD_GATEWAY), body)
}

fn write_error(error: &mut Object<'_>, fault: &Fault, row: &Row) {
    error.str("message", &fault.message);
    error.str("type", row.kind);
    or_null(error, "param", fault.param.as_deref());
    or_null(error, "code", row.code.or(fault.code.as_deref()));
}

fn or_null(object: &mut Object<'_>, key: &str, value: Option<&str>) {
    match value {
        Some(value) => object.str(key, value),
        None => object.null(key),
    }
}

/// The word for a fault in `response.error` and in `error` events.
pub(super) fn stream_code(fault: &Fault) -> &'static str {
    match fault.kind {
        FaultKind::BadRequest => "invalid_prompt",
        FaultKind::ContextTooLong => "context_length_exceeded",
        FaultKind::QuotaSpent => "insufficient_quota",
        FaultKind::RateLimited => "rate_limit_exceeded",
        _ => SERVER,
    }
}

/// The `error` event: the dialect's record for a fault where no response object is at hand.
///
/// It has no `sequence_number`: whoever only watches a stream pass does not know it.
pub(super) fn encode_record(fault: &Fault, out: &mut BytesMut) {
    sse::write(out, "error", |out| {
        Writer::new(out).object(|event| {
            event.str("type", "error");
            event.str("code", stream_code(fault));
            event.str("message", &fault.message);
            or_null(event, "param", fault.param.as_deref());
        });
    });
}

/// Reads an error answer.
pub(super) fn decode(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault {
    let document = Document::parse(Bytes::copy_from_slice(body)).unwrap_or_else(|_| Document::null());
    let error = Told::read(error_of(document.root()));
    let kind = error.kind().filter(|_| !is_auth(status)).unwrap_or_else(|| kind_of_status(status, &error));
    let mut fault = error.into_fault(kind, || format!("the upstream answered {}", status.as_u16()));
    fault.status = Some(status.as_u16());
    fault.retry_after = retry_after(headers);
    fault.upstream_id = headers.get("x-request-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    fault
}

/// Reads the error inside an answer or a stream: `{code, message, …}`, or a record that holds one as `error`.
pub(super) fn decode_inside(error: Value<'_>) -> Fault {
    let error = Told::read(error_of(error));
    let kind = error.kind().unwrap_or(FaultKind::Upstream);
    error.into_fault(kind, || "the upstream failed without saying why".to_owned())
}

/// Where an error body says what went wrong; some servers leave out the object around it.
fn error_of(root: Value<'_>) -> Value<'_> {
    root.get("error").unwrap_or(root)
}

/// What an error says of itself.
#[derive(Debug, Default)]
struct Told {
    message: Option<String>,
    code: Option<String>,
    type_word: Option<String>,
    param: Option<String>,
}

impl Told {
    fn read(error: Value<'_>) -> Self {
        let string = |key: &str| error.get(key).and_then(|value| value.str().ok()).map(std::borrow::Cow::into_owned);
        let whole = || error.str().ok().map(std::borrow::Cow::into_owned);
        // FastAPI servers (vLLM and others) write `detail`; gateways write numbers as codes.
        let message = string("message").or_else(|| string("detail")).or_else(whole);
        let number = |value: Value<'_>| (value.kind() == Kind::Number).then(|| value.as_written().to_owned());
        let code = string("code").or_else(|| error.get("code").and_then(number));
        Self { message, code, type_word: string("type"), param: string("param") }
    }

    fn kind(&self) -> Option<FaultKind> {
        let words = [self.code.as_deref(), self.type_word.as_deref()];
        words.into_iter().flatten().find_map(kind_of_word)
    }

    fn into_fault(self, kind: FaultKind, otherwise: impl FnOnce() -> String) -> Fault {
        let message = self.message.map_or_else(otherwise, |message| without_keys(&message));
        Fault { code: self.code, param: self.param, ..Fault::new(kind, blame(kind), message) }
    }
}

fn kind_of_word(word: &str) -> Option<FaultKind> {
    Some(match word {
        "context_length_exceeded" => FaultKind::ContextTooLong,
        "insufficient_quota" | "usage_limit_reached" | "billing_hard_limit_reached" => FaultKind::QuotaSpent,
        "rate_limit_exceeded" | "rate_limit_error" | "requests" | "tokens" => FaultKind::RateLimited,
        "model_not_found" => FaultKind::NoSuchModel,
        "invalid_api_key" | "authentication_error" => FaultKind::UpstreamAuth,
        "server_is_overloaded" | "slow_down" | "overloaded_error" => FaultKind::Overloaded,
        "invalid_prompt" | "bio_policy" | "invalid_encrypted_content" => FaultKind::BadRequest,
        "content_policy_violation" | "moderation_blocked" => FaultKind::Forbidden,
        _ => return None,
    })
}

fn is_auth(status: StatusCode) -> bool {
    status == StatusCode::UNAUTHORIZED
}

fn kind_of_status(status: StatusCode, error: &Told) -> FaultKind {
    let is_too_long = || error.message.as_deref().is_some_and(|message| message.contains("maximum context length"));
    match status.as_u16() {
        400 if is_too_long() => FaultKind::ContextTooLong,
        // A 403 is the account's, unless its code says that the request itself is forbidden.
        401 | 403 => FaultKind::UpstreamAuth,
        402 => FaultKind::QuotaSpent,
        404 => FaultKind::NotFound,
        409 => FaultKind::Conflict,
        413 => FaultKind::TooLarge,
        415 => FaultKind::UnsupportedMediaType,
        429 => FaultKind::RateLimited,
        503 | 529 => FaultKind::Overloaded,
        408 | 504 => FaultKind::Timeout,
        400..=499 => FaultKind::BadRequest,
        _ => FaultKind::Upstream,
    }
}

fn blame(kind: FaultKind) -> Blame {
    match kind {
        FaultKind::UpstreamAuth | FaultKind::QuotaSpent | FaultKind::RateLimited => Blame::Account,
        FaultKind::Upstream | FaultKind::Overloaded | FaultKind::Timeout => Blame::Provider,
        _ => Blame::Client,
    }
}

/// `retry-after-ms`, else `retry-after` in seconds. A date needs a clock and is read by the provider's own classification.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1000.0).or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// OpenAI quotes the key that it refuses, in part.
fn without_keys(message: &str) -> String {
    let is_key = |word: &str| word.trim_start_matches(['`', '\'', '"', '(']).starts_with("sk-");
    message.split(' ').map(|word| if is_key(word) { "[key]" } else { word }).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(status: u16, body: &str) -> Fault {
        decode(StatusCode::from_u16(status).unwrap(), &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn the_code_tells_more_than_the_status() {
        let body = |code: &str| format!(r#"{{"error":{{"message":"m","type":"t","param":null,"code":"{code}"}}}}"#);
        for (status, code, kind) in [
            (400, "context_length_exceeded", FaultKind::ContextTooLong),
            (429, "insufficient_quota", FaultKind::QuotaSpent),
            (429, "rate_limit_exceeded", FaultKind::RateLimited),
            (404, "model_not_found", FaultKind::NoSuchModel),
            (400, "unsupported_value", FaultKind::BadRequest),
            (403, "unsupported_country_region_territory", FaultKind::UpstreamAuth),
            (503, "", FaultKind::Overloaded),
        ] {
            assert_eq!(decoded(status, &body(code)).kind, kind, "{status} {code}");
        }
    }

    #[test]
    fn bodies_that_are_no_errors_give_the_fault_of_their_status() {
        assert_eq!(decoded(502, "<html>").kind, FaultKind::Upstream);
        assert_eq!(decoded(502, "<html>").message, "the upstream answered 502");
        assert_eq!(decoded(422, r#"{"detail":"no"}"#).message, "no");
    }

    #[test]
    fn a_refused_key_is_neither_quoted_nor_told_as_the_clients() {
        let fault = decoded(401, r#"{"error":{"message":"Incorrect API key provided: sk-ab***yz. See","code":"invalid_api_key"}}"#);
        assert_eq!(fault.message, "Incorrect API key provided: [key] See");
        let (status, body) = encode(&fault);
        assert_eq!(status, 502);
        let expected = r#"{"error":{"message":"Incorrect API key provided: [key] See","type":"server_error","param":null,"code":"upstream_auth"}}"#;
        assert_eq!(body, expected);
    }

    #[test]
    fn waiting_times_are_read_in_both_units() {
        let header = |name: &'static str, value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(header("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(header("retry-after-ms", "1500"), Some(Duration::from_millis(1500)));
        assert_eq!(header("retry-after", "soon"), None);
        assert_eq!(header("retry-after", "-1"), None);
    }
}
