//! `client connect`: points a client's files at this gateway, or shows what that would change.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clients::Surroundings;
use crate::control::clients::{ClientChange, ClientChoice, ClientStep, Wish};
use crate::control::service::ControlService;
use crate::control::verb::{CALL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct ClientConnect {
    pub client: ClientChoice,
    pub step: ClientStep,
    /// Where the person is who asks.
    pub at: Surroundings,
}

impl Verb for ClientConnect {
    type Response = ClientChange;
    const NAME: &'static str = "client_connect";
    // Providers may be asked for their models.
    const TIME_LIMIT: Duration = CALL_LIMIT;
    const NEEDS: Needs = Needs::AnyFiles;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<ClientChange, ControlError> {
        let Self { client, step, at } = self;
        service
            .change_client(&client, Wish::Connected, step, at)
            .await
    }
}
