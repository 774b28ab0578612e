//! Dates and times of day as they are written in a language, by a clock of 24 hours.

use std::time::SystemTime;

use jiff::Zoned;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Language;

const ENGLISH_MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// As Duden shortens them.
const GERMAN_MONTHS: [&str; 12] = [
    "Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez.",
];

impl Language {
    /// `29 Nov`, `29. Nov.`; with the year where it is not `today`'s.
    pub fn date(self, date: Date, today: Date) -> String {
        let month = usize::from(date.month().unsigned_abs()) - 1;
        let (day, year) = (date.day(), date.year());
        let text = match self {
            Self::English => format!("{day} {}", ENGLISH_MONTHS[month]),
            Self::German => format!("{day}. {}", GERMAN_MONTHS[month]),
        };
        if year == today.year() {
            text
        } else {
            format!("{text} {year}")
        }
    }

    /// `13:51` today, else `29 Nov 13:51`.
    pub fn moment(self, at: &Zoned, today: Date) -> String {
        self.dated(at, today, &at.strftime("%H:%M").to_string())
    }

    /// `13:51:07` today, else `29 Nov 13:51:07`.
    pub fn exact_moment(self, at: &Zoned, today: Date) -> String {
        self.dated(at, today, &at.strftime("%H:%M:%S").to_string())
    }

    fn dated(self, at: &Zoned, today: Date, time: &str) -> String {
        if at.date() == today {
            return time.to_owned();
        }
        let date = self.date(at.date(), today);
        match self {
            Self::English => format!("{date} {time}"),
            Self::German => format!("{date}, {time}"),
        }
    }
}

/// A moment in a zone. `None` outside of the years that calendars have.
pub fn zoned(at: SystemTime, zone: &TimeZone) -> Option<Zoned> {
    let at = jiff::Timestamp::try_from(at).ok()?;
    Some(at.to_zoned(zone.clone()))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::Language::{English, German};
    use super::*;

    #[test]
    fn a_moment_of_another_day_has_its_date() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = date(2026, 11, 29).at(13, 51, 7, 0).to_zoned(zone).unwrap();
        let (today, tomorrow) = (date(2026, 11, 29), date(2026, 11, 30));
        assert_eq!(English.moment(&at, today), "13:51");
        assert_eq!(English.exact_moment(&at, tomorrow), "29 Nov 13:51:07");
        assert_eq!(German.moment(&at, tomorrow), "29. Nov., 13:51");
        assert_eq!(German.date(at.date(), date(2027, 1, 1)), "29. Nov. 2026");
    }
}
