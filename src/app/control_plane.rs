//! What the agent holds besides the port: the home's lock, the control socket, the dashboard, and
//! the task that refreshes access tokens.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::environment::SystemEnvironment;
use crate::accounts::token_client::{FindProvider, TokenSender};
use crate::accounts::{AccountRegistry, balance_client};
use crate::config::{Config, Home, Live};
use crate::control::client::Client;
use crate::control::lock::{Holder, HomeLock, LockError};
use crate::control::record_keeping::{body_settings, retention};
use crate::control::socket::ControlSocket;
use crate::control::status::Status;
use crate::control::verbs::GetStatus;
use crate::control::{
    AgentHandle, AgentInbox, ControlError, ControlService, DesiredState, SocketPath, Store, explain,
};
use crate::dashboard::{Dashboard, TrayNote};
use crate::record::Ring;
use crate::store::Flag;
use crate::store::records::RecordStore;
use crate::upstream::Upstream;

/// How long the start waits for the vault. A keyring that asks a person takes longer, and accounts
/// that need no vault are served meanwhile.
const VAULT_TIMEOUT: Duration = Duration::from_secs(1);
/// The same at a terminal, where the person may type a passphrase first.
const VAULT_TIMEOUT_AT_TERMINAL: Duration = Duration::from_secs(60);
/// How often a locked vault is tried again.
const VAULT_RETRY_AFTER: Duration = Duration::from_secs(30);
/// How long the end waits for a token endpoint's answer.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) enum Opened {
    Ours(Box<ControlPlane>, AgentInbox),
    /// Another agent has the home.
    Theirs(Box<Status>),
}

pub(super) struct ControlPlane {
    pub(super) service: Arc<ControlService>,
    /// Where the active configuration is published for the verbs.
    pub(super) live: watch::Sender<Live>,
    /// Takes a record of each request.
    pub(super) records: Arc<RecordStore>,
    /// Opened early, so that a home with an unusable socket does not start; served once the agent
    /// can answer.
    socket: Option<ControlSocket>,
    /// Ends when the control plane is dropped.
    tasks: JoinSet<()>,
    /// The task that refreshes access tokens: apart, since it ends last.
    refresher: JoinSet<()>,
    /// What is written beside the lock.
    holder: Holder,
    lock: HomeLock,
}

impl ControlPlane {
    /// Takes the home, unless an agent has it.
    ///
    /// # Errors
    /// When the home's state cannot be used, or the other agent does not answer.
    pub(super) async fn open(home: &Home, config: &Config) -> anyhow::Result<Opened> {
        let path = SocketPath::of(home, &|name| std::env::var_os(name));
        let no_agent = async || matches!(Client::connect(&path).await, Ok(None));
        let lock = match HomeLock::wait(home, &Holder::agent(), no_agent).await {
            Ok(lock) => lock,
            Err(held @ LockError::Held(_)) => {
                let status = status_of_other(&path).await?;
                return status.ok_or_else(|| anyhow!(held)).map(Opened::Theirs);
            }
            Err(error) => return Err(error.into()),
        };
        let store = Store::open(&home.database_file())?;
        let socket = ControlSocket::open(path.clone())
            .map_err(|error| anyhow!("the control socket cannot be opened: {error}"))?;
        let desired = if store.has(Flag::Stopped) {
            DesiredState::Stopped
        } else {
            DesiredState::Running
        };
        let (agent, inbox) = AgentHandle::new(desired, config.limits.drain_timeout);
        let (live, followed) = watch::channel(Live {
            config: Arc::new(config.clone()),
            error: None,
            error_line: None,
        });
        let ring = Arc::new(Ring::new(explain::RECORDS_MAX));
        let records = RecordStore::start(home.records_file(), retention(config), ring.clone())?;
        records.set_enabled(config.record.enabled);
        records.configure_bodies(body_settings(config));
        let records = Arc::new(records);
        let environment = Arc::new(SystemEnvironment);
        let service = ControlService::new(home.clone(), path, store, followed, environment)
            .with_agent(agent, ring, records.clone());
        service.follow_bodies();
        let control = Self {
            service: Arc::new(service),
            live,
            records,
            socket: Some(socket),
            tasks: JoinSet::new(),
            refresher: JoinSet::new(),
            holder: Holder::agent(),
            lock,
        };
        Ok(Opened::Ours(Box::new(control), inbox))
    }

    /// Keeps records as the configuration says.
    pub(super) fn configure_records(&self, config: &Config) {
        self.records.set_retention(retention(config));
        self.records.set_enabled(config.record.enabled);
        self.records.configure_bodies(body_settings(config));
    }

    /// Opens the vault. Where that takes too long, or the vault is locked for now, goes on trying
    /// in the background.
    pub(super) async fn open_vault(&mut self) {
        let limit = if std::io::stdin().is_terminal() {
            VAULT_TIMEOUT_AT_TERMINAL
        } else {
            VAULT_TIMEOUT
        };
        match tokio::time::timeout(limit, self.service.open_vault()).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) if !error.is_transient() => return,
            Ok(Err(_)) => {}
            Err(_) => info!("the vault is still being opened"),
        }
        self.tasks.spawn(keep_opening_vault(self.service.clone()));
    }

    /// Opens the dashboard's port, which serves no one without a link.
    pub(super) fn open_dashboard(&mut self, tray: TrayNote) {
        match Dashboard::open(self.service.clone(), tray) {
            Ok((dashboard, listener)) => {
                self.service.set_dashboard(dashboard.clone());
                self.tasks.spawn(dashboard.serve(listener));
            }
            Err(error) => error!(%error, "there is no dashboard"),
        }
    }

    /// Answers at the socket, refreshes access tokens and asks for balances, from now on.
    pub(super) fn serve(&mut self, upstream: Arc<dyn Upstream>) {
        if let Some(socket) = self.socket.take() {
            self.tasks.spawn(socket.serve(self.service.clone()));
        }
        let accounts = self.service.accounts().clone();
        self.tasks
            .spawn(balance_client::run(accounts.clone(), upstream.clone()));
        self.refresher.spawn(refresh_tokens(accounts, upstream));
    }

    /// Writes the port of the API beside the lock, when it has changed.
    pub(super) fn publish_port(&mut self, port: Option<u16>) {
        let holder = Holder {
            port,
            ..Holder::agent()
        };
        if holder == self.holder {
            return;
        }
        if let Err(error) = self.lock.write_holder(&holder) {
            error!(%error, "the port cannot be written beside the lock");
        }
        self.holder = holder;
    }

    /// Waits for refreshes in flight: a response that is lost takes the account's refresh token
    /// with it.
    pub(super) async fn end_refreshes(&mut self) {
        self.service.accounts().pool().close();
        let ended = async { while self.refresher.join_next().await.is_some() {} };
        if tokio::time::timeout(REFRESH_TIMEOUT, ended).await.is_err() {
            warn!("a refresh was left without its response; it is sent again at the next start");
        }
    }

    /// Stores what waits to be stored. The socket and the lock are dropped afterwards.
    pub(super) fn close(self) {
        self.service.close();
    }
}

async fn keep_opening_vault(service: Arc<ControlService>) {
    while let Err(error) = service.open_vault().await {
        if !error.is_transient() {
            return;
        }
        tokio::time::sleep(VAULT_RETRY_AFTER).await;
    }
}

/// Refreshes access tokens until the pool is closed.
async fn refresh_tokens(accounts: Arc<AccountRegistry>, upstream: Arc<dyn Upstream>) {
    let (pool, credentials) = (accounts.pool().clone(), accounts.credentials());
    let provider: FindProvider = Arc::new(move |name| accounts.provider(name));
    let sender = TokenSender {
        provider,
        upstream,
        now: Arc::new(SystemTime::now),
    };
    pool.run_refresher(Arc::new(sender), credentials).await;
}

async fn status_of_other(socket: &SocketPath) -> Result<Option<Box<Status>>, ControlError> {
    let Some(client) = Client::connect(socket).await? else {
        return Ok(None);
    };
    let status = client.call(&GetStatus {}, &mut |_| {}).await;
    Ok(status.ok().map(Box::new))
}
