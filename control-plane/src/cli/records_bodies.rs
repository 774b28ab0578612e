//! What is recorded of requests beyond their facts.

use super::args::BodiesArgs;
use super::exit_code::DONE;
use super::{ExitCode, Session};
use crate::control::BodiesFacts;
use crate::control::body_text::size;
use crate::control::verbs::RecordsBodies;
use crate::control::verbs::records_bodies::BodiesReport;
use crate::modes::BodyMode;
use crate::status::rfc3339;

pub(super) fn perform(session: &mut Session<'_>, args: BodiesArgs) -> ExitCode {
    let is_deleted = args.delete;
    let report = session.call(RecordsBodies {
        mode: args.mode,
        for_seconds: args.for_seconds,
        next_failures: args.next_failures,
        delete: args.delete,
    })?;
    session.out.facts(&report, lines(&report, is_deleted));
    Ok(DONE)
}

fn lines(report: &BodiesReport, is_deleted: bool) -> Vec<String> {
    let mut lines = vec![format!("bodies: {}", sentence(&report.facts))];
    if !report.is_enabled {
        lines.push(
            "nothing is recorded: `[record] enabled = false` stands in config.toml".to_owned(),
        );
    }
    if is_deleted {
        lines.push("all bodies that were kept are deleted".to_owned());
    } else if report.requests > 0 {
        let bytes = usize::try_from(report.bytes).unwrap_or(usize::MAX);
        lines.push(format!(
            "kept: those of {} in `records.db`, {}, for {} days; `--delete` deletes them",
            requests(report.requests),
            size(bytes),
            report.facts.keep_days
        ));
    }
    lines
}

fn requests(count: u64) -> String {
    match count {
        1 => "1 request".to_owned(),
        count => format!("{count} requests"),
    }
}

/// What is kept, why and until when.
pub(super) fn sentence(bodies: &BodiesFacts) -> String {
    let what = match bodies.mode {
        BodyMode::Off => "not kept",
        BodyMode::Errors => "kept of requests that fail, prompts and answers without secrets",
        BodyMode::All => "kept of all requests, prompts and answers without secrets",
    };
    if !bodies.is_asked_for {
        let why = match bodies.mode {
            BodyMode::Off => "",
            _ => ", as `[record] bodies` says",
        };
        return format!("{what}{why}");
    }
    let then = match bodies.configured {
        BodyMode::Off => "then not",
        BodyMode::Errors => "then of those that fail",
        BodyMode::All => "then of all",
    };
    let end = match (bodies.until, bodies.failures_left) {
        (Some(until), _) => format!("until {}, {then}", rfc3339(until)),
        (None, Some(1)) => format!("for the next failure, {then}"),
        (None, Some(left)) => format!("for the next {left} failures, {then}"),
        (None, None) => "until `aerostat records bodies configured`".to_owned(),
    };
    format!("{what}, as you asked, {end}")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn it_says_what_is_kept_why_and_until_when() {
        let asked = |mode, until, failures_left| BodiesFacts {
            mode,
            is_asked_for: true,
            until,
            failures_left,
            ..BodiesFacts::default()
        };
        let until = SystemTime::UNIX_EPOCH + Duration::from_secs(60);
        assert_eq!(
            sentence(&asked(BodyMode::All, Some(until), None)),
            "kept of all requests, prompts and answers without secrets, as you asked, until 1970-01-01T00:01:00Z, then not"
        );
        assert_eq!(
            sentence(&asked(BodyMode::Errors, None, Some(10))),
            "kept of requests that fail, prompts and answers without secrets, as you asked, for the next 10 failures, then not"
        );
        let configured = BodiesFacts {
            mode: BodyMode::All,
            configured: BodyMode::All,
            ..BodiesFacts::default()
        };
        assert!(sentence(&configured).ends_with("as `[record] bodies` says"));
        assert_eq!(sentence(&BodiesFacts::default()), "not kept");
    }
}
