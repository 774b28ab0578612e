//! Why the vault cannot be read or written, in sentences that say what to do.

use std::borrow::Cow;
use std::fmt;
use std::io;

use super::super::AccountName;
use crate::language::{InLanguage, Language, Said, said, texts};

/// Why a credential could not be read or stored. The file is unchanged in every case.
#[derive(Debug)]
pub enum VaultError {
    /// The key is not available at the moment. The same call may succeed later.
    Locked(Said),
    /// No key source is available: none could store a new key, or the one that the vault needs was
    /// not given.
    NeedsKey(Said),
    /// A key was found, and the vault was sealed with another.
    WrongKey(Said),
    /// The file does not hold what was written. It is left untouched.
    Damaged {
        why: Damage,
        copy: Option<String>,
    },
    Newer {
        found: u32,
        known: u32,
    },
    Unknown(AccountName),
    /// The disk failed: full, read-only, gone.
    Io {
        doing: FileWork,
        source: io::Error,
    },
}

said! {
    /// In what way the file is not what was written.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Damage;
    Empty: "it is empty" | "sie ist leer";
    FirstLine: "its first line is another" | "ihre erste Zeile ist eine andere";
    CutInHeader: "it ends in its header" | "sie endet in ihrem Kopf";
    Header: "its header can't be read" | "ihr Kopf ist nicht lesbar";
    NoKdf: "its header lacks what a passphrase needs" |
        "ihrem Kopf fehlt, was für eine Passphrase nötig ist";
    OutlandishKdf: "its header asks for outlandish work" |
        "ihr Kopf verlangt maßlosen Rechenaufwand";
    NoPassphrase: "it is not sealed with a passphrase" |
        "sie ist nicht mit einer Passphrase versiegelt";
    OtherBytes: "its bytes are not the ones that were sealed" |
        "ihre Bytes sind nicht die, die versiegelt wurden";
    Content: "what it holds can't be read" | "ihr Inhalt ist nicht lesbar";
}

said! {
    /// What was being done with the file.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum FileWork;
    Read: "read" | "gelesen";
    Locked: "locked" | "gesperrt";
    Written: "written" | "geschrieben";
    MadeDurable: "made durable" | "dauerhaft gespeichert";
    Opened: "opened" | "geöffnet";
}

texts! {
    /// The words of the vault's errors.
    struct Texts;

    locked(why): "the vault is locked: {why}" | "der Tresor ist gesperrt: {why}";
    damaged(why, copied): "the vault file is damaged ({why}); it was left as it is{copied}: put a backup in its place, or move it away and add the accounts again" |
        "die Datei des Tresors ist beschädigt ({why}); sie blieb, wie sie ist{copied}: eine Sicherung an ihre Stelle legen, oder sie verschieben und die Konten neu hinzufügen";
    copied(copy): ", and copied to `{copy}`" | ", eine Kopie liegt in `{copy}`";
    newer(found, known): "the vault was written by a newer Aerostat (version {found}, this one reads up to {known}): update Aerostat" |
        "der Tresor wurde von einem neueren Aerostat geschrieben (Version {found}, dieses liest bis {known}): Aerostat aktualisieren";
    unknown(account): "the vault holds no credential of the account `{account}`" |
        "im Tresor liegen keine Zugangsdaten des Kontos `{account}`";
    io(doing, why): "the vault could not be {doing}: {why}" |
        "der Tresor konnte nicht {doing} werden: {why}";
    no_space: "no space is left; make room and try again" |
        "kein Speicherplatz mehr; Platz schaffen und noch einmal versuchen";
    not_ours: "it belongs to someone else, or its folder is read-only" |
        "er gehört jemand anderem, oder sein Ordner ist schreibgeschützt";
    read_only: "its disk is read-only" | "sein Datenträger ist schreibgeschützt";
}

impl VaultError {
    /// Whether the same call may succeed later without anyone changing files or settings.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Locked(_) | Self::Io { .. })
    }

    /// The text without the statement that the vault is locked.
    pub(super) fn detail(&self) -> Said {
        match self {
            Self::Locked(why) => why.clone(),
            other => Said::of(other),
        }
    }

    pub(super) fn io(doing: FileWork) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    pub(super) fn damaged(why: Damage) -> Self {
        Self::Damaged { why, copy: None }
    }
}

impl InLanguage for VaultError {
    fn text(&self, language: Language) -> Cow<'_, str> {
        let text = Texts(language);
        Cow::Owned(match self {
            Self::Locked(why) => text.locked(why.text(language)),
            Self::NeedsKey(why) | Self::WrongKey(why) => return why.text(language).into(),
            Self::Damaged { why, copy } => {
                let copied = copy.as_deref().map(|copy| text.copied(copy));
                text.damaged(why.text(language), copied.unwrap_or_default())
            }
            Self::Newer { found, known } => text.newer(found, known),
            Self::Unknown(account) => text.unknown(account),
            Self::Io { doing, source } => text.io(doing.text(language), io_advice(source, text)),
        })
    }
}

impl fmt::Display for VaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl std::error::Error for VaultError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// What the user can do about it, where something can be done.
fn io_advice(error: &io::Error, text: Texts) -> Cow<'static, str> {
    Cow::Borrowed(match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => text.no_space(),
        io::ErrorKind::PermissionDenied if error.raw_os_error().is_some() => text.not_ours(),
        io::ErrorKind::ReadOnlyFilesystem => text.read_only(),
        _ => return Cow::Owned(error.to_string()),
    })
}
