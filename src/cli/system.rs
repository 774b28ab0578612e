//! The verbs about this machine: the dashboard, start at login, taking everything off.

use std::path::Path;

use anyhow::Context as _;
use clap::CommandFactory;

use super::Program;
use super::args::{Args, AutostartVerb};
use super::exit_code::{DONE, FAILED};
use super::out::Out;
use super::verbs::{Done, ask, unexpected};
use crate::control::uninstall::{self, Uninstalled};
use crate::control::{Ask, ControlError, ErrorKind, Home, Reply};
use crate::host::autostart::{self, AutostartFacts, AutostartState, Kind, Places};
use serde_json::json;

/// Opens the dashboard of the running agent; where no browser can be started, prints its address.
pub(super) fn open(home: &Home, program: &dyn Program, prints: bool, out: &mut Out<'_>) -> Done {
    let Reply::Link(link) = ask(home, program, Ask::Open, out)? else {
        return Err(unexpected());
    };
    let url = link.url.0.expose();
    if prints {
        out.facts(&json!({ "url": url }), [url.to_owned()]);
        return Ok(DONE);
    }
    match program.open_in_browser(&link) {
        Ok(()) => out.facts(
            &json!({ "opened": true }),
            ["the dashboard opens in the browser".to_owned()],
        ),
        Err(error) => {
            out.complain(&format!("no browser could be started: {error}"));
            out.facts(
                &json!({ "opened": false, "url": url }),
                [
                    "open this within a minute; it works once:".to_owned(),
                    url.to_owned(),
                ],
            );
        }
    }
    Ok(DONE)
}

pub(super) fn autostart(verb: &AutostartVerb, out: &mut Out<'_>) -> Done {
    let places = Places::find(&|name| std::env::var_os(name));
    let facts = match verb {
        AutostartVerb::Status => autostart::status(&places),
        AutostartVerb::On { systemd: true } => autostart::turn_on(&places, Kind::Systemd)?,
        AutostartVerb::On { systemd: false } => autostart::turn_on(&places, Kind::of_system())?,
        AutostartVerb::Off => autostart::turn_off(&places)?,
    };
    out.facts(&facts, autostart_lines(&facts, verb));
    Ok(DONE)
}

fn autostart_lines(facts: &AutostartFacts, verb: &AutostartVerb) -> Vec<String> {
    let mut lines = vec![facts.detail.clone()];
    lines.extend(
        facts
            .file
            .iter()
            .filter(|_| facts.state != AutostartState::Off)
            .map(|file| format!("by {file}")),
    );
    if facts.kind == Some(Kind::Systemd) && matches!(verb, AutostartVerb::On { .. }) {
        lines.push(
            "now: systemctl --user daemon-reload && systemctl --user start aerostat".to_owned(),
        );
        lines.push("without anybody logged in: loginctl enable-linger".to_owned());
    }
    lines
}

pub(super) fn uninstall(
    home: &Home,
    program: &dyn Program,
    is_purge: bool,
    out: &mut Out<'_>,
) -> Done {
    match program.ask(home, Ask::Quit, &mut |_| {}) {
        Ok(_)
        | Err(ControlError {
            kind: ErrorKind::NotRunning,
            ..
        }) => {}
        Err(complaint) => return Err(complaint.into()),
    }
    let variable = |name: &str| std::env::var_os(name);
    let (places, usual) = (Places::find(&variable), Home::usual(&variable));
    let done = match is_purge {
        true => uninstall::purge(home, usual.as_ref(), &places, uninstall::forget_key),
        false => uninstall::uninstall(home, &places),
    };
    out.facts(&done, uninstall_lines(&done));
    out.complain(&done.failed.join("\n"));
    Ok(if done.failed.is_empty() { DONE } else { FAILED })
}

fn uninstall_lines(done: &Uninstalled) -> Vec<String> {
    let removed = done.removed.iter().map(|what| format!("removed {what}"));
    let lines: Vec<String> = removed
        .chain(done.kept.iter().map(|what| format!("kept {what}")))
        .collect();
    if lines.is_empty() {
        vec!["nothing was left to remove".to_owned()]
    } else {
        lines
    }
}

/// Writes the manual's pages for packages.
pub(super) fn write_manual(folder: &Path) -> Done {
    clap_mangen::generate_to(Args::command(), folder).context("the manual cannot be written")?;
    Ok(DONE)
}
