//! What a person allows a key: until when, which models, how many requests a minute, how much a
//! day and a month.

use std::fmt;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::account::{BudgetWords, Period};
use crate::host::numbers::grouped;
use crate::language::said;
use crate::outcome::Timestamp;
use crate::prices::{self, Money};
use crate::provider::rules::Pattern;

/// A micro-dollar in picodollars.
const PICOS_IN_MICRO: u64 = 1_000_000;
/// The most money a budget may name, in micro-dollars: what is spent is counted in picodollars.
const MICROS_MAX: u64 = 10_000_000_000_000;

/// The limits of a key, as they are stored. Without any, it may do what the local key may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyLimits {
    /// From then on the key opens nothing.
    pub expires_at: Option<Timestamp>,
    /// Names with at most one `*`, as in `[[models]]`. `None`: all models.
    pub models: Option<Vec<String>>,
    pub requests_per_minute: Option<u32>,
    /// At most one for each unit and period.
    pub budgets: Vec<KeyBudget>,
}

impl KeyLimits {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The models by which names are judged. A text that is no pattern allows nothing.
    pub(super) fn patterns(&self) -> Option<Vec<Pattern>> {
        let models = self.models.as_ref()?;
        Some(
            models
                .iter()
                .filter_map(|text| Pattern::parse(text))
                .collect(),
        )
    }
}

/// How much of something a key may use in a period.
///
/// As text: `500000 tokens/day Europe/Berlin`, `5.50 dollars/month`. Dollars are a word, since
/// shells read `$5` as something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyBudget {
    pub unit: KeyUnit,
    /// Money in micro-dollars.
    pub limit: u64,
    pub period: Period,
    /// A name of the IANA time zone database: where the period's midnight is.
    pub time_zone: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUnit {
    Requests,
    Tokens,
    Dollars,
}

impl KeyUnit {
    const ALL: [Self; 3] = [Self::Requests, Self::Tokens, Self::Dollars];

    pub fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Dollars => "dollars",
        }
    }

    fn read(self, amount: &str) -> Option<u64> {
        match self {
            Self::Dollars => prices::micros(amount).filter(|micros| *micros <= MICROS_MAX),
            Self::Requests | Self::Tokens => amount.parse().ok(),
        }
    }

    /// An amount as people read it; money in micro-dollars.
    pub(super) fn text(self, amount: u64) -> String {
        match self {
            Self::Dollars => Money::of_picos(amount.saturating_mul(PICOS_IN_MICRO)).to_string(),
            Self::Requests | Self::Tokens if amount == 1 => {
                format!("1 {}", self.name().trim_end_matches('s'))
            }
            Self::Requests | Self::Tokens => format!("{} {}", grouped(amount), self.name()),
        }
    }
}

said! {
    /// A text that names no budget of a key.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub enum BadKeyBudget;
    Form { found: String }: "`{found}` is no budget: expected one such as `1000 requests/day`, `500000 tokens/day Europe/Berlin` or `5.50 dollars/month`" |
        "`{found}` ist kein Budget: erwartet wird eines wie `1000 requests/day`, `500000 tokens/day Europe/Berlin` oder `5.50 dollars/month`";
    TimeZone { found: String }: "`{found}` is no time zone: expected a name such as `Europe/Berlin` or `UTC`" |
        "`{found}` ist keine Zeitzone: erwartet wird ein Name wie `Europe/Berlin` oder `UTC`";
}

impl KeyBudget {
    /// Reads a budget; one that names no time zone counts in `zone`.
    ///
    /// # Errors
    /// When the text has another form, or the zone is not known.
    pub fn parse(text: &str, zone: &str) -> Result<Self, BadKeyBudget> {
        let escaped = |text: &str| text.escape_debug().to_string();
        let form = || BadKeyBudget::Form {
            found: escaped(text),
        };
        let words = BudgetWords::of(text).ok_or_else(form)?;
        let mut units = KeyUnit::ALL.into_iter();
        let unit = units.find(|unit| unit.name() == words.unit);
        let unit = unit.ok_or_else(form)?;
        let limit = unit.read(words.amount).ok_or_else(form)?;
        let time_zone = words.time_zone.unwrap_or(zone);
        TimeZone::get(time_zone).map_err(|_| BadKeyBudget::TimeZone {
            found: escaped(time_zone),
        })?;
        Ok(Self {
            unit,
            limit,
            period: words.period,
            time_zone: time_zone.to_owned(),
        })
    }

    /// Where its days begin. The name was checked when the budget was set; a system without time
    /// zone data counts in UTC.
    pub(super) fn zone(&self) -> TimeZone {
        TimeZone::get(&self.time_zone).unwrap_or(TimeZone::UTC)
    }

    /// The limit as spending is counted: money in picodollars.
    pub(super) fn limit_counted(&self) -> u64 {
        match self.unit {
            KeyUnit::Dollars => self.limit.saturating_mul(PICOS_IN_MICRO),
            KeyUnit::Requests | KeyUnit::Tokens => self.limit,
        }
    }

    /// What is counted, as the limit is written: money in micro-dollars, rounded down, so that it
    /// reaches the limit only once that is used.
    pub(super) fn shown(&self, counted: u64) -> u64 {
        match self.unit {
            KeyUnit::Dollars => counted / PICOS_IN_MICRO,
            KeyUnit::Requests | KeyUnit::Tokens => counted,
        }
    }

    /// Whether what is spent of one counts for the other.
    pub(super) fn counts_alike(&self, other: &Self) -> bool {
        let key = |budget: &Self| (budget.unit, budget.period);
        key(self) == key(other) && self.time_zone == other.time_zone
    }
}

/// `500,000 tokens a day`, `$5.50 a month`.
impl fmt::Display for KeyBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} a {}", self.unit.text(self.limit), self.period.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(text: &str) -> KeyBudget {
        KeyBudget::parse(text, "America/New_York").unwrap()
    }

    #[test]
    fn a_budget_is_read_with_its_zone_or_the_given_one() {
        let tokens = budget("500000 tokens/day Europe/Berlin");
        assert_eq!(
            (tokens.limit, tokens.time_zone.as_str()),
            (500_000, "Europe/Berlin")
        );
        assert_eq!(tokens.to_string(), "500,000 tokens a day");
        let money = budget("5.50 dollars/month");
        assert_eq!(
            (money.limit, money.time_zone.as_str()),
            (5_500_000, "America/New_York")
        );
        assert_eq!(money.to_string(), "$5.50 a month");
        assert_eq!(budget("1 requests/day").to_string(), "1 request a day");
    }

    #[test]
    fn what_is_no_budget_is_refused_with_an_example() {
        for text in [
            "",
            "$5/day",
            "5 dollars",
            "5 euros/day",
            "1.5 tokens/day",
            "0.0000001 dollars/day",
            "99999999 dollars/day",
            "5 tokens/year",
            "5 tokens/day UTC now",
        ] {
            let bad = KeyBudget::parse(text, "UTC").unwrap_err();
            let found = text.escape_debug().to_string();
            assert_eq!(bad, BadKeyBudget::Form { found });
        }
        let bad = KeyBudget::parse("5 tokens/day Mars/Olympus", "UTC").unwrap_err();
        assert!(bad.to_string().contains("`Mars/Olympus` is no time zone"));
    }

    #[test]
    fn limits_that_a_file_lacks_are_none() {
        let limits: KeyLimits = serde_json::from_str("{}").unwrap();
        assert!(limits.is_empty());
        let limits = KeyLimits {
            models: Some(vec!["claude-*".to_owned()]),
            budgets: vec![budget("5 dollars/day UTC")],
            ..KeyLimits::default()
        };
        let text = serde_json::to_string(&limits).unwrap();
        assert_eq!(serde_json::from_str::<KeyLimits>(&text).unwrap(), limits);
    }
}
