//! When a provider's day ends, for daily quotas without a reset time.

use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};

use crate::outcome::Timestamp;

/// The midnight at which a provider's daily quotas start again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayEnd {
    /// Source: Gemini API, "Rate limits": requests per day are reset at midnight Pacific time.
    Pacific,
    /// Source: OpenRouter, `X-RateLimit-Reset` of `free-models-per-day`, which always names one.
    Utc,
}

impl DayEnd {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pacific => "midnight Pacific time",
            Self::Utc => "midnight UTC",
        }
    }

    /// The first such midnight after `now`.
    pub fn after(self, now: Timestamp) -> Option<Timestamp> {
        let now = jiff::Timestamp::try_from(now).ok()?;
        let today = Zoned::new(now, self.zone()?).start_of_day().ok()?;
        Some(today.checked_add(1.day()).ok()?.timestamp().into())
    }

    /// As a POSIX rule, since a machine may lack the time zone database.
    fn zone(self) -> Option<TimeZone> {
        match self {
            Self::Pacific => TimeZone::posix("PST8PDT,M3.2.0,M11.1.0").ok(),
            Self::Utc => Some(TimeZone::UTC),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_midnight_follows_summer_time() {
        let next = |zone: DayEnd, now: &str| {
            let now: jiff::Timestamp = now.parse().unwrap();
            jiff::Timestamp::try_from(zone.after(now.into()).unwrap())
                .unwrap()
                .to_string()
        };
        assert_eq!(
            next(DayEnd::Pacific, "2026-01-15T12:00:00Z"),
            "2026-01-16T08:00:00Z"
        );
        assert_eq!(
            next(DayEnd::Pacific, "2026-07-15T12:00:00Z"),
            "2026-07-16T07:00:00Z"
        );
        assert_eq!(
            next(DayEnd::Pacific, "2026-07-15T07:00:00Z"),
            "2026-07-16T07:00:00Z"
        );
        assert_eq!(
            next(DayEnd::Pacific, "2026-03-08T09:00:00Z"),
            "2026-03-09T07:00:00Z"
        );
        assert_eq!(
            next(DayEnd::Utc, "2026-07-15T23:59:59Z"),
            "2026-07-16T00:00:00Z"
        );
    }
}
