//! Strings and values as they are in the bytes that arrived.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;

use super::lanes::{needs_escape, plain_len};
use super::{Document, Invalid, Offset, Scratch};

/// The characters of a JSON string, still escaped, without the quotes.
///
/// All four dialects share JSON's escapes, so text moves from one to another as a slice of the
/// request's own bytes: it is scanned once, copied once, and unescaped only where its content
/// matters. Two are equal if their unescaped text is.
#[derive(Clone, Default)]
pub struct EscapedStr(ByteString);

impl EscapedStr {
    /// Wraps a slice whose escapes a [`Document`] has validated.
    pub(super) fn from_checked(escaped: ByteString) -> Self {
        Self(escaped)
    }

    /// Escapes `plain`.
    pub fn from_plain(plain: &str) -> Self {
        let mut out = BytesMut::with_capacity(plain.len());
        push_escaped(&mut out, plain);
        Self(written(out))
    }

    /// Wraps a literal without quotes, backslashes and control characters.
    pub fn from_static(plain: &'static str) -> Self {
        debug_assert!(!plain.bytes().any(needs_escape));
        Self(ByteString::from_static(plain))
    }

    /// Joins texts with `separator` between them, a literal that is escaped already, such as
    /// `\\n\\n`.
    pub fn join<'t>(texts: impl IntoIterator<Item = &'t Self>, separator: &'static str) -> Self {
        let mut texts = texts.into_iter();
        let (Some(first), second) = (texts.next(), texts.next()) else {
            return Self::default();
        };
        let Some(second) = second else {
            return first.clone();
        };
        let mut out = first.as_escaped().to_owned();
        for text in std::iter::once(second).chain(texts) {
            out.push_str(separator);
            out.push_str(text.as_escaped());
        }
        Self(out.into())
    }

    /// A copy with memory of its own. A slice that is kept would keep its whole source alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(self.as_escaped().into())
    }

    /// The characters between the quotes, as on the wire.
    pub fn as_escaped(&self) -> &str {
        &self.0
    }

    pub fn as_bytes(&self) -> &Bytes {
        self.0.as_bytes()
    }

    /// The unescaped text. A lone surrogate, which JSON can write and UTF-8 cannot, becomes U+FFFD.
    pub fn to_plain(&self) -> Cow<'_, str> {
        unescape(self.as_escaped())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it holds only white space.
    pub fn is_blank(&self) -> bool {
        let rest = self.as_escaped().trim_start();
        // An escape can be white space too. Only a text that begins with one is unescaped here.
        rest.is_empty() || rest.starts_with('\\') && self.to_plain().trim().is_empty()
    }

    /// Splits at the first `separator` without copying. The separator is an ASCII character that
    /// occurs in no escape, such as `,`.
    pub fn split_once(&self, separator: u8) -> Option<(Self, Self)> {
        debug_assert!(separator.is_ascii_punctuation() && !b"\"\\/".contains(&separator));
        let (before, after) = self.0.split_once(char::from(separator))?;
        Some((
            Self(self.0.slice_ref(before)),
            Self(self.0.slice_ref(after)),
        ))
    }

    /// Parses the unescaped text as JSON: the form in which OpenAI's dialects carry tool arguments.
    ///
    /// # Errors
    /// If the text is not one JSON value.
    pub fn parse(&self) -> Result<Document, Invalid> {
        // A lone surrogate stays an escape: in a string of the inner value it means the same.
        match unescape_with(self.as_escaped(), |escape| escape) {
            Cow::Borrowed(_) => Document::index(self.0.clone(), Scratch::default()),
            Cow::Owned(plain) => Document::index(plain.into(), Scratch::default()),
        }
    }
}

impl PartialEq for EscapedStr {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.to_plain() == other.to_plain()
    }
}

impl Eq for EscapedStr {}

impl Hash for EscapedStr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_plain().hash(state);
    }
}

impl PartialEq<str> for EscapedStr {
    fn eq(&self, other: &str) -> bool {
        self.to_plain() == other
    }
}

impl PartialEq<&str> for EscapedStr {
    fn eq(&self, other: &&str) -> bool {
        self.to_plain() == *other
    }
}

impl From<&str> for EscapedStr {
    fn from(plain: &str) -> Self {
        Self::from_plain(plain)
    }
}

impl From<String> for EscapedStr {
    fn from(plain: String) -> Self {
        Self::from_plain(&plain)
    }
}

impl fmt::Debug for EscapedStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EscapedStr({:?})", self.as_escaped())
    }
}

/// One JSON value as it was written: digits, key order and escapes untouched.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Raw(ByteString);

impl Raw {
    pub(super) fn from_checked(value: ByteString) -> Self {
        Self(value)
    }

    /// Wraps what a [`super::Writer`] wrote.
    pub(super) fn from_written(value: BytesMut) -> Self {
        Self(written(value))
    }

    /// Wraps a literal that is one JSON value.
    pub fn from_static(json: &'static str) -> Self {
        debug_assert!(Document::parse(Bytes::from_static(json.as_bytes())).is_ok());
        Self(ByteString::from_static(json))
    }

    /// A copy with memory of its own.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(self.as_str().into())
    }

    /// The value as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn as_bytes(&self) -> &Bytes {
        self.0.as_bytes()
    }

    /// Indexes the value, to read what it holds.
    pub fn document(&self) -> Document {
        Document::index(self.0.clone(), Scratch::default()).unwrap_or_else(|_| Document::null())
    }

    /// The same value without the white space between its tokens; a clone where there is none.
    pub fn compact(&self) -> Self {
        if !self.as_bytes().iter().any(u8::is_ascii_whitespace) {
            return self.clone();
        }
        let mut out = BytesMut::with_capacity(self.0.len());
        let mut rest = &self.as_bytes()[..];
        while let Some(&byte) = rest.first() {
            let taken = if byte == b'"' { string_len(rest) } else { 1 };
            if !byte.is_ascii_whitespace() {
                out.extend_from_slice(&rest[..taken]);
            }
            rest = &rest[taken..];
        }
        Self(written(out))
    }

    /// The same value without lone surrogates ([`without_lone_surrogates`]).
    #[must_use]
    pub fn without_lone_surrogates(&self) -> Self {
        match without_lone_surrogates(self.as_bytes()) {
            Some((mended, _)) => Self(written(BytesMut::from(mended))),
            None => self.clone(),
        }
    }

    /// The value as the content of a JSON string: what OpenAI's `arguments` carry.
    pub fn to_text(&self) -> EscapedStr {
        EscapedStr::from_plain(self.as_str())
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({})", self.as_str())
    }
}

/// A JSON text with U+FFFD for each lone surrogate, and where they stood. `None` where there is none.
///
/// JSON can write half of a surrogate pair (`\ud83d` alone) and no Unicode text can hold it: strict
/// parsers refuse the whole document. Both escapes have six characters, so every offset stays.
pub fn without_lone_surrogates(json: &Bytes) -> Option<(Bytes, Vec<Offset>)> {
    let lone = lone_surrogates(json);
    if lone.is_empty() {
        return None;
    }
    let mut mended = BytesMut::from(&json[..]);
    for &at in &lone {
        mended[at..at + 6].copy_from_slice(b"\\ufffd");
    }
    let offset = |at: usize| u32::try_from(at).ok().map(Offset);
    Some((
        mended.freeze(),
        lone.into_iter().filter_map(offset).collect(),
    ))
}

/// Where escapes of lone surrogates begin. Backslashes stand in strings only.
fn lone_surrogates(json: &[u8]) -> Vec<usize> {
    // Nearly every text has none, so that one fast search is all that it costs.
    let first = [&b"\\ud"[..], b"\\uD"]
        .into_iter()
        .filter_map(|escape| memchr::memmem::find(json, escape))
        .min();
    let mut lone = Vec::new();
    if first.is_none() {
        return lone;
    }
    let mut at = 0;
    while let Some(next) = memchr::memchr(b'\\', &json[at..]) {
        at += next;
        let is_high = |unit: u16| (0xd800..0xdc00).contains(&unit);
        let is_low = |unit: u16| (0xdc00..0xe000).contains(&unit);
        match (escaped_unit(json, at), escaped_unit(json, at + 6)) {
            (Some(first), Some(second)) if is_high(first) && is_low(second) => at += 12,
            (Some(first), _) => {
                if is_high(first) || is_low(first) {
                    lone.push(at);
                }
                at += 6;
            }
            (None, _) => at = (at + 2).min(json.len()),
        }
    }
    lone
}

/// The UTF-16 unit of the escape `\uXXXX` at `at`.
fn escaped_unit(json: &[u8], at: usize) -> Option<u16> {
    let hex = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()
}

/// Text that was composed from texts, values and escapes.
fn written(out: BytesMut) -> ByteString {
    ByteString::try_from(out)
        .expect("texts, values and escapes are UTF-8, cut between characters only")
}

/// Length of the string at the start of `bytes`, quotes included.
fn string_len(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Appends `plain` with the escapes that RFC 8259 section 7 asks for, and no others.
pub(super) fn push_escaped(out: &mut BytesMut, plain: &str) {
    let mut rest = plain.as_bytes();
    loop {
        let (plain, special) = rest.split_at(plain_len(rest));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = special.split_first() else {
            return;
        };
        push_escape(out, byte);
        rest = after;
    }
}

fn push_escape(out: &mut BytesMut, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        _ => {
            out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Unescapes a validated string. A lone surrogate becomes U+FFFD.
pub(super) fn unescape(escaped: &str) -> Cow<'_, str> {
    unescape_with(escaped, |_| "\u{fffd}")
}

/// The same, with `lone` to replace the escape of a lone surrogate.
fn unescape_with(escaped: &str, lone: fn(&str) -> &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', escaped.as_bytes()) else {
        return Cow::Borrowed(escaped);
    };
    let mut out = String::with_capacity(escaped.len());
    out.push_str(&escaped[..first]);
    let mut rest = &escaped[first..];
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (character, taken) = unescape_one(&rest[at..]);
        match character {
            Some(character) => out.push(character),
            None => out.push_str(lone(rest.get(at..at + taken).unwrap_or_default())),
        }
        rest = rest.get(at + taken..).unwrap_or_default();
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Decodes the escape at the start of `escape`. Returns its character, `None` for a lone surrogate,
/// and its length in bytes.
fn unescape_one(escape: &str) -> (Option<char>, usize) {
    let plain = match escape.as_bytes().get(1) {
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unescape_unicode(escape),
        Some(&byte) => char::from(byte),
        None => return (None, escape.len()),
    };
    (Some(plain), 2)
}

fn unescape_unicode(escape: &str) -> (Option<char>, usize) {
    let unit = |from: usize| {
        escape
            .get(from + 2..from + 6)
            .and_then(|hex| u16::from_str_radix(hex, 16).ok())
    };
    let Some(first) = unit(0) else {
        return (None, escape.len());
    };
    let low = if escape.get(6..8) == Some("\\u") {
        unit(6)
    } else {
        None
    };
    let paired = low.and_then(|low| char::decode_utf16([first, low]).next()?.ok());
    match (char::from_u32(first.into()), paired) {
        (Some(character), _) => (Some(character), 6),
        (None, Some(character)) => (Some(character), 12),
        (None, None) => (None, 6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_surrogate_pair_is_replaced_in_its_place() {
        let mended = |json: &'static str| {
            without_lone_surrogates(&Bytes::from_static(json.as_bytes()))
                .map(|(json, at)| (json, at.len()))
        };
        for whole in [
            r#""\ud83d\ude00 \\ud83d \u00e9""#,
            r#""plain""#,
            r#""\\\\ud83d""#,
        ] {
            assert_eq!(mended(whole), None, "{whole}");
        }
        let halves = r#"["\ud83d","\uDE00 \ud83d\ud83d\ude00","\\\ud83d","\ud83d\n"]"#;
        let expected = r#"["\ufffd","\ufffd \ufffd\ud83d\ude00","\\\ufffd","\ufffd\n"]"#;
        assert_eq!(
            mended(halves),
            Some((Bytes::from_static(expected.as_bytes()), 5))
        );
    }

    #[test]
    fn escapes_come_back_as_they_went() {
        for plain in [
            "",
            "plain",
            "quote \" slash \\ \n\r\t\u{8}\u{c}\u{1}",
            "h\u{e9}llo \u{1f600}",
        ] {
            assert_eq!(EscapedStr::from_plain(plain).to_plain(), plain);
        }
    }

    #[test]
    fn surrogate_pairs_join_and_lone_ones_are_replaced() {
        assert_eq!(unescape(r"\ud83d\ude00!"), "\u{1f600}!");
        assert_eq!(unescape(r"\ud83dx"), "\u{fffd}x");
        assert_eq!(unescape(r"\ud83d\u0041"), "\u{fffd}A");
        assert_eq!(unescape(r"\/\u00e9"), "/\u{e9}");
    }

    #[test]
    fn json_in_a_text_keeps_its_lone_surrogates() {
        let text =
            EscapedStr::from_checked(ByteString::from_static(r#"{\"s\":\"\ud800 \\ud800\"}"#));
        assert_eq!(
            text.parse().unwrap().root().raw().as_str(),
            r#"{"s":"\ud800 \ud800"}"#
        );
    }

    #[test]
    fn compacting_keeps_strings_and_digits() {
        let raw = Raw::from_static(r#"{ "a b" : [ 1.50 , "x \" y" ] }"#);
        assert_eq!(raw.compact().as_str(), r#"{"a b":[1.50,"x \" y"]}"#);
    }

    #[test]
    fn white_space_is_blank_in_every_spelling() {
        for (plain, is_blank) in [
            ("", true),
            (" \n\t ", true),
            (" a", false),
            ("\n\n a", false),
            ("\u{a0}", true),
        ] {
            assert_eq!(
                EscapedStr::from_plain(plain).is_blank(),
                is_blank,
                "{plain:?}"
            );
        }
    }

    #[test]
    fn a_text_is_cut_at_its_first_separator() {
        let cut = EscapedStr::from("data:image/png;base64,a,b")
            .split_once(b',')
            .unwrap();
        assert_eq!(
            cut,
            (
                EscapedStr::from("data:image/png;base64"),
                EscapedStr::from("a,b")
            )
        );
        assert!(EscapedStr::from("none").split_once(b',').is_none());
    }

    #[test]
    fn texts_are_equal_when_they_say_the_same() {
        assert_eq!(
            EscapedStr::from_checked(ByteString::from_static(r"\u0041")),
            EscapedStr::from_static("A")
        );
        assert_eq!(
            EscapedStr::join([&EscapedStr::from("a"), &EscapedStr::from("b")], "\\n"),
            "a\nb"
        );
    }
}
