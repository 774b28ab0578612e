//! The members at both ends of an object that is too large to be read for a few of them.
//!
//! Clients put `model` and `stream` first or last, and the conversation, which may be megabytes, in
//! between. So the beginning is read forwards and the end backwards, and the middle not at all:
//!
//! ```text
//!   {"model":"m","messages":[ ... ],"tools":[{"name":"f"},...],"n":1,"stream":true}
//!   |----- head -----|                          |-------------- tail -------------|
//!   |---------->                                               <------------------|
//!    members_len                                               members_start
//!
//!   text:  {"model":"m","n":1,"stream":true}
//! ```
//!
//! Why reading backwards is safe: the last byte of an object is its brace, so the scan starts
//! outside of any string. From there every step is determined.
//!
//! ```text
//!   "key" : "a \" b\\" }
//!           ^   ^    ^
//!           |   |    closing quote: the first one met
//!           |   one backslash before it, an odd number: part of the string
//!           no backslash before it, an even number: the opening quote
//! ```
//!
//! A quote inside a string is always escaped, and the byte before an opening quote is never a
//! backslash, so the parity decides. Brackets count outside of strings only. A member counts once
//! the comma or brace before its key was seen. The scan ends where the tail begins in the middle of
//! a string, a number or a container; the members after that point are the result.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memrchr;

use super::document::members_len;

/// The members that lie completely in the first or the last bytes of an object, as an object of
/// their own.
///
/// What lies between them is not read, so it is not validated either.
#[derive(Clone, Debug)]
pub struct EdgeMembers {
    text: Bytes,
    /// How many bytes of `text` come from the object's beginning.
    head_bytes: usize,
    /// The distance from an offset in `text` to the same byte in the object, for what comes from
    /// the object's end.
    shift: usize,
}

impl EdgeMembers {
    /// Reads both ends of an object of `bytes` bytes, which begins with `head` and ends with
    /// `tail`. The two do not overlap.
    ///
    /// `None` if they are not the ends of an object.
    pub fn of(head: &[u8], tail: &[u8], bytes: usize) -> Option<Self> {
        let head = &head[..members_len(head)?];
        let tail = &tail[members_start(tail)?..];
        let mut text = BytesMut::with_capacity(head.len() + 1 + tail.len());
        text.extend_from_slice(head);
        let has_members = |end: &[u8]| end.contains(&b'"');
        if has_members(head) && has_members(tail) {
            text.extend_from_slice(b",");
        }
        text.extend_from_slice(tail);
        let shift = bytes - text.len();
        Some(Self {
            text: text.freeze(),
            head_bytes: head.len(),
            shift,
        })
    }

    /// The members of both ends, as one object.
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// The range in the whole object of what lies at `range` in [`EdgeMembers::text`].
    pub fn locate(&self, range: Range<usize>) -> Range<usize> {
        if range.end <= self.head_bytes {
            range
        } else {
            range.start + self.shift..range.end + self.shift
        }
    }
}

/// Where the last members begin that lie completely in `tail`, the end of an object. Without any:
/// where the object's closing brace stands.
fn members_start(tail: &[u8]) -> Option<usize> {
    let mut scanner = ReverseScanner { unread: tail };
    scanner.byte(b'}')?;
    let mut start = scanner.unread.len();
    while let Some(member) = scanner.member() {
        start = member;
    }
    Some(start)
}

/// Reads JSON from its end. Each method takes what it names off the end, or returns `None` where
/// the text is cut off or is something else.
struct ReverseScanner<'t> {
    unread: &'t [u8],
}

impl ReverseScanner<'_> {
    /// Takes a member and the comma or brace before it. Returns where the member begins.
    fn member(&mut self) -> Option<usize> {
        self.value()?;
        self.byte(b':')?;
        self.space();
        self.string()?;
        let start = self.unread.len();
        self.space();
        // A brace here is the root's: those of containers were taken with them. Nothing is before
        // it, so the next call returns `None`.
        self.byte(b',').or_else(|| self.byte(b'{'))?;
        Some(start)
    }

    fn value(&mut self) -> Option<()> {
        self.space();
        match self.unread.last()? {
            b'"' => self.string(),
            b'}' | b']' => self.container(),
            _ => self.scalar(),
        }
    }

    fn container(&mut self) -> Option<()> {
        // At least 1 after the first byte, which closes a container: it cannot underflow.
        let mut depth = 0_usize;
        loop {
            match self.unread.last()? {
                // Strings are taken whole, since brackets in them mean nothing.
                b'"' => self.string()?,
                b'}' | b']' => {
                    depth += 1;
                    self.step();
                }
                b'{' | b'[' => {
                    depth -= 1;
                    self.step();
                }
                _ => self.step(),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Takes a string: back to the nearest quote with an even number of backslashes before it.
    fn string(&mut self) -> Option<()> {
        self.byte(b'"')?;
        loop {
            let quote = memrchr(b'"', self.unread)?;
            self.unread = &self.unread[..quote];
            let backslashes = self
                .unread
                .iter()
                .rev()
                .take_while(|byte| **byte == b'\\')
                .count();
            // The run may go on before the bytes that we have, so its parity is unknown.
            if backslashes == self.unread.len() {
                return None;
            }
            if backslashes % 2 == 0 {
                return Some(());
            }
        }
    }

    /// Takes a number, `true`, `false` or `null`.
    fn scalar(&mut self) -> Option<()> {
        let length = self
            .unread
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
            .count();
        self.unread = &self.unread[..self.unread.len() - length];
        (length > 0).then_some(())
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        self.space();
        self.unread = self.unread.strip_suffix(&[byte])?;
        Some(())
    }

    fn step(&mut self) {
        self.unread = &self.unread[..self.unread.len() - 1];
    }

    fn space(&mut self) {
        self.unread = self.unread.trim_ascii_end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use proptest::prelude::*;

    fn edges(object: &str, head: usize, tail: usize) -> Option<EdgeMembers> {
        EdgeMembers::of(
            &object.as_bytes()[..head],
            &object.as_bytes()[object.len() - tail..],
            object.len(),
        )
    }

    fn text(object: &str, head: usize, tail: usize) -> Option<String> {
        edges(object, head, tail).map(|edges| String::from_utf8(edges.text().to_vec()).unwrap())
    }

    #[test]
    fn only_whole_members_are_taken() {
        let object = r#"{"a":1,"b":[1,{"c":"}\\\""}], "d" : "x\"y" ,"e":{"f":[true]}}"#;
        assert_eq!(text(object, 8, 1).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(text(object, 7, 1).as_deref(), Some(r#"{"a":1}"#));
        // A number may go on.
        assert_eq!(text(object, 6, 1).as_deref(), Some("{}"));
        assert_eq!(text(object, 1, 17).as_deref(), Some("{}"));
        assert_eq!(
            text(object, 1, 18).as_deref(),
            Some(r#"{"e":{"f":[true]}}"#)
        );
        assert_eq!(
            text(object, 8, 35).as_deref(),
            Some(r#"{"a":1,"d" : "x\"y" ,"e":{"f":[true]}}"#)
        );
        assert_eq!(text("[1,2,3]", 2, 2), None);
    }

    #[test]
    fn a_backslash_at_the_edge_is_not_judged() {
        let object = r#"{"k":"\\","m":"v"}"#;
        for tail in 1..object.len() {
            let taken = text(object, 1, tail).unwrap();
            assert!(
                Document::parse(Bytes::from(taken.clone())).is_ok(),
                "{tail}: {taken}"
            );
        }
    }

    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[a-z\\\\\"{}\\[\\],: ]{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap()),
            Just("true".to_owned()),
            "-?[1-9][0-9]{0,3}(\\.[0-9]e[+-]?[0-9])?",
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let items = proptest::collection::vec(inner, 0..3);
            items.prop_map(|items| format!("[ {} ]", items.join(" , ")))
        })
    }

    proptest! {
        #[test]
        fn members_keep_their_text_and_their_place(
            values in proptest::collection::vec(value(), 1..7),
            cuts in any::<[prop::sample::Index; 2]>(),
        ) {
            let members: Vec<String> = values.iter().enumerate().map(|(at, value)| format!("\"k{at}\": {value}")).collect();
            let object = format!("{{ {} }}\n", members.join(", "));
            let mut cuts = cuts.map(|cut| 1 + cut.index(object.len() - 2));
            cuts.sort_unstable();
            let edges = edges(&object, cuts[0], object.len() - cuts[1]);
            prop_assume!(edges.is_some());
            let edges = edges.unwrap();
            let read = Document::parse(edges.text().clone()).map_err(|bad| TestCaseError::fail(format!("{bad:?} in {edges:?}")))?;
            for (key, value) in read.root().members().unwrap() {
                let at: usize = key[1..].parse().unwrap();
                prop_assert_eq!(value.as_written(), &values[at]);
                let start = value.offset().0 as usize;
                let place = edges.locate(start..start + value.as_written().len());
                prop_assert_eq!(&object[place], &values[at]);
            }
        }
    }
}
