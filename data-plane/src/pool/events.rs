//! What happens to accounts and endpoints, as log events.
//!
//! They are collected while the pool is locked and emitted after the unlock, so that a slow log
//! never holds up a request. Providers are named at every level, accounts only where debug events
//! are logged.

use std::sync::Arc;

use tracing::{Level, debug, enabled, info, warn};

use super::health::circuit::Transition;
use super::health::cooldown::{Cooldown, is_soft};
use super::state_store::QuotaReading;
use crate::account::{Account, AccountName};
use crate::outcome::Timestamp;
use crate::status::SignInCause;
use crate::status::rfc3339;

pub(crate) enum Event {
    CooldownStarted(Arc<Account>, Cooldown),
    /// Another strike in a cooldown that lasts.
    CooldownExtended(Arc<Account>, Cooldown),
    /// By a served request, or since the account has another credential.
    CooldownCleared(Arc<Account>, Cooldown),
    /// All cooldowns, and what else was held against the account, by the user.
    Cleared(Arc<Account>),
    QuotaExhausted(Arc<Account>, QuotaReading),
    SignedOut(Arc<Account>, SignInCause),
    SignedIn(Arc<Account>),
    Circuit(Transition),
    RefreshStarted(Arc<Account>),
    /// With the end of the new token.
    RefreshSucceeded(Arc<Account>, Option<Timestamp>),
    RefreshFailed(RefreshFailure),
    QueueFull {
        waiting: usize,
    },
    RetryBudgetExhausted,
    /// A conversation lost its account to a newer one.
    AffinityFull {
        conversations: usize,
    },
}

pub(crate) struct RefreshFailure {
    pub(crate) account: Arc<Account>,
    pub(crate) reason: String,
    /// Whether the provider may have carried it out.
    pub(crate) is_in_doubt: bool,
    pub(crate) retry_at: Timestamp,
    /// In a row.
    pub(crate) failures: u32,
}

/// An account's name where debug events are logged, else nothing: it may be an e-mail address.
pub(crate) fn at_debug(name: &AccountName) -> Option<&str> {
    enabled!(Level::DEBUG).then(|| name.as_str())
}

impl Event {
    pub(crate) fn emit(&self, provider: &str) {
        match self {
            // It only ranks the account behind others, for seconds.
            Self::CooldownStarted(account, cooldown) if is_soft(cooldown.cause) => debug!(
                provider,
                account = %account.name,
                model = cooldown.model.as_deref(),
                until = %rfc3339(cooldown.until),
                "account is degraded"
            ),
            Self::CooldownCleared(account, cooldown) if is_soft(cooldown.cause) => debug!(
                provider,
                account = %account.name,
                model = cooldown.model.as_deref(),
                "account is no longer degraded"
            ),
            Self::CooldownStarted(account, cooldown) => info!(
                provider,
                account = at_debug(&account.name),
                cause = cooldown.cause.name(),
                model = cooldown.model.as_deref(),
                until = %rfc3339(cooldown.until),
                end = cooldown.end.name(),
                strikes = cooldown.strikes,
                "cooldown started"
            ),
            Self::CooldownExtended(account, cooldown) => debug!(
                provider,
                account = %account.name,
                cause = cooldown.cause.name(),
                model = cooldown.model.as_deref(),
                until = %rfc3339(cooldown.until),
                strikes = cooldown.strikes,
                "cooldown extended"
            ),
            Self::CooldownCleared(account, cooldown) => info!(
                provider,
                account = at_debug(&account.name),
                cause = cooldown.cause.name(),
                model = cooldown.model.as_deref(),
                "cooldown cleared"
            ),
            Self::Cleared(account) => info!(
                provider,
                account = at_debug(&account.name),
                "account cleared by the user"
            ),
            Self::QuotaExhausted(account, read) => info!(
                provider,
                account = at_debug(&account.name),
                window = &*read.reading.window,
                model = read.model.as_deref(),
                resets_at = read.reading.resets_at.map(rfc3339),
                "quota window exhausted"
            ),
            Self::SignedOut(account, cause) => warn!(
                provider,
                account = at_debug(&account.name),
                cause = cause.name(),
                "account needs to be signed in again"
            ),
            Self::SignedIn(account) => info!(
                provider,
                account = at_debug(&account.name),
                "account is signed in again"
            ),
            Self::Circuit(Transition::Opened { until }) => {
                warn!(provider, until = %rfc3339(*until), "circuit opened");
            }
            Self::Circuit(Transition::Reopened { until }) => {
                debug!(provider, until = %rfc3339(*until), "circuit opened again");
            }
            Self::Circuit(Transition::Closed) => info!(provider, "circuit closed"),
            Self::RefreshStarted(account) => {
                debug!(provider, account = %account.name, "token refresh started");
            }
            Self::RefreshSucceeded(account, expires_at) => debug!(
                provider,
                account = %account.name,
                expires_at = expires_at.map(rfc3339),
                "token refresh succeeded"
            ),
            // Said once; it is tried again and again.
            Self::RefreshFailed(failure) if failure.failures == 1 => warn!(
                provider,
                account = at_debug(&failure.account.name),
                reason = failure.reason,
                is_in_doubt = failure.is_in_doubt,
                retry_at = %rfc3339(failure.retry_at),
                "token refresh failed"
            ),
            Self::RefreshFailed(failure) => debug!(
                provider,
                account = %failure.account.name,
                reason = failure.reason,
                failures = failure.failures,
                retry_at = %rfc3339(failure.retry_at),
                "token refresh failed again"
            ),
            Self::QueueFull { waiting } => debug!(provider, waiting, "queue is full"),
            Self::RetryBudgetExhausted => debug!(provider, "retry budget is exhausted"),
            Self::AffinityFull { conversations } => {
                debug!(provider, conversations, "affinity map is full");
            }
        }
    }
}
