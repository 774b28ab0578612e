//! Why a file cannot be read, and where.

use std::fmt;

/// A file that is not what its format asks for. Lines and columns count from 1, columns in
/// characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    pub line: usize,
    pub column: usize,
    pub problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// A comment in a format that has none. [`super::Format::Jsonc`] might read the file.
    Comment,
    /// A comma after the last item in a format that forbids it. As with a comment, [`super::Format::Jsonc`]
    /// might read the file.
    TrailingComma,
    /// The same key twice in one object: clients disagree which of them counts.
    DuplicateKey(String),
    NotUtf8,
    /// What was expected and what was found.
    Malformed(String),
}

impl Unreadable {
    /// At a byte offset of `text`.
    pub(super) fn at(text: &str, offset: usize, problem: Problem) -> Self {
        let mut offsets = (0..=offset.min(text.len())).rev();
        let offset = offsets.find(|offset| text.is_char_boundary(*offset));
        let before = &text[..offset.unwrap_or(0)];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            problem,
        }
    }

    pub(super) fn not_utf8(bytes: &[u8], error: std::str::Utf8Error) -> Self {
        let valid = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        Self::at(&valid, valid.len(), Problem::NotUtf8)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, .. } = self;
        write!(f, "line {line}, column {column}: {}", self.problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comment => f.write_str("a comment, which this format does not have"),
            Self::TrailingComma => f.write_str("a comma after the last item"),
            Self::DuplicateKey(key) => write!(f, "the key `{key}` stands there twice"),
            Self::NotUtf8 => f.write_str("not UTF-8"),
            Self::Malformed(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Unreadable {}
