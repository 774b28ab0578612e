//! Other programs pointed at this gateway.

use serde_json::json;

use super::args::{
    ChosenModels, ClientArgs, ClientCommand, ConsentArgs, OptionalClientArgs, VariantArgs,
};
use super::exit_code::{DONE, FAILED, WRONG_USAGE};
use super::out::column_width;
use super::{ExitCode, Session};
use crate::control::uninstall::Uninstalled;
use crate::control::verbs::client_env::ClientEnvironment;
use crate::control::verbs::{ClientConnect, ClientDisconnect, ClientEnv, ClientList};
use crate::control::{
    ClientChange, ClientChoice, ClientFacts, ClientOutcome, ClientState, ClientStep, FileDiff,
    IN_SHELL, Surroundings, own_surroundings,
};

/// How often a person is asked again because the files changed meanwhile.
const QUESTIONS_MAX: usize = 3;

pub(super) fn perform(session: &mut Session<'_>, command: ClientCommand) -> ExitCode {
    match command {
        ClientCommand::List => list(session),
        ClientCommand::Connect {
            client,
            models,
            consent,
        } => connect(
            session,
            &choice(client, models),
            &own_surroundings(),
            &consent,
        ),
        ClientCommand::Disconnect {
            client: _,
            all: true,
            consent,
        } => disconnect_all(session, &consent),
        ClientCommand::Disconnect {
            client, consent, ..
        } => match named(client) {
            Some(client) => disconnect_named(session, &client, &consent),
            None => {
                session.out.error("name a client, or say `--all`");
                Ok(WRONG_USAGE)
            }
        },
        ClientCommand::Status { client } => status(session, named(client)),
        ClientCommand::Env {
            client,
            shell,
            models,
            write,
            consent,
        } => {
            let client = choice(client, models);
            if write {
                write_env(session, client, shell, &consent)
            } else {
                env(session, client, shell)
            }
        }
        ClientCommand::Run {
            name,
            models,
            arguments,
        } => run(session, name, models, arguments),
    }
}

fn choice(client: ClientArgs, models: ChosenModels) -> ClientChoice {
    let ClientArgs { name, variant } = client;
    let ChosenModels { model, map } = models;
    ClientChoice {
        variant: variant.name(),
        model,
        tiers: map.into_iter().collect(),
        name,
    }
}

fn named(client: OptionalClientArgs) -> Option<ClientChoice> {
    let OptionalClientArgs { name, variant } = client;
    Some(ClientChoice {
        name: name?,
        variant: variant.name(),
        ..ClientChoice::default()
    })
}

/// `codex --profile-only`, as it is typed.
fn words(name: &str, variant: Option<&str>) -> String {
    match variant {
        Some(IN_SHELL) => format!("{name}, in the shell"),
        Some(variant) => format!("{name} --{variant}"),
        None => name.to_owned(),
    }
}

fn list(session: &mut Session<'_>) -> ExitCode {
    let clients = all(session)?;
    let lines = short_lines(&clients);
    session.out.facts(&clients, lines);
    Ok(DONE)
}

fn all(session: &mut Session<'_>) -> anyhow::Result<Vec<ClientFacts>> {
    let (client, at) = (None, own_surroundings());
    Ok(session.call(ClientList { client, at })?)
}

fn short_lines(clients: &[ClientFacts]) -> Vec<String> {
    let named: Vec<String> = clients
        .iter()
        .map(|client| words(&client.name, client.variant.as_deref()))
        .collect();
    let width = column_width(named.iter().map(String::as_str));
    let lines = named.iter().zip(clients);
    lines
        .map(|(name, client)| format!("{name:width$}  {}", state(client)))
        .collect()
}

fn status(session: &mut Session<'_>, client: Option<ClientChoice>) -> ExitCode {
    let is_one = client.is_some();
    let at = own_surroundings();
    let mut clients = session.call(ClientList { client, at })?;
    if !is_one {
        let is_here = |client: &ClientFacts| {
            client.has_receipt
                || !matches!(
                    client.state,
                    ClientState::NotInstalled
                        | ClientState::NotConnected
                        | ClientState::ByHand
                        | ClientState::Impossible { .. }
                )
        };
        clients.retain(is_here);
    }
    let lines: Vec<String> = clients.iter().flat_map(long_lines).collect();
    if clients.is_empty() && !is_one {
        let line = "no client is connected; `aerostat client list` has those that can be";
        session.out.facts(&clients, [line.to_owned()]);
        return Ok(DONE);
    }
    session.out.facts(&clients, lines);
    let is_fine = clients.iter().all(|client| {
        let is_bad = matches!(
            client.state,
            ClientState::Unreadable { .. }
                | ClientState::Overridden { .. }
                | ClientState::Elsewhere { .. }
        );
        !is_bad && client.port_owner.is_none()
    });
    Ok(if is_fine { DONE } else { FAILED })
}

fn long_lines(client: &ClientFacts) -> Vec<String> {
    let name = words(&client.name, client.variant.as_deref());
    let mut lines = vec![format!("{name}: {}", state(client))];
    if let Some(at) = &client.connected_at {
        lines.push(format!("  connected at {at}"));
    }
    lines.extend(client.files.iter().map(|file| format!("  {file}")));
    if let Some(owner) = &client.port_owner {
        lines.push(format!(
            "  but {owner} answers at that port, and gets its requests"
        ));
    }
    lines
}

/// How a client stands, in a phrase.
fn state(client: &ClientFacts) -> String {
    match &client.state {
        ClientState::NotInstalled => "not found on this machine".to_owned(),
        ClientState::NotConnected => "not connected".to_owned(),
        ClientState::Connected => "connected".to_owned(),
        ClientState::Edited { keys } => {
            format!("connected, and edited since: {}", keys.join(", "))
        }
        ClientState::Overridden { by } => format!("overridden here by {}", by.join(" and ")),
        ClientState::Elsewhere { url } => format!("points to {url}"),
        ClientState::Unreadable { why } => format!("cannot be read: {why}"),
        ClientState::VariablesMissing { names } => {
            format!("not set in this shell: {}", names.join(", "))
        }
        ClientState::ByHand => "set up by hand".to_owned(),
        ClientState::Impossible { .. } => "cannot be connected".to_owned(),
    }
}

fn connect(
    session: &mut Session<'_>,
    client: &ClientChoice,
    at: &Surroundings,
    consent: &ConsentArgs,
) -> ExitCode {
    change(session, consent, "connected", &mut |session, step| {
        let (client, at) = (client.clone(), at.clone());
        Ok(session.call(ClientConnect { client, step, at })?)
    })
}

fn disconnect(session: &mut Session<'_>, client: &ClientChoice, consent: &ConsentArgs) -> ExitCode {
    change(session, consent, "disconnected", &mut |session, step| {
        let (client, at) = (client.clone(), own_surroundings());
        Ok(session.call(ClientDisconnect { client, step, at })?)
    })
}

/// The variables of a client in the profile of its person's shell, or of the one that is named.
fn write_env(
    session: &mut Session<'_>,
    client: ClientChoice,
    shell: Option<String>,
    consent: &ConsentArgs,
) -> ExitCode {
    let mut at = own_surroundings();
    if let Some(shell) = shell {
        at.variables.insert("SHELL".to_owned(), shell);
    }
    if client.variant.is_some() {
        session
            .out
            .error("only the variables of the client itself go into a profile");
        return Ok(WRONG_USAGE);
    }
    let client = ClientChoice {
        variant: Some(IN_SHELL.to_owned()),
        ..client
    };
    connect(session, &client, &at, consent)
}

/// Disconnects what was named, and what of it stands in a shell's profile.
fn disconnect_named(
    session: &mut Session<'_>,
    client: &ClientChoice,
    consent: &ConsentArgs,
) -> ExitCode {
    let in_shell = ClientChoice {
        variant: Some(IN_SHELL.to_owned()),
        ..client.clone()
    };
    let is_in_shell = |session: &mut Session<'_>| {
        let (client, at) = (Some(in_shell.clone()), own_surroundings());
        let found = session.call(ClientList { client, at });
        // A client without variables has none there.
        found.is_ok_and(|found| found.iter().any(|client| client.has_receipt))
    };
    if client.variant.is_some() || !is_in_shell(session) {
        return disconnect(session, client, consent);
    }
    let (own, at) = (Some(client.clone()), own_surroundings());
    let own = session.call(ClientList { client: own, at })?;
    let code = disconnect(session, &in_shell, consent)?;
    if code != DONE || own.iter().all(|client| !client.has_receipt) {
        return Ok(code);
    }
    disconnect(session, client, consent)
}

/// Disconnects all, one after the other: what fails in one keeps no other from it.
fn disconnect_all(session: &mut Session<'_>, consent: &ConsentArgs) -> ExitCode {
    let clients = all(session)?;
    let connected = clients.iter().filter(|client| client.has_receipt);
    let mut code = DONE;
    let mut is_any = false;
    for client in connected {
        is_any = true;
        let ended = disconnect(session, &choice_of(client), consent).unwrap_or_else(|error| {
            session.out.error(&format!("{error:#}"));
            FAILED
        });
        code = code.max(ended);
    }
    if !is_any {
        session
            .out
            .facts(&json!([]), ["no client is connected".to_owned()]);
    }
    Ok(code)
}

/// Disconnects every client without asking, for an uninstall.
///
/// # Errors
/// When it cannot be found out which are connected.
pub(super) fn disconnect_every(session: &mut Session<'_>) -> anyhow::Result<Uninstalled> {
    let mut done = Uninstalled::default();
    if !session.home.clients_folder().exists() {
        return Ok(done);
    }
    let clients = all(session)?;
    for client in clients.iter().filter(|client| client.has_receipt) {
        let choice = choice_of(client);
        let (step, at) = (ClientStep::Write, own_surroundings());
        let title = &client.title;
        let client = choice;
        match session.call(ClientDisconnect { client, step, at }) {
            Ok(change) => {
                done.removed.push(format!("the connection of {title}"));
                let left = change.left.iter();
                done.kept
                    .extend(left.map(|what| format!("{what}: it was changed since")));
            }
            Err(error) => done
                .failed
                .push(format!("the connection of {title}: {error}")),
        }
    }
    Ok(done)
}

fn choice_of(client: &ClientFacts) -> ClientChoice {
    ClientChoice {
        name: client.name.clone(),
        variant: client.variant.clone(),
        ..ClientChoice::default()
    }
}

/// A change in two steps: shown, and made after a yes if it is still the one that was shown.
fn change(
    session: &mut Session<'_>,
    consent: &ConsentArgs,
    done: &str,
    call: &mut dyn FnMut(&mut Session<'_>, ClientStep) -> anyhow::Result<ClientChange>,
) -> ExitCode {
    if consent.yes {
        let change = call(session, ClientStep::Write)?;
        return Ok(report(session, &change, done));
    }
    let mut shown = call(session, ClientStep::Show)?;
    for _ in 0..QUESTIONS_MAX {
        if consent.dry_run || shown.outcome != ClientOutcome::Shown {
            return Ok(report(session, &shown, done));
        }
        let lines = change_lines(&shown);
        session.out.note(&lines.join("\n"));
        match session.program.confirm("Make this change?") {
            Some(true) => {}
            Some(false) => {
                session.out.note("nothing was changed");
                return Ok(FAILED);
            }
            None => {
                session
                    .out
                    .error("there is no terminal to ask at: say `--yes`, or `--dry-run` to look");
                return Ok(WRONG_USAGE);
            }
        }
        let made = call(session, ClientStep::WriteTo(shown.digest.clone()))?;
        if made.outcome != ClientOutcome::ChangedMeanwhile {
            return Ok(report_done(session, &made, done));
        }
        session
            .out
            .note("the files have changed meanwhile; this is the change now:");
        shown = ClientChange {
            outcome: ClientOutcome::Shown,
            ..made
        };
    }
    session
        .out
        .error("the files change all the time; nothing was written");
    Ok(FAILED)
}

fn report(session: &mut Session<'_>, change: &ClientChange, done: &str) -> u8 {
    let mut lines = change_lines(change);
    lines.extend(outcome_lines(change, done));
    session.out.facts(change, lines);
    code_of(change)
}

/// After a person has seen the difference.
fn report_done(session: &mut Session<'_>, change: &ClientChange, done: &str) -> u8 {
    session.out.facts(change, outcome_lines(change, done));
    code_of(change)
}

fn code_of(change: &ClientChange) -> u8 {
    match change.outcome {
        ClientOutcome::ChangedMeanwhile => FAILED,
        _ => DONE,
    }
}

fn change_lines(change: &ClientChange) -> Vec<String> {
    let mut lines: Vec<String> = change.files.iter().flat_map(file_lines).collect();
    lines.extend(change.warnings.iter().map(|text| format!("note: {text}")));
    lines
}

fn file_lines(file: &FileDiff) -> Vec<String> {
    let what = match (file.is_new, file.is_removed) {
        (true, _) => " (new)",
        (_, true) => " (removed)",
        _ => "",
    };
    let resolved = file.resolved.as_ref();
    let linked = resolved.map_or(String::new(), |real| format!(" -> {real}"));
    let mut lines = vec![format!("{}{linked}{what}", file.path)];
    for (at, hunk) in file.hunks.iter().enumerate() {
        if at > 0 {
            lines.push("   …".to_owned());
        }
        let hunk = hunk.iter();
        lines.extend(
            hunk.map(|line| format!("{:>4} {} {}", line.line, line.sign.sign(), line.text)),
        );
    }
    lines
}

fn outcome_lines(change: &ClientChange, done: &str) -> Vec<String> {
    let mut lines: Vec<String> = change
        .left
        .iter()
        .map(|what| format!("left {what}, which was changed since"))
        .collect();
    let title = &change.title;
    match change.outcome {
        ClientOutcome::Written => lines.push(format!("{title} is {done}")),
        ClientOutcome::Nothing => {
            lines.push(format!("{title} is {done} already; nothing to change"))
        }
        ClientOutcome::Shown => lines.push("nothing was changed".to_owned()),
        ClientOutcome::ChangedMeanwhile => {
            lines.push("the files have changed meanwhile; nothing was written".to_owned());
        }
        ClientOutcome::ByHand => {}
    }
    if matches!(
        change.outcome,
        ClientOutcome::Written | ClientOutcome::ByHand
    ) {
        lines.extend(change.afterwards.iter().cloned());
    }
    lines
}

fn env(session: &mut Session<'_>, client: ClientChoice, shell: Option<String>) -> ExitCode {
    let (name, at) = (client.name.clone(), own_surroundings());
    let found = session.call(ClientEnv { client, shell, at })?;
    if found.lines.is_empty() {
        session.out.error(&format!(
            "{} is pointed here by arguments: `aerostat client run {name}` starts it with them",
            found.title
        ));
        return Ok(FAILED);
    }
    let facts = json!({ "lines": found.lines, "warnings": found.warnings });
    session.out.facts(&facts, found.lines);
    session.out.note(&found.warnings.join("\n"));
    Ok(DONE)
}

fn run(
    session: &mut Session<'_>,
    name: String,
    models: ChosenModels,
    own: Vec<String>,
) -> ExitCode {
    let variant = VariantArgs::default();
    let client = choice(ClientArgs { name, variant }, models);
    let (shell, at) = (None, own_surroundings());
    let found = at.clone();
    let environment = session.call(ClientEnv { client, shell, at })?;
    let ClientEnvironment {
        programs,
        variables,
        mut arguments,
        title,
        ..
    } = environment;
    let program = programs.iter().find(|program| found.has_program(program));
    let Some(program) = program else {
        session.out.error(&format!(
            "{title} is not on your PATH (looked for: {})",
            programs.join(", ")
        ));
        return Ok(FAILED);
    };
    arguments.extend(own);
    let variables: Vec<_> = variables
        .into_iter()
        .map(|(name, value)| (name, value.0))
        .collect();
    Ok(session
        .program
        .start_program(program, &arguments, &variables)?)
}
