//! One function a verb: calls the control function, and words its answer for people.

use anyhow::anyhow;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::{Value, json};

use super::args::Args;
use super::exit_code::{DONE, FAILED, NOT_RUNNING, WRONG_USAGE};
use super::out::Out;
use super::{How, Program, system};
use crate::control::model::Trial;
use crate::control::provider::{ProviderFacts, ProviderModels};
use crate::control::status::{State, Status};
use crate::control::{self, Ask, ConfigError, Home, Note, Problem, Reply, Setting, Started};
use crate::selftest::{self, Failure, Pair, Report};

pub(super) type Done = anyhow::Result<u8>;

/// Has a verb done; what it says on the way is for people.
pub(super) fn ask(
    home: &Home,
    program: &dyn Program,
    ask: Ask,
    out: &mut Out<'_>,
) -> anyhow::Result<Reply> {
    Ok(program.ask(home, ask, &mut |note: Note| {
        out.note(&note.text);
        if let Some(url) = &note.url {
            out.note(url);
            // Where no browser opens, the address is there to be copied.
            program.open_browser(url);
        }
    })?)
}

/// An answer of another kind than the verb's.
pub(super) fn unexpected() -> anyhow::Error {
    anyhow!(
        "the agent answered something else than was asked; end it with `aerostat quit` and start it again"
    )
}

/// Runs the agent. A second start opens the dashboard of the first. What a desktop's person has to
/// know is not only written where they never look.
pub(super) fn run(home: &Home, program: &dyn Program, args: &Args, out: &mut Out<'_>) -> Done {
    let ran = run_or_open(home, program, args, out);
    if let Err(error) = ran.as_ref().map_err(|error| format!("{error:#}"))
        && !args.headless
    {
        program.announce("Aerostat does not run", &error);
    }
    ran
}

fn run_or_open(home: &Home, program: &dyn Program, args: &Args, out: &mut Out<'_>) -> Done {
    let how = How {
        is_headless: args.headless,
        opens: args.open,
    };
    if args.take_over {
        end_other_version(home, program, out)?;
    }
    let mut other = None;
    program.run(home, how, &mut |started| {
        out.facts(&started.status, start_lines(started));
        out.flush();
        other = (!started.is_new).then(|| started.status.version.clone().unwrap_or_default());
    })?;
    let Some(version) = other else {
        return Ok(DONE);
    };
    if version != env!("CARGO_PKG_VERSION") {
        let own = env!("CARGO_PKG_VERSION");
        out.complain(&format!(
            "this is version {own}; `aerostat --take-over` puts it in the other's place"
        ));
        let how = "choose Quit in its menu and start Aerostat again, or run `aerostat --take-over`";
        program.announce(
            &format!("Aerostat {version} still runs"),
            &format!("To have version {own} instead, {how}."),
        );
    }
    let leaves_alone = args.at_login || args.headless;
    if leaves_alone {
        Ok(DONE)
    } else {
        system::open(home, program, false, out)
    }
}

/// Ends a running agent, unless it is of this version.
fn end_other_version(home: &Home, program: &dyn Program, out: &mut Out<'_>) -> anyhow::Result<()> {
    let Reply::Status(status) = ask(home, program, Ask::Status, out)? else {
        return Err(unexpected());
    };
    if status
        .version
        .is_some_and(|version| version != env!("CARGO_PKG_VERSION"))
    {
        ask(home, program, Ask::Quit, out)?;
    }
    Ok(())
}

fn start_lines(started: &Started) -> Vec<String> {
    let Started { status, is_new } = started;
    let version = status.version.as_deref().unwrap_or_default();
    match (is_new, status.state) {
        (true, State::Running) => welcome(&status.base_url).into(),
        (true, _) => vec![format!("Aerostat {version} runs; {}", status.detail)],
        (false, _) => {
            vec![format!(
                "Aerostat {version} runs already, in process {}; {}",
                status.pid.unwrap_or_default(),
                status.detail
            )]
        }
    }
}

/// Where it serves, with a line that works at once.
fn welcome(base_url: &str) -> [String; 4] {
    let body = r#"{"model":"demo","messages":[{"role":"user","content":"hello"}]}"#;
    [
        format!("Aerostat {} serves {base_url}", env!("CARGO_PKG_VERSION")),
        String::new(),
        "Try it:".to_owned(),
        format!(
            "  curl {base_url}/v1/chat/completions -H 'content-type: application/json' -d '{body}'"
        ),
    ]
}

pub(super) fn show_status(home: &Home, program: &dyn Program, out: &mut Out<'_>) -> Done {
    let Reply::Status(status) = ask(home, program, Ask::Status, out)? else {
        return Err(unexpected());
    };
    out.facts(&status, status_lines(&status));
    Ok(match status.state {
        State::NotRunning | State::PortTaken => NOT_RUNNING,
        _ => DONE,
    })
}

fn status_lines(status: &Status) -> Vec<String> {
    let mut lines = vec![status.detail.clone()];
    lines.extend(
        status
            .version
            .iter()
            .map(|version| format!("version: {version}")),
    );
    lines.extend(status.pid.iter().map(|pid| format!("process: {pid}")));
    lines.extend(status.accounts.iter().map(|counts| {
        format!(
            "accounts: {}, {} ready, {} need attention",
            counts.total, counts.ready, counts.attention
        )
    }));
    lines.extend(
        status
            .is_exposed
            .then(|| "local network: other machines may call, with a key".to_owned()),
    );
    lines.extend(
        status
            .lan_refused
            .iter()
            .map(|why| format!("local network: {why}")),
    );
    lines.extend(
        status
            .config_trouble
            .iter()
            .map(|trouble| format!("configuration: the last good one is in force; {trouble}")),
    );
    lines
}

/// A verb that changes how the agent stands, and says how it stands then.
pub(super) fn change(home: &Home, program: &dyn Program, verb: Ask, out: &mut Out<'_>) -> Done {
    let Reply::Status(status) = ask(home, program, verb, out)? else {
        return Err(unexpected());
    };
    out.facts(&status, [status.detail.clone()]);
    Ok(DONE)
}

pub(super) fn quit(home: &Home, program: &dyn Program, out: &mut Out<'_>) -> Done {
    let Reply::Status(status) = ask(home, program, Ask::Quit, out)? else {
        return Err(unexpected());
    };
    out.facts(
        &json!({ "state": "ended", "pid": status.pid }),
        ["the agent has ended".to_owned()],
    );
    Ok(DONE)
}

pub(super) fn create_key(
    home: &Home,
    program: &dyn Program,
    name: String,
    out: &mut Out<'_>,
) -> Done {
    let Reply::NewKey(made) = ask(home, program, Ask::KeyCreate { name }, out)? else {
        return Err(unexpected());
    };
    out.facts(&made, [made.key.0.expose().to_owned()]);
    out.note("This is the only time that the key is shown.");
    Ok(DONE)
}

pub(super) fn list_keys(home: &Home, program: &dyn Program, out: &mut Out<'_>) -> Done {
    let Reply::Keys(keys) = ask(home, program, Ask::KeyList, out)? else {
        return Err(unexpected());
    };
    let width = keys
        .iter()
        .map(|key| key.name.len())
        .max()
        .unwrap_or_default();
    out.facts(
        &keys,
        keys.iter().map(|key| {
            format!(
                "{:width$}  …{}  made at {}",
                key.name, key.hint, key.made_at
            )
        }),
    );
    Ok(DONE)
}

pub(super) fn revoke_key(
    home: &Home,
    program: &dyn Program,
    name: String,
    out: &mut Out<'_>,
) -> Done {
    let Reply::Revoked(key) = ask(home, program, Ask::KeyRevoke { name }, out)? else {
        return Err(unexpected());
    };
    out.facts(
        &key,
        [format!("the key `{}` opens nothing any more", key.name)],
    );
    Ok(DONE)
}

pub(super) fn show_path(home: &Home, out: &mut Out<'_>) -> Done {
    let path = home.config_file();
    let shown = path.display().to_string();
    out.facts(
        &json!({ "path": shown, "exists": path.exists() }),
        [shown.clone()],
    );
    Ok(DONE)
}

pub(super) fn check_config(home: &Home, out: &mut Out<'_>) -> Done {
    let (problems, refusals) = match control::load(home) {
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
    out.facts(
        &facts,
        is_fine.then(|| "the configuration is valid".to_owned()),
    );
    for problem in problems.iter().chain(&refusals) {
        out.complain(&problem.to_string());
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

pub(super) fn get_setting(home: &Home, key: Option<&str>, out: &mut Out<'_>) -> Done {
    match key {
        Some(key) => {
            let setting = control::setting(home, key)?;
            out.facts(&setting, [plain(&setting.value)]);
        }
        None => {
            let settings = control::settings(home)?;
            out.facts(&settings, settings.iter().map(setting_line));
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

pub(super) fn set_settings(home: &Home, changes: &[String], out: &mut Out<'_>) -> Done {
    if !changes.len().is_multiple_of(2) {
        out.complain("expected pairs of KEY and VALUE");
        return Ok(WRONG_USAGE);
    }
    let pairs: Vec<(&str, &str)> = changes
        .chunks_exact(2)
        .map(|pair| (pair[0].as_str(), pair[1].as_str()))
        .collect();
    control::set_settings(home, &pairs)?;
    let settings = pairs
        .iter()
        .map(|(key, _)| control::setting(home, key))
        .collect::<Result<Vec<_>, _>>()?;
    out.facts(&settings, settings.iter().map(setting_line));
    Ok(DONE)
}

pub(super) fn show_key(home: &Home, out: &mut Out<'_>) -> Done {
    let key = control::local_key(home)?;
    out.facts(&json!({ "key": key.expose() }), [key.expose().to_owned()]);
    Ok(DONE)
}

pub(super) fn try_model(
    home: &Home,
    program: &dyn Program,
    name: String,
    out: &mut Out<'_>,
) -> Done {
    let Reply::Trial(trial) = ask(home, program, Ask::ModelTry { name }, out)? else {
        return Err(unexpected());
    };
    if trial.candidates.is_empty() {
        out.facts(&trial, []);
        out.complain(&trial.detail);
        return Ok(FAILED);
    }
    out.facts(&trial, trial_lines(&trial));
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

pub(super) fn list_providers(home: &Home, program: &dyn Program, out: &mut Out<'_>) -> Done {
    let Reply::Providers(facts) = ask(home, program, Ask::ProviderList, out)? else {
        return Err(unexpected());
    };
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
    out.facts(&facts, facts.iter().map(line));
    Ok(DONE)
}

pub(super) fn list_models(
    home: &Home,
    program: &dyn Program,
    name: Option<String>,
    out: &mut Out<'_>,
) -> Done {
    let Reply::Models(lists) = ask(home, program, Ask::ProviderModels { name }, out)? else {
        return Err(unexpected());
    };
    out.facts(&lists, lists.iter().flat_map(model_lines));
    let failures: Vec<String> = lists.iter().filter_map(failure_line).collect();
    out.complain(&failures.join("\n"));
    Ok(if failures.is_empty() { DONE } else { FAILED })
}

/// The names as clients can ask for them.
fn model_lines(list: &ProviderModels) -> Vec<String> {
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

fn failure_line(list: &ProviderModels) -> Option<String> {
    list.error
        .as_ref()
        .map(|error| format!("provider `{}`: {error}", list.provider))
}

pub(super) fn run_selftest(home: &Home, program: &dyn Program, out: &mut Out<'_>) -> Done {
    let exchange = |requests| program.rehearse(home, requests);
    let report = selftest::run(&exchange).map_err(|fault| anyhow!(fault.message))?;
    out.facts(
        &report,
        report
            .pairs
            .iter()
            .map(pair_line)
            .chain([total_line(&report)]),
    );
    out.complain(
        &report
            .pairs
            .iter()
            .flat_map(failure_lines)
            .collect::<Vec<_>>()
            .join("\n"),
    );
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

pub(super) fn print_completions(shell: Shell, out: &mut Out<'_>) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "aerostat", &mut script);
    out.script(&script);
    Ok(DONE)
}

/// A value without the quotes of JSON.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
