//! Short questions about the accounts, for requests that need no lease.

use std::sync::Arc;

use crate::account::Credential;
use crate::pool::shared::Shared;

impl Shared {
    pub(crate) fn has_choice(&self, provider: &str) -> bool {
        let inner = self.lock(self.clock.now());
        match inner.providers.get(provider) {
            Some(pool) => pool.accounts.len() > 1,
            None => false,
        }
    }

    pub(crate) fn any_credential(&self, provider: &str) -> Option<Arc<Credential>> {
        let now = self.clock.now();
        let inner = self.lock(now);
        let pool = inner.providers.get(provider)?;
        let usable = pool
            .accounts
            .iter()
            .find(|slot| slot.is_enabled && slot.needs_user(now).is_none())?;
        Some(usable.credential.bearer.clone())
    }
}
