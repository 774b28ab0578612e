//! `key revoke`: takes a key back. Once the verb is done it opens nothing any more.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key_list::{KeyFacts, find_key};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct KeyRevoke {
    pub name: String,
}

impl Verb for KeyRevoke {
    type Response = KeyFacts;
    const NAME: &'static str = "key_revoke";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<KeyFacts, ControlError> {
        let key = find_key(service, &self.name)?;
        let facts = KeyFacts::of(service, &key);
        service
            .store()
            .remove_key(&key.name)
            .await
            .map_err(ControlError::caused_by)?;
        service.keys_changed().await;
        Ok(facts)
    }
}
