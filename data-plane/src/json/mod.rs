//! JSON as the codecs need it: located, byte-exact, scanned once.
//!
//! A [`Document`] is a validated index over the bytes that arrived. Strings stay escaped as they
//! were ([`EscapedStr`]), whole values stay as they were written ([`Raw`]), and every value knows
//! its [`Offset`], so that an error or a loss can name its path. [`Writer`] is the other direction.
//! `serde_json` serves where none of this matters (tests, CLI, files).
//!
//! This module knows no dialect and does no IO.

pub mod diff;
mod document;
mod edge_members;
mod lanes;
mod path;
mod skip;
mod text;
mod writer;

pub use document::{DEPTH_MAX, Document, Items, Kind, Members, Scratch, Value, value_len};
pub use edge_members::EdgeMembers;
pub use path::{path_at, paths_at};
pub use text::{EscapedStr, Raw, without_lone_surrogates};
pub use writer::{Array, Object, Writer, document, value};

use std::borrow::Cow;
use std::fmt;

/// Where a value begins: the byte offset of its first character in its document.
///
/// [`path_at`] turns it into `messages[3].content[0]`. Two offsets always compare equal: requests
/// are compared by their content, and the position of a value is not part of it.
#[derive(Clone, Copy, Debug)]
pub struct Offset(pub u32);

impl Offset {
    /// The offset of what stands nowhere in the request: the gateway put it in.
    pub const NOWHERE: Self = Self(u32::MAX);

    pub fn is_nowhere(self) -> bool {
        self.0 == Self::NOWHERE.0
    }
}

impl PartialEq for Offset {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Offset {}

/// A JSON text that is malformed, or is not what was expected at that place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// Where in the document. People are shown its path.
    pub at: Offset,
    /// What was expected and what was found, without the path.
    pub what: Cow<'static, str>,
}

impl Invalid {
    pub fn new(at: Offset, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            at,
            what: what.into(),
        }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.what, self.at.0)
    }
}

impl std::error::Error for Invalid {}
