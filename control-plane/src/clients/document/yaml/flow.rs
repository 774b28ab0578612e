//! Flow collections: `[a, b]` and `{a: 1}`, also over several lines.

use super::super::tree::{Content, Element, Node};
use super::super::unreadable::{Problem, Unreadable};
use super::scalar;
use super::scan::{Scanner, is_followed_by_space};
use crate::clients::document::unreadable::Flaw;

const DEPTH_MAX: usize = 64;

/// What ends a plain scalar within brackets.
const MARKS: [char; 5] = [',', '[', ']', '{', '}'];

impl Scanner<'_> {
    /// The collection whose bracket is here.
    pub(super) fn flow(&mut self) -> Result<Node, Unreadable> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.malformed(self.at, Flaw::TooDeep { max: DEPTH_MAX }));
        }
        let start = self.at;
        let is_object = self.starts_with('{');
        let close = if is_object { '}' } else { ']' };
        self.at += 1;
        let mut elements: Vec<Element> = Vec::new();
        self.gap();
        while !self.starts_with(close) {
            let mut element = self.element(is_object)?;
            let is_same = |other: &Element| other.key.is_some() && other.key == element.key;
            if elements.iter().any(is_same) {
                let key = element.key.unwrap_or_default();
                let problem = Problem::DuplicateKey { key };
                return Err(Unreadable::at(self.text, element.start, problem));
            }
            self.gap();
            if self.starts_with(',') {
                element.comma = Some(self.at);
                self.at += 1;
                self.gap();
            } else if !self.starts_with(close) {
                return Err(self.malformed(
                    self.at,
                    Flaw::CommaOr {
                        close: close.to_string(),
                    },
                ));
            }
            elements.push(element);
        }
        self.at += 1;
        self.depth -= 1;
        let content = match is_object {
            true => Content::Object(elements),
            false => Content::List(elements),
        };
        let span = start..self.at;
        Ok(Node { span, content })
    }

    fn element(&mut self, is_object: bool) -> Result<Element, Unreadable> {
        let start = self.at;
        let value = self.flow_value()?;
        if !self.has_colon(&value) {
            // A key alone has no value.
            let (key, value) = match is_object {
                true => (Some(self.key_of(&value)), self.nothing()),
                false => (None, value),
            };
            return Ok(element(key, start, value));
        }
        if !is_object {
            return Err(self.malformed(start, Flaw::PairInList));
        }
        let key = self.key_of(&value);
        self.gap();
        self.at += 1;
        self.gap();
        let value = match self.rest().chars().next() {
            Some(',' | '}') => self.nothing(),
            _ => self.flow_value()?,
        };
        Ok(element(Some(key), start, value))
    }

    /// Whether a colon makes what was just read a key.
    fn has_colon(&self, key: &Node) -> bool {
        let rest = self.rest().trim_start();
        let is_quoted = self.text[key.span.start..].starts_with(['"', '\'']);
        let after = rest.strip_prefix(':');
        after.is_some_and(|after| {
            is_quoted || is_followed_by_space(rest, ":") || after.starts_with(MARKS)
        })
    }

    fn key_of(&self, node: &Node) -> String {
        scalar::key(&self.text[node.span.clone()])
    }

    fn nothing(&self) -> Node {
        Node {
            span: self.at..self.at,
            content: Content::Scalar(serde_json::Value::Null),
        }
    }

    fn flow_value(&mut self) -> Result<Node, Unreadable> {
        let start = self.at;
        let content = match self.rest().chars().next() {
            Some('[' | '{') => return self.flow(),
            Some('"' | '\'') => {
                let len = scalar::quoted_len(self.rest());
                self.at += len.ok_or_else(|| self.malformed(start, Flaw::EndlessText))?;
                scalar::quoted(&self.text[start..self.at])
            }
            _ => {
                self.at += self.plain_flow_len();
                if self.at == start {
                    return Err(self.malformed(start, Flaw::NoValue));
                }
                scalar::plain(&self.text[start..self.at])
            }
        };
        Ok(Node {
            span: start..self.at,
            content: Content::Scalar(content),
        })
    }

    /// A plain scalar within brackets; it may go on in the next lines.
    fn plain_flow_len(&self) -> usize {
        let rest = self.rest();
        let ends = |(at, c): (usize, char)| {
            let after = &rest[at + c.len_utf8()..];
            let is_colon =
                c == ':' && (is_followed_by_space(&rest[at..], ":") || after.starts_with(MARKS));
            let is_comment = c == '#' && rest[..at].ends_with([' ', '\t', '\n']);
            MARKS.contains(&c) || is_colon || is_comment
        };
        let end = rest.char_indices().find(|at| ends(*at));
        let end = end.map_or(rest.len(), |(at, _)| at);
        rest[..end].trim_end().len()
    }

    /// Passes white space, line ends and comments.
    fn gap(&mut self) {
        loop {
            let rest = self.rest().trim_start();
            self.at = self.text.len() - rest.len();
            let before = &self.text[..self.at];
            if !rest.starts_with('#') || !before.ends_with([' ', '\t', '\n']) {
                return;
            }
            self.skip_line();
        }
    }
}

fn element(key: Option<String>, start: usize, value: Node) -> Element {
    Element {
        key,
        start,
        value,
        comma: None,
    }
}
