//! Whether the desktop shows tray icons.

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
    match ask_watcher() {
        Ok(true) => Visibility::Shown,
        Ok(false) => Visibility::NoHost,
        Err(zbus::Error::FDO(_) | zbus::Error::MethodError(..)) => Visibility::NoHost,
        Err(_) => Visibility::NoBus,
    }
}

/// Source: StatusNotifierItem specification, `org.kde.StatusNotifierWatcher`.
#[cfg(target_os = "linux")]
fn ask_watcher() -> zbus::Result<bool> {
    const WATCHER: &str = "org.kde.StatusNotifierWatcher";
    let bus = zbus::blocking::Connection::session()?;
    let asked = (WATCHER, "IsStatusNotifierHostRegistered");
    let properties = Some("org.freedesktop.DBus.Properties");
    let answer = bus.call_method(
        Some(WATCHER),
        "/StatusNotifierWatcher",
        properties,
        "Get",
        &asked,
    )?;
    let value: zbus::zvariant::OwnedValue = answer.body().deserialize()?;
    Ok(bool::try_from(value)?)
}

/// These systems always have a tray.
#[cfg(not(target_os = "linux"))]
pub fn visibility() -> Visibility {
    Visibility::Shown
}
