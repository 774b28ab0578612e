//! Other programs pointed at this gateway: their files edited in place, and put back to the byte.
//!
//! ```text
//! catalog (data) ---> plan --------> journal ----> disk
//!   client, places     | document       | receipt
//!   target, shell      | undo           | vault, for what was a secret
//!                      `-> line_diff, for the person
//! ```
//!
//! Only keys of ours are changed; what does not parse is left untouched; what the person has changed
//! since stays theirs. A client is a file in [`catalog`]. Nothing here knows an agent, a socket or a
//! surface.

mod by_hand;
mod catalog;
mod client;
mod disk;
pub mod document;
mod journal;
mod places;
mod plan;
mod problem;
mod receipt;
mod secrets;
mod shell;
mod status;
mod target;
#[cfg(test)]
mod tests;
mod undo;
mod version;

pub use by_hand::{LinesAt, LinesByHand, by_hand};
pub use catalog::{
    ALL, IN_PROFILES, IN_SHELL, find, key_variables, plain_variables, shell_warnings,
};
pub use client::{Client, Setup};
pub use journal::{Journal, SealedValues};
pub use places::Surroundings;
pub use plan::{FileDiff, Plan, connect, disconnect};
pub use problem::ClientProblem;
pub use receipt::{Receipt, Receipts};
pub use shell::{Shell, lines as shell_lines, pairs as variable_pairs};
pub use status::{ClientState, beaten_by, is_installed, status};
pub use target::{Model, Target};
pub use version::seen as version_seen;
