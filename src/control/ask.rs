//! The verbs as values: what can be asked of a desk, and what it answers.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::key::{KeyFacts, NewKey};
use super::model::Trial;
use super::provider::{ProviderFacts, ProviderModels};
use super::status::Status;

/// Most verbs look at a file or two.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// Verbs that call a provider wait for it.
const CALL_TIME_LIMIT: Duration = Duration::from_secs(120);
/// Answers under way may take as long as the configuration allows, which the agent knows.
const STOP_TIME_LIMIT: Duration = Duration::from_secs(25 * 60 * 60);

/// One verb with what it needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case")]
pub enum Ask {
    Status,
    Start,
    Stop,
    Quit,
    ProviderList,
    ProviderModels { name: Option<String> },
    ModelTry { name: String },
    KeyCreate { name: String },
    KeyList,
    KeyRevoke { name: String },
}

/// What a verb answers; each has stable field names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "of", content = "facts", rename_all = "snake_case")]
pub enum Reply {
    Status(Status),
    Providers(Vec<ProviderFacts>),
    Models(Vec<ProviderModels>),
    Trial(Trial),
    NewKey(NewKey),
    Keys(Vec<KeyFacts>),
    Revoked(KeyFacts),
}

impl Ask {
    /// How long an answer may take.
    pub fn time_limit(&self) -> Duration {
        match self {
            Self::Stop | Self::Quit => STOP_TIME_LIMIT,
            Self::ProviderModels { .. } | Self::ModelTry { .. } => CALL_TIME_LIMIT,
            _ => TIME_LIMIT,
        }
    }

    /// Whether only a running agent can do it.
    pub fn needs_agent(&self) -> bool {
        matches!(self, Self::Start | Self::Stop | Self::Quit)
    }
}
