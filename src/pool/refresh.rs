//! Access tokens: refreshed once for all who wait, ahead of their end, and never so that a successor can be lost.

use futures_util::future::BoxFuture;

use crate::account::{Account, AccountName, Credential, Secret};
use crate::outcome::Timestamp;

/// What a provider's token endpoint answered.
#[derive(Clone, Debug)]
pub enum Refreshed {
    Granted(Granted),
    /// The grant is revoked or has ended (`invalid_grant`); what the provider said, bounded and without secrets.
    Refused {
        said: String,
    },
    /// Nothing was sent: no name, no route, no trusted connection. The refresh token is as good as before.
    NotSent {
        why: String,
    },
    /// It was sent, and nothing came back that says whether it was taken.
    Unclear {
        why: String,
    },
}

/// A new access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    pub access: Secret,
    pub expires_at: Option<Timestamp>,
    /// The successor of the refresh token, where the provider gives one.
    pub refresh: Option<Secret>,
}

/// Sends refreshes.
pub trait Refresher: Send + Sync {
    /// Sends one, and answers within its own time limit.
    fn refresh<'a>(&'a self, account: &'a Account, credential: &'a Credential) -> BoxFuture<'a, Refreshed>;
}

/// Keeps credentials: the vault, as a refresh needs it. What it did is durable when its future ends.
pub trait Keeper: Send + Sync {
    /// Keeps other processes of this home from refreshing the account until the claim is dropped; waits for theirs.
    fn claim<'a>(&'a self, account: &'a AccountName) -> BoxFuture<'a, Result<Claim, KeeperError>>;
    /// What is kept at the moment; `None` where the account is gone.
    fn read<'a>(&'a self, account: &'a AccountName) -> BoxFuture<'a, Result<Option<Credential>, KeeperError>>;
    /// Replaces it.
    fn write<'a>(&'a self, account: &'a AccountName, credential: Credential) -> BoxFuture<'a, Result<(), KeeperError>>;
}

/// Given back by dropping it.
pub type Claim = Box<dyn Send>;

/// Why a credential cannot be read or kept, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeeperError(pub String);
