//! The providers, and what model names become.

use super::exit_code::{DONE, FAILED};
use super::{ExitCode, Program, Session};
use crate::control::provider::{ModelList, ProviderFacts};
use crate::control::verbs::model_try::Trial;
use crate::control::verbs::{ModelTry, ProviderList, ProviderModels};

pub(super) fn try_model(session: &mut Session<'_, impl Program>, name: String) -> ExitCode {
    let trial = session.call(ModelTry { name })?;
    if trial.candidates.is_empty() {
        session.out.facts(&trial, []);
        session.out.error(&trial.detail);
        return Ok(FAILED);
    }
    session.out.facts(&trial, trial_lines(&trial));
    Ok(DONE)
}

fn trial_lines(trial: &Trial) -> Vec<String> {
    let numbered = trial.candidates.iter().enumerate();
    let candidates = numbered
        .map(|(index, to)| format!("{}. {}/{}  {}", index + 1, to.provider, to.model, to.status));
    let skipped = trial.skipped.iter().map(|reason| format!("-  {reason}"));
    std::iter::once(trial.detail.clone())
        .chain(candidates)
        .chain(skipped)
        .collect()
}

pub(super) fn list(session: &mut Session<'_, impl Program>) -> ExitCode {
    let facts = session.call(ProviderList {})?;
    let width = facts
        .iter()
        .map(|facts| facts.name.len())
        .max()
        .unwrap_or_default();
    let line = |facts: &ProviderFacts| {
        format!(
            "{:width$}  {}  {}",
            facts.name,
            facts.protocol.join(","),
            facts.status
        )
    };
    session.out.facts(&facts, facts.iter().map(line));
    Ok(DONE)
}

pub(super) fn models(session: &mut Session<'_, impl Program>, name: Option<String>) -> ExitCode {
    let lists = session.call(ProviderModels { name })?;
    session
        .out
        .facts(&lists, lists.iter().flat_map(model_lines));
    let failures: Vec<String> = lists.iter().filter_map(failure_line).collect();
    session.out.error(&failures.join("\n"));
    Ok(if failures.is_empty() { DONE } else { FAILED })
}

/// The names as clients can ask for them.
fn model_lines(list: &ModelList) -> Vec<String> {
    let prefix = format!("{}/", list.provider);
    let is_bare = |model: &String| *model != list.provider && !model.starts_with(&prefix);
    list.models
        .iter()
        .map(|model| {
            if is_bare(model) {
                format!("{prefix}{model}")
            } else {
                model.clone()
            }
        })
        .collect()
}

fn failure_line(list: &ModelList) -> Option<String> {
    list.error
        .as_ref()
        .map(|error| format!("provider `{}`: {error}", list.provider))
}
