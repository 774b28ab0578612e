//! An account as it is stored. No part of it is secret.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::period::{BudgetWords, Period};
use super::{AccountName, timestamp};
use crate::language::said;

/// One identity at one provider.
///
/// ```json
/// {"name": "work", "provider": "openai", "source": "vault", "settings": {"priority": 10}, "added_at": "2026-11-20T08:00:00Z"}
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub name: AccountName,
    /// The provider's name in the configuration.
    pub provider: String,
    pub source: Source,
    #[serde(default)]
    pub settings: AccountSettings,
    #[serde(with = "timestamp")]
    pub added_at: SystemTime,
}

impl Account {
    /// The account as it is stored: one that a provider has without any being added is, from `now`
    /// on.
    #[must_use]
    pub fn kept(mut self, now: SystemTime) -> Self {
        if self.added_at == SystemTime::UNIX_EPOCH {
            self.added_at = now;
        }
        self
    }
}

/// Where an account's credential comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Vault,
    /// An environment variable; its value is read at the start and never written.
    Env {
        variable: String,
    },
    /// The provider takes none.
    Keyless,
}

/// The priority of an account where none was set.
pub const PRIORITY_DEFAULT: u32 = 100;

/// The settings of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountSettings {
    pub enabled: bool,
    /// Lower values are used first.
    pub priority: u32,
    /// Requests in flight at a time. `None`: unlimited.
    pub concurrency_max: Option<u32>,
    /// When the account ends, as the user set it. From then on it is not used.
    #[serde(with = "timestamp::option")]
    pub expires_on: Option<SystemTime>,
    /// The provider's models that it may serve. `None`: all.
    pub models: Option<Vec<String>>,
    /// The proxy for its calls, as a URL without a password.
    pub proxy: Option<String>,
    pub budgets: Vec<Budget>,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            priority: PRIORITY_DEFAULT,
            concurrency_max: None,
            expires_on: None,
            models: None,
            proxy: None,
            budgets: Vec::new(),
        }
    }
}

/// The user's own limit on an account's usage in a period.
///
/// As text: `500000 tokens/day Europe/Berlin`; without a time zone, UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub unit: BudgetUnit,
    pub limit: u64,
    pub period: Period,
    /// A name of the IANA time zone database: where the period's midnight is.
    pub time_zone: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetUnit {
    Tokens,
    Requests,
}

impl BudgetUnit {
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Requests => "requests",
        }
    }
}

said! {
    /// A text that names no budget.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum BadBudget;
    Form { found: String }: "`{found}` is no budget: expected one such as `500000 tokens/day Europe/Berlin` or `1000 requests/month`" |
        "`{found}` ist kein Budget: erwartet wird eines wie `500000 tokens/day Europe/Berlin` oder `1000 requests/month`";
    TimeZone { found: String }: "`{found}` is no time zone: expected a name such as `Europe/Berlin` or `UTC`" |
        "`{found}` ist keine Zeitzone: erwartet wird ein Name wie `Europe/Berlin` oder `UTC`";
}

impl FromStr for Budget {
    type Err = BadBudget;

    fn from_str(text: &str) -> Result<Self, BadBudget> {
        let escaped = |text: &str| text.escape_debug().to_string();
        let form = || BadBudget::Form {
            found: escaped(text),
        };
        let words = BudgetWords::of(text).ok_or_else(form)?;
        let limit = words.amount.parse().map_err(|_| form())?;
        let unit = [BudgetUnit::Tokens, BudgetUnit::Requests]
            .into_iter()
            .find(|known| known.name() == words.unit)
            .ok_or_else(form)?;
        let (period, time_zone) = (words.period, words.time_zone.unwrap_or("UTC"));
        TimeZone::get(time_zone).map_err(|_| BadBudget::TimeZone {
            found: escaped(time_zone),
        })?;
        Ok(Self {
            unit,
            limit,
            period,
            time_zone: time_zone.to_owned(),
        })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}/{} {}",
            self.limit,
            self.unit.name(),
            self.period.name(),
            self.time_zone
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_account_reads_back_as_it_was_written() {
        let account = Account {
            name: "work".parse().unwrap(),
            provider: "openai".to_owned(),
            source: Source::Env {
                variable: "OPENAI_API_KEY".to_owned(),
            },
            settings: AccountSettings {
                expires_on: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)),
                models: Some(vec!["gpt-5".to_owned()]),
                budgets: vec!["5 requests/month UTC".parse().unwrap()],
                ..AccountSettings::default()
            },
            added_at: SystemTime::UNIX_EPOCH + Duration::new(1_763_625_600, 5),
        };
        let text = serde_json::to_string(&account).unwrap();
        assert!(text.contains("2025-11-20T08:00:00.000000005Z"), "{text}");
        assert_eq!(serde_json::from_str::<Account>(&text).unwrap(), account);
    }

    #[test]
    fn settings_that_a_file_lacks_have_their_defaults() {
        assert_eq!(
            serde_json::from_str::<AccountSettings>("{}").unwrap(),
            AccountSettings::default()
        );
        let settings: AccountSettings = serde_json::from_str(r#"{"priority": 10}"#).unwrap();
        assert_eq!((settings.priority, settings.enabled), (10, true));
    }

    #[test]
    fn a_budget_reads_back_as_it_is_shown() {
        for text in ["500000 tokens/day Europe/Berlin", "1000 requests/month UTC"] {
            assert_eq!(text.parse::<Budget>().unwrap().to_string(), text);
        }
        assert_eq!("7 tokens/month".parse::<Budget>().unwrap().time_zone, "UTC");
    }

    #[test]
    fn what_is_no_budget_is_refused_with_an_example() {
        for text in [
            "",
            "many tokens/day",
            "5 tokens",
            "5 coins/day",
            "5 tokens/year",
            "5 tokens/day UTC now",
            "-5 tokens/day",
        ] {
            assert!(
                matches!(text.parse::<Budget>(), Err(BadBudget::Form { .. })),
                "{text}"
            );
        }
        let bad = "5 tokens/day Mars/Olympus".parse::<Budget>().unwrap_err();
        assert!(
            bad.to_string().contains("`Mars/Olympus` is no time zone"),
            "{bad}"
        );
    }
}
