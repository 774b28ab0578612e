//! What the agent holds besides the port: the home's lock, its state, and the socket where it is told what to do.

use std::sync::Arc;

use anyhow::anyhow;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::error;

use super::agent::Agent as Serving;
use super::outside::Wire;
use crate::config::{Home, Live, Resolved};
use crate::control::client::Client;
use crate::control::local::Local;
use crate::control::lock::{Holder, HomeLock, LockError};
use crate::control::status::Status;
use crate::control::{Agent, Ask, Desk, Orders, Place, Reply, Store, Wanted};

pub(super) enum Opened {
    Ours(Spine, Orders),
    /// Another agent has the home.
    Theirs(Box<Status>),
}

pub(super) struct Spine {
    pub(super) desk: Arc<Desk>,
    /// Where what is in force is published for the desk.
    pub(super) live: watch::Sender<Live>,
    local: Option<Local>,
    serving: JoinSet<()>,
    told: Holder,
    lock: HomeLock,
}

impl Spine {
    /// Takes the home, unless an agent has it.
    ///
    /// # Errors
    /// When the home's state cannot be used, or its holder cannot be asked.
    pub(super) async fn open(home: &Home, config: &Resolved) -> anyhow::Result<Opened> {
        let place = Place::of(home, &|name| std::env::var_os(name));
        let nobody_answers = async || Client::connect(&place).await.is_none();
        let lock = match HomeLock::wait(home, &Holder::agent(), nobody_answers).await {
            Ok(lock) => lock,
            Err(held @ LockError::Held(_)) => return ask(&place).await.ok_or_else(|| anyhow!(held)).map(Opened::Theirs),
            Err(error) => return Err(error.into()),
        };
        let store = Store::open(&home.database_file())?;
        let local = Local::open(home, place.clone()).map_err(|error| anyhow!("the control socket cannot be opened: {error}"))?;
        let wanted = if store.is_stopped() { Wanted::Stopped } else { Wanted::Running };
        let (agent, orders) = Agent::new(wanted, config.limits.drain_timeout);
        let (live, followed) = watch::channel(Live { config: Arc::new(config.clone()), trouble: None });
        let outside = Arc::new(Wire::new());
        let desk = Desk { home: home.clone(), place, store, outside, live: followed, agent: Some(agent) };
        let spine = Self { desk: Arc::new(desk), live, local: Some(local), serving: JoinSet::new(), told: Holder::agent(), lock };
        Ok(Opened::Ours(spine, orders))
    }

    pub(super) fn store(&self) -> Store {
        self.desk.store.clone()
    }

    /// Answers at the socket from now on.
    pub(super) fn serve(&mut self, agent: &Serving) {
        if let Some(local) = self.local.take() {
            self.serving.spawn(local.serve(self.desk.clone()));
        }
        self.tell(agent);
    }

    /// Writes beside the lock where the agent serves, when that has changed.
    pub(super) fn tell(&mut self, agent: &Serving) {
        let holder = Holder { port: agent.port(), ..Holder::agent() };
        if holder == self.told {
            return;
        }
        if let Err(error) = self.lock.tell(&holder) {
            error!(%error, "it cannot be written beside the lock who holds it");
        }
        self.told = holder;
    }

    /// Stores what waits to be stored. The socket and the lock go with the spine.
    pub(super) fn close(self) {
        self.desk.store.close();
    }
}

async fn ask(place: &Place) -> Option<Box<Status>> {
    let client = Client::connect(place).await?;
    match client.ask(Ask::Status, &mut |_| {}).await {
        Ok(Reply::Status(status)) => Some(Box::new(status)),
        _ => None,
    }
}
