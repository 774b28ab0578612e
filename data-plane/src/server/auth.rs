//! Who may use the port: API keys, compared by hash. It stores no key.

use std::borrow::Cow;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};
use percent_encoding::percent_decode_str;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::client_keys::ClientKey;
use crate::protocol::query;

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const X_GOOG_API_KEY: HeaderName = HeaderName::from_static("x-goog-api-key");

/// The accepted API keys, as hashes: comparing hashes of equal length leaks neither the length nor
/// the place of a difference.
#[derive(Clone, Default)]
pub struct Keys(Vec<Key>);

#[derive(Clone)]
pub struct Key {
    /// By which records name it.
    pub name: Arc<str>,
    hash: [u8; 32],
    /// What it may do. `None` for the home's own key, which has no limits.
    pub client: Option<Arc<ClientKey>>,
}

impl Keys {
    /// The home's own key, by the name under which records have it.
    pub fn local(name: &str, key: &str) -> Self {
        Self(vec![Key {
            name: name.into(),
            hash: Sha256::digest(key.as_bytes()).into(),
            client: None,
        }])
    }

    /// Adds the keys that were made for clients, of which only the SHA-256 is known.
    #[must_use]
    pub fn with_clients(mut self, clients: Vec<([u8; 32], Arc<ClientKey>)>) -> Self {
        let keys = clients.into_iter().map(|(hash, client)| Key {
            name: client.name().clone(),
            hash,
            client: Some(client),
        });
        self.0.extend(keys);
        self
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The accepted key that the request carries, in any of the forms in which clients send one.
    /// `None` where it carries none.
    pub fn accepted(&self, headers: &HeaderMap, query: Option<&str>) -> Option<&Key> {
        sent(headers, query).find_map(|key| self.find(&key))
    }

    fn find(&self, key: &str) -> Option<&Key> {
        let hash: [u8; 32] = Sha256::digest(key.as_bytes()).into();
        // Every key is compared, so that the time tells nothing of which one matched.
        self.0.iter().fold(None, |found, known| {
            let is_it = bool::from(known.hash.ct_eq(&hash));
            if is_it { Some(known) } else { found }
        })
    }
}

/// `Authorization: Bearer`, `x-api-key`, `x-goog-api-key`, `?key=`.
fn sent<'r>(headers: &'r HeaderMap, query: Option<&'r str>) -> impl Iterator<Item = Cow<'r, str>> {
    let value = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = value(AUTHORIZATION).and_then(bearer).map(Cow::Borrowed);
    let own = [X_API_KEY, X_GOOG_API_KEY].map(|name| value(name).map(Cow::Borrowed));
    [bearer]
        .into_iter()
        .chain(own)
        .chain([query_key(query)])
        .flatten()
}

fn query_key(query: Option<&str>) -> Option<Cow<'_, str>> {
    let mut pairs = query::pairs(query?);
    let key = pairs.find_map(|(name, value)| value.filter(|_| name == query::KEY))?;
    Some(percent_decode_str(key).decode_utf8_lossy())
}

/// The SHA-256 of the key in the query, which tells one client from another.
pub(super) fn query_key_digest(query: Option<&str>) -> Option<[u8; 32]> {
    query_key(query).map(|key| Sha256::digest(key.as_bytes()).into())
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_key_opens() {
        let keys = Keys::local("local", "sk-right");
        let header = |name: &'static str, value: &str| {
            HeaderMap::from_iter([(http::HeaderName::from_static(name), value.parse().unwrap())])
        };
        assert!(
            keys.accepted(&header("authorization", "bearer sk-right"), None)
                .is_some()
        );
        assert!(
            keys.accepted(&header("x-api-key", "sk-right"), None)
                .is_some()
        );
        assert!(
            keys.accepted(&header("x-goog-api-key", "sk-right"), None)
                .is_some()
        );
        assert!(
            keys.accepted(&HeaderMap::new(), Some("alt=sse&key=sk%2Dright"))
                .is_some()
        );
        assert!(
            keys.accepted(&HeaderMap::new(), Some("%6Bey=sk-right"))
                .is_some()
        );
        assert!(
            keys.accepted(&header("authorization", "Bearer sk-wrong"), Some("key="))
                .is_none()
        );
        assert!(
            Keys::default()
                .accepted(&header("x-api-key", ""), None)
                .is_none()
        );
    }
}
