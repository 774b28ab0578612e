//! Builds the faults of upstreams' errors: the kind by status, who is to blame, and what of the
//! message may be repeated.
//!
//! Every dialect builds its upstreams' faults here, after its own table of error codes. Source:
//! `translation.md` section 8. Reads no headers: `provider` reads waits, since it is given the
//! time.

use crate::canon::{Blame, Fault, FaultKind};
use crate::json::{Kind, Value};

use super::redaction;

/// How many details of one error are repeated.
const DETAILS_MAX: usize = 5;

/// The kind of an error by its status. `message` tells a missing model from a missing path.
pub(super) fn kind_of_status(status: u16, message: &str) -> FaultKind {
    match status {
        // A 403 concerns the account too, unless the dialect's error code says that the request
        // itself is forbidden.
        401 | 403 => FaultKind::UpstreamAuth,
        402 => FaultKind::QuotaSpent,
        404 if mentions(message, "model") => FaultKind::NoSuchModel,
        404 => FaultKind::NotFound,
        408 | 504 => FaultKind::Timeout,
        409 => FaultKind::Conflict,
        413 => FaultKind::TooLarge,
        415 => FaultKind::UnsupportedMediaType,
        429 => FaultKind::RateLimited,
        503 | 529 => FaultKind::Overloaded,
        400..=499 => FaultKind::BadRequest,
        _ => FaultKind::Upstream,
    }
}

/// The fault of an upstream's error. `status` is `None` inside a stream.
pub(super) fn fault(kind: FaultKind, status: Option<u16>, message: Option<&str>) -> Fault {
    let message = match (message.filter(|message| !message.is_empty()), status) {
        (Some(message), _) => redaction::redacted(message),
        (None, Some(status)) => format!("the upstream answered {status}"),
        (None, None) => "the upstream failed and gave no reason".to_owned(),
    };
    Fault {
        status,
        ..Fault::new(kind, blame(kind), message)
    }
}

/// What a server's error says that is not written as its dialect writes errors.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ForeignError {
    pub(super) message: Option<String>,
    /// The path of the field that is at fault.
    pub(super) param: Option<String>,
}

impl ForeignError {
    /// Reads the `detail` of web frameworks, also within `error` or `message`; else a text in
    /// `message` or `error`.
    ///
    /// `detail` is a text, an object with one, or a list of what did not validate:
    /// `{"detail":[{"loc":["body","messages",0,"role"],"msg":"Field required"}]}`.
    /// Source: FastAPI, "Handling Errors"; vLLM and Mistral answer a 422 so.
    pub(super) fn of(root: Value<'_>) -> Self {
        let detail = [
            &["detail"][..],
            &["message", "detail"],
            &["error", "detail"],
        ]
        .into_iter()
        .find_map(|path| root.find(path)?.non_null());
        if let Some(detail) = detail {
            return Self::of_detail(detail);
        }
        let texts = [
            &["message"][..],
            &["error", "message"],
            &["error"],
            &["detail"],
        ];
        Self {
            message: texts.into_iter().find_map(|path| text(root.find(path)?)),
            param: None,
        }
    }

    fn of_detail(detail: Value<'_>) -> Self {
        let Ok(items) = detail.items() else {
            let within = ["message", "msg", "error"]
                .into_iter()
                .find_map(|key| text(detail.get(key)?));
            return Self {
                message: text(detail).or(within),
                param: None,
            };
        };
        let mut found = Self::default();
        let mut sentences = Vec::new();
        for item in items.take(DETAILS_MAX) {
            let place = item.get("loc").and_then(place);
            let Some(said) = item.get("msg").and_then(text).or_else(|| text(item)) else {
                continue;
            };
            sentences.push(match &place {
                Some(place) => format!("{place}: {said}"),
                None => said,
            });
            found.param = found.param.or(place);
        }
        found.message = (!sentences.is_empty()).then(|| sentences.join("; "));
        found
    }
}

/// `["body","messages",0,"role"]` as `messages[0].role`.
fn place(loc: Value<'_>) -> Option<String> {
    let mut place = String::new();
    for (index, step) in loc.items().ok()?.enumerate() {
        if step.kind() == Kind::Number {
            place = format!("{place}[{}]", step.as_written());
            continue;
        }
        let name = step.str().ok()?;
        if index == 0 && name == "body" {
            continue;
        }
        let dot = if place.is_empty() { "" } else { "." };
        place = format!("{place}{dot}{name}");
    }
    (!place.is_empty()).then_some(place)
}

fn text(value: Value<'_>) -> Option<String> {
    let text = value.str().ok()?;
    (!text.is_empty()).then(|| text.into_owned())
}

/// Whether `text` holds `words` (in lower case), ignoring case.
pub(super) fn mentions(text: &str, words: &str) -> bool {
    text.to_ascii_lowercase().contains(words)
}

fn blame(kind: FaultKind) -> Blame {
    match kind {
        FaultKind::UpstreamAuth | FaultKind::QuotaSpent | FaultKind::RateLimited => Blame::Account,
        FaultKind::Upstream | FaultKind::Overloaded | FaultKind::Timeout => Blame::Provider,
        _ => Blame::Client,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::json::Document;

    fn read(body: &'static str) -> (Option<String>, Option<String>) {
        let document = Document::parse(Bytes::from_static(body.as_bytes())).unwrap();
        let found = ForeignError::of(document.root());
        (found.message, found.param)
    }

    #[test]
    fn details_of_web_frameworks_keep_their_words() {
        let said = |message: &str| (Some(message.to_owned()), None);
        let at = |message: &str, param: &str| (Some(message.to_owned()), Some(param.to_owned()));
        for (body, expected) in [
            (r#"{"detail":"no"}"#, said("no")),
            (r#"{"detail":{"message":"no"}}"#, said("no")),
            (r#"{"detail":{"error":"no"}}"#, said("no")),
            (
                r#"{"detail":[{"type":"missing","loc":["body","messages",0,"role"],"msg":"Field required","input":{"content":"hi"}},{"loc":["body","n"],"msg":"too many"}]}"#,
                at(
                    "messages[0].role: Field required; n: too many",
                    "messages[0].role",
                ),
            ),
            (
                r#"{"object":"error","message":{"detail":[{"loc":["body","model"],"msg":"Field required"}]},"type":"invalid_request_error"}"#,
                at("model: Field required", "model"),
            ),
            (r#"{"detail":["one","two"]}"#, said("one; two")),
            (r#"{"message":"no"}"#, said("no")),
            (r#"{"error":"no"}"#, said("no")),
            (r#"{"error":{"message":"no"}}"#, said("no")),
            (r#"{"detail":[]}"#, (None, None)),
            ("7", (None, None)),
        ] {
            assert_eq!(read(body), expected, "{body}");
        }
    }
}
