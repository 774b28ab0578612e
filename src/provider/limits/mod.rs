//! What providers say about limits: how much is left, and when coming back makes sense.
//!
//! Headers are read on every answer ([`readings`]), bodies only where a limit was hit. Moments are
//! counted by the clock of the server that named them. Pure: the caller gives the time.

mod body;
mod clock;
mod day;
mod forms;
mod retry_after;
mod windows;

pub use day::DayEnd;
pub use retry_after::{RETRY_AFTER_MAX, retry_after};

use std::time::Duration;

use http::HeaderMap;

use crate::canon::{Fault, FaultKind};
use crate::outcome::{Reading, Scope, Timestamp};
use clock::Clocks;
use retry_after::{limits_reset_after, spent_reset_after};

/// The longest rest. No accounting period that a provider names is longer than a month.
pub const REST_MAX: Duration = Duration::from_secs(32 * 24 * 60 * 60);

/// What an answer's headers say of limits. Empty, without an allocation, where they say nothing.
pub fn readings(headers: &HeaderMap, now: impl FnOnce() -> Timestamp) -> Vec<Reading> {
    windows::readings(headers, || Clocks::of(headers, now()))
}

/// A sentence where this machine's clock and that of an answer's `Date` differ by more than a
/// minute.
pub(super) fn clock_skew_remark(headers: &HeaderMap, now: Timestamp) -> Option<String> {
    Clocks::of(headers, now).skew_remark()
}

/// The limit that a refusal speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) scope: Scope,
    /// How long from now.
    pub(super) wait: Option<Duration>,
    /// Whether a quota of a day or longer is spent.
    pub(super) is_daily: bool,
    /// What a person should know of the wait: the provider's known reset, or a clock that is wrong.
    pub(super) remarks: Vec<String>,
}

/// Reads how long a refusal holds: as `Retry-After` says; else the body; else the reset of a limit
/// that was hit; else, for a daily quota, the end of the provider's day.
pub(super) fn limit(
    headers: &HeaderMap,
    body: &[u8],
    fault: &Fault,
    day: Option<DayEnd>,
    now: Timestamp,
) -> Limit {
    let clocks = Clocks::of(headers, now);
    let facts = body::facts(body, fault, &clocks);
    let is_limited = matches!(fault.kind, FaultKind::RateLimited | FaultKind::QuotaSpent);
    let named = retry_after(headers, now, REST_MAX)
        .or(facts.wait)
        .or_else(|| match fault.kind {
            // Reset times stand on every answer; they say when to come back only where their limit
            // was hit.
            FaultKind::RateLimited if !facts.is_daily => limits_reset_after(headers, now, REST_MAX),
            FaultKind::RateLimited | FaultKind::QuotaSpent => {
                spent_reset_after(headers, now, REST_MAX)
            }
            _ => None,
        });
    let known = day.filter(|_| facts.is_daily && is_limited && named.is_none());
    let until_known = known.and_then(|day| {
        day.after(clocks.theirs())?
            .duration_since(clocks.theirs())
            .ok()
    });
    let said_known = known.map(|day| {
        format!(
            "no moment was named; this provider's days end at {}",
            day.name()
        )
    });
    let is_rejected =
        |window: &windows::Window| window.scope() == Scope::Account && window.is_spent();
    let covers_account =
        facts.covers_account || (is_limited && windows::windows(headers).iter().any(is_rejected));
    Limit {
        scope: if covers_account {
            Scope::Account
        } else {
            Scope::Model
        },
        wait: named.or(until_known).map(|wait| wait.min(REST_MAX)),
        is_daily: facts.is_daily,
        remarks: said_known.into_iter().chain(clocks.skew_remark()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    /// 2025-03-06T23:59:00Z, a minute before the moments that the tests' answers name.
    pub(super) fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(1_741_305_540)
    }

    pub(super) fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = list.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        pairs.collect()
    }
}
