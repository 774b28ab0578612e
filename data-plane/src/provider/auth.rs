//! How a credential is sent.

use http::{HeaderName, HeaderValue, header};

use crate::account::{Credential, Secret};
use crate::canon::Dialect;
use crate::modes::named_enum;
use crate::protocol;

named_enum! {
    /// How a provider takes a credential.
    pub enum Auth {
        /// `authorization: Bearer KEY`
        Bearer = "bearer",
        XApiKey = "x-api-key",
        XGoogApiKey = "x-goog-api-key",
        /// `api-key: KEY`, as Azure takes it.
        ApiKey = "api-key",
        /// `authorization: Bearer TOKEN`, with an access token from an authorization server.
        OAuth = "oauth",
        None = "none",
    }
}

impl Auth {
    /// The form that the dialect's official services use.
    pub fn usual_for(dialect: Dialect) -> Self {
        let header =
            protocol::by_name(dialect.name()).map(|protocol| protocol.descriptor().key_header);
        header.and_then(Self::by_name).unwrap_or(Self::Bearer)
    }

    /// The header for a credential, if any. An access token is always a bearer token, even where
    /// keys are not.
    pub(super) fn header_of(self, credential: &Credential) -> Option<(HeaderName, HeaderValue)> {
        match credential {
            Credential::None => None,
            Credential::Key(key) => self.header(key),
            Credential::OAuth(tokens) => Self::OAuth.header(tokens.access.as_ref()?),
            // The file is exchanged for an access token and never sent itself.
            Credential::ServiceAccount(_) => None,
        }
    }

    /// The header for `key`, marked sensitive: it is neither printed nor indexed by HPACK. `None`
    /// where the key is no valid header value.
    fn header(self, key: &Secret) -> Option<(HeaderName, HeaderValue)> {
        let (name, prefix) = match self {
            Self::Bearer | Self::OAuth => (header::AUTHORIZATION, "Bearer "),
            Self::XApiKey => (HeaderName::from_static("x-api-key"), ""),
            Self::XGoogApiKey => (HeaderName::from_static("x-goog-api-key"), ""),
            Self::ApiKey => (HeaderName::from_static("api-key"), ""),
            Self::None => return None,
        };
        let mut value = HeaderValue::from_maybe_shared(key.to_bytes(prefix)).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    }
}
