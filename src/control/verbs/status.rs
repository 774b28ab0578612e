//! `status`: how the agent stands.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::file::load;
use crate::config::{AuthMode, Config, Home};
use crate::control::account;
use crate::control::agent::Serving;
use crate::control::service::ControlService;
use crate::control::socket_path::SocketPath;
use crate::control::status::Status;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

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
        return Status::without_agent(&config, &service.home, &service.socket);
    };
    let state = agent.state();
    let mut status = Status::of(
        &state.serving,
        state.wanted,
        &config,
        &service.home,
        &service.socket,
    );
    let trouble = &service.live.borrow().trouble;
    status.config_trouble = trouble.as_ref().map(ToString::to_string);
    status.accounts = Some(account::counts(&service.accounts));
    status.is_exposed = is_exposed(&state.serving, &config);
    status.lan_refused = lan_refused(&config);
    status
}

/// The status of a home where no agent runs. Blocks until it is clear who has the port.
///
/// # Errors
/// When the configuration cannot be read.
pub fn status_without_agent(home: &Home) -> Result<Status, ControlError> {
    let config = load(home).map_err(ControlError::caused_by)?;
    let socket = SocketPath::of(home, &|name| std::env::var_os(name));
    Ok(Status::without_agent(&config, home, &socket))
}

/// Whether other machines are served. Where the port could not be opened to them, it is as it was.
fn is_exposed(serving: &Serving, config: &Config) -> bool {
    let Serving::Running { port, refused } = serving else {
        return false;
    };
    let is_as_asked = refused.as_ref().is_none_or(|refused| refused.port != *port);
    is_as_asked && config.allow_lan_access && config.auth_mode != AuthMode::Off
}

fn lan_refused(config: &Config) -> Option<String> {
    config
        .refusals()
        .into_iter()
        .find(|refusal| refusal.path == "allow_lan_access")
        .map(|refusal| refusal.message)
}
