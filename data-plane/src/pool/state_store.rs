//! Where the pool saves its state, in small values: a database, or later an engine that several
//! agents share.

use std::sync::Arc;
use std::time::Duration;

use super::health::cooldown::Cooldown;
use super::schedule::lease_request::SessionKey;
use crate::account::{AccountName, BudgetUnit, Period};
use crate::outcome::{Reading, Timestamp};
use crate::status::SignIn;

/// Keeps the pool's state beyond the process.
///
/// A call never blocks and never calls the pool: it is made while the pool is locked, so that calls
/// come in the order of the changes. What cannot be saved is dropped and counted. The caller of
/// [`super::Pool::forget`] also removes the account's values here.
pub trait StateStore: Send + Sync {
    /// All that is saved, read once at the start.
    fn load(&self) -> SavedState;
    /// Replaces the cooldown of the same account and model.
    fn save_cooldown(&self, account: &AccountName, cooldown: &Cooldown);
    /// `model`: as in the cooldown.
    fn remove_cooldown(&self, account: &AccountName, model: Option<&str>);
    /// Replaces the account of a conversation, which was last used at `used_at`.
    fn save_binding(
        &self,
        provider: &str,
        session: SessionKey,
        account: &AccountName,
        used_at: Timestamp,
    );
    /// The conversation was idle for too long, or gave way to a newer one.
    fn remove_binding(&self, provider: &str, session: SessionKey);
    /// Replaces who keeps an object, which was last asked for at `used_at`. `id`: of the object's
    /// id, a digest.
    fn save_object(&self, id: SessionKey, owner: &ObjectOwner, used_at: Timestamp);
    /// The object was not asked for in a long time, or gave way to a newer one.
    fn remove_object(&self, id: SessionKey);
    /// Adds to what the account used in the period of one of its budgets.
    fn add_spent(&self, account: &AccountName, spent: Spent);
    /// Replaces what the provider reported of the same window. At most every few seconds for a
    /// window.
    fn save_reading(&self, account: &AccountName, read: &QuotaReading);
    /// The account needs to be signed in again. A program that stores another credential for it
    /// while no pool runs removes this.
    fn save_sign_out(&self, account: &AccountName, sign_in: &SignIn);
    /// The account is signed in again.
    fn remove_sign_out(&self, account: &AccountName);
}

/// What an account used of a budget's unit in a period that began at `starts_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    pub unit: BudgetUnit,
    pub period: Period,
    pub starts_at: Timestamp,
    pub amount: u64,
}

/// What a provider reported of a quota window, for which model, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaReading {
    /// `None`: all of the account's models.
    pub model: Option<Arc<str>>,
    pub reading: Reading,
    pub read_at: Timestamp,
}

/// A conversation and its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedBinding {
    pub provider: String,
    pub session: SessionKey,
    pub account: AccountName,
    pub used_at: Timestamp,
}

/// The provider and the account that keep an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectOwner {
    pub provider: String,
    pub account: AccountName,
}

/// An object at a provider, and who keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedObject {
    /// The digest of its id.
    pub id: SessionKey,
    pub owner: ObjectOwner,
    pub used_at: Timestamp,
}

/// All that is saved.
#[derive(Clone, Debug, Default)]
pub struct SavedState {
    pub cooldowns: Vec<(AccountName, Cooldown)>,
    pub bindings: Vec<SavedBinding>,
    pub spent: Vec<(AccountName, Spent)>,
    pub readings: Vec<(AccountName, QuotaReading)>,
    pub signed_out: Vec<(AccountName, SignIn)>,
    pub objects: Vec<SavedObject>,
}

/// How often a window's reading is saved.
pub(crate) const READING_SAVED_EVERY: Duration = Duration::from_secs(5);

/// Saves nothing: the state ends with the process.
pub struct NullStateStore;

impl StateStore for NullStateStore {
    fn load(&self) -> SavedState {
        SavedState::default()
    }
    fn save_cooldown(&self, _: &AccountName, _: &Cooldown) {}
    fn remove_cooldown(&self, _: &AccountName, _: Option<&str>) {}
    fn save_binding(&self, _: &str, _: SessionKey, _: &AccountName, _: Timestamp) {}
    fn remove_binding(&self, _: &str, _: SessionKey) {}
    fn save_object(&self, _: SessionKey, _: &ObjectOwner, _: Timestamp) {}
    fn remove_object(&self, _: SessionKey) {}
    fn add_spent(&self, _: &AccountName, _: Spent) {}
    fn save_reading(&self, _: &AccountName, _: &QuotaReading) {}
    fn save_sign_out(&self, _: &AccountName, _: &SignIn) {}
    fn remove_sign_out(&self, _: &AccountName) {}
}
