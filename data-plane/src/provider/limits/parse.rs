//! Parses the forms in which providers write timestamps and durations.

use std::time::Duration;

use crate::outcome::Timestamp;

/// When a limit is reset, as the provider wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResetTime {
    /// From the response on.
    After(Duration),
    /// By the provider's clock.
    At(Timestamp),
}

/// Numbers from here on are timestamps: seconds, or milliseconds, since 1970.
const EPOCH_SECONDS_FROM: f64 = 1e9;
const EPOCH_MILLIS_FROM: f64 = 1e12;

/// Reads a reset in any of its forms: seconds (Groq, Together), a Go duration (OpenAI), seconds or
/// milliseconds since 1970 (Anthropic's unified windows; OpenRouter), RFC 3339 (Anthropic), an HTTP
/// date.
pub(super) fn reset_time(text: &str) -> Option<ResetTime> {
    if let Some(number) = number(text) {
        return Some(reset_time_of_number(number));
    }
    let moment = || text.parse::<jiff::Timestamp>().ok().map(Timestamp::from);
    go_duration(text)
        .map(ResetTime::After)
        .or_else(|| moment().or_else(|| http_date(text)).map(ResetTime::At))
}

fn reset_time_of_number(number: f64) -> ResetTime {
    let at = |seconds: f64| {
        Timestamp::UNIX_EPOCH
            .checked_add(duration(seconds))
            .map_or(ResetTime::After(Duration::MAX), ResetTime::At)
    };
    if number >= EPOCH_MILLIS_FROM {
        at(number / 1000.0)
    } else if number >= EPOCH_SECONDS_FROM {
        at(number)
    } else {
        ResetTime::After(duration(number))
    }
}

/// Parses an HTTP date. Source: RFC 9110 section 5.6.7.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    httpdate::parse_http_date(text).ok()
}

/// Seconds, with or without a fraction. A number that is too large for a duration becomes the
/// longest one.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    number(text).map(duration)
}

/// A number without sign and exponent.
pub(super) fn number(text: &str) -> Option<f64> {
    let is_number = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| is_number)
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// A duration as Go writes it: `1h16m0.667s`, `120ms`. Also protobuf's `7.5s`.
/// Source: OpenAI, "Rate limits", `x-ratelimit-reset-requests`; google.protobuf.Duration.
pub(super) fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (written, tail) = rest.split_at(unit_at);
        let unit_end = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let scale = unit_seconds(&tail[..unit_end])?;
        let part =
            number(written).and_then(|number| Duration::try_from_secs_f64(number * scale).ok())?;
        total = total.checked_add(part)?;
        rest = &tail[unit_end..];
    }
    (!text.is_empty()).then_some(total)
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

/// The phrases that precede a wait in messages. In lower case.
const PHRASES: [&str; 11] = [
    "try again in ",
    "retry in ",
    "try again after ",
    "retry after ",
    "wait for ",
    "please wait ",
    "reset after ",
    "resets after ",
    "reset in ",
    "resets in ",
    "available in ",
];

/// Words that may precede a number.
const FILLERS: [&str; 5] = ["about ", "approximately ", "around ", "another ", "and "];

/// Finds the wait in a message: "Please try again in 1m12.5s", "Please retry after 9 seconds",
/// "retry in 45.57s.", "Your quota will reset after 27h41m36s.", "resets in 2 days and 3 hours".
/// Source: observed with OpenAI, Groq, Azure OpenAI, Gemini, Gemini Code Assist.
pub(super) fn wait_in_words(message: &str) -> Option<Duration> {
    let text = message.to_ascii_lowercase();
    PHRASES.iter().find_map(|phrase| {
        let (_, rest) = text.split_once(phrase)?;
        sum_of_parts(rest)
    })
}

/// The sum of the durations at the beginning of a text.
fn sum_of_parts(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = None;
    while let Some((part, tail)) = part(rest) {
        let sum: Duration = total.unwrap_or_default();
        total = Some(sum.checked_add(part)?);
        rest = tail;
    }
    total
}

/// A number with its unit, with or without a space between them, and what follows.
fn part(text: &str) -> Option<(Duration, &str)> {
    let mut text = text.trim_start_matches([' ', ',']);
    while let Some(rest) = FILLERS.iter().find_map(|filler| text.strip_prefix(filler)) {
        text = rest.trim_start();
    }
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let number = number(&text[..digits])?;
    let tail = text[digits..].trim_start_matches(' ');
    let unit_end = tail
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(tail.len());
    let unit = &tail[..unit_end];
    let scale = unit_seconds(unit).or_else(|| spelled_unit_seconds(unit))?;
    let part = Duration::try_from_secs_f64(number * scale).ok()?;
    Some((part, &tail[unit_end..]))
}

fn spelled_unit_seconds(unit: &str) -> Option<f64> {
    Some(match unit.strip_suffix('s').unwrap_or(unit) {
        "millisecond" => 1e-3,
        "second" | "sec" => 1.0,
        "minute" | "min" => 60.0,
        "hour" | "hr" => 3_600.0,
        "day" => 86_400.0,
        "week" => 604_800.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_reset_is_read() {
        let after = |millis| Some(ResetTime::After(Duration::from_millis(millis)));
        let at = |seconds| {
            Some(ResetTime::At(
                Timestamp::UNIX_EPOCH + Duration::from_secs(seconds),
            ))
        };
        let table = [
            ("1h16m0.667s", after(4_560_667)),
            ("6ms", after(6)),
            ("6m0s", after(360_000)),
            ("2m59.56s", after(179_560)),
            ("7.66", after(7_660)),
            ("60", after(60_000)),
            ("1741305600000", at(1_741_305_600)),
            ("1741305600", at(1_741_305_600)),
            ("2025-03-07T00:00:00Z", at(1_741_305_600)),
            ("Fri, 07 Mar 2025 00:00:00 GMT", at(1_741_305_600)),
            ("", None),
            ("soon", None),
            ("-5", None),
            ("1e3", None),
            ("5m3", None),
            ("é1s", None),
        ];
        for (text, expected) in table {
            assert_eq!(reset_time(text), expected, "`{text}`");
        }
    }

    #[test]
    fn waits_in_messages_are_read() {
        let table = [
            (
                "Rate limit reached for gpt-5 on requests per min (RPM). Please try again in 20s. Visit https://x.",
                Some(20.0),
            ),
            (
                "on tokens per day (TPD): Limit 100000. Please try again in 1h16m0.667s. Need more tokens?",
                Some(4560.667),
            ),
            ("Please try again in 6ms.", Some(0.006)),
            ("Please retry after 9 seconds.", Some(9.0)),
            (
                "* Quota exceeded, model: gemini-3-pro\nPlease retry in 45.578569677s.",
                Some(45.578_569_677),
            ),
            ("try again in 5 minutes", Some(300.0)),
            ("Please try again in 1 hour", Some(3600.0)),
            (
                "You have exhausted your capacity on this model. Your quota will reset after 27h41m36s.",
                Some(99_696.0),
            ),
            ("Quota resets in 2 days and 3 hours.", Some(183_600.0)),
            ("Limit reached, try again in about 1 h 5 min", Some(3_900.0)),
            ("Resets in 2 weeks", Some(1_209_600.0)),
            ("try again in a while", None),
            ("try again in", None),
            ("please wait 3 moons", None),
            ("Overloaded", None),
        ];
        for (message, expected) in table {
            assert_eq!(
                wait_in_words(message).map(|wait| wait.as_secs_f64()),
                expected,
                "`{message}`"
            );
        }
    }
}
