//! How the accounts of each provider stand together, and calls to providers that depend on it.

use std::collections::HashMap;

use tokio::runtime::Handle;

use super::account;
use super::provider::{Fetch, Standing, StandingOf};
use super::service::ControlService;
use super::wire::ControlError;
use crate::account::Credential;
use crate::accounts::AccountRegistry;
use crate::config::Config;
use crate::provider::Provider;
use crate::upstream::ProxyChoice;

/// How each provider's accounts stand, by the provider's name.
pub(super) struct Standings(HashMap<String, Standing>);

impl Standings {
    pub(super) fn of(accounts: &AccountRegistry) -> Self {
        let mut standings: HashMap<String, Standing> = HashMap::new();
        let facts = account::list(accounts);
        for member in accounts.members() {
            let account = &member.account;
            let standing = standings
                .entry(account.provider.clone())
                .or_insert_with(|| Standing::of_accounts(&facts, &account.provider));
            if standing.credential.is_none()
                && account.settings.enabled
                && let Ok(credential) = member.credential
            {
                standing.credential = Some(credential);
            }
        }
        Self(standings)
    }

    pub(super) fn get(&self, provider: &Provider) -> Standing {
        match self.0.get(&provider.name) {
            Some(standing) => standing.clone(),
            None => Standing::of_accounts(&[], &provider.name),
        }
    }
}

/// Runs `work`, which asks providers one after the other, on a thread where waiting is allowed.
pub(super) async fn with_providers<T: Send + 'static>(
    service: &ControlService,
    work: impl FnOnce(&Config, StandingOf<'_>, Fetch<'_>) -> T + Send + 'static,
) -> Result<T, ControlError> {
    let config = service.accounts.effective_config();
    let standings = Standings::of(&service.accounts);
    let environment = service.environment.clone();
    let runtime = Handle::current();
    let work = move || {
        let direct = ProxyChoice::default();
        let fetch = |provider: &Provider, credential: &Credential| {
            runtime.block_on(environment.list_models(&config, provider, credential, &direct))
        };
        work(&config, &|provider| standings.get(provider), &fetch)
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| ControlError::broke())
}
