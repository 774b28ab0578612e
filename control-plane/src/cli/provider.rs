//! The providers, and what model names become.

use super::exit_code::{DONE, FAILED};
use super::out::column_width;
use super::{ExitCode, Session};
use crate::control::provider::{ModelList, ProviderFacts};
use crate::control::verbs::model_try::{CandidateFacts, Trial};
use crate::control::verbs::{ModelTry, ProviderList, ProviderModels};

pub(super) fn try_model(session: &mut Session<'_>, name: String) -> ExitCode {
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
    let mut lines = vec![trial.detail.clone()];
    for (index, candidate) in trial.candidates.iter().enumerate() {
        let CandidateFacts {
            provider,
            model,
            status,
        } = candidate;
        lines.push(format!("{}. {provider}/{model}  {status}", index + 1));
    }
    for reason in &trial.skipped {
        lines.push(format!("-  {reason}"));
    }
    lines
}

pub(super) fn list(session: &mut Session<'_>) -> ExitCode {
    let providers = session.call(ProviderList {})?;
    let width = column_width(providers.iter().map(|provider| provider.name.as_str()));
    let line = |provider: &ProviderFacts| {
        let protocols = provider.protocol.join(",");
        format!("{:width$}  {protocols}  {}", provider.name, provider.status)
    };
    session.out.facts(&providers, providers.iter().map(line));
    Ok(DONE)
}

pub(super) fn models(session: &mut Session<'_>, name: Option<String>) -> ExitCode {
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
    let mut lines = Vec::new();
    for model in &list.models {
        let is_addressed = *model == list.provider || model.starts_with(&prefix);
        lines.push(if is_addressed {
            model.clone()
        } else {
            format!("{prefix}{model}")
        });
    }
    lines
}

fn failure_line(list: &ModelList) -> Option<String> {
    let error = list.error.as_ref()?;
    Some(format!("provider `{}`: {error}", list.provider))
}
