//! The keys that open the API port, beside the local one.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::wire::{ControlError, WireSecret};
use crate::config::local_key;
use crate::status::rfc3339;
use crate::store::{ApiKey, KeyName, Store};

/// A key as people and scripts see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFacts {
    pub name: String,
    /// The last four characters.
    pub hint: String,
    pub made_at: String,
}

/// A key that was just made: the one time that it is shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewKey {
    pub name: String,
    pub key: WireSecret,
}

impl KeyFacts {
    fn of(key: &ApiKey) -> Self {
        Self {
            name: key.name.to_string(),
            hint: key.hint.clone(),
            made_at: rfc3339(key.made_at),
        }
    }
}

/// # Errors
/// When the name is none or is taken, or the key cannot be stored.
pub(super) async fn create(store: &Store, name: &str) -> Result<NewKey, ControlError> {
    let name: KeyName = name.parse().map_err(|_| bad_name(name))?;
    if store.keys().iter().any(|known| known.name == name) {
        return Err(ControlError::failed(format!(
            "a key `{name}` is there already; revoke it or take another name"
        )));
    }
    let key = local_key::generate().map_err(ControlError::failed)?;
    store
        .put_key(ApiKey::new(name.clone(), &key, SystemTime::now()))
        .await
        .map_err(ControlError::failed)?;
    Ok(NewKey {
        name: name.to_string(),
        key: WireSecret(key),
    })
}

pub(super) fn list(store: &Store) -> Vec<KeyFacts> {
    store.keys().iter().map(KeyFacts::of).collect()
}

/// # Errors
/// When there is no such key, or it cannot be written that it is gone.
pub(super) async fn revoke(store: &Store, name: &str) -> Result<KeyFacts, ControlError> {
    let known = store
        .keys()
        .into_iter()
        .find(|known| known.name.as_str() == name);
    let key = known.ok_or_else(|| {
        ControlError::failed(format!(
            "no key `{}`; `aerostat key list` names them",
            name.escape_debug()
        ))
    })?;
    store
        .remove_key(&key.name)
        .await
        .map_err(ControlError::failed)?;
    Ok(KeyFacts::of(&key))
}

fn bad_name(name: &str) -> ControlError {
    let shown: String = name.chars().take(64).collect();
    let expected = "1 to 64 letters, digits or `. _ @ + -`, starting with a letter or digit";
    ControlError::usage(format!(
        "`{}` is no name of a key: expected {expected}",
        shown.escape_debug()
    ))
}
