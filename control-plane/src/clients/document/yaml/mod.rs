//! YAML as settings are written in it: located values, and edits by splices.
//!
//! The reader knows one document of block and flow collections, all scalars, comments, anchors and
//! tags. What a scalar over several lines says is not worked out: it is compared by its text.
//! Anything else is refused: several documents, directives, keys that are collections.

mod edit;
mod flow;
mod scalar;
mod scan;
mod write;

pub(super) use edit::{remove, set};
pub(super) use scan::parse;
