//! The commands about the agent itself: run, status, start, stop, quit.

use std::time::SystemTime;

use serde_json::json;

use super::args::Args;
use super::exit_code::{DONE, NOT_RUNNING};
use super::{ExitCode, RunOptions, Session, records_bodies, system};
use crate::control::status::{AccountCounts, Status};
use crate::control::verbs::status::status_without_agent;
use crate::control::verbs::{GetStatus, Quit};
use crate::control::{BodiesFacts, ControlError, ErrorKind, RecordsStatus, Started, Verb};
use crate::modes::BodyMode;
use crate::status::{AgentStatus, LocalTime, PortStatus, rfc3339};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the agent; a second start opens the dashboard of the first. A person at a desktop sees no
/// terminal: a start that fails is announced there too.
pub(super) fn run(session: &mut Session<'_>, args: &Args) -> ExitCode {
    let ended = run_or_open(session, args);
    if let Err(error) = &ended
        && !args.headless
    {
        session
            .program
            .announce("Aerostat does not run", &format!("{error:#}"));
    }
    ended
}

fn run_or_open(session: &mut Session<'_>, args: &Args) -> ExitCode {
    let options = RunOptions {
        is_headless: args.headless,
        opens_dashboard: args.open,
    };
    if args.take_over {
        end_other_version(session)?;
    }
    let Session { home, program, out } = session;
    let mut running_version = None;
    program.run(home, options, &mut |started| {
        out.facts(&started.status, start_lines(started));
        out.flush();
        if !started.is_new {
            running_version = Some(started.status.version.clone().unwrap_or_default());
        }
    })?;
    let Some(version) = running_version else {
        return Ok(DONE);
    };
    if version != VERSION {
        offer_to_take_over(session, &version);
    }
    let leaves_alone = args.at_login || args.headless;
    if leaves_alone {
        Ok(DONE)
    } else {
        system::open(session, false)
    }
}

fn offer_to_take_over(session: &mut Session<'_>, running: &str) {
    session.out.error(&format!(
        "this is version {VERSION}; `aerostat --take-over` puts it in the other's place"
    ));
    let how = "choose Quit in its menu and start Aerostat again, or run `aerostat --take-over`";
    session.program.announce(
        &format!("Aerostat {running} still runs"),
        &format!("To have version {VERSION} instead, {how}."),
    );
}

/// Ends a running agent, unless it is of this version.
fn end_other_version(session: &mut Session<'_>) -> anyhow::Result<()> {
    let status = current_status(session)?;
    if status.version.is_some_and(|version| version != VERSION) {
        session.call(Quit {})?;
    }
    Ok(())
}

/// The agent's status, or that of the home where none runs.
fn current_status(session: &mut Session<'_>) -> Result<Status, ControlError> {
    match session.call(GetStatus {}) {
        Err(error) if error.kind == ErrorKind::NotRunning => status_without_agent(&session.home),
        status => status,
    }
}

fn start_lines(started: &Started) -> Vec<String> {
    let Started { status, is_new } = started;
    let version = status.version.as_deref().unwrap_or_default();
    let agent = &status.agent;
    if !is_new {
        let pid = status.pid.unwrap_or_default();
        return vec![format!(
            "Aerostat {version} runs already, in process {pid}; {agent}"
        )];
    }
    match agent.port() {
        Some(PortStatus::Running { .. }) => welcome(&status.base_url).into(),
        _ => vec![format!("Aerostat {version} runs; {agent}")],
    }
}

/// Where it serves, with a line that works at once.
fn welcome(base_url: &str) -> [String; 4] {
    let body = r#"{"model":"demo","messages":[{"role":"user","content":"hello"}]}"#;
    [
        format!("Aerostat {VERSION} serves {base_url}"),
        String::new(),
        "Try it:".to_owned(),
        format!(
            "  curl {base_url}/v1/chat/completions -H 'content-type: application/json' -d '{body}'"
        ),
    ]
}

pub(super) fn status(session: &mut Session<'_>) -> ExitCode {
    let status = current_status(session)?;
    session.out.facts(&status, status_lines(&status));
    Ok(match status.agent {
        AgentStatus::NotRunning { .. } => NOT_RUNNING,
        AgentStatus::Running { .. } => DONE,
    })
}

fn status_lines(status: &Status) -> Vec<String> {
    let headline = status.headline(&LocalTime::of_system(SystemTime::now()));
    let mut lines = vec![headline];
    lines.extend(status.attention.iter().map(|needed| format!("! {needed}")));
    if let Some(port) = status.agent.port() {
        lines.push(format!("port: {port}"));
    }
    if let Some(version) = &status.version {
        lines.push(format!("version: {version}"));
    }
    if let Some(pid) = status.pid {
        lines.push(format!("process: {pid}"));
    }
    if let Some(AccountCounts {
        total,
        ready,
        attention,
        ..
    }) = status.accounts
    {
        lines.push(format!(
            "accounts: {total}, {ready} ready, {attention} need attention"
        ));
    }
    if status.agent.is_exposed() {
        lines.push("local network: other machines may call, with a key".to_owned());
    }
    if let Some(why) = &status.lan_refused {
        lines.push(format!("local network: {why}"));
    }
    if !status.metrics.is_off() {
        lines.push(format!("metrics: {}", status.metrics));
    }
    if let Some(error) = &status.config_error {
        lines.push(format!(
            "configuration: the last good one is active; {error}"
        ));
    }
    lines.extend(status.records.as_ref().map(records_line));
    let bodies = status.records.as_ref().map(|records| &records.bodies);
    lines.extend(bodies.and_then(bodies_line));
    if status.notes_dropped > 0 {
        lines.push(format!(
            "state: {} changes of cooldowns and budgets were not stored, because the disk was too slow; a restart forgets them",
            status.notes_dropped
        ));
    }
    if status.bodies_refused > 0 {
        let bodies = match status.bodies_refused {
            1 => "1 body".to_owned(),
            count => format!("{count} bodies"),
        };
        lines.push(format!(
            "memory: {bodies} found no room beside all others since the start; `limits.bodies_bytes_max` sets how much there is"
        ));
    }
    lines
}

pub(super) fn records_line(records: &RecordsStatus) -> String {
    if !records.is_enabled {
        return "records: off".to_owned();
    }
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let mut line = format!(
        "records: {} of {} MiB",
        mib(records.bytes),
        mib(records.bytes_max)
    );
    if let Some(oldest) = records.oldest {
        line.push_str(&format!(", the oldest of {}", rfc3339(oldest)));
    }
    if records.not_recorded > 0 {
        line.push_str(&format!(", {} not recorded", records.not_recorded));
    }
    line
}

/// That prompts and answers are kept, why and until when; also that they are not although the
/// configuration says so.
pub(super) fn bodies_line(bodies: &BodiesFacts) -> Option<String> {
    let is_off = bodies.mode == BodyMode::Off;
    let is_news = !is_off || bodies.configured != BodyMode::Off;
    is_news.then(|| format!("bodies: {}", records_bodies::sentence(bodies)))
}

/// Has a verb done that changes how the agent stands, and says how it stands then.
pub(super) fn change(session: &mut Session<'_>, verb: impl Verb<Response = Status>) -> ExitCode {
    let status = session.call(verb)?;
    session.out.facts(&status, [status.agent.to_string()]);
    Ok(DONE)
}

pub(super) fn quit(session: &mut Session<'_>) -> ExitCode {
    let status = session.call(Quit {})?;
    let facts = json!({ "state": "ended", "pid": status.pid });
    session
        .out
        .facts(&facts, ["the agent has ended".to_owned()]);
    Ok(DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_stored_is_said_when_there_is_any() {
        let last_line = |notes_dropped| {
            let status = Status {
                notes_dropped,
                ..Status::default()
            };
            status_lines(&status).pop().unwrap()
        };
        assert!(
            last_line(3).starts_with("state: 3 changes"),
            "{}",
            last_line(3)
        );
        assert!(!last_line(0).starts_with("state:"), "{}", last_line(0));
        let json = serde_json::to_value(Status::default()).unwrap();
        assert!(json.get("notes_dropped").is_none(), "{json}");
    }
}
