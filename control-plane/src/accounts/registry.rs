//! The accounts of a home while the program runs: read from the store, the vault and the
//! environment, joined with the configuration, and handed to the pool whenever one of them changes.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::VaultCredentialStore;
use super::roster::{self, Sources, with_presets};
use crate::account::{Account, KeySources, Secret, Vault, VaultError};
use crate::accounts::credential_store::Broken;
use crate::config::{Config, Home, Live};
use crate::pool::{Clock, Pool, Roster};
use crate::provider::Provider;
use crate::store::{Flag, PoolStateStore, Store};

/// Reads an environment variable, from any thread.
pub type EnvLookup = Box<dyn Fn(&str) -> Option<Secret> + Send + Sync>;

/// Makes the sources of the vault's key that this process has: keyring, key file, terminal.
pub type VaultKeys = Box<dyn Fn() -> KeySources + Send + Sync>;

/// Where the accounts of a home come from, and the pool that serves them.
///
/// The process that has one holds the home's lock.
pub struct AccountRegistry {
    home: Home,
    store: Store,
    pool: Pool,
    live: watch::Receiver<Live>,
    lookup: EnvLookup,
    vault_keys: VaultKeys,
    /// Replaced when a person allows plain text.
    vault: Arc<ArcSwap<Vault>>,
    credentials: Arc<VaultCredentialStore>,
}

impl AccountRegistry {
    /// Makes the pool, which stays empty until [`AccountRegistry::reload_pool`]. The vault is
    /// opened by [`AccountRegistry::open_vault`]; its accounts wait until then.
    pub fn new(
        home: Home,
        store: Store,
        live: watch::Receiver<Live>,
        lookup: EnvLookup,
        vault_keys: VaultKeys,
    ) -> Self {
        let rules = roster::pool_config(&live.borrow().config);
        let notes = Arc::new(PoolStateStore::new(store.clone()));
        let pool = Pool::new(notes, Clock::system(), rules);
        let vault = new_vault(&home, vault_keys(), store.has(Flag::Plaintext));
        let vault = Arc::new(ArcSwap::from_pointee(vault));
        let credentials = Arc::new(VaultCredentialStore::new(vault.clone()));
        Self {
            home,
            store,
            pool,
            live,
            lookup,
            vault_keys,
            vault,
            credentials,
        }
    }

    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The configuration, with the presets that accounts were added for.
    pub fn effective_config(&self) -> Arc<Config> {
        let config = self.live.borrow().config.clone();
        match self.with_presets(&config) {
            Cow::Borrowed(_) => config,
            Cow::Owned(config) => Arc::new(config),
        }
    }

    /// `config` with the presets that accounts were added for.
    pub fn with_presets<'c>(&self, config: &'c Config) -> Cow<'c, Config> {
        with_presets(config, &self.added())
    }

    /// A provider of the configuration, or a preset that accounts were added for.
    pub fn provider(&self, name: &str) -> Option<Provider> {
        self.effective_config().provider(name).cloned()
    }

    /// The accounts that a person added.
    pub(crate) fn added(&self) -> Vec<Account> {
        self.sources().added()
    }

    /// All members of the pool as they would be loaded now.
    pub(crate) fn members(&self) -> Roster {
        let added = self.added();
        let config = self.live.borrow().config.clone();
        let config = with_presets(&config, &added);
        self.sources().roster(&config, added)
    }

    /// Every secret of the vault and of the accounts from elsewhere. What a locked vault holds is
    /// sent nowhere.
    pub fn secrets(&self) -> Vec<Secret> {
        let vault = self.vault();
        let sealed = vault
            .names()
            .into_iter()
            .filter_map(|name| vault.get(&name));
        let of_members = self
            .members()
            .into_iter()
            .filter_map(|member| member.credential.ok());
        let credentials = sealed.map(|entry| entry.credential).chain(of_members);
        credentials
            .flat_map(|credential| {
                credential
                    .secrets()
                    .into_iter()
                    .cloned()
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Gives the pool the accounts and the scheduling rules as they are now.
    pub fn reload_pool(&self) {
        let rules = roster::pool_config(&self.live.borrow().config);
        self.pool.replace(self.members(), rules);
        let config = self.effective_config();
        self.pool.follow_balances(&|name| {
            let provider = config.provider(name);
            provider.is_some_and(Provider::tells_balance)
        });
    }

    /// Reads an environment variable.
    pub(crate) fn variable(&self, name: &str) -> Option<Secret> {
        (self.lookup)(name)
    }

    /// The vault as token refreshes use it.
    pub fn credentials(&self) -> Arc<VaultCredentialStore> {
        self.credentials.clone()
    }

    pub(crate) fn vault(&self) -> Vault {
        self.vault.load().as_ref().clone()
    }

    /// Opens the vault where it is shut, which may take as long as a person needs to type a
    /// passphrase.
    ///
    /// # Errors
    /// Why it stays shut. Accounts that need no vault are served all the same.
    pub(crate) async fn open_vault(&self) -> Result<(), VaultError> {
        self.with_vault(|vault| vault.open()).await
    }

    /// Works on the vault, off the threads that serve.
    ///
    /// # Errors
    /// What `work` says.
    pub(crate) async fn with_vault<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Vault) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let vault = self.vault();
        let worked = tokio::task::spawn_blocking(move || work(&vault)).await;
        worked.unwrap_or_else(|_| Err(VaultError::Locked(Broken::Opening.into())))
    }

    /// From now on a vault that nothing can seal is written in plain text. One that is sealed
    /// already stays sealed.
    pub(crate) fn allow_plaintext(&self) {
        let vault = new_vault(&self.home, (self.vault_keys)(), true);
        self.vault.store(Arc::new(vault));
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            store: &self.store,
            vault: self.vault(),
            lookup: &*self.lookup,
            now: SystemTime::now(),
        }
    }
}

fn new_vault(home: &Home, keys: KeySources, allows_plaintext: bool) -> Vault {
    let keys = if allows_plaintext {
        keys.with_plaintext()
    } else {
        keys
    };
    Vault::new(home.folder(), keys)
}
