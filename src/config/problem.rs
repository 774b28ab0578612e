//! What is wrong with a configuration, and where.

use std::fmt;
use std::ops::Range;

use super::home::CONFIG_FILE;

/// A place in the file, counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    pub line: usize,
    pub column: usize,
}

impl Location {
    /// The place of a byte offset.
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// One thing that is wrong: `config.toml:12:8: providers.lab.auth: expected …, found …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `None` where the problem is not about a text that lies in the file.
    pub place: Option<Location>,
    /// The key; empty where the text is no TOML.
    pub path: String,
    /// What was expected and what was found. Never a value that may be a secret.
    pub message: String,
}

impl Problem {
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            place: None,
            path: path.into(),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Location { line, column }) = self.place {
            write!(f, "{CONFIG_FILE}:{line}:{column}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with one configuration, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The text is no TOML.
    pub(super) fn syntax(text: &str, span: Option<Range<usize>>, message: &str) -> Self {
        let place = span.map(|span| Location::of(text, span.start));
        // The parser's texts may have several lines: what is expected stands on the later ones.
        let message = message.lines().collect::<Vec<_>>().join(", ");
        Self(vec![Problem {
            place,
            path: String::new(),
            message,
        }])
    }

    /// The problems without places, for a text that was never written.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        for problem in &mut self.0 {
            problem.place = None;
        }
        self
    }
}

/// One problem a line.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
