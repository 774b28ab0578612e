//! Reads from headers how long to wait before the next attempt.
//!
//! Pure: the caller passes the time and the cap.

use std::time::Duration;

use http::HeaderMap;

use super::clock::Clocks;
use super::parse::{ResetTime, http_date, seconds};
use super::windows::{Window, windows};
use crate::outcome::Timestamp;

/// The longest wait that a client is told: a longer one is a mistake.
pub const RETRY_AFTER_MAX: Duration = super::WAIT_MAX;

/// Reads the wait that the headers ask for: `retry-after-ms`, or `retry-after` as seconds or date.
/// Relative to `now`, at most `max`.
///
/// Returns `None` when neither is there, or what is there is malformed or past.
/// Source: RFC 9110 section 10.2.3; `retry-after-ms`: OpenAI's and Anthropic's SDKs.
pub fn retry_after(headers: &HeaderMap, now: Timestamp, max: Duration) -> Option<Duration> {
    let clocks = Clocks::of(headers, now);
    let in_millis = text(headers, "retry-after-ms")
        .and_then(|millis| seconds(millis).map(|duration| duration / 1000));
    let named =
        || text(headers, "retry-after").and_then(|value| clocks.wait(seconds_or_date(value)?));
    in_millis
        .filter(|wait| !wait.is_zero())
        .or_else(named)
        .map(|wait| wait.min(max))
}

/// Reads when a limit is reset. Relative to `now`, at most `max`.
///
/// Every response has resets, so they are a wait only where a limit was hit. Of several limits the
/// longest wait among the spent ones counts; where none is reported as spent, the shortest of all.
/// Returns `None` as [`retry_after`] does.
pub(super) fn limits_reset_after(
    headers: &HeaderMap,
    now: Timestamp,
    max: Duration,
) -> Option<Duration> {
    let clocks = Clocks::of(headers, now);
    let shortest = || {
        windows(headers)
            .iter()
            .filter_map(|window| clocks.wait(window.resets?))
            .min()
    };
    spent_reset_after(headers, now, max)
        .or_else(shortest)
        .map(|wait| wait.min(max))
}

/// The same, for limits that are reported as spent.
pub(super) fn spent_reset_after(
    headers: &HeaderMap,
    now: Timestamp,
    max: Duration,
) -> Option<Duration> {
    let clocks = Clocks::of(headers, now);
    let wait = |window: &Window| clocks.wait(window.resets?).filter(|_| window.is_spent());
    windows(headers)
        .iter()
        .filter_map(wait)
        .max()
        .map(|wait| wait.min(max))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn seconds_or_date(value: &str) -> Option<ResetTime> {
    seconds(value)
        .map(ResetTime::After)
        .or_else(|| http_date(value).map(ResetTime::At))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    /// Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's own example.
    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(784_111_777)
    }

    fn wait(headers: &[(&'static str, &'static str)]) -> Option<f64> {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                )
            })
            .collect();
        let wait = retry_after(&headers, now(), RETRY_AFTER_MAX)
            .or_else(|| limits_reset_after(&headers, now(), RETRY_AFTER_MAX));
        wait.map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn every_header_form_is_read() {
        assert_eq!(wait(&[("retry-after", "7")]), Some(7.0));
        assert_eq!(wait(&[("retry-after", "0.5")]), Some(0.5));
        assert_eq!(
            wait(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]),
            Some(30.0)
        );
        assert_eq!(
            wait(&[("retry-after-ms", "1500"), ("retry-after", "2")]),
            Some(1.5)
        );
        assert_eq!(
            wait(&[("x-ratelimit-reset-requests", "1h16m0.667s")]),
            Some(4560.667)
        );
        assert_eq!(wait(&[("x-ratelimit-reset-tokens", "120ms")]), Some(0.12));
        assert_eq!(wait(&[("x-ratelimit-reset-tokens", "60")]), Some(60.0));
        assert_eq!(
            wait(&[("anthropic-ratelimit-tokens-reset", "1994-11-06T08:50:37Z")]),
            Some(60.0)
        );
    }

    #[test]
    fn the_spent_limit_counts_before_the_others() {
        let spent = [
            ("x-ratelimit-reset-requests", "6m0s"),
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-tokens", "1s"),
        ];
        assert_eq!(wait(&spent), Some(360.0));
        assert_eq!(
            wait(&[
                ("x-ratelimit-reset-requests", "6m0s"),
                ("x-ratelimit-reset-tokens", "1s")
            ]),
            Some(1.0)
        );
    }

    #[test]
    fn nothing_lasts_longer_than_the_cap() {
        let cap = RETRY_AFTER_MAX.as_secs_f64();
        assert_eq!(
            wait(&[("retry-after", "99999999999999999999999999")]),
            Some(cap)
        );
        assert_eq!(
            wait(&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")]),
            Some(cap)
        );
        assert_eq!(wait(&[("x-ratelimit-reset-requests", "1000h")]), Some(cap));
    }

    #[test]
    fn absent_malformed_and_past_values_are_none() {
        assert_eq!(wait(&[]), None);
        for value in [
            "",
            "soon",
            "-1",
            "0",
            "1e9",
            "inf",
            "NaN",
            "Sun, 06 Nov 1994 08:49:00 GMT",
        ] {
            assert_eq!(wait(&[("retry-after", value)]), None, "`{value}`");
        }
        for value in ["h", "1x", "1994-11-06T08:00:00Z", "yesterday"] {
            assert_eq!(
                wait(&[("anthropic-ratelimit-requests-reset", value)]),
                None,
                "`{value}`"
            );
        }
        for value in ["h", "5m3", "1y", "-3s", "é1s"] {
            assert_eq!(
                wait(&[("x-ratelimit-reset-requests", value)]),
                None,
                "`{value}`"
            );
        }
    }

    #[test]
    fn a_malformed_form_does_not_hide_the_next() {
        assert_eq!(
            wait(&[("retry-after-ms", "soon"), ("retry-after", "3")]),
            Some(3.0)
        );
    }
}
