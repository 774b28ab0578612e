//! The configuration file.

use serde_json::{Value, json};

use super::exit_code::{DONE, FAILED, WRONG_USAGE};
use super::{ExitCode, Program, Session};
use crate::control::verbs::GetStatus;
use crate::control::{self, ConfigError, ControlError, ErrorKind, Problem, Setting};
use crate::modes::AuthMode;

pub(super) fn path(session: &mut Session<'_, impl Program>) -> ExitCode {
    let path = session.home.config_file();
    let shown = path.display().to_string();
    let facts = json!({ "path": shown, "exists": path.exists() });
    session.out.facts(&facts, [shown]);
    Ok(DONE)
}

pub(super) fn check(session: &mut Session<'_, impl Program>) -> ExitCode {
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

pub(super) fn get(session: &mut Session<'_, impl Program>, key: Option<&str>) -> ExitCode {
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

pub(super) fn set(session: &mut Session<'_, impl Program>, changes: &[String]) -> ExitCode {
    if !changes.len().is_multiple_of(2) {
        session.out.error("expected pairs of KEY and VALUE");
        return Ok(WRONG_USAGE);
    }
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for pair in changes.chunks_exact(2) {
        pairs.push((&pair[0], &pair[1]));
    }
    let in_force = if control::is_blank(&session.home)? {
        auth_in_force(session)?
    } else {
        None
    };
    if control::set_settings(&session.home, &pairs, in_force)? {
        pairs.insert(0, ("auth_mode", ""));
        session.out.note(
            "config.toml was gone or empty; the authentication that is in force was written with the change",
        );
    }
    let mut settings = Vec::new();
    for (key, _) in pairs {
        settings.push(control::setting(&session.home, key)?);
    }
    session
        .out
        .facts(&settings, settings.iter().map(setting_line));
    Ok(DONE)
}

/// The authentication of the running agent. `None` where none runs.
fn auth_in_force(
    session: &mut Session<'_, impl Program>,
) -> Result<Option<AuthMode>, ControlError> {
    match session.call(GetStatus {}) {
        Ok(status) => Ok(status.auth_mode()),
        Err(error) if error.kind == ErrorKind::NotRunning => Ok(None),
        Err(error) => Err(error),
    }
}

/// A value without the quotes of JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
