//! Accounts for another machine: one file, sealed with a passphrase.
//!
//! An import is read first and shown as a [`Preview`]. Reading changes nothing.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::vault::{
    Damage, FileFormat, FormatError, Kdf, KeyKind, PASSPHRASE_CHARS_MIN, SealedBytes, SealingKey,
    VaultEntryDef, seal,
};
use super::{Account, AccountName, Address, Secret, VaultEntry, timestamp};

const FORMAT: FileFormat = FileFormat {
    title: "aerostat export",
    version: 1,
};

/// Accounts with their settings and credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    #[serde(with = "timestamp")]
    pub made_at: SystemTime,
    pub accounts: Vec<Exported>,
}

/// One account of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    pub account: Account,
    /// `None` where the account has no vault entry: it is keyless, or its key is in the
    /// environment.
    #[serde(
        default,
        with = "sealed_option",
        skip_serializing_if = "Option::is_none"
    )]
    pub sealed: Option<VaultEntry>,
}

mod sealed_option {
    use super::*;
    use serde::{Deserializer, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Entry(#[serde(with = "VaultEntryDef")] VaultEntry);

    pub(super) fn serialize<S: Serializer>(
        sealed: &Option<VaultEntry>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        sealed.clone().map(Entry).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<VaultEntry>, D::Error> {
        Ok(Option::<Entry>::deserialize(deserializer)?.map(|entry| entry.0))
    }
}

/// Why an export can't be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    #[error("the passphrase of an export has at least {PASSPHRASE_CHARS_MIN} characters")]
    ShortPassphrase,
    #[error("this is no export of Aerostat: {0}")]
    NoExport(Damage),
    #[error(
        "the export was written by a newer Aerostat (version {found}, this one reads up to {known}): update Aerostat"
    )]
    Newer { found: u32, known: u32 },
    #[error(
        "the export does not open: the passphrase is another, or the file was damaged on its way"
    )]
    DoesNotOpen,
    #[error("the export names the account `{0}` twice")]
    Twice(AccountName),
}

impl Export {
    /// Seals the file. Takes some tenths of a second.
    ///
    /// # Errors
    /// When the passphrase is too short.
    pub fn seal(&self, passphrase: &Secret) -> Result<Vec<u8>, ExportError> {
        if passphrase.expose().chars().count() < PASSPHRASE_CHARS_MIN {
            return Err(ExportError::ShortPassphrase);
        }
        let kdf = Kdf::fresh();
        let key = kdf.derive(passphrase).expect("the parameters are our own");
        let text = Zeroizing::new(
            serde_json::to_vec(self)
                .expect("names are strings, and timestamps within jiff's range"),
        );
        Ok(seal(FORMAT, &SealingKey::from_passphrase(kdf, key), &text))
    }

    /// Reads a sealed file.
    ///
    /// # Errors
    /// When it is no export, or does not open with this passphrase.
    pub fn open(bytes: &[u8], passphrase: &Secret) -> Result<Self, ExportError> {
        let sealed_bytes = SealedBytes::parse(FORMAT, bytes).map_err(format_error)?;
        // Aerostat never writes an export in plain text.
        if sealed_bytes.key_kind() != KeyKind::Passphrase {
            return Err(ExportError::NoExport(Damage::NoPassphrase));
        }
        let kdf = sealed_bytes
            .kdf()
            .ok_or(ExportError::NoExport(Damage::NoKdf))?;
        let key = kdf
            .derive(passphrase)
            .ok_or(ExportError::NoExport(Damage::OutlandishKdf))?;
        let text = sealed_bytes
            .unseal(&SealingKey::from_passphrase(kdf.clone(), key))
            .ok_or(ExportError::DoesNotOpen)?;
        let export: Self =
            serde_json::from_slice(&text).map_err(|_| ExportError::NoExport(Damage::Content))?;
        export.check_names()?;
        Ok(export)
    }

    fn check_names(&self) -> Result<(), ExportError> {
        let mut names: Vec<&AccountName> = self
            .accounts
            .iter()
            .map(|exported| &exported.account.name)
            .collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        twice.map_or(Ok(()), |pair| Err(ExportError::Twice(pair[0].clone())))
    }
}

fn format_error(error: FormatError) -> ExportError {
    match error {
        FormatError::Damaged(why) => ExportError::NoExport(why),
        FormatError::Newer { found } => ExportError::Newer {
            found,
            known: FORMAT.version,
        },
    }
}

/// What an import would do, account by account, in the order of the export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    pub changes: Vec<Change>,
}

/// What an import would do with one account. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    pub name: AccountName,
    pub provider: String,
    /// The origin that the imported credential may be sent to. `None` where there is none.
    pub address: Option<Address>,
    #[serde(flatten)]
    pub kind: ChangeKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ChangeKind {
    /// No account has this name yet.
    Adds,
    /// The account exists and is identical.
    Same,
    /// An account of this name exists and would be replaced.
    Replaces {
        /// Priority, limits and the like differ.
        settings: bool,
        credential: bool,
        /// The account's present provider, where it is another one.
        provider_before: Option<String>,
        /// The origin of its present credential, where it is another one.
        address_before: Option<Address>,
    },
}

impl Preview {
    /// Compares an export with the present accounts; `sealed` looks up an account's vault entry.
    pub fn of(
        export: &Export,
        here: &[Account],
        sealed: &dyn Fn(&AccountName) -> Option<VaultEntry>,
    ) -> Self {
        let change = |exported: &Exported| {
            let name = &exported.account.name;
            let present = here.iter().find(|account| account.name == *name);
            Change {
                name: name.clone(),
                provider: exported.account.provider.clone(),
                address: exported
                    .sealed
                    .as_ref()
                    .map(|sealed| sealed.address.clone()),
                kind: present.map_or(ChangeKind::Adds, |present| {
                    compare(exported, present, sealed(name))
                }),
            }
        };
        Self {
            changes: export.accounts.iter().map(change).collect(),
        }
    }
}

fn compare(exported: &Exported, present: &Account, sealed: Option<VaultEntry>) -> ChangeKind {
    let Exported {
        account,
        sealed: imported,
    } = exported;
    let settings = (&account.settings, &account.source) != (&present.settings, &present.source);
    let credential = *imported != sealed;
    let provider_before = (account.provider != present.provider).then(|| present.provider.clone());
    if !settings && !credential && provider_before.is_none() {
        return ChangeKind::Same;
    }
    let address_before = sealed.map(|sealed| sealed.address);
    let is_elsewhere = address_before != imported.as_ref().map(|sealed| sealed.address.clone());
    ChangeKind::Replaces {
        settings,
        credential,
        provider_before,
        address_before: address_before.filter(|_| is_elsewhere),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AccountSettings, Credential, Source};
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    fn sealed(address: &str, key: &str) -> VaultEntry {
        VaultEntry {
            provider: "lab".to_owned(),
            address: address.parse().unwrap(),
            credential: Credential::Key(secret(key)),
        }
    }

    fn exported(name: &str, sealed: Option<VaultEntry>) -> Exported {
        let account = Account {
            name: name.parse().unwrap(),
            provider: "lab".to_owned(),
            source: if sealed.is_some() {
                Source::Vault
            } else {
                Source::Keyless
            },
            settings: AccountSettings::default(),
            added_at: SystemTime::UNIX_EPOCH,
        };
        Exported { account, sealed }
    }

    fn export(accounts: Vec<Exported>) -> Export {
        Export {
            made_at: SystemTime::UNIX_EPOCH,
            accounts,
        }
    }

    #[test]
    fn an_export_opens_with_its_passphrase_only() {
        let export = export(vec![
            exported("work", Some(sealed("https://a.example", "sk-live-1"))),
            exported("local", None),
        ]);
        let bytes = export.seal(&secret("correct horse")).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"sk-live-1"));
        assert_eq!(
            Export::open(&bytes, &secret("correct horse")).unwrap(),
            export
        );
        assert_eq!(
            Export::open(&bytes, &secret("battery staple")),
            Err(ExportError::DoesNotOpen)
        );
        let mut damaged = bytes;
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(
            Export::open(&damaged, &secret("correct horse")),
            Err(ExportError::DoesNotOpen)
        );
    }

    #[test]
    fn what_is_no_export_is_refused_before_any_passphrase_counts() {
        let open = |bytes: &[u8]| {
            Export::open(bytes, &secret("correct horse"))
                .unwrap_err()
                .to_string()
        };
        assert!(open(b"{}").contains("no export of Aerostat"));
        assert!(open(b"aerostat export 9\n{}\n").contains("update Aerostat"));
        assert!(
            open(&seal(FORMAT, &SealingKey::plaintext(), b"{}"))
                .contains("not sealed with a passphrase")
        );
        assert_eq!(
            export(vec![]).seal(&secret("short")),
            Err(ExportError::ShortPassphrase)
        );
    }

    #[test]
    fn a_name_that_comes_twice_is_refused() {
        let bytes = export(vec![
            exported("a", None),
            exported("b", None),
            exported("a", None),
        ])
        .seal(&secret("correct horse"))
        .unwrap();
        assert_eq!(
            Export::open(&bytes, &secret("correct horse")),
            Err(ExportError::Twice("a".parse().unwrap()))
        );
    }

    #[test]
    fn a_preview_tells_what_would_change_and_where_credentials_would_go() {
        let (near, far) = ("https://a.example", "https://evil.example");
        let mut faster = exported("tuned", Some(sealed(near, "k")));
        faster.account.settings.priority = 1;
        let export = export(vec![
            exported("new", None),
            exported("same", Some(sealed(near, "k"))),
            faster,
            exported("moved", Some(sealed(far, "k"))),
        ]);
        let here: Vec<Account> = ["same", "tuned", "moved"]
            .map(|name| exported(name, Some(sealed(near, "k"))).account)
            .into();
        let preview = Preview::of(&export, &here, &|_| Some(sealed(near, "k")));
        let kinds: Vec<ChangeKind> = preview
            .changes
            .iter()
            .map(|change| change.kind.clone())
            .collect();
        let replaces = |settings, credential, address_before| ChangeKind::Replaces {
            settings,
            credential,
            provider_before: None,
            address_before,
        };
        assert_eq!(kinds[0], ChangeKind::Adds);
        assert_eq!(kinds[1], ChangeKind::Same);
        assert_eq!(kinds[2], replaces(true, false, None));
        assert_eq!(kinds[3], replaces(false, true, Some(near.parse().unwrap())));
        assert_eq!(preview.changes[3].address, Some(far.parse().unwrap()));
        assert!(!serde_json::to_string(&preview).unwrap().contains("\"k\""));
    }

    #[test]
    fn an_account_that_another_provider_has_here_is_told() {
        let mut theirs = exported("work", Some(sealed("https://a.example", "k")));
        theirs.account.provider = "other".to_owned();
        let here = [exported("work", Some(sealed("https://a.example", "k"))).account];
        let preview = Preview::of(&export(vec![theirs]), &here, &|_| None);
        let ChangeKind::Replaces {
            provider_before, ..
        } = &preview.changes[0].kind
        else {
            panic!("{preview:?}")
        };
        assert_eq!(provider_before.as_deref(), Some("lab"));
    }
}
