//! Looking at accounts and changing them by hand.

use std::sync::Arc;

use super::health::circuit::{Circuit, Gate};
use super::health::cooldown::{Cooldown, is_soft};
use super::schedule::pick::AccountState;
use super::schedule::provider_pool::{AccountSlot, ProviderPool};
use super::shared::Shared;
use super::view::{AccountView, BudgetView};
use crate::account::AccountName;
use crate::outcome::Timestamp;
use crate::status::{AccountStatus, CooldownCause, ExhaustedQuota};

impl Shared {
    pub(crate) fn view(&self, now: Timestamp) -> Vec<AccountView> {
        let inner = self.lock(now);
        let mut views: Vec<_> = inner
            .lanes
            .values()
            .flat_map(|lane| lane.view(now))
            .collect();
        drop(inner);
        views.sort_by(|one, other| {
            (&one.account.provider, &one.account.name)
                .cmp(&(&other.account.provider, &other.account.name))
        });
        views
    }

    pub(crate) fn clear(self: &Arc<Self>, name: &AccountName) -> bool {
        self.change_account(name, |lane, at, state| {
            lane.clear(at, state);
        })
    }

    pub(crate) fn set_enabled(self: &Arc<Self>, name: &AccountName, is_enabled: bool) -> bool {
        self.change_account(name, |lane, at, _| {
            lane.accounts[at].is_enabled = is_enabled
        })
    }

    fn change_account(
        self: &Arc<Self>,
        name: &AccountName,
        change: impl FnOnce(&mut ProviderPool, usize, &dyn super::PoolState),
    ) -> bool {
        let now = self.clock.now();
        let inner = self.lock(now);
        let provider = inner
            .lanes
            .iter()
            .find(|(_, lane)| lane.position(name).is_some())
            .map(|(provider, _)| provider.clone());
        drop(inner);
        let Some(provider) = provider else {
            return false;
        };
        let changed = self.change(&provider, now, |lane, context| {
            let at = lane.position(name)?;
            change(lane, at, context.state);
            Some(())
        });
        changed.flatten().is_some()
    }
}

impl ProviderPool {
    fn clear(&mut self, at: usize, state: &dyn super::PoolState) {
        let account = &mut self.accounts[at];
        for rest in account.rests.all() {
            state.cleared(&account.name, rest.model.as_deref());
        }
        account.rests = super::health::cooldown::Cooldowns::default();
        account.windows.relax();
        if account.signed_out.take().is_some() {
            state.signed_in(&account.name);
        }
        if let Some(circuit) = self.circuits.get_mut(account.circuit) {
            *circuit = Circuit::default();
        }
        self.held[at].flight.hurry();
        self.wants_refresh = true;
    }

    fn view(&self, now: Timestamp) -> impl Iterator<Item = AccountView> {
        self.accounts
            .iter()
            .zip(&self.held)
            .map(move |(account, held)| {
                let gate = self
                    .circuits
                    .get(account.circuit)
                    .map_or(Gate::Closed, |circuit| circuit.gate(now));
                view(account, held, gate, now)
            })
    }
}

fn view(account: &AccountState, held: &AccountSlot, gate: Gate, now: Timestamp) -> AccountView {
    AccountView {
        account: held.account.clone(),
        status: status(account, held, gate, now),
        in_flight: account.in_flight,
        sessions: account.sessions,
        quota: account.windows.reads().cloned().collect(),
        budgets: account.meters.iter().map(|meter| meter.view(now)).collect(),
        rests: account
            .rests
            .all()
            .iter()
            .filter(|rest| rest.is_on(now))
            .cloned()
            .collect(),
        token_until: account
            .access
            .as_ref()
            .filter(|access| access.is_usable)
            .and_then(|access| access.ends_at),
    }
}

/// The status that matters most: what only a person ends comes before what ends by itself.
fn status(account: &AccountState, held: &AccountSlot, gate: Gate, now: Timestamp) -> AccountStatus {
    if !account.is_enabled {
        return AccountStatus::Disabled;
    }
    if let Some(need) = account.standing(now) {
        return AccountStatus::NeedsUser(need);
    }
    if let Some(exhausted) = exhausted_budget(account, now) {
        return exhausted;
    }
    if let Some(cooling) = cooling(account, now) {
        return cooling;
    }
    if let Gate::Open { until } = gate {
        return AccountStatus::Unreachable { until };
    }
    let access = account.access.as_ref();
    if held.flight.is_running || access.is_some_and(|access| !access.is_good(now)) {
        return AccountStatus::Refreshing;
    }
    if account.in_flight >= account.concurrency_max {
        AccountStatus::Busy
    } else {
        AccountStatus::Ready
    }
}

fn exhausted_budget(account: &AccountState, now: Timestamp) -> Option<AccountStatus> {
    account.meters.iter().find_map(|meter| {
        Some(AccountStatus::QuotaExhausted {
            until: meter.spent_until(now)?,
            quota: ExhaustedQuota::Budget(meter.budget.clone()),
        })
    })
}

/// A cooldown of all models, else those of single ones; of several, what ends last.
fn cooling(account: &AccountState, now: Timestamp) -> Option<AccountStatus> {
    let hard: Vec<&Cooldown> = account
        .rests
        .all()
        .iter()
        .filter(|cooldown| cooldown.is_on(now) && !is_soft(cooldown.cause))
        .collect();
    let of_account = hard
        .iter()
        .filter(|cooldown| cooldown.model.is_none())
        .max_by_key(|cooldown| cooldown.until);
    let last = of_account.or_else(|| hard.iter().max_by_key(|cooldown| cooldown.until))?;
    let (until, cause) = (last.until, last.cause);
    let detail = last.detail.as_deref().map(str::to_owned);
    if of_account.is_some() && cause == CooldownCause::Quota {
        let quota = ExhaustedQuota::Provider(detail);
        return Some(AccountStatus::QuotaExhausted { until, quota });
    }
    let models = match of_account {
        Some(_) => Vec::new(),
        None => hard
            .iter()
            .filter_map(|cooldown| cooldown.model.as_deref().map(str::to_owned))
            .collect(),
    };
    Some(AccountStatus::CoolingDown {
        until,
        cause,
        models,
        detail,
    })
}

impl super::health::budget::Meter {
    fn view(&self, now: Timestamp) -> BudgetView {
        let mut present = self.clone();
        present.roll(now);
        BudgetView {
            budget: present.budget,
            spent: present.spent,
            resets_at: present.ends_at,
        }
    }
}
