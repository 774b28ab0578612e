//! Splits a stream of JSON objects: the array form of a Gemini stream, and bare error objects.
//!
//! Source: Gemini API without `alt=sse`: `[object,\r\nobject…]`. Finds where objects end and reads
//! nothing of them.

use bytes::{Bytes, BytesMut};

use crate::protocol::MalformedResponse;
use crate::protocol::sse::FRAME_BYTES_MAX;

/// Whether a body begins as a stream of objects by lines does: with an object on one line, and
/// another behind it.
pub fn begins_as_lines(body: &[u8]) -> bool {
    let mut lines = body.splitn(3, |byte| *byte == b'\n');
    let mut is_object = || {
        let line = lines.next().unwrap_or_default().trim_ascii();
        line.starts_with(b"{") && line.ends_with(b"}")
    };
    is_object() && is_object()
}

/// Splits an array of objects, or bare objects one after the other.
#[derive(Debug, Default)]
pub struct Objects {
    /// The open object so far.
    pending: BytesMut,
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
    /// The last bracket or comma since an object ended; 0 = none.
    separator: u8,
}

impl Objects {
    /// Takes a chunk and passes each object that it completes to `each`.
    ///
    /// # Errors
    /// On anything but objects in an array, on objects past [`FRAME_BYTES_MAX`], or when `each`
    /// refuses one.
    pub fn push(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(Bytes) -> Result<(), MalformedResponse>,
    ) -> Result<(), MalformedResponse> {
        let mut start = 0;
        for (at, &byte) in chunk.iter().enumerate() {
            if self.depth == 0 {
                start = at;
                self.push_separator(byte)?;
            } else if self.closes(byte) {
                self.pending.extend_from_slice(&chunk[start..=at]);
                each(std::mem::take(&mut self.pending).freeze())?;
            }
        }
        if self.depth > 0 {
            self.pending.extend_from_slice(&chunk[start..]);
        }
        if self.pending.len() > FRAME_BYTES_MAX {
            return Err(MalformedResponse {
                why: format!("an object larger than {FRAME_BYTES_MAX} bytes"),
            });
        }
        Ok(())
    }

    /// Whether another object may follow, with a comma in front unless it is the first.
    pub fn takes_another(&self) -> bool {
        self.is_between() && self.separator == 0
    }

    /// Whether the array is closed.
    pub fn is_closed(&self) -> bool {
        self.separator == b']'
    }

    /// Whether no object is open.
    pub fn is_between(&self) -> bool {
        self.depth == 0
    }

    /// How many of the latest bytes belong to an object that has not ended.
    pub fn open_bytes(&self) -> usize {
        self.pending.len()
    }

    fn push_separator(&mut self, byte: u8) -> Result<(), MalformedResponse> {
        match byte {
            b'{' => (self.depth, self.separator) = (1, 0),
            b'[' | b']' | b',' => self.separator = byte,
            b' ' | b'\r' | b'\n' | b'\t' => {}
            _ => {
                return Err(MalformedResponse {
                    why: "expected a JSON object, found another character".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Whether the byte closes the outermost object.
    fn closes(&mut self, byte: u8) -> bool {
        if self.is_in_string {
            self.is_in_string = self.is_escaped || byte != b'"';
            self.is_escaped = !self.is_escaped && byte == b'\\';
            return false;
        }
        match byte {
            b'"' => self.is_in_string = true,
            b'{' => self.depth += 1,
            b'}' => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = br#"[{"a":"}\"{\\"},
        {"b":{"c":[1]}}
        ]"#;

    fn read(chunks: &[&[u8]]) -> Vec<Bytes> {
        let (mut objects, mut read) = (Objects::default(), Vec::new());
        for chunk in chunks {
            let each = |object| {
                read.push(object);
                Ok(())
            };
            objects.push(chunk, each).unwrap();
        }
        assert!(objects.is_between());
        read
    }

    #[test]
    fn any_cut_gives_the_same_objects() {
        for cut in 0..STREAM.len() {
            let (head, rest) = STREAM.split_at(cut);
            assert_eq!(
                read(&[head, rest]),
                [&br#"{"a":"}\"{\\"}"#[..], br#"{"b":{"c":[1]}}"#]
            );
        }
    }

    #[test]
    fn the_places_where_another_object_may_follow_are_known() {
        let mut objects = Objects::default();
        let mut after = |chunk: &[u8]| {
            objects.push(chunk, |_| Ok(())).unwrap();
            (objects.takes_another(), objects.is_closed())
        };
        assert_eq!(after(b""), (true, false));
        assert_eq!(after(b"["), (false, false));
        assert_eq!(after(b"{"), (false, false));
        assert_eq!(after(b"}"), (true, false));
        assert_eq!(after(b","), (false, false));
        assert_eq!(after(b"{}\n]"), (false, true));
    }

    #[test]
    fn what_is_no_object_is_refused() {
        assert!(Objects::default().push(b"<html>", |_| Ok(())).is_err());
    }
}
