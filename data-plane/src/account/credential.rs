//! What proves an account to its provider.

use std::time::SystemTime;

use super::{Address, Secret};

/// What proves an account to its provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The provider takes none.
    None,
    Key(Secret),
    OAuth(Tokens),
    /// Google's JSON file of a service account, whole.
    ServiceAccount(Secret),
}

impl Credential {
    /// Everything in it that must not be shown.
    pub fn secrets(&self) -> Vec<&Secret> {
        match self {
            Self::None => Vec::new(),
            // A service account's key signs on this machine and is sent nowhere.
            Self::Key(secret) | Self::ServiceAccount(secret) => vec![secret],
            Self::OAuth(tokens) => [&tokens.access, &tokens.refresh, &tokens.client_secret]
                .into_iter()
                .flatten()
                .collect(),
        }
    }
}

/// The tokens of an OAuth sign-in, and the state of their refresh.
///
/// Every part may be missing: a pasted refresh token comes without an access token, and some
/// providers issue no refresh token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub access: Option<Secret>,
    /// When the access token expires. `None` where the provider did not say.
    pub expires_at: Option<SystemTime>,
    pub refresh: Option<Secret>,
    /// The secret of the user's own OAuth client, where it has one.
    pub client_secret: Option<Secret>,
    /// Set before a refresh is sent and cleared by its response. While it is set, the provider may
    /// consider the refresh token used.
    pub refresh_sent_at: Option<SystemTime>,
}

/// What the vault stores under an account's name: a credential, and what it was entered for.
///
/// Both are sealed together, so that a changed configuration can't send a credential to another
/// server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultEntry {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The origin of the provider's base URL when the credential was entered.
    pub address: Address,
    pub credential: Credential,
}
