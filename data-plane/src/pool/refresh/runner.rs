//! Runs the refreshes that are due: one at a time for an account.
//!
//! ```text
//! a request needs a token -.
//! a token was refused -----+-> RefreshState::request -> Outbox::refresh_due -.
//! a token nears its end ---|                                                 v
//!                          '---- the clock, at RefreshState::next_at ---> run_refresher
//!                                                                            | spawns
//!  requests that wait <- the queue is served <- complete <---------------- run_refresh
//! ```
//!
//! That is the single flight: a request that needs a token only marks the account and waits in the
//! queue as for a busy one. `RefreshState::is_running` keeps a second refresh from starting, and
//! completing the first serves the queue.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::credential_store::CredentialStore;
use super::exchange::{self, Completed};
use super::refresher::Refresher;
use crate::account::{Account, Credential};
use crate::language::Said;
use crate::outcome::Timestamp;
use crate::pool::clock::between;
use crate::pool::events::{Event, RefreshFailure};
use crate::pool::health::cooldown::{CooldownEnd, Strike};
use crate::pool::schedule::provider_pool::ProviderPool;
use crate::pool::shared::{ChangeContext, Shared};
use crate::provider::oauth::NoToken;
use crate::status::{CooldownCause, SignInCause};

/// The longest sleep: timers stand still in suspend, and wall time does not.
const SLEEP_MAX: Duration = Duration::from_secs(30);

/// One account's refresh.
struct Task {
    account: Arc<Account>,
    serial: u64,
    generation: u64,
    source: Arc<Credential>,
}

/// Runs what is due until the pool is closed; then waits for what is running.
pub(crate) async fn run_refresher(
    shared: &Arc<Shared>,
    refresher: Arc<dyn Refresher>,
    store: Arc<dyn CredentialStore>,
) {
    let mut running = JoinSet::new();
    while let Some((due, next_in)) = shared.start_due_refreshes() {
        for task in due {
            running.spawn(run_refresh(
                shared.clone(),
                refresher.clone(),
                store.clone(),
                task,
            ));
        }
        tokio::select! {
            () = shared.refresh_due.notified() => {}
            () = sleep(next_in) => {}
            Some(_) = running.join_next(), if !running.is_empty() => {}
        }
    }
    while running.join_next().await.is_some() {}
}

async fn run_refresh(
    shared: Arc<Shared>,
    refresher: Arc<dyn Refresher>,
    store: Arc<dyn CredentialStore>,
    task: Task,
) {
    let Task {
        account, source, ..
    } = &task;
    let completed = match source.as_ref() {
        Credential::ServiceAccount(_) => Ok(exchange::sign(account, source, &*refresher).await),
        _ => exchange::refresh(account, source, &*refresher, &*store, &shared.clock).await,
    };
    let completed = completed.unwrap_or_else(|error| Completed::TryAgain {
        is_in_doubt: false,
        reason: NoToken::Store { why: error.0 },
    });
    shared.complete_refresh(&task, completed);
}

impl Shared {
    /// Marks what is due as running, and says how long to sleep until the next. `None` once the
    /// pool is closed.
    fn start_due_refreshes(&self) -> Option<(Vec<Task>, Duration)> {
        let now = self.clock.now();
        let mut inner = self.lock(now);
        if inner.is_closed {
            return None;
        }
        let mut due = Vec::new();
        let mut next_at: Option<Timestamp> = None;
        for pool in inner.providers.values_mut() {
            pool.start_refreshes(&mut due, now);
            next_at = next_at.into_iter().chain(pool.next_refreshes(now)).min();
        }
        drop(inner);
        for task in &due {
            Event::RefreshStarted(task.account.clone()).emit(&task.account.provider);
        }
        let next_in = next_at.map_or(SLEEP_MAX, |at| {
            between(now, at).clamp(Duration::from_millis(1), SLEEP_MAX)
        });
        Some((due, next_in))
    }

    fn complete_refresh(&self, task: &Task, completed: Completed) {
        let now = self.clock.now();
        self.with_provider(&task.account.provider, now, |pool, context| {
            // The account may have been removed, or configured with another credential.
            let index = pool.accounts.iter().position(|slot| {
                slot.serial == task.serial && slot.credential.generation == task.generation
            });
            if let Some(index) = index {
                pool.complete_refresh(index, completed, context);
            }
        });
    }
}

impl ProviderPool {
    fn start_refreshes(&mut self, due: &mut Vec<Task>, now: Timestamp) {
        for slot in &mut self.accounts {
            let can_refresh = match &slot.credential.token {
                Some(token) => token.can_refresh,
                None => false,
            };
            if !can_refresh
                || !slot.is_enabled
                || !slot.credential.refresh.is_due(slot.last_used_at, now)
                || !slot.may_refresh(now)
            {
                continue;
            }
            slot.credential.refresh.start();
            due.push(Task {
                account: slot.account.clone(),
                serial: slot.serial,
                generation: slot.credential.generation,
                source: slot.credential.source.clone(),
            });
        }
    }

    fn next_refreshes(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> {
        self.accounts
            .iter()
            .filter(|slot| slot.credential.token.is_some())
            .filter_map(|slot| slot.credential.refresh.next_at())
            .filter(move |at| *at > now)
    }

    fn complete_refresh(
        &mut self,
        index: usize,
        completed: Completed,
        context: &ChangeContext<'_>,
    ) {
        let ChangeContext { now, jitter, .. } = *context;
        let slot = &mut self.accounts[index];
        match completed {
            Completed::Issued { source, bearer } => {
                slot.credential
                    .complete_refresh(source, bearer, now, jitter);
                slot.cooldowns
                    .clear(|cause| cause == CooldownCause::RefreshFailing);
                let expires_at = slot
                    .credential
                    .token
                    .as_ref()
                    .and_then(|token| token.expires_at);
                self.outbox
                    .push(Event::RefreshSucceeded(slot.account.clone(), expires_at));
                // The key signed for a token. Of a token that was refused, only its use tells.
                if slot.is_signed_out_as(SignInCause::KeyRefused) {
                    self.sign_in(index, context.store);
                }
            }
            Completed::Refused { cause, detail } => {
                slot.credential.refresh.reset();
                if let Some(token) = &mut slot.credential.token {
                    token.is_usable = false;
                }
                if let Some(probe) = slot.probe_mut() {
                    probe.count_probe(now);
                }
                self.sign_out(index, cause, Some(&detail), now, context.store);
            }
            Completed::TryAgain {
                is_in_doubt,
                reason,
            } => self.retry_refresh(index, is_in_doubt, &reason, now, jitter),
            Completed::Gone => slot.credential.refresh.reset(),
        }
    }

    /// Until the next try the account is in a cooldown, unless its token is still valid.
    fn retry_refresh(
        &mut self,
        index: usize,
        is_in_doubt: bool,
        reason: &NoToken,
        now: Timestamp,
        jitter: f64,
    ) {
        let slot = &mut self.accounts[index];
        let retry_at = slot.credential.refresh.fail(is_in_doubt, now, jitter);
        let is_valid = match &slot.credential.token {
            Some(token) => token.is_valid(now),
            None => false,
        };
        if !is_valid {
            // Not saved: a token that cannot be refreshed is found out again in the next run.
            slot.cooldowns.add_strike(&Strike {
                model: None,
                cause: CooldownCause::RefreshFailing,
                detail: Some(Said::of(reason)),
                named_end: Some((retry_at, CooldownEnd::BackOff)),
                leased_at: now,
                is_probe: false,
                now,
                jitter,
            });
        }
        self.outbox.push(Event::RefreshFailed(RefreshFailure {
            account: slot.account.clone(),
            reason: reason.to_string(),
            is_in_doubt,
            retry_at,
            failures: slot.credential.refresh.failures(),
        }));
    }
}
