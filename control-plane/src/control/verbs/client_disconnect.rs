//! `client disconnect`: takes the connection out of a client's files, or shows what that would change.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clients::Surroundings;
use crate::control::clients::{ClientChange, ClientChoice, ClientStep, Wish};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct ClientDisconnect {
    pub client: ClientChoice,
    pub step: ClientStep,
    /// Where the person is who asks.
    pub at: Surroundings,
}

impl Verb for ClientDisconnect {
    type Response = ClientChange;
    const NAME: &'static str = "client_disconnect";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::AnyFiles;

    async fn run(
        self,
        service: &ControlService,
        notes: &Notes,
    ) -> Result<ClientChange, ControlError> {
        service.note_unknown_address(notes).await;
        let Self { client, step, at } = self;
        service
            .change_client(&client, Wish::Disconnected, step, at)
            .await
    }
}
