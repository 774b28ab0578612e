//! The vault as refreshes need it: one refresh at a time for each account, and the new
//! tokens on the disk before they are used.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use crate::account::{AccountName, Credential, Vault, VaultError, VaultState};
use crate::language::{Said, said};
use crate::pool::{Claim, CredentialStore, CredentialStoreError};

/// Keeps credentials in a vault. Other processes are kept away by the home's lock, which who has a
/// vault holds.
pub struct VaultCredentialStore {
    vault: Arc<ArcSwap<Vault>>,
    claims: Mutex<HashMap<AccountName, Arc<tokio::sync::Mutex<()>>>>,
}

said! {
    /// What panicked.
    #[derive(Clone, Copy, Debug)]
    pub(super) enum Broken;
    VaultsWork: "the vault's work broke" | "die Arbeit am Tresor brach ab";
    Opening: "the attempt to open it broke" | "der Versuch, ihn zu öffnen, brach ab";
}

impl VaultCredentialStore {
    pub(crate) fn new(vault: Arc<ArcSwap<Vault>>) -> Self {
        Self {
            vault,
            claims: Mutex::default(),
        }
    }

    /// Runs off the threads that serve: it waits for the disk.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Vault) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, CredentialStoreError> {
        let vault = self.vault.load_full();
        let done = tokio::task::spawn_blocking(move || work(&vault)).await;
        done.map_err(|_| CredentialStoreError(Broken::VaultsWork.into()))?
            .map_err(|error| CredentialStoreError(Said::of(&error)))
    }
}

impl CredentialStore for VaultCredentialStore {
    fn claim<'a>(
        &'a self,
        account: &'a AccountName,
    ) -> BoxFuture<'a, Result<Claim, CredentialStoreError>> {
        let claim = {
            let mut claims = self.claims.lock();
            // Drops claims without a holder and without a waiter.
            claims.retain(|_, claim| Arc::strong_count(claim) > 1);
            Arc::clone(claims.entry(account.clone()).or_default())
        };
        Box::pin(async move { Ok(Box::new(claim.lock_owned().await) as Claim) })
    }

    fn read<'a>(
        &'a self,
        account: &'a AccountName,
    ) -> BoxFuture<'a, Result<Option<Credential>, CredentialStoreError>> {
        let vault = self.vault.load();
        let found = match vault.state() {
            VaultState::Locked { why, .. } => Err(CredentialStoreError(why)),
            _ => Ok(vault.get(account).map(|sealed| sealed.credential)),
        };
        Box::pin(std::future::ready(found))
    }

    fn replace<'a>(
        &'a self,
        account: &'a AccountName,
        old: &'a Credential,
        new: &'a Credential,
    ) -> BoxFuture<'a, Result<bool, CredentialStoreError>> {
        let (name, old, new) = (account.clone(), old.clone(), new.clone());
        Box::pin(self.with(move |vault| replace(vault, &name, &old, new)))
    }
}

fn replace(
    vault: &Vault,
    name: &AccountName,
    old: &Credential,
    new: Credential,
) -> Result<bool, VaultError> {
    let mut is_replaced = false;
    let updated = vault.update(name, |kept| {
        if kept == old {
            *kept = new;
            is_replaced = true;
        }
    });
    match updated {
        Err(VaultError::Unknown(_)) => Ok(false),
        updated => updated.map(|()| is_replaced),
    }
}
