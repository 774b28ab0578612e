//! What verbs work on: the home with its accounts, the agent where one runs, and the world outside.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::agent::AgentHandle;
use super::bodies_asked;
use super::dashboard_link::{DashboardLink, LinkIssuer};
use super::record_pricing::{RecordPricing, read_prices};
use super::refusal::Refusal;
use super::resender::Resender;
use super::sign_in::PendingSignIns;
use super::socket_path::SocketPath;
use super::stats::DayMemory;
use super::wire::ControlError;
use crate::account::{Credential, KeySources, Secret, VaultError};
use crate::accounts::AccountRegistry;
use crate::canon::{Fault, ModelCard};
use crate::client_keys::{ClientKeys, KeySettings};
use crate::config::{Config, Home, Live, local_key};
use crate::pool::Pool;
use crate::prices::Prices;
use crate::provider::Provider;
use crate::record::Ring;
use crate::store::records::{RecordReader, RecordStore, RecordsProblem};
use crate::store::{ApiKey, Store};
use crate::upstream::{NetworkSettings, ProxyChoice, Upstream};

/// What a verb needs of the world outside.
pub trait Environment: Send + Sync {
    /// Asks a provider for its models, as an account and through its proxy.
    fn list_models<'a>(
        &'a self,
        config: &'a Config,
        provider: &'a Provider,
        credential: &'a Credential,
        via: &'a ProxyChoice,
    ) -> BoxFuture<'a, Result<Vec<ModelCard>, Fault>>;

    /// How requests leave this machine.
    fn upstream(&self, config: &Config) -> Arc<dyn Upstream>;

    /// Reads an environment variable.
    fn variable(&self, name: &str) -> Option<Secret> {
        Secret::from_env(name)
    }

    /// The sources of the vault's key that this process has.
    fn vault_keys(&self) -> KeySources;
}

/// How requests leave this machine, as configured.
pub fn network_settings(config: &Config) -> NetworkSettings {
    NetworkSettings {
        connect_timeout: config.limits.connect_timeout,
        proxy: config.network.proxy.clone(),
        no_proxy: config.network.no_proxy.clone(),
        ca_file: config.network.ca_file.clone(),
    }
}

/// Every secret that this home knows by its value. Of keys for the port only the local one is: of
/// the others a request carries the value, or nothing does.
pub(super) fn known_secrets(accounts: &AccountRegistry, home: &Home) -> Vec<Secret> {
    let mut known = accounts.secrets();
    known.extend(local_key::read(home));
    known
}

/// What verbs work on, for one home. The process that has it holds the home's lock.
///
/// The verbs themselves are in [`super::verbs`].
pub struct ControlService {
    pub(super) home: Home,
    pub(super) socket: SocketPath,
    pub(super) accounts: Arc<AccountRegistry>,
    /// The keys of the API port besides the local one, and what is used of their limits.
    pub(super) client_keys: Arc<ClientKeys>,
    pub(super) live: watch::Receiver<Live>,
    pub(super) environment: Arc<dyn Environment>,
    /// `None` where a command works on the files.
    pub(super) agent: Option<AgentHandle>,
    /// The latest requests.
    pub(super) ring: Arc<Ring>,
    /// Where an agent records; `None` where a command works on the files.
    pub(super) records: Option<Arc<RecordStore>>,
    /// What was recorded.
    pub(super) record_reader: Arc<RecordReader>,
    /// Sums that an agent remembers: its own records alone change them.
    pub(super) day_memory: Option<Arc<DayMemory>>,
    /// The sign-ins that pages wait for.
    pub(super) sign_ins: PendingSignIns,
    /// Set once the agent has a dashboard.
    dashboard: OnceLock<Arc<dyn LinkIssuer>>,
    /// Set once the agent serves.
    resender: OnceLock<Arc<dyn Resender>>,
}

impl ControlService {
    /// A service without an agent.
    ///
    /// The vault is opened by [`ControlService::open_vault`]; its accounts wait until then.
    pub fn new(
        home: Home,
        socket: SocketPath,
        store: Store,
        live: watch::Receiver<Live>,
        environment: Arc<dyn Environment>,
    ) -> Self {
        let (of_env, of_keys) = (environment.clone(), environment.clone());
        let pricing = RecordPricing::new(live.clone(), home.prices_file());
        let client_keys = ClientKeys::new(store.key_usage_store(), Arc::new(pricing));
        client_keys.replace(key_settings(&store), SystemTime::now());
        let accounts = AccountRegistry::new(
            home.clone(),
            store,
            live.clone(),
            Box::new(move |name| of_env.variable(name)),
            Box::new(move || of_keys.vault_keys()),
        );
        Self {
            record_reader: Arc::new(RecordReader::new(home.records_file())),
            home,
            socket,
            accounts: Arc::new(accounts),
            client_keys: Arc::new(client_keys),
            live,
            environment,
            agent: None,
            ring: Arc::new(Ring::new(0)),
            records: None,
            day_memory: None,
            sign_ins: PendingSignIns::default(),
            dashboard: OnceLock::new(),
            resender: OnceLock::new(),
        }
    }

    /// The service of a running agent, whose latest requests are in `ring`, and all in `records`.
    #[must_use]
    pub fn with_agent(
        self,
        agent: AgentHandle,
        ring: Arc<Ring>,
        records: Arc<RecordStore>,
    ) -> Self {
        Self {
            agent: Some(agent),
            ring,
            day_memory: Some(Arc::new(DayMemory::new(records.touches()))),
            record_reader: Arc::new(RecordReader::beside(
                self.home.records_file(),
                records.clone(),
            )),
            records: Some(records),
            ..self
        }
    }

    /// Keeps what a person asked for of bodies over a restart, and names the secrets that bodies
    /// are stored without.
    pub fn follow_bodies(&self) {
        let Some(records) = &self.records else { return };
        bodies_asked::follow(records.bodies(), self.store());
        let (accounts, home) = (self.accounts.clone(), self.home.clone());
        records.set_known_secrets(move || known_secrets(&accounts, &home));
    }

    pub fn home(&self) -> &Home {
        &self.home
    }

    /// The configuration that is active now.
    pub fn config(&self) -> Arc<Config> {
        self.live.borrow().config.clone()
    }

    pub fn accounts(&self) -> &Arc<AccountRegistry> {
        &self.accounts
    }

    pub fn client_keys(&self) -> &Arc<ClientKeys> {
        &self.client_keys
    }

    pub(super) fn pool(&self) -> &Pool {
        self.accounts.pool()
    }

    pub(super) fn store(&self) -> &Store {
        self.accounts.store()
    }

    /// Waits until what was recorded before is written, where an agent records.
    pub(super) async fn flush_records(&self) {
        if let Some(records) = &self.records {
            records.flush().await;
        }
    }

    /// Reads what was recorded, on a thread that may wait for the disk.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) async fn read_records<T: Send + 'static>(
        &self,
        read: impl FnOnce(&RecordReader) -> Result<T, RecordsProblem> + Send + 'static,
    ) -> Result<T, ControlError> {
        let reader = self.record_reader.clone();
        let read = tokio::task::spawn_blocking(move || read(&reader)).await;
        read.map_err(|_| ControlError::broke())?
            .map_err(ControlError::caused_by)
    }

    /// The prices, with the person's own above them; and what is wrong with these, where they are
    /// not used.
    pub(super) fn prices(&self) -> (Prices, Option<String>) {
        read_prices(&self.home.prices_file())
    }

    /// # Errors
    /// When no agent runs.
    pub(super) fn agent(&self) -> Result<&AgentHandle, ControlError> {
        self.agent.as_ref().ok_or_else(ControlError::not_running)
    }

    /// Accounts have changed: the pool has them at once, the listener in a moment.
    pub(super) async fn accounts_changed(&self) {
        self.accounts.reload_pool();
        if let Some(agent) = &self.agent {
            agent.accounts_changed().await;
        }
    }

    /// API keys have changed: done once the listener has them, so that a revoked key opens nothing
    /// any more.
    pub(super) async fn keys_changed(&self) {
        self.client_keys
            .replace(key_settings(self.store()), SystemTime::now());
        if let Some(agent) = &self.agent {
            agent.reload_accounts().await;
        }
    }

    /// Opens the vault where it is shut, which may take as long as a person needs to type a
    /// passphrase; then its accounts serve.
    ///
    /// # Errors
    /// Why it stays shut. Accounts that need no vault serve all the same.
    pub async fn open_vault(&self) -> Result<(), VaultError> {
        let opened = self.accounts.open_vault().await;
        self.accounts_changed().await;
        opened
    }

    /// Registers what sends requests again; later calls are ignored.
    pub fn set_resender(&self, resender: Arc<dyn Resender>) {
        drop(self.resender.set(resender));
    }

    /// # Errors
    /// When no agent serves.
    pub(super) fn resender(&self) -> Result<&Arc<dyn Resender>, ControlError> {
        self.resender.get().ok_or_else(ControlError::not_running)
    }

    /// Registers the dashboard that links lead to; later calls are ignored.
    pub fn set_dashboard(&self, dashboard: Arc<dyn LinkIssuer>) {
        drop(self.dashboard.set(dashboard));
    }

    /// # Errors
    /// When no agent runs, or its dashboard cannot be reached.
    pub(super) fn dashboard_link(&self, page: Option<&str>) -> Result<DashboardLink, ControlError> {
        let Some(dashboard) = self.dashboard.get() else {
            self.agent()?;
            return Err(ControlError::failed(Refusal::DashboardNotOpen));
        };
        dashboard.link(page)
    }

    /// Removes the dashboard's files and stores what waits to be stored. Called at the end.
    pub fn close(&self) {
        self.sign_ins.cancel_all();
        if let Some(dashboard) = self.dashboard.get() {
            dashboard.close();
        }
        if let Some(memory) = &self.day_memory {
            memory.close();
        }
        if let Some(records) = &self.records {
            records.close();
        }
        self.client_keys.save();
        self.store().close();
    }
}

fn key_settings(store: &Store) -> Vec<KeySettings> {
    store.keys().iter().map(ApiKey::settings).collect()
}
