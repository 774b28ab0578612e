//! A validated index over one JSON text: a single scan, no copies, no tree.
//!
//! The index is one array of nodes of 16 bytes, in the order of the text. What a container holds
//! follows it, and `next` leads past all of it:
//!
//! ```text
//!   {"a":[1,true],"b":"x"}
//!
//!   node  kind    bytes   next
//!   0     Object   0..22  7     its first key is node 1
//!   1     String   1..4   2     "a", whose value is the node after it
//!   2     Array    5..13  5     its items are nodes 3 and 4; the next key is node 5
//!   3     Number   6..7   4
//!   4     Bool     8..12  5
//!   5     String  14..17  6     "b"
//!   6     String  18..21  7     node 0 ends before node 7, so this is the last member
//! ```
//!
//! So finding a member visits the members of one object only, whatever they hold. A [`Value`] is a
//! node's number and a reference to the document; strings are unescaped when they are asked for.

use std::borrow::Cow;

use bytes::Bytes;
use bytestring::ByteString;

use super::lanes::{BLOCK, Block, plain_len};
use super::skip::{self, BrokenOff};
use super::text::unescape;
use super::{EscapedStr, Invalid, Offset, Raw};

/// The deepest nesting that is accepted. Real requests stay under 30, JSON Schemas included.
pub const DEPTH_MAX: usize = 128;

/// Estimated bytes of a document per node, and the most nodes that are allocated up front.
const BYTES_PER_NODE: usize = 16;
const NODES_RESERVED_MAX: usize = 64;

/// Nodes that are allocated up front for a shallow index: a root and twenty members.
const NODES_SHALLOW: usize = 41;
/// Up to this length a string is short: keys, roles, names.
const SHORT_BYTES: usize = 16;

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

/// One value. Its bytes are `start..end`; `next` is the first node after it and all that it holds.
/// In an object, keys and values alternate.
#[derive(Clone, Copy, Debug)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    next: u32,
}

/// The memory of an index, to be reused for one small document after another.
#[derive(Debug, Default)]
pub struct Scratch(Vec<Node>);

/// A JSON text with an index over all of its values.
#[derive(Debug)]
pub struct Document {
    source: ByteString,
    nodes: Vec<Node>,
}

impl Document {
    /// Validates and indexes `source`.
    ///
    /// # Errors
    /// If the bytes are not UTF-8 or not one JSON value, are nested past [`DEPTH_MAX`], or are 4
    /// GiB or more.
    pub fn parse(source: Bytes) -> Result<Self, Invalid> {
        Self::parse_in(source, Scratch::default())
    }

    /// The same, in the memory of an earlier document ([`Document::into_scratch`]).
    ///
    /// # Errors
    /// As [`Document::parse`].
    pub fn parse_in(source: Bytes, scratch: Scratch) -> Result<Self, Invalid> {
        Self::index(utf8(source)?, scratch)
    }

    /// Indexes the top level only. What the root's members hold is skipped, with attention to
    /// strings and brackets alone, so their containers look empty. Their bytes are still available
    /// ([`Value::as_written`], [`Value::raw`]).
    ///
    /// For a few members of a large document that someone else validates.
    ///
    /// # Errors
    /// As [`Document::parse`], but only for what is read.
    pub fn parse_shallow(source: Bytes) -> Result<Self, Invalid> {
        Self::index_shallow(utf8(source)?)
    }

    fn index_shallow(source: ByteString) -> Result<Self, Invalid> {
        let mut scanner = Scanner::of(source.as_bytes(), Vec::with_capacity(NODES_SHALLOW));
        scanner.shallow_from = 1;
        scanner.document()?;
        let nodes = scanner.nodes;
        Ok(Self { source, nodes })
    }

    /// Indexes what is known to be UTF-8.
    pub(super) fn index(source: ByteString, scratch: Scratch) -> Result<Self, Invalid> {
        let mut nodes = scratch.0;
        nodes.clear();
        // Most small documents fit. A vector that grows to this by doubling is moved five times.
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
        // An escape is longer than what it stands for, so a key that is written shorter than `key`
        // cannot be equal to it.
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

    /// A slice that shares the source's memory.
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

    /// Where it begins.
    pub fn offset(self) -> Offset {
        Offset(self.node().start)
    }

    /// Where it ends: the offset after its last byte.
    pub(super) fn end(self) -> Offset {
        Offset(self.node().end)
    }

    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The value, unless it is `null`. In the dialects `null` and an absent field mean the same.
    pub fn non_null(self) -> Option<Self> {
        (!self.is_null()).then_some(self)
    }

    /// The value as it was written.
    pub fn raw(self) -> Raw {
        let node = self.node();
        Raw::from_checked(self.document.share(node.start, node.end))
    }

    /// Parses the value's bytes as a document of its own: for values that a shallow index skipped.
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

    /// The same with a shallow index: what the value's own members or items hold is skipped.
    ///
    /// # Errors
    /// As [`Document::parse_shallow`].
    pub fn to_shallow_document(self) -> Result<Document, Invalid> {
        let node = self.node();
        Document::index_shallow(self.document.share(node.start, node.end))
    }

    /// The value as it was written, borrowed.
    pub fn as_written(self) -> &'d str {
        let node = self.node();
        self.document.slice(node.start, node.end)
    }

    /// # Errors
    /// If it is not a string.
    pub fn text(self) -> Result<EscapedStr, Invalid> {
        let node = self.expect(Kind::String)?;
        Ok(EscapedStr::from_checked(
            self.document.share(node.start + 1, node.end - 1),
        ))
    }

    /// The unescaped string.
    ///
    /// # Errors
    /// If it is not a string.
    pub fn str(self) -> Result<Cow<'d, str>, Invalid> {
        let node = self.expect(Kind::String)?;
        Ok(unescape(self.document.slice(node.start + 1, node.end - 1)))
    }

    /// # Errors
    /// If it is not a boolean.
    pub fn bool(self) -> Result<bool, Invalid> {
        self.expect(Kind::Bool)?;
        Ok(self.as_written() == "true")
    }

    /// The number as written, with all its digits.
    ///
    /// # Errors
    /// If it is not a number.
    pub fn number(self) -> Result<Raw, Invalid> {
        self.expect(Kind::Number)?;
        Ok(self.raw())
    }

    /// # Errors
    /// If it is not a number.
    pub fn f64(self) -> Result<f64, Invalid> {
        self.expect(Kind::Number)?;
        self.as_written()
            .parse()
            .map_err(|_| self.expected("a number"))
    }

    /// A whole number. `8192.0` and `1e3` are whole too: some languages write every number so.
    ///
    /// # Errors
    /// If it is not a whole number from 0 to 2^64 - 1.
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

    /// The members of an object in order, with duplicate keys.
    ///
    /// # Errors
    /// If it is not an object.
    pub fn members(self) -> Result<Members<'d>, Invalid> {
        let node = self.expect(Kind::Object)?;
        Ok(Members {
            document: self.document,
            next: self.node + 1,
            end: node.next,
        })
    }

    /// The members that are not `null`.
    ///
    /// # Errors
    /// If it is not an object.
    pub fn fields(self) -> Result<impl Iterator<Item = (Cow<'d, str>, Value<'d>)>, Invalid> {
        Ok(self.members()?.filter(|(_, value)| !value.is_null()))
    }

    /// The items of an array in order.
    ///
    /// # Errors
    /// If it is not an array.
    pub fn items(self) -> Result<Items<'d>, Invalid> {
        let node = self.expect(Kind::Array)?;
        Ok(Items {
            document: self.document,
            next: self.node + 1,
            end: node.next,
        })
    }

    /// The member `key`; of duplicates the last. `None` also if this is not an object or the member
    /// is `null`.
    pub fn get(self, key: &str) -> Option<Value<'d>> {
        let members = self.members().ok()?;
        members.values_of(key).last().and_then(Value::non_null)
    }

    /// The member `key`.
    ///
    /// # Errors
    /// If it is missing or `null`, or this is not an object.
    pub fn required(self, key: &'static str) -> Result<Value<'d>, Invalid> {
        self.expect(Kind::Object)?;
        self.get(key).ok_or_else(|| self.missing(key))
    }

    /// The value at the end of a chain of keys, as [`Value::get`] finds each.
    pub fn find(self, keys: &[&str]) -> Option<Value<'d>> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The error for an object without a required member.
    pub fn missing(self, key: &str) -> Invalid {
        Invalid::new(self.offset(), format!("missing `{key}`"))
    }

    /// The error for a value that is not what it should be: "expected X, found Y".
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

/// A whole number that is written with a fraction of zeros or with an exponent.
fn whole(written: &str) -> Option<u64> {
    // 2^53: above it an `f64` does not represent every whole number.
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
    next: u32,
    end: u32,
}

impl<'d> Members<'d> {
    /// The values of all members `key`. Keys are compared without unescaping them unless they have
    /// an escape.
    fn values_of(self, key: &str) -> impl Iterator<Item = Value<'d>> {
        let Self {
            document,
            mut next,
            end,
        } = self;
        std::iter::from_fn(move || {
            while next < end {
                let name = document.nodes[next as usize];
                let value = Value {
                    document,
                    node: next + 1,
                };
                next = value.node().next;
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
        if self.next >= self.end {
            return None;
        }
        let key = self.document.nodes[self.next as usize];
        let value = Value {
            document: self.document,
            node: self.next + 1,
        };
        self.next = value.node().next;
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
    next: u32,
    end: u32,
}

impl<'d> Iterator for Items<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let value = Value {
            document: self.document,
            node: self.next,
        };
        self.next = value.node().next;
        Some(value)
    }
}

/// The length of the value that `text` begins with. Only strings and brackets are looked at. `None`
/// if the value does not end within `text`.
pub fn value_len(text: &[u8]) -> Option<usize> {
    let mut scanner = Scanner::of(text, Vec::new());
    scanner.shallow_from = 0;
    scanner.value(0).ok()?;
    Some(scanner.pos)
}

/// The length of the brace and the complete members in `head`, which is the beginning of an object.
///
/// `None` if no object begins there.
pub(super) fn members_len(head: &[u8]) -> Option<usize> {
    let mut scanner = Scanner::of(head, Vec::new());
    scanner.shallow_from = 1;
    scanner.space();
    scanner.byte(b'{').ok()?;
    let mut whole = scanner.pos;
    while let Some(end) = scanner.member() {
        whole = end;
    }
    Some(whole)
}

fn utf8(source: Bytes) -> Result<ByteString, Invalid> {
    ByteString::try_from(source)
        .map_err(|error| Invalid::new(offset_at(error.valid_up_to()), "not valid UTF-8"))
}

fn offset_at(at: usize) -> Offset {
    Offset(u32::try_from(at).unwrap_or(u32::MAX))
}

/// RFC 8259, strictly: no comments, no trailing commas, no unquoted strings.
struct Scanner<'s> {
    bytes: &'s [u8],
    pos: usize,
    nodes: Vec<Node>,
    /// From this depth on strings and containers are skipped: indexed as one node, not validated.
    shallow_from: usize,
}

impl<'s> Scanner<'s> {
    fn of(bytes: &'s [u8], nodes: Vec<Node>) -> Self {
        Self {
            bytes,
            pos: 0,
            nodes,
            shallow_from: usize::MAX,
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
        if self.pos < self.bytes.len() {
            return Err(self.expected("the end"));
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), Invalid> {
        match self.peek() {
            Some(b'"' | b'{' | b'[') if depth >= self.shallow_from => self.skip(),
            Some(b'"') => self.string(),
            Some(b'{') => self.container(Kind::Object, depth),
            Some(b'[') => self.container(Kind::Array, depth),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true", Kind::Bool),
            Some(b'f') => self.literal(b"false", Kind::Bool),
            Some(b'n') => self.literal(b"null", Kind::Null),
            _ => Err(self.expected("a value")),
        }
    }

    fn container(&mut self, kind: Kind, depth: usize) -> Result<(), Invalid> {
        if depth >= DEPTH_MAX {
            return Err(Invalid::new(
                offset_at(self.pos),
                format!("nested deeper than {DEPTH_MAX}"),
            ));
        }
        let close = if kind == Kind::Object { b'}' } else { b']' };
        let node = self.open(kind);
        self.pos += 1;
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
        self.pos += 1;
        self.close(node);
        Ok(())
    }

    /// Skips a string or a container: indexes it as one node.
    fn skip(&mut self) -> Result<(), Invalid> {
        let kind = match self.peek() {
            Some(b'"') => Kind::String,
            Some(b'{') => Kind::Object,
            _ => Kind::Array,
        };
        let node = self.open(kind);
        match skip::len(&self.bytes[self.pos..]) {
            Ok(len) => self.pos += len,
            Err(broken_off) => {
                self.pos = self.bytes.len();
                return Err(self.broken_off(broken_off));
            }
        }
        self.close(node);
        Ok(())
    }

    fn broken_off(&self, broken_off: BrokenOff) -> Invalid {
        match broken_off {
            BrokenOff::InString => Invalid::new(offset_at(self.pos), "ends within a string"),
            BrokenOff::InContainer => self.expected("the end of the container"),
        }
    }

    /// Reads a member of the root that certainly ends here, and the comma after it. Returns where
    /// the member ends.
    fn member(&mut self) -> Option<usize> {
        self.space();
        self.key().ok()?;
        self.value(1).ok()?;
        let end = self.pos;
        self.space();
        match self.peek()? {
            b',' => self.pos += 1,
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
        self.pos += 1;
        self.read_string()?;
        self.pos += 1;
        self.close(node);
        Ok(())
    }

    fn read_string(&mut self) -> Result<(), Invalid> {
        // Most strings are short: a look at a whole block would cost more than reading them.
        let next = &self.bytes[self.pos..];
        self.pos += plain_len(&next[..next.len().min(SHORT_BYTES)]);
        while self.peek() != Some(b'"') {
            let Some(block) = self.bytes[self.pos..].first_chunk() else {
                return self.read_last_string();
            };
            if self.is_closed_within(block)? {
                break;
            }
        }
        Ok(())
    }

    /// Reads a block of a string, up to its closing quote if that is in it.
    fn is_closed_within(&mut self, block: &[u8; BLOCK]) -> Result<bool, Invalid> {
        let start = self.pos;
        let mut stops = Block::of(block).escaped_or_quotes();
        while stops != 0 {
            let at = stops.trailing_zeros() as usize;
            self.pos = start + at;
            match block[at] {
                b'"' => return Ok(true),
                b'\\' => self.escape()?,
                _ => return Err(self.control_character()),
            }
            // The last escape of a block may reach into the next one.
            let read = self.pos - start;
            if read >= BLOCK {
                return Ok(false);
            }
            stops &= !0 << read;
        }
        self.pos = start + BLOCK;
        Ok(false)
    }

    /// The same where less than a block is left of the document.
    fn read_last_string(&mut self) -> Result<(), Invalid> {
        loop {
            self.pos += plain_len(&self.bytes[self.pos..]);
            match self.peek() {
                Some(b'"') => return Ok(()),
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.control_character()),
                None => return Err(Invalid::new(offset_at(self.pos), "ends within a string")),
            }
        }
    }

    fn control_character(&self) -> Invalid {
        Invalid::new(
            offset_at(self.pos),
            "control character in a string; write it as an escape",
        )
    }

    fn escape(&mut self) -> Result<(), Invalid> {
        let is_valid = match self.bytes.get(self.pos + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.pos += 2;
                true
            }
            Some(b'u') => {
                let digits = self.bytes.get(self.pos + 2..self.pos + 6);
                self.pos += 6;
                digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            }
            _ => false,
        };
        if is_valid {
            Ok(())
        } else {
            Err(Invalid::new(
                offset_at(self.pos.min(self.bytes.len())),
                "invalid escape in a string",
            ))
        }
    }

    fn number(&mut self) -> Result<(), Invalid> {
        let node = self.open(Kind::Number);
        self.skip_if(b"-");
        if self.peek() == Some(b'0') {
            self.pos += 1;
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
        let count = self.bytes[self.pos..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 {
            return Err(self.expected("a digit"));
        }
        self.pos += count;
        Ok(())
    }

    fn literal(&mut self, literal: &[u8], kind: Kind) -> Result<(), Invalid> {
        if !self.bytes[self.pos..].starts_with(literal) {
            return Err(self.expected("a value"));
        }
        let node = self.open(kind);
        self.pos += literal.len();
        self.close(node);
        Ok(())
    }

    fn open(&mut self, kind: Kind) -> usize {
        let start = offset_at(self.pos).0;
        self.nodes.push(Node {
            kind,
            start,
            end: start,
            next: 0,
        });
        self.nodes.len() - 1
    }

    fn close(&mut self, node: usize) {
        self.nodes[node].end = offset_at(self.pos).0;
        self.nodes[node].next = offset_at(self.nodes.len()).0;
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.pos += 1;
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
        self.pos += 1;
        Ok(())
    }

    fn skip_if(&mut self, any_of: &[u8]) -> bool {
        let hit = self.peek().is_some_and(|byte| any_of.contains(&byte));
        self.pos += usize::from(hit);
        hit
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.pos).copied()
    }

    fn expected(&self, what: &str) -> Invalid {
        let found = match self.peek() {
            Some(byte) if byte.is_ascii_graphic() => format!("`{}`", char::from(byte)),
            Some(_) => "another character".to_owned(),
            None => "the end".to_owned(),
        };
        Invalid::new(
            offset_at(self.pos),
            format!("malformed JSON: expected {what}, found {found}"),
        )
    }
}

#[cfg(test)]
mod tests;
