//! `account export`: all accounts that were added, sealed with a passphrase.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::account::{self, Export};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes, WireSecret};

#[derive(Debug, Serialize, Deserialize)]
pub struct AccountExport {
    pub passphrase: WireSecret,
}

/// A sealed file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportedAccounts {
    /// In base64.
    pub sealed: String,
    pub accounts: Vec<String>,
}

impl ExportedAccounts {
    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        STANDARD.decode(&self.sealed).unwrap_or_default()
    }
}

impl Verb for AccountExport {
    type Response = ExportedAccounts;
    const NAME: &'static str = "account_export";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(
        self,
        service: &ControlService,
        _: &Notes,
    ) -> Result<ExportedAccounts, ControlError> {
        let WireSecret(passphrase) = self.passphrase;
        let opened = service.accounts.open_vault().await;
        opened.map_err(ControlError::caused_by)?;
        let vault = service.accounts.vault();
        let mut names = Vec::new();
        let mut accounts = Vec::new();
        for account in service.accounts.added() {
            names.push(account.name.to_string());
            accounts.push(account::Exported {
                sealed: vault.get(&account.name),
                account,
            });
        }
        let export = Export {
            made_at: SystemTime::now(),
            accounts,
        };
        // Deriving the key takes some tenths of a second.
        let sealed = tokio::task::spawn_blocking(move || export.seal(&passphrase))
            .await
            .map_err(|_| ControlError::broke())?
            .map_err(ControlError::quoted)?;
        Ok(ExportedAccounts {
            sealed: STANDARD.encode(sealed),
            accounts: names,
        })
    }
}
