//! `key create`: makes another key for the API port, beside the local one.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::client_keys::KeyLimits;
use crate::config::local_key::{self, LOCAL_NAME};
use crate::control::key_limits::KeyLimitChanges;
use crate::control::refusal::Refusal;
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes, WireSecret};
use crate::store::{ApiKey, KeyName};

#[derive(Debug, Serialize, Deserialize)]
pub struct KeyCreate {
    pub name: String,
    #[serde(default)]
    pub limits: KeyLimitChanges,
}

/// A key that was just made: the one time that it is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewKey {
    pub name: String,
    pub key: WireSecret,
}

impl Verb for KeyCreate {
    type Response = NewKey;
    const NAME: &'static str = "key_create";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<NewKey, ControlError> {
        let name: KeyName = self.name.parse().map_err(|_| bad_name(&self.name))?;
        if self.name == LOCAL_NAME {
            return Err(ControlError::usage(Refusal::KeyNameReserved));
        }
        let limits = self.limits.apply(&KeyLimits::default())?;
        let store = service.store();
        if store.keys().iter().any(|known| known.name == name) {
            return Err(ControlError::failed(Refusal::KeyNameTaken {
                name: name.to_string(),
            }));
        }
        let key = local_key::generate().map_err(ControlError::quoted)?;
        store
            .put_key(ApiKey::new(name.clone(), &key, limits, SystemTime::now()))
            .await
            .map_err(ControlError::caused_by)?;
        service.keys_changed().await;
        Ok(NewKey {
            name: name.to_string(),
            key: WireSecret(key),
        })
    }
}

fn bad_name(name: &str) -> ControlError {
    let shown: String = name.chars().take(64).collect();
    let found = shown.escape_debug().to_string();
    ControlError::usage(Refusal::KeyName { found })
}
