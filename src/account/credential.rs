//! What proves an account to its provider.

use std::time::SystemTime;

use super::{Address, Secret};

/// What proves an account to its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The provider wants none.
    None,
    Key(Secret),
    OAuth(Tokens),
    /// Google's JSON file of a service account, whole.
    ServiceAccount(Secret),
}

/// What an OAuth sign-in gave, and where its refresh stands.
///
/// Every part may be missing: a pasted refresh token comes without an access token, and some
/// providers give no refresh token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub access: Option<Secret>,
    /// When the access token ends. `None` where the provider did not say.
    pub expires_at: Option<SystemTime>,
    pub refresh: Option<Secret>,
    /// The secret of the person's own OAuth client, where it has one.
    pub client_secret: Option<Secret>,
    /// Set before a refresh is sent and cleared by its answer: while it stands, the provider may
    /// hold the refresh token for used.
    pub refresh_sent_at: Option<SystemTime>,
}

/// A credential, and for whom it was entered: what the vault keeps under an account's name.
///
/// It is sealed as a whole, so that a changed configuration can't lead a credential to another
/// server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The origin of the provider's base URL at the time.
    pub address: Address,
    pub credential: Credential,
}
