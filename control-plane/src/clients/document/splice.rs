//! Replacements in a text, and what puts them back.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// A range of a text and what stands there instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    pub(super) range: Range<usize>,
    pub(super) text: String,
}

impl Replacement {
    pub(super) fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { range, text }
    }

    pub(super) fn insertion(at: usize, text: impl Into<String>) -> Self {
        Self::new(at..at, text)
    }

    pub(super) fn removal(range: Range<usize>) -> Self {
        Self::new(range, "")
    }
}

/// The text with all replacements, which are in order and do not overlap.
pub(super) fn applied(text: &str, replacements: &[Replacement]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for Replacement { range, text: new } in replacements {
        result.push_str(&text[at..range.start]);
        result.push_str(new);
        at = range.end;
    }
    result.push_str(&text[at..]);
    result
}

/// One change of a file, as it was made: at `offset`, counted in bytes from the start of the file
/// as it was at that moment, `removed` stood and `inserted` stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Splice {
    pub offset: usize,
    pub removed: String,
    pub inserted: String,
}

/// The file as it was before `splices` were made, in their order.
///
/// # Errors
/// [`Changed`] when the bytes do not hold what the splices inserted.
pub fn undo(bytes: &[u8], splices: &[Splice]) -> Result<Vec<u8>, Changed> {
    let mut bytes = bytes.to_vec();
    for splice in splices.iter().rev() {
        let range = splice.offset..splice.offset.saturating_add(splice.inserted.len());
        if bytes.get(range.clone()) != Some(splice.inserted.as_bytes()) {
            return Err(Changed);
        }
        bytes.splice(range, splice.removed.bytes());
    }
    Ok(bytes)
}

/// The file is not as the edits left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file has changed since")]
pub struct Changed;
