//! `account import`: reads an export and, where that is asked for, takes its accounts over.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::account::{self, ChangeKind, Export, Preview};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes, WireSecret};
use crate::language::Said;

#[derive(Debug, Serialize, Deserialize)]
pub struct AccountImport {
    /// An export in base64.
    pub file: String,
    pub passphrase: WireSecret,
    /// Whether to change anything; else it is a dry run.
    pub is_meant: bool,
}

/// What an import changed, or would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedAccounts {
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
    pub change: ImportKind,
    /// What is replaced, in words.
    pub replaces: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportKind {
    Adds,
    Same,
    Replaces,
}

impl Verb for AccountImport {
    type Response = ImportedAccounts;
    const NAME: &'static str = "account_import";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(
        self,
        service: &ControlService,
        _: &Notes,
    ) -> Result<ImportedAccounts, ControlError> {
        let WireSecret(passphrase) = self.passphrase;
        let bytes = STANDARD
            .decode(&self.file)
            .map_err(|_| ControlError::usage(Said::quoted("expected an export in base64")))?;
        // Deriving the key takes some tenths of a second.
        let export = tokio::task::spawn_blocking(move || Export::open(&bytes, &passphrase))
            .await
            .map_err(|_| ControlError::broke())?
            .map_err(ControlError::quoted)?;
        let opened = service.accounts.open_vault().await;
        opened.map_err(ControlError::caused_by)?;
        let vault = service.accounts.vault();
        let preview = Preview::of(&export, &service.accounts.added(), &|name| vault.get(name));
        let changes = preview.changes.iter().map(ImportChange::of).collect();
        if self.is_meant {
            take_over(service, export).await?;
        }
        Ok(ImportedAccounts {
            is_done: self.is_meant,
            changes,
        })
    }
}

async fn take_over(service: &ControlService, export: Export) -> Result<(), ControlError> {
    let mut sealed = Vec::new();
    for exported in &export.accounts {
        if let Some(credential) = &exported.sealed {
            sealed.push((exported.account.name.clone(), credential.clone()));
        }
    }
    if !sealed.is_empty() {
        service
            .accounts
            .with_vault(move |vault| vault.put_all(sealed))
            .await
            .map_err(ControlError::caused_by)?;
    }
    for exported in export.accounts {
        service
            .store()
            .put_account(exported.account)
            .await
            .map_err(ControlError::caused_by)?;
    }
    service.accounts_changed().await;
    Ok(())
}

impl ImportChange {
    fn of(change: &account::Change) -> Self {
        let (kind, replaces) = match &change.kind {
            ChangeKind::Adds => (ImportKind::Adds, Vec::new()),
            ChangeKind::Same => (ImportKind::Same, Vec::new()),
            ChangeKind::Replaces {
                settings,
                credential,
                provider_before,
                address_before,
            } => {
                let mut parts = Vec::new();
                if *settings {
                    parts.push("its settings".to_owned());
                }
                if *credential {
                    parts.push("its credential".to_owned());
                }
                if let Some(before) = provider_before {
                    parts.push(format!("its provider, which is `{before}`"));
                }
                if let Some(before) = address_before {
                    parts.push(format!("its address, which is {before}"));
                }
                (ImportKind::Replaces, parts)
            }
        };
        Self {
            name: change.name.to_string(),
            provider: change.provider.clone(),
            address: change.address.as_ref().map(ToString::to_string),
            change: kind,
            replaces,
        }
    }
}
