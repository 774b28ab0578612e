//! A reader of block collections that notes where every value stands.

use serde_json::Value;

use super::super::tree::{Content, Element, Node};
use super::super::unreadable::{Problem, Unreadable};
use super::scalar;
use crate::clients::document::unreadable::Flaw;

/// Deeper nesting is refused: it would overflow the stack.
const DEPTH_MAX: usize = 64;

/// Reads one document; `None` when it holds no value.
pub(in super::super) fn parse(text: &str) -> Result<Option<Node>, Unreadable> {
    let mut scanner = Scanner {
        text,
        at: 0,
        depth: 0,
    };
    if let Some(at) = text.replace("\r\n", "\n\n").find('\r') {
        return Err(scanner.malformed(at, Flaw::CarriageReturn));
    }
    scanner.document_start()?;
    if scanner.at == text.len() {
        return Ok(None);
    }
    let root = scanner.node(None)?;
    scanner.next_content()?;
    if scanner.at < text.len() {
        return Err(scanner.malformed(scanner.at, Flaw::EndOrLessIndentation));
    }
    Ok(Some(root))
}

pub(super) struct Scanner<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    pub(super) depth: usize,
}

impl<'t> Scanner<'t> {
    pub(super) fn malformed(&self, at: usize, flaw: Flaw) -> Unreadable {
        Unreadable::at(self.text, at, Problem::Malformed { flaw })
    }

    pub(super) fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn starts_with(&self, c: char) -> bool {
        self.rest().starts_with(c)
    }

    pub(super) fn column(&self) -> usize {
        self.at - line_start(self.text, self.at)
    }

    pub(super) fn skip_spaces(&mut self) {
        let rest = self.rest().trim_start_matches([' ', '\t']);
        self.at = self.text.len() - rest.len();
    }

    /// Whether nothing but a comment follows on the line.
    pub(super) fn is_line_over(&self) -> bool {
        let rest = self.rest().trim_start_matches([' ', '\t']);
        let is_separate = rest.len() < self.rest().len() || self.column() == 0;
        rest.is_empty() || rest.starts_with(['\n', '\r']) || is_separate && rest.starts_with('#')
    }

    pub(super) fn skip_line(&mut self) {
        let end = self.rest().find('\n');
        self.at = end.map_or(self.text.len(), |end| self.at + end + 1);
    }

    /// Goes to the next character that is neither white space nor of a comment.
    fn next_content(&mut self) -> Result<(), Unreadable> {
        while self.at < self.text.len() && self.is_line_over() {
            self.skip_line();
        }
        let line = self.at;
        self.skip_spaces();
        if self.text[line..self.at].contains('\t') && line == line_start(self.text, line) {
            return Err(self.malformed(line, Flaw::TabIndentation));
        }
        let is_mark = |mark| is_followed_by_space(self.rest(), mark);
        if self.column() == 0 && (is_mark("---") || is_mark("...") || self.starts_with('%')) {
            return Err(self.malformed(self.at, Flaw::SecondDocument));
        }
        Ok(())
    }

    fn document_start(&mut self) -> Result<(), Unreadable> {
        while self.at < self.text.len() && self.is_line_over() {
            self.skip_line();
        }
        if is_followed_by_space(self.rest(), "---") {
            self.at += 3;
            if !self.is_line_over() {
                return Err(self.malformed(self.at, Flaw::EndOfLine));
            }
            self.skip_line();
        }
        self.next_content()
    }

    /// A value that belongs to a collection at the column `parent`.
    fn node(&mut self, parent: Option<usize>) -> Result<Node, Unreadable> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.malformed(self.at, Flaw::TooDeep { max: DEPTH_MAX }));
        }
        let node = if is_followed_by_space(self.rest(), "-") {
            self.list()
        } else if self.key_end()?.is_some() {
            self.object()
        } else {
            self.scalar_or_flow(parent)
        };
        self.depth -= 1;
        node
    }

    fn list(&mut self) -> Result<Node, Unreadable> {
        let (column, start) = (self.column(), self.at);
        let mut items: Vec<Element> = Vec::new();
        while self.column() == column && is_followed_by_space(self.rest(), "-") {
            let start = self.at;
            self.at += 1;
            let value = self.value_of(column, false)?;
            items.push(element(None, start, value));
            self.next_content()?;
        }
        self.refuse_deeper(column)?;
        let end = items.last().map_or(start, |item| item.value.span.end);
        self.at = end;
        Ok(Node {
            span: start..end,
            content: Content::List(items),
        })
    }

    fn object(&mut self) -> Result<Node, Unreadable> {
        let (column, start) = (self.column(), self.at);
        let mut members: Vec<Element> = Vec::new();
        while self.at < self.text.len() && self.column() == column {
            let Some(end) = self.key_end()? else {
                return Err(self.malformed(self.at, Flaw::KeyAndColon));
            };
            let start = self.at;
            let key = scalar::key(&self.text[start..end]);
            if members
                .iter()
                .any(|member| member.key.as_ref() == Some(&key))
            {
                let problem = Problem::DuplicateKey { key };
                return Err(Unreadable::at(self.text, start, problem));
            }
            self.at = end;
            self.skip_spaces();
            self.at += 1;
            let value = self.value_of(column, true)?;
            members.push(element(Some(key), start, value));
            self.next_content()?;
        }
        self.refuse_deeper(column)?;
        let end = members.last().map_or(start, |member| member.value.span.end);
        self.at = end;
        Ok(Node {
            span: start..end,
            content: Content::Object(members),
        })
    }

    fn refuse_deeper(&self, column: usize) -> Result<(), Unreadable> {
        if self.at < self.text.len() && self.column() > column {
            return Err(self.malformed(self.at, Flaw::DeeperIndentation));
        }
        Ok(())
    }

    /// What follows a `-` or a `:` of a collection at `column`.
    fn value_of(&mut self, column: usize, is_member: bool) -> Result<Node, Unreadable> {
        let after = self.at;
        let properties_end = self.skip_properties();
        if !self.is_line_over() {
            // A list or an object may begin behind a dash, but not behind a key.
            self.skip_spaces();
            return match is_member {
                true => self.scalar_or_flow(Some(column)),
                false => self.node(Some(column)),
            };
        }
        self.next_content()?;
        let is_list = is_followed_by_space(self.rest(), "-");
        let is_inside = self.column() > column || is_member && is_list && self.column() == column;
        if self.at < self.text.len() && is_inside {
            return self.node(Some(column));
        }
        self.at = properties_end.unwrap_or(after);
        Ok(Node {
            span: self.at..self.at,
            content: Content::Scalar(match properties_end {
                // What an anchor or a tag makes of nothing is compared by its text.
                Some(end) => self.text[after..end].into(),
                None => Value::Null,
            }),
        })
    }

    /// Passes anchors and tags.
    fn skip_properties(&mut self) -> Option<usize> {
        let before = self.at;
        let mut end = None;
        loop {
            self.skip_spaces();
            if !self.rest().starts_with(['&', '!']) {
                break;
            }
            let word = self.rest().find([' ', '\t', '\r', '\n']);
            self.at = word.map_or(self.text.len(), |len| self.at + len);
            end = Some(self.at);
        }
        self.at = end.unwrap_or(before);
        end
    }

    /// Where the key ends that begins here; `None` when no key does.
    fn key_end(&self) -> Result<Option<usize>, Unreadable> {
        let rest = self.rest();
        if is_followed_by_space(rest, "?") {
            return Err(self.malformed(self.at, Flaw::QuestionMarkKey));
        }
        let end = match rest.chars().next() {
            Some('"' | '\'') => match scalar::quoted_len(rest) {
                Some(len) if !rest[..len].contains('\n') => self.at + len,
                _ => return Ok(None),
            },
            None | Some('[' | '{' | '|' | '>' | '#') => return Ok(None),
            Some(_) => match scalar::plain_key_len(rest) {
                Some(len) => self.at + len,
                None => return Ok(None),
            },
        };
        let colon = self.text[end..].trim_start_matches([' ', '\t']);
        Ok(is_followed_by_space(colon, ":").then_some(end))
    }

    fn scalar_or_flow(&mut self, parent: Option<usize>) -> Result<Node, Unreadable> {
        let start = self.at;
        let content = match self.rest().chars().next() {
            Some('[' | '{') => return self.flow().and_then(|node| self.ended(node)),
            Some('"' | '\'') => {
                let len = scalar::quoted_len(self.rest());
                let len = len.ok_or_else(|| self.malformed(start, Flaw::EndlessText))?;
                self.at += len;
                scalar::quoted(&self.text[start..self.at])
            }
            Some('|' | '>') => {
                let (text, len) = scalar::block(self.rest(), parent);
                self.at += len;
                return Ok(Node {
                    span: start..self.at,
                    content: Content::Scalar(text.into()),
                });
            }
            Some(c) if "@`%,]}".contains(c) => {
                return Err(self.malformed(
                    start,
                    Flaw::ValueBegin {
                        found: c.to_string(),
                    },
                ));
            }
            _ => {
                let len = scalar::plain_len(self.rest(), parent);
                self.at += len;
                let text = &self.text[start..self.at];
                if text.contains(": ") || text.ends_with(':') {
                    return Err(self.malformed(start, Flaw::KeyForValue));
                }
                scalar::plain(text)
            }
        };
        let node = Node {
            span: start..self.at,
            content: Content::Scalar(content),
        };
        self.ended(node)
    }

    fn ended(&self, node: Node) -> Result<Node, Unreadable> {
        match self.is_line_over() {
            true => Ok(node),
            false => Err(self.malformed(self.at, Flaw::EndOfLine)),
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

pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

/// Whether the mark stands alone: white space or the end follows.
pub(super) fn is_followed_by_space(text: &str, mark: &str) -> bool {
    let rest = text.strip_prefix(mark);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}
