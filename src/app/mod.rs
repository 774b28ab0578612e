//! The composition root: what is made of the configuration, in which order things start, change and stop.
//!
//! It decides nothing about a request.

mod assemble;
mod recorder;
mod signals;

use std::io::{self, Write as _};
use std::sync::Arc;

use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use crate::config::{ConfigWatcher, Home, Live, Resolved, file};
use crate::gateway::Gateway;
use crate::http::listen::{self, BindError, Listeners};
use crate::http::{Limits, serve};
use crate::server::Server;
use assemble::Assembly;
use signals::Signals;

/// Runs the agent until it is told to stop; `Ok` once every answer has ended or was cut.
///
/// # Errors
/// When the configuration cannot be read or the port cannot be opened at the start. Later troubles are logged, and what worked
/// before goes on.
pub async fn run(home: Home) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let config = file::load(&home)?;
    report_refusals(&config);
    let (watcher, mut live) = ConfigWatcher::new(home.clone(), config.clone())?;
    let mut tasks = JoinSet::new();
    tasks.spawn(watcher.run());

    let mut agent = Agent::start(Assembly::new(home, &config), &config)?;
    announce(&agent.base_url())?;
    loop {
        tokio::select! {
            () = signals.next() => break,
            changed = live.changed() => match changed {
                Ok(()) => agent.follow(&live),
                // The watcher ended, as it does when its folder is gone; what is in force stays in force.
                Err(_) => break signals.next().await,
            },
        }
    }
    info!("stopping");
    tokio::select! {
        () = agent.stop() => {}
        () = signals.next() => warn!("stopped at once; answers were cut"),
    }
    Ok(())
}

/// The serving part, and what it was made of.
struct Agent {
    assembly: Assembly,
    config: Resolved,
    server: Arc<Server>,
    gateway: Arc<Gateway>,
    port: u16,
    /// Ends the present listener.
    stop: oneshot::Sender<()>,
    /// The present listener and those that still drain.
    listeners: JoinSet<()>,
}

impl Agent {
    fn start(assembly: Assembly, config: &Resolved) -> anyhow::Result<Self> {
        let open = listen::bind(config.port, assemble::reach(config))?;
        let port = open.port();
        let gateway = Arc::new(Gateway::new(assembly.setup(config), assembly.recorder()));
        let server = Arc::new(Server::new(assembly.settings(config, port)?, gateway.clone()));
        let mut listeners = JoinSet::new();
        let stop = spawn(&mut listeners, open, server.clone(), assemble::limits(config));
        Ok(Self { assembly, config: config.clone(), server, gateway, port, stop, listeners })
    }

    fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Takes over a changed configuration; answers under way go on as they began.
    fn follow(&mut self, live: &watch::Receiver<Live>) {
        let config = live.borrow().config.clone();
        if *config == self.config {
            return;
        }
        report_refusals(&config);
        if let Err(error) = self.listen_as(&config) {
            error!(%error, "the port stays as it was");
        }
        self.gateway.replace(self.assembly.setup(&config));
        match self.assembly.settings(&config, self.port) {
            Ok(settings) => self.server.replace(settings),
            Err(error) => error!(%error, "who may come in stays as it was"),
        }
        self.config = (*config).clone();
        // A listener that has drained is forgotten.
        while self.listeners.try_join_next().is_some() {}
    }

    /// Opens the port anew where the change asks for it. Another port is opened before the old one is closed; the same port with
    /// other limits is closed first.
    fn listen_as(&mut self, config: &Resolved) -> Result<(), BindError> {
        let (reach, limits) = (assemble::reach(config), assemble::limits(config));
        let is_same = self.config.port == config.port && assemble::reach(&self.config) == reach;
        if is_same && assemble::limits(&self.config) == limits {
            return Ok(());
        }
        let port = if is_same { self.port } else { config.port };
        let open = match listen::bind(port, reach) {
            Err(error) if error.is_in_use() && port == self.port => self.reopen(port, reach)?,
            opened => opened?,
        };
        if open.port() != self.port {
            info!(port = open.port(), "serving on another port");
        }
        self.port = open.port();
        let next = spawn(&mut self.listeners, open, self.server.clone(), limits);
        let _ = std::mem::replace(&mut self.stop, next).send(());
        Ok(())
    }

    /// Closes the port and opens it again; the old listener's answers drain meanwhile.
    fn reopen(&mut self, port: u16, reach: listen::Reach) -> Result<Listeners, BindError> {
        const TRIES: u32 = 50;
        const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);
        let (closed, _) = oneshot::channel();
        let _ = std::mem::replace(&mut self.stop, closed).send(());
        let mut opened = listen::bind(port, reach);
        for _ in 1..TRIES {
            if !matches!(&opened, Err(error) if error.is_in_use()) {
                break;
            }
            // The old listener's task closes its sockets on another thread; this happens once a change of limits.
            tokio::task::block_in_place(|| std::thread::sleep(PAUSE));
            opened = listen::bind(port, reach);
        }
        opened
    }

    /// Closes the port and waits for the answers under way.
    async fn stop(mut self) {
        let _ = self.stop.send(());
        while self.listeners.join_next().await.is_some() {}
    }
}

fn spawn(tasks: &mut JoinSet<()>, open: Listeners, server: Arc<Server>, limits: Limits) -> oneshot::Sender<()> {
    let (stop, stopped) = oneshot::channel::<()>();
    tasks.spawn(async move {
        // A dropped sender stops as a sent word does.
        let stopped = async {
            let _ = stopped.await;
        };
        serve(open, server, limits, stopped).await;
    });
    stop
}

fn report_refusals(config: &Resolved) {
    for refusal in config.refusals() {
        warn!(%refusal, "the configuration asks for what is not done");
    }
}

/// Says where it serves, with a line that works at once.
fn announce(base_url: &str) -> io::Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let mut out = io::stdout().lock();
    writeln!(out, "Aerostat {version} serves {base_url}")?;
    writeln!(out)?;
    writeln!(out, "Try it:")?;
    writeln!(
        out,
        r#"  curl {base_url}/v1/chat/completions -H "content-type: application/json" -d '{{"model":"demo","messages":[{{"role":"user","content":"hello"}}]}}'"#
    )?;
    out.flush()
}
