//! One test call as an account: does the provider take the credential, what does it list, and what
//! is left of the quota.

use crate::account::{Account, Credential};
use crate::accounts::balance_client;
use crate::canon::{Fault, FaultKind};
use crate::config::Config;
use crate::control::service::Environment;
use crate::outcome::Reading;
use crate::provider::Provider;
use crate::upstream::ProxyChoice;

/// How a test call ended.
pub(in crate::control) enum TestResult {
    Works {
        models: Vec<String>,
        /// What the provider's own call for balances tells.
        balance: Vec<Reading>,
    },
    /// The provider does not take the credential.
    Refused { why: String },
    /// The call showed nothing about the credential.
    Inconclusive { why: String },
}

/// Makes the cheapest call that shows whether a provider takes a credential, and the one that tells
/// the balance, where the provider has one.
pub(in crate::control) async fn test_call(
    environment: &dyn Environment,
    config: &Config,
    provider: &Provider,
    account: &Account,
    credential: Credential,
) -> TestResult {
    let proxy = match ProxyChoice::of(account) {
        Ok(proxy) => proxy,
        Err(why) => {
            return TestResult::Inconclusive {
                why: format!(
                    "the proxy of account `{}` cannot be used: {why}",
                    account.name
                ),
            };
        }
    };
    let listed = environment
        .list_models(config, provider, &credential, &proxy)
        .await;
    match listed {
        Ok(cards) => TestResult::Works {
            models: cards.into_iter().map(|card| card.id).collect(),
            balance: {
                let upstream = environment.upstream(config);
                balance_client::fetch(&*upstream, provider, account, &credential).await
            },
        },
        Err(fault) if is_refusal(&fault) => TestResult::Refused {
            why: format!(
                "`{}` does not take the credential: {}",
                provider.name, fault.message
            ),
        },
        Err(fault) => TestResult::Inconclusive {
            why: format!("`{}` could not be tried: {}", provider.name, fault.message),
        },
    }
}

fn is_refusal(fault: &Fault) -> bool {
    fault.kind == FaultKind::UpstreamAuth || matches!(fault.status, Some(401 | 403))
}
