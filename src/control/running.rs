//! The agent's own state: whether the port is wanted, whether it is open, and the verbs that change it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use super::wire::Complaint;

/// How much longer than the answers under way a stop may take.
const STOP_SLACK: Duration = Duration::from_secs(5);
/// How long opening the port may take.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// What a person wants of the port. Survives a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    Running,
    Stopped,
}

/// How the port stands, as the agent reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serving {
    Starting,
    Running {
        port: u16,
    },
    /// Closed; the last answers are still on their way.
    Draining,
    Stopped,
    /// Wanted, and cannot be opened; it is tried again. The sentence names the port.
    PortInUse {
        port: u16,
        detail: String,
    },
    /// The agent is about to end.
    Ending,
}

/// The lines between the verbs and the agent that obeys them.
#[derive(Clone)]
pub struct Agent {
    wanted: watch::Sender<Wanted>,
    serving: watch::Receiver<Serving>,
    quit: Arc<Notify>,
    changed: Arc<Notify>,
    drain_timeout: watch::Receiver<Duration>,
}

/// The agent's ends of them.
pub struct Orders {
    pub wanted: watch::Receiver<Wanted>,
    pub serving: watch::Sender<Serving>,
    pub drain_timeout: watch::Sender<Duration>,
    /// Told once when the agent shall end.
    pub quit: Arc<Notify>,
    /// Told when accounts or keys have changed.
    pub changed: Arc<Notify>,
}

impl Agent {
    pub fn new(wanted: Wanted, drain_timeout: Duration) -> (Self, Orders) {
        let (wanted, wanted_end) = watch::channel(wanted);
        let (serving_end, serving) = watch::channel(Serving::Starting);
        let (drain_end, drain_timeout) = watch::channel(drain_timeout);
        let (quit, changed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let orders = Orders {
            wanted: wanted_end,
            serving: serving_end,
            drain_timeout: drain_end,
            quit: Arc::clone(&quit),
            changed: Arc::clone(&changed),
        };
        (Self { wanted, serving, quit, changed, drain_timeout }, orders)
    }

    pub fn serving(&self) -> Serving {
        self.serving.borrow().clone()
    }

    /// The same, to be waited for.
    pub(super) fn followed(&self) -> watch::Receiver<Serving> {
        self.serving.clone()
    }

    pub fn wanted(&self) -> Wanted {
        *self.wanted.borrow()
    }

    /// Tells the agent that accounts or keys have changed.
    pub(super) fn changed(&self) {
        self.changed.notify_one();
    }

    pub(super) fn quit(&self) {
        self.quit.notify_one();
    }

    /// Wants the port open; waits until it is, or it is clear that it cannot be.
    pub(super) async fn start(&self) -> Result<(), Complaint> {
        self.wanted.send_replace(Wanted::Running);
        let is_settled =
            |serving: &Serving| matches!(serving, Serving::Running { .. } | Serving::PortInUse { .. } | Serving::Ending);
        match self.until(START_TIMEOUT, is_settled).await? {
            Serving::PortInUse { detail, .. } => Err(Complaint::failed(detail)),
            Serving::Ending => Err(Complaint::failed("the agent is about to end")),
            _ => Ok(()),
        }
    }

    /// Wants the port closed; waits until the last answer has ended.
    pub(super) async fn stop(&self) -> Result<(), Complaint> {
        self.wanted.send_replace(Wanted::Stopped);
        let limit = *self.drain_timeout.borrow() + STOP_SLACK;
        self.until(limit, |serving| matches!(serving, Serving::Stopped | Serving::Ending)).await.map(drop)
    }

    async fn until(&self, limit: Duration, is_settled: impl FnMut(&Serving) -> bool) -> Result<Serving, Complaint> {
        let mut serving = self.serving.clone();
        let settled = tokio::time::timeout(limit, serving.wait_for(is_settled)).await;
        let settled =
            settled.map_err(|_| Complaint::failed(format!("not done within {} s; see `aerostat status`", limit.as_secs())))?;
        settled.map(|serving| serving.clone()).map_err(|_| Complaint::failed("the agent is about to end"))
    }
}
