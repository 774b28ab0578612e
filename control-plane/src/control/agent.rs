//! The running agent as verbs see it: its state, and the commands that change it.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot, watch};

use super::refusal::Refusal;
use super::wire::ControlError;
use crate::language::Said;
use crate::outcome::Timestamp;
use crate::status::{MetricsStatus, PortStatus};

/// How long the agent may take to apply a command.
const APPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// How much longer than the responses in flight a stop may take.
const STOP_SLACK: Duration = Duration::from_secs(5);
/// How many commands may wait for the agent; one more waits with its sender.
const COMMANDS_MAX: usize = 16;

/// Whether the port is to be open. Survives a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesiredState {
    Running,
    Stopped,
}

/// The agent's state, as it publishes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentState {
    pub port: PortStatus,
    pub desired: DesiredState,
    pub metrics: MetricsStatus,
    /// How long responses in flight may take once the port is closed.
    pub drain_timeout: Duration,
}

/// What verbs command the agent to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Open the port, or close it; responses in flight go on.
    Serve(DesiredState),
    /// Accounts or keys have changed: serve with them as they are now.
    ReloadAccounts,
    Quit,
}

/// One action, and who waits for it.
#[derive(Debug)]
pub struct Command {
    pub action: Action,
    applied: oneshot::Sender<()>,
}

impl Command {
    /// Acknowledges the action. A command that is dropped instead means that the agent ends.
    pub fn applied(self) {
        // A sender that does not wait is fine.
        let _ = self.applied.send(());
    }
}

/// The verbs' end: sends commands, reads the state.
#[derive(Clone)]
pub struct AgentHandle {
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<AgentState>,
    started_at: Timestamp,
}

/// The agent's end: receives commands, publishes the state.
pub struct AgentInbox {
    pub commands: mpsc::Receiver<Command>,
    pub state: watch::Sender<AgentState>,
}

impl AgentHandle {
    pub fn new(desired: DesiredState, drain_timeout: Duration) -> (Self, AgentInbox) {
        let (sender, receiver) = mpsc::channel(COMMANDS_MAX);
        let publisher = watch::Sender::new(AgentState {
            port: PortStatus::Starting,
            desired,
            metrics: MetricsStatus::Off,
            drain_timeout,
        });
        let handle = Self {
            commands: sender,
            state: publisher.subscribe(),
            started_at: SystemTime::now(),
        };
        let inbox = AgentInbox {
            commands: receiver,
            state: publisher,
        };
        (handle, inbox)
    }

    pub fn state(&self) -> AgentState {
        self.state.borrow().clone()
    }

    pub fn port(&self) -> PortStatus {
        self.state.borrow().port.clone()
    }

    pub(super) fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// The state, to be waited for.
    pub(super) fn subscribe(&self) -> watch::Receiver<AgentState> {
        self.state.clone()
    }

    /// Notifies the agent that accounts or keys have changed, without waiting until it serves with
    /// them.
    pub(super) async fn accounts_changed(&self) {
        // An agent that is about to end takes no more changes.
        let _ = self.send(Action::ReloadAccounts).await;
    }

    /// Waits until the agent serves with all changes up to now.
    pub(super) async fn reload_accounts(&self) {
        // An agent that is about to end serves no more requests with the old ones.
        let _ = self.apply(Action::ReloadAccounts).await;
    }

    pub(super) async fn quit(&self) -> Result<(), ControlError> {
        self.send(Action::Quit).await.map(drop)
    }

    /// Opens the port.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub(super) async fn start(&self) -> Result<(), ControlError> {
        self.apply(Action::Serve(DesiredState::Running)).await?;
        match self.port() {
            PortStatus::Unavailable(failure) => Err(ControlError::failed(Said::of(&failure))),
            PortStatus::Ending => Err(ending()),
            _ => Ok(()),
        }
    }

    /// Closes the port, and waits until the last response has ended.
    ///
    /// # Errors
    /// When that takes longer than the agent allows.
    pub(super) async fn stop(&self) -> Result<(), ControlError> {
        self.apply(Action::Serve(DesiredState::Stopped)).await?;
        let limit = self.state.borrow().drain_timeout + STOP_SLACK;
        let mut state = self.state.clone();
        let drained =
            state.wait_for(|state| matches!(state.port, PortStatus::Stopped | PortStatus::Ending));
        match tokio::time::timeout(limit, drained).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(ending()),
            Err(_) => Err(not_done_within(limit)),
        }
    }

    /// Sends an action and waits until the agent has applied it.
    async fn apply(&self, action: Action) -> Result<(), ControlError> {
        let apply = async {
            let applied = self.send(action).await?;
            applied.await.map_err(|_| ending())
        };
        match tokio::time::timeout(APPLY_TIMEOUT, apply).await {
            Ok(applied) => applied,
            Err(_) => Err(not_done_within(APPLY_TIMEOUT)),
        }
    }

    async fn send(&self, action: Action) -> Result<oneshot::Receiver<()>, ControlError> {
        let (applied, is_applied) = oneshot::channel();
        let command = Command { action, applied };
        self.commands.send(command).await.map_err(|_| ending())?;
        Ok(is_applied)
    }
}

fn ending() -> ControlError {
    ControlError::failed(Refusal::AgentEnds)
}

fn not_done_within(limit: Duration) -> ControlError {
    ControlError::failed(Refusal::NotDoneWithin {
        seconds: limit.as_secs(),
    })
}
