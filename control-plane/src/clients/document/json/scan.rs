//! A strict reader that notes where every value and every comma stands.

use std::ops::Range;

use serde_json::Value;

use super::super::tree::{Content, Element, Node};
use super::super::unreadable::{Problem, Unreadable};
use crate::clients::document::unreadable::{Expected, Flaw, Found};

/// Deeper nesting is refused: it would overflow the stack.
const DEPTH_MAX: usize = 128;

/// What a format allows beyond the standard.
#[derive(Clone, Copy)]
pub(in super::super) struct Rules {
    pub(in super::super) comments: bool,
    pub(in super::super) trailing_commas: bool,
}

/// Reads one value; `None` when there is none.
pub(in super::super) fn parse(text: &str, rules: Rules) -> Result<Option<Node>, Unreadable> {
    let mut scanner = Scanner {
        text,
        rules,
        at: 0,
        depth: 0,
    };
    scanner.gap()?;
    if scanner.at == text.len() {
        return Ok(None);
    }
    let root = scanner.value()?;
    scanner.gap()?;
    if scanner.at < text.len() {
        return Err(scanner.expected(Expected::End));
    }
    Ok(Some(root))
}

struct Scanner<'t> {
    text: &'t str,
    rules: Rules,
    at: usize,
    depth: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let is_there = self.peek() == Some(byte);
        self.at += usize::from(is_there);
        is_there
    }

    fn problem(&self, offset: usize, problem: Problem) -> Unreadable {
        Unreadable::at(self.text, offset, problem)
    }

    fn malformed(&self, offset: usize, flaw: Flaw) -> Unreadable {
        self.problem(offset, Problem::Malformed { flaw })
    }

    fn expected(&self, expected: Expected) -> Unreadable {
        let found = match self.text[self.at..].chars().next() {
            Some(c) if c.is_control() => Found::Text {
                text: c.escape_debug().to_string(),
            },
            Some(c) => Found::Text {
                text: c.to_string(),
            },
            None => Found::End,
        };
        self.malformed(self.at, Flaw::Expected { expected, found })
    }

    /// Passes white space and comments.
    fn gap(&mut self) -> Result<(), Unreadable> {
        loop {
            self.at = skip_blank(self.text, self.at);
            match comment_end(self.text, self.at) {
                None => return Ok(()),
                Some(_) if !self.rules.comments => {
                    return Err(self.problem(self.at, Problem::Comment));
                }
                Some(None) => return Err(self.malformed(self.at, Flaw::EndlessComment)),
                Some(Some(end)) => self.at = end,
            }
        }
    }

    fn value(&mut self) -> Result<Node, Unreadable> {
        let start = self.at;
        let content = match self.peek() {
            Some(b'{') => Content::Object(self.elements(b'}')?),
            Some(b'[') => Content::List(self.elements(b']')?),
            Some(b'"') => Content::Scalar(Value::String(self.string()?)),
            _ => Content::Scalar(self.word()?),
        };
        let span = start..self.at;
        Ok(Node { span, content })
    }

    fn elements(&mut self, close: u8) -> Result<Vec<Element>, Unreadable> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.malformed(self.at, Flaw::TooDeep { max: DEPTH_MAX }));
        }
        self.at += 1;
        let mut elements = Vec::new();
        self.gap()?;
        while !self.takes(close) {
            let mut element = self.element(close)?;
            self.gap()?;
            if self.peek() == Some(b',') {
                element.comma = Some(self.at);
                self.at += 1;
                self.gap()?;
                if self.peek() == Some(close) && !self.rules.trailing_commas {
                    let comma = element.comma.unwrap_or(self.at);
                    return Err(self.problem(comma, Problem::TrailingComma));
                }
            } else if self.peek() != Some(close) {
                return Err(self.expected(Expected::comma_or(char::from(close))));
            }
            elements.push(element);
        }
        self.depth -= 1;
        if close == b'}' {
            self.refuse_duplicates(&elements)?;
        }
        Ok(elements)
    }

    fn element(&mut self, close: u8) -> Result<Element, Unreadable> {
        let start = self.at;
        let mut key = None;
        if close == b'}' {
            if self.peek() != Some(b'"') {
                return Err(self.expected(Expected::QuotedKey));
            }
            key = Some(self.string()?);
            self.gap()?;
            if !self.takes(b':') {
                return Err(self.expected(Expected::Colon));
            }
            self.gap()?;
        }
        let value = self.value()?;
        Ok(Element {
            key,
            start,
            value,
            comma: None,
        })
    }

    fn refuse_duplicates(&self, members: &[Element]) -> Result<(), Unreadable> {
        let mut seen = std::collections::BTreeSet::new();
        let repeated = members.iter().find(|member| !seen.insert(&member.key));
        match repeated {
            None => Ok(()),
            Some(Element { key, start, .. }) => {
                let key = key.clone().unwrap_or_default();
                Err(self.problem(*start, Problem::DuplicateKey { key }))
            }
        }
    }

    fn string(&mut self) -> Result<String, Unreadable> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break self.at += 1,
                Some(b'\\') => self.at += 2,
                Some(0..0x20) | None => {
                    return Err(self.malformed(start, Flaw::EndlessQuote));
                }
                Some(_) => self.at += 1,
            }
        }
        let range = start..self.at;
        self.read(range, Flaw::Escape)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Result<Value, Unreadable> {
        let start = self.at;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        while self.peek().is_some_and(is_part) {
            self.at += 1;
        }
        let range = start..self.at;
        if range.is_empty() {
            return Err(self.expected(Expected::Value));
        }
        let text = self.text[range.clone()].to_owned();
        let otherwise = Flaw::Expected {
            expected: Expected::Value,
            found: Found::Text { text },
        };
        self.read(range, otherwise)
    }

    /// What serde_json reads in a range that has no white space around it.
    fn read<T: serde::de::DeserializeOwned>(
        &self,
        range: Range<usize>,
        otherwise: Flaw,
    ) -> Result<T, Unreadable> {
        let text = self.text.get(range.clone()).unwrap_or_default();
        serde_json::from_str(text).map_err(|_| self.malformed(range.start, otherwise))
    }
}

/// Where the white space from `at` on ends.
pub(super) fn skip_blank(text: &str, at: usize) -> usize {
    let is_blank = |byte: &&u8| b" \t\r\n".contains(byte);
    at + text.as_bytes()[at..].iter().take_while(is_blank).count()
}

/// Where the comment ends that begins at `at`: `None` without a comment, `Some(None)` when it has
/// no end. The end of a line does not belong to a comment.
pub(super) fn comment_end(text: &str, at: usize) -> Option<Option<usize>> {
    let rest = &text[at..];
    if rest.starts_with("//") {
        let len = rest.find(['\n', '\r']).unwrap_or(rest.len());
        return Some(Some(at + len));
    }
    let body = rest.strip_prefix("/*")?;
    Some(body.find("*/").map(|len| at + 2 + len + 2))
}
