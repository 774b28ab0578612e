//! `client list`, `client status`: how the clients stand that could be pointed here.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clients::Surroundings;
use crate::control::clients::{ClientChoice, ClientFacts};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct ClientList {
    /// `None` for all.
    pub client: Option<ClientChoice>,
    /// Where the person is who asks.
    pub at: Surroundings,
}

impl Verb for ClientList {
    type Response = Vec<ClientFacts>;
    const NAME: &'static str = "client_list";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::AnyFiles;

    async fn run(
        self,
        service: &ControlService,
        notes: &Notes,
    ) -> Result<Vec<ClientFacts>, ControlError> {
        service.note_unknown_address(notes).await;
        service.client_facts(self.client.as_ref(), self.at).await
    }
}
