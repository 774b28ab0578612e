//! Asks providers for the balances of accounts, where they have a call for that, and hands the
//! answers to the pool. [`crate::provider::Balance`] reads them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Limited};
use tracing::debug;

use super::AccountRegistry;
use crate::account::{Account, Credential};
use crate::outcome::Reading;
use crate::provider::Provider;
use crate::upstream::{ProxyChoice, Upstream};

/// The longest body that is read as a balance, and how long it may take.
const BALANCE_BYTES_MAX: usize = 64 * 1024;
const BALANCE_TIMEOUT: Duration = Duration::from_secs(5);

/// Asks for each balance that the pool says is due, until it is dropped. Boxed, so that it is
/// compiled in this crate.
pub fn run(accounts: Arc<AccountRegistry>, upstream: Arc<dyn Upstream>) -> BoxFuture<'static, ()> {
    Box::pin(ask_due(accounts, upstream))
}

async fn ask_due(accounts: Arc<AccountRegistry>, upstream: Arc<dyn Upstream>) {
    loop {
        for due in accounts.pool().balances_due().await {
            let Some(provider) = accounts.provider(&due.account.provider) else {
                continue;
            };
            let readings = fetch(&*upstream, &provider, &due.account, &due.credential).await;
            debug!(
                provider = provider.name,
                readings = readings.len(),
                "balance asked for"
            );
            accounts.pool().record_balance(&due.account.name, readings);
        }
    }
}

/// What the provider's own call for balances tells; nothing where it has none, or does not answer.
pub(crate) async fn fetch(
    upstream: &dyn Upstream,
    provider: &Provider,
    account: &Account,
    credential: &Credential,
) -> Vec<Reading> {
    let Some((balance, request)) = provider.balance_request(credential) else {
        return Vec::new();
    };
    let Ok(proxy) = ProxyChoice::of(account) else {
        return Vec::new();
    };
    let body = successful_body(upstream, request, &proxy);
    match tokio::time::timeout(BALANCE_TIMEOUT, body).await {
        Ok(Some(body)) => balance.read(&body),
        _ => Vec::new(),
    }
}

/// The body of a successful response. `None` where it is another or too long.
async fn successful_body(
    upstream: &dyn Upstream,
    request: http::Request<Bytes>,
    proxy: &ProxyChoice,
) -> Option<Bytes> {
    let sent = upstream.send(request.map(Into::into), proxy).await;
    let response = sent
        .ok()
        .filter(|response| response.status().is_success())?;
    let body = Limited::new(response.into_body(), BALANCE_BYTES_MAX);
    // Boxed: the compiler cannot prove the enclosing futures `Send` through `Limited`'s error.
    let collected: BoxFuture<'_, _> = Box::pin(body.collect());
    Some(collected.await.ok()?.to_bytes())
}
