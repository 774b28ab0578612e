//! JSON, with or without comments and trailing commas: located values, and edits by splices.

mod edit;
mod scan;
mod write;

pub(super) use edit::{remove, set};
pub(super) use scan::{Rules, parse};
