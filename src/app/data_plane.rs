//! What serves requests: the port, opened, closed and moved as commands and the configuration say,
//! while responses in flight go on.
//!
//! ```text
//!           open             close                       last response, or drain_timeout
//!  Closed ---------> Open ----------> Closed, draining ------------------------> Closed
//!     |               ^  (a new port or reach that cannot be had: Open { refused })
//!     | port in use   |
//!     v               | retry after 1 s
//!  Blocked -----------+
//! ```

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{error, info, warn};

use super::assemble::{self, Assembly};
use super::port::{ListenConfig, Port, Rebound, bind_failure};
use super::resender::ServerResender;
use super::side_port::SidePort;
use crate::config::Config;
use crate::control::{AgentState, DesiredState, Resender};
use crate::gateway::Gateway;
use crate::listener::listen::{BindError, BindScope, Listeners};
use crate::server::{Keys, OllamaFace, Server};
use crate::status::{BindFailure, PortStatus};
use crate::upstream::Upstream;

/// How often a port that another program has is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long aborted responses may take to write an error to their clients.
const ABORT_GRACE: Duration = Duration::from_secs(1);

/// What serves requests, and what it was made of.
pub(super) struct DataPlane {
    assembly: Assembly,
    config: Config,
    server: Arc<Server>,
    gateway: Arc<Gateway>,
    listener: ListenerState,
    /// Open as long as the port is, where one is configured.
    ollama: SidePort<OllamaFace>,
    /// One task for the present port, and one for each former one with responses in flight.
    ports: JoinSet<()>,
    /// While a closed port drains: when the responses that are left are aborted.
    abort_at: Option<Instant>,
    state: watch::Sender<AgentState>,
}

/// Where clients connect.
enum ListenerState {
    Open {
        port: Port,
        /// What is configured and cannot be had, while this port goes on serving.
        refused: Option<BindFailure>,
    },
    Closed,
    /// To be opened, and not to be had for now.
    Blocked(BindFailure),
}

impl DataPlane {
    /// Makes what serves; the port is still closed.
    ///
    /// # Errors
    /// When the local key is needed and can neither be read nor made.
    pub(super) fn new(
        mut assembly: Assembly,
        config: Config,
        state: watch::Sender<AgentState>,
    ) -> anyhow::Result<Self> {
        report_refusals(&config);
        let keys = assembly.keys(&config)?;
        let gateway = Arc::new(Gateway::new(
            assembly.gateway_config(&config),
            assembly.pool(),
            assembly.recorder(),
        ));
        let server_config = assemble::server_config(&config, keys, config.port);
        let server = Arc::new(Server::new(server_config, gateway.clone()));
        let face = Arc::new(OllamaFace(server.clone()));
        Ok(Self {
            ollama: SidePort::new("ollama_port", face),
            assembly,
            config,
            server,
            gateway,
            listener: ListenerState::Closed,
            ports: JoinSet::new(),
            abort_at: None,
            state,
        })
    }

    /// The port, where it is open.
    pub(super) fn port(&self) -> Option<u16> {
        match &self.listener {
            ListenerState::Open { port, .. } => Some(port.number()),
            ListenerState::Closed | ListenerState::Blocked(_) => None,
        }
    }

    /// How requests leave this machine, by the configuration of the moment.
    pub(super) fn upstream(&self) -> Arc<dyn Upstream> {
        self.assembly.upstream()
    }

    /// Sends recorded requests again.
    pub(super) fn resender(&self) -> Arc<dyn Resender> {
        Arc::new(ServerResender(self.server.clone()))
    }

    /// Opens, moves or closes the port for Ollama's programs: it is open while the agent is to serve.
    async fn apply_ollama(&mut self, desired: DesiredState) {
        let port = self.config.ollama_port;
        let listen = port
            .filter(|_| desired == DesiredState::Running)
            .map(|port| {
                let limits = assemble::limits(&self.config);
                ListenConfig::new(port, BindScope::Loopback, limits)
            });
        self.ollama.apply(listen, &mut self.ports).await;
    }

    /// Opens or closes the port. Responses in flight go on either way.
    pub(super) async fn apply_desired(&mut self, desired: DesiredState) {
        self.apply_ollama(desired).await;
        match (desired, &mut self.listener) {
            (DesiredState::Running, ListenerState::Closed) => {
                self.abort_at = None;
                self.open();
            }
            (DesiredState::Stopped, ListenerState::Open { port, .. }) => {
                info!("the port is closed");
                drop(port.close().await);
                self.close();
            }
            (DesiredState::Stopped, ListenerState::Blocked(_)) => self.close(),
            (DesiredState::Stopped, ListenerState::Closed)
            | (DesiredState::Running, ListenerState::Open { .. } | ListenerState::Blocked(_)) => {}
        }
        self.state.send_if_modified(|state| {
            let is_new = state.desired != desired;
            state.desired = desired;
            is_new
        });
        self.publish();
    }

    fn close(&mut self) {
        self.listener = ListenerState::Closed;
        self.reap_ports();
        self.abort_at = if self.ports.is_empty() {
            None
        } else {
            Some(Instant::now() + self.config.limits.drain_timeout)
        };
    }

    fn open(&mut self) {
        let listen = ListenConfig::of(&self.config);
        match listen.bind() {
            Ok(sockets) => self.serve(listen, sockets),
            Err(error) => self.refuse(&error),
        }
    }

    fn serve(&mut self, listen: ListenConfig, sockets: Listeners) {
        info!(port = sockets.port(), "the port is open");
        self.configure_server(sockets.port());
        let port = Port::serve(listen, sockets, self.server.clone(), &mut self.ports);
        // The former port is dropped here: it accepts no more, and its responses go on.
        self.listener = ListenerState::Open {
            port,
            refused: None,
        };
    }

    /// Notes that the port cannot be had for now: once in the log, and in the state as long as it
    /// lasts.
    fn refuse(&mut self, error: &BindError) {
        let is_known = self.refused().is_some_and(|known| {
            known.port == error.port() && known.is_in_use() == error.is_in_use()
        });
        if is_known {
            return;
        }
        let failure = bind_failure(error);
        warn!(why = %failure, "the port cannot be opened; it is tried again");
        match &mut self.listener {
            ListenerState::Open { refused, .. } => *refused = Some(failure),
            listener => *listener = ListenerState::Blocked(failure),
        }
    }

    fn refused(&self) -> Option<&BindFailure> {
        match &self.listener {
            ListenerState::Open { refused, .. } => refused.as_ref(),
            ListenerState::Blocked(refused) => Some(refused),
            ListenerState::Closed => None,
        }
    }

    /// Whether to try again. Not where the open port itself cannot be opened to other machines: it
    /// would have to be closed for each try.
    fn retries(&self) -> bool {
        self.refused()
            .is_some_and(|refused| self.port() != Some(refused.port))
    }

    /// Waits for what is due by itself and does it: a port to be tried again, responses that end or
    /// take too long.
    ///
    /// Cancel safe.
    pub(super) async fn work(&mut self) {
        let retries = self.retries();
        let abort_at = self.abort_at;
        tokio::select! {
            () = sleep(RETRY_AFTER), if retries => self.open(),
            () = self.ollama.due(), if self.ollama.refused().is_some() => {
                self.ollama.retry(&mut self.ports);
            }
            Some(_) = self.ports.join_next() => {}
            () = sleep_until(abort_at.unwrap_or_else(Instant::now)), if abort_at.is_some() => self.abort().await,
            else => std::future::pending().await,
        }
        if self.ports.is_empty() {
            self.abort_at = None;
        }
        self.publish();
    }

    /// Ends the responses in flight, with an error in the client's dialect where there is time for
    /// it.
    async fn abort(&mut self) {
        warn!("responses that took too long to end were aborted");
        self.abort_at = None;
        self.server.abort_in_flight();
        if timeout(ABORT_GRACE, ended(&mut self.ports)).await.is_err() {
            self.ports.shutdown().await;
        }
    }

    /// Serves by a changed configuration; responses in flight go on as they began.
    pub(super) async fn reload(&mut self, config: &Config) {
        if *config == self.config {
            return;
        }
        report_refusals(config);
        self.state
            .send_modify(|state| state.drain_timeout = config.limits.drain_timeout);
        let listen = ListenConfig::of(config);
        // A port that changes accepts no connection until the server has its new settings: those
        // who come by a wider one are judged by what belongs to it.
        let rebound = match &mut self.listener {
            ListenerState::Open { port, .. } => port.rebind(&listen).await,
            ListenerState::Closed | ListenerState::Blocked(_) => Rebound::Same,
        };
        self.config = config.clone();
        self.gateway.replace(self.assembly.gateway_config(config));
        self.configure_server(self.port().unwrap_or(config.port));
        self.listen_rebound(listen, rebound);
        let desired = self.state.borrow().desired;
        self.apply_ollama(desired).await;
        self.reap_ports();
        self.publish();
    }

    fn listen_rebound(&mut self, listen: ListenConfig, rebound: Rebound) {
        match rebound {
            Rebound::AsConfigured(sockets) => self.serve(listen, sockets),
            Rebound::Kept(error) => self.refuse(&error),
            Rebound::AsBefore {
                listen,
                sockets,
                error,
            } => {
                self.serve(listen, sockets);
                self.refuse(&error);
            }
            Rebound::Lost(error) => {
                self.listener = ListenerState::Closed;
                self.refuse(&error);
            }
            Rebound::Same => match &mut self.listener {
                ListenerState::Open { refused, .. } => *refused = None,
                ListenerState::Blocked(_) => self.open(),
                ListenerState::Closed => {}
            },
        }
    }

    /// Serves with the accounts and keys as they are now.
    pub(super) fn refresh_accounts(&mut self) {
        self.gateway
            .replace_accounts(self.assembly.gateway_config(&self.config));
        self.configure_server(self.port().unwrap_or(self.config.port));
    }

    /// Gives the server its settings and keys. No key opens the port where they cannot be read.
    fn configure_server(&self, port: u16) {
        let keys = match self.assembly.keys(&self.config) {
            Ok(keys) => keys,
            Err(error) => {
                let error = format!("{error:#}");
                error!(
                    error,
                    "the local key cannot be read, so no key opens the port"
                );
                Keys::default()
            }
        };
        self.server
            .replace(assemble::server_config(&self.config, keys, port));
    }

    fn reap_ports(&mut self) {
        while self.ports.try_join_next().is_some() {}
    }

    fn publish(&self) {
        let port = match &self.listener {
            ListenerState::Open { port, refused } => PortStatus::Running {
                port: port.number(),
                is_exposed: port.is_exposed(),
                refused: refused.clone(),
            },
            ListenerState::Blocked(failure) => PortStatus::Unavailable(failure.clone()),
            ListenerState::Closed if self.abort_at.is_some() => PortStatus::Draining,
            ListenerState::Closed => PortStatus::Stopped,
        };
        self.state.send_if_modified(|state| {
            let is_new = state.port != port;
            state.port = port;
            is_new
        });
    }

    /// Closes the port and lets responses go on for as long as the configuration allows.
    pub(super) async fn end(mut self) {
        self.state
            .send_modify(|state| state.port = PortStatus::Ending);
        if let ListenerState::Open { port, .. } = &mut self.listener {
            drop(port.close().await);
        }
        self.ollama.apply(None, &mut self.ports).await;
        let drained = timeout(self.config.limits.drain_timeout, ended(&mut self.ports));
        if drained.await.is_err() {
            self.abort().await;
        }
    }
}

async fn ended(ports: &mut JoinSet<()>) {
    while ports.join_next().await.is_some() {}
}

fn report_refusals(config: &Config) {
    for refusal in config.refusals() {
        warn!(%refusal, "the configuration asks for something that is refused");
    }
}
