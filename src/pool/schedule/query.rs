//! Short looks at the accounts, for requests that need no lease.

use std::sync::Arc;

use crate::account::Credential;
use crate::outcome::Timestamp;
use crate::pool::Pool;

impl Pool {
    /// Whether a provider has more than one account, so that it matters which one a conversation
    /// gets.
    pub fn has_choice(&self, provider: &str) -> bool {
        let inner = self.0.lock(self.0.clock.now());
        inner
            .lanes
            .get(provider)
            .is_some_and(|lane| lane.accounts.len() > 1)
    }

    /// A credential for what costs nothing, such as a list of models: of the first account that no
    /// person has to look after.
    pub fn borrow(&self, provider: &str) -> Option<Arc<Credential>> {
        let now = self.0.clock.now();
        let inner = self.0.lock(now);
        let lane = inner.lanes.get(provider)?;
        let mut accounts = lane.accounts.iter().zip(&lane.held);
        let usable =
            accounts.find(|(account, _)| account.is_enabled && account.standing(now).is_none());
        usable.map(|(_, held)| held.bearer.clone())
    }

    /// How many accounts could serve at `now`.
    pub fn accounts_ready(&self, now: Timestamp) -> usize {
        self.view(now)
            .iter()
            .filter(|view| view.status.is_serving())
            .count()
    }
}
