//! Why an account, or all of a candidate's, is not asked: as it is stored, and in words.

use serde::{Deserialize, Serialize};

use super::texts::Texts;
use super::{CooldownCause, NeedsUser, timestamp};
use crate::account::Budget;
use crate::language::Language;
use crate::outcome::Timestamp;

/// Why an account was not chosen, or a candidate passed over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum NotAsked {
    /// The request has tried it.
    Tried,
    /// The request carries what only another account can read.
    NotTheOwner,
    /// The account's list of models lacks this one.
    ModelNotAllowed,
    Disabled,
    /// It is at its concurrency limit.
    Busy {
        in_flight: u32,
    },
    /// Its quota is nearly used up, so its requests are spaced out.
    Paced {
        #[serde(with = "timestamp")]
        until: Timestamp,
    },
    Refreshing,
    CoolingDown {
        #[serde(with = "timestamp")]
        until: Timestamp,
        cause: CooldownCause,
        model: Option<String>,
    },
    BudgetSpent {
        #[serde(with = "timestamp")]
        until: Timestamp,
        budget: Budget,
    },
    /// The provider's endpoint does not respond.
    CircuitOpen {
        #[serde(with = "timestamp")]
        until: Timestamp,
    },
    NeedsUser {
        need: NeedsUser,
    },
    /// No account of the provider is asked: the user switched it off.
    ProviderDisabled {
        provider: String,
    },
    /// The configuration has no such provider.
    ProviderMissing {
        provider: String,
    },
    /// As an earlier version stored it.
    Sentence {
        text: String,
    },
}

impl NotAsked {
    /// The reason as a clause. `time` writes a moment.
    pub fn text(&self, language: Language, time: &dyn Fn(Timestamp) -> String) -> String {
        let text = Texts(language);
        match self {
            Self::Tried => text.already_tried().to_owned(),
            Self::NotTheOwner => text.not_the_owner().to_owned(),
            Self::ModelNotAllowed => text.model_not_in_list().to_owned(),
            Self::Disabled => text.disabled().to_owned(),
            Self::Busy { in_flight } => text.busy_with(in_flight),
            Self::Paced { until } => text.paced_until(time(*until)),
            Self::Refreshing => text.refreshing().to_owned(),
            Self::CoolingDown {
                until,
                cause,
                model,
            } => {
                let cause = cause.text(language);
                match model {
                    Some(model) => text.cooling_for(time(*until), cause, model),
                    None => text.cooling_until(time(*until), cause),
                }
            }
            Self::BudgetSpent { until, budget } => text.budget_spent(time(*until), budget),
            Self::CircuitOpen { until } => text.next_try_at(time(*until)),
            Self::NeedsUser { need } => need.text(language),
            Self::ProviderDisabled { provider } => text.provider_is_off(provider),
            Self::ProviderMissing { provider } => text.there_is_no_provider(provider),
            Self::Sentence { text } => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::rfc3339;

    #[test]
    fn what_is_stored_is_a_value_and_reads_back() {
        let reasons = [
            NotAsked::Busy { in_flight: 3 },
            NotAsked::CoolingDown {
                until: Timestamp::UNIX_EPOCH,
                cause: CooldownCause::RateLimit,
                model: Some("m".to_owned()),
            },
            NotAsked::BudgetSpent {
                until: Timestamp::UNIX_EPOCH,
                budget: "5 tokens/day".parse().unwrap(),
            },
            NotAsked::NeedsUser {
                need: NeedsUser::no_credential(Timestamp::UNIX_EPOCH),
            },
        ];
        for reason in reasons {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(serde_json::from_str::<NotAsked>(&json).unwrap(), reason);
            assert!(!json.contains("cooling until"), "{json}");
        }
    }

    #[test]
    fn a_reason_is_a_clause_in_each_language() {
        let reason = NotAsked::CoolingDown {
            until: Timestamp::UNIX_EPOCH,
            cause: CooldownCause::RateLimit,
            model: Some("m".to_owned()),
        };
        assert_eq!(
            reason.text(Language::English, &rfc3339),
            "cooling until 1970-01-01T00:00:00Z (rate limit, m)"
        );
        assert_eq!(
            reason.text(Language::German, &|_| "14:05".to_owned()),
            "pausiert bis 14:05 (Ratenlimit, m)"
        );
    }
}
