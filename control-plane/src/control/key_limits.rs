//! The limits of a key, as a person writes them on a command line or in a form.

use std::time::SystemTime;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::account::settings::{NONE, end_of_day, unless_none};
use super::refusal::Refusal;
use super::wire::ControlError;
use crate::account::Period;
use crate::client_keys::KeyUnit;
use crate::client_keys::{KeyBudget, KeyLimits};
use crate::language::{Language, Said};
use crate::outcome::Timestamp;
use crate::provider::rules::Pattern;

/// The value that allows every model.
const ALL: &str = "all";
/// How many models a key may name.
const MODELS_MAX: usize = 100;

/// Changes of a key's limits; what is `None` or empty stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyLimitChanges {
    /// A day such as `2027-01-31`, which still counts, a moment of RFC 3339, or `none`.
    pub expires: Option<String>,
    /// Names with at most one `*`, or the one value `all`.
    pub models: Vec<String>,
    /// A number, or `none`.
    pub requests_per_minute: Option<String>,
    /// All budgets, such as `500000 tokens/day Europe/Berlin`, or the one value `none`.
    pub budgets: Vec<String>,
}

impl KeyLimitChanges {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// # Errors
    /// Which value is malformed; then nothing is changed.
    pub(super) fn apply(&self, limits: &KeyLimits) -> Result<KeyLimits, ControlError> {
        let mut changed = limits.clone();
        if let Some(value) = &self.expires {
            changed.expires_at = unless_none(value, expiry)?;
        }
        if !self.models.is_empty() {
            changed.models = models(&self.models)?;
        }
        if let Some(value) = &self.requests_per_minute {
            changed.requests_per_minute = unless_none(value, requests_per_minute)?;
        }
        if !self.budgets.is_empty() {
            changed.budgets = budgets(&self.budgets)?;
        }
        Ok(changed)
    }
}

fn expiry(value: &str) -> Result<Timestamp, ControlError> {
    let at = end_of_day(value)?;
    if at <= SystemTime::now() {
        return Err(ControlError::usage(Refusal::ExpiryOver {
            found: value.escape_debug().to_string(),
        }));
    }
    Ok(at)
}

fn models(values: &[String]) -> Result<Option<Vec<String>>, ControlError> {
    if values == [ALL] {
        return Ok(None);
    }
    if values.len() > MODELS_MAX {
        return Err(ControlError::usage(Refusal::ModelsMax { max: MODELS_MAX }));
    }
    let is_name = |value: &&String| !value.is_empty() && Pattern::parse(value).is_some();
    match values.iter().find(|value| !is_name(value)) {
        None => Ok(Some(values.to_vec())),
        Some(wrong) => Err(ControlError::usage(Refusal::ModelName {
            found: wrong.escape_debug().to_string(),
        })),
    }
}

fn requests_per_minute(value: &str) -> Result<u32, ControlError> {
    match value.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(ControlError::usage(Refusal::RequestsPerMinute {
            found: value.escape_debug().to_string(),
        })),
    }
}

/// Budgets in the order in which they were written. One that names no zone counts by the days of
/// this machine.
fn budgets(values: &[String]) -> Result<Vec<KeyBudget>, ControlError> {
    if values == [NONE] {
        return Ok(Vec::new());
    }
    let zone = TimeZone::system();
    let zone = zone.iana_name().unwrap_or("UTC");
    let mut budgets: Vec<KeyBudget> = Vec::new();
    for value in values {
        let budget = KeyBudget::parse(value, zone)
            .map_err(|bad| ControlError::usage(Refusal::Budget { why: bad.into() }))?;
        let is_same =
            |known: &KeyBudget| (known.unit, known.period) == (budget.unit, budget.period);
        if budgets.iter().any(is_same) {
            return Err(ControlError::usage(Refusal::BudgetTwice {
                unit: unit_words(budget.unit),
                period: period_words(budget.period),
            }));
        }
        budgets.push(budget);
    }
    Ok(budgets)
}

fn unit_words(unit: KeyUnit) -> Said {
    Said::in_each(|language| match (language, unit) {
        (Language::English, unit) => unit.name().to_owned(),
        (Language::German, KeyUnit::Requests) => "Anfragen".to_owned(),
        (Language::German, KeyUnit::Tokens) => "Token".to_owned(),
        (Language::German, KeyUnit::Dollars) => "Dollar".to_owned(),
    })
}

fn period_words(period: Period) -> Said {
    Said::in_each(|language| match (language, period) {
        (Language::English, period) => period.name().to_owned(),
        (Language::German, Period::Day) => "Tag".to_owned(),
        (Language::German, Period::Month) => "Monat".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(change: impl FnOnce(&mut KeyLimitChanges)) -> KeyLimitChanges {
        let mut changes = KeyLimitChanges::default();
        change(&mut changes);
        changes
    }

    fn applied(changes: &KeyLimitChanges) -> Result<KeyLimits, String> {
        let limits = KeyLimits {
            requests_per_minute: Some(3),
            models: Some(vec!["m".to_owned()]),
            ..KeyLimits::default()
        };
        changes.apply(&limits).map_err(|error| error.to_string())
    }

    #[test]
    fn each_limit_is_set_cleared_or_stays() {
        let kept = applied(&changes(|set| {
            set.budgets = vec!["5 requests/day UTC".to_owned()]
        }));
        let kept = kept.unwrap();
        assert_eq!(kept.requests_per_minute, Some(3));
        assert_eq!(kept.budgets.len(), 1);
        let cleared = applied(&changes(|set| {
            set.requests_per_minute = Some("none".to_owned());
            set.models = vec!["all".to_owned()];
        }));
        assert!(cleared.unwrap().is_empty());
    }

    #[test]
    fn a_wrong_value_says_what_would_be_right() {
        let wrong = |change: fn(&mut KeyLimitChanges)| applied(&changes(change)).unwrap_err();
        assert!(wrong(|set| set.expires = Some("2020-01-01".to_owned())).contains("is over"));
        assert!(wrong(|set| set.expires = Some("soon".to_owned())).contains("`2027-01-31`"));
        assert!(wrong(|set| set.models = vec!["a*b*".to_owned()]).contains("at most one `*`"));
        assert!(wrong(|set| set.models = vec!["m".to_owned(); 101]).contains("at most 100"));
        let minute = wrong(|set| set.requests_per_minute = Some("0".to_owned()));
        assert!(minute.contains("from 1 on"), "{minute}");
        let budget = wrong(|set| set.budgets = vec!["$5/day".to_owned()]);
        assert!(budget.contains("5.50 dollars/month"), "{budget}");
        let twice = wrong(|set| {
            set.budgets = ["1 tokens/day UTC", "2 tokens/day"]
                .map(str::to_owned)
                .to_vec();
        });
        assert_eq!(twice, "--budget: two of tokens a day; name one");
    }
}
