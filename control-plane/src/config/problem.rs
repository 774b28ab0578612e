//! What is wrong with a configuration, and where.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::home::CONFIG_FILE;
use super::wrong::Wrong;
use crate::language::{InLanguage, Language, Said};

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

/// A problem: `config.toml:12:8: providers.lab.auth: expected …, found …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `None` where the problem is not about the file's text.
    pub place: Option<Location>,
    /// The key; empty where the text is no TOML.
    pub path: String,
    /// What was expected and what was found. Never contains a value that may be a secret.
    pub message: Said,
}

impl Problem {
    pub fn new(path: impl Into<String>, message: impl Into<Said>) -> Self {
        Self {
            place: None,
            path: path.into(),
            message: message.into(),
        }
    }
}

impl InLanguage for Problem {
    fn text(&self, language: Language) -> Cow<'_, str> {
        let place = match self.place {
            Some(Location { line, column }) => format!("{CONFIG_FILE}:{line}:{column}: "),
            None => String::new(),
        };
        let colon = if self.path.is_empty() { "" } else { ": " };
        let message = self.message.text(language);
        Cow::Owned(format!("{place}{}{colon}{message}", self.path))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

/// All problems of a configuration, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// The text is no TOML, as the parser says.
    pub(super) fn syntax(text: &str, span: Option<Range<usize>>, message: &str) -> Self {
        // The parser's texts may have several lines: what is expected stands on the later ones.
        let words = message.lines().collect::<Vec<_>>().join(", ");
        Self::of_text(text, span, Wrong::Syntax { words })
    }

    /// What is wrong with the text as a whole.
    pub(super) fn of_text(text: &str, span: Option<Range<usize>>, message: Wrong) -> Self {
        // The parser tells no place where tables or lists are nested too deeply.
        let offset = span.map_or_else(|| deepest(text), |span| span.start);
        let place = Some(Location::of(text, offset));
        Self(vec![Problem {
            place,
            ..Problem::new("", message)
        }])
    }

    /// Removes the places, for a text that was never written to the file.
    #[must_use]
    pub fn without_places(mut self) -> Self {
        for problem in &mut self.0 {
            problem.place = None;
        }
        self
    }
}

/// The byte offset at which the most tables and lists are open, by brackets and dotted keys. Quotes
/// and comments are passed over.
fn deepest(text: &str) -> usize {
    let (mut brackets, mut dots, mut most, mut found) = (0_usize, 0_usize, 0, 0);
    let mut skipped_to = None;
    for (offset, c) in text.char_indices() {
        match (skipped_to, c) {
            (Some(end), c) if c == end || c == '\n' => skipped_to = None,
            (Some(_), _) => continue,
            (None, '"' | '\'') => skipped_to = Some(c),
            (None, '#') => skipped_to = Some('\n'),
            (None, '[' | '{') => brackets += 1,
            (None, ']' | '}') => brackets = brackets.saturating_sub(1),
            (None, '.') => dots += 1,
            (None, ',' | '=') => dots = 0,
            (None, _) => {}
        }
        if c == '\n' {
            dots = 0;
        }
        if brackets + dots > most {
            (most, found) = (brackets + dots, offset);
        }
    }
    found
}

/// One problem a line.
impl InLanguage for Problems {
    fn text(&self, language: Language) -> Cow<'_, str> {
        let lines = self.0.iter().map(|problem| problem.text(language));
        Cow::Owned(lines.collect::<Vec<_>>().join("\n"))
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

impl std::error::Error for Problems {}
