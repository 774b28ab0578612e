//! What a desktop session offers to a program with a tray.

/// What the session offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOffers {
    /// Whether anything shows tray icons.
    pub tray_host: bool,
    /// The program that shows notifications.
    pub notifications: Option<String>,
    /// Whether the keyring's usual collection is locked, or was never set up. `None` where no
    /// keyring runs.
    pub is_keyring_locked: Option<bool>,
}
