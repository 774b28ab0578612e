//! `account show`: all that is known of one account.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::account::{self, AccountFacts};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct AccountShow {
    pub name: String,
}

impl Verb for AccountShow {
    type Response = AccountFacts;
    const NAME: &'static str = "account_show";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<AccountFacts, ControlError> {
        account::show(&service.accounts, &self.name)
    }
}
