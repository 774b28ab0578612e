//! Which accounts there are: a new configuration keeps what is known of those that stay.

use std::collections::HashMap;
use std::sync::Arc;

use super::account_slot::AccountSlot;
use super::events::Event;
use super::health::circuit::Circuit;
use super::schedule::provider_pool::ProviderPool;
use super::shared::{Inner, PoolConfig, Shared};
use super::state_store::{SavedBinding, StateStore};
use crate::account::{Account, AccountName, Credential};
use crate::ordering;
use crate::outcome::Timestamp;
use crate::status::{CooldownCause, NeedsUser};

/// One account as it is configured.
#[derive(Clone, Debug)]
pub struct Member {
    pub account: Arc<Account>,
    /// What proves it, or why there is nothing that does.
    pub credential: Result<Credential, NeedsUser>,
}

/// All accounts, in the order in which they were added.
pub type Roster = Vec<Member>;

impl Shared {
    /// Takes a new configuration. Leases of accounts that are gone end as they would have.
    pub(crate) fn replace(&self, roster: Roster, config: PoolConfig) {
        let now = self.clock.now();
        let mut inner = self.lock(now);
        inner.config = config;
        let mut members: HashMap<String, Vec<Member>> = HashMap::new();
        for member in roster {
            members
                .entry(member.account.provider.clone())
                .or_default()
                .push(member);
        }
        for provider in inner.providers.keys() {
            members.entry(provider.clone()).or_default();
        }
        for (provider, members) in members {
            inner.replace_provider(provider, members, now, &*self.store);
        }
        let mut outboxes = Vec::new();
        for (provider, pool) in &mut inner.providers {
            pool.serve_queue(config.mode, now, &*self.store);
            outboxes.push((provider.clone(), std::mem::take(&mut pool.outbox)));
        }
        // Dropping a pool drops its queue, which tells its waiters.
        inner.providers.retain(|_, pool| !pool.accounts.is_empty());
        drop(inner);
        self.changed.notify_one();
        self.refresh_due.notify_one();
        for (provider, outbox) in outboxes {
            self.flush(&provider, outbox);
        }
    }
}

impl Inner {
    fn replace_provider(
        &mut self,
        provider: String,
        members: Vec<Member>,
        now: Timestamp,
        store: &dyn StateStore,
    ) {
        let mut pool = self.providers.remove(&provider).unwrap_or_default();
        let old_slots = std::mem::take(&mut pool.accounts);
        let old_names: Vec<_> = old_slots
            .iter()
            .map(|slot| slot.account.name.clone())
            .collect();
        let mut known: HashMap<AccountName, AccountSlot> =
            old_names.iter().cloned().zip(old_slots).collect();
        let mut bound = Vec::new();
        for member in members {
            let jitter = self.jitter();
            let mut slot = match known.remove(&member.account.name) {
                Some(slot) => slot,
                None => self.new_slot(&member.account, now, &mut bound),
            };
            slot.configure(&member.account, now);
            let is_changed = slot.set_credential(member.credential, now, jitter);
            slot.circuit = pool.circuit_of(&member.account);
            pool.accounts.push(slot);
            if is_changed {
                pool.forgive(pool.accounts.len() - 1, now, store);
            }
        }
        for removed in known.into_values() {
            self.retained.retain(removed);
        }
        pool.reindex(&old_names);
        pool.restore_bound(bound);
        self.providers.insert(provider, pool);
    }

    /// An account that was not configured before, with what is retained of it.
    fn new_slot(
        &mut self,
        account: &Arc<Account>,
        now: Timestamp,
        bound: &mut Vec<SavedBinding>,
    ) -> AccountSlot {
        let serial = self.next_serial();
        if let Some(removed) = self.retained.take_removed(&account.name)
            && removed.account.provider == account.provider
        {
            return AccountSlot { serial, ..removed };
        }
        let mut saved = self.retained.take_saved(&account.name);
        for binding in saved.bindings.drain(..) {
            if binding.provider == account.provider {
                bound.push(binding);
            }
        }
        let mut slot = AccountSlot::new(account, serial, now);
        slot.restore(saved, now);
        slot
    }
}

impl AccountSlot {
    /// Takes the configuration's credential. Whether another one was known before.
    fn set_credential(
        &mut self,
        credential: Result<Credential, NeedsUser>,
        now: Timestamp,
        jitter: f64,
    ) -> bool {
        let credential = match credential {
            Ok(credential) => credential,
            Err(needs_user) => {
                self.needs_user = Some(needs_user);
                return false;
            }
        };
        self.needs_user = None;
        let is_first = !self.credential.is_loaded;
        if !is_first && self.credential.is_same(&credential) {
            return false;
        }
        self.credential.load(Arc::new(credential), now, jitter);
        // What the last run saved was held against the credential that is loaded first.
        !is_first
    }
}

impl ProviderPool {
    /// Ends what was held against the former credential of an account. Another key may belong to
    /// another account of the provider's, with limits of its own; a new token does not.
    fn forgive(&mut self, index: usize, now: Timestamp, store: &dyn StateStore) {
        self.sign_in(index, store);
        let slot = &mut self.accounts[index];
        let is_key = matches!(*slot.credential.source, Credential::Key(_));
        let is_of_credential = |cause| {
            is_key
                || matches!(
                    cause,
                    CooldownCause::RefreshFailing | CooldownCause::Forbidden
                )
        };
        if is_key {
            slot.windows.clear_pacing();
        }
        for cleared in slot.cooldowns.clear(is_of_credential) {
            store.remove_cooldown(&slot.account.name, cleared.model.as_deref());
            if cleared.is_active(now) {
                let account = slot.account.clone();
                self.outbox.push(Event::CooldownCleared(account, cleared));
            }
        }
    }

    /// The circuit of the account's route: one with a proxy of its own may fail alone.
    fn circuit_of(&mut self, account: &Account) -> usize {
        let route = &account.settings.proxy;
        let known = self.routes.iter().position(|known| known == route);
        known.unwrap_or_else(|| {
            self.routes.push(route.clone());
            self.circuits.push(Circuit::default());
            self.routes.len() - 1
        })
    }

    /// Moves what refers to accounts by index to their new indices.
    fn reindex(&mut self, old_names: &[AccountName]) {
        let mut new_indices = HashMap::new();
        for (index, slot) in self.accounts.iter().enumerate() {
            new_indices.insert(slot.account.name.clone(), index);
        }
        let new_index = |old: usize| new_indices.get(old_names.get(old)?).copied();
        self.affinity.reindex(new_index);
        self.queue.reindex(new_index);
        for slot in &mut self.accounts {
            slot.sessions = 0;
        }
        for index in self.affinity.accounts() {
            self.accounts[index].sessions += 1;
        }
    }

    fn restore_bound(&mut self, mut bound: Vec<SavedBinding>) {
        ordering::sort_by_key(&mut bound, |bound| bound.used_at);
        for binding in bound {
            if let Some(index) = self.position(&binding.account) {
                self.affinity.bind(binding.session, index, binding.used_at);
                self.accounts[index].sessions += 1;
            }
        }
    }
}
