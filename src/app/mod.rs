//! The composition root: what is made of the configuration, in which order things start, change and
//! stop.
//!
//! ```text
//!               commands                      Serve, ReloadAccounts, Quit
//!  ControlPlane ---------> run (the loop) -----------------------------> DataPlane
//!   lock, socket, <---------------------------------------------------    port, server, gateway
//!   dashboard, refresher    watch<AgentState>
//! ```
//!
//! It decides nothing about a request.

mod assemble;
mod config_reload;
mod control_plane;
mod data_plane;
mod environment;
mod executor;
mod files;
mod frontend;
mod logging;
mod metrics_port;
mod port;
mod program;
mod recording;
mod resender;
mod selftest_runner;
mod side_port;
mod signals;
#[cfg(feature = "desktop")]
mod tray_bridge;
#[cfg(feature = "desktop")]
mod tray_today;

use std::pin::pin;
use std::sync::Arc;

use tracing::{info, warn};

use crate::config::{Home, file};
use crate::control::verbs::status::status;
use crate::control::{Action, AgentInbox, Started};
use assemble::Assembly;
use config_reload::ConfigChanges;
use control_plane::{ControlPlane, Opened};
use data_plane::DataPlane;
use frontend::Frontend;
use metrics_port::MetricsPort;
pub use program::AgentProgram;
use recording::Recording;
use signals::Signals;

/// Runs the agent until it is told to stop; `Ok` once every response has ended or was aborted.
/// `frontend` gets the agent's state once it serves the control socket. Where another agent has the
/// home, it gets that one's, and nothing else happens.
///
/// # Errors
/// When the configuration or the state cannot be read, or another agent does not answer. Later
/// failures are logged, and what worked before goes on.
async fn run(home: Home, mut frontend: Frontend<'_>) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    files::raise_limit();
    home.secure()?;
    let config = file::load(&home)?;
    let opened = tokio::select! {
        opened = ControlPlane::open(&home, &config) => opened?,
        () = signals.next() => return Ok(()),
    };
    let (mut control, inbox) = match opened {
        Opened::Ours(control, inbox) => (control, inbox),
        Opened::Theirs(status) => {
            let started = Started {
                status: *status,
                is_new: false,
            };
            frontend.started(None, started);
            return Ok(());
        }
    };
    frontend.attach(&control.service);
    control.open_dashboard(frontend.tray_note());
    let changes = ConfigChanges::follow(&home, &config, control.live.clone());
    tokio::select! {
        () = control.open_vault() => {}
        // A person who is asked for a passphrase can leave without giving one.
        () = signals.next() => {
            control.close();
            return Ok(());
        }
    }
    let accounts = control.service.accounts().clone();
    let recording = Arc::new(Recording::new(&control.service, control.records.clone()));
    let (service, state) = (control.service.clone(), inbox.state.clone());
    let mut metrics_port = MetricsPort::new(service, recording.clone(), state);
    metrics_port.apply(&config).await;
    let client_keys = control.service.client_keys().clone();
    let assembly = Assembly::new(
        home,
        &config,
        Some(accounts),
        Some(client_keys),
        recording.clone(),
    );
    let desired = inbox.state.borrow().desired;
    let mut data = DataPlane::new(assembly, config, inbox.state.clone())?;
    data.apply_desired(desired).await;
    control.service.set_resender(data.resender());
    control.serve(data.upstream());
    let tracing = recording.start(data.upstream());
    control.publish_port(data.port());
    let started = Started {
        status: status(&control.service),
        is_new: true,
    };
    frontend.started(Some(&control.service), started);
    serve(
        &mut control,
        &mut data,
        &mut metrics_port,
        inbox,
        changes,
        &mut signals,
        &frontend,
    )
    .await;
    info!("stopping");
    let ended = async {
        data.end().await;
        tracing.close().await;
        control.end_refreshes().await;
    };
    tokio::select! {
        () = ended => {}
        () = signals.next_urgent() => warn!("stopped at once: responses in flight were aborted"),
    }
    control.close();
    Ok(())
}

/// Applies commands and changes of the configuration until the agent is told to stop. Commands
/// that come later fail, since the inbox is dropped.
async fn serve(
    control: &mut ControlPlane,
    data: &mut DataPlane,
    metrics: &mut MetricsPort,
    mut inbox: AgentInbox,
    mut changes: ConfigChanges,
    signals: &mut Signals,
    frontend: &Frontend<'_>,
) {
    let service = control.service.clone();
    let mut publishing = pin!(frontend.publish(&service));
    loop {
        tokio::select! {
            () = &mut publishing => {}
            () = signals.next() => return,
            config = changes.next() => {
                control.configure_records(&config);
                metrics.apply(&config).await;
                data.reload(&config).await;
            }
            Some(command) = inbox.commands.recv() => {
                match command.action {
                    Action::Serve(desired) => data.apply_desired(desired).await,
                    Action::ReloadAccounts => data.refresh_accounts(),
                    Action::Quit => return,
                }
                command.applied();
            }
            () = data.work() => {}
            () = metrics.work() => {}
        }
        control.publish_port(data.port());
    }
}
