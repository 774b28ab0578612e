//! How accounts are chosen.

/// How accounts are chosen among those of the same priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A conversation's own account, even if the request has to wait for it.
    CacheFirst,
    /// A conversation's own account, unless it is limited.
    Balance,
    /// The account with the most capacity left, whatever the conversation.
    Performance,
    /// The first account, until it is limited.
    Drain,
}

impl Mode {
    /// Whether conversations keep to an account.
    pub(crate) fn has_affinity(self) -> bool {
        matches!(self, Self::CacheFirst | Self::Balance)
    }
}
