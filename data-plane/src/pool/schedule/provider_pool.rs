//! The accounts of one provider, with all that is known of them: what one critical section changes.

use std::sync::Arc;

use super::affinity::{Affinity, SESSIONS_MAX};
use super::grant::Grant;
use super::lease_request::{LeaseError, LeaseRequest, PassedOver, SessionKey};
use super::pick::{Pick, PickInput, passed_over, pick, should_rebind};
use super::queue::{Delivered, Delivery, Queue};
use crate::account::AccountName;
use crate::modes::SchedulingMode;
use crate::outcome::Timestamp;
use crate::pool::account_slot::AccountSlot;
use crate::pool::events::Event;
use crate::pool::health::circuit::Circuit;
use crate::pool::health::retry_budget::RetryBudget;
use crate::pool::outbox::Outbox;
use crate::pool::state_store::StateStore;

/// Names of models that are kept, so that a lease need not copy one.
const MODELS_MAX: usize = 64;

/// The accounts of one provider. Their order is the configuration's, and an index is valid until
/// that changes.
#[derive(Default)]
pub(crate) struct ProviderPool {
    pub(crate) accounts: Vec<AccountSlot>,
    /// One for each route to the provider's endpoint.
    pub(crate) circuits: Vec<Circuit>,
    /// The proxies of the routes, in the order of `circuits`. `None` is the default one.
    pub(crate) routes: Vec<Option<String>>,
    pub(crate) affinity: Affinity,
    pub(crate) queue: Queue,
    pub(crate) retry_budget: RetryBudget,
    pub(crate) outbox: Outbox,
    /// Whether the provider has a call for balances.
    pub(crate) tells_balance: bool,
    models: Vec<Arc<str>>,
    /// How many there were, as sequence numbers.
    leases: u64,
}

/// The result of [`ProviderPool::try_lease`].
pub(crate) enum Leased {
    Granted(Grant),
    /// At `until` something changes by the clock alone.
    Wait {
        until: Option<Timestamp>,
    },
    Refused(LeaseError),
}

/// A request that is to be leased an account.
pub(crate) struct PendingLease<'a> {
    pub(crate) request: LeaseRequest<'a>,
    pub(crate) mode: SchedulingMode,
    /// Until when it may wait for its conversation's account.
    pub(crate) wait_until: Option<Timestamp>,
    pub(crate) now: Timestamp,
}

impl PendingLease<'_> {
    /// The conversation, in the modes in which it keeps to an account.
    fn session(&self) -> Option<SessionKey> {
        let session = self.request.session.copied();
        session.filter(|_| self.mode.has_affinity())
    }
}

impl ProviderPool {
    /// Leases an account, or says why not. An account whose token should be refreshed first is
    /// marked.
    pub(crate) fn try_lease(
        &mut self,
        pending: &PendingLease<'_>,
        store: &dyn StateStore,
    ) -> Leased {
        let input = self.pick_input(pending);
        let choice = pick(&self.accounts, &input, pending.now);
        // Names are copied only where they are read: a waiter does not.
        let why = match choice.pick {
            Pick::Wait { .. } => Vec::new(),
            _ if choice.has_passed_over => passed_over(&self.accounts, &input, pending.now),
            _ => Vec::new(),
        };
        let rebinds = match (choice.pick, input.bound) {
            (Pick::Account(index), Some(bound)) if index != bound => {
                should_rebind(&self.accounts, &input, pending.now)
            }
            _ => true,
        };
        if let Some(index) = choice.refresh {
            self.accounts[index].credential.refresh.request();
            self.outbox.refresh_due = true;
        }
        match choice.pick {
            Pick::Account(index) => {
                Leased::Granted(self.grant(index, pending, rebinds, why, store))
            }
            Pick::Wait { until } => Leased::Wait { until },
            Pick::CoolingDown { until } => Leased::Refused(LeaseError::CoolingDown { until, why }),
            Pick::NeedsUser => Leased::Refused(LeaseError::NeedsUser { why }),
            Pick::None => Leased::Refused(LeaseError::None { why }),
        }
    }

    fn pick_input<'a>(&'a self, pending: &PendingLease<'a>) -> PickInput<'a> {
        PickInput {
            model: pending.request.model,
            mode: pending.mode,
            bound: self.bound(pending),
            owner: pending.request.owner,
            tried: pending.request.tried,
            is_retry: pending.request.is_retry,
            circuits: &self.circuits,
            wait_until: pending.wait_until,
        }
    }

    /// The index of the conversation's account.
    pub(crate) fn bound(&self, pending: &PendingLease<'_>) -> Option<usize> {
        self.affinity.account(pending.session()?, pending.now)
    }

    /// Why no account can be chosen at the moment.
    pub(crate) fn passed_over(&self, pending: &PendingLease<'_>) -> Vec<PassedOver> {
        passed_over(&self.accounts, &self.pick_input(pending), pending.now)
    }

    fn grant(
        &mut self,
        index: usize,
        pending: &PendingLease<'_>,
        rebinds: bool,
        passed_over: Vec<PassedOver>,
        store: &dyn StateStore,
    ) -> Grant {
        let now = pending.now;
        let request = &pending.request;
        let is_probe = self.count_probe(index, request.model, now, store);
        let is_circuit_probe = match self.circuits.get_mut(self.accounts[index].circuit) {
            Some(circuit) => circuit.count_lease(now),
            None => false,
        };
        if request.is_first_attempt() {
            self.retry_budget.deposit_request();
        }
        // A conversation does not move to an account that may be refused.
        if let Some(session) = pending.session()
            && rebinds
            && !is_probe
        {
            self.bind(session, index, now, store);
        }
        let model = self.model(request.model);
        self.leases += 1;
        let slot = &mut self.accounts[index];
        slot.in_flight += 1;
        slot.last_lease = self.leases;
        slot.last_used_at = Some(now);
        slot.windows.count_lease(request.model, now);
        Grant {
            index,
            serial: slot.serial,
            account: slot.account.clone(),
            credential: slot.credential.bearer.clone(),
            model,
            leased_at: now,
            is_probe,
            is_circuit_probe,
            passed_over,
            waiting: self.queue.waiting.clone(),
        }
    }

    /// Whether the lease is the probe of a cooldown. The next one then comes later.
    fn count_probe(
        &mut self,
        index: usize,
        model: &str,
        now: Timestamp,
        store: &dyn StateStore,
    ) -> bool {
        let slot = &mut self.accounts[index];
        let mut is_probe = false;
        if let Some(probe) = slot.probe_mut() {
            probe.count_probe(now);
            is_probe = true;
        }
        for cooldown in slot.cooldowns.count_probe(model, now) {
            store.save_cooldown(&slot.account.name, cooldown);
            is_probe = true;
        }
        is_probe
    }

    fn bind(&mut self, session: SessionKey, index: usize, now: Timestamp, store: &dyn StateStore) {
        let (former, is_due_to_save) = self.affinity.bind(session, index, now);
        if former != Some(index) {
            self.accounts[index].sessions += 1;
            if let Some(former) = former {
                self.remove_session(former);
            }
        }
        let account = &self.accounts[index].account;
        if is_due_to_save {
            store.save_binding(&account.provider, session, &account.name, now);
        }
        while let Some(released) = self.affinity.release(now) {
            self.remove_session(released.account);
            store.remove_binding(&self.accounts[index].account.provider, released.session);
            if released.is_evicted {
                self.outbox.push(Event::AffinityFull {
                    conversations: SESSIONS_MAX,
                });
            }
        }
    }

    fn remove_session(&mut self, index: usize) {
        if let Some(slot) = self.accounts.get_mut(index) {
            slot.sessions = slot.sessions.saturating_sub(1);
        }
    }

    /// The model's name, shared between leases.
    fn model(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.models.iter().find(|known| known.as_ref() == name) {
            return known.clone();
        }
        let model: Arc<str> = name.into();
        if self.models.len() >= MODELS_MAX {
            self.models.clear();
        }
        self.models.push(model.clone());
        model
    }

    /// Grants waiting requests what there is, in their order. Part of every change of the pool, as
    /// any change can be what a waiter waits for.
    pub(crate) fn serve_queue(
        &mut self,
        mode: SchedulingMode,
        now: Timestamp,
        store: &dyn StateStore,
    ) {
        if self.queue.is_empty() {
            return;
        }
        // Taken out, as its first waiters are read while the accounts change.
        let mut queue = std::mem::take(&mut self.queue);
        queue.changes_at = None;
        let mut done = queue.none_done();
        while let Some(head) = queue.head(&done) {
            let line = head.line;
            let pending = PendingLease {
                request: head.request,
                mode,
                wait_until: head.wait_until,
                now,
            };
            match self.try_lease(&pending, store) {
                Leased::Wait { until } => {
                    done[line] = true;
                    queue.changes_at = queue.changes_at.into_iter().chain(until).min();
                }
                Leased::Granted(grant) => self.deliver(&mut queue, line, Ok(grant)),
                Leased::Refused(error) => self.deliver(&mut queue, line, Err(error)),
            }
        }
        queue.remove_empty_lines();
        self.queue = queue;
    }

    fn deliver(&mut self, queue: &mut Queue, line: usize, delivered: Delivered) {
        if let Some(sender) = queue.pop(line) {
            self.outbox.deliveries.push(Delivery { sender, delivered });
        }
    }

    /// The index of the account that a lease was of, if it is still there.
    pub(crate) fn find(&self, index: usize, serial: u64) -> Option<usize> {
        match self.accounts.get(index) {
            Some(slot) if slot.serial == serial => Some(index),
            _ => self.accounts.iter().position(|slot| slot.serial == serial),
        }
    }

    pub(crate) fn position(&self, name: &AccountName) -> Option<usize> {
        self.accounts
            .iter()
            .position(|slot| slot.account.name == *name)
    }

    pub(crate) fn on_clock_rewind(&mut self, now: Timestamp) {
        for slot in &mut self.accounts {
            slot.on_clock_rewind(now);
        }
        for circuit in &mut self.circuits {
            circuit.on_clock_rewind(now);
        }
        self.affinity.on_clock_rewind(now);
    }
}
