//! `start`: opens the port.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::status::status;
use crate::control::service::ControlService;
use crate::control::status::Status;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::store::Flag;

#[derive(Debug, Serialize, Deserialize)]
pub struct Start {}

impl Verb for Start {
    type Response = Status;
    const NAME: &'static str = "start";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Agent;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Status, ControlError> {
        let agent = service.agent()?;
        // Stored before it is done, so that a restart finds it.
        let stored = service.store().set(Flag::Stopped, false).await;
        stored.map_err(ControlError::caused_by)?;
        agent.start().await?;
        Ok(status(service))
    }
}
