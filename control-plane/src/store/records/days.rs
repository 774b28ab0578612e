//! Local days in integers: a day of a zone is a range of quarters of an hour.
//!
//! All zones have had offsets in whole quarter hours since 1980, so nothing is rounded. No clock,
//! no memory of a zone: what a zone says is asked each time.

use std::ops::Range;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

const QUARTER_SECONDS: i64 = 900;

/// Quarters within which a zone's offset stays the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub quarters: Range<i64>,
    /// The offset in quarters: local = UTC + shift.
    pub shift: i64,
}

/// The stretches that a range of quarters falls into, in order; they leave nothing out.
pub fn stretches(quarters: Range<i64>, zone: &TimeZone) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let mut begin = quarters.start;
    while begin < quarters.end {
        let Ok(at) = Timestamp::from_second(begin * QUARTER_SECONDS) else {
            break;
        };
        let shift = i64::from(zone.to_offset(at).seconds()).div_euclid(QUARTER_SECONDS);
        let changes_at = zone.following(at).next().map(|next| {
            let second = next.timestamp().as_second();
            second.div_euclid(QUARTER_SECONDS)
        });
        let end = changes_at
            .filter(|end| *end > begin)
            .map_or(quarters.end, |end| end.min(quarters.end));
        match found.last_mut() {
            Some(last) if last.shift == shift => last.quarters.end = end,
            _ => found.push(Stretch {
                quarters: begin..end,
                shift,
            }),
        }
        begin = end;
    }
    found
}

/// The date of a number of days since 1970.
pub fn local_date(days: i64) -> Option<Date> {
    let epoch = jiff::civil::date(1970, 1, 1);
    epoch.checked_add(Span::new().try_days(days).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quarters of a local day: 96 of them, or 92, 94, 98 or 100 where clocks change. `None` where
    /// the zone's calendar does not reach it.
    fn quarters_of_day(date: Date, zone: &TimeZone) -> Option<Range<i64>> {
        let begin = |date: Date| {
            let midnight = date.to_zoned(zone.clone()).ok()?;
            Some(midnight.timestamp().as_second().div_euclid(QUARTER_SECONDS))
        };
        let next = date.checked_add(Span::new().days(1)).ok()?;
        Some(begin(date)?..begin(next)?)
    }

    /// The local day of a quarter, as days since 1970.
    fn day_of(quarter: i64, shift: i64) -> i64 {
        (quarter + shift).div_euclid(96)
    }

    /// The local hour of a quarter, as hours since 1970.
    fn hours_of(quarter: i64, shift: i64) -> i64 {
        (quarter + shift).div_euclid(4)
    }

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn length(name: &str, date: &str) -> i64 {
        let quarters = quarters_of_day(date.parse().unwrap(), &zone(name)).unwrap();
        quarters.end - quarters.start
    }

    #[test]
    fn a_day_has_as_many_quarters_as_its_clocks_make_it() {
        assert_eq!(length("Europe/Berlin", "2026-10-24"), 96);
        assert_eq!(length("Europe/Berlin", "2026-10-25"), 100);
        assert_eq!(length("Europe/Berlin", "2026-03-29"), 92);
        assert_eq!(length("Australia/Lord_Howe", "2026-10-04"), 94);
        assert_eq!(length("Australia/Lord_Howe", "2026-04-05"), 98);
        assert_eq!(length("Asia/Kathmandu", "2026-10-25"), 96);
        assert_eq!(length("America/St_Johns", "2026-11-01"), 100);
    }

    /// Every quarter of a day, and none besides, is of that day by its stretch.
    #[test]
    fn a_day_is_found_again_from_each_of_its_quarters() {
        let days = [
            ("Europe/Berlin", "2026-10-25"),
            ("Australia/Lord_Howe", "2026-10-04"),
            ("Asia/Kathmandu", "2026-10-04"),
            ("America/St_Johns", "2026-11-01"),
            ("America/St_Johns", "2026-03-08"),
            ("Pacific/Apia", "2026-01-01"),
            ("UTC", "2026-01-01"),
        ];
        for (name, date) in days {
            let (zone, date): (TimeZone, Date) = (zone(name), date.parse().unwrap());
            let day = quarters_of_day(date, &zone).unwrap();
            let around = day.start - 100..day.end + 100;
            for stretch in stretches(around, &zone) {
                for quarter in stretch.quarters {
                    let found = local_date(day_of(quarter, stretch.shift)).unwrap();
                    assert_eq!(
                        found == date,
                        day.contains(&quarter),
                        "{name} {date} {quarter}"
                    );
                }
            }
        }
    }

    #[test]
    fn stretches_leave_nothing_out_and_meet() {
        for name in ["Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu"] {
            let year = 1_980_000..2_015_040;
            let found = stretches(year.clone(), &zone(name));
            assert_eq!(found.first().unwrap().quarters.start, year.start);
            assert_eq!(found.last().unwrap().quarters.end, year.end);
            assert!(
                found
                    .windows(2)
                    .all(|pair| pair[0].quarters.end == pair[1].quarters.start
                        && pair[0].shift != pair[1].shift)
            );
        }
        assert_eq!(stretches(5..5, &zone("UTC")), []);
    }

    #[test]
    fn an_hour_that_comes_twice_is_told_apart_by_its_shift() {
        let berlin = zone("Europe/Berlin");
        let day = quarters_of_day("2026-10-25".parse().unwrap(), &berlin).unwrap();
        let hours: Vec<(i64, i64)> = stretches(day, &berlin)
            .into_iter()
            .flat_map(|stretch| {
                let shift = stretch.shift;
                stretch
                    .quarters
                    .map(move |quarter| (hours_of(quarter, shift), shift))
            })
            .collect();
        let mut told_apart = hours.clone();
        told_apart.dedup();
        assert_eq!((hours.len(), told_apart.len()), (100, 25));
    }
}
