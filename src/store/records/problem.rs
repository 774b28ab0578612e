//! Why records are not kept at the moment: a sentence that says what still works and what to do.

use rusqlite::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::store::StoreError;

/// Why nothing is recorded. Requests are served all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RecordsProblem {
    #[error(
        "Free some space on the disk: it is full, so requests are served and not recorded; recording goes on by itself"
    )]
    DiskFull,
    #[error(
        "Make `records.db` writable: it is read-only, so requests are served and not recorded; recording goes on by itself"
    )]
    ReadOnly,
    #[error(
        "Move `records.db` and, where they are there, `records.db-wal` and `records.db-shm` away and start Aerostat again: the \
         file is damaged ({why}), so requests are served and not recorded"
    )]
    Damaged { why: String },
    #[error(
        "Install the newer Aerostat again, or move `records.db` away and start this one again: a newer version made the file, so \
         requests are served and not recorded"
    )]
    Newer,
    #[error(
        "Move `records.db` away and start Aerostat again: it belongs to another program, so requests are served and not recorded"
    )]
    Foreign,
    #[error(
        "`records.db` cannot be used ({why}), so requests are served and not recorded; it is tried again"
    )]
    Unusable { why: String },
}

impl RecordsProblem {
    /// Whether the same file may be written to later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::DiskFull | Self::ReadOnly | Self::Unusable { .. }
        )
    }

    /// One word for logs and scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::ReadOnly => "read_only",
            Self::Damaged { .. } => "damaged",
            Self::Newer => "newer",
            Self::Foreign => "foreign",
            Self::Unusable { .. } => "unusable",
        }
    }
}

impl From<rusqlite::Error> for RecordsProblem {
    fn from(error: rusqlite::Error) -> Self {
        let why = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::ReadOnly) => Self::ReadOnly,
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Self::Damaged { why },
            _ => Self::Unusable { why },
        }
    }
}

impl From<StoreError> for RecordsProblem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Newer { .. } => Self::Newer,
            StoreError::Damaged { why } => Self::Damaged { why },
            StoreError::Foreign => Self::Foreign,
            StoreError::Backup { why } | StoreError::Unusable { why } => Self::Unusable { why },
            StoreError::Gone => Self::Unusable {
                why: "it was deleted or replaced".to_owned(),
            },
            StoreError::Closed => Self::Unusable {
                why: "the agent ends".to_owned(),
            },
        }
    }
}
