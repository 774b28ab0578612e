//! The forms in which a credential travels.

use http::{HeaderName, HeaderValue, header};

use crate::account::{Credential, Secret};
use crate::canon::Dialect;
use crate::protocol;

/// How a provider wants its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `authorization: Bearer KEY`
    Bearer,
    XApiKey,
    XGoogApiKey,
    /// `api-key: KEY`, as Azure wants it.
    ApiKey,
    /// `authorization: Bearer TOKEN`, with an access token from an authorization server.
    OAuth,
    None,
}

impl Auth {
    pub const ALL: [Self; 6] = [
        Self::Bearer,
        Self::XApiKey,
        Self::XGoogApiKey,
        Self::ApiKey,
        Self::OAuth,
        Self::None,
    ];

    /// The word for it in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::XApiKey => "x-api-key",
            Self::XGoogApiKey => "x-goog-api-key",
            Self::ApiKey => "api-key",
            Self::OAuth => "oauth",
            Self::None => "none",
        }
    }

    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|auth| auth.name() == name)
    }

    /// The form that the official services of a dialect use.
    pub fn usual_for(dialect: Dialect) -> Self {
        let header =
            protocol::by_name(dialect.name()).map(|protocol| protocol.descriptor().key_header);
        header.and_then(Self::by_name).unwrap_or(Self::Bearer)
    }

    /// The header that a credential travels in, where it travels in one. A token is always a
    /// bearer's, also where keys are not.
    pub(super) fn header_of(self, credential: &Credential) -> Option<(HeaderName, HeaderValue)> {
        match credential {
            Credential::None => None,
            Credential::Key(key) => self.header(key),
            Credential::OAuth(tokens) => Self::OAuth.header(tokens.access.as_ref()?),
            // Google takes the access token that such a file is exchanged for, never the file.
            Credential::ServiceAccount(_) => None,
        }
    }

    /// The header that carries `key`, marked so that it is neither printed nor indexed; `None`
    /// where no header can.
    fn header(self, key: &Secret) -> Option<(HeaderName, HeaderValue)> {
        let (name, text) = match self {
            Self::Bearer | Self::OAuth => {
                (header::AUTHORIZATION, format!("Bearer {}", key.expose()))
            }
            Self::XApiKey => (
                HeaderName::from_static("x-api-key"),
                key.expose().to_owned(),
            ),
            Self::XGoogApiKey => (
                HeaderName::from_static("x-goog-api-key"),
                key.expose().to_owned(),
            ),
            Self::ApiKey => (HeaderName::from_static("api-key"), key.expose().to_owned()),
            Self::None => return None,
        };
        let text = zeroize::Zeroizing::new(text);
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }
}
