//! Which headers are kept with their values: an allow-list. Of all others the name and the length.

use http::HeaderMap;

/// How many headers of a message are kept, and how much of a value.
const HEADERS_MAX: usize = 100;
const VALUE_BYTES_MAX: usize = 1_000;

/// Names with their values. `*` stands at the beginning or at the end.
const ALLOWED: &[&str] = &[
    "accept",
    "cache-control",
    "content-encoding",
    "content-length",
    "content-type",
    "openai-model",
    "openai-processing-ms",
    "ratelimit*",
    "retry-after*",
    "user-agent",
    "x-aerostat-*",
    "x-ratelimit-*",
    "x-should-retry",
    "anthropic-ratelimit-*",
    "*-beta",
    "*-version",
    "*request-id",
];

/// A header as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedHeader {
    pub name: String,
    /// `None` where the value is not kept.
    pub value: Option<String>,
    /// Of the value as it was.
    pub bytes: u32,
}

pub(super) fn recorded(headers: &HeaderMap) -> Vec<RecordedHeader> {
    let kept = headers.iter().take(HEADERS_MAX);
    kept.map(|(name, value)| {
        let text = value.to_str().ok().filter(|_| is_allowed(name.as_str()));
        RecordedHeader {
            name: name.as_str().to_owned(),
            value: text.map(|text| text[..text.len().min(VALUE_BYTES_MAX)].to_owned()),
            bytes: u32::try_from(value.len()).unwrap_or(u32::MAX),
        }
    })
    .collect()
}

fn is_allowed(name: &str) -> bool {
    ALLOWED.iter().any(|pattern| match pattern.as_bytes() {
        [prefix @ .., b'*'] => name.as_bytes().starts_with(prefix),
        [b'*', suffix @ ..] => name.as_bytes().ends_with(suffix),
        exact => exact == name.as_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn of_what_is_not_listed_only_name_and_length_are_kept() {
        let headers = [
            ("authorization", "Bearer sk-1"),
            ("cookie", "a=b"),
            ("anthropic-version", "2023-06-01"),
            ("anthropic-beta", "x"),
            ("request-id", "req_1"),
            ("x-ratelimit-remaining-tokens", "7"),
            ("x-api-key", "sk-2"),
        ];
        let headers = headers.map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        let kept = recorded(&HeaderMap::from_iter(headers));
        let value = |name: &str| {
            let header = kept.iter().find(|header| header.name == name).unwrap();
            (header.value.as_deref(), header.bytes)
        };
        assert_eq!(value("authorization"), (None, 11));
        assert_eq!(value("cookie"), (None, 3));
        assert_eq!(value("x-api-key"), (None, 4));
        assert_eq!(value("anthropic-version"), (Some("2023-06-01"), 10));
        assert_eq!(value("anthropic-beta"), (Some("x"), 1));
        assert_eq!(value("request-id"), (Some("req_1"), 5));
        assert_eq!(value("x-ratelimit-remaining-tokens"), (Some("7"), 1));
    }
}
