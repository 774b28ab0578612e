//! What passes unchanged when both sides speak the same dialect: listed headers, and the body up to
//! the model's name. It never reads what a body says.

use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::json::EscapedStr;
use crate::protocol::{Protocol, RoutingFields};
use crate::segmented_bytes::SegmentedBytes;

/// Request headers that any dialect's upstream may see.
const REQUEST: &[&str] = &["accept", "user-agent"];

/// Response headers that any dialect's client may see.
const RESPONSE: &[&str] = &[
    "content-type",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
];

/// Up to this length a renamed body is copied into one segment: three would cost more to send.
const COPIED_BYTES_MAX: usize = 16 * 1024;

/// Headers of a response that there is room for from the start.
const RESPONSE_HEADERS: usize = 12;

/// The client's headers that its dialect lets through.
pub(super) fn request_headers(
    headers: &HeaderMap,
    also: &[&str],
) -> Vec<(HeaderName, HeaderValue)> {
    allowed(headers, REQUEST, also).collect()
}

/// The upstream's headers that its dialect lets through.
pub(super) fn response_headers(headers: &HeaderMap, also: &[&str]) -> HeaderMap {
    // With room for what the gateway adds.
    let mut passed = HeaderMap::with_capacity(RESPONSE_HEADERS);
    passed.extend(allowed(headers, RESPONSE, also));
    passed
}

/// What every request of a dialect carries, for requests that lack it or are made by the gateway.
pub(super) fn fixed_headers(
    protocol: &dyn Protocol,
) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    protocol
        .descriptor()
        .fixed_headers
        .iter()
        .map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        })
}

fn allowed<'h>(
    headers: &'h HeaderMap,
    common: &'h [&str],
    also: &'h [&str],
) -> impl Iterator<Item = (HeaderName, HeaderValue)> + 'h {
    let is_allowed = move |name: &HeaderName| {
        common
            .iter()
            .chain(also)
            .any(|pattern| matches(pattern, name.as_str()))
    };
    headers
        .iter()
        .filter(move |(name, _)| is_allowed(name))
        .map(|(name, value)| (name.clone(), value.clone()))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.as_bytes() {
        [prefix @ .., b'*'] => name.as_bytes().starts_with(prefix),
        exact => exact == name.as_bytes(),
    }
}

/// The body with the model's characters replaced, or as it came where the name stays or stands in
/// the path.
pub(super) fn rename(
    body: &SegmentedBytes,
    routing: &RoutingFields,
    model: &str,
) -> SegmentedBytes {
    let renamed_at = routing.model_at.clone().filter(|_| routing.model != model);
    let Some(at) = renamed_at else {
        return body.clone();
    };
    let name = EscapedStr::from_plain(model);
    let name = name.as_bytes();
    if body.len() > COPIED_BYTES_MAX {
        return body.replaced(at, name.clone());
    }
    let (body, end) = (body.whole(), at.end);
    let mut renamed = BytesMut::with_capacity(body.len() + name.len());
    renamed.extend_from_slice(&body[..at.start]);
    renamed.extend_from_slice(name);
    renamed.extend_from_slice(&body[end..]);
    renamed.freeze().into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn only_listed_headers_pass() {
        let names = [
            "anthropic-beta",
            "x-stainless-os",
            "cookie",
            "origin",
            "x-forwarded-for",
            "accept",
        ];
        let headers = names
            .iter()
            .map(|name| {
                (
                    HeaderName::from_static(name),
                    http::HeaderValue::from_static("v"),
                )
            })
            .collect();
        let passed = request_headers(&headers, &["anthropic-beta", "x-stainless-*"]);
        let mut passed: Vec<&str> = passed.iter().map(|(name, _)| name.as_str()).collect();
        passed.sort_unstable();
        assert_eq!(passed, ["accept", "anthropic-beta", "x-stainless-os"]);
    }

    #[test]
    fn a_rename_touches_nothing_else() {
        let body = SegmentedBytes::from(Bytes::from_static(
            br#"{ "x": 1.0, "model" : "fast", "y":"\u00e9"}"#,
        ));
        let routing = RoutingFields {
            model: "fast".into(),
            model_at: Some(23..27),
            ..RoutingFields::default()
        };
        assert_eq!(
            &rename(&body, &routing, "a\"b").whole()[..],
            br#"{ "x": 1.0, "model" : "a\"b", "y":"\u00e9"}"#
        );
        assert_eq!(rename(&body, &routing, "fast").whole(), body.whole());
    }
}
