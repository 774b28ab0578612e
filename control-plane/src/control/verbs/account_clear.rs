//! `account clear`: ends all cooldowns of an account.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::account::{self, AccountFacts};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct AccountClear {
    pub name: String,
}

impl Verb for AccountClear {
    type Response = AccountFacts;
    const NAME: &'static str = "account_clear";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<AccountFacts, ControlError> {
        let account = account::find(&service.accounts, &self.name)?;
        service.pool().clear(&account.name);
        account::show(&service.accounts, &self.name)
    }
}
