//! The configuration file.

use serde_json::{Value, json};

use super::exit_code::{DONE, FAILED, WRONG_USAGE};
use super::{ExitCode, Session};
use crate::control::verbs::GetStatus;
use crate::control::{
    self, ConfigChange, ConfigError, Edit, ErrorKind, Problem, Setting, Step, TakesEffect,
};
use crate::modes::AuthMode;

pub(super) fn path(session: &mut Session<'_>) -> ExitCode {
    let path = session.home.config_file();
    let shown = path.display().to_string();
    let facts = json!({ "path": shown, "exists": path.exists() });
    session.out.facts(&facts, [shown]);
    Ok(DONE)
}

pub(super) fn check(session: &mut Session<'_>) -> ExitCode {
    let (problems, refusals) = match control::load(&session.home) {
        Ok(config) => (Vec::new(), config.refusals()),
        Err(ConfigError::Invalid(problems)) => (problems.0, Vec::new()),
        Err(other) => return Err(other.into()),
    };
    let is_fine = problems.is_empty() && refusals.is_empty();
    let facts = json!({
        "valid": problems.is_empty(),
        "problems": problems.iter().map(problem_facts).collect::<Value>(),
        "refusals": refusals.iter().map(problem_facts).collect::<Value>(),
    });
    let line = is_fine.then(|| "the configuration is valid".to_owned());
    session.out.facts(&facts, line);
    for problem in problems.iter().chain(&refusals) {
        session.out.error(&problem.to_string());
    }
    Ok(if is_fine { DONE } else { FAILED })
}

fn problem_facts(problem: &Problem) -> Value {
    json!({
        "line": problem.place.map(|place| place.line),
        "column": problem.place.map(|place| place.column),
        "key": problem.path,
        "message": problem.message,
    })
}

pub(super) fn get(session: &mut Session<'_>, key: Option<&str>) -> ExitCode {
    match key {
        Some(key) => {
            let setting = control::setting(&session.home, key)?;
            session.out.facts(&setting, [plain(&setting.value)]);
        }
        None => {
            let settings = control::settings(&session.home)?;
            session
                .out
                .facts(&settings, settings.iter().map(setting_line));
        }
    }
    Ok(DONE)
}

fn setting_line(setting: &Setting) -> String {
    if setting.value.is_null() {
        return format!("# {} is not set", setting.key);
    }
    let note = if setting.is_set { "" } else { "  # default" };
    format!("{} = {}{note}", setting.key, setting.value)
}

pub(super) fn set(session: &mut Session<'_>, changes: &[String], is_dry_run: bool) -> ExitCode {
    if !changes.len().is_multiple_of(2) {
        session.out.error("expected pairs of KEY and VALUE");
        return Ok(WRONG_USAGE);
    }
    let pairs = changes.chunks_exact(2);
    let edits: Vec<Edit> = pairs.map(|pair| Edit::set(&pair[0], &pair[1])).collect();
    change(session, &edits, is_dry_run)
}

pub(super) fn unset(session: &mut Session<'_>, keys: &[String], is_dry_run: bool) -> ExitCode {
    let edits: Vec<Edit> = keys.iter().map(Edit::unset).collect();
    change(session, &edits, is_dry_run)
}

fn change(session: &mut Session<'_>, edits: &[Edit], is_dry_run: bool) -> ExitCode {
    let in_force = auth_in_force(session, edits)?;
    let step = if is_dry_run { Step::Show } else { Step::Write };
    let change = control::change_config(&session.home, edits, in_force, step)?;
    if change.keeps_auth {
        session.out.note(
            "config.toml was gone or empty; the authentication that is in force was written with the change",
        );
    }
    if is_dry_run {
        session.out.facts(&change, difference(&change));
        return Ok(DONE);
    }
    let mut settings = Vec::new();
    let kept = change.keeps_auth.then(|| "auth_mode".to_owned());
    for key in kept.into_iter().chain(edits.iter().map(Edit::key)) {
        settings.push(control::setting(&session.home, &key)?);
    }
    session
        .out
        .facts(&settings, settings.iter().map(setting_line));
    Ok(DONE)
}

/// What would change, and what that means.
fn difference(change: &ConfigChange) -> Vec<String> {
    let lines = change.hunks.iter().flatten();
    let mut lines: Vec<String> = lines
        .map(|line| format!("{:>4} {} {}", line.line, line.sign.sign(), line.text))
        .collect();
    if lines.is_empty() {
        lines.push("config.toml says so already".to_owned());
    }
    lines.extend(change.meaning.iter().map(ToString::to_string));
    lines.extend(
        change
            .settings
            .iter()
            .map(|setting| format!("{}: {}", setting.key, takes_effect(setting.takes_effect))),
    );
    lines
}

fn takes_effect(when: TakesEffect) -> &'static str {
    match when {
        TakesEffect::AtOnce => "in force at once",
        TakesEffect::NextRequest => "in force from the next request on",
        TakesEffect::NewConnections => "in force for new connections",
        TakesEffect::PortMoves => "in force at once; requests in flight end at the old port",
        TakesEffect::NextStop => "in force when the port is next closed",
    }
}

/// The authentication of the running agent, where the change could lose it. `None` where none runs.
fn auth_in_force(session: &mut Session<'_>, edits: &[Edit]) -> anyhow::Result<Option<AuthMode>> {
    let removes = edits.iter().any(|edit| matches!(edit, Edit::Unset { .. }));
    if !removes && !control::is_blank(&session.home)? {
        return Ok(None);
    }
    match session.call(GetStatus {}) {
        Ok(status) => Ok(status.auth_mode()),
        Err(error) if error.kind == ErrorKind::NotRunning => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// A value without the quotes of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
