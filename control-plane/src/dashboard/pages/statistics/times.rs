//! The times of the bars: also those at which nothing was.

use std::collections::BTreeMap;

use jiff::{Span, Zoned};

use super::asked::Asked;
use crate::control::stats::{By, StatisticsRow};
use crate::dashboard::context::PageContext;
use crate::language::Language;
use crate::status::Timestamp;

/// When a bar begins and ends.
pub(super) type Times = (Timestamp, Timestamp);

/// The bars' times in their order, those of the rows among them.
pub(super) fn slots(context: &PageContext, asked: &Asked, rows: &[StatisticsRow]) -> Vec<Times> {
    let mut slots: BTreeMap<Timestamp, Timestamp> = BTreeMap::new();
    let (from, until) = asked.bounds(context);
    let mut at = context.zoned(from);
    while let Some(begin) = at.filter(|at| Timestamp::from(at.timestamp()) < until) {
        let end = next(&begin, asked.unit);
        if let Some(end) = &end {
            slots.insert(begin.timestamp().into(), end.timestamp().into());
        }
        at = end;
    }
    // Where clocks change by half an hour, hours begin elsewhere.
    slots.extend(rows.iter().filter_map(|row| Some((row.from?, row.until?))));
    slots.into_iter().collect()
}

fn next(begin: &Zoned, unit: By) -> Option<Zoned> {
    let span = match unit {
        By::Hour => return begin.checked_add(Span::new().hours(1)).ok(),
        By::Month => Span::new().months(1),
        _ => Span::new().days(1),
    };
    // By the calendar: a day on which clocks change has another length.
    let date = begin.date().checked_add(span).ok()?;
    date.to_zoned(begin.time_zone().clone()).ok()
}

/// A bar's name below the axis, and in full.
pub(super) fn names(context: &PageContext, unit: By, times: Times) -> (String, String) {
    let (Some(begin), Some(end)) = (context.zoned(times.0), context.zoned(times.1)) else {
        return (String::new(), String::new());
    };
    let (language, today) = (context.language(), context.today());
    let day = language.date(begin.date(), today);
    match unit {
        By::Hour => {
            let clock = |at: &Zoned| at.strftime("%H:%M").to_string();
            (
                clock(&begin),
                format!("{day} {}–{}", clock(&begin), clock(&end)),
            )
        }
        By::Month => {
            let month = month(language, &begin);
            (month.clone(), month)
        }
        _ => (day.clone(), day),
    }
}

/// `Nov 2026`: a day's date without its day.
fn month(language: Language, begin: &Zoned) -> String {
    let date = language.date(begin.date(), jiff::civil::Date::ZERO);
    date.split_once(' ')
        .map_or(date.clone(), |(_, month)| month.to_owned())
}
