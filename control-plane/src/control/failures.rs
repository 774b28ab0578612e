//! What failed in a period, by cause, as sentences.

use serde::{Deserialize, Serialize};

use super::failure_reason::{FailureFacts, Wording};
use super::service::ControlService;
use super::wire::ControlError;
use crate::outcome::Timestamp;
use crate::record::{Cause, blame_name};
use crate::status::timestamp;
use crate::store::records::FailureGroup;

/// Failures of a period; the cause that came last stands first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureList {
    pub causes: Vec<FailureCause>,
    /// Whether only the latest ten thousand were looked at.
    pub is_cut: bool,
}

/// Failures that have one sentence. The names lead to exactly these requests: what is not set does
/// not tell them apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureCause {
    pub requests: u64,
    /// One word, as in `log`.
    pub cause: String,
    /// `client`, `gateway`, `account` or `provider`.
    pub blame: String,
    pub provider: Option<String>,
    pub account: Option<String>,
    pub model: Option<String>,
    /// The client's name of the model, where no provider has it.
    pub asked: Option<String>,
    /// The client's key, where one of its limits refused.
    #[serde(default)]
    pub key: Option<String>,
    /// Of the latest of them.
    #[serde(with = "timestamp")]
    pub last_at: Timestamp,
    pub last_id: String,
    #[serde(default, with = "timestamp::option")]
    pub until: Option<Timestamp>,
    /// What happened, by whose fault, until when.
    pub what: String,
    /// What the person can do now.
    pub advice: String,
}

impl FailureCause {
    fn of(group: FailureGroup) -> Self {
        let facts = FailureFacts {
            cause: group.cause,
            until: group.until,
            provider: group.provider.as_deref(),
            account: group.account.as_deref(),
            model: group.model.as_deref(),
            asked: group.asked.as_deref().unwrap_or_default(),
            key: group.key.as_deref(),
        };
        let plain = Wording::plain();
        let (what, advice) = (facts.what(&plain), facts.advice(&plain));
        Self {
            requests: group.count,
            cause: group.cause.name().to_owned(),
            blame: blame_name(group.blame).to_owned(),
            provider: group.provider,
            account: group.account,
            model: group.model,
            asked: group.asked,
            key: group.key,
            last_at: group.last_at,
            last_id: group.last_id,
            until: group.until,
            what,
            advice,
        }
    }
}

impl FailureCause {
    /// What happened, to be written for a reader. `None` for a cause of another version.
    pub(crate) fn facts(&self) -> Option<FailureFacts<'_>> {
        Some(FailureFacts {
            cause: Cause::named(&self.cause)?,
            until: self.until,
            provider: self.provider.as_deref(),
            account: self.account.as_deref(),
            model: self.model.as_deref(),
            asked: self.asked.as_deref().unwrap_or_default(),
            key: self.key.as_deref(),
        })
    }
}

impl ControlService {
    /// What failed since `from` and, where it is set, before `until`. What was recorded a moment ago
    /// may be missing.
    ///
    /// # Errors
    /// When the records cannot be read.
    pub async fn failures(
        &self,
        from: Timestamp,
        until: Option<Timestamp>,
    ) -> Result<FailureList, ControlError> {
        let failures = self
            .read_records(move |reader| reader.failures(from, until))
            .await?;
        Ok(FailureList {
            causes: failures.groups.into_iter().map(FailureCause::of).collect(),
            is_cut: failures.is_cut,
        })
    }
}
