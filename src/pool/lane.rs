//! The accounts of one provider, with all that is known of them: what one critical section changes.

use std::sync::Arc;

use super::affinity::Affinity;
use super::circuit::Circuit;
use super::flight::RefreshState;
use super::pick::{Access, AccountState, Choice, Mode, Pick, PickInput, moves, passed_over, pick};
use super::queue::{Delivery, Queue};
use super::retry::RetryBudget;
use super::state::PoolState;
use super::want::{LeaseError, LeaseRequest, PassedOver, SessionKey};
use crate::account::{Account, AccountName, Credential};
use crate::outcome::Timestamp;

/// Names of models that are kept, so that a lease need not copy one.
const MODELS_MAX: usize = 64;

/// What is kept of an account beside what a choice looks at.
#[derive(Clone)]
pub(super) struct AccountSlot {
    pub(super) account: Arc<Account>,
    /// As it was given: what a refresh starts from.
    pub(super) source: Arc<Credential>,
    /// What requests carry.
    pub(super) bearer: Arc<Credential>,
    /// Whether the provider took `bearer` once.
    pub(super) was_served: bool,
    /// When a refresh gave `bearer`, if one did.
    pub(super) refreshed_at: Option<Timestamp>,
    /// Whether a credential came at all.
    pub(super) is_given: bool,
    /// Counts credentials from outside: a refresh of an earlier one ends in nothing.
    pub(super) generation: u64,
    /// Tells an account from another one of the same name that came later.
    pub(super) serial: u64,
    pub(super) flight: RefreshState,
    pub(super) used_at: Option<Timestamp>,
}

/// The accounts of one provider.
#[derive(Default)]
pub(super) struct ProviderPool {
    /// What a choice looks at.
    pub(super) accounts: Vec<AccountState>,
    /// The rest of each account, under the same number.
    pub(super) held: Vec<AccountSlot>,
    /// One for each way to the provider.
    pub(super) circuits: Vec<Circuit>,
    /// The proxies of the ways; `None` is the usual one.
    pub(super) ways: Vec<Option<String>>,
    pub(super) affinity: Affinity,
    pub(super) queue: Queue,
    pub(super) retries: RetryBudget,
    /// What is to be handed out once the pool is unlocked.
    pub(super) outbox: Vec<Delivery>,
    /// Whether a refresh became due, for who does them.
    pub(super) wants_refresh: bool,
    models: Vec<Arc<str>>,
    leases: u64,
}

/// What one lease stands for, without the handle that gives it back.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) at: usize,
    pub(super) serial: u64,
    pub(super) account: Arc<Account>,
    pub(super) credential: Arc<Credential>,
    pub(super) model: Arc<str>,
    pub(super) leased_at: Timestamp,
    pub(super) is_probe: bool,
    pub(super) is_circuit_probe: bool,
    pub(super) passed_over: Vec<PassedOver>,
}

/// What a try to lease came to.
pub(super) enum Tried {
    Granted(Grant),
    /// At `until` something changes by itself.
    Wait {
        until: Option<Timestamp>,
    },
    Refused(LeaseError),
}

/// A try to lease.
pub(super) struct Try<'a> {
    pub(super) want: LeaseRequest<'a>,
    pub(super) mode: Mode,
    /// Until when it may wait for its conversation's account.
    pub(super) patience: Option<Timestamp>,
    pub(super) now: Timestamp,
}

impl ProviderPool {
    /// Leases an account, or says why not. A token that should be refreshed first is noted at its
    /// account.
    pub(super) fn attempt(&mut self, attempt: &Try<'_>, state: &dyn PoolState) -> Tried {
        let now = attempt.now;
        let question = self.question(attempt);
        let choice = pick(&self.accounts, &question, now);
        let why = if choice.has_passed_over && !matches!(choice.pick, Pick::Wait { .. }) {
            passed_over(&self.accounts, &question, now)
        } else {
            Vec::new()
        };
        let rebinds = match (choice.pick, question.bound) {
            (Pick::Account(at), Some(bound)) => {
                at == bound || moves(&self.accounts, &question, now)
            }
            _ => true,
        };
        if let Some(at) = choice.refresh {
            self.held[at].flight.want();
            self.wants_refresh = true;
        }
        match choice {
            Choice {
                pick: Pick::Account(at),
                ..
            } => Tried::Granted(self.grant(at, attempt, rebinds, why, state)),
            Choice {
                pick: Pick::Wait { until },
                ..
            } => Tried::Wait { until },
            Choice {
                pick: Pick::Rests { until },
                ..
            } => Tried::Refused(LeaseError::Resting { until, why }),
            Choice {
                pick: Pick::Person, ..
            } => Tried::Refused(LeaseError::NeedsPerson { why }),
            Choice {
                pick: Pick::None, ..
            } => Tried::Refused(LeaseError::None { why }),
        }
    }

    fn question<'a>(&'a self, attempt: &Try<'a>) -> PickInput<'a> {
        let session = attempt.want.session.filter(|_| attempt.mode.has_affinity());
        PickInput {
            model: attempt.want.model,
            mode: attempt.mode,
            bound: session.and_then(|session| self.affinity.account(*session, attempt.now)),
            maker: attempt.want.maker,
            tried: attempt.want.tried,
            circuits: &self.circuits,
            patience: attempt.patience,
        }
    }

    /// SkipReason no account can be chosen at the moment.
    pub(super) fn why(&self, attempt: &Try<'_>) -> Vec<PassedOver> {
        passed_over(&self.accounts, &self.question(attempt), attempt.now)
    }

    fn grant(
        &mut self,
        at: usize,
        attempt: &Try<'_>,
        rebinds: bool,
        passed_over: Vec<PassedOver>,
        state: &dyn PoolState,
    ) -> Grant {
        let now = attempt.now;
        let is_probe = self.count_probe(at, attempt.want.model, now, state);
        let is_circuit_probe = self
            .circuits
            .get_mut(self.accounts[at].circuit)
            .is_some_and(|circuit| circuit.count_lease(now));
        self.leases += 1;
        let account = &mut self.accounts[at];
        account.in_flight += 1;
        account.last_lease = self.leases;
        account.windows.count_lease(attempt.want.model, now);
        if attempt.want.tried.is_empty() {
            self.retries.count_request();
        }
        if let Some(session) = attempt
            .want
            .session
            .filter(|_| attempt.mode.has_affinity() && rebinds && !is_probe)
        {
            self.bind(*session, at, now, state);
        }
        self.held[at].used_at = Some(now);
        let model = self.model(attempt.want.model);
        let AccountSlot {
            account,
            bearer,
            serial,
            ..
        } = &self.held[at];
        let (account, credential) = (account.clone(), bearer.clone());
        Grant {
            at,
            serial: *serial,
            account,
            credential,
            model,
            leased_at: now,
            is_probe,
            is_circuit_probe,
            passed_over,
        }
    }

    /// Whether the lease is a probe of a rest; the next one then comes later.
    fn count_probe(
        &mut self,
        at: usize,
        model: &str,
        now: Timestamp,
        state: &dyn PoolState,
    ) -> bool {
        let account = &mut self.accounts[at];
        let mut is_probe = false;
        if let Some(probe) = account
            .signed_out
            .as_mut()
            .and_then(|signed_out| signed_out.probe.as_mut())
        {
            probe.count_probe(now);
            is_probe = true;
        }
        for rest in account.rests.count_probe(model, now) {
            state.rested(&account.name, rest);
            is_probe = true;
        }
        is_probe
    }

    fn bind(&mut self, session: SessionKey, at: usize, now: Timestamp, state: &dyn PoolState) {
        let (former, is_news) = self.affinity.bind(session, at, now);
        if former != Some(at) {
            self.accounts[at].sessions += 1;
            if let Some(former) = former.and_then(|former| self.accounts.get_mut(former)) {
                former.sessions = former.sessions.saturating_sub(1);
            }
        }
        if is_news {
            state.bound(
                &self.held[at].account.provider,
                session,
                &self.accounts[at].name,
                now,
            );
        }
        while let Some((session, account)) = self.affinity.release(now) {
            self.accounts[account].sessions = self.accounts[account].sessions.saturating_sub(1);
            state.released(&self.held[at].account.provider, session);
        }
    }

    /// The model's name as it is kept.
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

    /// The number of the account that a lease was of, where it is still there.
    pub(super) fn find(&self, at: usize, serial: u64) -> Option<usize> {
        if self.held.get(at).is_some_and(|held| held.serial == serial) {
            return Some(at);
        }
        self.held.iter().position(|held| held.serial == serial)
    }

    pub(super) fn position(&self, name: &AccountName) -> Option<usize> {
        self.accounts
            .iter()
            .position(|account| account.name == *name)
    }
}

/// The standing of the access token that requests carry as `bearer`; `source` is what it is
/// refreshed from.
pub(super) fn access_of(bearer: &Credential, source: &Credential) -> Option<Access> {
    let can_refresh = match source {
        Credential::None | Credential::Key(_) => return None,
        Credential::OAuth(tokens) => tokens.refresh.is_some(),
        Credential::ServiceAccount(_) => true,
    };
    // Google's file signs for tokens; it is none itself.
    let (is_usable, ends_at) = match bearer {
        Credential::OAuth(tokens) => (tokens.access.is_some(), tokens.expires_at),
        _ => (false, None),
    };
    Some(Access {
        is_usable,
        ends_at,
        can_refresh,
    })
}
