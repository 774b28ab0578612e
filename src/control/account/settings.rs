//! What a person sets for an account, as words from a command line.

use std::time::SystemTime;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::account::{AccountSettings, Budget};
use crate::control::wire::ControlError;
use crate::outcome::Timestamp;

/// The word that takes a setting back.
const NONE: &str = "none";

/// Changes of an account's settings; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingChanges {
    pub enabled: Option<bool>,
    /// A number; lower ones are used first.
    pub priority: Option<u32>,
    /// A number, or `none`.
    pub concurrency: Option<String>,
    /// A day such as `2027-01-31`, a moment of RFC 3339, or `none`.
    pub expires: Option<String>,
    /// Names with commas between them, or `all`.
    pub models: Option<String>,
    /// Budgets such as `1000 requests/day`, or the one word `none`.
    pub budgets: Vec<String>,
    /// A URL, or `none`.
    pub proxy: Option<String>,
}

impl SettingChanges {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// # Errors
    /// Which word is not understood; then nothing is changed.
    pub(in crate::control) fn apply(
        &self,
        settings: &AccountSettings,
    ) -> Result<AccountSettings, ControlError> {
        let mut changed = settings.clone();
        changed.enabled = self.enabled.unwrap_or(changed.enabled);
        changed.priority = self.priority.unwrap_or(changed.priority);
        if let Some(word) = &self.concurrency {
            changed.concurrency_max = unless_none(word, concurrency)?;
        }
        if let Some(word) = &self.expires {
            changed.expires_on = unless_none(word, day)?;
        }
        if let Some(word) = &self.models {
            changed.models = (word != "all").then(|| names(word));
        }
        if let Some(word) = &self.proxy {
            changed.proxy = unless_none(word, proxy)?;
        }
        if !self.budgets.is_empty() {
            changed.budgets = budgets(&self.budgets)?;
        }
        Ok(changed)
    }
}

fn unless_none<T>(
    word: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, ControlError> {
    if word == NONE {
        Ok(None)
    } else {
        read(word).map(Some).map_err(ControlError::usage)
    }
}

fn concurrency(word: &str) -> Result<u32, String> {
    let number = word.parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| {
        format!(
            "--concurrency: expected a number from 1 on, or `none`, found `{}`",
            word.escape_debug()
        )
    })
}

/// A day ends where this machine's does.
fn day(word: &str) -> Result<Timestamp, String> {
    let of_day = || {
        let day = word.parse::<Date>().ok()?;
        let start = day.tomorrow().ok()?.to_zoned(TimeZone::system()).ok()?;
        Some(start.timestamp())
    };
    let moment = word.parse::<jiff::Timestamp>().ok().or_else(of_day);
    moment.map(SystemTime::from).ok_or_else(|| {
        format!(
            "--expires: expected a day such as `2027-01-31`, or `none`, found `{}`",
            word.escape_debug()
        )
    })
}

fn names(word: &str) -> Vec<String> {
    word.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A proxy with a password would be a secret outside the vault.
fn proxy(word: &str) -> Result<String, String> {
    let url: Option<http::Uri> = word.parse().ok();
    let is_url = url.is_some_and(|url| {
        url.scheme().is_some()
            && url
                .authority()
                .is_some_and(|host| !host.as_str().contains('@'))
    });
    if is_url {
        Ok(word.to_owned())
    } else {
        Err("--proxy: expected a URL without a password, such as `http://127.0.0.1:3128`, or `none`".to_owned())
    }
}

fn budgets(words: &[String]) -> Result<Vec<Budget>, ControlError> {
    if words == [NONE] {
        return Ok(Vec::new());
    }
    words
        .iter()
        .map(|word| {
            word.parse()
                .map_err(|bad| ControlError::usage(format!("--budget: {bad}")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(changes: &SettingChanges) -> Result<AccountSettings, ControlError> {
        changes.apply(&AccountSettings {
            concurrency_max: Some(3),
            ..AccountSettings::default()
        })
    }

    #[test]
    fn what_is_not_named_stays() {
        assert_eq!(
            applied(&SettingChanges::default()).unwrap().concurrency_max,
            Some(3)
        );
    }

    #[test]
    fn none_takes_a_setting_back() {
        let changes = SettingChanges {
            concurrency: Some("none".to_owned()),
            ..SettingChanges::default()
        };
        assert_eq!(applied(&changes).unwrap().concurrency_max, None);
    }

    #[test]
    fn lists_and_budgets_are_read() {
        let budgets = vec![
            "1000 requests/day".to_owned(),
            "5 tokens/month UTC".to_owned(),
        ];
        let changes = SettingChanges {
            models: Some("a, b".to_owned()),
            budgets,
            ..SettingChanges::default()
        };
        let settings = applied(&changes).unwrap();
        assert_eq!(
            (settings.models, settings.budgets.len()),
            (Some(vec!["a".to_owned(), "b".to_owned()]), 2)
        );
    }

    #[test]
    fn a_day_of_expiry_still_counts() {
        let changes = |word: &str| SettingChanges {
            expires: Some(word.to_owned()),
            ..SettingChanges::default()
        };
        let until = |word| applied(&changes(word)).unwrap().expires_on.unwrap();
        let midnight: jiff::Timestamp = "2027-01-31"
            .parse::<Date>()
            .unwrap()
            .to_zoned(TimeZone::system())
            .unwrap()
            .timestamp();
        assert!(until("2027-01-31") > SystemTime::from(midnight));
        assert!(
            applied(&changes("soon"))
                .unwrap_err()
                .message
                .contains("`2027-01-31`")
        );
    }

    #[test]
    fn a_password_in_a_proxy_is_refused_and_not_repeated() {
        let changes = SettingChanges {
            proxy: Some("http://me:hunter2@proxy:1".to_owned()),
            ..SettingChanges::default()
        };
        assert!(!applied(&changes).unwrap_err().message.contains("hunter2"));
    }
}
