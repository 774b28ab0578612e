//! All accounts with their live state, and the choice of one for each attempt.
//!
//! [`Pool::lease`] hands out an account; [`Lease::settle`] takes it back with what the attempt
//! showed. The choice itself is a pure function ([`pick`]). The pool sees outcomes and quota
//! readings, never a status code or a header, and it sends nothing.
//!
//! # What lives where
//!
//! ```text
//! Pool                         a handle; clones share the state
//! `- Shared                    the lock, the clock, the persistent store, two wake-ups
//!    |- Objects                which account keeps which object, with a lock of their own [persisted]
//!    `- Inner                  all that the lock protects
//!       |- PoolConfig          the mode and the longest wait
//!       |- Retained            accounts that are not configured now, with what is known of them
//!       `- ProviderPool        one for each provider
//!          |- AccountSlot      one for each account: settings, load, and
//!          |  |- Cooldowns        until when it pauses, for which model, and why   [persisted]
//!          |  |- SignedOut        the provider refused its credential              [persisted]
//!          |  |- Windows          the provider's quota windows, as last reported   [persisted]
//!          |  |- Meter            one for each of the user's own budgets           [persisted]
//!          |  |- BalanceState     when its balance is asked for
//!          |  `- CredentialState  what requests carry
//!          |     |- TokenState       whether the access token can be used
//!          |     `- RefreshState     when it is refreshed next
//!          |- Circuit          one for each route to the provider's endpoint
//!          |- Affinity         which conversation keeps to which account           [persisted]
//!          |- RetryBudget      how many more attempts an outage may cause
//!          |- Queue            requests that wait for an account
//!          `- Outbox           what is sent and logged after the unlock
//! ```
//!
//! One lock protects all of `Inner`. It is held for short critical sections that never await, send
//! or log anything: what a change leads to is collected in the `outbox` and flushed after the
//! unlock, see `shared`. [`StateStore`] is told of what is persisted while the lock is held, so
//! that it sees changes in their order; all else is lost with the process.
//!
//! # Folders
//!
//! - `schedule`: which account serves a request, and the wait for one.
//! - `health`: what outcomes say of an account or an endpoint, and for how long.
//! - `refresh`: access tokens, refreshed once for all requests that wait for one.

mod account_slot;
mod admin;
mod balances;
mod clock;
mod events;
mod health;
mod inspect;
mod objects;
mod outbox;
mod refresh;
mod retained;
mod roster;
mod schedule;
mod shared;
mod state_store;
#[cfg(test)]
mod tests;
mod view;

pub use balances::BalanceDue;
pub use clock::Clock;
pub use health::cooldown::{Cooldown, CooldownEnd};
pub use refresh::credential_store::{Claim, CredentialStore, CredentialStoreError};
pub use refresh::refresher::Refresher;
pub use roster::{Member, Roster};
pub use schedule::lease::Lease;
pub use schedule::lease_request::{
    BadSessionKey, LeaseError, LeaseRequest, PassedOver, SessionKey, SkipReason,
};
pub use schedule::pick;
pub use schedule::pick::{Place, Precedence};
pub use schedule::prospects::Prospect;
pub use shared::{LockWatch, PoolConfig};
pub use state_store::{
    NullStateStore, ObjectOwner, QuotaReading, SavedBinding, SavedObject, SavedState, Spent,
    StateStore,
};
pub use view::{AccountView, BudgetView};

use std::sync::Arc;
use std::time::Duration;

use crate::account::{AccountName, Credential};
use crate::outcome::{Outcome, Reading, Timestamp};
use crate::provider::DEMO;
use events::Event;
use shared::Shared;

/// All accounts with their live state: a handle.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

impl Pool {
    /// A pool without accounts, which remembers what `state` saved of those that come.
    pub fn new(store: Arc<dyn StateStore>, clock: Clock, config: PoolConfig) -> Self {
        let random = fastrand::Rng::new();
        Self(Arc::new(Shared::new(store, clock, config, random)))
    }

    /// The same with a stated seed for the jitter of waits.
    pub fn seeded(store: Arc<dyn StateStore>, clock: Clock, config: PoolConfig, seed: u64) -> Self {
        let random = fastrand::Rng::with_seed(seed);
        Self(Arc::new(Shared::new(store, clock, config, random)))
    }

    /// Takes the accounts and settings of a new configuration. What is known of accounts that stay
    /// is kept.
    pub fn replace(&self, roster: Roster, config: PoolConfig) {
        self.0.replace(roster, config);
    }

    /// Leases an account for one attempt.
    ///
    /// Waits up to `max_wait` while all that could serve are busy, and with
    /// [`SchedulingMode::CacheFirst`](crate::modes::SchedulingMode) for the conversation's own
    /// account. Cancel safe: dropping the future leaves the queue, and gives back what was on its
    /// way.
    ///
    /// # Errors
    /// When none can serve, with the reason of each.
    pub async fn lease(&self, request: &LeaseRequest<'_>) -> Result<Lease, LeaseError> {
        schedule::wait::lease(&self.0, request).await
    }

    /// Whether another attempt at `provider` may follow `outcome`: a budget keeps retries from
    /// making an outage worse.
    ///
    /// Takes it out of the budget, so ask once for each further attempt.
    pub fn may_retry(&self, provider: &str, outcome: &Outcome) -> bool {
        let now = self.0.clock.now();
        let may_retry = self.0.with_provider(provider, now, |pool, _| {
            let may_retry = pool.retry_budget.withdraw(outcome, now);
            if !may_retry {
                pool.outbox.push(Event::RetryBudgetExhausted);
            }
            may_retry
        });
        may_retry.unwrap_or(true)
    }

    /// Whether a provider has more than one account, so that it matters which one a conversation
    /// keeps to.
    pub fn has_choice(&self, provider: &str) -> bool {
        self.0.has_choice(provider)
    }

    /// A credential for what costs nothing, such as a list of models: of the first account that
    /// does not need the user.
    pub fn any_credential(&self, provider: &str) -> Option<Arc<Credential>> {
        self.0.any_credential(provider)
    }

    /// Waits for the next change of any account. Returns at once if there was one since the last
    /// call. For one listener.
    ///
    /// Cancel safe.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// The time by the pool's clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// How much longer a request may wait that has waited for `waited`.
    pub fn wait_left(&self, waited: Duration) -> Duration {
        let inner = self.0.lock(self.0.clock.now());
        inner.config.max_wait.saturating_sub(waited)
    }

    /// All accounts as they stand.
    pub fn view(&self, now: Timestamp) -> Vec<AccountView> {
        self.0.view(now)
    }

    /// Which account of each provider the next request would ask, and why not the others. `model`
    /// is the upstream's name; `None`: any that the account may serve.
    pub fn prospects(&self, model: Option<&str>, now: Timestamp) -> Vec<Prospect> {
        self.0.prospects(model, now)
    }

    /// How many accounts could serve now. The offline provider's is no account of the user's.
    pub fn accounts_ready(&self) -> usize {
        let views = self.view(self.now());
        let own = views.iter().filter(|view| view.account.provider != DEMO);
        own.filter(|view| view.status.is_serving()).count()
    }

    /// Ends an account's cooldowns and sign-out by hand. `false`: there is no such account.
    pub fn clear(&self, name: &AccountName) -> bool {
        self.0.clear(name)
    }

    /// Whether an account may serve, from the next lease on. `false`: there is no such account.
    pub fn set_enabled(&self, name: &AccountName, is_enabled: bool) -> bool {
        self.0.set_enabled(name, is_enabled)
    }

    /// Forgets what is retained of an account that was removed.
    pub fn forget(&self, name: &AccountName) {
        let now = self.0.clock.now();
        self.0.lock(now).retained.forget(name);
        self.0.objects.forget(name, &*self.0.store);
    }

    /// Remembers which account keeps the object `id`, over a restart too.
    pub fn note_object(&self, id: &str, owner: ObjectOwner) {
        let now = self.0.clock.now();
        self.0.objects.note(id, owner, &*self.0.store, now);
    }

    /// The account that alone can read the object `id`; `None` where it is not known.
    pub fn object_owner(&self, id: &str) -> Option<ObjectOwner> {
        let now = self.0.clock.now();
        self.0.objects.owner_of(id, &*self.0.store, now)
    }

    /// Whether no object is known: then no request need be searched for ids.
    pub fn knows_no_object(&self) -> bool {
        self.0.objects.is_empty()
    }

    /// Refreshes access tokens until [`Pool::close`]; then waits for the refreshes that are
    /// running. The agent runs it once, as a task of its own.
    ///
    /// Without it, requests wait in vain for accounts whose access token ended.
    pub async fn run_refresher(
        &self,
        refresher: Arc<dyn Refresher>,
        store: Arc<dyn CredentialStore>,
    ) {
        refresh::runner::run_refresher(&self.0, refresher, store).await;
    }

    /// `has_call`: whether a provider has a call for balances. Ask again after each
    /// [`Pool::replace`].
    pub fn follow_balances(&self, has_call: &dyn Fn(&str) -> bool) {
        self.0.follow_balances(has_call);
    }

    /// Waits until the balances of some accounts should be asked for. For one listener.
    ///
    /// Cancel safe.
    pub async fn balances_due(&self) -> Vec<BalanceDue> {
        self.0.balances_due().await
    }

    /// Takes what a provider's call for balances told of an account. `false`: there is no such
    /// account.
    pub fn record_balance(&self, name: &AccountName, readings: Vec<Reading>) -> bool {
        self.0.record_balance(name, readings)
    }

    /// Starts no more refreshes.
    pub fn close(&self) {
        let now = self.0.clock.now();
        self.0.lock(now).is_closed = true;
        self.0.refresh_due.notify_one();
    }

    /// Tells `watch` of each time that the pool is locked; for benchmarks. Only the first watch is
    /// taken.
    #[doc(hidden)]
    pub fn watch_lock(&self, watch: Arc<dyn LockWatch>) {
        drop(self.0.watch.set(watch));
    }
}
