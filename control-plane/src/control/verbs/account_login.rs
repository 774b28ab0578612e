//! `account login`: replaces an account's credential; its settings stay.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::account::{self, AddedAccount, CredentialInput, StoreOptions};
use crate::control::refusal::Refusal;
use crate::control::service::ControlService;
use crate::control::verb::{Needs, SIGN_IN_LIMIT, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct AccountLogin {
    pub name: String,
    pub credential: CredentialInput,
    #[serde(flatten)]
    pub options: StoreOptions,
}

impl Verb for AccountLogin {
    type Response = AddedAccount;
    const NAME: &'static str = "account_login";
    const TIME_LIMIT: Duration = SIGN_IN_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(
        self,
        service: &ControlService,
        notes: &Notes,
    ) -> Result<AddedAccount, ControlError> {
        let accounts = &service.accounts;
        let account = account::find(accounts, &self.name)?;
        let provider = account::provider_for(accounts, &account.provider)?;
        let credential = match &self.credential {
            CredentialInput::SameForNewAddress => {
                let Some(sealed) = accounts.vault().get(&account.name) else {
                    return Err(ControlError::failed(Refusal::NothingStored {
                        name: account.name.to_string(),
                    }));
                };
                sealed.credential
            }
            input => {
                let (_, credential) =
                    account::read_credential(service, input, &account, &provider, notes).await?;
                credential
            }
        };
        account::store_credential(service, account, credential, &provider, self.options, notes)
            .await
    }
}
