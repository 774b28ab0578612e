//! `key set`: changes the limits of a key. Once the verb is done they hold.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key_list::{KeyFacts, find_key};
use crate::control::key_limits::KeyLimitChanges;
use crate::control::refusal::Refusal;
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct KeySet {
    pub name: String,
    pub limits: KeyLimitChanges,
}

impl Verb for KeySet {
    type Response = KeyFacts;
    const NAME: &'static str = "key_set";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<KeyFacts, ControlError> {
        if self.limits.is_empty() {
            return Err(ControlError::usage(Refusal::NothingToSet {
                example: "--requests-per-minute 60",
            }));
        }
        let mut key = find_key(service, &self.name)?;
        key.limits = self.limits.apply(&key.limits)?;
        service
            .store()
            .put_key(key.clone())
            .await
            .map_err(ControlError::caused_by)?;
        service.keys_changed().await;
        Ok(KeyFacts::of(service, &key))
    }
}
