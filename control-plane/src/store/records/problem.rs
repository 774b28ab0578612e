//! Why records are not kept at the moment: a sentence that says what still works and what to do.

use std::borrow::Cow;

use rusqlite::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::language::{InLanguage, Language, Said, said, texts};
use crate::store::StoreError;

texts! {
    /// The words of what keeps records from being written.
    struct Texts;

    disk_full: "Free some space on the disk: it is full, so requests are served and not recorded; recording goes on by itself" |
        "Speicherplatz freigeben: Die Platte ist voll, Anfragen werden beantwortet und nicht aufgezeichnet; die Aufzeichnung geht von selbst weiter";
    read_only: "Make `records.db` writable: it is read-only, so requests are served and not recorded; recording goes on by itself" |
        "`records.db` beschreibbar machen: Anfragen werden beantwortet und nicht aufgezeichnet; die Aufzeichnung geht von selbst weiter";
    damaged(why): "Move `records.db` and, where they are there, `records.db-wal` and `records.db-shm` away and start Aerostat again: the file is damaged ({why}), so requests are served and not recorded" |
        "`records.db` und, wo vorhanden, `records.db-wal` und `records.db-shm` verschieben und Aerostat neu starten: Die Datei ist beschädigt ({why}), Anfragen werden beantwortet und nicht aufgezeichnet";
    newer: "Install the newer Aerostat again, or move `records.db` away and start this one again: a newer version made the file, so requests are served and not recorded" |
        "Das neuere Aerostat wieder installieren oder `records.db` verschieben und dieses neu starten: Eine neuere Version hat die Datei angelegt, Anfragen werden beantwortet und nicht aufgezeichnet";
    foreign: "Move `records.db` away and start Aerostat again: it belongs to another program, so requests are served and not recorded" |
        "`records.db` verschieben und Aerostat neu starten: Die Datei gehört einem anderen Programm, Anfragen werden beantwortet und nicht aufgezeichnet";
    unusable(why): "`records.db` cannot be used ({why}), so requests are served and not recorded; it is tried again" |
        "`records.db` ist nicht benutzbar ({why}), Anfragen werden beantwortet und nicht aufgezeichnet; es wird erneut versucht";
}

/// Why nothing is recorded. Requests are served all the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[error("{}", self.text(Language::English))]
pub enum RecordsProblem {
    DiskFull,
    ReadOnly,
    Damaged { why: String },
    Newer,
    Foreign,
    Unusable { why: Said },
}

/// The sentence, without its full stop.
impl InLanguage for RecordsProblem {
    fn text(&self, language: Language) -> Cow<'_, str> {
        let text = Texts(language);
        match self {
            Self::DiskFull => text.disk_full().into(),
            Self::ReadOnly => text.read_only().into(),
            Self::Damaged { why } => text.damaged(why).into(),
            Self::Newer => text.newer().into(),
            Self::Foreign => text.foreign().into(),
            Self::Unusable { why } => text.unusable(why.text(language)).into(),
        }
    }
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
            _ => Self::Unusable {
                why: Said::quoted(why),
            },
        }
    }
}

said! {
    /// What became of the file.
    #[derive(Clone, Copy, Debug)]
    pub(super) enum Lost;
    Gone: "it was deleted or replaced" | "sie wurde gelöscht oder ersetzt";
    Closed: "the agent ends" | "der Agent wird beendet";
    NeverOpened: "it cannot be opened" | "sie lässt sich nicht öffnen";
}

impl From<StoreError> for RecordsProblem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Newer { .. } => Self::Newer,
            StoreError::Damaged { why } => Self::Damaged { why },
            StoreError::Foreign => Self::Foreign,
            StoreError::Backup { why } | StoreError::Unusable { why } => Self::Unusable {
                why: Said::quoted(why),
            },
            StoreError::Gone => Self::Unusable {
                why: Lost::Gone.into(),
            },
            StoreError::Closed => Self::Unusable {
                why: Lost::Closed.into(),
            },
        }
    }
}
