//! Looking at accounts and changing them by hand.

use std::sync::Arc;

use super::health::circuit::{Circuit, Gate};
use super::health::cooldown::{Cooldown, CooldownCause};
use super::schedule::pick::AccountState;
use super::schedule::provider_pool::{AccountSlot, ProviderPool};
use super::shared::Shared;
use super::view::{AccountView, BudgetView, State};
use crate::account::AccountName;
use crate::outcome::Timestamp;

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
        state: state(account, held, gate, now),
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

/// The state that says most: what only a person ends comes before what ends by itself.
fn state(account: &AccountState, held: &AccountSlot, gate: Gate, now: Timestamp) -> State {
    if !account.is_enabled {
        return State::Disabled;
    }
    if let Some(hindrance) = account.standing(now) {
        return State::NeedsPerson(hindrance);
    }
    if let Some((meter, until)) = account
        .meters
        .iter()
        .find_map(|meter| Some((meter, meter.spent_until(now)?)))
    {
        return State::QuotaUsedUp {
            until,
            what: format!("your budget of {}", meter.budget),
        };
    }
    if let Some(resting) = resting(account, now) {
        return resting;
    }
    if let Gate::Open { until } = gate {
        return State::Unreachable { until };
    }
    if held.flight.is_running
        || account
            .access
            .as_ref()
            .is_some_and(|access| !access.is_good(now))
    {
        return State::Refreshing;
    }
    if account.in_flight >= account.concurrency_max {
        State::Busy
    } else {
        State::Ready
    }
}

/// A rest of all models, else those of single ones; of several, what ends last.
fn resting(account: &AccountState, now: Timestamp) -> Option<State> {
    let on = || {
        account
            .rests
            .all()
            .iter()
            .filter(|rest| rest.is_on(now) && !rest.cause.is_soft())
    };
    let whole = on()
        .filter(|rest| rest.model.is_none())
        .max_by_key(|rest| rest.until);
    let Cooldown {
        until,
        cause,
        detail,
        ..
    } = whole
        .or_else(|| on().max_by_key(|rest| rest.until))?
        .clone();
    let models: Vec<_> = match whole {
        Some(_) => Vec::new(),
        None => on().filter_map(|rest| rest.model.clone()).collect(),
    };
    if cause == CooldownCause::Quota && models.is_empty() {
        let what = detail.map_or_else(
            || "the provider's limit".to_owned(),
            |said| said.to_string(),
        );
        return Some(State::QuotaUsedUp { until, what });
    }
    Some(State::Cooling {
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
