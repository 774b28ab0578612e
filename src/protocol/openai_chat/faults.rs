//! Errors on the wire: one table from canon's kinds to status, type and code, and the reading of upstreams' errors.
//!
//! Source: `openai-chat.md`, "Errors"; `translation.md` section 8. Decides nothing about retries.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};

use crate::canon::{Blame, Fault, FaultKind};
use crate::json::{self, Document, Object, Value};
use crate::protocol::sse;

/// Waits longer than a day are cut to it.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);
const MESSAGE_CHARS_MAX: usize = 2_000;
/// What keys begin with; messages of refused keys quote them.
const KEY_PREFIXES: [&str; 7] = ["sk-", "sk_", "AIza", "gsk_", "xai-", "pk-", "eyJ"];

/// One kind of fault as the dialect says it.
struct Row {
    status: StatusCode,
    kind: &'static str,
    /// Stands in front of the fault's own code.
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
    let status = match (fault.kind, fault.status) {
        (FaultKind::Upstream, Some(500)) => StatusCode::INTERNAL_SERVER_ERROR,
        (kind, _) => table(kind).status,
    };
    (status, json::document(|value| value.object(|object| write(fault, object))))
}

/// Writes the error as a record of a stream. It ends the stream: no `finish_reason` and no `[DONE]` follow.
pub(in crate::protocol) fn encode_record(fault: &Fault, out: &mut BytesMut) {
    sse::write(out, "", |out| json::Writer::new(out).object(|object| write(fault, object)));
}

fn write(fault: &Fault, object: &mut Object<'_>) {
    let row = table(fault.kind);
    object.object("error", |error| {
        error.str("message", &fault.message);
        error.str("type", row.kind);
        optional("param", fault.param.as_deref(), error);
        optional("code", row.code.or(fault.code.as_deref()), error);
    });
}

/// The members of an error are always there.
fn optional(key: &str, value: Option<&str>, object: &mut Object<'_>) {
    match value {
        Some(value) => object.str(key, value),
        None => object.null(key),
    }
}

/// Reads an upstream's error answer. A body of another make still gives the fault of its status.
pub(in crate::protocol) fn decode(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault {
    let document = Document::parse(Bytes::copy_from_slice(body)).unwrap_or_else(|_| Document::null());
    let reported = Reported::of(document.root());
    let mut fault = reported.fault(status);
    fault.retry_after = retry_after(headers);
    fault.upstream_id = header(headers, "x-request-id").map(str::to_owned);
    fault
}

/// The error that stands in an answer or in a record of a stream, where one does.
pub(in crate::protocol) fn inside(root: Value<'_>) -> Option<Fault> {
    let error = root.get("error").filter(|error| !matches!(error.as_written(), "false" | "\"\"" | "{}" | "0"))?;
    let status = error.get("code").and_then(|code| u16::try_from(code.u64().ok()?).ok());
    let status = status.and_then(|status| StatusCode::from_u16(status).ok()).filter(|status| status.as_u16() >= 400);
    let reported = Reported::of(root);
    let mut fault = reported.fault(status.unwrap_or_else(|| reported.implied_status()));
    fault.status = status.map(|status| status.as_u16());
    Some(fault)
}

/// What an upstream said of its error.
#[derive(Debug, Default)]
struct Reported {
    message: Option<String>,
    kind: Option<String>,
    code: Option<String>,
    param: Option<String>,
}

impl Reported {
    /// `{"error":{message,type,param,code}}`; also `{"error":"…"}` (Ollama), a list of one (Google's Chat endpoint), and the
    /// bare `{"message":…}` and `{"detail":…}` of web frameworks.
    fn of(root: Value<'_>) -> Self {
        let root = root.items().ok().and_then(|mut items| items.next()).unwrap_or(root);
        let error = root.get("error").unwrap_or(root);
        let text = |key: &str| error.get(key).and_then(|value| value.str().ok()).map(std::borrow::Cow::into_owned);
        let alone = error.str().ok().map(std::borrow::Cow::into_owned);
        Self {
            message: alone.or_else(|| text("message")).or_else(|| text("detail")),
            kind: text("type"),
            code: text("code").or_else(|| text("status")),
            param: text("param"),
        }
    }

    fn fault(&self, status: StatusCode) -> Fault {
        let kind = self.fault_kind(status);
        let message = self.message.as_deref().map_or_else(|| format!("the upstream answered {status}"), told);
        Fault {
            status: Some(status.as_u16()),
            code: self.code.clone(),
            param: self.param.clone(),
            ..Fault::new(kind, blame(kind), message)
        }
    }

    fn fault_kind(&self, status: StatusCode) -> FaultKind {
        self.named_kind(status).unwrap_or_else(|| self.status_kind(status))
    }

    /// Words say more than a status.
    fn named_kind(&self, status: StatusCode) -> Option<FaultKind> {
        let is = |word: &str| self.code.as_deref() == Some(word) || self.kind.as_deref() == Some(word);
        let says = |words: &str| self.message.as_deref().is_some_and(|message| message.to_ascii_lowercase().contains(words));
        if is("context_length_exceeded") {
            return Some(FaultKind::ContextTooLong);
        }
        if is("insufficient_quota") || is("billing_hard_limit_reached") {
            return Some(FaultKind::QuotaSpent);
        }
        // Google's Chat endpoint says it with a 400.
        if is("invalid_api_key") || says("api key not valid") {
            return Some(FaultKind::UpstreamAuth);
        }
        if is("model_not_found") {
            return Some(FaultKind::NoSuchModel);
        }
        if status == StatusCode::FORBIDDEN && (is("content_policy_violation") || is("content_filter") || says("moderation")) {
            return Some(FaultKind::Forbidden);
        }
        // Servers that have no code for it say it in words: vLLM, llama.cpp, OpenRouter.
        let is_too_long = says("maximum context length") || says("context window") || says("context size");
        (status == StatusCode::BAD_REQUEST && is_too_long).then_some(FaultKind::ContextTooLong)
    }

    fn status_kind(&self, status: StatusCode) -> FaultKind {
        let names_model = self.message.as_deref().is_some_and(|message| message.to_ascii_lowercase().contains("model"));
        match status.as_u16() {
            401 | 403 => FaultKind::UpstreamAuth,
            402 => FaultKind::QuotaSpent,
            404 if names_model => FaultKind::NoSuchModel,
            404 => FaultKind::NotFound,
            408 | 504 => FaultKind::Timeout,
            409 => FaultKind::Conflict,
            413 => FaultKind::TooLarge,
            429 => FaultKind::RateLimited,
            503 | 529 => FaultKind::Overloaded,
            400..=499 => FaultKind::BadRequest,
            _ => FaultKind::Upstream,
        }
    }

    /// The status of an error that came inside an answer, by its words.
    fn implied_status(&self) -> StatusCode {
        let is = |word: &str| self.code.as_deref() == Some(word) || self.kind.as_deref() == Some(word);
        if is("rate_limit_exceeded") || is("rate_limit_error") || is("requests") || is("tokens") {
            StatusCode::TOO_MANY_REQUESTS
        } else if is("overloaded_error") || is("overloaded") {
            StatusCode::SERVICE_UNAVAILABLE
        } else if is("invalid_api_key") || is("authentication_error") {
            StatusCode::UNAUTHORIZED
        } else if is(REQUEST) {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::BAD_GATEWAY
        }
    }
}

fn blame(kind: FaultKind) -> Blame {
    match kind {
        FaultKind::UpstreamAuth | FaultKind::QuotaSpent | FaultKind::RateLimited => Blame::Account,
        FaultKind::Upstream | FaultKind::Overloaded | FaultKind::Timeout => Blame::Provider,
        _ => Blame::Client,
    }
}

/// An upstream's message, bounded and without key material.
pub(in crate::protocol) fn told(message: &str) -> String {
    let bounded: String = message.chars().take(MESSAGE_CHARS_MAX).collect();
    bounded.split_inclusive(char::is_whitespace).flat_map(without_key).collect()
}

/// A word and the white space behind it.
fn without_key(word: &str) -> [&str; 2] {
    let (plain, space) = word.split_at(word.trim_end().len());
    [if holds_key(plain) { "[redacted]" } else { plain }, space]
}

fn holds_key(word: &str) -> bool {
    let word = word.trim_start_matches(|character: char| !character.is_ascii_alphanumeric());
    KEY_PREFIXES.iter().any(|prefix| word.starts_with(prefix) && word.len() > prefix.len())
}

/// How long to wait, at most a day: `retry-after-ms`, else `retry-after` in seconds or, where the answer says its own `date`, as a
/// date. `None` where there is neither, or it is malformed or past.
///
/// Source: RFC 9110 section 10.2.3; openai-python for `retry-after-ms`.
pub(in crate::protocol) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let milliseconds = header(headers, "retry-after-ms").and_then(|value| value.trim().parse::<f64>().ok());
    let seconds = milliseconds.map(|milliseconds| milliseconds / 1_000.0).or_else(|| {
        let value = header(headers, header::RETRY_AFTER.as_str())?.trim();
        value.parse::<f64>().ok().or_else(|| seconds_until(value, headers))
    })?;
    let is_wait = seconds.is_finite() && seconds > 0.0;
    is_wait.then(|| Duration::from_secs_f64(seconds.min(RETRY_AFTER_MAX.as_secs_f64())))
}

fn seconds_until(date: &str, headers: &HeaderMap) -> Option<f64> {
    let until = httpdate::parse_http_date(date).ok()?;
    let now = httpdate::parse_http_date(header(headers, header::DATE.as_str())?).ok()?;
    Some(until.duration_since(now).ok()?.as_secs_f64())
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
