//! All accounts with their live state, and the choice of one for each attempt.
//!
//! [`Pool::lease`] gives an account and takes it back with what the attempt taught. The choice
//! itself is a pure function; what it decides on is changed in short critical sections that no
//! await ever lies in. The pool sees outcomes and readings, never a status or a header, and it
//! sends nothing.

mod affinity;
mod budget;
mod circuit;
mod clock;
mod flight;
mod glance;
mod inspect;
mod lane;
mod learn;
mod lease;
pub mod pick;
mod queue;
mod refresh;
mod rest;
mod retry;
mod roster;
mod shared;
mod sign_in;
mod state;
#[cfg(test)]
mod tests;
mod view;
mod wait;
mod want;
mod windows;

pub use clock::Clock;
pub use lease::Lease;
pub use pick::Mode;
pub use refresh::{Claim, CredentialStore, CredentialStoreError, Granted, Refreshed, Refresher};
pub use rest::{Cooldown, CooldownCause, End};
pub use roster::{Member, Roster};
pub use shared::{LockWatch, Rules};
pub use sign_in::{NeedsUser, SignIn, SignInWhy};
pub use state::{Bound, InProcess, PoolState, ReadAt, Saved, Spent};
pub use view::{AccountView, BudgetView, State};
pub use want::{BadSessionKey, LeaseError, LeaseRequest, PassedOver, SessionKey, SkipReason};

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
        wait::lease(&self.0, want).await
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
