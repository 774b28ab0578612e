//! Why the vault cannot be read or written, in sentences that say what to do.

use std::io;

use super::super::AccountName;

/// Why a credential could not be read or stored. The file is unchanged in every case.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The key is not available at the moment. The same call may succeed later.
    #[error("the vault is locked: {0}")]
    Locked(String),
    /// No key source is available: none could store a new key, or the one that the vault needs was
    /// not given.
    #[error("{0}")]
    NeedsKey(String),
    /// A key was found, and the vault was sealed with another.
    #[error("{0}")]
    WrongKey(String),
    /// The file does not hold what was written. It is left untouched.
    #[error(
        "the vault file is damaged ({why}); it was left as it is{}: put a backup in its place, or move it away and add the accounts again",
        .copy.as_deref().map(|copy| format!(", and copied to `{copy}`")).unwrap_or_default()
    )]
    Damaged { why: String, copy: Option<String> },
    #[error(
        "the vault was written by a newer Aerostat (version {found}, this one reads up to {known}): update Aerostat"
    )]
    Newer { found: u32, known: u32 },
    #[error("the vault holds no credential of the account `{0}`")]
    Unknown(AccountName),
    /// The disk failed: full, read-only, gone.
    #[error("the vault could not be {doing}: {}", io_advice(.source))]
    Io {
        doing: &'static str,
        source: io::Error,
    },
}

impl VaultError {
    /// Whether the same call may succeed later without anyone changing files or settings.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Locked(_) | Self::Io { .. })
    }

    /// The text without the statement that the vault is locked.
    pub(super) fn detail(&self) -> String {
        match self {
            Self::Locked(why) => why.clone(),
            other => other.to_string(),
        }
    }

    pub(super) fn io(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    pub(super) fn damaged(why: impl Into<String>) -> Self {
        Self::Damaged {
            why: why.into(),
            copy: None,
        }
    }
}

/// What the user can do about it, where something can be done.
fn io_advice(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "no space is left; make room and try again".to_owned()
        }
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_some() => {
            "it belongs to someone else, or its folder is read-only".to_owned()
        }
        io::ErrorKind::ReadOnlyFilesystem => "its disk is read-only".to_owned(),
        _ => error.to_string(),
    }
}
