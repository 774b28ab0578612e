//! Since when: `24h`, `7d`, `today`, `2026-11-29` or a moment in RFC 3339.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

use super::refusal::Refusal;
use super::wire::ControlError;
use crate::outcome::Timestamp;

/// Where a period begins.
///
/// `whole_days`: `7d` is today and the six days before it, rather than 168 hours.
///
/// # Errors
/// When the text says no time.
pub(super) fn begin(
    text: &str,
    now: Timestamp,
    zone: &TimeZone,
    whole_days: bool,
) -> Result<Timestamp, ControlError> {
    let text = text.trim();
    parse(text, now, zone, whole_days).ok_or_else(|| {
        let shown: String = text.chars().take(40).collect();
        let found = shown.escape_debug().to_string();
        ControlError::usage(Refusal::Time { found })
    })
}

fn parse(text: &str, now: Timestamp, zone: &TimeZone, whole_days: bool) -> Option<Timestamp> {
    let today = local(now, zone)?.date();
    if text == "today" {
        return midnight(today, zone);
    }
    if let Ok(date) = text.parse::<Date>()
        && text.len() == 10
    {
        return midnight(date, zone);
    }
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.into());
    }
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: u32 = count.parse().ok().filter(|count| *count <= 100_000)?;
    match unit {
        "d" if whole_days => {
            let back = Span::new().days(i64::from(count.max(1)) - 1);
            midnight(today.checked_sub(back).ok()?, zone)
        }
        "d" => now.checked_sub(Duration::from_secs(u64::from(count) * 86_400)),
        "h" => now.checked_sub(Duration::from_secs(u64::from(count) * 3_600)),
        "m" => now.checked_sub(Duration::from_secs(u64::from(count) * 60)),
        _ => None,
    }
}

fn local(at: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    Some(jiff::Timestamp::try_from(at).ok()?.to_zoned(zone.clone()))
}

fn midnight(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(date.to_zoned(zone.clone()).ok()?.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin_at(text: &str, zone: &str, whole_days: bool) -> Option<String> {
        let now: jiff::Timestamp = "2026-10-25T12:30:00Z".parse().unwrap();
        let zone = TimeZone::get(zone).unwrap();
        let begin = begin(text, now.into(), &zone, whole_days).ok()?;
        Some(jiff::Timestamp::try_from(begin).unwrap().to_string())
    }

    #[test]
    fn days_are_local_and_exact_where_clocks_change() {
        let at = |text, whole_days| begin_at(text, "Europe/Berlin", whole_days).unwrap();
        assert_eq!(at("today", true), "2026-10-24T22:00:00Z");
        assert_eq!(at("2d", true), "2026-10-23T22:00:00Z");
        assert_eq!(at("2d", false), "2026-10-23T12:30:00Z");
        assert_eq!(at("2026-10-26", true), "2026-10-25T23:00:00Z");
        assert_eq!(at("36h", false), "2026-10-24T00:30:00Z");
        assert_eq!(
            at("2026-10-25T01:00:00+02:00", false),
            "2026-10-24T23:00:00Z"
        );
    }

    #[test]
    fn what_says_no_time_is_refused() {
        for text in ["", "d", "7", "7w", "-1d", "yesterday", "ü", "999999999d"] {
            assert_eq!(begin_at(text, "UTC", true), None, "{text}");
        }
    }
}
