//! `account add`: adds an account, and makes a test call with what was entered.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::account::{Account, Source};
use crate::accounts::roster;
use crate::control::account::{self, AddedAccount, CredentialInput, StoreOptions};
use crate::control::service::ControlService;
use crate::control::verb::{Needs, SIGN_IN_LIMIT, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct AccountAdd {
    pub provider: String,
    /// `None`: it is called by its provider.
    pub name: Option<String>,
    pub credential: CredentialInput,
    #[serde(flatten)]
    pub options: StoreOptions,
}

impl Verb for AccountAdd {
    type Response = AddedAccount;
    const NAME: &'static str = "account_add";
    const TIME_LIMIT: Duration = SIGN_IN_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(
        self,
        service: &ControlService,
        notes: &Notes,
    ) -> Result<AddedAccount, ControlError> {
        let accounts = &service.accounts;
        let provider = account::provider_for(accounts, &self.provider)?;
        let name = account::free_name(accounts, self.name.as_deref(), &provider)?;
        let account = roster::account(name, &provider.name, Source::Vault, SystemTime::now());
        let (source, credential) =
            account::read_credential(service, &self.credential, &account, &provider, notes).await?;
        let account = Account { source, ..account };
        account::store_credential(service, account, credential, &provider, self.options, notes)
            .await
    }
}
