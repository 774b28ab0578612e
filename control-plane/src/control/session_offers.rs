//! What a desktop session offers to a program with a tray.

/// What the session offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionOffers {
    /// Whether anything shows tray icons.
    pub tray_host: bool,
    /// The program that shows notifications.
    pub notifications: Option<String>,
    /// Whether the keyring's usual collection is locked. `None` where no keyring runs, or it has
    /// none yet.
    pub is_keyring_locked: Option<bool>,
}
