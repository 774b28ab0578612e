//! Whether the desktop shows tray icons.

#[cfg(target_os = "linux")]
use super::texts::Texts;
#[cfg(target_os = "linux")]
use crate::control::session_bus::SessionBus;
use crate::language::Language;

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
    pub fn advice(self, language: Language) -> Option<&'static str> {
        #[cfg(target_os = "linux")]
        let texts = Texts(language);
        #[cfg(not(target_os = "linux"))]
        let _ = language;
        match self {
            Self::Shown => None,
            #[cfg(target_os = "linux")]
            Self::NoBus => Some(texts.session_has_no_tray()),
            #[cfg(target_os = "linux")]
            Self::NoHost => Some(texts.desktop_shows_no_icons()),
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
