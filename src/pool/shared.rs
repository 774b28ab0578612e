//! The pool's one lock, and what happens around it: nothing is awaited, sent or dropped while it is
//! held.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::clock::Clock;
use super::health::cooldown::CLOCK_SLACK;
use super::health::feedback::AttemptReport;
use super::roster::Retained;
use super::schedule::lease::Lease;
use super::schedule::pick::Mode;
use super::schedule::provider_pool::{Grant, ProviderPool};
use super::schedule::queue::Delivery;
use super::state::PoolState;
use crate::outcome::{Outcome, Reading, Timestamp};

/// How accounts are chosen, and how long a request may wait for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pub mode: Mode,
    pub max_wait: Duration,
}

/// Sees when the lock is taken and given back; for benchmarks.
pub trait LockWatch: Send + Sync {
    fn taken(&self);
    fn released(&self);
}

pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) state: Arc<dyn PoolState>,
    inner: Mutex<Inner>,
    /// Wakes who refreshes.
    pub(crate) refresh_due: Notify,
    /// Told after every change, for those who show the accounts.
    pub(crate) changed: Notify,
    pub(crate) watch: OnceLock<Arc<dyn LockWatch>>,
}

/// What the lock guards.
pub(crate) struct Inner {
    pub(crate) lanes: HashMap<String, ProviderPool>,
    pub(crate) rules: Rules,
    /// Accounts that are not configured at the moment, with what is known of them.
    pub(crate) parked: Retained,
    pub(crate) serials: u64,
    pub(crate) is_closed: bool,
    random: Random,
    /// The latest moment seen, to notice when the clock goes back.
    seen: Timestamp,
}

/// The lock, held.
pub(crate) struct Held<'a> {
    guard: MutexGuard<'a, Inner>,
    watch: Option<&'a Arc<dyn LockWatch>>,
}

impl std::ops::Deref for Held<'_> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.guard
    }
}

impl std::ops::DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        &mut self.guard
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(watch) = self.watch {
            watch.released();
        }
    }
}

impl Shared {
    pub(crate) fn new(state: Arc<dyn PoolState>, clock: Clock, rules: Rules, seed: u64) -> Self {
        let now = clock.now();
        let inner = Inner {
            lanes: HashMap::new(),
            rules,
            parked: Retained::new(state.load(), now),
            serials: 0,
            is_closed: false,
            random: Random(seed),
            seen: now,
        };
        Self {
            clock,
            state,
            inner: Mutex::new(inner),
            refresh_due: Notify::new(),
            changed: Notify::new(),
            watch: OnceLock::new(),
        }
    }

    /// Takes the lock. A panic while it was held left at worst one account's figures half changed.
    pub(crate) fn lock(&self, now: Timestamp) -> Held<'_> {
        let guard = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let watch = self.watch.get();
        if let Some(watch) = watch {
            watch.taken();
        }
        let mut held = Held { guard, watch };
        held.follow_clock(now);
        held
    }

    /// Changes one provider's accounts; then serves who waits for them. `None` where the provider
    /// has none.
    pub(crate) fn change<R>(
        self: &Arc<Self>,
        provider: &str,
        now: Timestamp,
        change: impl FnOnce(&mut ProviderPool, &Context<'_>) -> R,
    ) -> Option<R> {
        let mut inner = self.lock(now);
        let context = Context {
            rules: inner.rules,
            state: &*self.state,
            now,
            jitter: inner.random.share(),
        };
        let lane = inner.lanes.get_mut(provider)?;
        let result = change(lane, &context);
        lane.serve_waiting(context.rules.mode, now, context.state);
        let outbox = std::mem::take(&mut lane.outbox);
        let wants_refresh = std::mem::take(&mut lane.wants_refresh);
        drop(inner);
        self.after(outbox, wants_refresh);
        Some(result)
    }

    /// What must wait until the lock is given back.
    pub(crate) fn after(self: &Arc<Self>, outbox: Vec<Delivery>, wants_refresh: bool) {
        self.changed.notify_one();
        if wants_refresh {
            self.refresh_due.notify_one();
        }
        for Delivery { sender, delivered } in outbox {
            // A waiter that left gives its grant back, as a lease does when it is dropped.
            if let Err(Ok(grant)) = sender.send(delivered) {
                drop(Lease::unclaimed(self.clone(), grant));
            }
        }
    }

    pub(crate) fn settle(
        self: &Arc<Self>,
        grant: &Grant,
        outcome: &Outcome,
        said: Option<&str>,
        readings: Vec<Reading>,
        was_used: bool,
        now: Timestamp,
    ) {
        self.change(&grant.account.provider, now, |lane, context| {
            let lesson = AttemptReport {
                grant,
                outcome,
                said,
                readings,
                was_used,
                now,
                jitter: context.jitter,
            };
            lane.settle(lesson, context.state);
        });
    }
}

/// What a change of a lane needs besides it.
pub(crate) struct Context<'a> {
    pub(crate) rules: Rules,
    pub(crate) state: &'a dyn PoolState,
    pub(crate) now: Timestamp,
    /// 0..1
    pub(crate) jitter: f64,
}

impl Inner {
    pub(crate) fn jitter(&mut self) -> f64 {
        self.random.share()
    }

    /// After the clock went back by more than a correction, all that ends at some moment is
    /// measured anew.
    ///
    /// A jump forward needs nothing: every decision compares with the moment at hand.
    fn follow_clock(&mut self, now: Timestamp) {
        if now + CLOCK_SLACK < self.seen {
            tracing::warn!(from = ?self.seen, to = ?now, "the clock went back; rests keep their length");
            self.lanes
                .values_mut()
                .for_each(|lane| lane.follow_clock(now));
            self.parked.follow_clock(now);
            self.seen = now;
        }
        self.seen = self.seen.max(now);
    }
}

impl ProviderPool {
    fn follow_clock(&mut self, now: Timestamp) {
        for account in &mut self.accounts {
            account.follow_clock(now);
        }
        self.held.iter_mut().for_each(|held| held.follow_clock(now));
        self.circuits
            .iter_mut()
            .for_each(|circuit| circuit.follow_clock(now));
        self.affinity.follow_clock(now);
    }
}

/// A small random source (SplitMix64): it spreads waits and decides nothing else.
struct Random(u64);

impl Random {
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        f64::from(((mixed ^ (mixed >> 31)) >> 32) as u32) / f64::from(u32::MAX)
    }
}
