//! The accounts of one provider, with all that is known of them: what one critical section changes.

use std::sync::Arc;

use super::affinity::Affinity;
use super::lease_request::{LeaseError, LeaseRequest, PassedOver, SessionKey};
use super::pick::{Access, AccountState, Choice, Mode, Pick, PickInput, moves, passed_over, pick};
use super::queue::{Delivery, Queue};
use crate::account::{Account, AccountName, Credential};
use crate::outcome::Timestamp;
use crate::pool::health::circuit::Circuit;
use crate::pool::health::retry_budget::RetryBudget;
use crate::pool::refresh::refresh_state::RefreshState;
use crate::pool::state::PoolState;

/// Names of models that are kept, so that a lease need not copy one.
const MODELS_MAX: usize = 64;

/// What is kept of an account beside what a choice looks at.
#[derive(Clone)]
pub(crate) struct AccountSlot {
    pub(crate) account: Arc<Account>,
    /// As it was given: what a refresh starts from.
    pub(crate) source: Arc<Credential>,
    /// What requests carry.
    pub(crate) bearer: Arc<Credential>,
    /// Whether the provider took `bearer` once.
    pub(crate) was_served: bool,
    /// When a refresh gave `bearer`, if one did.
    pub(crate) refreshed_at: Option<Timestamp>,
    /// Whether a credential came at all.
    pub(crate) is_given: bool,
    /// Counts credentials from outside: a refresh of an earlier one ends in nothing.
    pub(crate) generation: u64,
    /// Tells an account from another one of the same name that came later.
    pub(crate) serial: u64,
    pub(crate) flight: RefreshState,
    pub(crate) used_at: Option<Timestamp>,
}

/// The accounts of one provider.
#[derive(Default)]
pub(crate) struct ProviderPool {
    /// What a choice looks at.
    pub(crate) accounts: Vec<AccountState>,
    /// The rest of each account, under the same number.
    pub(crate) held: Vec<AccountSlot>,
    /// One for each way to the provider.
    pub(crate) circuits: Vec<Circuit>,
    /// The proxies of the ways; `None` is the usual one.
    pub(crate) ways: Vec<Option<String>>,
    pub(crate) affinity: Affinity,
    pub(crate) queue: Queue,
    pub(crate) retries: RetryBudget,
    /// What is to be handed out once the pool is unlocked.
    pub(crate) outbox: Vec<Delivery>,
    /// Whether a refresh became due, for who does them.
    pub(crate) wants_refresh: bool,
    models: Vec<Arc<str>>,
    leases: u64,
}

/// What one lease stands for, without the handle that gives it back.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) at: usize,
    pub(crate) serial: u64,
    pub(crate) account: Arc<Account>,
    pub(crate) credential: Arc<Credential>,
    pub(crate) model: Arc<str>,
    pub(crate) leased_at: Timestamp,
    pub(crate) is_probe: bool,
    pub(crate) is_circuit_probe: bool,
    pub(crate) passed_over: Vec<PassedOver>,
}

/// What a try to lease came to.
pub(crate) enum Tried {
    Granted(Grant),
    /// At `until` something changes by itself.
    Wait {
        until: Option<Timestamp>,
    },
    Refused(LeaseError),
}

/// A try to lease.
pub(crate) struct Try<'a> {
    pub(crate) want: LeaseRequest<'a>,
    pub(crate) mode: Mode,
    /// Until when it may wait for its conversation's account.
    pub(crate) patience: Option<Timestamp>,
    pub(crate) now: Timestamp,
}

impl ProviderPool {
    /// Leases an account, or says why not. A token that should be refreshed first is noted at its
    /// account.
    pub(crate) fn attempt(&mut self, attempt: &Try<'_>, state: &dyn PoolState) -> Tried {
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
    pub(crate) fn why(&self, attempt: &Try<'_>) -> Vec<PassedOver> {
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
    pub(crate) fn find(&self, at: usize, serial: u64) -> Option<usize> {
        if self.held.get(at).is_some_and(|held| held.serial == serial) {
            return Some(at);
        }
        self.held.iter().position(|held| held.serial == serial)
    }

    pub(crate) fn position(&self, name: &AccountName) -> Option<usize> {
        self.accounts
            .iter()
            .position(|account| account.name == *name)
    }
}

/// The standing of the access token that requests carry as `bearer`; `source` is what it is
/// refreshed from.
pub(crate) fn access_of(bearer: &Credential, source: &Credential) -> Option<Access> {
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
