//! What sends a refresh to a provider's token endpoint.

use futures_util::future::BoxFuture;

use crate::account::{Account, Credential};
use crate::provider::oauth::TokenResponse;

/// Sends refreshes.
pub trait Refresher: Send + Sync {
    /// Sends one. Returns within a time limit of its own.
    fn refresh<'a>(
        &'a self,
        account: &'a Account,
        credential: &'a Credential,
    ) -> BoxFuture<'a, TokenResponse>;
}
