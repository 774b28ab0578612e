//! Who receives the verbs: the running agent's desk, or that of a command which works on the home by itself.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use super::model::Trial;
use super::place::Place;
use super::provider::ProviderModels;
use super::status::Status;
use super::wire::Complaint;
use super::{
    Agent, Ask, EnvAccount, Fault, Fetch, Home, Lookup, ModelCard, Note, Provider, Reply, Resolved, Secret, key, model, provider,
};
use crate::config::Live;
use crate::store::Store;

/// What a verb needs of the world outside.
pub trait Outside: Send + Sync {
    /// Asks a provider for its models.
    fn list_models<'a>(
        &'a self,
        config: &'a Resolved,
        provider: &'a Provider,
        account: &'a EnvAccount,
    ) -> BoxFuture<'a, Result<Vec<ModelCard>, Fault>>;

    /// Reads the environment.
    fn variable(&self, name: &str) -> Option<Secret> {
        Secret::of_env(name)
    }
}

/// Receives the verbs of a home. Who has it holds the home's lock.
pub struct Desk {
    pub home: Home,
    pub place: Place,
    pub store: Store,
    pub outside: Arc<dyn Outside>,
    /// What is in force.
    pub live: watch::Receiver<Live>,
    /// `None` where a command works by itself.
    pub agent: Option<Agent>,
}

/// Where a verb says what it has to say before it is done.
pub type Notes = mpsc::Sender<Note>;

impl Desk {
    /// Does one verb. Dropping the future leaves the verb undone or done, never half done.
    ///
    /// # Errors
    /// Why it was not done.
    pub async fn answer(&self, ask: Ask, _notes: Notes) -> Result<Reply, Complaint> {
        Ok(match ask {
            Ask::Status => Reply::Status(self.status().await),
            Ask::Start => Reply::Status(self.set_stopped(false).await?),
            Ask::Stop => Reply::Status(self.set_stopped(true).await?),
            Ask::Quit => {
                self.agent()?.quit();
                Reply::Status(self.status().await)
            }
            Ask::ProviderList => Reply::Providers(provider::list(&self.config(), &|name| self.outside.variable(name))),
            Ask::ProviderModels { name } => Reply::Models(self.models(name).await?),
            Ask::ModelTry { name } => Reply::Trial(self.try_name(name).await?),
            Ask::KeyCreate { name } => {
                let key = key::create(&self.store, &name).await?;
                self.changed();
                Reply::NewKey(key)
            }
            Ask::KeyList => Reply::Keys(key::list(&self.store)),
            Ask::KeyRevoke { name } => {
                let key = key::revoke(&self.store, &name).await?;
                self.changed();
                Reply::Revoked(key)
            }
        })
    }

    async fn models(&self, name: Option<String>) -> Result<Vec<ProviderModels>, Complaint> {
        let models = self.with_fetch(move |config, lookup, fetch| provider::models(config, lookup, fetch, name.as_deref()));
        models.await?.map_err(Complaint::failed)
    }

    async fn try_name(&self, name: String) -> Result<Trial, Complaint> {
        self.with_fetch(move |config, lookup, fetch| model::try_name(config, lookup, fetch, &name)).await
    }

    /// Runs what asks providers one after the other, on a thread where waiting is allowed.
    async fn with_fetch<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Resolved, Lookup<'_>, Fetch<'_>) -> T + Send + 'static,
    ) -> Result<T, Complaint> {
        let (config, outside, runtime) = (self.config(), self.outside.clone(), Handle::current());
        let work = move || {
            let fetch =
                |provider: &Provider, account: &EnvAccount| runtime.block_on(outside.list_models(&config, provider, account));
            work(&config, &|name| outside.variable(name), &fetch)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Complaint::failed("the verb broke; this is a bug"))
    }

    pub(super) fn config(&self) -> Arc<Resolved> {
        self.live.borrow().config.clone()
    }

    fn agent(&self) -> Result<&Agent, Complaint> {
        self.agent.as_ref().ok_or_else(Complaint::not_running)
    }

    /// What serves shall be made anew.
    fn changed(&self) {
        if let Some(agent) = &self.agent {
            agent.changed();
        }
    }

    /// The agent as it stands.
    pub async fn status(&self) -> Status {
        let config = self.config();
        let Some(agent) = &self.agent else {
            return Status::without_agent(&config, &self.home, &self.place);
        };
        let mut status = Status::of(&agent.serving(), agent.wanted(), &config, &self.home, &self.place);
        status.config_trouble = self.live.borrow().trouble.as_ref().map(ToString::to_string);
        status
    }

    /// The wish is on the disk before it is obeyed, so that a restart finds it.
    async fn set_stopped(&self, is_stopped: bool) -> Result<Status, Complaint> {
        let agent = self.agent()?;
        self.store.set_stopped(is_stopped).await.map_err(Complaint::failed)?;
        if is_stopped {
            agent.stop().await?
        } else {
            agent.start().await?
        }
        Ok(self.status().await)
    }
}
