//! `account test`: makes one call as an account, if it has what it takes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::account::{self, AccountFacts, TestResult};
use crate::control::refusal::{Refusal, TestWords};
use crate::control::service::ControlService;
use crate::control::verb::{CALL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::language::Said;

#[derive(Debug, Serialize, Deserialize)]
pub struct AccountTest {
    pub name: String,
}

/// What a test call showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestedAccount {
    pub account: AccountFacts,
    pub works: bool,
    /// One sentence: what the provider said, or that it took the account.
    pub message: Said,
    pub models: Vec<String>,
}

impl Verb for AccountTest {
    type Response = TestedAccount;
    const NAME: &'static str = "account_test";
    const TIME_LIMIT: Duration = CALL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<TestedAccount, ControlError> {
        let accounts = &service.accounts;
        let account = account::find(accounts, &self.name)?;
        let facts = account::show(accounts, &self.name)?;
        let member = accounts
            .members()
            .into_iter()
            .find(|member| member.account.name == account.name);
        let credential = match member.map(|member| member.credential) {
            Some(Ok(credential)) => credential,
            Some(Err(need)) => {
                let why = Said::in_each(|language| need.text(language));
                return Ok(not_called(facts, why));
            }
            None => {
                let status = &facts.status;
                let why = Said::in_each(|language| status.reason_in(language).unwrap_or_default());
                return Ok(not_called(facts, why));
            }
        };
        let config = accounts.effective_config();
        let provider = config
            .provider(&account.provider)
            .ok_or_else(|| ControlError::failed(Refusal::ProviderGone))?;
        let tested = match account::bearer(service, &account, provider, credential).await {
            Ok(bearer) => {
                let environment = &*service.environment;
                account::test_call(environment, &config, provider, &account, bearer).await
            }
            Err(tested) => tested,
        };
        service.accounts_changed().await;
        let (works, message, models) = match tested {
            TestResult::Works { models, balance } => {
                service.pool().record_balance(&account.name, balance);
                let provider = provider.name.clone();
                let message = TestWords::Takes { provider }.into();
                (true, message, models)
            }
            TestResult::Refused { why } | TestResult::Inconclusive { why } => {
                (false, why, Vec::new())
            }
        };
        Ok(TestedAccount {
            account: account::show(accounts, &self.name)?,
            works,
            message,
            models,
        })
    }
}

fn not_called(account: AccountFacts, why: Said) -> TestedAccount {
    TestedAccount {
        account,
        works: false,
        message: why,
        models: Vec::new(),
    }
}
