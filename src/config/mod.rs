//! The configuration: what the person wrote ([`raw`]) becomes what is in force ([`resolved`]),
//! checked against the table of [`keys`], read and changed as a [`mod@file`], and followed live by
//! [`watch`].
//!
//! Every problem names its place in the file. Nothing here reads a key's value from the environment
//! or opens a port.

mod check;
pub mod file;
pub mod home;
pub mod keys;
pub mod local_key;
pub mod problem;
pub mod raw;
pub mod resolved;
pub mod watch;

pub use home::Home;
pub use problem::{Location, Problem, Problems};
pub use resolved::{Config, LimitSettings, Network, Notifications, Scheduling, Translation};
pub use watch::{ConfigWatcher, Live};

use toml_edit::Document;

/// The newest form of the file that this program knows.
pub const VERSION: u64 = 1;

/// Reads a configuration from its text.
///
/// # Errors
/// All problems that are found, each with its place.
pub fn parse(text: &str) -> Result<Config, Problems> {
    let document = Document::parse(text)
        .map_err(|error| Problems::syntax(text, error.span(), error.message()))?;
    let checked = check::check(&document);
    if !checked.problems.is_empty() {
        return Err(checked.locate(text, checked.problems.clone()));
    }
    let raw: raw::Raw = toml_edit::de::from_str(text)
        .map_err(|error| Problems::syntax(text, error.span(), error.message()))?;
    resolved::resolve(&raw).map_err(|problems| checked.locate(text, problems))
}

#[cfg(test)]
mod tests;
