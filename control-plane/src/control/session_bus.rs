//! What the desktop session offers over D-Bus: a place for tray icons, notifications, a keyring.

use std::time::Duration;

use zbus::blocking::Connection;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use super::session_offers::SessionOffers;

/// How long each question may take: what answers on the bus answers in milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// The session's bus.
pub struct SessionBus(Connection);

impl SessionBus {
    /// # Errors
    /// When this session has no bus.
    pub fn connect() -> zbus::Result<Self> {
        let bus = zbus::blocking::connection::Builder::session()?;
        bus.method_timeout(ANSWER_TIMEOUT).build().map(Self)
    }

    /// Asks for everything. Blocks for some milliseconds, and for seconds where something hangs.
    pub fn offers(&self) -> SessionOffers {
        SessionOffers {
            tray_host: self.has_tray_host().unwrap_or(false),
            notifications: self.notification_daemon().ok(),
            is_keyring_locked: self.is_keyring_locked().ok(),
        }
    }

    /// Whether anything shows tray icons.
    ///
    /// Source: StatusNotifierItem specification, `org.kde.StatusNotifierWatcher`.
    ///
    /// # Errors
    /// When nothing on the bus knows of tray icons.
    pub fn has_tray_host(&self) -> zbus::Result<bool> {
        const WATCHER: &str = "org.kde.StatusNotifierWatcher";
        let value = self.property(
            WATCHER,
            "/StatusNotifierWatcher",
            WATCHER,
            "IsStatusNotifierHostRegistered",
        )?;
        Ok(bool::try_from(value)?)
    }

    /// Source: Desktop Notifications Specification 1.2, `GetServerInformation`.
    fn notification_daemon(&self) -> zbus::Result<String> {
        const DAEMON: &str = "org.freedesktop.Notifications";
        let path = "/org/freedesktop/Notifications";
        let answer = self.0.call_method(
            Some(DAEMON),
            path,
            Some(DAEMON),
            "GetServerInformation",
            &(),
        )?;
        let (name, _, version, _): (String, String, String, String) =
            answer.body().deserialize()?;
        Ok(format!("{name} {version}"))
    }

    /// Source: Secret Service API, `ReadAlias` and the collection's `Locked`.
    fn is_keyring_locked(&self) -> zbus::Result<bool> {
        const SECRETS: &str = "org.freedesktop.secrets";
        let answer = self.0.call_method(
            Some(SECRETS),
            "/org/freedesktop/secrets",
            Some("org.freedesktop.Secret.Service"),
            "ReadAlias",
            &("default",),
        )?;
        let collection: OwnedObjectPath = answer.body().deserialize()?;
        // The path of no object: a keyring that was never set up, or not unlocked since the login.
        if collection.as_str() == "/" {
            return Ok(true);
        }
        let value = self.property(
            SECRETS,
            collection.as_str(),
            "org.freedesktop.Secret.Collection",
            "Locked",
        )?;
        Ok(bool::try_from(value)?)
    }

    fn property(
        &self,
        service: &str,
        path: &str,
        interface: &str,
        name: &str,
    ) -> zbus::Result<OwnedValue> {
        let properties = Some("org.freedesktop.DBus.Properties");
        let answer =
            self.0
                .call_method(Some(service), path, properties, "Get", &(interface, name))?;
        answer.body().deserialize()
    }
}
