//! `doctor`: looks at everything that has to be right before a client gets an answer, and says of
//! each thing how it stands and what to do.
//!
//! ```text
//! examination: home, configuration, port, what a client gets, this shell, this desktop --+--> Report
//! verb `doctor`, by the agent or on files: accounts, providers, vault, store, failures --+
//! ```
//!
//! Each file gathers the facts of an area and judges them by pure functions. Everything that is
//! asked has a time limit, and what cannot be asked is a finding and no error.

pub(super) mod access;
pub(super) mod accounts;
pub(super) mod agent;
pub(super) mod bundle;
pub(super) mod check;
pub(super) mod clients;
pub(super) mod desktop;
pub(super) mod failures;
pub(super) mod proxies;
pub(super) mod reach;
pub(super) mod redaction;
pub(super) mod served;
pub(super) mod stores;
pub(super) mod vault;

pub use bundle::{Bundle, Section};
pub use check::{Area, Check, Report, State};
