//! What outcomes say of an account or of a provider's endpoint, and for how long.
//!
//! [`feedback`] is the one place where an outcome becomes a cooldown, a sign-out, an open circuit
//! or a count against a budget. The others are pure records, which compare with the `now` that they
//! are given. Nothing here chooses an account: that is `schedule`.

pub(super) mod balance;
pub(super) mod budget;
pub(super) mod circuit;
pub(super) mod cooldown;
pub(super) mod feedback;
pub(super) mod probe_schedule;
pub(super) mod retry_budget;
pub(super) mod windows;
