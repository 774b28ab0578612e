//! Which account serves a request, and the wait for one.
//!
//! [`pick`] chooses, as a pure function. [`provider_pool`] holds the accounts that it chooses from;
//! [`wait`] leases at once or by way of the [`queue`]. Nothing here decides for how long an account
//! is left out: that is `health`.

pub(super) mod affinity;
pub(super) mod lease;
pub(super) mod lease_request;
pub mod pick;
pub(super) mod provider_pool;
pub(super) mod query;
pub(super) mod queue;
pub(super) mod wait;
