//! What sends a refresh to a provider's token endpoint.

use futures_util::future::BoxFuture;

use crate::account::{Account, Credential, Secret};
use crate::outcome::Timestamp;

/// Sends refreshes.
pub trait Refresher: Send + Sync {
    /// Sends one. Returns within a time limit of its own.
    fn refresh<'a>(
        &'a self,
        account: &'a Account,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Refreshed>;
}

/// What came of a refresh.
#[derive(Clone, Debug)]
pub enum Refreshed {
    Granted(Granted),
    /// The grant is revoked or expired (`invalid_grant`).
    Refused {
        /// What the provider said, bounded and without secrets.
        detail: String,
    },
    /// Nothing was sent: no name, no route, no trusted connection. The refresh token is as good as
    /// before.
    NotSent {
        reason: String,
    },
    /// It was sent, and no response says whether the provider carried it out.
    Unclear {
        reason: String,
    },
}

/// A new access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub access: Secret,
    pub expires_at: Option<Timestamp>,
    /// The successor of the refresh token, where the provider issues one.
    pub refresh: Option<Secret>,
}
