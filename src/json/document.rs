//! A validated index over one JSON text: a single scan, no copies, values found by offset.

use std::borrow::Cow;
use std::str::Utf8Error;

use bytes::Bytes;
use bytestring::ByteString;
use memchr::memchr;

use super::text::{plain_len, unescape};
use super::{EscapedStr, Invalid, Offset, Raw};

/// Nesting that is read; deeper documents are refused. Real requests stay under 30, JSON Schemas
/// included.
pub const DEPTH_MAX: usize = 128;

/// About how many bytes of a document come on a value, and for how many values there is room from
/// the start.
const BYTES_PER_NODE: usize = 16;
const NODES_RESERVED_MAX: usize = 64;

/// For how many values a skimmed document has room from the start: a root and twenty members.
const NODES_SKIMMED: usize = 41;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

/// One value: its bytes are `start..end`, the node behind it and all it holds is `next`. In an
/// object, keys and values alternate.
#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    next: u32,
}

/// The reusable memory of an index, for those who read one small document after another.
#[derive(Debug, Default)]
pub struct Scratch(Vec<Node>);

/// A JSON text with an index over all of its values.
#[derive(Debug)]
pub struct Document {
    source: ByteString,
    nodes: Vec<Node>,
}

impl Document {
    /// Checks and indexes `source`.
    ///
    /// # Errors
    /// On bytes that are not UTF-8 or not one JSON value, on nesting past [`DEPTH_MAX`], and from 4
    /// GiB on.
    pub fn parse(source: Bytes) -> Result<Self, Invalid> {
        Self::parse_in(source, Scratch::default())
    }

    /// The same, in memory that an earlier document gave back by [`Document::into_scratch`].
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_in(source: Bytes, scratch: Scratch) -> Result<Self, Invalid> {
        Self::index(text(source)?, scratch)
    }

    /// Indexes the top level only: what the root's members hold is passed over, strings and
    /// brackets aside unread, and looks empty. Their bytes are there all the same
    /// ([`Value::as_written`], [`Value::raw`]).
    ///
    /// For those who need a few members of a large document and leave its judgement to others.
    ///
    /// # Errors
    /// As [`Document::parse`], but only of what it reads.
    pub fn parse_shallow(source: Bytes) -> Result<Self, Invalid> {
        let mut scanner = Scanner::of(&source, Vec::with_capacity(NODES_SKIMMED));
        scanner.skims_below = 1;
        scanner.document()?;
        let nodes = scanner.nodes;
        Ok(Self {
            source: text(source)?,
            nodes,
        })
    }

    /// Indexes what is known to be text.
    pub(super) fn index(source: ByteString, scratch: Scratch) -> Result<Self, Invalid> {
        let mut nodes = scratch.0;
        nodes.clear();
        // Most small documents fit: a vector that grows by doubling is moved five times on the way.
        nodes.reserve((source.len() / BYTES_PER_NODE).min(NODES_RESERVED_MAX));
        let mut scanner = Scanner::of(source.as_bytes(), nodes);
        scanner.document()?;
        let nodes = scanner.nodes;
        Ok(Self { source, nodes })
    }

    /// The document `null`.
    pub fn null() -> Self {
        let node = Node {
            kind: Kind::Null,
            start: 0,
            end: 4,
            next: 1,
        };
        Self {
            source: ByteString::from_static("null"),
            nodes: vec![node],
        }
    }

    pub fn root(&self) -> Value<'_> {
        Value {
            document: self,
            node: 0,
        }
    }

    pub fn source(&self) -> &Bytes {
        self.source.as_bytes()
    }

    pub fn into_scratch(self) -> Scratch {
        Scratch(self.nodes)
    }

    fn is_key(&self, name: Node, key: &str) -> bool {
        let written = &self.source.as_bytes()[name.start as usize + 1..name.end as usize - 1];
        // An escape takes more bytes than what it stands for.
        written == key.as_bytes()
            || written.len() > key.len()
                && written.contains(&b'\\')
                && self.is_escaped_key(name, key)
    }

    #[cold]
    fn is_escaped_key(&self, name: Node, key: &str) -> bool {
        unescape(self.slice(name.start + 1, name.end - 1)) == key
    }

    fn slice(&self, start: u32, end: u32) -> &str {
        self.source
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    /// The same, sharing the source's memory.
    fn share(&self, start: u32, end: u32) -> ByteString {
        self.source.slice_ref(self.slice(start, end))
    }
}

/// One value of a [`Document`].
#[derive(Clone, Copy)]
pub struct Value<'d> {
    document: &'d Document,
    node: u32,
}

impl<'d> Value<'d> {
    fn node(self) -> Node {
        self.document.nodes[self.node as usize]
    }

    pub fn kind(self) -> Kind {
        self.node().kind
    }

    pub fn offset(self) -> Offset {
        Offset(self.node().start)
    }

    /// Where it ends: the byte behind its last.
    pub(super) fn end(self) -> Offset {
        Offset(self.node().end)
    }

    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The value, unless it is `null`: the dialects' two ways of leaving a field open mean the
    /// same.
    pub fn non_null(self) -> Option<Self> {
        (!self.is_null()).then_some(self)
    }

    /// The value as it was written.
    pub fn raw(self) -> Raw {
        let node = self.node();
        Raw::from_checked(self.document.share(node.start, node.end))
    }

    /// A document of its own of the value's bytes: for what was skimmed, to look into it.
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn to_document(self) -> Result<Document, Invalid> {
        let node = self.node();
        Document::index(
            self.document.share(node.start, node.end),
            Scratch::default(),
        )
    }

    /// The value as it was written, borrowed.
    pub fn as_written(self) -> &'d str {
        let node = self.node();
        self.document.slice(node.start, node.end)
    }

    /// # Errors
    /// When it is not a string.
    pub fn text(self) -> Result<EscapedStr, Invalid> {
        let node = self.expect(Kind::String)?;
        Ok(EscapedStr::from_checked(
            self.document.share(node.start + 1, node.end - 1),
        ))
    }

    /// What the string says, unescaped.
    ///
    /// # Errors
    /// When it is not a string.
    pub fn str(self) -> Result<Cow<'d, str>, Invalid> {
        let node = self.expect(Kind::String)?;
        Ok(unescape(self.document.slice(node.start + 1, node.end - 1)))
    }

    /// # Errors
    /// When it is not a boolean.
    pub fn bool(self) -> Result<bool, Invalid> {
        self.expect(Kind::Bool)?;
        Ok(self.as_written() == "true")
    }

    /// A number as written: digits are kept.
    ///
    /// # Errors
    /// When it is not a number.
    pub fn number(self) -> Result<Raw, Invalid> {
        self.expect(Kind::Number)?;
        Ok(self.raw())
    }

    /// # Errors
    /// When it is not a number.
    pub fn f64(self) -> Result<f64, Invalid> {
        self.expect(Kind::Number)?;
        self.as_written()
            .parse()
            .map_err(|_| self.expected("a number"))
    }

    /// A count. `8192.0` and `1e3` are counts too: some languages write every number so.
    ///
    /// # Errors
    /// When it is not a whole number from 0 to 2^64 - 1.
    pub fn u64(self) -> Result<u64, Invalid> {
        self.expect(Kind::Number)?;
        let written = self.as_written();
        written
            .parse()
            .ok()
            .or_else(|| whole(written))
            .ok_or_else(|| {
                Invalid::new(
                    self.offset(),
                    format!("expected a whole number of 0 or more, found `{written}`"),
                )
            })
    }

    /// The members of an object, in order, doubled keys included.
    ///
    /// # Errors
    /// When it is not an object.
    pub fn members(self) -> Result<Members<'d>, Invalid> {
        let node = self.expect(Kind::Object)?;
        Ok(Members {
            document: self.document,
            at: self.node + 1,
            end: node.next,
        })
    }

    /// The members that say something: `null` is as good as absent.
    ///
    /// # Errors
    /// When it is not an object.
    pub fn fields(self) -> Result<impl Iterator<Item = (Cow<'d, str>, Value<'d>)>, Invalid> {
        Ok(self.members()?.filter(|(_, value)| !value.is_null()))
    }

    /// The items of an array, in order.
    ///
    /// # Errors
    /// When it is not an array.
    pub fn items(self) -> Result<Items<'d>, Invalid> {
        let node = self.expect(Kind::Array)?;
        Ok(Items {
            document: self.document,
            at: self.node + 1,
            end: node.next,
        })
    }

    /// The member `key`, the last where it stands twice. `None` too when this is no object, or the
    /// member is `null`.
    pub fn get(self, key: &str) -> Option<Value<'d>> {
        let members = self.members().ok()?;
        members.values_of(key).last().and_then(Value::non_null)
    }

    /// The member `key`.
    ///
    /// # Errors
    /// When it is missing or `null`, or this is no object.
    pub fn required(self, key: &'static str) -> Result<Value<'d>, Invalid> {
        self.expect(Kind::Object)?;
        self.get(key).ok_or_else(|| self.missing(key))
    }

    /// The value at the end of a chain of keys, as [`Value::get`] finds each.
    pub fn find(self, keys: &[&str]) -> Option<Value<'d>> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The error of an object without a member that it needs.
    pub fn missing(self, key: &str) -> Invalid {
        Invalid::new(self.offset(), format!("missing `{key}`"))
    }

    /// The error of a value that is not what it should be: "expected X, found Y".
    pub fn expected(self, what: &str) -> Invalid {
        let found = match self.kind() {
            Kind::String => format!("`{}`", shown(&self.str().unwrap_or_default())),
            Kind::Number | Kind::Bool => format!("`{}`", shown(self.as_written())),
            kind => kind.name().to_owned(),
        };
        Invalid::new(self.offset(), format!("expected {what}, found {found}"))
    }

    fn expect(self, kind: Kind) -> Result<Node, Invalid> {
        let node = self.node();
        if node.kind == kind {
            return Ok(node);
        }
        Err(Invalid::new(
            self.offset(),
            format!("expected {}, found {}", kind.name(), node.kind.name()),
        ))
    }
}

/// A value quoted in an error: short, and never a whole prompt.
fn shown(value: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 40;
    let mut characters = value.chars();
    let mut head: String = characters
        .by_ref()
        .take(SHOWN_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if characters.next().is_some() {
        head.push('\u{2026}');
    }
    head
}

/// `written` as a whole number, where it has a fraction of zeros or an exponent.
fn whole(written: &str) -> Option<u64> {
    // 2^53: above it a float no longer holds every whole number, and the digits were not kept.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    let number: f64 = written.parse().ok()?;
    let is_whole = number.fract() == 0.0 && (0.0..=EXACT_MAX).contains(&number);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range was checked"
    )]
    is_whole.then_some(number as u64)
}

/// The members of an object.
#[derive(Clone)]
pub struct Members<'d> {
    document: &'d Document,
    at: u32,
    end: u32,
}

impl<'d> Members<'d> {
    /// The values of all members `key`; keys are compared as they are written, which is cheaper,
    /// wherever that is enough.
    fn values_of(self, key: &str) -> impl Iterator<Item = Value<'d>> {
        let Self {
            document,
            mut at,
            end,
        } = self;
        std::iter::from_fn(move || {
            while at < end {
                let name = document.nodes[at as usize];
                let value = Value {
                    document,
                    node: at + 1,
                };
                at = value.node().next;
                if document.is_key(name, key) {
                    return Some(value);
                }
            }
            None
        })
    }
}

impl<'d> Iterator for Members<'d> {
    type Item = (Cow<'d, str>, Value<'d>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let key = self.document.nodes[self.at as usize];
        let value = Value {
            document: self.document,
            node: self.at + 1,
        };
        self.at = value.node().next;
        Some((
            unescape(self.document.slice(key.start + 1, key.end - 1)),
            value,
        ))
    }
}

/// The items of an array.
#[derive(Clone)]
pub struct Items<'d> {
    document: &'d Document,
    at: u32,
    end: u32,
}

impl<'d> Iterator for Items<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.end {
            return None;
        }
        let value = Value {
            document: self.document,
            node: self.at,
        };
        self.at = value.node().next;
        Some(value)
    }
}

/// How long the value is that `text` begins with, strings and brackets aside unread. `None` where
/// it does not end there.
pub fn value_len(text: &[u8]) -> Option<usize> {
    let mut scanner = Scanner::of(text, Vec::new());
    scanner.skims_below = 0;
    scanner.value(0).ok()?;
    Some(scanner.at)
}

/// How much of `head`, the beginning of an object, is taken by its brace and the members that stand
/// whole in it.
///
/// `None` where no object begins there.
pub(super) fn members_len(head: &[u8]) -> Option<usize> {
    let mut scanner = Scanner::of(head, Vec::new());
    scanner.skims_below = 1;
    scanner.space();
    scanner.byte(b'{').ok()?;
    let mut whole = scanner.at;
    while let Some(end) = scanner.member() {
        whole = end;
    }
    Some(whole)
}

fn text(source: Bytes) -> Result<ByteString, Invalid> {
    let not_text =
        |error: Utf8Error| Invalid::new(offset_at(error.valid_up_to()), "not valid UTF-8");
    ByteString::try_from(source).map_err(not_text)
}

fn offset_at(at: usize) -> Offset {
    Offset(u32::try_from(at).unwrap_or(u32::MAX))
}

/// RFC 8259, strictly: no comments, no trailing commas, no bare words.
struct Scanner<'s> {
    bytes: &'s [u8],
    at: usize,
    nodes: Vec<Node>,
    /// From this depth on values are passed over.
    skims_below: usize,
}

impl<'s> Scanner<'s> {
    fn of(bytes: &'s [u8], nodes: Vec<Node>) -> Self {
        Self {
            bytes,
            at: 0,
            nodes,
            skims_below: usize::MAX,
        }
    }
}

impl Scanner<'_> {
    fn document(&mut self) -> Result<(), Invalid> {
        if u32::try_from(self.bytes.len()).is_err() {
            return Err(Invalid::new(Offset(0), "larger than 4 GiB"));
        }
        self.space();
        self.value(0)?;
        self.space();
        if self.at < self.bytes.len() {
            return Err(self.expected("the end"));
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), Invalid> {
        match self.peek() {
            Some(b'"' | b'{' | b'[') if depth >= self.skims_below => self.skip(),
            Some(b'"') => self.string(),
            Some(b'{') => self.container(Kind::Object, depth),
            Some(b'[') => self.container(Kind::Array, depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", Kind::Bool),
            Some(b'f') => self.word(b"false", Kind::Bool),
            Some(b'n') => self.word(b"null", Kind::Null),
            _ => Err(self.expected("a value")),
        }
    }

    fn container(&mut self, kind: Kind, depth: usize) -> Result<(), Invalid> {
        if depth >= DEPTH_MAX {
            return Err(Invalid::new(
                offset_at(self.at),
                format!("nested deeper than {DEPTH_MAX}"),
            ));
        }
        let close = if kind == Kind::Object { b'}' } else { b']' };
        let node = self.open(kind);
        self.at += 1;
        self.space();
        let mut first = true;
        while self.peek() != Some(close) {
            if !first {
                self.byte(b',')?;
                self.space();
            }
            first = false;
            if kind == Kind::Object {
                self.key()?;
            }
            self.value(depth + 1)?;
            self.space();
        }
        self.at += 1;
        self.close(node);
        Ok(())
    }

    /// Passes over a string or a container.
    fn skip(&mut self) -> Result<(), Invalid> {
        let kind = match self.peek() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            _ => Kind::Array,
        };
        let node = self.open(kind);
        let mut depth = 0_usize;
        loop {
            match self.peek() {
                Some(b'"') => self.skip_string()?,
                Some(b'{' | b'[') => (depth, self.at) = (depth + 1, self.at + 1),
                Some(b'}' | b']') => (depth, self.at) = (depth - 1, self.at + 1),
                Some(_) => self.at += 1,
                None => return Err(self.expected("the end of the container")),
            }
            if depth == 0 {
                break;
            }
        }
        self.close(node);
        Ok(())
    }

    /// Passes over a string: up to the quote that no backslash takes back.
    fn skip_string(&mut self) -> Result<(), Invalid> {
        self.at += 1;
        loop {
            let Some(quote) = memchr(b'"', &self.bytes[self.at..]) else {
                return Err(Invalid::new(
                    offset_at(self.bytes.len()),
                    "ends within a string",
                ));
            };
            self.at += quote + 1;
            let slashes = self.bytes[..self.at - 1]
                .iter()
                .rev()
                .take_while(|byte| **byte == b'\\')
                .count();
            if slashes % 2 == 0 {
                return Ok(());
            }
        }
    }

    /// A member of the root that is certainly over, and the comma behind it. Gives where it ends.
    fn member(&mut self) -> Option<usize> {
        self.space();
        self.key().ok()?;
        self.value(1).ok()?;
        let end = self.at;
        self.space();
        match self.peek()? {
            b',' => self.at += 1,
            b'}' => {}
            _ => return None,
        }
        Some(end)
    }

    fn key(&mut self) -> Result<(), Invalid> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key"));
        }
        self.string()?;
        self.space();
        self.byte(b':')?;
        self.space();
        Ok(())
    }

    fn string(&mut self) -> Result<(), Invalid> {
        let node = self.open(Kind::String);
        self.at += 1;
        loop {
            self.at += plain_len(&self.bytes[self.at..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => {
                    return Err(Invalid::new(
                        offset_at(self.at),
                        "control character in a string; write it as an escape",
                    ));
                }
                None => return Err(Invalid::new(offset_at(self.at), "ends within a string")),
            }
        }
        self.at += 1;
        self.close(node);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Invalid> {
        let is_valid = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                true
            }
            Some(b'u') => {
                let digits = self.bytes.get(self.at + 2..self.at + 6);
                self.at += 6;
                digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            }
            _ => false,
        };
        if is_valid {
            Ok(())
        } else {
            Err(Invalid::new(
                offset_at(self.at.min(self.bytes.len())),
                "invalid escape in a string",
            ))
        }
    }

    fn number(&mut self) -> Result<(), Invalid> {
        let node = self.open(Kind::Number);
        self.skip_if(b"-");
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.skip_if(b".") {
            self.digits()?;
        }
        if self.skip_if(b"eE") {
            self.skip_if(b"+-");
            self.digits()?;
        }
        self.close(node);
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Invalid> {
        let count = self.bytes[self.at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return Err(self.expected("a digit"));
        }
        self.at += count;
        Ok(())
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<(), Invalid> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(self.expected("a value"));
        }
        let node = self.open(kind);
        self.at += word.len();
        self.close(node);
        Ok(())
    }

    fn open(&mut self, kind: Kind) -> usize {
        let start = offset_at(self.at).0;
        self.nodes.push(Node {
            kind,
            start,
            end: start,
            next: 0,
        });
        self.nodes.len() - 1
    }

    fn close(&mut self, node: usize) {
        self.nodes[node].end = offset_at(self.at).0;
        self.nodes[node].next = offset_at(self.nodes.len()).0;
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn byte(&mut self, byte: u8) -> Result<(), Invalid> {
        if self.peek() != Some(byte) {
            return Err(self.expected(if byte == b',' {
                "`,` or the end of the container"
            } else {
                "`:`"
            }));
        }
        self.at += 1;
        Ok(())
    }

    fn skip_if(&mut self, any_of: &[u8]) -> bool {
        let hit = self.peek().is_some_and(|byte| any_of.contains(&byte));
        self.at += usize::from(hit);
        hit
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expected(&self, what: &str) -> Invalid {
        let found = match self.peek() {
            Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(byte)),
            Some(_) => "another character".to_owned(),
            None => "the end".to_owned(),
        };
        Invalid::new(
            offset_at(self.at),
            format!("malformed JSON: expected {what}, found {found}"),
        )
    }
}

#[cfg(test)]
mod tests;
