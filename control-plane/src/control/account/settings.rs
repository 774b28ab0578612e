//! The settings of an account, as a person writes them on a command line.

use std::time::SystemTime;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::account::BadBudget;
use crate::account::{AccountSettings, Budget, Proxy};
use crate::control::refusal::Refusal;
use crate::control::wire::ControlError;
use crate::outcome::Timestamp;

/// The value that unsets a setting.
pub(in crate::control) const NONE: &str = "none";

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
    /// Budgets such as `1000 requests/day`, or the one value `none`.
    pub budgets: Vec<String>,
    /// A URL, or `none`.
    pub proxy: Option<String>,
}

impl SettingChanges {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// # Errors
    /// Which value is malformed; then nothing is changed.
    pub(in crate::control) fn apply(
        &self,
        settings: &AccountSettings,
    ) -> Result<AccountSettings, ControlError> {
        let mut changed = settings.clone();
        changed.enabled = self.enabled.unwrap_or(changed.enabled);
        changed.priority = self.priority.unwrap_or(changed.priority);
        if let Some(value) = &self.concurrency {
            changed.concurrency_max = unless_none(value, concurrency)?;
        }
        if let Some(value) = &self.expires {
            changed.expires_on = unless_none(value, end_of_day)?;
        }
        if let Some(value) = &self.models {
            changed.models = (value != "all").then(|| names(value));
        }
        if let Some(value) = &self.proxy {
            changed.proxy = unless_none(value, proxy)?;
        }
        if !self.budgets.is_empty() {
            changed.budgets = budgets(&self.budgets)?;
        }
        Ok(changed)
    }
}

pub(in crate::control) fn unless_none<T>(
    value: &str,
    parse: impl Fn(&str) -> Result<T, ControlError>,
) -> Result<Option<T>, ControlError> {
    if value == NONE {
        return Ok(None);
    }
    parse(value).map(Some)
}

fn concurrency(value: &str) -> Result<u32, ControlError> {
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(ControlError::usage(Refusal::Concurrency {
            found: value.escape_debug().to_string(),
        })
        .of_field("concurrency")),
    }
}

/// A moment as it is written, or the end of a day in this machine's time zone.
pub(in crate::control) fn end_of_day(value: &str) -> Result<Timestamp, ControlError> {
    if let Ok(moment) = value.parse::<jiff::Timestamp>() {
        return Ok(SystemTime::from(moment));
    }
    let day = value.parse::<Date>().and_then(Date::tomorrow);
    let midnight = day.and_then(|next| next.to_zoned(TimeZone::system()));
    match midnight {
        Ok(midnight) => Ok(SystemTime::from(midnight.timestamp())),
        Err(_) => Err(ControlError::usage(Refusal::Expires {
            found: value.escape_debug().to_string(),
        })
        .of_field("expires")),
    }
}

fn names(value: &str) -> Vec<String> {
    let names = value.split(',').map(str::trim);
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Refuses what is no proxy, and one with a password, which would be a secret outside the vault.
fn proxy(value: &str) -> Result<String, ControlError> {
    if value.parse::<Proxy>().is_ok() && value.contains("://") && !value.contains('@') {
        return Ok(value.to_owned());
    }
    Err(ControlError::usage(Refusal::Proxy).of_field("proxy"))
}

fn budgets(values: &[String]) -> Result<Vec<Budget>, ControlError> {
    if values == [NONE] {
        return Ok(Vec::new());
    }
    let mut budgets = Vec::new();
    for value in values {
        let budget = value.parse();
        budgets.push(budget.map_err(|bad: BadBudget| {
            ControlError::usage(Refusal::Budget { why: bad.into() }).of_field("budgets")
        })?);
    }
    Ok(budgets)
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
        let changes = |value: &str| SettingChanges {
            expires: Some(value.to_owned()),
            ..SettingChanges::default()
        };
        let until = |value| applied(&changes(value)).unwrap().expires_on.unwrap();
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
                .to_string()
                .contains("`2027-01-31`")
        );
    }

    #[test]
    fn a_password_in_a_proxy_is_refused_and_not_repeated() {
        let changes = SettingChanges {
            proxy: Some("http://me:hunter2@proxy:1".to_owned()),
            ..SettingChanges::default()
        };
        assert!(
            !applied(&changes)
                .unwrap_err()
                .to_string()
                .contains("hunter2")
        );
    }

    #[test]
    fn only_what_can_be_a_proxy_is_taken() {
        let set = |proxy: &str| {
            applied(&SettingChanges {
                proxy: Some(proxy.to_owned()),
                ..SettingChanges::default()
            })
        };
        for proxy in ["http://a:1", "https://a:1", "socks5://[::1]:1080"] {
            assert_eq!(set(proxy).unwrap().proxy.as_deref(), Some(proxy));
        }
        for proxy in ["nonsense://a:1", "a:1", "http://", "http://a:b"] {
            let error = set(proxy).unwrap_err();
            assert_eq!(error.field.as_deref(), Some("proxy"), "{proxy}");
        }
    }
}
