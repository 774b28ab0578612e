//! `account set`, `enable` and `disable`: changes what a person set for an account.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::control::account::{self, AccountFacts, SettingChanges};
use crate::control::refusal::Refusal;
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct AccountSet {
    pub name: String,
    pub changes: SettingChanges,
}

impl AccountSet {
    /// Lets an account serve, or keeps it from serving.
    pub fn enabled(name: String, is_enabled: bool) -> Self {
        let changes = SettingChanges {
            enabled: Some(is_enabled),
            ..SettingChanges::default()
        };
        Self { name, changes }
    }
}

impl Verb for AccountSet {
    type Response = AccountFacts;
    const NAME: &'static str = "account_set";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<AccountFacts, ControlError> {
        if self.changes.is_empty() {
            return Err(ControlError::usage(Refusal::NothingToSet {
                example: "--priority 10",
            }));
        }
        let account = account::find(&service.accounts, &self.name)?;
        let settings = self.changes.apply(&account.settings)?;
        let account = Account {
            settings,
            ..account
        }
        .kept(SystemTime::now());
        service
            .store()
            .put_account(account)
            .await
            .map_err(ControlError::caused_by)?;
        service.accounts_changed().await;
        account::show(&service.accounts, &self.name)
    }
}
