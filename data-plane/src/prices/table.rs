//! The list that comes with the program, see `table.txt`.

use std::sync::Arc;

use jiff::civil::Date;

use super::decimal::micros;
use super::{Pattern, Rates, Row};
use crate::canon::ServiceTier;

const TEXT: &str = include_str!("table.txt");

pub(super) struct List {
    pub(super) rows: Vec<Row>,
    pub(super) date: Date,
}

/// Reads the list, whose lines a test checks one by one; a line that cannot be read prices nothing.
pub(super) fn read() -> List {
    let dated = TEXT.lines().find_map(|line| line.strip_prefix("# as of "));
    let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
    List {
        rows: lines.filter_map(row).collect(),
        date: dated.and_then(|date| date.parse().ok()).unwrap_or_default(),
    }
}

fn row(line: &str) -> Option<Row> {
    let mut columns = line.split(' ');
    let mut next = || columns.next();
    let provider = next()?;
    let names: Arc<[Pattern]> = next()?.split(',').map(Pattern::parse).collect();
    let from = present(next()?).map_or(Some(i64::MIN), quarter_of_date)?;
    let tier = present(next()?).map(ServiceTier::of);
    let above = present(next()?).map_or(Some(0), |bound| bound.parse().ok())?;
    let hours = match present(next()?) {
        Some(hours) => Some(hours_of(hours)?),
        None => None,
    };
    let mut amount = || match columns.next().and_then(present) {
        Some(text) => micros(text).map(Some),
        None => Some(None),
    };
    let rates = Rates {
        input: amount()??,
        cache_read: amount()?,
        cache_write: amount()?,
        cache_write_long: amount()?,
        output: amount()??,
        search: amount()?,
        audio_input: amount()?,
        audio_output: amount()?,
    };
    Some(Row {
        provider: provider.into(),
        names,
        from,
        tier,
        above,
        hours,
        rates,
    })
}

fn present(column: &str) -> Option<&str> {
    (column != "-").then_some(column)
}

/// The first quarter of a UTC day.
pub(super) fn quarter_of_date(date: &str) -> Option<i64> {
    let date: Date = date.parse().ok()?;
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_second().div_euclid(900))
}

/// `0030-1630` as quarters of a day.
fn hours_of(text: &str) -> Option<(i64, i64)> {
    let quarter = |time: &str| {
        let (hour, minute) = time.split_at_checked(2)?;
        let minutes: i64 = minute.parse().ok()?;
        Some(hour.parse::<i64>().ok()? * 4 + minutes / 15)
    };
    let (begin, end) = text.split_once('-')?;
    Some((quarter(begin)?, quarter(end)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prices::BANDS;

    #[test]
    fn every_line_is_a_row_with_a_bound_that_records_know() {
        let lines = TEXT.lines().filter(|line| !line.starts_with('#'));
        for line in lines {
            let row = row(line).unwrap_or_else(|| panic!("{line}"));
            assert!(row.above == 0 || BANDS.contains(&row.above), "{line}");
            assert_ne!(row.tier, Some(ServiceTier::Other), "{line}");
        }
        assert!(read().rows.len() > 500);
        assert_eq!(read().date.year(), 2026);
    }
}
