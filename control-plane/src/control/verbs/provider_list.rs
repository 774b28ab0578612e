//! `provider list`: the providers, and whether they can serve.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::provider::{self, ProviderFacts};
use crate::control::service::ControlService;
use crate::control::standings::Standings;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct ProviderList {}

impl Verb for ProviderList {
    type Response = Vec<ProviderFacts>;
    const NAME: &'static str = "provider_list";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(
        self,
        service: &ControlService,
        _: &Notes,
    ) -> Result<Vec<ProviderFacts>, ControlError> {
        let config = service.accounts.effective_config();
        let standings = Standings::of(&service.accounts);
        Ok(provider::list(&config, &|provider| standings.get(provider)))
    }
}
