//! Windows' `Run` key of this person, by `auto-launch`.

use std::path::Path;

use auto_launch::{AutoLaunch, AutoLaunchBuilder, WindowsEnableMode};
use windows_registry::CURRENT_USER;

use super::entry::read;
use super::{AutostartError, AutostartFacts, AutostartState, Kind, Places};

const NAME: &str = "Aerostat";

const RUN: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Run";

pub(super) fn status(places: &Places) -> AutostartFacts {
    let is_enabled = entry(places).and_then(|entry| entry.is_enabled().map_err(refused));
    let program = program();
    let (state, detail) = match (is_enabled, &program) {
        (Ok(true), Some(program)) if !Path::new(program).exists() => (
            AutostartState::Broken,
            format!("does not start at login although it should: {program} has gone"),
        ),
        (Ok(true), _) => (AutostartState::On, "starts at login".to_owned()),
        (Ok(false), _) => (
            AutostartState::Off,
            "does not start at login; `aerostat autostart on` changes that".to_owned(),
        ),
        (Err(error), _) => (AutostartState::Unavailable, error.to_string()),
    };
    let kind =
        matches!(state, AutostartState::On | AutostartState::Broken).then_some(Kind::Registry);
    AutostartFacts {
        state,
        kind,
        file: None,
        program: program.filter(|_| kind.is_some()),
        detail,
    }
}

/// The program that the entry starts, where there is one.
fn program() -> Option<String> {
    let value = CURRENT_USER.open(RUN).ok()?.get_string(NAME).ok()?;
    Some(read(Kind::Registry, &value)?.program)
}

pub(super) fn turn_on(places: &Places, kind: Kind) -> Result<(), AutostartError> {
    if kind != Kind::Registry {
        return Err(AutostartError::NoSystemd);
    }
    entry(places)?.enable().map_err(refused)
}

pub(super) fn turn_off(places: &Places) -> Result<(), AutostartError> {
    // Also one that the task manager switched off: it would come back with its switch.
    entry(places)?.disable().map_err(refused)
}

/// For this person only, and with the path in quotes, which the library leaves out.
fn entry(places: &Places) -> Result<AutoLaunch, AutostartError> {
    let program = places.program.as_ref().ok_or(AutostartError::NoPlace)?;
    let path = program.to_str().ok_or_else(|| AutostartError::Path {
        escaped: program.to_string_lossy().escape_debug().to_string(),
    })?;
    let quoted = format!("\"{path}\"");
    let mut builder = AutoLaunchBuilder::new();
    builder
        .set_args(&["--at-login"])
        .set_app_name(NAME)
        .set_app_path(&quoted)
        .set_windows_enable_mode(WindowsEnableMode::CurrentUser);
    builder.build().map_err(refused)
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: auto_launch::Error) -> AutostartError {
    AutostartError::System {
        words: error.to_string(),
    }
}
