//! `account list`: the accounts with their state and limits.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::account::{self, AccountFacts};
use crate::control::service::ControlService;
use crate::control::verb::{LOCAL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};

#[derive(Debug, Serialize, Deserialize)]
pub struct AccountList {}

impl Verb for AccountList {
    type Response = Vec<AccountFacts>;
    const NAME: &'static str = "account_list";
    const TIME_LIMIT: Duration = LOCAL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(
        self,
        service: &ControlService,
        _: &Notes,
    ) -> Result<Vec<AccountFacts>, ControlError> {
        Ok(account::list(&service.accounts))
    }
}
