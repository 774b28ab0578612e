//! What the agent holds besides the port: the home's lock, its state, and the socket where it is
//! told what to do.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::anyhow;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::agent::Agent as Serving;
use super::environment::SystemEnvironment;
use crate::accounts::token_client::{FindProvider, TokenSender};
use crate::config::{Config, Home, Live};
use crate::control::client::Client;
use crate::control::local::Local;
use crate::control::lock::{Holder, HomeLock, LockError};
use crate::control::status::Status;
use crate::control::{
    AgentEndpoint, AgentHandle, Ask, ControlService, Reply, SocketPath, Store, Wanted, explain,
};
use crate::dashboard::{Dashboard, TrayNote};
use crate::record::Ring;
use crate::store::Flag;
use crate::upstream::Upstream;

/// How long the start waits for the vault: a keyring that asks a person takes longer, and what
/// needs no vault shall serve meanwhile.
const PATIENCE: Duration = Duration::from_secs(1);
/// At a terminal a passphrase may be asked for first.
const PATIENCE_AT_TERMINAL: Duration = Duration::from_secs(60);
/// How often a locked vault is tried again.
const VAULT_RETRY_AFTER: Duration = Duration::from_secs(30);
/// How long the end waits for a token endpoint's answer.
const REFRESH_PATIENCE: Duration = Duration::from_secs(5);

pub(super) enum Opened {
    Ours(Box<Runtime>, AgentEndpoint),
    /// Another agent has the home.
    Theirs(Box<Status>),
}

pub(super) struct Runtime {
    pub(super) desk: Arc<ControlService>,
    /// Where what is in force is published for the desk.
    pub(super) live: watch::Sender<Live>,
    local: Option<Local>,
    serving: JoinSet<()>,
    /// What refreshes access tokens: apart, since it ends last.
    tending: JoinSet<()>,
    told: Holder,
    lock: HomeLock,
}

impl Runtime {
    /// Takes the home, unless an agent has it.
    ///
    /// # Errors
    /// When the home's state cannot be used, or its holder cannot be asked.
    pub(super) async fn open(home: &Home, config: &Config) -> anyhow::Result<Opened> {
        let place = SocketPath::of(home, &|name| std::env::var_os(name));
        let nobody_answers = async || Client::connect(&place).await.is_none();
        let lock = match HomeLock::wait(home, &Holder::agent(), nobody_answers).await {
            Ok(lock) => lock,
            Err(held @ LockError::Held(_)) => {
                return ask(&place)
                    .await
                    .ok_or_else(|| anyhow!(held))
                    .map(Opened::Theirs);
            }
            Err(error) => return Err(error.into()),
        };
        let store = Store::open(&home.database_file())?;
        let local = Local::open(home, place.clone())
            .map_err(|error| anyhow!("the control socket cannot be opened: {error}"))?;
        let wanted = if store.has(Flag::Stopped) {
            Wanted::Stopped
        } else {
            Wanted::Running
        };
        let (agent, orders) = AgentHandle::new(wanted, config.limits.drain_timeout);
        let (live, followed) = watch::channel(Live {
            config: Arc::new(config.clone()),
            trouble: None,
        });
        let (outside, ring) = (
            Arc::new(SystemEnvironment),
            Arc::new(Ring::new(explain::RECORDS_MAX)),
        );
        let desk = ControlService::new(
            home.clone(),
            place,
            store,
            followed,
            outside,
            Some(agent),
            ring,
        );
        let spine = Self {
            desk: Arc::new(desk),
            live,
            local: Some(local),
            serving: JoinSet::new(),
            tending: JoinSet::new(),
            told: Holder::agent(),
            lock,
        };
        Ok(Opened::Ours(Box::new(spine), orders))
    }

    /// Opens the vault, now if that takes no longer than `patience`; else, and where it is locked
    /// for now, again and again beside what serves.
    pub(super) async fn open_vault(&mut self) {
        let patience = if std::io::stdin().is_terminal() {
            PATIENCE_AT_TERMINAL
        } else {
            PATIENCE
        };
        let opened = tokio::time::timeout(patience, self.desk.open_vault()).await;
        match opened {
            Ok(Ok(())) => return,
            Ok(Err(error)) if !error.is_passing() => {
                warn!(%error, "the vault stays shut");
                return;
            }
            Ok(Err(error)) => warn!(%error, "the vault is tried again later"),
            Err(_) => info!("the vault is still being opened"),
        }
        let desk = self.desk.clone();
        self.serving.spawn(async move {
            loop {
                match desk.open_vault().await {
                    Err(error) if error.is_passing() => tokio::time::sleep(VAULT_RETRY_AFTER).await,
                    _ => return,
                }
            }
        });
    }

    /// Opens the dashboard's port, which takes nobody in without a link.
    pub(super) fn open_dashboard(&mut self, tray: TrayNote) {
        match Dashboard::open(self.desk.clone(), tray) {
            Ok((dashboard, porch)) => {
                self.desk.hang(dashboard.clone());
                self.serving.spawn(dashboard.serve(porch));
            }
            Err(error) => error!(%error, "there is no dashboard"),
        }
    }

    /// Answers at the socket from now on.
    pub(super) fn serve(&mut self, agent: &Serving) {
        if let Some(local) = self.local.take() {
            self.serving.spawn(local.serve(self.desk.clone()));
        }
        self.tending.spawn(tend(self.desk.clone(), agent.network()));
        self.tell(agent);
    }

    /// Writes beside the lock where the agent serves, when that has changed.
    pub(super) fn tell(&mut self, agent: &Serving) {
        let holder = Holder {
            port: agent.port(),
            ..Holder::agent()
        };
        if holder == self.told {
            return;
        }
        if let Err(error) = self.lock.tell(&holder) {
            error!(%error, "it cannot be written beside the lock who holds it");
        }
        self.told = holder;
    }

    /// Waits for refreshes under way: an answer that comes to nobody takes the account's refresh
    /// token with it.
    pub(super) async fn end_refreshes(&mut self) {
        self.desk.pool.close();
        let ended = async { while self.tending.join_next().await.is_some() {} };
        if tokio::time::timeout(REFRESH_PATIENCE, ended).await.is_err() {
            warn!("a refresh was left without its answer; it is asked for again at the next start");
        }
    }

    /// Stores what waits to be stored. The socket and the lock go with the spine.
    pub(super) fn close(self) {
        self.desk.close_front_door();
        self.desk.store.close();
    }
}

/// Refreshes access tokens as long as the agent runs.
async fn tend(desk: Arc<ControlService>, upstream: Arc<dyn Upstream>) {
    let (of, keeper) = (desk.clone(), desk.keeper());
    let provider: FindProvider = Arc::new(move |name| of.provider(name));
    let sender = TokenSender {
        provider,
        upstream,
        now: Arc::new(SystemTime::now),
    };
    desk.pool.run_refresher(Arc::new(sender), keeper).await;
}

async fn ask(place: &SocketPath) -> Option<Box<Status>> {
    let client = Client::connect(place).await?;
    match client.ask(Ask::Status, &mut |_| {}).await {
        Ok(Reply::Status(status)) => Some(Box::new(status)),
        _ => None,
    }
}
