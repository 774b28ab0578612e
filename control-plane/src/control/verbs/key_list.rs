//! `key list`: the keys that were made for the API port, with their limits and what is used of
//! each.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::client_keys::LimitUsage;
use crate::config::local_key::LOCAL_NAME;
use crate::control::refusal::Refusal;
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::outcome::Timestamp;
use crate::status::{rfc3339, timestamp};
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
    /// To the second; a key without limits is told from up to a minute before the agent's death.
    #[serde(with = "timestamp::option")]
    pub last_used_at: Option<Timestamp>,
    /// When it ends, where it does.
    #[serde(with = "timestamp::option")]
    pub expires_at: Option<Timestamp>,
    pub is_expired: bool,
    /// The models it may use, with `*`. `None`: all.
    pub models: Option<Vec<String>>,
    /// The limits with a period, the shortest first.
    pub limits: Vec<KeyLimitFacts>,
    /// Requests that one of its limits refused, since midnight on this machine.
    pub refused_today: u64,
}

/// A limit of a key, and what is used of it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyLimitFacts {
    /// `requests_minute`, `requests_day`, `requests_month`, `tokens_day`, `tokens_month`,
    /// `dollars_day` or `dollars_month`.
    pub limit: String,
    /// `500,000 tokens a day`.
    pub text: String,
    /// `12,000 tokens`.
    pub used_text: String,
    /// Money in micro-dollars.
    pub max: u64,
    pub used: u64,
    #[serde(with = "timestamp")]
    pub starts_at: Timestamp,
    #[serde(with = "timestamp")]
    pub resets_at: Timestamp,
    pub time_zone: String,
    /// Whether the next request is refused.
    pub is_used_up: bool,
    /// Requests of which not all has a known price: what is unknown counts as 0.
    pub unpriced_requests: u64,
}

impl From<LimitUsage> for KeyLimitFacts {
    fn from(usage: LimitUsage) -> Self {
        Self {
            limit: usage.limit.name().to_owned(),
            text: usage.text,
            used_text: usage.used_text,
            max: usage.max,
            used: usage.used,
            starts_at: usage.starts_at,
            resets_at: usage.resets_at,
            time_zone: usage.time_zone,
            is_used_up: usage.is_used_up,
            unpriced_requests: usage.unpriced_requests,
        }
    }
}

impl KeyFacts {
    pub(super) fn of(service: &ControlService, key: &ApiKey) -> Self {
        let now = SystemTime::now();
        let usage = service.client_keys.usage(key.name.as_str(), now);
        let expires_at = key.limits.expires_at;
        let facts = Self {
            name: key.name.to_string(),
            hint: key.hint.clone(),
            made_at: rfc3339(key.made_at),
            last_used_at: None,
            expires_at,
            is_expired: expires_at.is_some_and(|at| at <= now),
            models: key.limits.models.clone(),
            limits: Vec::new(),
            refused_today: 0,
        };
        match usage {
            None => facts,
            Some(usage) => Self {
                last_used_at: usage.last_used_at,
                limits: usage.limits.into_iter().map(Into::into).collect(),
                refused_today: usage.refused_today,
                ..facts
            },
        }
    }
}

/// # Errors
/// When there is no such key. The local one has no limits and stays.
pub(super) fn find_key(service: &ControlService, name: &str) -> Result<ApiKey, ControlError> {
    let mut keys = service.store().keys().into_iter();
    if let Some(key) = keys.find(|key| key.name.as_str() == name) {
        return Ok(key);
    }
    let name_shown = name.escape_debug().to_string();
    Err(ControlError::failed(match name {
        LOCAL_NAME => Refusal::LocalKeyStays,
        _ => Refusal::NoKey { name: name_shown },
    }))
}

impl Verb for KeyList {
    type Response = Vec<KeyFacts>;
    const NAME: &'static str = "key_list";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Vec<KeyFacts>, ControlError> {
        let keys = service.store().keys();
        Ok(keys.iter().map(|key| KeyFacts::of(service, key)).collect())
    }
}
