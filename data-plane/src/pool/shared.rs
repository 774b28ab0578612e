//! The pool's one lock, and what happens around it: nothing is awaited or sent while it is held,
//! and events are logged after the unlock.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::clock::{CLOCK_SLACK, Clock};
use super::health::feedback::AttemptReport;
use super::objects::Objects;
use super::outbox::Outbox;
use super::retained::Retained;
use super::schedule::grant::Grant;
use super::schedule::provider_pool::ProviderPool;
use super::schedule::queue::Delivery;
use super::state_store::StateStore;
use crate::modes::SchedulingMode;
use crate::outcome::{Outcome, Reading, Timestamp};

/// How accounts are chosen, and how long a request may wait for one: the section `scheduling` of
/// the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolConfig {
    pub mode: SchedulingMode,
    pub max_wait: Duration,
}

/// Sees when the lock is taken and released; for benchmarks.
pub trait LockWatch: Send + Sync {
    fn taken(&self);
    fn released(&self);
}

pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) store: Arc<dyn StateStore>,
    inner: Mutex<Inner>,
    /// Has a lock of its own: most requests name no object.
    pub(crate) objects: Objects,
    /// Wakes the refresher.
    pub(crate) refresh_due: Notify,
    /// Wakes who asks for balances.
    pub(crate) balance_due: Notify,
    /// Notified after every change, for those who display the accounts.
    pub(crate) changed: Notify,
    pub(crate) watch: OnceLock<Arc<dyn LockWatch>>,
}

/// What the lock protects.
pub(crate) struct Inner {
    pub(crate) providers: HashMap<String, ProviderPool>,
    pub(crate) config: PoolConfig,
    pub(crate) retained: Retained,
    pub(crate) is_closed: bool,
    last_serial: u64,
    /// Spreads waits, and decides nothing else.
    random: fastrand::Rng,
    /// The latest time seen, to notice when the clock goes back.
    latest: Timestamp,
}

/// The lock, held.
pub(crate) struct PoolGuard<'a> {
    inner: MutexGuard<'a, Inner>,
    watch: Option<&'a Arc<dyn LockWatch>>,
}

/// What a change of a provider's pool needs besides it.
pub(crate) struct ChangeContext<'a> {
    pub(crate) config: PoolConfig,
    pub(crate) store: &'a dyn StateStore,
    pub(crate) now: Timestamp,
    /// 0..1
    pub(crate) jitter: f64,
}

impl Deref for PoolGuard<'_> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl DerefMut for PoolGuard<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        &mut self.inner
    }
}

impl Drop for PoolGuard<'_> {
    fn drop(&mut self) {
        if let Some(watch) = self.watch {
            watch.released();
        }
    }
}

impl Shared {
    pub(crate) fn new(
        store: Arc<dyn StateStore>,
        clock: Clock,
        config: PoolConfig,
        random: fastrand::Rng,
    ) -> Self {
        let now = clock.now();
        let mut saved = store.load();
        let objects = Objects::new(std::mem::take(&mut saved.objects), &*store, now);
        let inner = Inner {
            providers: HashMap::new(),
            config,
            retained: Retained::new(saved, now),
            is_closed: false,
            last_serial: 0,
            random,
            latest: now,
        };
        Self {
            clock,
            store,
            inner: Mutex::new(inner),
            objects,
            refresh_due: Notify::new(),
            balance_due: Notify::new(),
            changed: Notify::new(),
            watch: OnceLock::new(),
        }
    }

    pub(crate) fn lock(&self, now: Timestamp) -> PoolGuard<'_> {
        let inner = self.inner.lock();
        let watch = self.watch.get();
        if let Some(watch) = watch {
            watch.taken();
        }
        let mut guard = PoolGuard { inner, watch };
        guard.follow_clock(now);
        guard
    }

    /// Changes one provider's pool; then serves its queue. `None` if the provider has no accounts.
    pub(crate) fn with_provider<R>(
        &self,
        provider: &str,
        now: Timestamp,
        change: impl FnOnce(&mut ProviderPool, &ChangeContext<'_>) -> R,
    ) -> Option<R> {
        let mut inner = self.lock(now);
        let context = ChangeContext {
            config: inner.config,
            store: &*self.store,
            now,
            jitter: inner.jitter(),
        };
        let pool = inner.providers.get_mut(provider)?;
        let result = change(pool, &context);
        pool.serve_queue(context.config.mode, now, context.store);
        let outbox = std::mem::take(&mut pool.outbox);
        drop(inner);
        self.flush(provider, outbox);
        Some(result)
    }

    /// Does what had to wait for the unlock.
    pub(crate) fn flush(&self, provider: &str, outbox: Outbox) {
        for event in &outbox.events {
            event.emit(provider);
        }
        self.changed.notify_one();
        if outbox.refresh_due {
            self.refresh_due.notify_one();
        }
        if outbox.balance_due {
            self.balance_due.notify_one();
        }
        for Delivery { sender, delivered } in outbox.deliveries {
            // A waiter that left meanwhile gives its grant back.
            if let Err(Ok(grant)) = sender.send(delivered) {
                self.return_unused(&grant);
            }
        }
    }

    /// Gives back a grant whose attempt ended.
    pub(crate) fn settle(
        &self,
        grant: &Grant,
        outcome: &Outcome,
        detail: Option<&str>,
        readings: Vec<Reading>,
        now: Timestamp,
    ) {
        self.with_provider(&grant.account.provider, now, |pool, context| {
            let report = AttemptReport {
                grant,
                outcome,
                detail,
                was_used: true,
                now,
                jitter: context.jitter,
            };
            pool.settle(&report, readings, context.store);
        });
    }

    /// Gives back a grant that no request took.
    pub(crate) fn return_unused(&self, grant: &Grant) {
        let now = self.clock.now();
        self.with_provider(&grant.account.provider, now, |pool, context| {
            let report = AttemptReport {
                grant,
                outcome: &Outcome::Cancelled,
                detail: None,
                was_used: false,
                now,
                jitter: context.jitter,
            };
            pool.settle(&report, Vec::new(), context.store);
        });
    }
}

impl Inner {
    /// 0..1
    pub(crate) fn jitter(&mut self) -> f64 {
        self.random.f64()
    }

    pub(crate) fn next_serial(&mut self) -> u64 {
        self.last_serial += 1;
        self.last_serial
    }

    /// If the clock went back by more than a correction, all that ends at some time is moved, so
    /// that it keeps its length.
    ///
    /// A jump forward needs nothing: every decision compares with the current time.
    fn follow_clock(&mut self, now: Timestamp) {
        if now + CLOCK_SLACK < self.latest {
            tracing::warn!(from = ?self.latest, to = ?now, "the clock went back; cooldowns keep their length");
            for pool in self.providers.values_mut() {
                pool.on_clock_rewind(now);
            }
            self.retained.on_clock_rewind(now);
            self.latest = now;
        }
        self.latest = self.latest.max(now);
    }
}
