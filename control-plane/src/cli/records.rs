//! What is kept of requests.

use super::agent::{bodies_line, records_line};
use super::args::RecordsCommand;
use super::exit_code::{DONE, WRONG_USAGE};
use super::{ExitCode, Session, records_bodies};
use crate::control::cost::grouped;
use crate::control::record_keeping::RecordsFacts;
use crate::control::verbs::{GetRecords, RecordsDelete};

pub(super) fn perform(session: &mut Session<'_>, command: Option<RecordsCommand>) -> ExitCode {
    let (all, before, account, yes) = match command {
        Some(RecordsCommand::Delete {
            all,
            before,
            account,
            yes,
        }) => (all, before, account, yes),
        Some(RecordsCommand::Bodies(args)) => return records_bodies::perform(session, args),
        None => {
            let facts = session.call(GetRecords {})?;
            session.out.facts(&facts, lines(&facts));
            return Ok(DONE);
        }
    };
    if !yes {
        session
            .out
            .error("nothing was deleted: say the same with `--yes`");
        return Ok(WRONG_USAGE);
    }
    let done = session.call(RecordsDelete {
        all,
        before,
        account,
    })?;
    let mut text = vec![format!("{} records are deleted", grouped(done.deleted))];
    text.extend(lines(&done.records));
    session.out.facts(&done, text);
    Ok(DONE)
}

fn lines(facts: &RecordsFacts) -> Vec<String> {
    let mut lines = vec![records_line(&facts.status)];
    lines.push(format!(
        "{} done, {} left early, {} failed, {} refused",
        grouped(facts.done),
        grouped(facts.left),
        grouped(facts.failed),
        grouped(facts.refused)
    ));
    lines.push(format!(
        "kept for {} days, what failed for {}; statistics for good",
        facts.keep_days, facts.keep_failed_days
    ));
    lines.extend(bodies_line(&facts.status.bodies));
    if let Some(problem) = &facts.status.problem {
        lines.push(problem.to_string());
    }
    lines
}
