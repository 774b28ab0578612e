//! The agent's own state: whether the port is wanted, whether it is open, and the verbs that change
//! it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};

use super::wire::ControlError;

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
        /// Another port, or another reach, that is asked for and cannot be had.
        refused: Option<Refused>,
    },
    /// Closed; the last answers are still on their way.
    Draining,
    Stopped,
    /// Wanted, and cannot be opened; it is tried again.
    Blocked(Refused),
    /// The agent is about to end.
    Ending,
}

/// A port that cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub port: u16,
    /// A sentence that names the port, and who has it where that is known.
    pub why: String,
    /// Whether another program has it: then it may become free by itself.
    pub is_in_use: bool,
}

/// The lines between the verbs and the agent that obeys them.
#[derive(Clone)]
pub struct AgentHandle {
    wanted: watch::Sender<Wanted>,
    serving: watch::Receiver<Serving>,
    quit: Arc<Notify>,
    /// How often accounts or keys have changed, and how many of these changes are taken over.
    changes: watch::Sender<u64>,
    taken_over: watch::Receiver<u64>,
    drain_timeout: watch::Receiver<Duration>,
}

/// The agent's ends of them.
pub struct AgentEndpoint {
    pub wanted: watch::Receiver<Wanted>,
    pub serving: watch::Sender<Serving>,
    pub drain_timeout: watch::Sender<Duration>,
    /// Told once when the agent shall end.
    pub quit: Arc<Notify>,
    /// Counts the changes of accounts and keys.
    pub changes: watch::Receiver<u64>,
    /// Where the agent says how many of them it has taken over.
    pub taken_over: watch::Sender<u64>,
}

impl AgentHandle {
    pub fn new(wanted: Wanted, drain_timeout: Duration) -> (Self, AgentEndpoint) {
        let (wanted, wanted_end) = watch::channel(wanted);
        let (serving_end, serving) = watch::channel(Serving::Starting);
        let (drain_end, drain_timeout) = watch::channel(drain_timeout);
        let (changes, changes_end) = watch::channel(0);
        let (taken_over_end, taken_over) = watch::channel(0);
        let quit = Arc::new(Notify::new());
        let orders = AgentEndpoint {
            wanted: wanted_end,
            serving: serving_end,
            drain_timeout: drain_end,
            quit: Arc::clone(&quit),
            changes: changes_end,
            taken_over: taken_over_end,
        };
        (
            Self {
                wanted,
                serving,
                quit,
                changes,
                taken_over,
                drain_timeout,
            },
            orders,
        )
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
        self.changes.send_modify(|count| *count += 1);
    }

    /// Waits until the agent serves with all that has changed so far.
    pub(super) async fn settled(&self) {
        let count = *self.changes.borrow();
        let mut taken_over = self.taken_over.clone();
        // An agent that is about to end takes over nothing more.
        let _ = tokio::time::timeout(
            START_TIMEOUT,
            taken_over.wait_for(|taken_over| *taken_over >= count),
        )
        .await;
    }

    pub(super) fn quit(&self) {
        self.quit.notify_one();
    }

    /// Wants the port open; waits until it is, or it is clear that it cannot be.
    pub(super) async fn start(&self) -> Result<(), ControlError> {
        self.wanted.send_replace(Wanted::Running);
        let is_settled = |serving: &Serving| {
            matches!(
                serving,
                Serving::Running { .. } | Serving::Blocked(_) | Serving::Ending
            )
        };
        match self.until(START_TIMEOUT, is_settled).await? {
            Serving::Blocked(refused) => Err(ControlError::failed(refused.why)),
            Serving::Ending => Err(ControlError::failed("the agent is about to end")),
            _ => Ok(()),
        }
    }

    /// Wants the port closed; waits until the last answer has ended.
    pub(super) async fn stop(&self) -> Result<(), ControlError> {
        self.wanted.send_replace(Wanted::Stopped);
        let limit = *self.drain_timeout.borrow() + STOP_SLACK;
        self.until(limit, |serving| {
            matches!(serving, Serving::Stopped | Serving::Ending)
        })
        .await
        .map(drop)
    }

    async fn until(
        &self,
        limit: Duration,
        is_settled: impl FnMut(&Serving) -> bool,
    ) -> Result<Serving, ControlError> {
        let mut serving = self.serving.clone();
        let settled = tokio::time::timeout(limit, serving.wait_for(is_settled)).await;
        let settled = settled.map_err(|_| {
            ControlError::failed(format!(
                "not done within {} s; see `aerostat status`",
                limit.as_secs()
            ))
        })?;
        settled
            .map(|serving| serving.clone())
            .map_err(|_| ControlError::failed("the agent is about to end"))
    }
}
