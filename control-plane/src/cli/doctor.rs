//! `doctor`: what was found, a line each, the worst as the exit code.

use std::path::Path;

use anyhow::Context as _;
use serde_json::json;

use super::exit_code::{DONE, HAS_FAILURES, HAS_WARNINGS};
use super::out::column_width;
use super::{ExitCode, Session};
use crate::control::Wanted;
use crate::control::doctor::{Bundle, Check, Report, State};
use crate::host::private_file;

pub(super) fn doctor(
    session: &mut Session<'_>,
    is_online: bool,
    bundle_file: Option<&Path>,
) -> ExitCode {
    let wanted = Wanted {
        is_online,
        has_bundle: bundle_file.is_some(),
    };
    let (report, bundle) = session.program.examine(&session.home, wanted)?;
    if let (Some(file), Some(bundle)) = (bundle_file, &bundle) {
        private_file::write_new(file, bundle.text.as_bytes())
            .with_context(|| format!("`{}` cannot be written", file.display()))?;
    }
    let facts = json!({
        "worst": report.worst,
        "version": report.version,
        "checks": report.checks,
        "bundle": bundle_file,
    });
    session.out.facts(&facts, lines(&report));
    if let (Some(file), Some(bundle)) = (bundle_file, &bundle) {
        session.out.note(&bundle_note(file, bundle));
    }
    Ok(match report.worst {
        State::Ok => DONE,
        State::Warning => HAS_WARNINGS,
        State::Failed => HAS_FAILURES,
    })
}

fn lines(report: &Report) -> Vec<String> {
    let width = column_width(report.checks.iter().map(|check| check.area.name()));
    let mut lines: Vec<String> = report
        .checks
        .iter()
        .flat_map(|check| check_lines(check, width))
        .collect();
    lines.push(String::new());
    lines.push(summary(report));
    lines
}

fn check_lines(check: &Check, width: usize) -> Vec<String> {
    let line = format!(
        "{:7}  {:width$}  {}",
        check.state.name(),
        check.area.name(),
        check.what
    );
    let next = check.next_step.as_ref();
    let next = next.map(|next| format!("{:7}  {:width$}  -> {next}", "", ""));
    std::iter::once(line).chain(next).collect()
}

fn summary(report: &Report) -> String {
    let (failed, warnings) = (report.count(State::Failed), report.count(State::Warning));
    let ok = report.count(State::Ok);
    if failed + warnings == 0 {
        return format!("all {ok} are ok");
    }
    format!("{failed} failed, {warnings} with a warning, {ok} ok")
}

fn bundle_note(file: &Path, bundle: &Bundle) -> String {
    format!(
        "`{}` holds {}; {} secrets were taken out; read it before you pass it on",
        file.display(),
        bundle.contents.join(", "),
        bundle.redactions
    )
}
