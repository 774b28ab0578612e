//! API keys as they are stored: hashed, with what tells them apart.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::account::{AccountName, BadName, Secret};
use crate::client_keys::{KeyLimits, KeySettings};
use crate::outcome::Timestamp;

/// The name of a key. The rules of account names apply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyName(AccountName);

impl KeyName {
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for KeyName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        text.parse().map(Self)
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key of the API port. The key itself was shown once and is stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    pub name: KeyName,
    /// SHA-256. A key is 285 random bits, so that a slow hash would protect nothing more.
    pub hash: [u8; 32],
    /// The last four characters, by which the user recognises it.
    pub hint: String,
    pub made_at: Timestamp,
    #[serde(default)]
    pub limits: KeyLimits,
}

impl ApiKey {
    pub fn new(name: KeyName, key: &Secret, limits: KeyLimits, made_at: Timestamp) -> Self {
        let text = key.expose();
        let hint = text
            .chars()
            .skip(text.chars().count().saturating_sub(4))
            .collect();
        Self {
            name,
            hash: Sha256::digest(text.as_bytes()).into(),
            hint,
            made_at,
            limits,
        }
    }

    pub fn settings(&self) -> KeySettings {
        KeySettings {
            name: self.name.to_string(),
            hash: self.hash,
            made_at: self.made_at,
            limits: self.limits.clone(),
        }
    }
}
