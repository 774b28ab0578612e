//! Access tokens: refreshed once for all requests that wait for one, ahead of their end, and so
//! that a new refresh token cannot be lost.
//!
//! [`runner`] starts what is due and takes the result, one refresh of an account at a time.
//! [`exchange`] does a single one, in an order that survives a kill at any point.

pub(super) mod credential_state;
pub(super) mod credential_store;
mod exchange;
mod refresh_state;
pub(super) mod refresher;
pub(super) mod runner;
