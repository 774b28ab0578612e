//! The composition root: what is made of the configuration, in which order things start, change and stop.
//!
//! It decides nothing about a request.

mod agent;
mod assemble;
mod changes;
mod files;
mod outside;
mod port;
mod recorder;
mod rehearsal;
mod signals;
mod spine;

use tracing::{info, warn};

use crate::config::{Home, file};
use crate::control::Started;
use agent::Agent;
use assemble::Assembly;
use changes::Changes;
pub use outside::Wire;
pub use rehearsal::rehearse;
use signals::Signals;
use spine::{Opened, Spine};

/// Runs the agent until it is told to stop; `Ok` once every answer has ended or was cut. `on_start` is told how it stands once it
/// can be asked, or, where an agent of this home runs already, how that one stands; then nothing else is done.
///
/// # Errors
/// When the configuration or the state cannot be read, or another agent cannot be asked. Later troubles are logged, and what worked
/// before goes on.
pub async fn run(home: Home, on_start: impl FnOnce(&Started)) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    files::allow_more();
    let config = file::load(&home)?;
    let (mut spine, mut orders) = match Spine::open(&home, &config).await? {
        Opened::Ours(spine, orders) => (spine, orders),
        Opened::Theirs(status) => {
            on_start(&Started { status: *status, is_new: false });
            return Ok(());
        }
    };
    let mut changes = Changes::follow(&home, &config, spine.live.clone());
    spine.open_vault().await;
    let assembly = Assembly::new(home, &config, spine.desk.clone(), spine.desk.ring.clone());
    let mut agent = Agent::start(assembly, config, orders.serving, orders.drain_timeout)?;
    agent.obey(*orders.wanted.borrow_and_update()).await;
    spine.serve(&agent);
    on_start(&Started { status: spine.desk.status().await, is_new: true });
    loop {
        tokio::select! {
            () = signals.next() => break,
            () = orders.quit.notified() => break,
            config = changes.next() => agent.take_over(&config).await,
            () = orders.changed.notified() => agent.renew(),
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
        () = signals.next() => warn!("stopped at once: answers under way were cut"),
    }
    spine.close();
    Ok(())
}
