//! Which accounts there are: a new configuration takes over what is known of those that stay.

use std::collections::HashMap;
use std::sync::Arc;

use super::health::circuit::Circuit;
use super::health::cooldown::Cooldowns;
use super::refresh::refresh_state::RefreshState;
use super::schedule::pick::{AccountState, SignedOut};
use super::schedule::provider_pool::{AccountSlot, ProviderPool, access_of};
use super::shared::Rules;
use super::shared::{Inner, Shared};
use super::state::{Bound, PoolState, Saved};
use crate::account::{Account, AccountName, Credential, Tokens};
use crate::outcome::Timestamp;
use crate::status::{CooldownCause, NeedsUser};

/// One account as it is configured.
#[derive(Clone, Debug)]
pub struct Member {
    pub account: Arc<Account>,
    /// What proves it, or what keeps it from being proved.
    pub credential: Result<Credential, NeedsUser>,
}

/// All accounts, in the order in which they were added.
pub type Roster = Vec<Member>;

/// Accounts that were once configured; beyond that what is known of one is forgotten.
const PARKED_MAX: usize = 1_000;

/// What is known of accounts that are not configured: kept from the last run, or of a configuration
/// that named them.
pub(crate) struct Retained {
    saved: Saved,
    live: HashMap<AccountName, (AccountState, AccountSlot)>,
}

impl Retained {
    pub(crate) fn new(mut saved: Saved, now: Timestamp) -> Self {
        saved
            .rests
            .iter_mut()
            .for_each(|(_, rest)| rest.follow_clock(now));
        Self {
            saved,
            live: HashMap::new(),
        }
    }

    pub(crate) fn follow_clock(&mut self, now: Timestamp) {
        for (account, held) in self.live.values_mut() {
            account.follow_clock(now);
            held.follow_clock(now);
        }
        self.saved
            .rests
            .iter_mut()
            .for_each(|(_, rest)| rest.follow_clock(now));
    }

    pub(crate) fn forget(&mut self, name: &AccountName) {
        self.live.remove(name);
        drop(self.take_saved(name));
    }

    /// Keeps what is known of an account that is gone. Leases of it that end later find nobody, so
    /// they are no longer counted.
    fn park(&mut self, account: AccountState, held: AccountSlot) {
        if self.live.len() < PARKED_MAX {
            let account = AccountState {
                in_flight: 0,
                sessions: 0,
                ..account
            };
            self.live.insert(account.name.clone(), (account, held));
        }
    }

    fn take_saved(&mut self, name: &AccountName) -> Saved {
        Saved {
            rests: taken(&mut self.saved.rests, |(account, _)| account == name),
            spent: taken(&mut self.saved.spent, |(account, _)| account == name),
            readings: taken(&mut self.saved.readings, |(account, _)| account == name),
            signed_out: taken(&mut self.saved.signed_out, |(account, _)| account == name),
            bound: taken(&mut self.saved.bound, |bound| bound.account == *name),
        }
    }
}

fn taken<T>(all: &mut Vec<T>, is_wanted: impl Fn(&T) -> bool) -> Vec<T> {
    all.extract_if(.., |one| is_wanted(one)).collect()
}

impl AccountState {
    pub(crate) fn follow_clock(&mut self, now: Timestamp) {
        for rest in self.rests.all_mut() {
            rest.follow_clock(now);
        }
        if let Some(probe) = self
            .signed_out
            .as_mut()
            .and_then(|signed_out| signed_out.probe.as_mut())
        {
            probe.follow_clock(now);
        }
        self.windows.relax();
    }

    /// Takes what was kept of the last run. Conversations are bound by the caller.
    fn restore(&mut self, saved: Saved, now: Timestamp) {
        self.rests = Cooldowns::of(saved.rests.into_iter().map(|(_, rest)| rest).collect());
        self.signed_out = saved
            .signed_out
            .into_iter()
            .next()
            .map(|(_, sign_in)| SignedOut::new(sign_in));
        for (_, read) in saved.readings {
            self.windows.take(read, now);
        }
        for (_, spent) in &saved.spent {
            self.meters
                .iter_mut()
                .for_each(|meter| meter.restore(spent));
        }
    }
}

impl AccountSlot {
    pub(crate) fn follow_clock(&mut self, now: Timestamp) {
        self.flight.follow_clock(now);
        self.used_at = self.used_at.map(|used_at| used_at.min(now));
        self.refreshed_at = self.refreshed_at.map(|refreshed_at| refreshed_at.min(now));
    }

    fn new(account: &Arc<Account>, serial: u64) -> Self {
        let none = Arc::new(Credential::None);
        Self {
            account: account.clone(),
            source: none.clone(),
            bearer: none,
            was_served: false,
            refreshed_at: None,
            is_given: false,
            generation: 0,
            serial,
            flight: RefreshState::default(),
            used_at: None,
        }
    }
}

impl Shared {
    /// Takes a new configuration. Leases of accounts that are gone end as they would have.
    pub(crate) fn replace(self: &Arc<Self>, roster: Roster, rules: Rules) {
        let now = self.clock.now();
        let mut inner = self.lock(now);
        inner.rules = rules;
        let mut members: HashMap<String, Vec<Member>> = HashMap::new();
        for member in roster {
            members
                .entry(member.account.provider.clone())
                .or_default()
                .push(member);
        }
        for provider in inner.lanes.keys() {
            members.entry(provider.clone()).or_default();
        }
        for (provider, members) in members {
            inner.replace_lane(provider, members, now, &*self.state);
        }
        let mut outbox = Vec::new();
        for lane in inner.lanes.values_mut() {
            lane.serve_waiting(rules.mode, now, &*self.state);
            outbox.append(&mut lane.outbox);
        }
        inner.lanes.retain(|_, lane| !lane.accounts.is_empty());
        drop(inner);
        self.after(outbox, true);
    }
}

impl Inner {
    fn replace_lane(
        &mut self,
        provider: String,
        members: Vec<Member>,
        now: Timestamp,
        state: &dyn PoolState,
    ) {
        let mut lane = self.lanes.remove(&provider).unwrap_or_default();
        let old_names: Vec<_> = lane
            .accounts
            .iter()
            .map(|account| account.name.clone())
            .collect();
        let held = std::mem::take(&mut lane.held);
        let known = std::mem::take(&mut lane.accounts).into_iter().zip(held);
        let mut known: HashMap<_, _> = known
            .map(|(account, held)| (account.name.clone(), (account, held)))
            .collect();
        let mut bound = Vec::new();
        for member in members {
            let jitter = self.jitter();
            let stayed = known.remove(&member.account.name);
            let (mut account, mut held) =
                stayed.unwrap_or_else(|| self.take_up(&member.account, now, &mut bound));
            account.set(&member.account, now);
            held.account = member.account.clone();
            take_credential(
                &mut account,
                &mut held,
                member.credential,
                now,
                jitter,
                state,
            );
            account.circuit = lane.circuit_of(&member.account);
            lane.accounts.push(account);
            lane.held.push(held);
        }
        known
            .into_values()
            .for_each(|(account, held)| self.parked.park(account, held));
        lane.renumber(&old_names);
        lane.restore_bound(bound);
        self.lanes.insert(provider, lane);
    }

    /// What is known of an account that was not configured before.
    fn take_up(
        &mut self,
        account: &Arc<Account>,
        now: Timestamp,
        bound: &mut Vec<Bound>,
    ) -> (AccountState, AccountSlot) {
        self.serials += 1;
        let serial = self.serials;
        let parked = self.parked.live.remove(&account.name);
        if let Some((snapshot, held)) =
            parked.filter(|(_, held)| held.account.provider == account.provider)
        {
            return (snapshot, AccountSlot { serial, ..held });
        }
        let mut snapshot = AccountState::of(account, now);
        let mut saved = self.parked.take_saved(&account.name);
        bound.extend(
            saved
                .bound
                .drain(..)
                .filter(|bound| bound.provider == account.provider),
        );
        snapshot.restore(saved, now);
        (snapshot, AccountSlot::new(account, serial))
    }
}

/// Gives an account its credential. Another one than before proves it anew, so what was held
/// against the old one is over.
fn take_credential(
    account: &mut AccountState,
    held: &mut AccountSlot,
    credential: Result<Credential, NeedsUser>,
    now: Timestamp,
    jitter: f64,
    state: &dyn PoolState,
) {
    let credential = match credential {
        Ok(credential) => credential,
        Err(hindrance) => {
            account.hindrance = Some(hindrance);
            return;
        }
    };
    account.hindrance = None;
    // A refresh that is under way marks the stored credential, which changes nothing of it.
    if held.is_given && is_same(&held.source, &credential) {
        return;
    }
    if held.is_given {
        account.rests.end(CooldownCause::RefreshFailing);
        if account.signed_out.take().is_some() {
            state.signed_in(&account.name);
        }
    }
    held.adopt(account, Arc::new(credential), now, jitter);
}

fn is_same(one: &Credential, other: &Credential) -> bool {
    match (one, other) {
        (Credential::OAuth(one), Credential::OAuth(other)) => {
            Tokens {
                refresh_sent_at: None,
                ..one.clone()
            } == Tokens {
                refresh_sent_at: None,
                ..other.clone()
            }
        }
        _ => one == other,
    }
}

impl AccountSlot {
    /// Takes a credential from outside.
    pub(crate) fn adopt(
        &mut self,
        account: &mut AccountState,
        credential: Arc<Credential>,
        now: Timestamp,
        jitter: f64,
    ) {
        account.access = access_of(&credential, &credential);
        self.flight.succeed(
            account.access.as_ref().and_then(|access| access.ends_at),
            now,
            jitter,
        );
        if let Credential::OAuth(tokens) = credential.as_ref() {
            self.flight.is_in_doubt = tokens.refresh_sent_at.is_some() && tokens.refresh.is_some();
        }
        (self.source, self.bearer) = (credential.clone(), credential);
        (self.was_served, self.refreshed_at, self.is_given) = (false, None, true);
        self.generation += 1;
    }
}

impl ProviderPool {
    /// The circuit of an account's way to its provider: those with a proxy of their own may be cut
    /// off alone.
    fn circuit_of(&mut self, account: &Account) -> usize {
        let way = account.settings.proxy.clone();
        let known = self.ways.iter().position(|known| *known == way);
        known.unwrap_or_else(|| {
            self.ways.push(way);
            self.circuits.push(Circuit::default());
            self.ways.len() - 1
        })
    }

    fn renumber(&mut self, old_names: &[AccountName]) {
        let names: HashMap<_, _> = self
            .accounts
            .iter()
            .enumerate()
            .map(|(at, account)| (account.name.clone(), at))
            .collect();
        let number = |old: usize| old_names.get(old).and_then(|name| names.get(name)).copied();
        self.affinity.renumber(number);
        self.queue.renumber(number);
        self.accounts
            .iter_mut()
            .for_each(|account| account.sessions = 0);
        for at in self.affinity.accounts() {
            self.accounts[at].sessions += 1;
        }
    }

    fn restore_bound(&mut self, mut bound: Vec<Bound>) {
        bound.sort_by_key(|bound| bound.used_at);
        for Bound {
            session,
            account,
            used_at,
            ..
        } in bound
        {
            if let Some(at) = self.position(&account) {
                self.affinity.bind(session, at, used_at);
                self.accounts[at].sessions += 1;
            }
        }
    }
}
