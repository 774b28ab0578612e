//! Files of other programs, edited to the byte: bytes in, bytes out.
//!
//! A [`Document`] never prints a file again. It finds where a key stands and splices the text
//! there, so that comments, order, line ends, indentation and byte order mark are the file's own.
//! Each edit is checked: the new text is parsed again, and what it says must be what was asked and
//! nothing else. [`block`] does the same for text files that have no keys.
//!
//! This module reads no file, no clock, and knows no client.

pub mod block;
mod json;
mod path;
mod splice;
mod toml;
mod tree;
mod unreadable;
mod values;
mod yaml;

pub use path::{Path, Step};
pub use splice::{Changed, Splice, undo};
pub use unreadable::{Flaw, Problem, Unreadable};
pub use values::Refused;

use serde_json::{Map, Value};

use splice::Replacement;
use tree::Node;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What a client reads its file as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON as its standard has it: a comment or a trailing comma is an error.
    StrictJson,
    /// JSON with comments, but without trailing commas.
    JsonWithComments,
    /// JSON with comments and trailing commas.
    Jsonc,
    Toml,
    Yaml,
}

/// The text of a file, with the edits that were made to it.
#[derive(Clone, Debug)]
pub struct Document {
    format: Format,
    has_byte_order_mark: bool,
    /// Without the byte order mark.
    text: String,
    parsed: Parsed,
    splices: Vec<Splice>,
}

/// What a text says.
#[derive(Clone, Debug)]
struct Parsed {
    located: Located,
    /// `None` when the text holds no value: it is empty, or has only comments.
    value: Option<Value>,
}

/// What a text says, with the places where it stands.
#[derive(Clone, Debug)]
enum Located {
    Json(Option<Node>),
    Yaml(Option<Node>),
    Toml(Box<toml::Parsed>),
}

impl Document {
    /// Reads a whole file. An empty one, or one of comments only, is a document without a value.
    ///
    /// # Errors
    /// When the bytes are not of that format, or a key stands twice in one object.
    pub fn parse(bytes: &[u8], format: Format) -> Result<Self, Unreadable> {
        let text = str::from_utf8(bytes).map_err(|error| Unreadable::not_utf8(bytes, error))?;
        let (has_byte_order_mark, text) = match text.strip_prefix(BYTE_ORDER_MARK) {
            Some(text) => (true, text),
            None => (false, text),
        };
        let parsed = parse(text, format)?;
        Ok(Self {
            format,
            has_byte_order_mark,
            text: text.to_owned(),
            parsed,
            splices: Vec::new(),
        })
    }

    /// The value at `path`; the whole document at the empty one. Dates of TOML are their text.
    pub fn get(&self, path: &Path) -> Option<&Value> {
        values::get(self.parsed.value.as_ref()?, path.steps())
    }

    /// How many of the steps of `path` lead to something that is there.
    ///
    /// Asked before [`Self::set`], it tells which parents an edit will create.
    pub fn depth_of(&self, path: &Path) -> usize {
        let Some(root) = &self.parsed.value else {
            return 0;
        };
        let steps = path.steps();
        let is_there = |depth: &usize| values::get(root, &steps[..*depth]).is_some();
        (0..=steps.len()).rev().find(is_there).unwrap_or(0)
    }

    /// Whether an object or a list without members stands at `path`: a parent that can go when it
    /// was ours.
    pub fn is_empty_at(&self, path: &Path) -> bool {
        self.get(path).is_some_and(values::is_empty)
    }

    /// Whether the file says nothing: no value, or an empty object or list.
    pub fn is_empty(&self) -> bool {
        self.parsed.value.is_none() || self.is_empty_at(&Path::root())
    }

    /// Writes `value` at `path`, with the parents that are missing. A list gets a new item at its
    /// end. What says this already stays as it is written.
    ///
    /// # Errors
    /// When a parent is of another type, a value cannot be written in this format, or the edit
    /// cannot be made without changing more. The document is as it was, then.
    pub fn set(&mut self, path: &Path, value: &Value) -> Result<(), Refused> {
        let value = &match path.steps().last() {
            Some(step) => values::as_member(step, value.clone()),
            None => value.clone(),
        };
        if self.get(path) == Some(value) {
            return Ok(());
        }
        let null_is_nothing = self.format == Format::Yaml;
        let before = self.parsed.value.as_ref();
        let expected = values::with(before, path, value, null_is_nothing)?;
        let mut draft = self.clone();
        draft.write(path, value)?;
        if draft.parsed.value != Some(expected) || draft.get(path) != Some(value) {
            return Err(Refused::inexact(path));
        }
        *self = draft;
        Ok(())
    }

    fn write(&mut self, path: &Path, value: &Value) -> Result<(), Refused> {
        let line_end = self.line_end();
        let replacements = match (&self.parsed.located, value) {
            (Located::Json(root), _) => {
                json::set(&self.text, root.as_ref(), path.steps(), value, line_end)
            }
            (Located::Yaml(root), _) => {
                yaml::set(&self.text, root.as_ref(), path.steps(), value, line_end)
            }
            (Located::Toml(parsed), Value::Object(members))
                if toml::has_lines(parsed, path.steps()) =>
            {
                return self.write_members(path, members);
            }
            (Located::Toml(parsed), _) => toml::set(&self.text, parsed, path, value, line_end)?,
        };
        self.replace(&replacements)
            .map_err(|_| Refused::inexact(path))
    }

    /// Makes a table with lines have these members and no other.
    fn write_members(&mut self, path: &Path, members: &Map<String, Value>) -> Result<(), Refused> {
        let before = self.get(path).and_then(Value::as_object);
        let before: Vec<_> = before.into_iter().flat_map(Map::keys).cloned().collect();
        for key in before.into_iter().filter(|key| !members.contains_key(key)) {
            self.remove(&path.then(key));
        }
        members
            .iter()
            .try_for_each(|(key, value)| self.set(&path.then(key.clone()), value))
    }

    /// Takes out what stands at `path`. Its parents stay, also empty, except where TOML has no
    /// way to write them. `false` when nothing is there, or when it cannot go alone.
    pub fn remove(&mut self, path: &Path) -> bool {
        let before = self.parsed.value.as_ref();
        let Some(expected) = before.and_then(|before| values::without(before, path.steps())) else {
            return false;
        };
        let replacements = match &self.parsed.located {
            Located::Json(root) => json::remove(&self.text, root.as_ref(), path.steps()),
            Located::Yaml(root) => yaml::remove(&self.text, root.as_ref(), path.steps()),
            Located::Toml(parsed) => toml::remove(&self.text, parsed, path.steps()),
        };
        let mut draft = self.clone();
        if draft.replace(&replacements).is_err() {
            return false;
        }
        let is_exact = match (&draft.parsed.value, self.format) {
            (Some(value), Format::Toml) => values::is_without(value, &expected, path.steps()),
            // Without a line, YAML has no value.
            (None, Format::Yaml) => values::is_empty(&expected),
            (value, _) => value.as_ref() == Some(&expected),
        };
        if is_exact {
            *self = draft;
        }
        is_exact
    }

    /// The file with all edits.
    pub fn bytes(&self) -> Vec<u8> {
        let mark = if self.has_byte_order_mark {
            BYTE_ORDER_MARK
        } else {
            ""
        };
        [mark, &self.text].concat().into_bytes()
    }

    /// The edits in the order in which they were made: [`undo`] takes them back.
    pub fn splices(&self) -> &[Splice] {
        &self.splices
    }

    /// From the last replacement to the first, so that offsets count in the text as it is.
    fn replace(&mut self, replacements: &[Replacement]) -> Result<(), Unreadable> {
        let mark_len = usize::from(self.has_byte_order_mark) * BYTE_ORDER_MARK.len();
        let text = splice::applied(&self.text, replacements);
        self.parsed = parse(&text, self.format)?;
        for Replacement { range, text: new } in replacements.iter().rev() {
            self.splices.push(Splice {
                offset: mark_len + range.start,
                removed: self.text[range.clone()].to_owned(),
                inserted: new.clone(),
            });
        }
        self.text = text;
        Ok(())
    }

    /// How the first line ends; new lines end like it.
    fn line_end(&self) -> &'static str {
        match self.text.split_once('\n') {
            Some((first, _)) if first.ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }
}

fn parse(text: &str, format: Format) -> Result<Parsed, Unreadable> {
    let rules = |comments, trailing_commas| json::Rules {
        comments,
        trailing_commas,
    };
    let rules = match format {
        Format::StrictJson => rules(false, false),
        Format::JsonWithComments => rules(true, false),
        Format::Jsonc => rules(true, true),
        Format::Yaml => {
            let root = yaml::parse(text)?;
            return Ok(Parsed {
                value: root.as_ref().map(Node::value),
                located: Located::Yaml(root),
            });
        }
        Format::Toml => {
            let parsed = toml::parse(text)?;
            return Ok(Parsed {
                value: Some(toml::value(&parsed)),
                located: Located::Toml(Box::new(parsed)),
            });
        }
    };
    let root = json::parse(text, rules)?;
    Ok(Parsed {
        value: root.as_ref().map(Node::value),
        located: Located::Json(root),
    })
}

#[cfg(test)]
mod tests;
