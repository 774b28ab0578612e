//! One test call as an account: does the provider take the credential, what does it list, and what
//! is left of the quota.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Limited};

use super::facts::QuotaFacts;
use crate::account::{Account, Credential};
use crate::canon::{Fault, FaultKind};
use crate::config::Config;
use crate::control::service::Environment;
use crate::pool::QuotaReading;
use crate::provider::Provider;
use crate::upstream::{ProxyChoice, Upstream};

/// The longest body that is read as a balance, and how long it may take.
const BALANCE_BYTES_MAX: usize = 64 * 1024;
const BALANCE_TIMEOUT: Duration = Duration::from_secs(5);

/// How a test call ended.
pub(in crate::control) enum TestResult {
    Works {
        models: Vec<String>,
        quota: Vec<QuotaFacts>,
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
            quota: balance(environment, config, provider, &credential, &proxy).await,
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

/// What the provider's own call for balances tells; nothing where it has none, or does not answer.
async fn balance(
    environment: &dyn Environment,
    config: &Config,
    provider: &Provider,
    credential: &Credential,
    proxy: &ProxyChoice,
) -> Vec<QuotaFacts> {
    let Some((balance, request)) = provider.balance_request(credential) else {
        return Vec::new();
    };
    let body = successful_body(environment.upstream(config), request, proxy.clone());
    let Ok(Some(body)) = tokio::time::timeout(BALANCE_TIMEOUT, body).await else {
        return Vec::new();
    };
    let read_at = SystemTime::now();
    let mut quota = Vec::new();
    for reading in balance.read(&body) {
        quota.push(QuotaFacts::of(&QuotaReading {
            model: None,
            reading,
            read_at,
        }));
    }
    quota
}

/// The body of a successful response. `None` where it is another or too long.
async fn successful_body(
    upstream: Arc<dyn Upstream>,
    request: http::Request<Bytes>,
    proxy: ProxyChoice,
) -> Option<Bytes> {
    let sent = upstream.send(request.map(Into::into), &proxy).await;
    let response = sent
        .ok()
        .filter(|response| response.status().is_success())?;
    let body = Limited::new(response.into_body(), BALANCE_BYTES_MAX);
    // Boxed: the compiler cannot prove the enclosing futures `Send` through `Limited`'s error.
    let collected: BoxFuture<'_, _> = Box::pin(body.collect());
    Some(collected.await.ok()?.to_bytes())
}
