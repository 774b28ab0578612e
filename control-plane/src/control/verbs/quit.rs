//! `quit`: ends the agent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::service::ControlService;
use crate::control::status::Status;
use crate::control::verb::{DRAIN_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct Quit {}

impl Verb for Quit {
    /// The agent as it was.
    type Response = Status;
    const NAME: &'static str = "quit";
    const TIME_LIMIT: Duration = DRAIN_LIMIT;
    const NEEDS: Needs = Needs::Agent;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Status, ControlError> {
        let agent = service.agent()?;
        // Read first: nothing may keep the response from being written before the agent ends.
        let status = super::status::status(service);
        agent.quit().await?;
        Ok(status)
    }
}
