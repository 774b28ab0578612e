//! A lease: permission to use an account for one attempt. It settles once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::grant::Grant;
use super::lease_request::PassedOver;
use crate::account::{Account, Credential};
use crate::outcome::{Outcome, Reading, Timestamp};
use crate::pool::shared::Shared;

/// Permission to use an account for one attempt.
///
/// Dropping it gives the account back as [`Outcome::Cancelled`].
pub struct Lease {
    shared: Arc<Shared>,
    /// Taken out when it settles.
    grant: Option<Grant>,
}

impl Lease {
    pub(crate) fn new(shared: Arc<Shared>, grant: Grant) -> Self {
        Self {
            shared,
            grant: Some(grant),
        }
    }

    fn grant(&self) -> &Grant {
        self.grant
            .as_ref()
            .expect("only settling takes the grant out, and that consumes the lease")
    }

    pub fn account(&self) -> &Arc<Account> {
        &self.grant().account
    }

    /// What the request carries. For an account with access tokens, the one that is valid now.
    pub fn credential(&self) -> &Arc<Credential> {
        &self.grant().credential
    }

    /// The accounts that could not serve, and why. Those that could and were not chosen are not
    /// among them.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.grant().passed_over
    }

    /// Whether the account is in a cooldown or its circuit was open, and this attempt shows whether
    /// that is over.
    pub fn is_probe(&self) -> bool {
        self.grant().is_probe || self.grant().is_circuit_probe
    }

    /// The time by the pool's clock.
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// How many requests wait for an account of the same provider.
    pub fn waiting(&self) -> &Arc<AtomicUsize> {
        &self.grant().waiting
    }

    /// Gives the account back with what the attempt showed.
    ///
    /// After `Unauthorized` the next lease need not avoid the account: by then its token is
    /// refreshed, or it is signed out. `detail`: what the provider said, bounded and without
    /// secrets.
    pub fn settle(
        mut self,
        outcome: &Outcome,
        detail: Option<&str>,
        readings: Vec<Reading>,
        now: Timestamp,
    ) {
        if let Some(grant) = self.grant.take() {
            self.shared.settle(&grant, outcome, detail, readings, now);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(grant) = self.grant.take() {
            let now = self.shared.clock.now();
            let outcome = Outcome::Cancelled;
            self.shared.settle(&grant, &outcome, None, Vec::new(), now);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("account", &self.account().name)
            .field("is_probe", &self.is_probe())
            .finish_non_exhaustive()
    }
}
