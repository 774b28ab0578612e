//! The configuration: parsed and checked against the table of [`keys`], read and changed as a
//! [`mod@file`], and reloaded live by [`watch`].
//!
//! Every problem names its place in the file. Nothing here reads a key's value from the environment
//! or opens a port.

mod dashboard;
mod edit;
pub mod file;
pub(crate) mod home;
mod key_check;
pub mod keys;
mod limits;
pub mod local_key;
mod problem;
mod raw;
mod record;
mod resolved;
pub(crate) mod watch;
mod wrong;

pub use dashboard::DashboardSettings;
pub use edit::Edit;
pub use home::Home;
pub use limits::LimitSettings;
pub use problem::{Location, Problem, Problems};
pub use record::RecordSettings;
pub use resolved::{Config, Network, Notifications, Scheduling, Translation};
pub use watch::{ConfigWatcher, Live};

use toml_edit::{DocumentMut, Item, Table, Value};

use crate::toml_text;
use keys::KEYS;

/// The newest form of the file that this program knows.
pub const VERSION: u64 = 1;

/// Parses a configuration.
///
/// ```text
/// text -> Document (spans) -> key_check: unknown keys, kinds of values
///      -> DocumentMut -> defaults filled in -> Raw -> resolve: everything else -> Config
/// ```
///
/// # Errors
/// All problems that are found, each with its place.
pub fn parse(text: &str) -> Result<Config, Problems> {
    let document = toml_text::parse(text)
        .map_err(|error| Problems::syntax(text, error.span(), error.message()))?;
    let checked = key_check::check(&document);
    if !checked.problems.is_empty() {
        return Err(checked.locate(text, checked.problems.clone()));
    }
    let mut document = document.into_mut();
    fill_in_defaults(&mut document);
    let raw: raw::Raw = toml_edit::de::from_document(document)
        .map_err(|error| Problems::syntax(text, None, error.message()))?;
    resolved::resolve(&raw).map_err(|problems| checked.locate(text, problems))
}

/// Sets every key that has a default and that the file leaves out.
fn fill_in_defaults(document: &mut DocumentMut) {
    // A file that sets only the one means the other too.
    if let Some(limits) = document.get_mut("limits").and_then(Item::as_table_like_mut)
        && let Some(timeout) = limits.get("head_timeout_seconds").cloned()
    {
        limits.entry("answer_timeout_seconds").or_insert(timeout);
    }
    let keys = KEYS.iter().filter(|key| !key.path.contains(['*', '[']));
    for (key, default) in keys.filter_map(|key| Some((key, key.default?))) {
        let default: Value = default.parse().expect("defaults are TOML");
        let (table, name) = match key.path.split_once('.') {
            None => (document.as_item_mut(), key.path),
            Some((section, name)) => {
                let section = document.entry(section);
                (section.or_insert(Item::Table(Table::new())), name)
            }
        };
        let table = table.as_table_like_mut().expect("sections were checked");
        table.entry(name).or_insert(Item::Value(default));
    }
}

#[cfg(test)]
mod tests;
