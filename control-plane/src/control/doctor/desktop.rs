//! What the desktop session offers, and whether the agent starts at login.

use std::ffi::OsString;
#[cfg(all(feature = "desktop", target_os = "linux"))]
use std::time::Duration;

use super::check::{Area, Check};
use crate::control::session_offers::SessionOffers;
use crate::host::autostart::{self, AutostartFacts, AutostartState, Places};

/// Something on the bus may hang.
#[cfg(all(feature = "desktop", target_os = "linux"))]
const BUS_LIMIT: Duration = Duration::from_secs(5);

/// Reads an environment variable.
pub(in crate::control) type Lookup<'l> = &'l dyn Fn(&str) -> Option<OsString>;

/// What the session offers to a program with a tray.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(all(feature = "desktop", target_os = "linux")),
    allow(dead_code, reason = "other systems are not asked")
)]
pub(in crate::control) enum SessionFacts {
    /// This program, or this system, has no such session to ask.
    NotAsked(&'static str),
    NoBus,
    TimedOut,
    Offers(SessionOffers),
}

impl SessionFacts {
    #[cfg(not(feature = "desktop"))]
    pub(in crate::control) async fn ask(_: Lookup<'_>) -> Self {
        Self::NotAsked("this Aerostat was built without a tray")
    }

    #[cfg(all(feature = "desktop", not(target_os = "linux")))]
    pub(in crate::control) async fn ask(_: Lookup<'_>) -> Self {
        Self::NotAsked("this system always has a tray and notifications")
    }

    /// Asks the session's bus, where a desktop runs.
    #[cfg(all(feature = "desktop", target_os = "linux"))]
    pub(in crate::control) async fn ask(lookup: Lookup<'_>) -> Self {
        use crate::control::session_bus::SessionBus;

        let is_set = |name| lookup(name).is_some_and(|value| !value.is_empty());
        let has_screen = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
        let asked = tokio::task::spawn_blocking(|| SessionBus::connect().map(|bus| bus.offers()));
        match tokio::time::timeout(BUS_LIMIT, asked).await {
            Ok(Ok(Ok(offers))) if has_screen || offers.tray_host => Self::Offers(offers),
            Ok(Ok(Err(_))) if has_screen => Self::NoBus,
            Err(_) => Self::TimedOut,
            _ => Self::NotAsked("no desktop session here: Aerostat runs without a tray"),
        }
    }

    /// Whether the keyring of the session is locked.
    pub(in crate::control) fn is_keyring_locked(&self) -> bool {
        match self {
            Self::Offers(offers) => offers.is_keyring_locked == Some(true),
            _ => false,
        }
    }

    pub(in crate::control) fn checks(&self) -> Vec<Check> {
        match self {
            Self::NotAsked(why) => vec![Check::ok(Area::Desktop, *why)],
            Self::NoBus => vec![Check::warning(
                Area::Desktop,
                "this session has no message bus (D-Bus): no tray, no notifications, no keyring",
                "run it in the session of your desktop, or set `DBUS_SESSION_BUS_ADDRESS` as that session has it",
            )],
            Self::TimedOut => vec![Check::warning(
                Area::Desktop,
                "the session's message bus (D-Bus) does not answer in time",
                "log out and in again, or end what hangs on it",
            )],
            Self::Offers(offers) => vec![
                of_tray(offers.tray_host),
                of_notifications(offers.notifications.as_deref()),
            ],
        }
    }
}

fn of_tray(has_host: bool) -> Check {
    if has_host {
        return Check::ok(Area::Desktop, "this desktop shows tray icons");
    }
    Check::warning(
        Area::Desktop,
        "nothing in this desktop shows tray icons",
        "in GNOME install the extension AppIndicator; `aerostat open` opens the dashboard without one",
    )
}

fn of_notifications(daemon: Option<&str>) -> Check {
    match daemon {
        Some(daemon) => Check::ok(Area::Desktop, format!("{daemon} shows notifications")),
        None => Check::warning(
            Area::Desktop,
            "nothing in this desktop shows notifications",
            "start a notification daemon, such as dunst or mako; the dashboard shows the same facts",
        ),
    }
}

/// Whether the agent starts at login, as the system says now.
pub(in crate::control) fn start_at_login(lookup: Lookup<'_>) -> Check {
    of_login(&autostart::status(&Places::find(lookup)))
}

fn of_login(facts: &AutostartFacts) -> Check {
    let (what, _) = facts.detail.split_once("; ").unwrap_or((&facts.detail, ""));
    match facts.state {
        AutostartState::Off => Check::ok(Area::Login, facts.detail.clone()),
        AutostartState::On | AutostartState::Unavailable => Check::ok(Area::Login, what),
        AutostartState::Broken => Check::failed(
            Area::Login,
            what,
            "`aerostat autostart on` has this program started instead, `aerostat autostart off` ends it",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn an_entry_whose_program_is_gone_fails() {
        let facts = |state| AutostartFacts {
            state,
            kind: None,
            file: None,
            program: None,
            detail: "x".to_owned(),
        };
        assert_eq!(
            of_login(&facts(AutostartState::Broken)).state,
            State::Failed
        );
        assert_eq!(of_login(&facts(AutostartState::On)).state, State::Ok);
        assert_eq!(of_login(&facts(AutostartState::Off)).state, State::Ok);
    }

    #[test]
    fn a_session_that_lacks_something_is_a_warning() {
        assert_eq!(SessionFacts::NoBus.checks()[0].state, State::Warning);
        assert_eq!(SessionFacts::NotAsked("x").checks()[0].state, State::Ok);
    }

    #[test]
    fn tray_and_notifications_are_told_apart() {
        let offers = SessionOffers {
            tray_host: true,
            notifications: None,
            is_keyring_locked: Some(true),
        };
        let facts = SessionFacts::Offers(offers);
        let states: Vec<State> = facts.checks().iter().map(|check| check.state).collect();
        assert_eq!(states, [State::Ok, State::Warning]);
        assert!(facts.is_keyring_locked());
    }
}
