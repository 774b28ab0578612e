//! The serving part: the port as it is wanted, opened, closed and moved while answers go on.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{error, info, warn};

use super::assemble::{self, Assembly};
use super::port::{Asked, Port, Reopened, refused};
use crate::config::Config;
use crate::control::{Refused, Serving, Wanted};
use crate::gateway::Gateway;
use crate::listener::listen::{BindError, Listeners};
use crate::server::{Keys, Server};
use crate::upstream::Upstream;

/// How often a port that another program has is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long answers that were cut may take to say so to their clients.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The serving part, and what it was made of.
pub(super) struct Agent {
    assembly: Assembly,
    config: Config,
    server: Arc<Server>,
    gateway: Arc<Gateway>,
    door: ListenerState,
    /// One for the present port, and one for each former one whose answers have not ended.
    serving: JoinSet<()>,
    /// Set while a stopped port's answers end: when those that are left are cut.
    cut_at: Option<Instant>,
    told: watch::Sender<Serving>,
    drain_timeout: watch::Sender<Duration>,
}

/// Where clients come in.
enum ListenerState {
    Open {
        port: Port,
        /// What is asked for and cannot be had, while this port serves on.
        refused: Option<Refused>,
    },
    Closed,
    /// Wanted, and not to be had for now.
    Blocked(Refused),
}

impl Agent {
    /// Makes what serves; the port is still closed.
    ///
    /// # Errors
    /// When the local key is needed and can neither be read nor made.
    pub(super) fn start(
        mut assembly: Assembly,
        config: Config,
        told: watch::Sender<Serving>,
        drain_timeout: watch::Sender<Duration>,
    ) -> anyhow::Result<Self> {
        report_refusals(&config);
        let keys = assembly.keys(&config)?;
        let gateway = Arc::new(Gateway::new(
            assembly.setup(&config),
            assembly.pool(),
            assembly.recorder(),
        ));
        let server = Arc::new(Server::new(
            assemble::settings(&config, keys, config.port),
            gateway.clone(),
        ));
        let serving = JoinSet::new();
        Ok(Self {
            assembly,
            config,
            server,
            gateway,
            door: ListenerState::Closed,
            serving,
            cut_at: None,
            told,
            drain_timeout,
        })
    }

    /// The port, where it is open.
    pub(super) fn port(&self) -> Option<u16> {
        match &self.door {
            ListenerState::Open { port, .. } => Some(port.number()),
            ListenerState::Closed | ListenerState::Blocked(_) => None,
        }
    }

    /// The way out, as it is configured at each request.
    pub(super) fn network(&self) -> Arc<dyn Upstream> {
        self.assembly.network()
    }

    /// Opens or closes the port. Answers under way go on either way.
    pub(super) async fn obey(&mut self, wanted: Wanted) {
        match (wanted, &mut self.door) {
            (Wanted::Running, ListenerState::Closed) => {
                self.cut_at = None;
                self.open();
            }
            (Wanted::Stopped, ListenerState::Open { port, .. }) => {
                info!("the port is closed");
                drop(port.close().await);
                self.close();
            }
            (Wanted::Stopped, ListenerState::Blocked(_)) => self.close(),
            (Wanted::Stopped, ListenerState::Closed)
            | (Wanted::Running, ListenerState::Open { .. } | ListenerState::Blocked(_)) => {}
        }
        self.tell();
    }

    fn close(&mut self) {
        self.door = ListenerState::Closed;
        self.forget_ended();
        self.cut_at =
            (!self.serving.is_empty()).then(|| Instant::now() + self.config.limits.drain_timeout);
    }

    fn open(&mut self) {
        let asked = Asked::of(&self.config);
        match asked.bind() {
            Ok(open) => self.serve(asked, open),
            Err(error) => self.refuse(&error),
        }
    }

    fn serve(&mut self, asked: Asked, open: Listeners) {
        info!(port = open.port(), "the port is open");
        self.server.replace(assemble::settings(
            &self.config,
            self.keys(&self.config),
            open.port(),
        ));
        let port = Port::serve(asked, open, self.server.clone(), &mut self.serving);
        // A former one is dropped here: it takes nobody in any more, and its answers go on.
        self.door = ListenerState::Open {
            port,
            refused: None,
        };
    }

    /// The port cannot be had for now. Said once in the log, and as long as it lasts in the state.
    fn refuse(&mut self, error: &BindError) {
        let is_known =
            |known: &Refused| known.port == error.port() && known.is_in_use == error.is_in_use();
        if self.refused().is_some_and(is_known) {
            return;
        }
        let found = refused(error);
        warn!(
            why = found.why,
            "the port cannot be opened; it is tried again"
        );
        match &mut self.door {
            ListenerState::Open { refused, .. } => *refused = Some(found),
            door => *door = ListenerState::Blocked(found),
        }
    }

    fn refused(&self) -> Option<&Refused> {
        match &self.door {
            ListenerState::Open { refused, .. } => refused.as_ref(),
            ListenerState::Blocked(refused) => Some(refused),
            ListenerState::Closed => None,
        }
    }

    /// Whether another try may do: a port that is open already has to be closed before others can
    /// reach it, so it is left alone.
    fn tries_again(&self) -> bool {
        self.refused()
            .is_some_and(|refused| self.port() != Some(refused.port))
    }

    /// Waits for what is due by itself and does it: a port to be tried again, answers that end or
    /// take too long.
    ///
    /// Cancel safe.
    pub(super) async fn work(&mut self) {
        let tries_again = self.tries_again();
        let cut_at = self.cut_at;
        tokio::select! {
            () = sleep(RETRY_AFTER), if tries_again => self.open(),
            Some(_) = self.serving.join_next() => {}
            () = sleep_until(cut_at.unwrap_or_else(Instant::now)), if cut_at.is_some() => self.cut().await,
            else => std::future::pending().await,
        }
        if self.serving.is_empty() {
            self.cut_at = None;
        }
        self.tell();
    }

    /// Ends what is still under way, with an error in its client's dialect where there is time for
    /// it.
    async fn cut(&mut self) {
        warn!("answers that took too long to end were cut");
        self.cut_at = None;
        self.server.abort_in_flight();
        if timeout(LAST_WORDS, ended(&mut self.serving)).await.is_err() {
            self.serving.shutdown().await;
        }
    }

    /// Takes over a changed configuration; answers under way go on as they began.
    pub(super) async fn take_over(&mut self, config: &Config) {
        if *config == self.config {
            return;
        }
        report_refusals(config);
        self.drain_timeout.send_replace(config.limits.drain_timeout);
        let asked = Asked::of(config);
        // From here on nobody comes in by a port that changes: those who come by a wider one are
        // judged by what belongs to it.
        let reopened = match &mut self.door {
            ListenerState::Open { port, .. } => port.reopen(&asked).await,
            ListenerState::Closed | ListenerState::Blocked(_) => Reopened::Same,
        };
        self.config = config.clone();
        self.gateway.replace(self.assembly.setup(config));
        self.server.replace(assemble::settings(
            config,
            self.keys(config),
            self.port().unwrap_or(config.port),
        ));
        self.settle(asked, reopened);
        self.forget_ended();
        self.tell();
    }

    fn settle(&mut self, asked: Asked, reopened: Reopened) {
        match reopened {
            Reopened::AsAsked(open) => self.serve(asked, open),
            Reopened::Kept(error) => self.refuse(&error),
            Reopened::AsBefore { asked, open, error } => {
                self.serve(asked, open);
                self.refuse(&error);
            }
            Reopened::Lost(error) => {
                self.door = ListenerState::Closed;
                self.refuse(&error);
            }
            Reopened::Same => match &mut self.door {
                ListenerState::Open { refused, .. } => *refused = None,
                ListenerState::Blocked(_) => self.open(),
                ListenerState::Closed => {}
            },
        }
    }

    /// Serves with the accounts and keys as they are now.
    pub(super) fn renew(&mut self) {
        self.gateway.replace(self.assembly.setup(&self.config));
        self.server.replace(assemble::settings(
            &self.config,
            self.keys(&self.config),
            self.port().unwrap_or(self.config.port),
        ));
    }

    /// The keys that open the port; none does where they cannot be read.
    fn keys(&self, config: &Config) -> Keys {
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
            ListenerState::Open { port, refused } => Serving::Running {
                port: port.number(),
                refused: refused.clone(),
            },
            ListenerState::Blocked(refused) => Serving::Blocked(refused.clone()),
            ListenerState::Closed if self.cut_at.is_some() => Serving::Draining,
            ListenerState::Closed => Serving::Stopped,
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
        if let ListenerState::Open { port, .. } = &mut self.door {
            drop(port.close().await);
        }
        if timeout(self.config.limits.drain_timeout, ended(&mut self.serving))
            .await
            .is_err()
        {
            self.cut().await;
        }
    }
}

async fn ended(serving: &mut JoinSet<()>) {
    while serving.join_next().await.is_some() {}
}

fn report_refusals(config: &Config) {
    for refusal in config.refusals() {
        warn!(%refusal, "the configuration asks for what is not done");
    }
}
