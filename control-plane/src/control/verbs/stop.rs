//! `stop`: closes the port once the responses in flight have ended.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::status::status;
use crate::control::service::ControlService;
use crate::control::status::Status;
use crate::control::verb::{DRAIN_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::store::Flag;

#[derive(Debug, Serialize, Deserialize)]
pub struct Stop {}

impl Verb for Stop {
    type Response = Status;
    const NAME: &'static str = "stop";
    const TIME_LIMIT: Duration = DRAIN_LIMIT;
    const NEEDS: Needs = Needs::Agent;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Status, ControlError> {
        let agent = service.agent()?;
        // Stored before it is done, so that a restart finds it.
        let stored = service.store().set(Flag::Stopped, true).await;
        stored.map_err(ControlError::caused_by)?;
        agent.stop().await?;
        Ok(status(service))
    }
}
