//! Requests, a line each; a second one says why one failed.

use std::time::SystemTime;

use super::args::LogArgs;
use super::exit_code::DONE;
use super::{ExitCode, Session};
use crate::control::cost::grouped;
use crate::control::failures::FailureCause;
use crate::control::request_log::{Excluding, LogPage, LogRow};
use crate::control::verbs::{Failures, Log};
use crate::status::LocalTime;

pub(super) fn log(session: &mut Session<'_>, args: &LogArgs) -> ExitCode {
    if args.causes {
        return causes(session, args);
    }
    let mut page = session.call(asked(args, None))?;
    if !args.follow {
        session.out.facts(&page, lines(&page));
        return Ok(DONE);
    }
    // As they come, the latest stands last.
    page.rows.reverse();
    loop {
        for row in &page.rows {
            session.out.fact_line(row, row_lines(row));
        }
        session.out.flush();
        if !session.out.is_open() {
            return Ok(DONE);
        }
        let last = page.rows.last().map(|row| row.seq);
        let after = last.unwrap_or(page.last_seq).max(page.last_seq);
        page = session.call(asked(args, Some(after)))?;
    }
}

fn causes(session: &mut Session<'_>, args: &LogArgs) -> ExitCode {
    let failures = session.call(Failures {
        since: args.since.clone(),
        until: args.until.clone(),
    })?;
    let mut lines: Vec<String> = failures.causes.iter().map(cause_line).collect();
    if failures.is_cut {
        lines.push("older ones are not counted: there are too many".to_owned());
    }
    if lines.is_empty() {
        lines.push("nothing failed".to_owned());
    }
    session.out.facts(&failures, lines);
    Ok(DONE)
}

fn cause_line(cause: &FailureCause) -> String {
    let now = LocalTime::of_system(SystemTime::now());
    format!(
        "{:>6}  last {}  {}; {}",
        grouped(cause.requests),
        now.exactly(cause.last_at),
        cause.what,
        cause.advice
    )
}

fn asked(args: &LogArgs, after: Option<i64>) -> Log {
    Log {
        failed: args.failed,
        ending: args.ending.clone(),
        cause: args.cause.clone(),
        blame: args.blame.clone(),
        asked: args.asked.clone(),
        account: args.account.clone(),
        provider: args.provider.clone(),
        model: args.model.clone(),
        key: args.key.clone(),
        client: args.client.clone(),
        session: args.session.clone(),
        since: args.since.clone(),
        until: args.until.clone(),
        before: args.before,
        after,
        wait: after.is_some(),
        rows_max: Some(usize::from(args.lines)),
    }
}

fn lines(page: &LogPage) -> Vec<String> {
    if page.rows.is_empty() {
        let mut lines = vec!["no request is recorded that this asks for".to_owned()];
        lines.extend(page.excluding.as_ref().map(without));
        return lines;
    }
    page.rows.iter().flat_map(row_lines).collect()
}

/// How many there are without one part of what was asked for.
fn without(excluding: &Excluding) -> String {
    let (part, requests) = (excluding.part.name(), grouped(excluding.requests));
    let count = match excluding.requests {
        1 => "there is 1".to_owned(),
        1_000.. => format!("there are {requests} or more"),
        _ => format!("there are {requests}"),
    };
    format!("without --{part} {count}")
}

fn row_lines(row: &LogRow) -> Vec<String> {
    let now = LocalTime::of_system(SystemTime::now());
    let mut parts = vec![now.exactly(row.received_at), row.ending.clone(), model(row)];
    parts.extend(row.account.clone());
    parts.extend(row.client.clone());
    parts.push(took(row.took_ms));
    parts.extend(tokens(row));
    let has_cost = row.cost.micros > 0 || row.cost.has_gap;
    if has_cost {
        parts.push(row.cost.text.clone());
    }
    parts.push(row.id.clone());
    let mut lines = vec![parts.join("  ")];
    lines.extend(row.why.iter().map(|why| format!("    {why}")));
    lines
}

/// The model as it was asked for, and what it became.
fn model(row: &LogRow) -> String {
    let served = match (&row.provider, &row.model) {
        (Some(provider), Some(model)) => format!("{provider}/{model}"),
        _ => String::new(),
    };
    let asked = if row.asked.is_empty() {
        row.operation.as_deref().unwrap_or("unknown path")
    } else {
        &row.asked
    };
    if served.is_empty() || served == asked {
        asked.to_owned()
    } else if row.model.as_deref() == Some(asked) {
        served
    } else {
        format!("{asked} → {served}")
    }
}

fn took(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        _ => format!("{} min {} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

fn tokens(row: &LogRow) -> Option<String> {
    let input = row.input_tokens.map(grouped);
    let output = row.output_tokens.map(grouped);
    let cached = row
        .cache_read_tokens
        .filter(|cached| *cached > 0)
        .map(|cached| format!(" ({} from cache)", grouped(cached)));
    if input.is_none() && output.is_none() {
        return None;
    }
    let so_far = if row.usage_is_final { "" } else { " so far" };
    Some(format!(
        "{} in{}, {} out{so_far}",
        input.unwrap_or_else(|| "unknown".to_owned()),
        cached.unwrap_or_default(),
        output.unwrap_or_else(|| "unknown".to_owned()),
    ))
}
