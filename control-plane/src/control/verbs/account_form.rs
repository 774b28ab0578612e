//! What a provider wants of a new account, before anything is entered.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::account::{self, CredentialForm};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct AccountForm {
    pub provider: String,
    /// `None`: it is called by its provider.
    pub name: Option<String>,
}

impl Verb for AccountForm {
    type Response = CredentialForm;
    const NAME: &'static str = "account_form";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(
        self,
        service: &ControlService,
        _: &Notes,
    ) -> Result<CredentialForm, ControlError> {
        let provider = account::provider_for(&service.accounts, &self.provider)?;
        account::free_name(&service.accounts, self.name.as_deref(), &provider)?;
        Ok(account::form_of(&provider))
    }
}
