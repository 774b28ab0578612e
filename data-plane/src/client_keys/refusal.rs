//! How a limit refuses: its name, the error for the client, and how often it happened.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::tz::TimeZone;

use super::limits::KeyUnit;
use super::meter::Meter;
use crate::account::Period;
use crate::canon::{Blame, Fault, FaultKind};
use crate::host::printable;
use crate::outcome::Timestamp;
use crate::provider::rules::Pattern;
use crate::record::Cause;

/// How many of the allowed models an error names.
const MODELS_SHOWN: usize = 5;
/// How much of a client's name of a model an error repeats, in characters.
const NAME_CHARS_MAX: usize = 100;

/// A limit of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Expiry,
    Models,
    RequestsPerMinute,
    Budget(KeyUnit, Period),
}

impl Limit {
    pub const ALL: [Self; 9] = [
        Self::Expiry,
        Self::Models,
        Self::RequestsPerMinute,
        Self::Budget(KeyUnit::Requests, Period::Day),
        Self::Budget(KeyUnit::Requests, Period::Month),
        Self::Budget(KeyUnit::Tokens, Period::Day),
        Self::Budget(KeyUnit::Tokens, Period::Month),
        Self::Budget(KeyUnit::Dollars, Period::Day),
        Self::Budget(KeyUnit::Dollars, Period::Month),
    ];

    /// One word for scripts and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expiry => "expiry",
            Self::Models => "models",
            Self::RequestsPerMinute => "requests_minute",
            Self::Budget(KeyUnit::Requests, Period::Day) => "requests_day",
            Self::Budget(KeyUnit::Requests, Period::Month) => "requests_month",
            Self::Budget(KeyUnit::Tokens, Period::Day) => "tokens_day",
            Self::Budget(KeyUnit::Tokens, Period::Month) => "tokens_month",
            Self::Budget(KeyUnit::Dollars, Period::Day) => "dollars_day",
            Self::Budget(KeyUnit::Dollars, Period::Month) => "dollars_month",
        }
    }

    fn index(self) -> usize {
        let known = Self::ALL.iter().position(|known| *known == self);
        known.unwrap_or_default()
    }
}

/// How many requests each limit refused since the start.
#[derive(Debug, Default)]
pub(super) struct Refusals([AtomicU64; Limit::ALL.len()]);

impl Refusals {
    pub(super) fn add(&self, limit: Limit) {
        self.0[limit.index()].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Vec<(Limit, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        Limit::ALL.into_iter().zip(counts).collect()
    }
}

/// A moment in a zone to the minute, with the zone's name: `2026-12-01T00:00+01:00
/// (Europe/Berlin)`.
pub(super) fn local_minute(at: Timestamp, zone: &TimeZone) -> String {
    let Ok(at) = jiff::Timestamp::try_from(at) else {
        return "at an unknown time".to_owned();
    };
    let at = at.to_zoned(zone.clone());
    let name = zone.iana_name().unwrap_or("local time");
    format!("{} ({name})", at.strftime("%Y-%m-%dT%H:%M%:z"))
}

/// The key opens nothing any more. What is tried again later is refused again.
pub(super) fn expired(key: &str, at: Timestamp) -> Fault {
    let at = local_minute(at, &TimeZone::system());
    let message = format!("key `{key}`: expired {at}");
    Fault::new(FaultKind::Unauthorized, Blame::Client, message).with_code(Cause::KeyExpired.name())
}

/// The key was revoked while the request arrived.
pub(super) fn revoked(key: &str) -> Fault {
    let message = format!("key `{key}`: revoked");
    Fault::new(FaultKind::Unauthorized, Blame::Client, message).with_code(Cause::BadKey.name())
}

pub(super) fn model_not_allowed(key: &str, model: &str, allowed: &[Pattern]) -> Fault {
    let model: String = model.chars().take(NAME_CHARS_MAX).collect();
    let mut names: Vec<String> = allowed
        .iter()
        .take(MODELS_SHOWN)
        .map(|pattern| format!("`{pattern}`"))
        .collect();
    if allowed.len() > MODELS_SHOWN {
        names.push(format!("{} more", allowed.len() - MODELS_SHOWN));
    }
    let message = format!(
        "key `{key}`: it may not use the model `{}`, only {}",
        printable::escape(&model),
        names.join(", ")
    );
    Fault::new(FaultKind::Forbidden, Blame::Client, message)
        .with_code(Cause::ModelNotAllowed.name())
        .with_param("model")
}

pub(super) fn minute_used(key: &str, limit: u32, ends_at: Timestamp, now: Timestamp) -> Fault {
    let what = format!("{} a minute", KeyUnit::Requests.text(u64::from(limit)));
    used(key, &what, ends_at, &TimeZone::system(), now)
}

pub(super) fn budget_used(key: &str, meter: &Meter, now: Timestamp) -> Fault {
    let budget = &meter.budget;
    used(key, &budget.to_string(), meter.ends_at, &budget.zone(), now)
}

fn used(key: &str, what: &str, ends_at: Timestamp, zone: &TimeZone, now: Timestamp) -> Fault {
    let resets = local_minute(ends_at, zone);
    let message = format!("key `{key}`: {what}, used; resets {resets}");
    let mut fault = Fault::new(FaultKind::RateLimited, Blame::Client, message)
        .with_code(Cause::KeyLimit.name());
    fault.retry_after = Some(ends_at.duration_since(now).unwrap_or_default());
    fault
}

#[cfg(test)]
mod tests {
    use super::super::limits::KeyBudget;
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    #[test]
    fn a_used_budget_says_which_and_until_when() {
        let now = at("2026-11-30T12:00:00.5Z");
        let budget = KeyBudget::parse("500000 tokens/day Europe/Berlin", "UTC").unwrap();
        let fault = budget_used("ci", &Meter::new(&budget, 0, now), now);
        assert_eq!(
            fault.message,
            "key `ci`: 500,000 tokens a day, used; resets 2026-12-01T00:00+01:00 (Europe/Berlin)"
        );
        assert_eq!(fault.retry_after_seconds(), Some(11 * 60 * 60));
    }

    #[test]
    fn a_model_of_strange_letters_and_many_patterns_are_bounded() {
        let patterns: Vec<Pattern> = (0..7)
            .filter_map(|number| Pattern::parse(&format!("m{number}")))
            .collect();
        let model = format!("\u{202e}{}", "x".repeat(5_000));
        let message = model_not_allowed("ci", &model, &patterns).message;
        assert!(
            message.len() < 400 && !message.contains('\u{202e}'),
            "{message}"
        );
        assert!(message.ends_with("`m4`, 2 more"), "{message}");
    }

    #[test]
    fn every_limit_has_a_name_and_a_counter_of_its_own() {
        let refusals = Refusals::default();
        for (count, limit) in Limit::ALL.into_iter().enumerate() {
            (0..count).for_each(|_| refusals.add(limit));
        }
        let counts = refusals.counts();
        assert!(counts.iter().map(|(_, count)| *count).eq(0..9));
        let mut names: Vec<&str> = Limit::ALL.iter().map(|limit| limit.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Limit::ALL.len());
    }
}
