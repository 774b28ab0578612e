//! The sums as a table: a row for each time or name, sorted by any column.

use std::cmp::Reverse;

use maud::{Markup, html};

use super::asked::Asked;
use super::times::names;
use crate::control::cost::CostFacts;
use crate::control::stats::{By, Statistics, StatisticsRow};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::NO_NAME;
use crate::dashboard::texts::Texts;
use crate::ordering;
use crate::status::Timestamp;

/// How many names have a row of their own; the others are one.
const NAMES_MAX: usize = 20;

/// A column: its name in the address, its heading, and what it holds.
struct Column {
    name: &'static str,
    heading: fn(Texts) -> &'static str,
    value: fn(&StatisticsRow) -> u64,
}

const COLUMNS: [Column; 8] = [
    Column {
        name: "requests",
        heading: |text| text.requests(),
        value: |row| row.requests,
    },
    Column {
        name: "failed",
        heading: |text| text.failed_column(),
        value: StatisticsRow::failures,
    },
    Column {
        name: "new",
        heading: |text| text.new_input(),
        value: |row| row.input_new_tokens,
    },
    Column {
        name: "read",
        heading: |text| text.cache_read(),
        value: |row| row.cache_read_tokens,
    },
    Column {
        name: "write",
        heading: |text| text.cache_write(),
        value: |row| row.cache_write_5m_tokens + row.cache_write_1h_tokens,
    },
    Column {
        name: "output",
        heading: |text| text.output(),
        value: |row| row.output_tokens,
    },
    Column {
        name: "reasoning",
        heading: |text| text.of_it_reasoning(),
        value: |row| row.reasoning_tokens,
    },
    Column {
        name: "total",
        heading: |text| text.tokens(),
        value: |row| row.total_tokens,
    },
];
const KEY: &str = "key";
const COST: &str = "cost";

pub(super) struct Table<'t> {
    pub(super) asked: &'t Asked,
    pub(super) statistics: &'t Statistics,
    /// Before it nothing has a record.
    pub(super) oldest: Option<Timestamp>,
}

impl Table<'_> {
    pub(super) fn draw(&self, context: &PageContext) -> Markup {
        let (rows, others) = self.rows();
        html! {
            div.table { table.dense.blocks.numbers {
                thead { tr {
                    (self.heading(context, KEY, self.key_heading(context.text)))
                    @for column in &COLUMNS { (self.heading(context, column.name, (column.heading)(context.text))) }
                    (self.heading(context, COST, context.text.cost()))
                } }
                tbody {
                    @for row in rows { (self.row(context, row)) }
                    @if let Some((count, row)) = others { (self.others(context, count, &row)) }
                }
                tfoot { tr {
                    th scope="row" { (context.text.sum()) }
                    (self.cells(context, &self.statistics.total, None))
                } }
            } }
        }
    }

    fn key_heading(&self, text: Texts) -> &'static str {
        self.asked.by.map_or(text.time(), |by| by_name(text, by))
    }

    /// The rows in the order that is asked for, and the sum of the names that have none.
    fn rows(&self) -> (Vec<&StatisticsRow>, Option<(usize, StatisticsRow)>) {
        let mut rows: Vec<&StatisticsRow> = self.statistics.rows.iter().collect();
        let mut others = None;
        if self.asked.by.is_some() && rows.len() > NAMES_MAX {
            // The largest come first, as they were asked for.
            let tail = rows.split_off(NAMES_MAX - 1);
            others = Some((tail.len(), StatisticsRow::sum(tail.iter().copied())));
        }
        match &self.asked.sort {
            Some((column, falls)) => sort(&mut rows, column, *falls),
            // The latest time first.
            None if self.asked.by.is_none() => rows.reverse(),
            None => {}
        }
        (rows, others)
    }

    fn heading(&self, context: &PageContext, column: &'static str, heading: &str) -> Markup {
        let sorted = self
            .asked
            .sort
            .as_ref()
            .filter(|(sorted, _)| sorted == column);
        let (aria, next) = match sorted {
            Some((_, true)) => (Some("descending"), column.to_owned()),
            Some((_, false)) => (Some("ascending"), format!("-{column}")),
            None if column == KEY => (None, column.to_owned()),
            None => (None, format!("-{column}")),
        };
        let arrow = match aria {
            Some("descending") => " ↓",
            Some(_) => " ↑",
            None => "",
        };
        let link = self.asked.link(context, "statistics", &[("sort", &next)]);
        html! { th scope="col" aria-sort=[aria] { a href=(link) { (heading) } (arrow) } }
    }

    fn row(&self, context: &PageContext, row: &StatisticsRow) -> Markup {
        let link = self.link(context, row, &[]);
        let name = self.name(context, row);
        let failed = self.link(context, row, &[("failed", "1")]);
        html! { tr {
            th scope="row" {
                @match &link { Some(link) => a href=(link) { (name) }, None => (name) }
            }
            (self.cells(context, row, failed.as_deref()))
        } }
    }

    fn others(&self, context: &PageContext, count: usize, row: &StatisticsRow) -> Markup {
        html! { tr {
            th scope="row" { (context.text.other_names()) " (" (count) ")" }
            (self.cells(context, row, None))
        } }
    }

    fn cells(&self, context: &PageContext, row: &StatisticsRow, failed: Option<&str>) -> Markup {
        html! {
            @for column in &COLUMNS {
                @let value = (column.value)(row);
                td data-label=((column.heading)(context.text)) {
                    @match failed {
                        Some(link) if column.name == "failed" && value > 0 => a href=(link) { (context.count(value)) },
                        _ => (context.count(value)),
                    }
                    @if column.name == "total" && row.uncounted + row.partial > 0 {
                        span.unknown title=(context.text.part_unknown()) { " +?" }
                    }
                }
            }
            td data-label=(context.text.cost()) { (brief_cost(context, &row.cost)) }
        }
    }

    fn name(&self, context: &PageContext, row: &StatisticsRow) -> String {
        let times = row.from.zip(row.until);
        match (self.asked.by, times) {
            (None, Some(times)) => names(context, self.asked.unit, times).1,
            _ => key(row).map_or_else(|| context.text.without_name().to_owned(), str::to_owned),
        }
    }

    /// The requests of a row. `None` where none has a record any more.
    fn link(
        &self,
        context: &PageContext,
        row: &StatisticsRow,
        more: &[(&'static str, &str)],
    ) -> Option<String> {
        let period = self.asked.bounds(context);
        let times = row.from.zip(row.until).unwrap_or(period);
        self.oldest.filter(|oldest| *oldest < times.1)?;
        let mut pairs = more.to_vec();
        if let Some(by) = self.asked.by {
            pairs.push((by.name(), key(row).unwrap_or(NO_NAME)));
        }
        Some(self.asked.requests(context, times, &pairs))
    }
}

fn key(row: &StatisticsRow) -> Option<&str> {
    row.keys.first()?.as_deref()
}

/// How many models without a price are named beside a figure, and in a row of many.
const MODELS_MAX: usize = 5;
const MODELS_MAX_IN_ROW: usize = 1;

/// What it cost, and beside it what is missing.
pub(super) fn cost(context: &PageContext, cost: &CostFacts) -> Markup {
    html! { span title=[missing(context, cost)] { (context.cost_text(cost)) } }
}

fn brief_cost(context: &PageContext, cost: &CostFacts) -> Markup {
    html! { span title=[missing_of(context, cost, MODELS_MAX_IN_ROW)] { (context.cost_text(cost)) } }
}

/// What is not in a cost, as a sentence.
pub(super) fn missing(context: &PageContext, cost: &CostFacts) -> Option<String> {
    missing_of(context, cost, MODELS_MAX)
}

fn missing_of(context: &PageContext, cost: &CostFacts, models_max: usize) -> Option<String> {
    let (text, language) = (context.text, context.language());
    let mut parts = Vec::new();
    if cost.unpriced_tokens > 0 {
        let models = cost
            .unpriced_models
            .iter()
            .take(models_max)
            .cloned()
            .collect::<Vec<_>>();
        let more = if cost.unpriced_models.len() > models_max {
            ", …"
        } else {
            ""
        };
        let models = format!("{}{more}", models.join(", "));
        parts.push(text.have_no_price(language.compact(cost.unpriced_tokens), models));
    }
    if cost.uncounted_requests > 0 {
        parts.push(text.told_not_all_tokens(language.number(cost.uncounted_requests)));
    }
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn sort(rows: &mut [&StatisticsRow], column: &str, falls: bool) {
    match COLUMNS.iter().find(|known| known.name == column) {
        Some(known) => ordering::sort_by_key(rows, |row| (known.value)(row)),
        None if column == COST => {
            ordering::sort_by_key(rows, |row| (row.cost.micros, Reverse(row.cost.is_unknown)))
        }
        None => ordering::sort_by_key(rows, |row| (row.from, key(row).map(str::to_lowercase))),
    }
    if falls {
        rows.reverse();
    }
}

pub(super) fn by_name(text: Texts, by: By) -> &'static str {
    match by {
        By::Model => text.model(),
        By::Account => text.account(),
        By::Client => text.client_program(),
        By::Key => text.client_key(),
        By::Provider => text.provider(),
        By::Month | By::Day | By::Hour | By::Quarter => text.time(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_a_column_either_way() {
        let row = |name: &str, requests| StatisticsRow {
            keys: vec![Some(name.to_owned())],
            requests,
            ..StatisticsRow::default()
        };
        let rows = [row("b", 1), row("A", 3), row("c", 2)];
        let sorted = |column: &str, falls| {
            let mut rows: Vec<&StatisticsRow> = rows.iter().collect();
            sort(&mut rows, column, falls);
            rows.iter()
                .map(|row| key(row).unwrap_or_default())
                .collect::<String>()
        };
        assert_eq!(sorted("requests", true), "Acb");
        assert_eq!(sorted("requests", false), "bcA");
        assert_eq!(sorted("key", false), "Abc");
        assert_eq!(sorted("nonsense", true), "cbA");
    }
}
