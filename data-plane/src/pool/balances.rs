//! When a provider is to be asked for an account's balance, and what its answer changes. The pool
//! itself asks no one: `accounts` does.
//!
//! A balance is asked for after requests, as they are what changes it: an account that is not used
//! costs no call.

use std::sync::Arc;

use super::account_slot::AccountSlot;
use super::events::Event;
use super::schedule::provider_pool::ProviderPool;
use super::shared::{ChangeContext, Shared};
use crate::account::{Account, AccountName, Credential};
use crate::outcome::{Outcome, Reading, Timestamp};

/// An account whose balance is to be asked for, and what proves it.
pub struct BalanceDue {
    pub account: Arc<Account>,
    pub credential: Arc<Credential>,
}

impl Shared {
    /// `has_call`: whether a provider has a call for balances.
    pub(crate) fn follow_balances(&self, has_call: &dyn Fn(&str) -> bool) {
        let mut inner = self.lock(self.clock.now());
        for (provider, pool) in &mut inner.providers {
            pool.tells_balance = has_call(provider);
        }
    }

    /// Waits until a balance is due. Cancel safe.
    pub(crate) async fn balances_due(&self) -> Vec<BalanceDue> {
        loop {
            self.balance_due.notified().await;
            let due = self.take_balances_due();
            if !due.is_empty() {
                return due;
            }
        }
    }

    fn take_balances_due(&self) -> Vec<BalanceDue> {
        let now = self.clock.now();
        let mut inner = self.lock(now);
        let mut due = Vec::new();
        for pool in inner.providers.values_mut() {
            for slot in pool.accounts.iter_mut().filter(|slot| slot.is_enabled) {
                if slot.balance.take(now) {
                    due.push(BalanceDue {
                        account: slot.account.clone(),
                        credential: slot.credential.bearer.clone(),
                    });
                }
            }
        }
        due
    }

    pub(crate) fn record_balance(&self, name: &AccountName, readings: Vec<Reading>) -> bool {
        self.with_account(name, |pool, index, context| {
            pool.record_balance(index, readings, context);
        })
    }
}

impl ProviderPool {
    /// A request ended: it may have changed the balance.
    pub(crate) fn note_balance(&mut self, index: usize, outcome: &Outcome, now: Timestamp) {
        if self.tells_balance && self.accounts[index].balance.note(outcome, now) {
            self.outbox.balance_due = true;
        }
    }

    fn record_balance(
        &mut self,
        index: usize,
        readings: Vec<Reading>,
        context: &ChangeContext<'_>,
    ) {
        // An account may hold several currencies, of which one is enough.
        let is_spent = readings.iter().all(|reading| reading.remaining == Some(0));
        let AccountSlot {
            account, windows, ..
        } = &mut self.accounts[index];
        for reading in readings {
            let recorded = windows.record_balance(reading, is_spent, context.now);
            if recorded.is_due_to_save {
                context.store.save_reading(&account.name, recorded.read);
            }
            if recorded.is_newly_exhausted {
                let read = recorded.read.clone();
                self.outbox
                    .push(Event::QuotaExhausted(account.clone(), read));
            }
        }
    }
}
