//! The local days of a period.

use std::ops::Range;

use jiff::tz::TimeZone;

use crate::store::records::stretches;

/// A local day, or as much of it as a period has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocalDay {
    /// Days since 1970.
    pub(super) number: i64,
    pub(super) quarters: Range<i64>,
    /// Whether it begins and ends as the clock does.
    pub(super) is_whole: bool,
}

pub(super) fn local_days(quarters: Range<i64>, zone: &TimeZone) -> Vec<LocalDay> {
    let mut days: Vec<LocalDay> = Vec::new();
    for stretch in stretches(quarters, zone) {
        let shift = stretch.shift;
        let mut begin = stretch.quarters.start;
        while begin < stretch.quarters.end {
            let number = (begin + shift).div_euclid(96);
            let midnight = (number + 1) * 96 - shift;
            let end = midnight.min(stretch.quarters.end);
            let is_ended = end == midnight;
            match days.last_mut() {
                Some(day) if day.number == number && day.quarters.end == begin => {
                    day.quarters.end = end;
                    day.is_whole &= is_ended;
                }
                _ => days.push(LocalDay {
                    number,
                    quarters: begin..end,
                    is_whole: begin + shift == number * 96 && is_ended,
                }),
            }
            begin = end;
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_its_days_and_what_is_left_of_two() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second() / 900;
        // Clocks change on the second of the days.
        let period = at("2026-10-24T10:00:00Z")..at("2026-10-27T01:00:00Z");
        let days = local_days(period.clone(), &berlin);
        let told: Vec<(i64, bool)> = days
            .iter()
            .map(|day| (day.quarters.end - day.quarters.start, day.is_whole))
            .collect();
        assert_eq!(told, [(48, false), (100, false), (96, true), (8, false)]);
        assert_eq!(days[0].quarters.start, period.start);
        assert_eq!(days[3].quarters.end, period.end);
        assert!(days.windows(2).all(|pair| {
            pair[0].quarters.end == pair[1].quarters.start && pair[0].number + 1 == pair[1].number
        }));
    }
}
