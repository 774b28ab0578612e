//! The accounts as people see them.

use super::account_slot::AccountSlot;
use super::health::budget::Meter;
use super::health::circuit::CircuitState;
use super::health::cooldown::{Cooldown, is_soft};
use super::schedule::provider_pool::ProviderPool;
use super::shared::Shared;
use super::view::{AccountView, BudgetView};
use crate::ordering;
use crate::outcome::Timestamp;
use crate::status::{AccountStatus, CooldownCause, ExhaustedQuota};

impl Shared {
    /// All accounts, sorted by provider and name.
    pub(crate) fn view(&self, now: Timestamp) -> Vec<AccountView> {
        let inner = self.lock(now);
        let mut views = Vec::new();
        for pool in inner.providers.values() {
            for slot in &pool.accounts {
                views.push(view(slot, pool.circuit_state(slot, now), now));
            }
        }
        drop(inner);
        ordering::sort_by(&mut views, |one, other| {
            let (one, other) = (&one.account, &other.account);
            (&one.provider, &one.name).cmp(&(&other.provider, &other.name))
        });
        views
    }
}

impl ProviderPool {
    fn circuit_state(&self, slot: &AccountSlot, now: Timestamp) -> CircuitState {
        match self.circuits.get(slot.circuit) {
            Some(circuit) => circuit.state(now),
            None => CircuitState::Closed,
        }
    }
}

fn view(slot: &AccountSlot, circuit: CircuitState, now: Timestamp) -> AccountView {
    let token = slot.credential.token.as_ref();
    AccountView {
        account: slot.account.clone(),
        status: status(slot, circuit, now),
        in_flight: slot.in_flight,
        sessions: slot.sessions,
        quota: slot.windows.reads().cloned().collect(),
        budgets: slot.meters.iter().map(|meter| meter.view(now)).collect(),
        cooldowns: slot.cooldowns.active(now).cloned().collect(),
        awaits_proof: slot.cooldowns.awaits_proof(now),
        token_until: token
            .filter(|token| token.is_usable)
            .and_then(|token| token.expires_at),
    }
}

/// The status that matters most: what only the user ends comes before what ends by itself.
fn status(slot: &AccountSlot, circuit: CircuitState, now: Timestamp) -> AccountStatus {
    if !slot.is_enabled {
        return AccountStatus::Disabled;
    }
    if let Some(needs_user) = slot.needs_user(now) {
        return AccountStatus::NeedsUser(needs_user);
    }
    if let Some(exhausted) = exhausted_budget(slot, now) {
        return exhausted;
    }
    if let Some(cooling_down) = cooling_down(slot, now) {
        return cooling_down;
    }
    if let CircuitState::Open { until } = circuit {
        return AccountStatus::Unreachable { until };
    }
    let needs_token = match &slot.credential.token {
        Some(token) => !token.is_valid(now),
        None => false,
    };
    if needs_token || slot.credential.refresh.is_running {
        return AccountStatus::Refreshing;
    }
    if slot.in_flight >= slot.concurrency_max {
        return AccountStatus::Busy;
    }
    AccountStatus::Ready
}

fn exhausted_budget(slot: &AccountSlot, now: Timestamp) -> Option<AccountStatus> {
    slot.meters.iter().find_map(|meter| {
        Some(AccountStatus::QuotaExhausted {
            until: meter.spent_until(now)?,
            quota: ExhaustedQuota::Budget(meter.budget.clone()),
        })
    })
}

/// A cooldown of all models, else those of single ones. Of several, the one that ends last.
fn cooling_down(slot: &AccountSlot, now: Timestamp) -> Option<AccountStatus> {
    let blocking: Vec<&Cooldown> = slot
        .cooldowns
        .active(now)
        .filter(|cooldown| !is_soft(cooldown.cause))
        .collect();
    let of_account = blocking
        .iter()
        .filter(|cooldown| cooldown.model.is_none())
        .max_by_key(|cooldown| cooldown.until);
    let last = of_account.or_else(|| blocking.iter().max_by_key(|cooldown| cooldown.until))?;
    let (until, cause) = (last.until, last.cause);
    let detail = last.detail.clone();
    if of_account.is_some() && cause == CooldownCause::Quota {
        let quota = ExhaustedQuota::Provider(detail);
        return Some(AccountStatus::QuotaExhausted { until, quota });
    }
    let models = match of_account {
        Some(_) => Vec::new(),
        None => blocking
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

impl Meter {
    fn view(&self, now: Timestamp) -> BudgetView {
        let mut current = self.clone();
        current.roll(now);
        BudgetView {
            budget: current.budget,
            spent: current.spent,
            resets_at: current.ends_at,
        }
    }
}
