//! The upstream's own id of a request, which its support asks for.

use http::{HeaderMap, HeaderName};

use crate::account::{Credential, Redactor};

/// The headers by which upstreams name a request.
///
/// Source: Anthropic, "Request id"; OpenAI, "Debugging requests"; Azure OpenAI, response headers;
/// Amazon API Gateway.
const NAMES: [HeaderName; 5] = [
    HeaderName::from_static("request-id"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("apim-request-id"),
    HeaderName::from_static("x-goog-request-id"),
    HeaderName::from_static("x-amzn-requestid"),
];

/// The longest id that is kept.
const BYTES_MAX: usize = 128;

/// The id, without the credential that was sent. `None` where there is none.
pub(super) fn read(headers: &HeaderMap, credential: &Credential) -> Option<Box<str>> {
    let named = NAMES.iter().find_map(|name| headers.get(name))?;
    let id = named.to_str().ok()?;
    if id.len() > BYTES_MAX {
        return None;
    }
    // What has the form of an id needs no search for each form of a credential.
    if is_of_known_form(id) && !Redactor::holds_plainly(credential, id) {
        return Some(id.into());
    }
    Some(Redactor::of(credential).text(id).into())
}

/// `req_` with letters and digits, or a UUID.
fn is_of_known_form(id: &str) -> bool {
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if let Some(rest) = id.strip_prefix("req_") {
        return is_word(rest);
    }
    id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Secret;

    fn id(value: &str, key: &str) -> Option<String> {
        let headers = HeaderMap::from_iter([(NAMES[1].clone(), value.parse().unwrap())]);
        let credential = Credential::Key(Secret::new(key.to_owned()));
        read(&headers, &credential).map(Into::into)
    }

    #[test]
    fn an_id_is_kept_as_it_came() {
        const UUID: &str = "6f1c2f3a-8f0e-4a51-9d3c-0d9a3c1b2a7f";
        assert_eq!(
            id("req_011CQx", "sk-abcdefgh").as_deref(),
            Some("req_011CQx")
        );
        assert_eq!(id(UUID, "sk-abcdefgh").as_deref(), Some(UUID));
        assert_eq!(id("7/a b", "sk-abcdefgh").as_deref(), Some("7/a b"));
        assert_eq!(id(&"x".repeat(200), "sk-abcdefgh"), None);
    }

    #[test]
    fn a_credential_that_comes_as_an_id_is_not_kept() {
        const UUID: &str = "6f1c2f3a-8f0e-4a51-9d3c-0d9a3c1b2a7f";
        assert_eq!(id(UUID, UUID).as_deref(), Some("[redacted]"));
        assert_eq!(
            id("r-sk-abcdefgh", "sk-abcdefgh").as_deref(),
            Some("r-[redacted]")
        );
    }
}
