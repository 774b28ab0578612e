//! Moments as the user's clock shows them.

use std::time::SystemTime;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The current time, as the user's clock shows it.
#[derive(Clone, Debug)]
pub struct LocalTime {
    pub time: SystemTime,
    pub zone: TimeZone,
}

impl LocalTime {
    pub fn of_system(time: SystemTime) -> Self {
        Self {
            time,
            zone: TimeZone::system(),
        }
    }

    /// A moment in few words: `14:20`, `tomorrow 09:00`, `25 Nov 09:00`.
    pub fn describe(&self, moment: SystemTime) -> String {
        let (Some(moment), Some(now)) = (self.local(moment), self.local(self.time)) else {
            return "later".to_owned();
        };
        let days = moment
            .date()
            .since(now.date())
            .map_or(i32::MAX, |span| span.get_days());
        match days {
            0 => moment.strftime("%H:%M").to_string(),
            1 => moment.strftime("tomorrow %H:%M").to_string(),
            _ => moment.strftime("%-d %b %H:%M").to_string(),
        }
    }

    /// A moment to the second: `13:51:07` today, else `29 Nov 13:51:07`.
    pub fn exactly(&self, moment: SystemTime) -> String {
        let (Some(moment), Some(now)) = (self.local(moment), self.local(self.time)) else {
            return "unknown".to_owned();
        };
        if moment.date() == now.date() {
            moment.strftime("%H:%M:%S").to_string()
        } else {
            moment.strftime("%-d %b %H:%M:%S").to_string()
        }
    }

    fn local(&self, moment: SystemTime) -> Option<jiff::Zoned> {
        let moment = Timestamp::try_from(moment).ok()?;
        Some(moment.to_zoned(self.zone.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_told_as_briefly_as_its_day_allows() {
        // 2026-11-23 12:00:00 UTC.
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_435_200);
        let after = |minutes: u64| noon + Duration::from_secs(60 * minutes);
        let now = LocalTime {
            time: noon,
            zone: TimeZone::UTC,
        };
        assert_eq!(now.describe(after(140)), "14:20");
        assert_eq!(now.describe(after(13 * 60)), "tomorrow 01:00");
        assert_eq!(now.describe(after(4 * 24 * 60)), "27 Nov 12:00");
    }
}
