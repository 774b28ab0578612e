//! The serving part: the port as it is wanted, opened, closed and moved while answers go on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{error, info, warn};

use super::assemble::{self, Assembly};
use super::port::{Asked, Port};
use crate::config::Resolved;
use crate::control::status::{Found, probe};
use crate::control::{Serving, Wanted};
use crate::gateway::Gateway;
use crate::http::listen::{BindError, Listeners};
use crate::server::{Keys, Server};
use crate::upstream::Upstream;

/// How often a port that another program has is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long answers that were cut may take to say so to their clients.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The serving part, and what it was made of.
pub(super) struct Agent {
    assembly: Assembly,
    config: Resolved,
    server: Arc<Server>,
    gateway: Arc<Gateway>,
    door: Door,
    /// One for the present port, and one for each former one whose answers have not ended.
    serving: JoinSet<()>,
    /// Set while a stopped port's answers end: when those that are left are cut.
    cut_at: Option<Instant>,
    told: watch::Sender<Serving>,
    drain_timeout: watch::Sender<Duration>,
}

/// Where clients come in.
enum Door {
    Open(Port),
    Closed,
    /// Wanted, and taken by somebody else.
    Blocked {
        port: u16,
        why: String,
    },
}

impl Agent {
    /// Makes what serves; the port is still closed.
    ///
    /// # Errors
    /// When the local key is needed and can neither be read nor made.
    pub(super) fn start(
        mut assembly: Assembly,
        config: Resolved,
        told: watch::Sender<Serving>,
        drain_timeout: watch::Sender<Duration>,
    ) -> anyhow::Result<Self> {
        report_refusals(&config);
        let keys = assembly.keys(&config)?;
        let gateway = Arc::new(Gateway::new(assembly.setup(&config), assembly.pool(), assembly.recorder()));
        let server = Arc::new(Server::new(assemble::settings(&config, keys, config.port), gateway.clone()));
        let serving = JoinSet::new();
        Ok(Self { assembly, config, server, gateway, door: Door::Closed, serving, cut_at: None, told, drain_timeout })
    }

    /// The port, where it is open.
    pub(super) fn port(&self) -> Option<u16> {
        match &self.door {
            Door::Open(port) => Some(port.number()),
            Door::Closed | Door::Blocked { .. } => None,
        }
    }

    /// The way out, as it is configured at each request.
    pub(super) fn network(&self) -> Arc<dyn Upstream> {
        self.assembly.network()
    }

    /// Opens or closes the port. Answers under way go on either way.
    pub(super) async fn obey(&mut self, wanted: Wanted) {
        match (wanted, &mut self.door) {
            (Wanted::Running, Door::Closed) => {
                self.cut_at = None;
                self.open();
            }
            (Wanted::Stopped, Door::Open(port)) => {
                info!("the port is closed");
                drop(port.close().await);
                self.close();
            }
            (Wanted::Stopped, Door::Blocked { .. }) => self.close(),
            (Wanted::Stopped, Door::Closed) | (Wanted::Running, Door::Open(_) | Door::Blocked { .. }) => {}
        }
        self.tell();
    }

    fn close(&mut self) {
        self.door = Door::Closed;
        self.forget_ended();
        self.cut_at = (!self.serving.is_empty()).then(|| Instant::now() + self.config.limits.drain_timeout);
    }

    fn open(&mut self) {
        let asked = Asked::of(&self.config);
        match asked.bind() {
            Ok(open) => self.serve(asked, open),
            Err(error) => self.block(&error),
        }
    }

    fn serve(&mut self, asked: Asked, open: Listeners) {
        info!(port = open.port(), "the port is open");
        self.server.replace(assemble::settings(&self.config, self.keys(&self.config), open.port()));
        self.door = Door::Open(Port::serve(asked, open, self.server.clone(), &mut self.serving));
    }

    /// The port cannot be had for now. Said once in the log, and as long as it lasts in the state.
    fn block(&mut self, error: &BindError) {
        let (port, why) = (error.port(), explain(error));
        if !matches!(&self.door, Door::Blocked { port: known, .. } if *known == port) {
            warn!(%why, "it is tried again until it is free");
        }
        self.door = Door::Blocked { port, why };
    }

    /// Waits for what is due by itself and does it: a port to be tried again, answers that end or take too long.
    ///
    /// Cancel safe.
    pub(super) async fn work(&mut self) {
        let is_blocked = matches!(self.door, Door::Blocked { .. });
        let cut_at = self.cut_at;
        tokio::select! {
            () = sleep(RETRY_AFTER), if is_blocked => self.open(),
            Some(_) = self.serving.join_next() => {}
            () = sleep_until(cut_at.unwrap_or_else(Instant::now)), if cut_at.is_some() => self.cut().await,
            else => std::future::pending().await,
        }
        if self.serving.is_empty() {
            self.cut_at = None;
        }
        self.tell();
    }

    /// Ends what is still under way, with an error in its client's dialect where there is time for it.
    async fn cut(&mut self) {
        warn!("answers that took too long to end were cut");
        self.cut_at = None;
        self.server.cut();
        if timeout(LAST_WORDS, ended(&mut self.serving)).await.is_err() {
            self.serving.shutdown().await;
        }
    }

    /// Takes over a changed configuration; answers under way go on as they began.
    pub(super) async fn take_over(&mut self, config: &Resolved) {
        if *config == self.config {
            return;
        }
        report_refusals(config);
        self.drain_timeout.send_replace(config.limits.drain_timeout);
        let asked = Asked::of(config);
        // From here on nobody comes in by a port that changes: those who come by a wider one are judged by what belongs to it.
        let reopened = match &mut self.door {
            Door::Open(port) => port.reopen(&asked).await,
            Door::Closed | Door::Blocked { .. } => Ok(None),
        };
        self.config = config.clone();
        self.gateway.replace(self.assembly.setup(config));
        self.server.replace(assemble::settings(config, self.keys(config), self.port().unwrap_or(config.port)));
        match reopened {
            Ok(Some(open)) => self.serve(asked, open),
            Ok(None) if matches!(self.door, Door::Blocked { .. }) => self.open(),
            Ok(None) => {}
            Err(error) => self.block(&error),
        }
        self.forget_ended();
        self.tell();
    }

    /// Serves with the accounts and keys as they are now.
    pub(super) fn renew(&mut self) {
        self.gateway.replace(self.assembly.setup(&self.config));
        self.server.replace(assemble::settings(&self.config, self.keys(&self.config), self.port().unwrap_or(self.config.port)));
    }

    /// The keys that open the port; none does where they cannot be read.
    fn keys(&self, config: &Resolved) -> Keys {
        self.assembly.keys(config).unwrap_or_else(|error| {
            error!(error = %format!("{error:#}"), "the local key cannot be read, so no key opens the port");
            Keys::default()
        })
    }

    fn forget_ended(&mut self) {
        while self.serving.try_join_next().is_some() {}
    }

    fn tell(&self) {
        let serving = match &self.door {
            Door::Open(port) => Serving::Running { port: port.number() },
            Door::Blocked { port, why } => Serving::PortInUse { port: *port, detail: why.clone() },
            Door::Closed if self.cut_at.is_some() => Serving::Draining,
            Door::Closed => Serving::Stopped,
        };
        self.told.send_if_modified(|told| {
            let is_new = *told != serving;
            *told = serving;
            is_new
        });
    }

    /// Closes the port and lets answers go on for as long as the configuration allows.
    pub(super) async fn end(mut self) {
        self.told.send_replace(Serving::Ending);
        if let Door::Open(port) = &mut self.door {
            drop(port.close().await);
        }
        if timeout(self.config.limits.drain_timeout, ended(&mut self.serving)).await.is_err() {
            self.cut().await;
        }
    }
}

async fn ended(serving: &mut JoinSet<()>) {
    while serving.join_next().await.is_some() {}
}

fn report_refusals(config: &Resolved) {
    for refusal in config.refusals() {
        warn!(%refusal, "the configuration asks for what is not done");
    }
}

/// Says who has the port, where it is one of us.
fn explain(error: &BindError) -> String {
    let port = error.port();
    if error.is_in_use() && probe(port) == Found::Ours {
        return format!("port {port} is in use by another aerostat, of another home; stop it, or set another `port`");
    }
    error.to_string()
}
