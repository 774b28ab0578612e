//! What keeps an account from serving until a person does something.

use std::fmt;
use std::sync::Arc;

use crate::account::{AccountState, Address};
use crate::outcome::Timestamp;

/// SkipReason an account has to be signed in again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInWhy {
    /// No credential is stored for it.
    NoCredential,
    /// The provider refused the key.
    KeyRefused,
    /// The provider refused an access token that it had just given.
    TokenRefused,
    /// The access token ended, and there is nothing to refresh it with.
    NothingToRefresh,
    /// The provider refused to refresh: the grant is revoked or has ended.
    GrantRefused,
    /// The same, after a refresh whose answer never came: the provider may have given a successor
    /// that was lost.
    InterruptedRefresh,
}

impl SignInWhy {
    const ALL: [Self; 6] = [
        Self::NoCredential,
        Self::KeyRefused,
        Self::TokenRefused,
        Self::NothingToRefresh,
        Self::GrantRefused,
        Self::InterruptedRefresh,
    ];

    /// The word that is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::KeyRefused => "key_refused",
            Self::TokenRefused => "token_refused",
            Self::NothingToRefresh => "nothing_to_refresh",
            Self::GrantRefused => "grant_refused",
            Self::InterruptedRefresh => "interrupted_refresh",
        }
    }

    /// The reason of a stored word.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.name() == name)
    }
}

impl fmt::Display for SignInWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCredential => "no credential is stored",
            Self::KeyRefused => "the provider refused the key",
            Self::TokenRefused => "the provider refused a new access token",
            Self::NothingToRefresh => "the access token ended and there is no refresh token",
            Self::GrantRefused => "the provider refused to refresh",
            Self::InterruptedRefresh => "interrupted refresh",
        })
    }
}

/// An account that its provider no longer knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    pub why: SignInWhy,
    /// What the provider said, bounded and without secrets.
    pub detail: Option<Arc<str>>,
    pub since: Timestamp,
}

/// What only a person can remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NeedsUser {
    SignIn(SignIn),
    /// The configured address is not the one that the credential was entered for.
    AddressChanged {
        entered_for: Address,
        now: Address,
    },
    /// The environment or the configuration lacks something; never `Ready`.
    Setup(AccountState),
    /// The credential cannot be read at the moment.
    VaultLocked {
        why: Arc<str>,
    },
    /// The day that the person gave for the account's end has come.
    Expired {
        at: Timestamp,
    },
}

impl NeedsUser {
    /// Of an account that was added and never signed in.
    pub fn no_credential(since: Timestamp) -> Self {
        Self::SignIn(SignIn {
            why: SignInWhy::NoCredential,
            detail: None,
            since,
        })
    }

    /// The account's state in one word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SignIn(_) | Self::AddressChanged { .. } => "sign_in_needed",
            Self::Setup(AccountState::NeedsKey { .. }) => "env_unset",
            Self::Setup(state) => state.name(),
            Self::VaultLocked { .. } => "vault_locked",
            Self::Expired { .. } => "expired",
        }
    }
}

/// `sign-in needed (interrupted refresh)`, and its like.
impl fmt::Display for NeedsUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // What the provider says of a token that it took before helps nobody.
            Self::SignIn(
                SignIn {
                    why, detail: None, ..
                }
                | SignIn {
                    why: why @ SignInWhy::InterruptedRefresh,
                    ..
                },
            ) => {
                write!(f, "sign-in needed ({why})")
            }
            Self::SignIn(SignIn {
                why,
                detail: Some(said),
                ..
            }) => write!(f, "sign-in needed ({why}: {said})"),
            Self::AddressChanged { entered_for, now } => {
                write!(
                    f,
                    "sign-in needed (address changed from {entered_for} to {now})"
                )
            }
            Self::Setup(state) => write!(f, "{state}"),
            Self::VaultLocked { why } => write!(f, "vault locked ({why})"),
            Self::Expired { at } => write!(f, "expired at {}", super::view::moment(*at)),
        }
    }
}
