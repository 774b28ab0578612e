//! Who receives the verbs: the running agent's desk, or that of a command which works on the home
//! by itself.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::dashboard_link::LinkIssuer;
use super::explain::explain;
use super::model::Trial;
use super::overview::{is_exposed, lan_refused};
use super::provider::{ProviderModels, Standing};
use super::socket_path::SocketPath;
use super::status::Status;
use super::wire::{ControlError, WireSecret};
use super::{
    AgentHandle, Ask, Config, EnvAccount, Fault, Fetch, Home, ModelCard, Note, Provider, Reply,
    Secret, Standings, key, model, provider,
};
use crate::account::{Keys, Vault, VaultError};
use crate::accounts::VaultCredentialStore;
use crate::accounts::roster::{rules, with_presets};
use crate::config::Live;
use crate::pool::{Clock, Pool};
use crate::record::Ring;
use crate::store::{Flag, PoolNotes, Store};
use crate::upstream::{ProxyChoice, Upstream};

/// What a verb needs of the world outside.
pub trait Environment: Send + Sync {
    /// Asks a provider for its models, by an account's way.
    fn list_models<'a>(
        &'a self,
        config: &'a Config,
        provider: &'a Provider,
        account: &'a EnvAccount,
        via: &'a ProxyChoice,
    ) -> BoxFuture<'a, Result<Vec<ModelCard>, Fault>>;

    /// How requests leave this machine.
    fn upstream(&self, config: &Config) -> Arc<dyn Upstream>;

    /// Reads the environment.
    fn variable(&self, name: &str) -> Option<Secret> {
        Secret::of_env(name)
    }

    /// The ways to the vault's key that this process has.
    fn vault_keys(&self) -> Keys;
}

/// Reads the environment, from any thread.
type OwnLookup = Box<dyn Fn(&str) -> Option<Secret> + Send + Sync>;

/// Receives the verbs of a home. Who has it holds the home's lock.
pub struct ControlService {
    pub home: Home,
    pub place: SocketPath,
    pub store: Store,
    pub pool: Pool,
    /// What is in force.
    pub live: watch::Receiver<Live>,
    /// `None` where a command works by itself.
    pub agent: Option<AgentHandle>,
    /// The latest requests.
    pub ring: Arc<Ring>,
    pub(super) outside: Arc<dyn Environment>,
    pub(super) lookup: OwnLookup,
    vault: Arc<ArcSwap<Vault>>,
    keeper: Arc<VaultCredentialStore>,
    /// Hung once the agent has a dashboard.
    pub(super) front_door: OnceLock<Arc<dyn LinkIssuer>>,
}

/// Where a verb says what it has to say before it is done.
pub type Notes = mpsc::Sender<Note>;

impl ControlService {
    /// A desk over the home's files. The vault is opened by [`ControlService::open_vault`]; until
    /// then its accounts wait.
    pub fn new(
        home: Home,
        place: SocketPath,
        store: Store,
        live: watch::Receiver<Live>,
        outside: Arc<dyn Environment>,
        agent: Option<AgentHandle>,
        ring: Arc<Ring>,
    ) -> Self {
        let pool = Pool::new(
            Arc::new(PoolNotes::new(store.clone())),
            Clock::system(),
            rules(&live.borrow().config),
        );
        let vault = Arc::new(ArcSwap::from_pointee(vault(
            &home,
            &*outside,
            store.has(Flag::Plaintext),
        )));
        let keeper = Arc::new(VaultCredentialStore::new(vault.clone()));
        let of_env = outside.clone();
        let lookup = Box::new(move |name: &str| of_env.variable(name));
        Self {
            home,
            place,
            store,
            pool,
            live,
            agent,
            ring,
            outside,
            lookup,
            vault,
            keeper,
            front_door: OnceLock::new(),
        }
    }

    /// Does one verb. Dropping the future leaves the verb undone or done, never half done.
    ///
    /// # Errors
    /// Why it was not done.
    pub fn answer(&self, ask: Ask, notes: Notes) -> BoxFuture<'_, Result<Reply, ControlError>> {
        Box::pin(self.perform(ask, notes))
    }

    async fn perform(&self, ask: Ask, notes: Notes) -> Result<Reply, ControlError> {
        Ok(match ask {
            Ask::Status => Reply::Status(self.status().await),
            Ask::Start => Reply::Status(self.set_stopped(false).await?),
            Ask::Stop => Reply::Status(self.set_stopped(true).await?),
            Ask::Quit => {
                self.agent()?.quit();
                Reply::Status(self.status().await)
            }
            Ask::Open => Reply::Link(self.link()?),
            Ask::AccountForm { provider, name } => Reply::Form(self.form(&provider, &name)?),
            Ask::LoginForm { name } => Reply::Form(self.login_form(&name)?),
            Ask::AccountAdd(entry) => {
                Reply::Added(Box::new(self.add_account(entry, &notes).await?))
            }
            Ask::AccountLogin(entry) => Reply::Added(Box::new(self.login(entry, &notes).await?)),
            Ask::AccountList => Reply::Accounts(self.list_accounts()),
            Ask::AccountShow { name } => Reply::Account(Box::new(self.show_account(&name)?)),
            Ask::AccountTest { name } => Reply::Test(Box::new(self.test_account(&name).await?)),
            Ask::AccountSet { name, changes } => {
                Reply::Account(Box::new(self.set_account(&name, &changes).await?))
            }
            Ask::AccountClear { name } => Reply::Account(Box::new(self.clear_account(&name)?)),
            Ask::AccountRemove { name } => {
                Reply::Account(Box::new(self.remove_account(&name).await?))
            }
            Ask::AccountExport {
                passphrase: WireSecret(passphrase),
            } => Reply::Exported(self.export(passphrase).await?),
            Ask::AccountImport {
                file,
                passphrase: WireSecret(passphrase),
                is_meant,
            } => Reply::Imported(self.import(&file, passphrase, is_meant).await?),
            Ask::ProviderList => {
                let standings = self.standings();
                Reply::Providers(provider::list(&self.effective(), &|provider| {
                    standing(&standings, provider)
                }))
            }
            Ask::ProviderModels { name } => Reply::Models(self.models(name).await?),
            Ask::ModelTry { name } => Reply::Trial(self.try_name(name).await?),
            Ask::KeyCreate { name } => {
                let key = key::create(&self.store, &name).await?;
                self.changed_for_all().await;
                Reply::NewKey(key)
            }
            Ask::Explain { id } => Reply::Explanation(Box::new(explain(&self.ring, &id)?)),
            Ask::KeyList => Reply::Keys(key::list(&self.store)),
            Ask::KeyRevoke { name } => {
                let key = key::revoke(&self.store, &name).await?;
                self.changed_for_all().await;
                Reply::Revoked(key)
            }
        })
    }

    async fn models(&self, name: Option<String>) -> Result<Vec<ProviderModels>, ControlError> {
        let models = self.with_fetch(move |config, standings, fetch| {
            provider::models(config, standings, fetch, name.as_deref())
        });
        models.await?.map_err(ControlError::failed)
    }

    async fn try_name(&self, name: String) -> Result<Trial, ControlError> {
        self.with_fetch(move |config, standings, fetch| {
            model::try_name(config, standings, fetch, &name)
        })
        .await
    }

    /// Runs what asks providers one after the other, on a thread where waiting is allowed.
    async fn with_fetch<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Config, Standings<'_>, Fetch<'_>) -> T + Send + 'static,
    ) -> Result<T, ControlError> {
        let (config, outside, runtime, standings) = (
            self.effective(),
            self.outside.clone(),
            Handle::current(),
            self.standings(),
        );
        let work = move || {
            let fetch = |provider: &Provider, account: &EnvAccount| {
                runtime.block_on(outside.list_models(
                    &config,
                    provider,
                    account,
                    &ProxyChoice::default(),
                ))
            };
            work(&config, &|provider| standing(&standings, provider), &fetch)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| broke())
    }

    /// How each provider's accounts stand, by the provider's name.
    pub fn standings(&self) -> HashMap<String, Standing> {
        let facts = self.list_accounts();
        let mut standings: HashMap<String, Standing> = HashMap::new();
        for member in self.roster() {
            let account = &member.account;
            let standing = standings
                .entry(account.provider.clone())
                .or_insert_with(|| Standing::of_accounts(&facts, &account.provider));
            if standing.account.is_none()
                && account.settings.enabled
                && let Ok(credential) = member.credential
            {
                standing.account = Some(EnvAccount {
                    name: account.name.to_string(),
                    provider: account.provider.clone(),
                    credential,
                });
            }
        }
        standings
    }

    pub(super) fn config(&self) -> Arc<Config> {
        self.live.borrow().config.clone()
    }

    /// `config` with the presets that accounts were added for.
    pub fn with_presets<'c>(&self, config: &'c Config) -> std::borrow::Cow<'c, Config> {
        with_presets(config, &self.sources().added())
    }

    fn agent(&self) -> Result<&AgentHandle, ControlError> {
        self.agent.as_ref().ok_or_else(ControlError::not_running)
    }

    /// Accounts or keys have changed: the pool has them at once, the listener in a moment.
    pub(super) fn changed(&self) {
        self.renew();
        if let Some(agent) = &self.agent {
            agent.changed();
        }
    }

    /// The same, done once the listener has it too: what a person revoked opens nothing any more.
    async fn changed_for_all(&self) {
        self.changed();
        if let Some(agent) = &self.agent {
            agent.settled().await;
        }
    }

    /// The vault, for refreshes.
    pub fn keeper(&self) -> Arc<VaultCredentialStore> {
        self.keeper.clone()
    }

    pub fn vault(&self) -> Vault {
        self.vault.load().as_ref().clone()
    }

    /// Opens the vault where it is shut, which may take as long as a person takes; then its
    /// accounts serve.
    ///
    /// # Errors
    /// Why it stays shut. Accounts without a need for it serve all the same.
    pub async fn open_vault(&self) -> Result<(), VaultError> {
        let vault = self.vault();
        let opened = tokio::task::spawn_blocking(move || vault.open()).await;
        self.changed();
        opened.unwrap_or_else(|_| {
            Err(VaultError::Locked(
                "the attempt to open it broke".to_owned(),
            ))
        })
    }

    /// Changes the vault, off the threads that serve.
    pub(super) async fn with_vault<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Vault) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, ControlError> {
        let vault = self.vault();
        let changed = tokio::task::spawn_blocking(move || change(&vault))
            .await
            .map_err(|_| broke())?;
        changed.map_err(ControlError::failed)
    }

    /// Lets credentials lie in plain text from now on, where a person says so.
    pub(super) async fn allow_plaintext(&self, is_asked: bool) -> Result<(), ControlError> {
        if !is_asked || self.store.has(Flag::Plaintext) {
            return Ok(());
        }
        self.store
            .set(Flag::Plaintext, true)
            .await
            .map_err(ControlError::failed)?;
        self.vault
            .store(Arc::new(vault(&self.home, &*self.outside, true)));
        // Where a sealed vault is there already, it stays sealed.
        self.open_vault().await.map_err(ControlError::failed)
    }

    /// The agent as it stands.
    pub async fn status(&self) -> Status {
        let config = self.config();
        let Some(agent) = &self.agent else {
            return Status::without_agent(&config, &self.home, &self.place);
        };
        let mut status = Status::of(
            &agent.serving(),
            agent.wanted(),
            &config,
            &self.home,
            &self.place,
        );
        status.config_trouble = self.live.borrow().trouble.as_ref().map(ToString::to_string);
        status.accounts = Some(self.counts());
        status.is_exposed = is_exposed(&agent.serving(), &config);
        status.lan_refused = lan_refused(&config);
        status
    }

    /// The wish is on the disk before it is obeyed, so that a restart finds it.
    async fn set_stopped(&self, is_stopped: bool) -> Result<Status, ControlError> {
        let agent = self.agent()?;
        self.store
            .set(Flag::Stopped, is_stopped)
            .await
            .map_err(ControlError::failed)?;
        if is_stopped {
            agent.stop().await?
        } else {
            agent.start().await?
        }
        Ok(self.status().await)
    }
}

fn vault(home: &Home, outside: &dyn Environment, allows_plaintext: bool) -> Vault {
    let keys = outside.vault_keys();
    Vault::new(
        home.folder(),
        if allows_plaintext {
            keys.with_plaintext()
        } else {
            keys
        },
    )
}

fn broke() -> ControlError {
    ControlError::failed("the verb broke; this is a bug")
}

fn standing(standings: &HashMap<String, Standing>, provider: &Provider) -> Standing {
    standings
        .get(&provider.name)
        .cloned()
        .unwrap_or_else(|| Standing::of_accounts(&[], &provider.name))
}
