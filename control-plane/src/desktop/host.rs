//! Whether the desktop shows tray icons.

#[cfg(target_os = "linux")]
use crate::control::session_bus::SessionBus;

/// Whether the icon is visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    Shown,
    /// The session has no D-Bus.
    #[cfg(target_os = "linux")]
    NoBus,
    /// There is a bus, and no StatusNotifierHost on it.
    #[cfg(target_os = "linux")]
    NoHost,
}

impl Visibility {
    /// What the user can do. `None` where the icon is visible.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Shown => None,
            #[cfg(target_os = "linux")]
            Self::NoBus => Some(
                "this session has no tray; `aerostat open` opens the dashboard, `aerostat status` shows the state",
            ),
            #[cfg(target_os = "linux")]
            Self::NoHost => Some(
                "nothing in this desktop shows tray icons (GNOME needs the extension AppIndicator); `aerostat open`, or Aerostat in \
                 the applications menu, opens the dashboard",
            ),
        }
    }
}

/// Asks the session bus. Blocks for some milliseconds.
#[cfg(target_os = "linux")]
pub fn visibility() -> Visibility {
    let asked = SessionBus::connect().and_then(|bus| bus.has_tray_host());
    match asked {
        Ok(true) => Visibility::Shown,
        Ok(false) => Visibility::NoHost,
        Err(zbus::Error::FDO(_) | zbus::Error::MethodError(..)) => Visibility::NoHost,
        Err(_) => Visibility::NoBus,
    }
}

/// These systems always have a tray.
#[cfg(not(target_os = "linux"))]
pub fn visibility() -> Visibility {
    Visibility::Shown
}
