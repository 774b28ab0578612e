//! `status`: how the agent stands.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::body_budget::BODIES;
use crate::config::Home;
use crate::config::file::load;
use crate::control::account;
use crate::control::agent::AgentState;
use crate::control::attention::attention;
use crate::control::service::ControlService;
use crate::control::socket_path::SocketPath;
use crate::control::status::Status;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::language::Said;

#[derive(Debug, Serialize, Deserialize)]
pub struct GetStatus {}

impl Verb for GetStatus {
    type Response = Status;
    const NAME: &'static str = "status";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Agent;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Status, ControlError> {
        Ok(status(service))
    }
}

/// The agent as it stands now.
pub fn status(service: &ControlService) -> Status {
    let config = service.config();
    let Some(agent) = &service.agent else {
        return Status::not_running(&config, &service.home, &service.socket);
    };
    let AgentState {
        port,
        desired,
        metrics,
        ..
    } = agent.state();
    let live = service.live.borrow().clone();
    let accounts = account::list(&service.accounts);
    let mut status = Status {
        config_error: live.error.map(|error| Said::of(&*error)),
        config_error_line: live.error_line,
        accounts: Some(account::counts(&accounts)),
        lan_refused: config.lan_refusal().map(|refusal| refusal.message),
        metrics,
        records: service.records.as_ref().map(|records| records.status()),
        notes_dropped: service.store().state_writes_dropped(),
        bodies_refused: BODIES.refused(),
        ..Status::running(port, desired, &config, &service.home, &service.socket)
    };
    status.attention = attention(&status, &accounts);
    status
}

/// The status of a home where no agent runs. Blocks until it is clear who has the port.
///
/// # Errors
/// When the configuration cannot be read.
pub fn status_without_agent(home: &Home) -> Result<Status, ControlError> {
    let config = load(home).map_err(ControlError::caused_by)?;
    let socket = SocketPath::of(home, &|name| std::env::var_os(name));
    Ok(Status::not_running(&config, home, &socket))
}
