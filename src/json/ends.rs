//! The members at both ends of an object that is too large to be read for a few of them.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use memchr::memrchr;

use super::document::members_len;

/// The members that stand whole in the first or the last bytes of an object, as an object of their
/// own.
///
/// What stands between them is not read, so whoever takes this leaves its judgement to others.
#[derive(Clone, Debug)]
pub struct EdgeMembers {
    text: Bytes,
    /// How much of `text` comes from the object's beginning.
    head_bytes: usize,
    /// How much further than in `text` what comes from the object's end stands in the object.
    shift: usize,
}

impl EdgeMembers {
    /// Of an object of `bytes` bytes that begins with `head` and ends with `tail`; the two do not
    /// overlap.
    ///
    /// `None` where these are no ends of an object.
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

    /// The object of the members at both ends.
    pub fn text(&self) -> &Bytes {
        &self.text
    }

    /// Where in the object stands what is at `range` in [`EdgeMembers::text`].
    pub fn locate(&self, range: Range<usize>) -> Range<usize> {
        if range.end <= self.head_bytes {
            range
        } else {
            range.start + self.shift..range.end + self.shift
        }
    }
}

/// Where the last members that stand whole in `tail` begin, which is the end of an object. Without
/// any: where its end stands.
fn members_start(tail: &[u8]) -> Option<usize> {
    let mut reader = Backward { rest: tail };
    reader.byte(b'}')?;
    let mut start = reader.rest.len();
    while let Some(member) = reader.member() {
        start = member;
    }
    Some(start)
}

/// Reads JSON from its end. Outside of strings that is as certain as from its beginning.
struct Backward<'t> {
    /// What stands before.
    rest: &'t [u8],
}

impl Backward<'_> {
    /// A member, and what parts it from the one before it. Gives where it begins.
    fn member(&mut self) -> Option<usize> {
        self.value()?;
        self.byte(b':')?;
        self.space();
        self.string()?;
        let start = self.rest.len();
        self.space();
        // The first member of all has no comma before it; then all was read, and there is nothing
        // before.
        self.byte(b',').or_else(|| self.byte(b'{'))?;
        Some(start)
    }

    fn value(&mut self) -> Option<()> {
        self.space();
        match self.rest.last()? {
            b'"' => self.string(),
            b'}' | b']' => self.container(),
            _ => self.word(),
        }
    }

    fn container(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.rest.last()? {
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

    /// A string: back to the quote that no backslash makes a part of it.
    fn string(&mut self) -> Option<()> {
        self.byte(b'"')?;
        loop {
            let quote = memrchr(b'"', self.rest)?;
            self.rest = &self.rest[..quote];
            let slashes = self
                .rest
                .iter()
                .rev()
                .take_while(|byte| **byte == b'\\')
                .count();
            // A run that reaches the beginning of what we have may go on before it.
            if slashes == self.rest.len() {
                return None;
            }
            if slashes % 2 == 0 {
                return Some(());
            }
        }
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Option<()> {
        let length = self
            .rest
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
            .count();
        self.rest = &self.rest[..self.rest.len() - length];
        (length > 0).then_some(())
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        self.space();
        self.rest = self.rest.strip_suffix(&[byte])?;
        Some(())
    }

    fn step(&mut self) {
        self.rest = &self.rest[..self.rest.len() - 1];
    }

    fn space(&mut self) {
        self.rest = self.rest.trim_ascii_end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;
    use proptest::prelude::*;

    fn ends(object: &str, head: usize, tail: usize) -> Option<EdgeMembers> {
        EdgeMembers::of(
            &object.as_bytes()[..head],
            &object.as_bytes()[object.len() - tail..],
            object.len(),
        )
    }

    fn text(object: &str, head: usize, tail: usize) -> Option<String> {
        ends(object, head, tail).map(|ends| String::from_utf8(ends.text().to_vec()).unwrap())
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
            let ends = ends(&object, cuts[0], object.len() - cuts[1]);
            prop_assume!(ends.is_some());
            let ends = ends.unwrap();
            let read = Document::parse(ends.text().clone()).map_err(|bad| TestCaseError::fail(format!("{bad:?} in {ends:?}")))?;
            for (key, value) in read.root().members().unwrap() {
                let at: usize = key[1..].parse().unwrap();
                prop_assert_eq!(value.as_written(), &values[at]);
                let start = value.offset().0 as usize;
                let place = ends.locate(start..start + value.as_written().len());
                prop_assert_eq!(&object[place], &values[at]);
            }
        }
    }
}
