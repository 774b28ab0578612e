//! What the user changes by hand.

use super::events::Event;
use super::health::circuit::Circuit;
use super::health::cooldown::Cooldowns;
use super::schedule::provider_pool::ProviderPool;
use super::shared::{ChangeContext, Shared};
use super::state_store::StateStore;
use crate::account::AccountName;

impl Shared {
    pub(crate) fn clear(&self, name: &AccountName) -> bool {
        self.with_account(name, |pool, index, context| {
            pool.clear(index, context.store);
        })
    }

    pub(crate) fn set_enabled(&self, name: &AccountName, is_enabled: bool) -> bool {
        self.with_account(name, |pool, index, _| {
            pool.accounts[index].is_enabled = is_enabled;
        })
    }

    /// Changes one account. `false`: there is no such account.
    pub(crate) fn with_account(
        &self,
        name: &AccountName,
        change: impl FnOnce(&mut ProviderPool, usize, &ChangeContext<'_>),
    ) -> bool {
        let now = self.clock.now();
        let inner = self.lock(now);
        let provider = inner
            .providers
            .iter()
            .find(|(_, pool)| pool.position(name).is_some())
            .map(|(provider, _)| provider.clone());
        drop(inner);
        let Some(provider) = provider else {
            return false;
        };
        let changed = self.with_provider(&provider, now, |pool, context| {
            // It may be gone since.
            let index = pool.position(name)?;
            change(pool, index, context);
            Some(())
        });
        changed.flatten().is_some()
    }
}

impl ProviderPool {
    fn clear(&mut self, index: usize, store: &dyn StateStore) {
        let slot = &mut self.accounts[index];
        for cooldown in slot.cooldowns.iter() {
            store.remove_cooldown(&slot.account.name, cooldown.model.as_deref());
        }
        slot.cooldowns = Cooldowns::default();
        slot.windows.clear_pacing();
        self.sign_in(index, store);
        let slot = &mut self.accounts[index];
        if let Some(circuit) = self.circuits.get_mut(slot.circuit) {
            *circuit = Circuit::default();
        }
        slot.credential.refresh.retry_now();
        self.outbox.push(Event::Cleared(slot.account.clone()));
        self.outbox.refresh_due = true;
    }
}
