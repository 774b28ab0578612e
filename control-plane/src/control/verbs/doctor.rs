//! `doctor`: looks at accounts, providers, vault, store and what failed last.

use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::account_test::AccountTest;
use crate::control::account::{self, AccountFacts};
use crate::control::doctor::accounts::{self, Tested};
use crate::control::doctor::check::{Check, State};
use crate::control::doctor::vault::{self, VaultFacts};
use crate::control::doctor::{bundle, proxies, reach, redaction, served, stores};
use crate::control::service::ControlService;
use crate::control::verb::{Needs, Verb};
use crate::control::wire::{ControlError, Notes};

/// A keyring that asks its person, a provider that hangs, and some rest.
const LIMIT: Duration = Duration::from_secs(75);
/// How long one account's test call may take, with the refresh of its token before it.
const TEST_LIMIT: Duration = Duration::from_secs(25);

#[derive(Debug, Serialize, Deserialize)]
pub struct Doctor {
    /// Whether each account's credential is tried by a call.
    #[serde(rename = "online")]
    pub is_online: bool,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    pub checks: Vec<Check>,
}

impl Verb for Doctor {
    type Response = Examined;
    const NAME: &'static str = "doctor";
    const TIME_LIMIT: Duration = LIMIT;
    // It opens the vault itself: a locked one is a finding.
    const NEEDS: Needs = Needs::Files;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Examined, ControlError> {
        Ok(Examined {
            checks: examine(service, self.is_online).await,
        })
    }
}

/// Everything that is known here.
async fn examine(service: &ControlService, is_online: bool) -> Vec<Check> {
    let vault = served::open_vault(service, is_online).await;
    let accounts = account::list(&service.accounts);
    let config = service.accounts.effective_config();
    let added = service.accounts.added();
    let (reached, tested, stores, of_failures) = tokio::join!(
        reach::reach_all(&*service.environment, &config, &added),
        test_all(service, &accounts, is_online),
        served::store_facts(service),
        served::last_failures(service),
    );
    let variable = |name: &str| {
        let value = service.environment.variable(name)?;
        Some(value.expose().to_owned()).filter(|value| !value.is_empty())
    };
    let mut checks = vec![vault::check(&VaultFacts {
        waiting: served::waiting(&accounts),
        ..vault
    })];
    checks.extend(accounts::checks(&accounts, &tested));
    checks.extend(reach::checks(
        &reached,
        proxies::for_providers(&variable).as_ref(),
    ));
    checks.extend(reach::clock_check(&reached));
    checks.extend(stores::checks(&stores));
    checks.extend(of_failures);
    if service.agent.is_some() {
        // The session in which the agent was started is the one in which programs of the desktop run.
        let of_session = proxies::check(&variable, "the agent's session");
        checks.extend(Some(of_session).filter(|check| check.state != State::Ok));
    }
    let mut known = served::known_secrets(service);
    known.extend(bundle::secrets_of_environment());
    // A client may have asked for a key in the place of a model.
    redaction::clean_checks(&mut checks, &known);
    checks
}

/// Makes a test call with each account that is switched on, all at once.
async fn test_all(
    service: &ControlService,
    accounts: &[AccountFacts],
    is_online: bool,
) -> Vec<Tested> {
    let is_tested = |account: &&AccountFacts| is_online && account.enabled && !account.is_offer();
    let calls = accounts
        .iter()
        .filter(is_tested)
        .map(|account| test(service, account));
    join_all(calls).await
}

async fn test(service: &ControlService, account: &AccountFacts) -> Tested {
    let verb = AccountTest {
        name: account.name.clone(),
    };
    let notes = Notes::discard();
    let called = tokio::time::timeout(TEST_LIMIT, verb.run(service, &notes)).await;
    let (works, message, advice) = match called {
        Ok(Ok(tested)) => (
            tested.works,
            tested.message.to_string(),
            tested.account.advice,
        ),
        Ok(Err(error)) => (false, error.to_string(), None),
        Err(_) => {
            let limit = TEST_LIMIT.as_secs();
            let message = format!("`{}` gave no answer within {limit} s", account.provider);
            (false, message, None)
        }
    };
    Tested {
        account: account.name.clone(),
        works,
        message,
        advice,
    }
}
