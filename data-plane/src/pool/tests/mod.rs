//! The pool as a whole, in paused time.

mod accounts;
mod cooldowns;
mod events;
mod modes;
mod properties;
mod refreshing;
mod simulation;
mod waiting;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::account::{Account, AccountSettings, Credential, Secret, Source};
use crate::canon::Usage;
use crate::modes::SchedulingMode;
use crate::outcome::{Reading, Scope};
use crate::status::{AccountStatus, CooldownCause, NeedsUser, SignIn};

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const MODEL: &str = "model-a";

pub(super) fn start() -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

pub(super) fn name(text: &str) -> AccountName {
    text.parse().unwrap()
}

pub(super) fn account(text: &str) -> Account {
    Account {
        name: name(text),
        provider: "lab".to_owned(),
        source: Source::Vault,
        settings: AccountSettings::default(),
        added_at: start(),
    }
}

pub(super) fn member(account: Account) -> Member {
    let key = Credential::Key(Secret::new(format!("key of {}", account.name)));
    Member {
        account: Arc::new(account),
        credential: Ok(key),
    }
}

pub(super) fn rules(mode: SchedulingMode) -> PoolConfig {
    PoolConfig {
        mode,
        max_wait: MINUTE,
    }
}

/// Accounts with a key each, in paused time.
pub(super) fn pool_of(accounts: Vec<Account>, mode: SchedulingMode) -> Pool {
    pool_with(Arc::new(NullStateStore), accounts, mode)
}

pub(super) fn pool_with(
    store: Arc<dyn StateStore>,
    accounts: Vec<Account>,
    mode: SchedulingMode,
) -> Pool {
    let pool = Pool::seeded(store, Clock::following_tokio(start()), rules(mode), 7);
    pool.replace(accounts.into_iter().map(member).collect(), rules(mode));
    pool
}

pub(super) fn accounts(names: &[&str]) -> Vec<Account> {
    names.iter().map(|name| account(name)).collect()
}

/// An account that may have one request in flight.
pub(super) fn narrow(text: &str) -> Account {
    let mut account = account(text);
    account.settings.concurrency_max = Some(1);
    account
}

pub(super) fn lease_request() -> LeaseRequest<'static> {
    LeaseRequest {
        provider: "lab",
        model: MODEL,
        ..LeaseRequest::default()
    }
}

pub(super) fn of_session(session: &SessionKey) -> LeaseRequest<'_> {
    LeaseRequest {
        session: Some(session),
        ..lease_request()
    }
}

pub(super) fn served() -> Outcome {
    Outcome::Served {
        usage: Usage::default(),
    }
}

pub(super) fn throttled(until: Timestamp) -> Outcome {
    Outcome::Throttled {
        scope: Scope::Model,
        until: Some(until),
    }
}

pub(super) fn taken(lease: &Lease) -> String {
    lease.account().name.to_string()
}

/// Leases and settles at once. Returns the name of the account.
pub(super) async fn use_once(pool: &Pool, request: &LeaseRequest<'_>, outcome: &Outcome) -> String {
    let lease = pool.lease(request).await.unwrap();
    let name = taken(&lease);
    settle(pool, lease, outcome);
    name
}

pub(super) fn settle(pool: &Pool, lease: Lease, outcome: &Outcome) {
    lease.settle(
        outcome,
        Some("the provider's words"),
        Vec::<Reading>::new(),
        pool.0.clock.now(),
    );
}

pub(super) fn status_of(pool: &Pool, account: &str) -> AccountStatus {
    let views = pool.view(pool.0.clock.now());
    views
        .into_iter()
        .find(|view| view.account.name.as_str() == account)
        .unwrap()
        .status
}

/// Lets other tasks run.
pub(super) async fn settle_down() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Stores the state in memory, as a database would.
#[derive(Default)]
pub(super) struct MemoryStore(pub(super) Mutex<SavedState>);

impl StateStore for MemoryStore {
    fn load(&self) -> SavedState {
        self.0.lock().unwrap().clone()
    }

    fn save_cooldown(&self, account: &AccountName, cooldown: &Cooldown) {
        self.remove_cooldown(account, cooldown.model.as_deref());
        self.0
            .lock()
            .unwrap()
            .cooldowns
            .push((account.clone(), cooldown.clone()));
    }

    fn remove_cooldown(&self, account: &AccountName, model: Option<&str>) {
        self.0
            .lock()
            .unwrap()
            .cooldowns
            .retain(|(known, cooldown)| known != account || cooldown.model.as_deref() != model);
    }

    fn save_binding(
        &self,
        provider: &str,
        session: SessionKey,
        account: &AccountName,
        used_at: Timestamp,
    ) {
        self.remove_binding(provider, session);
        let bound = SavedBinding {
            provider: provider.to_owned(),
            session,
            account: account.clone(),
            used_at,
        };
        self.0.lock().unwrap().bindings.push(bound);
    }

    fn remove_binding(&self, provider: &str, session: SessionKey) {
        self.0
            .lock()
            .unwrap()
            .bindings
            .retain(|bound| bound.provider != provider || bound.session != session);
    }

    fn save_object(&self, id: SessionKey, owner: &ObjectOwner, used_at: Timestamp) {
        self.remove_object(id);
        let object = SavedObject {
            id,
            owner: owner.clone(),
            used_at,
        };
        self.0.lock().unwrap().objects.push(object);
    }

    fn remove_object(&self, id: SessionKey) {
        let objects = &mut self.0.lock().unwrap().objects;
        objects.retain(|object| object.id != id);
    }

    fn add_spent(&self, account: &AccountName, spent: Spent) {
        self.0.lock().unwrap().spent.push((account.clone(), spent));
    }

    fn save_reading(&self, account: &AccountName, read: &QuotaReading) {
        self.0
            .lock()
            .unwrap()
            .readings
            .push((account.clone(), read.clone()));
    }

    fn save_sign_out(&self, account: &AccountName, sign_in: &SignIn) {
        self.0
            .lock()
            .unwrap()
            .signed_out
            .push((account.clone(), sign_in.clone()));
    }

    fn remove_sign_out(&self, account: &AccountName) {
        self.0
            .lock()
            .unwrap()
            .signed_out
            .retain(|(known, _)| known != account);
    }
}
