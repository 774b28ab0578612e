//! The configuration file.

use serde_json::{Value, json};

use super::exit_code::{DONE, FAILED, WRONG_USAGE};
use super::{ExitCode, Program, Session};
use crate::control::{self, ConfigError, Problem, Setting};

pub(super) fn path(session: &mut Session<'_, impl Program>) -> ExitCode {
    let path = session.home.config_file();
    let shown = path.display().to_string();
    session.out.facts(
        &json!({ "path": shown, "exists": path.exists() }),
        [shown.clone()],
    );
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
    session.out.facts(
        &facts,
        is_fine.then(|| "the configuration is valid".to_owned()),
    );
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
    let pairs: Vec<(&str, &str)> = changes
        .chunks_exact(2)
        .map(|pair| (pair[0].as_str(), pair[1].as_str()))
        .collect();
    control::set_settings(&session.home, &pairs)?;
    let settings = pairs
        .iter()
        .map(|(key, _)| control::setting(&session.home, key))
        .collect::<Result<Vec<_>, _>>()?;
    session
        .out
        .facts(&settings, settings.iter().map(setting_line));
    Ok(DONE)
}

/// A value without the quotes of JSON.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
