//! What the outcome of an attempt changes: the one place where an outcome becomes a cooldown, a
//! sign-out, a circuit's failure or a count against a budget.

use std::sync::Arc;

use super::budget;
use super::cooldown::{CooldownEnd, Strike};
use crate::canon::Usage;
use crate::language::Said;
use crate::outcome::{Outcome, Reading, Scope, Stage, Timestamp};
use crate::pool::account_slot::SignedOut;
use crate::pool::events::Event;
use crate::pool::schedule::grant::Grant;
use crate::pool::schedule::provider_pool::ProviderPool;
use crate::pool::state_store::StateStore;
use crate::status::{CooldownCause, SignIn, SignInCause};

/// An attempt that ended.
pub(crate) struct AttemptReport<'a> {
    pub(crate) grant: &'a Grant,
    pub(crate) outcome: &'a Outcome,
    /// What the provider said, bounded and without secrets.
    pub(crate) detail: Option<&'a str>,
    /// Whether a request was sent.
    pub(crate) was_used: bool,
    pub(crate) now: Timestamp,
    /// 0..1
    pub(crate) jitter: f64,
}

impl ProviderPool {
    /// Takes a lease back, with what its attempt showed.
    pub(crate) fn settle(
        &mut self,
        report: &AttemptReport<'_>,
        readings: Vec<Reading>,
        store: &dyn StateStore,
    ) {
        let grant = report.grant;
        // The account may have been removed meanwhile.
        let Some(index) = self.find(grant.index, grant.serial) else {
            return;
        };
        let slot = &mut self.accounts[index];
        slot.in_flight = slot.in_flight.saturating_sub(1);
        if let Some(circuit) = self.circuits.get_mut(slot.circuit) {
            let transition = circuit.record(
                report.outcome,
                grant.leased_at,
                grant.is_circuit_probe,
                report.now,
                report.jitter,
            );
            if let Some(transition) = transition {
                self.outbox.push(Event::Circuit(transition));
            }
        }
        self.count_usage(index, report, store);
        self.record_readings(index, report, readings, store);
        self.apply_outcome(index, report, store);
        self.note_balance(index, report.outcome, report.now);
    }

    /// Counts what the user's own budgets count. A request that its client cancelled was sent as
    /// well.
    fn count_usage(&mut self, index: usize, report: &AttemptReport<'_>, store: &dyn StateStore) {
        let slot = &mut self.accounts[index];
        let unknown = Usage::default();
        let usage = match report.outcome {
            Outcome::Served { usage } => usage,
            Outcome::Cancelled | Outcome::Unread | Outcome::MalformedResponse
                if report.was_used =>
            {
                &unknown
            }
            _ => return,
        };
        slot.windows.count_tokens(budget::tokens(usage));
        for meter in &mut slot.meters {
            if let Some(spent) = meter.count(usage, report.now) {
                store.add_spent(&slot.account.name, spent);
            }
        }
    }

    fn record_readings(
        &mut self,
        index: usize,
        report: &AttemptReport<'_>,
        readings: Vec<Reading>,
        store: &dyn StateStore,
    ) {
        let slot = &mut self.accounts[index];
        for reading in readings {
            let recorded = slot
                .windows
                .record(reading, &report.grant.model, report.now);
            if recorded.is_due_to_save {
                store.save_reading(&slot.account.name, recorded.read);
            }
            if recorded.is_newly_exhausted {
                let read = recorded.read.clone();
                self.outbox
                    .push(Event::QuotaExhausted(slot.account.clone(), read));
            }
        }
    }

    fn apply_outcome(&mut self, index: usize, report: &AttemptReport<'_>, store: &dyn StateStore) {
        let (cause, scope, until) = match report.outcome {
            Outcome::Served { .. } => return self.clear_on_success(index, report, store),
            Outcome::Unauthorized => return self.refuse_credential(index, report, store),
            Outcome::Throttled { scope, until } => (CooldownCause::RateLimit, *scope, *until),
            Outcome::QuotaSpent { scope, until } => (CooldownCause::Quota, *scope, *until),
            Outcome::Overloaded {
                until: until @ Some(_),
            } => (CooldownCause::Overloaded, Scope::Model, *until),
            Outcome::Forbidden => (CooldownCause::Forbidden, Scope::Model, None),
            // It did not reach the API, so it says nothing of the account: the circuit counts it.
            Outcome::Intercepted
            | Outcome::Unreachable {
                stage: Stage::Connect | Stage::Tls,
            } => return,
            Outcome::Overloaded { until: None }
            | Outcome::Failed
            | Outcome::Unreachable { .. }
            | Outcome::TimedOut { .. }
            | Outcome::MalformedResponse => (CooldownCause::Failing, Scope::Model, None),
            Outcome::Rejected(_) | Outcome::Cancelled | Outcome::Unread => return,
        };
        self.cool_down(index, report, cause, scope, until, store);
    }

    /// The account serves: what kept it from that is over.
    fn clear_on_success(
        &mut self,
        index: usize,
        report: &AttemptReport<'_>,
        store: &dyn StateStore,
    ) {
        let grant = report.grant;
        let slot = &mut self.accounts[index];
        if Arc::ptr_eq(&slot.credential.bearer, &grant.credential) {
            slot.credential.accept();
        }
        for read in slot.windows.clear_on_success(&grant.model, grant.leased_at) {
            store.save_reading(&slot.account.name, read);
        }
        for cleared in slot
            .cooldowns
            .clear_on_success(&grant.model, grant.leased_at)
        {
            // One without a length only counted a strike, and was never saved.
            if cleared.until > cleared.since {
                store.remove_cooldown(&slot.account.name, cleared.model.as_deref());
            }
            if cleared.is_active(report.now) {
                self.outbox
                    .push(Event::CooldownCleared(slot.account.clone(), cleared));
            }
        }
        if let Some(signed_out) = &slot.signed_out
            && signed_out.sign_in.since <= grant.leased_at
        {
            self.sign_in(index, store);
        }
    }

    /// `until`: the end that the refusal named.
    fn cool_down(
        &mut self,
        index: usize,
        report: &AttemptReport<'_>,
        cause: CooldownCause,
        scope: Scope,
        until: Option<Timestamp>,
        store: &dyn StateStore,
    ) {
        let now = report.now;
        let grant = report.grant;
        let slot = &mut self.accounts[index];
        let model = match scope {
            Scope::Model => Some(&grant.model),
            Scope::Account => None,
        };
        // Of a limit, the reset of an exhausted window is the next best end to a named one.
        let is_limit = matches!(cause, CooldownCause::RateLimit | CooldownCause::Quota);
        let named_end = match until.filter(|until| *until > now) {
            Some(until) => Some((until, CooldownEnd::Named)),
            None if is_limit => slot
                .windows
                .known_reset(&grant.model, now)
                .map(|resets_at| (resets_at, CooldownEnd::KnownReset)),
            None => None,
        };
        let lasted = slot
            .cooldowns
            .active(now)
            .any(|cooldown| cooldown.model.as_ref() == model);
        let cooldown = slot.cooldowns.add_strike(&Strike {
            model,
            cause,
            detail: report.detail.map(Said::quoted),
            named_end,
            leased_at: grant.leased_at,
            is_probe: grant.is_probe,
            now,
            jitter: report.jitter,
        });
        if !cooldown.is_active(now) {
            return;
        }
        store.save_cooldown(&slot.account.name, cooldown);
        let (account, cooldown) = (slot.account.clone(), cooldown.clone());
        self.outbox.push(if lasted {
            Event::CooldownExtended(account, cooldown)
        } else {
            Event::CooldownStarted(account, cooldown)
        });
    }

    /// The credential was refused. An access token is refreshed, once for all who carried it. Of a
    /// key the user hears, and it is probed until it is accepted again.
    fn refuse_credential(
        &mut self,
        index: usize,
        report: &AttemptReport<'_>,
        store: &dyn StateStore,
    ) {
        let credential = &mut self.accounts[index].credential;
        if !Arc::ptr_eq(&credential.bearer, &report.grant.credential) {
            // Another request found out first, and the bearer was replaced since.
            return;
        }
        match credential.refuse(report.now) {
            Ok(()) => self.outbox.refresh_due = true,
            Err(cause) => self.sign_out(index, cause, report.detail, report.now, store),
        }
    }

    /// The account's credential is accepted again.
    pub(crate) fn sign_in(&mut self, index: usize, store: &dyn StateStore) {
        let slot = &mut self.accounts[index];
        if slot.signed_out.take().is_some() {
            store.remove_sign_out(&slot.account.name);
            self.outbox.push(Event::SignedIn(slot.account.clone()));
        }
    }

    /// The account needs to be signed in again. The first reason is kept, unless it may pass and this
    /// one does not.
    pub(crate) fn sign_out(
        &mut self,
        index: usize,
        cause: SignInCause,
        detail: Option<&str>,
        now: Timestamp,
        store: &dyn StateStore,
    ) {
        let slot = &mut self.accounts[index];
        let signed_out = SignedOut::new(SignIn {
            cause,
            detail: detail.map(str::to_owned),
            since: now,
        });
        if let Some(known) = &slot.signed_out
            && (known.probe.is_none() || signed_out.probe.is_some())
        {
            return;
        }
        store.save_sign_out(&slot.account.name, &signed_out.sign_in);
        slot.signed_out = Some(Box::new(signed_out));
        self.outbox
            .push(Event::SignedOut(slot.account.clone(), cause));
    }
}
