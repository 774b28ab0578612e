//! Where a refresh reads and stores credentials.

use futures_util::future::BoxFuture;

use crate::account::{AccountName, Credential};
use crate::language::Said;

/// Stores credentials: the vault, as a refresh needs it. A change is durable when its future ends.
pub trait CredentialStore: Send + Sync {
    /// Keeps other processes of this home from refreshing the account until the claim is dropped.
    /// Waits for theirs.
    fn claim<'a>(
        &'a self,
        account: &'a AccountName,
    ) -> BoxFuture<'a, Result<Claim, CredentialStoreError>>;
    /// The stored credential. `None` if the account is gone.
    fn read<'a>(
        &'a self,
        account: &'a AccountName,
    ) -> BoxFuture<'a, Result<Option<Credential>, CredentialStoreError>>;
    /// Replaces `old` by `new`. If something else is stored by now, leaves that and returns
    /// `false`.
    fn replace<'a>(
        &'a self,
        account: &'a AccountName,
        old: &'a Credential,
        new: &'a Credential,
    ) -> BoxFuture<'a, Result<bool, CredentialStoreError>>;
}

/// Released by dropping it.
pub type Claim = Box<dyn Send>;

/// Why a credential cannot be read or stored, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CredentialStoreError(pub Said);
