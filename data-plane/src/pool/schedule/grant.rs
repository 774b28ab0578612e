//! What one lease stands for.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::lease_request::PassedOver;
use crate::account::{Account, Credential};
use crate::outcome::Timestamp;

/// A lease without the handle that gives it back.
#[derive(Debug)]
pub(crate) struct Grant {
    /// The account's index in its provider's pool when it was leased.
    pub(crate) index: usize,
    pub(crate) serial: u64,
    pub(crate) account: Arc<Account>,
    pub(crate) credential: Arc<Credential>,
    pub(crate) model: Arc<str>,
    pub(crate) leased_at: Timestamp,
    /// The account is in a cooldown, and the attempt shows whether it is over.
    pub(crate) is_probe: bool,
    /// The attempt shows whether the endpoint responds again.
    pub(crate) is_circuit_probe: bool,
    pub(crate) passed_over: Vec<PassedOver>,
    /// How many requests wait for an account of the provider.
    pub(crate) waiting: Arc<AtomicUsize>,
}
