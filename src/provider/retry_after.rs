//! When a provider's headers say that coming back makes sense.
//!
//! Pure: the caller gives the time and the cap.

use std::time::Duration;

use http::HeaderMap;

use crate::outcome::Timestamp;

/// The longest wait that is passed on or kept: what is further away is a quota, and clients overflow on it.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Reads the wait that the headers ask for: `retry-after-ms`, or `retry-after` as seconds or date. Relative to `now`, at most `max`.
///
/// Returns `None` when neither is there, or what is there is malformed or past.
/// Source: RFC 9110 section 10.2.3; `retry-after-ms`: OpenAI's and Anthropic's SDKs.
pub fn retry_after(headers: &HeaderMap, now: Timestamp, max: Duration) -> Option<Duration> {
    let in_millis = text(headers, "retry-after-ms").and_then(|millis| seconds(millis).map(|duration| duration / 1000));
    let wait = in_millis.or_else(|| text(headers, "retry-after").and_then(|value| seconds_or_date(value, now)))?;
    (!wait.is_zero()).then(|| wait.min(max))
}

/// Reads when a limit is reset: Anthropic's reset times, OpenAI's reset durations. Relative to `now`, at most `max`.
///
/// These stand on every answer, so they say when to come back only where a limit was hit. Of several limits the longest wait among
/// the spent ones counts; where none says that it is spent, the shortest of all. Returns `None` as [`retry_after`] does.
/// Source: OpenAI and Anthropic, "Rate limits", response headers.
pub fn limits_reset_after(headers: &HeaderMap, now: Timestamp, max: Duration) -> Option<Duration> {
    from_resets(headers, now).filter(|wait| !wait.is_zero()).map(|wait| wait.min(max))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn seconds_or_date(value: &str, now: Timestamp) -> Option<Duration> {
    seconds(value).or_else(|| httpdate::parse_http_date(value).ok()?.duration_since(now).ok())
}

/// Seconds with or without a fraction. A number that is too large for a duration still is a very long wait.
fn seconds(value: &str) -> Option<Duration> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds: f64 = value.parse().ok().filter(|_| is_number)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// One rate limit: how long until it is reset, and whether it is spent.
struct Limit {
    wait: Duration,
    is_spent: bool,
}

fn from_resets(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let limits: Vec<Limit> = headers.keys().filter_map(|name| limit(headers, name.as_str(), now)).collect();
    let spent = limits.iter().filter(|limit| limit.is_spent).map(|limit| limit.wait).max();
    spent.or_else(|| limits.iter().map(|limit| limit.wait).min())
}

fn limit(headers: &HeaderMap, name: &str, now: Timestamp) -> Option<Limit> {
    let value = text(headers, name)?;
    let (wait, remaining) = if let Some(kind) = name.strip_prefix("x-ratelimit-reset-") {
        (seconds(value).or_else(|| go_duration(value))?, format!("x-ratelimit-remaining-{kind}"))
    } else {
        let limit = name.strip_prefix("anthropic-ratelimit-")?.strip_suffix("-reset")?;
        (until(value, now)?, format!("anthropic-ratelimit-{limit}-remaining"))
    };
    Some(Limit { wait, is_spent: text(headers, &remaining) == Some("0") })
}

/// The time until an RFC 3339 moment; `None` where it is past.
fn until(value: &str, now: Timestamp) -> Option<Duration> {
    Timestamp::from(value.parse::<jiff::Timestamp>().ok()?).duration_since(now).ok()
}

/// A duration as Go writes it: `1h16m0.667s`, `120ms`.
/// Source: OpenAI, "Rate limits", `x-ratelimit-reset-requests`.
fn go_duration(value: &str) -> Option<Duration> {
    let mut rest = value;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, tail) = rest.split_at(unit_at);
        let unit_end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let scale = unit_seconds(&tail[..unit_end])?;
        let part = number.parse::<f64>().ok().and_then(|number| Duration::try_from_secs_f64(number * scale).ok())?;
        total = total.checked_add(part)?;
        rest = &tail[unit_end..];
    }
    Some(total)
}

fn unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit {
        "d" => 86_400.0,
        "h" => 3_600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
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
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap()))
            .collect();
        let wait = retry_after(&headers, now(), RETRY_AFTER_MAX).or_else(|| limits_reset_after(&headers, now(), RETRY_AFTER_MAX));
        wait.map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn every_header_form_is_read() {
        assert_eq!(wait(&[("retry-after", "7")]), Some(7.0));
        assert_eq!(wait(&[("retry-after", "0.5")]), Some(0.5));
        assert_eq!(wait(&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]), Some(30.0));
        assert_eq!(wait(&[("retry-after-ms", "1500"), ("retry-after", "2")]), Some(1.5));
        assert_eq!(wait(&[("x-ratelimit-reset-requests", "1h16m0.667s")]), Some(4560.667));
        assert_eq!(wait(&[("x-ratelimit-reset-tokens", "120ms")]), Some(0.12));
        assert_eq!(wait(&[("x-ratelimit-reset-tokens", "60")]), Some(60.0));
        assert_eq!(wait(&[("anthropic-ratelimit-tokens-reset", "1994-11-06T08:50:37Z")]), Some(60.0));
    }

    #[test]
    fn the_spent_limit_counts_before_the_others() {
        let spent =
            [("x-ratelimit-reset-requests", "6m0s"), ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-tokens", "1s")];
        assert_eq!(wait(&spent), Some(360.0));
        assert_eq!(wait(&[("x-ratelimit-reset-requests", "6m0s"), ("x-ratelimit-reset-tokens", "1s")]), Some(1.0));
    }

    #[test]
    fn nothing_lasts_longer_than_the_cap() {
        let day = RETRY_AFTER_MAX.as_secs_f64();
        assert_eq!(wait(&[("retry-after", "99999999999999999999999999")]), Some(day));
        assert_eq!(wait(&[("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")]), Some(day));
        assert_eq!(wait(&[("x-ratelimit-reset-requests", "48h")]), Some(day));
    }

    #[test]
    fn absent_malformed_and_past_values_are_none() {
        assert_eq!(wait(&[]), None);
        for value in ["", "soon", "-1", "0", "1e9", "inf", "NaN", "Sun, 06 Nov 1994 08:49:00 GMT"] {
            assert_eq!(wait(&[("retry-after", value)]), None, "`{value}`");
        }
        for value in ["5", "1h", "h", "1x", "1994-11-06T08:00:00Z", "yesterday"] {
            assert_eq!(wait(&[("anthropic-ratelimit-requests-reset", value)]), None, "`{value}`");
        }
        for value in ["h", "5m3", "1y", "-3s", "é1s"] {
            assert_eq!(wait(&[("x-ratelimit-reset-requests", value)]), None, "`{value}`");
        }
    }

    #[test]
    fn a_malformed_form_does_not_hide_the_next() {
        assert_eq!(wait(&[("retry-after-ms", "soon"), ("retry-after", "3")]), Some(3.0));
    }
}
