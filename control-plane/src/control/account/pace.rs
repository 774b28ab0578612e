//! How fast a quota window is used up, as far as one reading tells.

use std::time::Duration;

use super::facts::QuotaFacts;
use crate::outcome::Timestamp;

/// A reading that is older than this is shown with its age.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// In the first percents of a window a forecast is a guess.
const FORECAST_PERCENT_MIN: u64 = 3;

impl QuotaFacts {
    /// The share that is used, from 0 to 1. `None` where the provider did not report both numbers.
    #[expect(clippy::cast_precision_loss, reason = "a share is drawn")]
    pub fn used_share(&self) -> Option<f64> {
        let limit = self.limit.filter(|limit| *limit > 0)?;
        let used = limit.saturating_sub(self.remaining?);
        Some(used as f64 / limit as f64)
    }

    /// The share of the window that is gone at `at`, from 0 to 1. `None` where its length or its
    /// end is unknown, or it has ended.
    pub fn gone_share(&self, at: Timestamp) -> Option<f64> {
        let (gone, length) = self.gone(at)?;
        Some(gone.as_secs_f64() / length.as_secs_f64())
    }

    /// When nothing is left if it goes on as it did since the window began. `None` where that is
    /// after the reset, or no forecast can be made.
    pub fn gone_at(&self) -> Option<Timestamp> {
        let (gone, length) = self.gone(self.read_at)?;
        if gone.as_secs() * 100 < length.as_secs() * FORECAST_PERCENT_MIN {
            return None;
        }
        let used = self
            .used_share()
            .filter(|used| *used > 0.0 && *used < 1.0)?;
        let whole = Duration::try_from_secs_f64(gone.as_secs_f64() / used).ok()?;
        let began = self.resets_at?.checked_sub(length)?;
        began
            .checked_add(whole)
            .filter(|end| Some(*end) < self.resets_at)
    }

    /// How old the reading is; nothing where the clock was set back since.
    pub fn age(&self, now: Timestamp) -> Duration {
        now.duration_since(self.read_at).unwrap_or_default()
    }

    /// How old the reading is, where it says little about now: older than an hour, or than its
    /// window, which began again since.
    pub fn stale_for(&self, now: Timestamp) -> Option<Duration> {
        let length = self.length_seconds.filter(|length| *length > 0);
        let fresh = length.map_or(FRESH, |length| FRESH.min(Duration::from_secs(length)));
        Some(self.age(now)).filter(|age| *age > fresh)
    }

    /// Whether the window began again since it was read: what is left is unknown.
    pub fn has_reset(&self, now: Timestamp) -> bool {
        self.resets_at.is_some_and(|at| at <= now)
    }

    fn gone(&self, at: Timestamp) -> Option<(Duration, Duration)> {
        let length = Duration::from_secs(self.length_seconds.filter(|length| *length > 0)?);
        let left = self.resets_at?.duration_since(at).ok()?;
        Some((length.checked_sub(left)?, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{ReadingSource, Unit};

    const HOUR: u64 = 60 * 60;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(100 * HOUR + seconds)
    }

    /// A window of 5 hours that began at 0, read at `read`.
    fn window(remaining: u64, read: u64) -> QuotaFacts {
        QuotaFacts {
            window: "5h".to_owned(),
            unit: Unit::Other,
            model: None,
            limit: Some(100),
            remaining: Some(remaining),
            resets_at: Some(at(5 * HOUR)),
            length_seconds: Some(5 * HOUR),
            source: ReadingSource::Header,
            read_at: at(read),
        }
    }

    #[test]
    fn what_is_used_faster_than_the_window_passes_ends_before_its_reset() {
        let window = window(20, 2 * HOUR);
        assert_eq!(window.gone_at(), Some(at(5 * HOUR / 2)));
        assert!((window.gone_share(at(HOUR)).unwrap() - 0.2).abs() < 1e-9);
        assert!((window.used_share().unwrap() - 0.8).abs() < 1e-9);
    }

    #[test]
    fn no_forecast_is_made_of_too_little_or_of_enough() {
        assert_eq!(window(20, HOUR / 10).gone_at(), None, "2 % of it is gone");
        assert!(
            window(20, HOUR / 5).gone_at().is_some(),
            "4 % of it is gone"
        );
        assert_eq!(
            window(70, 2 * HOUR).gone_at(),
            None,
            "it lasts until the reset"
        );
        assert_eq!(window(0, 2 * HOUR).gone_at(), None, "it is gone");
        assert_eq!(window(100, 2 * HOUR).gone_at(), None, "nothing is used");
        let unknown = QuotaFacts {
            length_seconds: None,
            ..window(20, 2 * HOUR)
        };
        assert_eq!(
            (unknown.gone_at(), unknown.gone_share(at(HOUR))),
            (None, None)
        );
    }

    #[test]
    fn an_old_reading_says_so_and_one_before_a_reset_counts_no_more() {
        let window = window(20, 2 * HOUR);
        assert_eq!(window.stale_for(at(3 * HOUR)), None);
        assert_eq!(
            window.stale_for(at(4 * HOUR)),
            Some(Duration::from_secs(2 * HOUR))
        );
        let minute = QuotaFacts {
            length_seconds: Some(60),
            resets_at: None,
            ..window.clone()
        };
        let later = at(2 * HOUR + 61);
        assert_eq!(minute.stale_for(later), Some(Duration::from_secs(61)));
        assert_eq!(window.stale_for(later), None);
        assert!(!window.has_reset(at(5 * HOUR - 1)) && window.has_reset(at(5 * HOUR)));
        assert_eq!(window.gone_share(at(6 * HOUR)), None);
    }
}
