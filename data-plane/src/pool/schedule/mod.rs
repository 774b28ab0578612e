//! Which account serves a request, and the wait for one.
//!
//! [`pick`] chooses, as a pure function over [`eligibility`]. [`provider_pool`] leases what was
//! chosen; [`wait`] does so at once, or by way of the [`queue`]. Nothing here decides for how long
//! an account is left out: that is `health`.

pub(super) mod affinity;
mod eligibility;
pub(super) mod grant;
pub(super) mod lease;
pub(super) mod lease_request;
pub mod pick;
pub(super) mod prospects;
pub(super) mod provider_pool;
mod query;
pub(super) mod queue;
pub(super) mod wait;
