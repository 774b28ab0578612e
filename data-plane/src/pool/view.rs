//! What people see of an account: its status, and the figures behind it.

use std::sync::Arc;

use super::health::cooldown::Cooldown;
use super::state_store::QuotaReading;
use crate::account::{Account, Budget};
use crate::outcome::Timestamp;
use crate::status::AccountStatus;

/// An account as it stands.
#[derive(Clone, Debug)]
pub struct AccountView {
    pub account: Arc<Account>,
    pub status: AccountStatus,
    pub in_flight: u32,
    /// Conversations that keep to it.
    pub sessions: u32,
    /// What the provider said of its limits; a window that is not here is unknown.
    pub quota: Vec<QuotaReading>,
    pub budgets: Vec<BudgetView>,
    /// All cooldowns, also where the status is another one.
    pub cooldowns: Vec<Cooldown>,
    /// Whether its quota was used up, the provider named no end, and no request has shown since that
    /// it is back.
    pub awaits_proof: bool,
    /// When the access token ends, where it does.
    pub token_until: Option<Timestamp>,
}

/// A budget and what is used of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetView {
    pub budget: Budget,
    pub spent: u64,
    pub resets_at: Timestamp,
}
