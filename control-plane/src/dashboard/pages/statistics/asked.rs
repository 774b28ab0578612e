//! What the page is asked for: all of it stands in the address.

use jiff::civil::Date;
use jiff::{Span, Zoned};

use crate::control::stats::By;
use crate::control::verbs::Stats;
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{NO_NAME, moment};
use crate::status::{Timestamp, rfc3339};

/// The most days that are asked for at a time: ten years.
const DAYS_MAX: i32 = 3_653;

/// Which requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Period {
    Today,
    Week,
    Month,
    Year,
    Free,
}

impl Period {
    pub(super) const FIXED: [Self; 4] = [Self::Today, Self::Week, Self::Month, Self::Year];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Year => "12m",
            Self::Free => "free",
        }
    }
}

/// What bars and shares are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Tokens,
    Requests,
    Cost,
}

impl Measure {
    pub(super) const ALL: [Self; 3] = [Self::Tokens, Self::Requests, Self::Cost];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Requests => "requests",
            Self::Cost => "cost",
        }
    }
}

/// By what requests can be told apart besides time.
pub(super) const NAMED: [By; 5] = [By::Model, By::Account, By::Client, By::Provider, By::Key];

#[derive(Debug)]
pub(super) struct Asked {
    pub(super) period: Period,
    /// The first day and the last one.
    pub(super) from: Date,
    pub(super) to: Date,
    /// A bar's time.
    pub(super) unit: By,
    pub(super) by: Option<By>,
    pub(super) measure: Measure,
    /// Only requests with these names, or [`NO_NAME`].
    pub(super) only: Vec<(By, String)>,
    /// A column, and whether its largest value stands first.
    pub(super) sort: Option<(String, bool)>,
    /// Whether the days that were typed are none.
    pub(super) has_bad_days: bool,
}

impl Asked {
    pub(super) fn of(context: &PageContext) -> Self {
        let (query, today) = (&context.query, context.today());
        let typed = query.given("from").or(query.given("to"));
        let free = days(query.get("from"), query.get("to"), today);
        let named = |name: &str| {
            Period::FIXED
                .into_iter()
                .find(|period| period.name() == name)
        };
        let period = match (typed, free) {
            (Some(_), Some(_)) => Period::Free,
            _ => named(query.get("range")).unwrap_or(Period::Week),
        };
        let (from, to) = match period {
            Period::Free => free.unwrap_or((today, today)),
            _ => (first_day(period, today), today),
        };
        let by = NAMED.into_iter().find(|by| by.name() == query.get("by"));
        let measure = Measure::ALL
            .into_iter()
            .find(|measure| measure.name() == query.get("show"));
        let only = NAMED
            .into_iter()
            .filter_map(|by| Some((by, query.given(by.name())?.to_owned())));
        Self {
            period,
            from,
            to,
            unit: unit(period, from, to),
            by,
            measure: measure.unwrap_or(Measure::Tokens),
            only: only.collect(),
            sort: query
                .given("sort")
                .map(|sort| match sort.strip_prefix('-') {
                    Some(column) => (column.to_owned(), true),
                    None => (sort.to_owned(), false),
                }),
            has_bad_days: typed.is_some() && free.is_none(),
        }
    }

    /// When the period begins, and when it ends.
    pub(super) fn bounds(&self, context: &PageContext) -> (Timestamp, Timestamp) {
        let after = self.to.tomorrow().unwrap_or(self.to);
        (midnight(context, self.from), midnight(context, after))
    }

    /// The question, told apart by `by`.
    pub(super) fn question(&self, context: &PageContext, by: Vec<By>) -> Stats {
        let (from, until) = self.bounds(context);
        let named = |by: By| {
            let mut only = self.only.iter().filter(|(known, _)| *known == by);
            only.next().map(|(_, name)| match name.as_str() {
                NO_NAME => String::new(),
                name => name.to_owned(),
            })
        };
        Stats {
            by,
            since: Some(rfc3339(from)),
            until: Some(rfc3339(until)),
            zone: None,
            model: named(By::Model),
            account: named(By::Account),
            client: named(By::Client),
            key: named(By::Key),
            provider: named(By::Provider),
        }
    }

    /// What stands in the address, so that a link changes one thing and keeps the others.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = match self.period {
            Period::Free => vec![("from", self.from.to_string()), ("to", self.to.to_string())],
            period => vec![("range", period.name().to_owned())],
        };
        pairs.extend(self.by.map(|by| ("by", by.name().to_owned())));
        if self.measure != Measure::Tokens {
            pairs.push(("show", self.measure.name().to_owned()));
        }
        pairs.extend(self.only.iter().map(|(by, name)| (by.name(), name.clone())));
        pairs.extend(self.sort.as_ref().map(|(column, falls)| {
            let sign = if *falls { "-" } else { "" };
            ("sort", format!("{sign}{column}"))
        }));
        pairs
    }

    /// The same but for some pairs; an empty value takes one out.
    pub(super) fn changed(&self, changes: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        let is_changed = |name: &str| changes.iter().any(|(changed, _)| *changed == name);
        let mut pairs = self.pairs();
        pairs.retain(|(name, _)| !is_changed(name));
        pairs.extend(
            changes
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned())),
        );
        pairs
    }

    pub(super) fn link(
        &self,
        context: &PageContext,
        path: &str,
        changes: &[(&'static str, &str)],
    ) -> String {
        let pairs = self.changed(changes);
        context.link_with(
            path,
            pairs.iter().map(|(name, value)| (*name, value.as_str())),
        )
    }

    /// The requests of a time, and of a name where one is meant.
    pub(super) fn requests(
        &self,
        context: &PageContext,
        times: (Timestamp, Timestamp),
        more: &[(&'static str, &str)],
    ) -> String {
        let (since, until) = (moment(times.0), moment(times.1));
        let only = self
            .only
            .iter()
            .map(|(by, name)| (by.name(), name.as_str()));
        let own = only.filter(|(name, _)| more.iter().all(|(other, _)| other != name));
        let times = [("since", since.as_str()), ("until", until.as_str())];
        context.link_with(
            "monitoring",
            times.into_iter().chain(own).chain(more.iter().copied()),
        )
    }
}

fn first_day(period: Period, today: Date) -> Date {
    let back = |days: i64| today.checked_sub(Span::new().days(days)).unwrap_or(today);
    match period {
        Period::Week => back(6),
        Period::Month => back(29),
        Period::Year => {
            let month = today.first_of_month();
            month.checked_sub(Span::new().months(11)).unwrap_or(month)
        }
        Period::Today | Period::Free => today,
    }
}

/// The days that were typed, the earlier one first. A missing one is today.
fn days(from: &str, to: &str, today: Date) -> Option<(Date, Date)> {
    let day = |text: &str| match text {
        "" => Some(today),
        text if text.len() == 10 => text.parse::<Date>().ok().filter(|date| date.year() >= 1970),
        _ => None,
    };
    let (from, to) = (day(from)?, day(to)?);
    let (from, to) = (from.min(to), from.max(to));
    let length = to.since(from).ok()?.get_days();
    (length <= DAYS_MAX).then_some((from, to))
}

/// So many bars that each can still be met.
fn unit(period: Period, from: Date, to: Date) -> By {
    let length = to.since(from).map_or(0, |span| span.get_days());
    match period {
        Period::Today => By::Hour,
        Period::Week | Period::Month => By::Day,
        Period::Year => By::Month,
        Period::Free if length < 2 => By::Hour,
        Period::Free if length <= 62 => By::Day,
        Period::Free => By::Month,
    }
}

pub(super) fn midnight(context: &PageContext, date: Date) -> Timestamp {
    let zoned: Result<Zoned, _> = date.to_zoned(context.zone.clone());
    zoned.map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn days_are_taken_in_either_order_and_within_bounds() {
        let today = date(2026, 11, 30);
        let (first, last) = (date(2026, 11, 1), date(2026, 11, 12));
        assert_eq!(days("2026-11-01", "2026-11-12", today), Some((first, last)));
        assert_eq!(days("2026-11-12", "2026-11-01", today), Some((first, last)));
        assert_eq!(days("2026-11-01", "", today), Some((first, today)));
        for bad in [
            "1",
            "yesterday",
            "2026-13-01",
            "0001-01-01",
            "2026-11-01T00:00:00Z",
        ] {
            assert_eq!(days(bad, "", today), None, "{bad}");
        }
        assert_eq!(days("1990-01-01", "", today), None, "more than ten years");
    }

    #[test]
    fn a_period_has_so_many_bars_that_each_can_be_met() {
        let today = date(2026, 11, 30);
        assert_eq!(first_day(Period::Week, today), date(2026, 11, 24));
        assert_eq!(first_day(Period::Year, today), date(2025, 12, 1));
        assert_eq!(unit(Period::Free, today, today), By::Hour);
        assert_eq!(unit(Period::Free, date(2026, 10, 1), today), By::Day);
        assert_eq!(unit(Period::Free, date(2026, 1, 1), today), By::Month);
    }
}
