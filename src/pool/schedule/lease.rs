//! A lease: permission to use an account for one attempt. It settles once.

use std::fmt;
use std::sync::Arc;

use super::lease_request::PassedOver;
use super::provider_pool::Grant;
use crate::account::{Account, Credential};
use crate::outcome::{Outcome, Reading, Timestamp};
use crate::pool::shared::Shared;

/// Permission to use an account for one attempt.
///
/// Dropping it says that the client left, and gives the account back.
pub struct Lease {
    pub(crate) shared: Arc<Shared>,
    /// Taken out when it settles.
    grant: Option<Grant>,
    /// Whether it reached who asked for it.
    was_used: bool,
}

impl Lease {
    pub(crate) fn new(shared: Arc<Shared>, grant: Grant) -> Self {
        Self {
            shared,
            grant: Some(grant),
            was_used: true,
        }
    }

    /// One that nobody has taken yet.
    pub(crate) fn unclaimed(shared: Arc<Shared>, grant: Grant) -> Self {
        Self {
            shared,
            grant: Some(grant),
            was_used: false,
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

    /// What the request carries. For an account with access tokens, the one that is good now.
    pub fn credential(&self) -> &Arc<Credential> {
        &self.grant().credential
    }

    /// The accounts that could not serve, and why; those that merely were not the best are not
    /// among them.
    pub fn passed_over(&self) -> &[PassedOver] {
        &self.grant().passed_over
    }

    /// Whether the account rests, and this attempt looks if that is over.
    pub fn is_probe(&self) -> bool {
        self.grant().is_probe || self.grant().is_circuit_probe
    }

    /// Gives the account back with what the attempt taught.
    ///
    /// After `Unauthorized` the next lease need not avoid the account: by then its token is
    /// refreshed, or it is signed out. `said`: the provider's own words, bounded and without
    /// secrets.
    pub fn settle(
        mut self,
        outcome: &Outcome,
        said: Option<&str>,
        readings: Vec<Reading>,
        now: Timestamp,
    ) {
        self.give_back(outcome, said, readings, now);
    }

    fn give_back(
        &mut self,
        outcome: &Outcome,
        said: Option<&str>,
        readings: Vec<Reading>,
        now: Timestamp,
    ) {
        if let Some(grant) = self.grant.take() {
            self.shared
                .settle(&grant, outcome, said, readings, self.was_used, now);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.grant.is_some() {
            let now = self.shared.clock.now();
            self.give_back(&Outcome::Cancelled, None, Vec::new(), now);
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
