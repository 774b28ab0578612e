//! Where a command has its verb done: by the running agent, or by itself on the home's files.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::sync::watch;

use super::client::Client;
use super::lock::{Holder, HomeLock, LockError};
use super::service::{ControlService, Environment};
use super::socket_path::SocketPath;
use super::verb::{Needs, Verb as _, VerbCall, VerbResponse};
use super::verbs::{self, Quit};
use super::wire::{ControlError, Note, Notes};
use crate::config::file::load;
use crate::config::{Home, Live};
use crate::store::Store;

/// How long an agent that was told to quit may take from its response to its end.
const END_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Has a verb done, by the agent where one runs; notes go to `on_note` as they come.
///
/// # Errors
/// Why it was not done.
pub fn call<'c>(
    home: &'c Home,
    call: &'c VerbCall,
    environment: Arc<dyn Environment>,
    on_note: &'c mut dyn FnMut(Note),
) -> LocalBoxFuture<'c, Result<VerbResponse, ControlError>> {
    Box::pin(dispatch(home, call, environment, on_note))
}

async fn dispatch(
    home: &Home,
    call: &VerbCall,
    environment: Arc<dyn Environment>,
    on_note: &mut dyn FnMut(Note),
) -> Result<VerbResponse, ControlError> {
    match Target::find(home, call.needs, environment).await? {
        Target::Agent(client) => {
            let response = client.send(call, on_note).await?;
            if call.name == Quit::NAME {
                wait_for_end(client).await?;
            }
            Ok(response)
        }
        Target::Files(files) => files.call(call, on_note).await,
    }
}

async fn wait_for_end(client: Client) -> Result<(), ControlError> {
    if client.closed(END_TIMEOUT).await {
        return Ok(());
    }
    Err(ControlError::quoted(
        "the agent was told to end, and has not ended within an hour",
    ))
}

/// Who does the verb.
enum Target {
    Agent(Client),
    Files(Box<HomeFiles>),
}

impl Target {
    async fn find(
        home: &Home,
        needs: Needs,
        environment: Arc<dyn Environment>,
    ) -> Result<Self, ControlError> {
        home.secure().map_err(ControlError::caused_by)?;
        let socket = SocketPath::of(home, &|name| std::env::var_os(name));
        if let Some(client) = Client::connect(&socket).await? {
            return Ok(Self::Agent(client));
        }
        if needs == Needs::Agent {
            return Err(ControlError::not_running());
        }
        let no_agent = async || matches!(Client::connect(&socket).await, Ok(None));
        match HomeLock::wait(home, &Holder::command(), no_agent).await {
            Ok(lock) => {
                let files = HomeFiles::open(home, socket, needs, environment, lock).await?;
                Ok(Self::Files(Box::new(files)))
            }
            // An agent started meanwhile.
            Err(held @ LockError::Held(_)) => match Client::connect(&socket).await? {
                Some(client) => Ok(Self::Agent(client)),
                None => Err(ControlError::caused_by(held)),
            },
            Err(error) => Err(ControlError::caused_by(error)),
        }
    }
}

/// The home's files, without an agent.
struct HomeFiles {
    service: ControlService,
    /// Held until the files are closed.
    _lock: HomeLock,
}

impl HomeFiles {
    async fn open(
        home: &Home,
        socket: SocketPath,
        needs: Needs,
        environment: Arc<dyn Environment>,
        lock: HomeLock,
    ) -> Result<Self, ControlError> {
        let live = match load(home) {
            Ok(config) => Live::valid(config),
            Err(error) if needs == Needs::AnyFiles => Live::broken(&error),
            Err(error) => return Err(ControlError::caused_by(error)),
        };
        let store = Store::open(&home.database_file()).map_err(ControlError::caused_by)?;
        let (_, live) = watch::channel(live);
        let service = ControlService::new(home.clone(), socket, store, live, environment);
        if needs == Needs::Vault {
            // Where it stays shut, its accounts say so.
            let _ = service.open_vault().await;
        }
        Ok(Self {
            service,
            _lock: lock,
        })
    }

    async fn call(
        self,
        call: &VerbCall,
        on_note: &mut dyn FnMut(Note),
    ) -> Result<VerbResponse, ControlError> {
        let (notes, mut received) = Notes::channel();
        let run = verbs::begin(call.name, call.request()?, &self.service, &notes);
        let mut run = run.ok_or_else(ControlError::broke)?;
        let response = loop {
            tokio::select! {
                // In this order: notes from before the end are reported before it.
                biased;
                Some(note) = received.recv() => on_note(note),
                response = &mut run => break response,
            }
        };
        self.service.close();
        response.map(VerbResponse)
    }
}
