//! The composition root: what is made of the configuration, in which order things start, change and
//! stop.
//!
//! It decides nothing about a request.

mod agent;
mod assemble;
mod config_reload;
mod environment;
mod files;
mod frontend;
mod port;
mod runtime;
mod selftest_runner;
mod signals;
#[cfg(feature = "desktop")]
mod tray_bridge;

use std::pin::pin;

use tracing::{info, warn};

use crate::config::{Home, file};
use crate::control::Started;
use agent::Agent;
use assemble::Assembly;
use config_reload::Changes;
pub use environment::SystemEnvironment;
pub use frontend::Frontend;
use runtime::{Opened, Runtime};
pub use selftest_runner::rehearse;
use signals::Signals;
#[cfg(feature = "desktop")]
pub use tray_bridge::TrayBridge;

/// Runs the agent until it is told to stop; `Ok` once every answer has ended or was cut. `show` is
/// told how it stands once it can be asked, or, where an agent of this home runs already, how that
/// one stands; then nothing else is done.
///
/// # Errors
/// When the configuration or the state cannot be read, or another agent cannot be asked. Later
/// troubles are logged, and what worked before goes on.
pub async fn run(home: Home, mut show: Frontend<'_>) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    files::allow_more();
    let config = file::load(&home)?;
    let opened = tokio::select! {
        opened = Runtime::open(&home, &config) => opened?,
        () = signals.next() => return Ok(()),
    };
    let (mut spine, mut orders) = match opened {
        Opened::Ours(spine, orders) => (spine, orders),
        Opened::Theirs(status) => {
            show.started(
                None,
                Started {
                    status: *status,
                    is_new: false,
                },
            );
            return Ok(());
        }
    };
    show.begin(&spine.desk);
    spine.open_dashboard(show.tray_note());
    let mut changes = Changes::follow(&home, &config, spine.live.clone());
    tokio::select! {
        () = spine.open_vault() => {}
        // Where a passphrase is asked for, nobody has to give one to get out.
        () = signals.next() => {
            spine.close();
            return Ok(());
        }
    }
    let assembly = Assembly::new(home, &config, spine.desk.clone(), spine.desk.ring.clone());
    let mut agent = Agent::start(assembly, config, orders.serving, orders.drain_timeout)?;
    agent.obey(*orders.wanted.borrow_and_update()).await;
    spine.serve(&agent);
    show.started(
        Some(&spine.desk),
        Started {
            status: spine.desk.status().await,
            is_new: true,
        },
    );
    let desk = spine.desk.clone();
    let mut telling = pin!(show.tell(&desk));
    loop {
        tokio::select! {
            () = &mut telling => {}
            () = signals.next() => break,
            () = orders.quit.notified() => break,
            config = changes.next() => agent.take_over(&config).await,
            Ok(()) = orders.changes.changed() => {
                let count = *orders.changes.borrow_and_update();
                agent.renew();
                orders.taken_over.send_replace(count);
            }
            Ok(()) = orders.wanted.changed() => {
                let wanted = *orders.wanted.borrow_and_update();
                agent.obey(wanted).await;
            }
            () = agent.work() => {}
        }
        spine.tell(&agent);
    }
    info!("stopping");
    let ended = async {
        agent.end().await;
        spine.end_refreshes().await;
    };
    tokio::select! {
        () = ended => {}
        () = signals.next_urgent() => warn!("stopped at once: answers under way were cut"),
    }
    spine.close();
    Ok(())
}
