//! One test call as an account: does the provider take the credential, what does it list, and what
//! is left of the quota.

use crate::account::{Account, Credential};
use crate::accounts::balance_client;
use crate::canon::{Fault, FaultKind};
use crate::config::Config;
use crate::control::refusal::{Refusal, TestWords};
use crate::control::service::Environment;
use crate::language::Said;
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
    Refused { why: Said },
    /// The call showed nothing about the credential.
    Inconclusive { why: Said },
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
                why: TestWords::ProxyUnusable {
                    account: account.name.to_string(),
                    why: why.into(),
                }
                .into(),
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
            why: TestWords::Refuses {
                provider: provider.name.clone(),
                words: fault.message,
            }
            .into(),
        },
        Err(fault) => TestResult::Inconclusive {
            why: TestWords::NotTried {
                provider: provider.name.clone(),
                why: Refusal::NotReached {
                    words: fault.message,
                }
                .into(),
            }
            .into(),
        },
    }
}

fn is_refusal(fault: &Fault) -> bool {
    fault.kind == FaultKind::UpstreamAuth || matches!(fault.status, Some(401 | 403))
}
