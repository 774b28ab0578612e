//! The composition root: what is made of the configuration, in which order things start, change and stop.
//!
//! It decides nothing about a request.

mod assemble;
mod changes;
mod port;
mod recorder;
mod rehearsal;
mod roster;
mod signals;

use std::sync::Arc;

use anyhow::anyhow;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::config::{Home, Resolved, file};
use crate::control::status::{State, status};
use crate::gateway::Gateway;
use crate::http::listen::BindError;
use crate::pool::{Clock, InProcess, Pool};
use crate::server::{Keys, Server};
use assemble::Assembly;
use changes::Changes;
use port::{Asked, Port};
pub use rehearsal::rehearse;
use signals::Signals;

/// Runs the agent until it is told to stop; `Ok` once every answer has ended or was cut. `on_serving` is told the base URL once
/// the port is open.
///
/// # Errors
/// When the configuration cannot be read or the port cannot be opened at the start. Later troubles are logged, and what worked
/// before goes on.
pub async fn run(home: Home, on_serving: impl FnOnce(&str)) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let config = file::load(&home)?;
    let mut changes = Changes::follow(&home, &config);
    let mut agent = Agent::start(Assembly::new(home, &config), config)?;
    on_serving(&agent.base_url());
    loop {
        tokio::select! {
            () = signals.next() => break,
            config = changes.next() => agent.take_over(&config).await?,
        }
    }
    info!("stopping");
    tokio::select! {
        () = agent.stop() => {}
        () = signals.next() => warn!("stopped at once: answers under way were cut"),
    }
    Ok(())
}

/// The serving part, and what it was made of.
struct Agent {
    assembly: Assembly,
    config: Resolved,
    server: Arc<Server>,
    pool: Pool,
    gateway: Arc<Gateway>,
    port: Port,
    /// One for the present port, and one for each former one whose answers have not ended.
    serving: JoinSet<()>,
}

impl Agent {
    fn start(mut assembly: Assembly, config: Resolved) -> anyhow::Result<Self> {
        report_refusals(&config);
        let keys = assembly.keys(&config)?;
        let asked = Asked::of(&config);
        let open = asked.bind().map_err(|error| explain(error, &config))?;
        let pool = Pool::new(Arc::new(InProcess), Clock::system(), roster::rules(&config));
        pool.replace(roster::roster(&config), roster::rules(&config));
        let gateway = Arc::new(Gateway::new(assembly.setup(&config), pool.clone(), assembly.recorder()));
        let server = Arc::new(Server::new(assemble::settings(&config, keys, open.port()), gateway.clone()));
        let mut serving = JoinSet::new();
        let port = Port::serve(asked, open, server.clone(), &mut serving);
        Ok(Self { assembly, config, server, pool, gateway, port, serving })
    }

    fn base_url(&self) -> String {
        assemble::base_url(self.port.number())
    }

    /// Takes over a changed configuration; answers under way go on as they began.
    ///
    /// # Errors
    /// When no port is left to serve on.
    async fn take_over(&mut self, config: &Resolved) -> anyhow::Result<()> {
        if *config == self.config {
            return Ok(());
        }
        report_refusals(config);
        let asked = Asked::of(config);
        // From here on nobody comes in by a port that changes: those who come by a wider one are judged by what belongs to it.
        let open = self.port.reopen(&asked).await?;
        let number = open.as_ref().map_or(self.port.number(), |open| open.port());
        self.pool.replace(roster::roster(config), roster::rules(config));
        self.gateway.replace(self.assembly.setup(config));
        self.server.replace(assemble::settings(config, self.keys(config), number));
        if let Some(open) = open {
            self.port = Port::serve(asked, open, self.server.clone(), &mut self.serving);
        }
        self.config = config.clone();
        self.forget_ended();
        Ok(())
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

    /// Closes the port and lets answers go on for as long as the configuration allows.
    async fn stop(mut self) {
        drop(self.port.close().await);
        let ended = async { while self.serving.join_next().await.is_some() {} };
        if tokio::time::timeout(self.config.limits.drain_timeout, ended).await.is_err() {
            warn!("answers that took too long to end were cut");
        }
    }
}

fn report_refusals(config: &Resolved) {
    for refusal in config.refusals() {
        warn!(%refusal, "the configuration asks for what is not done");
    }
}

/// Says who has the port, where it is one of us.
fn explain(error: BindError, config: &Resolved) -> anyhow::Error {
    let port = error.port();
    if error.is_in_use() && status(config).state == State::Running {
        return anyhow!("port {port} is in use by another aerostat, which serves; stop it, or set another `port`");
    }
    error.into()
}
