//! The provider's clock and ours: a timestamp from a provider is read by the provider's clock.

use std::time::Duration;

use http::{HeaderMap, header};

use super::parse::{ResetTime, http_date};
use crate::outcome::Timestamp;

/// From here on the clocks count as different: less is the transit time and the rounding of `Date`.
const SKEW_MIN: Duration = Duration::from_secs(60);

/// The present time by our clock and by the provider's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    ours: Timestamp,
    theirs: Timestamp,
}

impl Clocks {
    /// The provider's time is its `Date` where that is more than a minute off, else ours.
    pub(super) fn of(headers: &HeaderMap, now: Timestamp) -> Self {
        let date = headers
            .get(header::DATE)
            .and_then(|date| http_date(date.to_str().ok()?.trim()));
        let theirs = date
            .filter(|date| apart(*date, now) > SKEW_MIN)
            .unwrap_or(now);
        Self { ours: now, theirs }
    }

    /// How long until the reset. `None` where it is now or past.
    pub(super) fn wait(&self, when: ResetTime) -> Option<Duration> {
        let wait = match when {
            ResetTime::After(wait) => wait,
            ResetTime::At(moment) => moment.duration_since(self.theirs).ok()?,
        };
        (!wait.is_zero()).then_some(wait)
    }

    /// The reset by our clock, at most `max` away.
    pub(super) fn timestamp(&self, when: ResetTime, max: Duration) -> Option<Timestamp> {
        self.wait(when)
            .and_then(|wait| self.ours.checked_add(wait.min(max)))
    }

    /// The provider's time, by which its day ends.
    pub(super) fn theirs(&self) -> Timestamp {
        self.theirs
    }

    /// A remark where the clocks differ.
    pub(super) fn skew_remark(&self) -> Option<String> {
        let apart = apart(self.theirs, self.ours);
        let side = if self.ours < self.theirs {
            "behind"
        } else {
            "ahead of"
        };
        (apart > SKEW_MIN).then(|| {
            format!(
                "this machine's clock is {} {side} the provider's; set it right",
                in_words(apart)
            )
        })
    }
}

fn apart(one: Timestamp, other: Timestamp) -> Duration {
    one.duration_since(other)
        .unwrap_or_else(|error| error.duration())
}

fn in_words(duration: Duration) -> String {
    match duration.as_secs() / 60 {
        minutes @ 0..120 => format!("{minutes} min"),
        minutes @ 120..2880 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(date: &str, ahead: i64) -> Clocks {
        let theirs = http_date(date).unwrap();
        let headers = HeaderMap::from_iter([(header::DATE, date.parse().unwrap())]);
        let ours = match u64::try_from(ahead) {
            Ok(seconds) => theirs + Duration::from_secs(seconds),
            Err(_) => theirs - Duration::from_secs(ahead.unsigned_abs()),
        };
        Clocks::of(&headers, ours)
    }

    const DATE: &str = "Fri, 07 Mar 2025 00:00:00 GMT";

    #[test]
    fn a_moment_is_counted_by_the_clock_of_whoever_named_it() {
        let reset = ResetTime::At(http_date("Fri, 07 Mar 2025 00:00:30 GMT").unwrap());
        for ahead in [-7200, 7200] {
            let clocks = clocks(DATE, ahead);
            assert_eq!(clocks.wait(reset), Some(Duration::from_secs(30)));
            assert_eq!(
                clocks.timestamp(reset, Duration::MAX),
                Some(clocks.ours + Duration::from_secs(30))
            );
        }
    }

    #[test]
    fn a_wrong_clock_is_said_and_a_second_is_none() {
        assert_eq!(clocks(DATE, 2).skew_remark(), None);
        assert_eq!(clocks(DATE, -60).skew_remark(), None);
        assert_eq!(
            clocks(DATE, -7200).skew_remark().as_deref(),
            Some("this machine's clock is 2 h behind the provider's; set it right")
        );
        assert!(
            clocks(DATE, 86_400 * 400)
                .skew_remark()
                .unwrap()
                .contains("400 days ahead of")
        );
    }

    #[test]
    fn what_is_past_is_no_wait() {
        assert_eq!(
            clocks(DATE, 0).wait(ResetTime::At(http_date(DATE).unwrap())),
            None
        );
        assert_eq!(clocks(DATE, 0).wait(ResetTime::After(Duration::ZERO)), None);
    }
}
