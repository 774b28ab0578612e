//! Accounts on their way to another machine.

use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::account::{self, ChangeKind, Export, Preview, Secret};
use crate::control::{ControlError, ControlService};

/// A sealed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// In base64.
    pub sealed: String,
    pub accounts: Vec<String>,
}

impl Exported {
    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        STANDARD.decode(&self.sealed).unwrap_or_default()
    }
}

/// What an import changed, or would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    pub is_done: bool,
    pub changes: Vec<ImportChange>,
}

/// What an import does with one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportChange {
    pub name: String,
    pub provider: String,
    /// Where its credential may go.
    pub address: Option<String>,
    /// `adds`, `same` or `replaces`.
    pub change: String,
    /// What is replaced, in words.
    pub replaces: Vec<String>,
}

impl ImportChange {
    fn of(change: &account::Change) -> Self {
        let (word, replaces) = match &change.kind {
            ChangeKind::Adds => ("adds", Vec::new()),
            ChangeKind::Same => ("same", Vec::new()),
            ChangeKind::Replaces {
                settings,
                credential,
                provider_before,
                address_before,
            } => {
                let parts = [
                    settings.then(|| "its settings".to_owned()),
                    credential.then(|| "its credential".to_owned()),
                    provider_before
                        .as_ref()
                        .map(|before| format!("its provider, which is `{before}`")),
                    address_before
                        .as_ref()
                        .map(|before| format!("its address, which is {before}")),
                ];
                ("replaces", parts.into_iter().flatten().collect())
            }
        };
        Self {
            name: change.name.to_string(),
            provider: change.provider.clone(),
            address: change.address.as_ref().map(ToString::to_string),
            change: word.to_owned(),
            replaces,
        }
    }
}

impl ControlService {
    /// All accounts that were added, sealed with a passphrase.
    pub(in crate::control) async fn export(
        &self,
        passphrase: Secret,
    ) -> Result<Exported, ControlError> {
        self.with_vault(|vault| vault.open()).await?;
        let accounts = self.sources().added();
        let names = accounts
            .iter()
            .map(|account| account.name.to_string())
            .collect();
        let exported = |account: account::Account| account::Exported {
            sealed: self.vault().get(&account.name),
            account,
        };
        let export = Export {
            made_at: SystemTime::now(),
            accounts: accounts.into_iter().map(exported).collect(),
        };
        let sealed = blocking(move || export.seal(&passphrase))
            .await?
            .map_err(ControlError::failed)?;
        Ok(Exported {
            sealed: STANDARD.encode(sealed),
            accounts: names,
        })
    }

    /// Reads an export and, where that is asked for, takes it over.
    pub(in crate::control) async fn import(
        &self,
        file: &str,
        passphrase: Secret,
        is_done: bool,
    ) -> Result<Imported, ControlError> {
        let bytes = STANDARD
            .decode(file)
            .map_err(|_| ControlError::usage("expected an export in base64"))?;
        let export = blocking(move || Export::open(&bytes, &passphrase))
            .await?
            .map_err(ControlError::failed)?;
        self.with_vault(|vault| vault.open()).await?;
        let preview = Preview::of(&export, &self.sources().added(), &|name| {
            self.vault().get(name)
        });
        let changes = preview.changes.iter().map(ImportChange::of).collect();
        if is_done {
            self.take(export).await?;
        }
        Ok(Imported { is_done, changes })
    }

    async fn take(&self, export: Export) -> Result<(), ControlError> {
        let sealed: Vec<_> = export
            .accounts
            .iter()
            .filter_map(|exported| Some((exported.account.name.clone(), exported.sealed.clone()?)))
            .collect();
        if !sealed.is_empty() {
            self.with_vault(move |vault| vault.put_all(sealed)).await?;
        }
        for exported in export.accounts {
            self.store
                .put_account(exported.account)
                .await
                .map_err(ControlError::failed)?;
        }
        self.changed();
        Ok(())
    }
}

/// Work that takes some tenths of a second.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ControlError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ControlError::failed("the verb broke; this is a bug"))
}
