//! Sums as a table, or as a CSV file.

use super::args::{ByArg, StatsArgs};
use super::exit_code::DONE;
use super::{ExitCode, Session};
use crate::control::cost::grouped;
use crate::control::stats::csv::csv;
use crate::control::stats::{By, Statistics, StatisticsRow};
use crate::control::verbs::Stats;
use crate::status::rfc3339;

/// What a CSV file is told apart by where nothing is said.
const CSV_BY: [By; 6] = [
    By::Day,
    By::Model,
    By::Account,
    By::Client,
    By::Key,
    By::Provider,
];

pub(super) fn stats(session: &mut Session<'_>, args: StatsArgs) -> ExitCode {
    let mut by: Vec<By> = Vec::new();
    for asked in args.by.into_iter().map(dimension) {
        if !by.contains(&asked) {
            by.push(asked);
        }
    }
    if args.csv && by.is_empty() {
        by.extend(CSV_BY);
    }
    let statistics = session.call(Stats {
        by,
        since: Some(args.since),
        until: args.until,
        zone: None,
        model: args.model,
        account: args.account,
        client: args.client,
        key: args.key,
        provider: args.provider,
    })?;
    if args.csv {
        session.out.script(csv(&statistics).as_bytes());
    } else {
        session.out.facts(&statistics, lines(&statistics));
    }
    Ok(DONE)
}

fn dimension(by: ByArg) -> By {
    match by {
        ByArg::Model => By::Model,
        ByArg::Account => By::Account,
        ByArg::Client => By::Client,
        ByArg::Key => By::Key,
        ByArg::Provider => By::Provider,
        ByArg::Month => By::Month,
        ByArg::Day => By::Day,
        ByArg::Quarter => By::Quarter,
        ByArg::Hour => By::Hour,
    }
}

fn lines(statistics: &Statistics) -> Vec<String> {
    let mut lines = vec![format!(
        "{} to {}, days of {}",
        rfc3339(statistics.from),
        rfc3339(statistics.until),
        statistics.zone
    )];
    lines.extend(table(statistics));
    let total = &statistics.total;
    lines.extend(
        total
            .cost
            .missing
            .iter()
            .map(|missing| format!("not in the cost: {missing}")),
    );
    if total.cost.saved_micros > 0 {
        lines.push(format!(
            "caches saved {} at list price",
            dollars(total.cost.saved_micros)
        ));
    }
    if total.cost.micros > 0 {
        lines.push(format!(
            "list prices as of {}, where no provider said what it charged and prices.toml says nothing else",
            statistics.prices_as_of
        ));
    }
    lines.extend(statistics.prices_problem.clone());
    if statistics.not_recorded > 0 {
        lines.push(format!(
            "{} more requests were not recorded",
            grouped(statistics.not_recorded)
        ));
    }
    lines
}

fn table(statistics: &Statistics) -> Vec<String> {
    let keys = statistics.by.iter().map(|by| by.name().to_owned());
    let names = [
        "requests",
        "failed",
        "left",
        "input",
        "cached",
        "output",
        "cost",
        "first byte",
    ];
    let head: Vec<String> = keys.chain(names.map(str::to_owned)).collect();
    let mut cells = vec![head];
    cells.extend(statistics.rows.iter().map(row));
    // A sum over one row says it twice.
    if statistics.rows.len() != 1 || statistics.by.is_empty() {
        if statistics.by.is_empty() {
            cells.truncate(1);
        }
        let mut total = row(&statistics.total);
        if let Some(first) = total.first_mut().filter(|_| !statistics.by.is_empty()) {
            *first = "all".to_owned();
        }
        cells.push(total);
    }
    let keys_count = statistics.by.len();
    let widths: Vec<usize> = (0..cells[0].len())
        .map(|column| {
            let lengths = cells.iter().map(|row| row[column].chars().count());
            lengths.max().unwrap_or_default()
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let gap = " ".repeat(widths[column] - cell.chars().count());
            if column < keys_count {
                format!("{cell}{gap}")
            } else {
                format!("{gap}{cell}")
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    cells.iter().map(line).collect()
}

fn row(row: &StatisticsRow) -> Vec<String> {
    let keys = row
        .keys
        .iter()
        .map(|key| key.clone().unwrap_or_else(|| "none".to_owned()));
    let cached = match row.cache_share_permille() {
        Some(share) => format!("{}.{} %", share / 10, share % 10),
        None => String::new(),
    };
    let first_byte = row
        .first_byte_median_ms
        .map_or(String::new(), |ms| format!("{ms} ms"));
    let values = [
        grouped(row.requests),
        grouped(row.failures()),
        grouped(row.left),
        grouped(row.input_tokens),
        cached,
        grouped(row.output_tokens),
        row.cost.text.clone(),
        first_byte,
    ];
    keys.chain(values).collect()
}

fn dollars(micros: i64) -> String {
    let cents = micros.unsigned_abs().saturating_add(5_000) / 10_000;
    format!("${}.{:02}", grouped(cents / 100), cents % 100)
}
