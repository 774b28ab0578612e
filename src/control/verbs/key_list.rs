//! `key list`: the keys that were made for the API port.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::status::rfc3339;
use crate::store::ApiKey;

#[derive(Debug, Serialize, Deserialize)]
pub struct KeyList {}

/// A key as people and scripts see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFacts {
    pub name: String,
    /// The last four characters.
    pub hint: String,
    pub made_at: String,
}

impl KeyFacts {
    pub(super) fn of(key: &ApiKey) -> Self {
        Self {
            name: key.name.to_string(),
            hint: key.hint.clone(),
            made_at: rfc3339(key.made_at),
        }
    }
}

impl Verb for KeyList {
    type Response = Vec<KeyFacts>;
    const NAME: &'static str = "key_list";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Vec<KeyFacts>, ControlError> {
        Ok(service.store().keys().iter().map(KeyFacts::of).collect())
    }
}
