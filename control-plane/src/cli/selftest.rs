//! The selftest.

use anyhow::anyhow;

use super::exit_code::{DONE, FAILED};
use super::{ExitCode, Session};
use crate::selftest::{self, Failure, Pair, Report};

pub(super) fn run(session: &mut Session<'_>) -> ExitCode {
    let exchange = |requests| session.program.serve_demo(&session.home, requests);
    let report = selftest::run(&exchange).map_err(|fault| anyhow!(fault.message))?;
    let pairs = report.pairs.iter().map(pair_line);
    session
        .out
        .facts(&report, pairs.chain([total_line(&report)]));
    let failures: Vec<String> = report.pairs.iter().flat_map(failure_lines).collect();
    session.out.error(&failures.join("\n"));
    Ok(if report.failed == 0 { DONE } else { FAILED })
}

fn pair_line(pair: &Pair) -> String {
    let passed = pair.cases - pair.failures.len();
    format!(
        "{:18}  through {:16}  {passed} of {} as expected",
        pair.client, pair.upstream, pair.cases
    )
}

fn total_line(report: &Report) -> String {
    match report.failed {
        0 => format!("all {} cases as expected", report.cases),
        failed => format!("{failed} of {} cases not as expected", report.cases),
    }
}

fn failure_lines(pair: &Pair) -> Vec<String> {
    let line = |Failure { case, mismatch }: &Failure| {
        let (place, expected, found) = (&mismatch.at, &mismatch.expected, &mismatch.found);
        format!(
            "{} through {}, `{case}`: {place}: expected {expected}, found {found}",
            pair.client, pair.upstream
        )
    };
    pair.failures.iter().map(line).collect()
}
