//! The open port: how it is configured, and how it is rebound while responses go on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::info;

use super::assemble;
use crate::config::Config;
use crate::control::status::{Found, probe};
use crate::host::port_owner;
use crate::listener::listen::{BindError, BindScope, Listeners, bind};
use crate::listener::{Handler, ListenerLimits, serve};
use crate::status::{BindFailure, BindFailureCause, PortOwner};

/// What the configuration says of the port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListenConfig {
    /// 0 for any free one.
    port: u16,
    scope: BindScope,
    limits: ListenerLimits,
}

impl ListenConfig {
    /// Of the API's port.
    pub(super) fn of(config: &Config) -> Self {
        let scope = assemble::bind_scope(config);
        Self::new(config.port, scope, assemble::limits(config))
    }

    pub(super) fn new(port: u16, scope: BindScope, limits: ListenerLimits) -> Self {
        Self {
            port,
            scope,
            limits,
        }
    }

    pub(super) fn bind(&self) -> Result<Listeners, BindError> {
        bind(self.port, self.scope)
    }
}

/// The port as it is served now.
pub(super) struct Port {
    listen: ListenConfig,
    number: u16,
    /// Stops accepting when it is dropped.
    stop: Option<DropGuard>,
    /// The sockets, once the serving has stopped.
    returned: oneshot::Receiver<Listeners>,
}

impl Port {
    /// Serves on open sockets. The task in `tasks` ends with the last response that began here.
    pub(super) fn serve<H: Handler>(
        listen: ListenConfig,
        sockets: Listeners,
        handler: Arc<H>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (giver, returned) = oneshot::channel();
        let (number, limits) = (sockets.port(), listen.limits.clone());
        tasks.spawn(async move {
            let (sockets, mut drain) = serve(sockets, handler, limits, stopped).await;
            // Where everything stops there is no receiver, and the sockets close here.
            let _ = giver.send(sockets);
            drain.ended().await;
        });
        Self {
            listen,
            number,
            stop: Some(stop.drop_guard()),
            returned,
        }
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }

    /// Whether other machines may call.
    pub(super) fn is_exposed(&self) -> bool {
        self.listen.scope == BindScope::Lan
    }

    /// Accepts no more connections; gives back the sockets, which queue those that come meanwhile.
    pub(super) async fn close(&mut self) -> Option<Listeners> {
        self.stop = None;
        (&mut self.returned).await.ok()
    }

    /// Rebinds the listener to match the new configuration.
    pub(super) async fn rebind(&mut self, desired: &ListenConfig) -> Rebound {
        if *desired == self.listen {
            return Rebound::Same;
        }
        if desired.port != self.listen.port && desired.port != self.number {
            return self.move_to(desired).await;
        }
        match self.close().await {
            Some(sockets) if desired.scope == self.listen.scope => Rebound::AsConfigured(sockets),
            closed => {
                // The wider address contains the narrower one, so the two cannot be open at the
                // same time.
                drop(closed);
                self.bind_again(desired)
            }
        }
    }

    /// The other port is opened before this one is closed.
    async fn move_to(&mut self, desired: &ListenConfig) -> Rebound {
        match desired.bind() {
            Ok(sockets) => {
                info!(
                    from = self.number,
                    to = sockets.port(),
                    "moving to another port"
                );
                self.close().await;
                Rebound::AsConfigured(sockets)
            }
            Err(error) => Rebound::Kept(error),
        }
    }

    fn bind_again(&self, desired: &ListenConfig) -> Rebound {
        let error = match bind(self.number, desired.scope) {
            Ok(sockets) => return Rebound::AsConfigured(sockets),
            Err(error) => error,
        };
        match bind(self.number, self.listen.scope) {
            Ok(sockets) => Rebound::AsBefore {
                listen: ListenConfig {
                    scope: self.listen.scope,
                    ..desired.clone()
                },
                sockets,
                error,
            },
            Err(error) => Rebound::Lost(error),
        }
    }
}

/// What became of a port whose configuration changed. Sockets in here are not served yet.
pub(super) enum Rebound {
    Same,
    AsConfigured(Listeners),
    /// It goes on as it was, because the other port cannot be had.
    Kept(BindError),
    /// It was closed to be opened to others, which failed, and was opened again as before.
    AsBefore {
        listen: ListenConfig,
        sockets: Listeners,
        error: BindError,
    },
    /// It was closed, and cannot be had again.
    Lost(BindError),
}

/// The name under which the system lists this program.
const PROCESS_NAME: &str = "aerostat";
/// How long another program at the port may take to say that it is an Aerostat.
const PROBE_TIMEOUT: Duration = Duration::from_millis(200);

/// Why the port cannot be opened, and who has it where that can be known.
pub(super) fn bind_failure(error: &BindError) -> BindFailure {
    let port = error.port();
    let cause = if error.is_in_use() {
        BindFailureCause::InUse {
            owner: owner_of(port),
        }
    } else {
        BindFailureCause::Refused
    };
    BindFailure {
        port,
        cause,
        detail: error.to_string(),
    }
}

fn owner_of(port: u16) -> PortOwner {
    match port_owner(port) {
        Some(process) if process.name == PROCESS_NAME => PortOwner::Aerostat,
        Some(process) => PortOwner::Program {
            name: process.name,
            pid: process.pid,
        },
        None if probe(port, PROBE_TIMEOUT) == Found::Aerostat => PortOwner::Aerostat,
        None => PortOwner::Unknown,
    }
}
