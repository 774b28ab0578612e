//! Streamed JSON arrays (Gemini without `alt=sse`): each item as it is complete, in any chunking.
//!
//! Only brackets and strings are looked at; whether an item is valid JSON is its reader's business.

use bytes::{Bytes, BytesMut};

use super::Garbled;
use super::sse::{FRAME_BYTES_MAX, Frame};

/// Splits a stream into the objects that stand in it, whatever stands between them.
#[derive(Debug, Default)]
pub struct Items {
    /// The item that is being read.
    open: BytesMut,
    /// How many braces of the item are open.
    depth: usize,
    in_string: bool,
    after_backslash: bool,
}

impl Items {
    /// Takes what the socket gave and hands each item that it completes to `each`, as the data of a record without a name.
    ///
    /// # Errors
    /// When an item passes [`FRAME_BYTES_MAX`], or `each` refuses one.
    pub fn push(&mut self, chunk: &Bytes, mut each: impl FnMut(Frame) -> Result<(), Garbled>) -> Result<(), Garbled> {
        let mut from = if self.depth > 0 { Some(0) } else { None };
        for (at, &byte) in chunk.iter().enumerate() {
            let was_open = self.depth > 0;
            self.step(byte);
            if !was_open && self.depth > 0 {
                from = Some(at);
            }
            if was_open && self.depth == 0 {
                let begun = from.take().unwrap_or(0);
                each(Frame { event: Bytes::new(), data: self.complete(&chunk.slice(begun..=at)) })?;
            }
        }
        let Some(from) = from else { return Ok(()) };
        if self.open.len() + chunk.len() > FRAME_BYTES_MAX {
            return Err(Garbled { why: format!("an item larger than {FRAME_BYTES_MAX} bytes") });
        }
        self.open.extend_from_slice(&chunk[from..]);
        Ok(())
    }

    /// Whether the stream stands between two items.
    pub fn is_between(&self) -> bool {
        self.depth == 0
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            let is_escaped = std::mem::take(&mut self.after_backslash);
            self.after_backslash = byte == b'\\' && !is_escaped;
            self.in_string = byte != b'"' || is_escaped;
            return;
        }
        match byte {
            b'{' => self.depth += 1,
            b'}' => self.depth = self.depth.saturating_sub(1),
            b'"' => self.in_string = self.depth > 0,
            _ => {}
        }
    }

    fn complete(&mut self, last: &Bytes) -> Bytes {
        if self.open.is_empty() {
            return last.clone();
        }
        self.open.extend_from_slice(last);
        std::mem::take(&mut self.open).freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &[u8] = br#"[{"a":"}\"{"},
{"b":{"c":1}}]"#;

    fn read(chunks: &[&[u8]]) -> Vec<Bytes> {
        let mut items = Items::default();
        let mut read = Vec::new();
        for chunk in chunks {
            let each = |frame: Frame| {
                read.push(frame.data);
                Ok(())
            };
            items.push(&Bytes::copy_from_slice(chunk), each).unwrap();
        }
        assert!(items.is_between());
        read
    }

    #[test]
    fn items_are_cut_at_their_braces() {
        assert_eq!(read(&[STREAM]), [&br#"{"a":"}\"{"}"#[..], br#"{"b":{"c":1}}"#]);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_items(cuts in proptest::collection::vec(0..STREAM.len(), 0..5)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &STREAM[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&chunks), read(&[STREAM]));
        }
    }
}
