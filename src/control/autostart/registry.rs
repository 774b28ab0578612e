//! Windows' `Run` key of this person, by `auto-launch`.

use auto_launch::{AutoLaunch, AutoLaunchBuilder, WindowsEnableMode};

use super::{AutostartError, AutostartFacts, AutostartState, Kind, Places};

const NAME: &str = "Aerostat";

pub(super) fn status(places: &Places) -> AutostartFacts {
    let is_enabled = entry(places).and_then(|entry| entry.is_enabled().map_err(refused));
    let (state, detail) = match is_enabled {
        Ok(true) => (AutostartState::On, "starts at login".to_owned()),
        Ok(false) => (AutostartState::Off, "does not start at login; `aerostat autostart on` changes that".to_owned()),
        Err(error) => (AutostartState::Unavailable, error.to_string()),
    };
    let kind = (state == AutostartState::On).then_some(Kind::Registry);
    AutostartFacts { state, kind, file: None, program: None, detail }
}

pub(super) fn turn_on(places: &Places, kind: Kind) -> Result<(), AutostartError> {
    if kind != Kind::Registry {
        return Err(AutostartError::NoSystemd);
    }
    entry(places)?.enable().map_err(refused)
}

pub(super) fn turn_off(places: &Places) -> Result<(), AutostartError> {
    let entry = entry(places)?;
    if entry.is_enabled().map_err(refused)? { entry.disable().map_err(refused) } else { Ok(()) }
}

/// For this person only, and with the path in quotes, which the library leaves out.
fn entry(places: &Places) -> Result<AutoLaunch, AutostartError> {
    let program = places.program.as_ref().ok_or(AutostartError::NoPlace)?;
    let path = program.to_str().ok_or_else(|| AutostartError::Path(program.to_string_lossy().into_owned()))?;
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
    AutostartError::System(error.to_string())
}
