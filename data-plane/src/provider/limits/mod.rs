//! Reads what providers report about limits: how much is left, and how long to wait.
//!
//! Headers are read on every response ([`readings`]), bodies only where a limit was hit. Timestamps
//! are read by the clock of the server that sent them. Pure: the caller passes the time.

mod body;
mod clock;
mod day;
mod length;
mod parse;
mod retry_after;
mod windows;

pub use day::DayEnd;
pub use length::window_length;
pub use retry_after::{RETRY_AFTER_MAX, retry_after};

use std::time::Duration;

use http::HeaderMap;

use crate::canon::{Fault, FaultKind};
use crate::outcome::{Reading, Scope, Timestamp};
use clock::Clocks;
use retry_after::{limits_reset_after, spent_reset_after};

/// The longest wait. No quota window of a provider is longer than a month.
pub const WAIT_MAX: Duration = Duration::from_secs(32 * 24 * 60 * 60);

/// The limits in a response's headers. Empty, without an allocation, where there are none.
pub fn readings(headers: &HeaderMap, now: impl FnOnce() -> Timestamp) -> Vec<Reading> {
    windows::readings(headers, || Clocks::of(headers, now()))
}

/// A remark where this machine's clock and a response's `Date` differ by more than a minute.
pub(super) fn clock_skew_remark(headers: &HeaderMap, now: Timestamp) -> Option<String> {
    Clocks::of(headers, now).skew_remark()
}

/// The limit behind a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) scope: Scope,
    /// From now.
    pub(super) wait: Option<Duration>,
    /// Whether a quota of a day or longer is spent.
    pub(super) is_daily: bool,
    /// What the user should know about the wait: the provider's known reset, or a wrong clock.
    pub(super) remarks: Vec<String>,
}

/// Reads the limit behind a refusal. The wait is that of `Retry-After`, else of the body, else
/// until the reset of a limit that was hit, else, for a daily quota, until the end of the
/// provider's day.
pub(super) fn limit(
    headers: &HeaderMap,
    body: &[u8],
    fault: &Fault,
    day: Option<DayEnd>,
    now: Timestamp,
) -> Limit {
    let clocks = Clocks::of(headers, now);
    let limits = body::read(body, fault, &clocks);
    let is_limited = matches!(fault.kind, FaultKind::RateLimited | FaultKind::QuotaSpent);
    let named = retry_after(headers, now, WAIT_MAX)
        .or(limits.wait)
        .or_else(|| match fault.kind {
            // Every response has reset times; they are a wait only where their limit was hit.
            FaultKind::RateLimited if !limits.is_daily => {
                limits_reset_after(headers, now, WAIT_MAX)
            }
            FaultKind::RateLimited | FaultKind::QuotaSpent => {
                spent_reset_after(headers, now, WAIT_MAX)
            }
            _ => None,
        });
    let known = day.filter(|_| limits.is_daily && is_limited && named.is_none());
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
        limits.covers_account || (is_limited && windows::windows(headers).iter().any(is_rejected));
    Limit {
        scope: if covers_account {
            Scope::Account
        } else {
            Scope::Model
        },
        wait: named.or(until_known).map(|wait| wait.min(WAIT_MAX)),
        is_daily: limits.is_daily,
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
