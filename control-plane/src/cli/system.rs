//! The commands about this machine: the dashboard, start at login, taking everything off, and what
//! packages and shells need.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory;
use clap_complete::Shell;
use serde_json::json;

use super::args::{Args, AutostartCommand};
use super::exit_code::{DONE, FAILED};
use super::{ExitCode, Session, client};
use crate::control::uninstall::{self, Uninstalled};
use crate::control::verbs::{Open, Quit};
use crate::control::{ErrorKind, Home};
use crate::host::autostart::{self, AutostartFacts, AutostartState, Kind, Places};

/// Opens the dashboard of the running agent; where no browser can be started, prints its address.
pub(super) fn open(session: &mut Session<'_>, prints: bool) -> ExitCode {
    let link = session.call(Open::default())?;
    let url = link.url.0.expose();
    if prints {
        session.out.facts(&json!({ "url": url }), [url.to_owned()]);
        return Ok(DONE);
    }
    match session.program.open_in_browser(&link) {
        Ok(()) => {
            let line = "the dashboard opens in the browser".to_owned();
            session.out.facts(&json!({ "opened": true }), [line]);
        }
        Err(error) => {
            session
                .out
                .error(&format!("no browser could be started: {error}"));
            let facts = json!({ "opened": false, "url": url });
            let line = "open this within a minute; it works once:".to_owned();
            session.out.facts(&facts, [line, url.to_owned()]);
        }
    }
    Ok(DONE)
}

pub(super) fn autostart(session: &mut Session<'_>, command: &AutostartCommand) -> ExitCode {
    let places = Places::find(&|name| std::env::var_os(name));
    let facts = match command {
        AutostartCommand::Status => autostart::status(&places),
        AutostartCommand::On { systemd: true } => autostart::turn_on(&places, Kind::Systemd)?,
        AutostartCommand::On { systemd: false } => autostart::turn_on(&places, Kind::of_system())?,
        AutostartCommand::Off => autostart::turn_off(&places)?,
    };
    session.out.facts(&facts, autostart_lines(&facts, command));
    Ok(DONE)
}

fn autostart_lines(facts: &AutostartFacts, command: &AutostartCommand) -> Vec<String> {
    let mut lines = vec![facts.detail.clone()];
    if let Some(file) = &facts.file
        && facts.state != AutostartState::Off
    {
        lines.push(format!("by {file}"));
    }
    if facts.kind == Some(Kind::Systemd) && matches!(command, AutostartCommand::On { .. }) {
        lines.push(
            "now: systemctl --user daemon-reload && systemctl --user start aerostat".to_owned(),
        );
        lines.push("without a login: loginctl enable-linger".to_owned());
    }
    lines
}

pub(super) fn uninstall(session: &mut Session<'_>, is_purge: bool) -> ExitCode {
    // Before anything else: a client that still points here would find no gateway and no key.
    let clients = client::disconnect_every(session)?;
    if is_purge && !clients.failed.is_empty() {
        session.out.error(&clients.failed.join("\n"));
        session
            .out
            .error("nothing was removed: these clients still need what a purge would delete");
        return Ok(FAILED);
    }
    match session.call(Quit {}) {
        Ok(_) => {}
        Err(error) if error.kind == ErrorKind::NotRunning => {}
        Err(error) => return Err(error.into()),
    }
    let variable = |name: &str| std::env::var_os(name);
    let (places, usual) = (Places::find(&variable), Home::default_in(&variable));
    let home = &session.home;
    let mut done = if is_purge {
        uninstall::purge(home, usual.as_ref(), &places, uninstall::forget_key)
    } else {
        uninstall::uninstall(home, &places)
    };
    done.removed.splice(0..0, clients.removed);
    done.kept.splice(0..0, clients.kept);
    done.failed.splice(0..0, clients.failed);
    session.out.facts(&done, uninstall_lines(&done));
    session.out.error(&done.failed.join("\n"));
    Ok(if done.failed.is_empty() { DONE } else { FAILED })
}

fn uninstall_lines(done: &Uninstalled) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(done.removed.iter().map(|what| format!("removed {what}")));
    lines.extend(done.kept.iter().map(|what| format!("kept {what}")));
    if lines.is_empty() {
        lines.push("nothing was left to remove".to_owned());
    }
    lines
}

/// Writes the manual's pages for packages.
pub(super) fn write_manual(folder: &Path) -> ExitCode {
    let mut command = Args::command().disable_help_subcommand(true);
    command.build();
    write_pages(&command, folder).context("the manual cannot be written")?;
    Ok(DONE)
}

/// The page of a command and those of its subcommands, each with the program's name and version in
/// its footer.
fn write_pages(command: &clap::Command, folder: &Path) -> std::io::Result<()> {
    for subcommand in command.get_subcommands() {
        if !subcommand.is_hide_set() {
            write_pages(subcommand, folder)?;
        }
    }
    let page = clap_mangen::Man::new(command.clone())
        .source(concat!("aerostat ", env!("CARGO_PKG_VERSION")))
        .manual("Aerostat Manual");
    page.generate_to(folder).map(drop)
}

pub(super) fn print_completions(session: &mut Session<'_>, shell: Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "aerostat", &mut script);
    session.out.script(&script);
    Ok(DONE)
}
