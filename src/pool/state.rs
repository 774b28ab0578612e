//! Where the pool's state goes, in small values: into a database, or later to an engine that
//! several agents share.

use std::time::Duration;

use super::health::cooldown::Cooldown;
use super::schedule::lease_request::SessionKey;
use crate::account::{AccountName, BudgetUnit, Period};
use crate::outcome::{Reading, Timestamp};
use crate::status::SignIn;

/// Keeps the pool's state beyond the process.
///
/// Each call takes a small value, never blocks and never calls the pool: it is made while the pool
/// is locked, so that the order of the calls is the order of what happened. What cannot be kept is
/// dropped and counted. All values are of one account, which the caller of [`super::Pool::forget`]
/// also removes here.
pub trait PoolState: Send + Sync {
    /// All that was kept, read once at the start.
    fn load(&self) -> Saved;
    /// An account rests; replaces what was said of the same account and model.
    fn rested(&self, account: &AccountName, rest: &Cooldown);
    /// A rest is over; `model` as the rest named it.
    fn cleared(&self, account: &AccountName, model: Option<&str>);
    /// A conversation has an account, and had it last at `used_at`.
    fn bound(&self, provider: &str, session: SessionKey, account: &AccountName, used_at: Timestamp);
    /// A conversation ended, or was forgotten for a younger one.
    fn released(&self, provider: &str, session: SessionKey);
    /// Adds to what an account used in the period of one of its budgets.
    fn spent(&self, account: &AccountName, spent: Spent);
    /// What a provider said of a limit; replaces what it said of the same window. Told at most
    /// every few seconds for a window.
    fn reading(&self, account: &AccountName, read: &ReadAt);
    /// An account needs a person. Who stores another credential for it while no pool runs removes
    /// this.
    fn signed_out(&self, account: &AccountName, sign_in: &SignIn);
    /// It no longer does.
    fn signed_in(&self, account: &AccountName);
}

/// What an account used of a budget's unit in a period that began at `starts_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    pub unit: BudgetUnit,
    pub period: Period,
    pub starts_at: Timestamp,
    pub amount: u64,
}

/// A reading, for which model it counts, and when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadAt {
    /// `None`: all of the account's models.
    pub model: Option<std::sync::Arc<str>>,
    pub reading: Reading,
    pub read_at: Timestamp,
}

/// A conversation's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    pub provider: String,
    pub session: SessionKey,
    pub account: AccountName,
    pub used_at: Timestamp,
}

/// What was kept.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    pub rests: Vec<(AccountName, Cooldown)>,
    pub bound: Vec<Bound>,
    pub spent: Vec<(AccountName, Spent)>,
    pub readings: Vec<(AccountName, ReadAt)>,
    pub signed_out: Vec<(AccountName, SignIn)>,
}

/// How often a window's reading is told to the state.
pub(crate) const READING_KEPT_EVERY: Duration = Duration::from_secs(5);

/// Keeps nothing: the state lives and ends with the process.
pub struct InProcess;

impl PoolState for InProcess {
    fn load(&self) -> Saved {
        Saved::default()
    }
    fn rested(&self, _: &AccountName, _: &Cooldown) {}
    fn cleared(&self, _: &AccountName, _: Option<&str>) {}
    fn bound(&self, _: &str, _: SessionKey, _: &AccountName, _: Timestamp) {}
    fn released(&self, _: &str, _: SessionKey) {}
    fn spent(&self, _: &AccountName, _: Spent) {}
    fn reading(&self, _: &AccountName, _: &ReadAt) {}
    fn signed_out(&self, _: &AccountName, _: &SignIn) {}
    fn signed_in(&self, _: &AccountName) {}
}
