//! All accounts with their live state, and the choice of one for each attempt.
//!
//! [`Pool::lease`] hands out an account; [`Lease::settle`] takes it back with what the attempt
//! showed. The choice itself is a pure function ([`pick`]). The pool sees outcomes and quota
//! readings, never a status code or a header, and it sends nothing.
//!
//! # What lives where
//!
//! ```text
//! Pool                        a handle; clones share the state
//! `- Shared                   the lock, the clock, the persistent state, two wake-ups
//!    `- Inner                 everything that the lock protects
//!       |- Rules              the mode and the longest wait
//!       |- Retained           accounts that are not configured now, with what is known of them
//!       `- ProviderPool       one for each provider
//!          |- AccountState    one for each account: all that a choice reads
//!          |  |- Cooldowns    until when it pauses, for which model, and why     [persisted]
//!          |  |- SignedOut    the provider refused its credential                [persisted]
//!          |  |- Windows      the provider's quota windows, as last reported     [persisted]
//!          |  `- Meter        one for each of the user's own budgets             [persisted]
//!          |- AccountSlot     one for each account: its credential
//!          |  `- RefreshState when the access token is refreshed next
//!          |- Circuit         one for each route to the provider's endpoint
//!          |- Affinity        which conversation keeps to which account          [persisted]
//!          |- RetryBudget     how many more attempts an outage may cause
//!          `- Queue           requests that wait for an account
//! ```
//!
//! One lock protects all of `Inner`. It is held for short critical sections that never await, send
//! or drop anything: grants for waiting requests are collected in an outbox and sent after the
//! unlock (`shared`). [`PoolState`] is told of what is persisted while the lock is held, so that
//! it sees changes in their order; all else is lost with the process.
//!
//! # Folders
//!
//! - `schedule`: which account serves a request, and the wait for one.
//! - `health`: what outcomes say of an account or an endpoint, and for how long.
//! - `refresh`: access tokens, refreshed once for all requests that wait for one.

mod clock;
mod health;
mod inspect;
mod refresh;
mod roster;
mod schedule;
mod shared;
mod state;
#[cfg(test)]
mod tests;
mod view;

pub use clock::Clock;
pub use health::cooldown::{Cooldown, End};
pub use refresh::{Claim, CredentialStore, CredentialStoreError, Granted, Refreshed, Refresher};
pub use roster::{Member, Roster};
pub use schedule::lease::Lease;
pub use schedule::lease_request::{
    BadSessionKey, LeaseError, LeaseRequest, PassedOver, SessionKey, SkipReason,
};
pub use schedule::pick::{self, Mode};
pub use shared::{LockWatch, Rules};
pub use state::{Bound, InProcess, PoolState, ReadAt, Saved, Spent};
pub use view::{AccountView, BudgetView};

use std::sync::Arc;

use crate::account::AccountName;
use crate::outcome::{Outcome, Timestamp};
use shared::Shared;

/// All accounts with their live state: a handle.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

impl Pool {
    /// A pool without accounts, which remembers what `state` kept of those that come.
    pub fn new(state: Arc<dyn PoolState>, clock: Clock, rules: Rules) -> Self {
        // Without randomness waits are spread less well, and nothing else suffers.
        let seed = getrandom::u64().unwrap_or_default();
        Self::seeded(state, clock, rules, seed)
    }

    /// The same with a stated seed for the jitter of waits.
    pub fn seeded(state: Arc<dyn PoolState>, clock: Clock, rules: Rules, seed: u64) -> Self {
        Self(Arc::new(Shared::new(state, clock, rules, seed)))
    }

    /// Takes the accounts and rules as they are configured now; what is known of those that stay is
    /// kept.
    pub fn replace(&self, roster: Roster, rules: Rules) {
        self.0.replace(roster, rules);
    }

    /// Leases an account for one attempt.
    ///
    /// Waits up to `max_wait` while all that could serve are busy, and with [`Mode::CacheFirst`]
    /// for the conversation's own account. Cancel safe: dropping the future leaves the queue, and
    /// gives back what was on its way.
    ///
    /// # Errors
    /// When none can serve, with the reason of each.
    pub async fn lease(&self, want: &LeaseRequest<'_>) -> Result<Lease, LeaseError> {
        schedule::wait::lease(&self.0, want).await
    }

    /// Whether another attempt at `provider` may follow `outcome`: a budget keeps an outage from
    /// being made worse by retries.
    ///
    /// Takes it out of the budget, so ask once for each further attempt.
    pub fn may_retry(&self, provider: &str, outcome: &Outcome) -> bool {
        let now = self.0.clock.now();
        self.0
            .change(provider, now, |lane, _| lane.retries.withdraw(outcome, now))
            .unwrap_or(true)
    }

    /// Waits for the next change of any account, or gives at once one that nobody has seen yet. For
    /// one listener.
    ///
    /// Cancel safe.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// All accounts as they stand.
    pub fn view(&self, now: Timestamp) -> Vec<AccountView> {
        self.0.view(now)
    }

    /// Ends all rests of an account by hand, and what its provider refused. Whether there is such
    /// an account.
    pub fn clear(&self, name: &AccountName) -> bool {
        self.0.clear(name)
    }

    /// Whether an account may serve, from the next lease on. Whether there is such an account.
    pub fn set_enabled(&self, name: &AccountName, is_enabled: bool) -> bool {
        self.0.set_enabled(name, is_enabled)
    }

    /// Forgets what is known of an account that was removed.
    pub fn forget(&self, name: &AccountName) {
        let now = self.0.clock.now();
        self.0.lock(now).parked.forget(name);
    }

    /// Refreshes access tokens until [`Pool::close`]; then ends what is under way. The agent runs
    /// it once, as a task of its own.
    ///
    /// Without it, accounts whose access token ended wait in vain.
    pub async fn tend(&self, refresher: Arc<dyn Refresher>, keeper: Arc<dyn CredentialStore>) {
        refresh::tend(&self.0, refresher, keeper).await;
    }

    /// Begins no more refreshes.
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
