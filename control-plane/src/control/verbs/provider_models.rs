//! `provider models`: what a provider serves, or all of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::provider::{self, ModelList};
use crate::control::service::ControlService;
use crate::control::standings::with_providers;
use crate::control::verb::{CALL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct ProviderModels {
    /// `None` for all that are enabled.
    pub name: Option<String>,
}

impl Verb for ProviderModels {
    type Response = Vec<ModelList>;
    const NAME: &'static str = "provider_models";
    const TIME_LIMIT: Duration = CALL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(
        self,
        service: &ControlService,
        _: &Notes,
    ) -> Result<Vec<ModelList>, ControlError> {
        with_providers(service, move |config, standings, fetch| {
            provider::models(config, standings, fetch, self.name.as_deref())
        })
        .await?
    }
}
