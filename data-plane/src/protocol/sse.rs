//! Server-sent events on bytes: any chunking, any of the three line ends.
//!
//! Source: WHATWG HTML, "Server-sent events", sections 9.2.5 and 9.2.6. `id` and `retry` fields and
//! comments are ignored.

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};

use super::MalformedResponse;

/// The largest record that is accepted: images and signatures are long, endless lines are an
/// attack.
pub const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The byte order mark, which some servers write before everything else.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A body without its byte order mark.
pub fn without_bom(mut body: Bytes) -> Bytes {
    if body.starts_with(BOM) {
        body.split_off(BOM.len())
    } else {
        body
    }
}

/// How a stream of events begins, and no JSON does.
const STARTS: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];

/// Whether a body begins as a stream of events does, and as no JSON does.
pub fn begins_as_events(body: &[u8]) -> bool {
    let body = trim_start(body);
    STARTS.iter().any(|start| body.starts_with(start))
}

/// Whether a body that begins with `text` may still begin as a stream of events does.
pub fn may_become_events(text: &[u8]) -> bool {
    STARTS.iter().any(|start| start.starts_with(text)) || BOM.starts_with(text)
}

/// A body's beginning without its byte order mark and the white space behind it.
pub fn trim_start(body: &[u8]) -> &[u8] {
    body.strip_prefix(BOM).unwrap_or(body).trim_ascii_start()
}

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// The `event` field; empty where the record has none.
    pub event: Bytes,
    /// The `data` lines, joined by line feeds.
    pub data: Bytes,
    /// Whether the data stood in the stream as a JSON object without `data:`.
    pub is_bare: bool,
}

/// Splits a stream into records.
#[derive(Debug, Default)]
pub struct Frames {
    /// The start of a line whose end has not come yet.
    pending: BytesMut,
    /// The record that is being read.
    open: Frame,
    has_data: bool,
    /// The record's data from its second line on: one buffer that grows.
    joined: BytesMut,
    /// How many bytes were taken since the last blank line.
    since_blank: usize,
    /// Whether the last line ended with a carriage return whose line feed may still come.
    after_cr: bool,
    /// What may still become the stream's byte order mark.
    bom: BytesMut,
    seen_first: bool,
    /// Whether the stream's lines end with both characters.
    is_crlf: bool,
    /// Whether a line came that is part of no record: a comment, another field.
    has_other_lines: bool,
    bare: BareObject,
}

/// A JSON object that stands in the stream without `data:`. The standard ignores such lines, but it
/// is how servers and proxies send an error, or a whole answer under the wrong content type.
#[derive(Debug, Default)]
struct BareObject {
    pending: BytesMut,
    depth: usize,
    is_in_string: bool,
    is_escaped: bool,
}

impl BareObject {
    /// Takes bytes up to the end of the object. Returns how many where it ends.
    fn push(&mut self, bytes: &[u8]) -> Option<usize> {
        let end = bytes.iter().position(|byte| self.closes(*byte));
        let taken = end.map_or(bytes.len(), |end| end + 1);
        self.pending.extend_from_slice(&bytes[..taken]);
        end.map(|_| taken)
    }

    /// Whether the byte closes the outermost brace.
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

impl Frames {
    /// Takes a chunk and passes each record that it completes to `each`.
    ///
    /// # Errors
    /// When a record passes [`FRAME_BYTES_MAX`], or `each` refuses one.
    pub fn push(
        &mut self,
        mut chunk: Bytes,
        mut each: impl FnMut(Frame) -> Result<(), MalformedResponse>,
    ) -> Result<(), MalformedResponse> {
        if !self.seen_first {
            chunk = self.after_bom(chunk);
        }
        if let Some(frame) = self.single_record(&chunk) {
            self.since_blank = 0;
            return each(frame);
        }
        self.since_blank += chunk.len();
        if !self.bare.pending.is_empty() {
            chunk = self.bare(chunk, &mut each)?;
        }
        if !self.pending.is_empty() {
            // `pending` holds no line end, so only the new bytes are searched: a long line comes in
            // many chunks, and searching all of it each time would be quadratic.
            let end = memchr2(b'\n', b'\r', &chunk);
            self.pending
                .extend_from_slice(&chunk.split_to(end.map_or(chunk.len(), |end| end + 1)));
            if end.is_some() {
                let line = std::mem::take(&mut self.pending).freeze();
                self.lines(line, &mut each)?;
                self.since_blank = self.since_blank.max(chunk.len());
            }
        }
        let rest = self.lines(chunk, &mut each)?;
        self.pending.extend_from_slice(&rest);
        self.check_len(self.pending.len())
    }

    /// Takes the byte order mark off the stream's start, in however many chunks it comes.
    fn after_bom(&mut self, chunk: Bytes) -> Bytes {
        if self.bom.is_empty() && chunk.first() != BOM.first() {
            self.seen_first = !chunk.is_empty();
            return chunk;
        }
        self.bom.extend_from_slice(&chunk);
        if BOM.starts_with(&self.bom) && self.bom.len() < BOM.len() {
            return Bytes::new();
        }
        self.seen_first = true;
        without_bom(std::mem::take(&mut self.bom).freeze())
    }

    /// Whether the record that is being read may have `more` bytes.
    fn check_len(&self, more: usize) -> Result<(), MalformedResponse> {
        let data = self.open.data.len().max(self.joined.len());
        if data + more > FRAME_BYTES_MAX {
            return Err(MalformedResponse {
                why: format!("a record larger than {FRAME_BYTES_MAX} bytes"),
            });
        }
        Ok(())
    }

    /// Fast path for the most frequent chunk: exactly one record with one `data` line, perhaps
    /// after its `event` line. Slices the chunk without copying.
    fn single_record(&self, chunk: &Bytes) -> Option<Frame> {
        if !self.seen_first || self.after_cr || !self.is_between() {
            return None;
        }
        let (event, rest) = match chunk.strip_prefix(b"event: ") {
            Some(named) => {
                let end = memchr(b'\n', named)?;
                (chunk.slice_ref(&named[..end]), &named[end + 1..])
            }
            None => (Bytes::new(), &chunk[..]),
        };
        let line = rest.strip_prefix(b"data: ")?.strip_suffix(b"\n\n")?;
        let is_one_line = memchr2(b'\n', b'\r', line).is_none() && !event.contains(&b'\r');
        is_one_line.then(|| Frame {
            event,
            data: chunk.slice_ref(line),
            is_bare: false,
        })
    }

    /// Reads the complete lines. Returns the incomplete rest.
    fn lines(
        &mut self,
        mut rest: Bytes,
        each: &mut impl FnMut(Frame) -> Result<(), MalformedResponse>,
    ) -> Result<Bytes, MalformedResponse> {
        loop {
            self.line_feed(&mut rest);
            while rest.first() == Some(&b'{') && self.is_between() {
                rest = self.bare(rest, each)?;
            }
            let Some(line) = self.line(&mut rest) else {
                break;
            };
            self.check_len(line.len())?;
            if line.is_empty() {
                self.since_blank = rest.len();
            }
            if let Some(frame) = self.take(&line) {
                each(frame)?;
            }
        }
        Ok(rest)
    }

    /// Takes what a bare object has of `bytes`. Returns the rest.
    fn bare(
        &mut self,
        mut bytes: Bytes,
        each: &mut impl FnMut(Frame) -> Result<(), MalformedResponse>,
    ) -> Result<Bytes, MalformedResponse> {
        let Some(end) = self.bare.push(&bytes) else {
            self.check_len(self.bare.pending.len())?;
            return Ok(Bytes::new());
        };
        let data = std::mem::take(&mut self.bare).pending.freeze();
        each(Frame {
            event: Bytes::new(),
            data,
            is_bare: true,
        })?;
        Ok(bytes.split_off(end))
    }

    /// Ends the stream. Returns a last record that has no blank line behind it.
    pub fn finish(&mut self) -> Option<Frame> {
        // An object that did not end was cut, and is no record. Half a mark is no field.
        self.bare = BareObject::default();
        self.bom.clear();
        let line = std::mem::take(&mut self.pending).freeze();
        if !line.is_empty() {
            self.field(&line);
        }
        self.dispatch()
    }

    /// Whether the stream is between two records, so that another may be written.
    pub fn is_between(&self) -> bool {
        self.pending.is_empty()
            && !self.has_data
            && self.open.event.is_empty()
            && self.bare.pending.is_empty()
    }

    /// How many of the latest bytes belong to a record that has not ended.
    pub fn open_bytes(&self) -> usize {
        if self.is_between() {
            0
        } else {
            self.since_blank
        }
    }

    /// Whether a line came since the last call that no record shows: a comment, another field, an
    /// event without data.
    pub fn take_other_lines(&mut self) -> bool {
        std::mem::take(&mut self.has_other_lines)
    }

    /// The line end of the stream, for a record that is written behind it.
    pub fn line_end(&self) -> &'static str {
        if self.is_crlf { "\r\n" } else { "\n" }
    }

    /// Takes the second half of a `\r\n` off `rest`, whose first half was taken for a line end.
    fn line_feed(&mut self, rest: &mut Bytes) {
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            if rest[0] == b'\n' {
                self.is_crlf = true;
                let _ = rest.split_to(1);
            }
        }
    }

    /// Takes the next complete line off `rest`, without its line end.
    fn line(&mut self, rest: &mut Bytes) -> Option<Bytes> {
        let end = memchr2(b'\n', b'\r', rest)?;
        let line = rest.split_to(end);
        self.after_cr = rest[0] == b'\r';
        let _ = rest.split_to(1);
        Some(line)
    }

    fn take(&mut self, line: &Bytes) -> Option<Frame> {
        if line.is_empty() {
            return self.dispatch();
        }
        self.field(line);
        None
    }

    fn field(&mut self, line: &Bytes) {
        let colon = memchr(b':', line).unwrap_or(line.len());
        let mut value = line.slice((colon + 1).min(line.len())..);
        if value.first() == Some(&b' ') {
            value = value.slice(1..);
        }
        match &line[..colon] {
            b"event" => self.open.event = value,
            b"data" => self.data(value),
            _ => self.has_other_lines = true,
        }
    }

    fn data(&mut self, value: Bytes) {
        if !std::mem::replace(&mut self.has_data, true) {
            self.open.data = value;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&self.open.data);
        }
        self.joined.extend_from_slice(b"\n");
        self.joined.extend_from_slice(&value);
    }

    /// A record without data is none: its event's name is forgotten.
    fn dispatch(&mut self) -> Option<Frame> {
        let mut frame = std::mem::take(&mut self.open);
        self.has_other_lines |= !self.has_data && !frame.event.is_empty();
        if !self.joined.is_empty() {
            frame.data = std::mem::take(&mut self.joined).freeze();
        }
        std::mem::take(&mut self.has_data).then_some(frame)
    }
}

/// Writes a record whose data is one line: `event` is left out where it is empty.
pub fn write(out: &mut BytesMut, event: &str, data: impl FnOnce(&mut BytesMut)) {
    if !event.is_empty() {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(event.as_bytes());
        out.extend_from_slice(b"\n");
    }
    out.extend_from_slice(b"data: ");
    data(out);
    out.extend_from_slice(b"\n\n");
}

/// A comment: the keep-alive of dialects without a ping.
pub const COMMENT: &[u8] = b": ping\n\n";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(chunks: &[&[u8]]) -> Vec<(String, String)> {
        let mut frames = Frames::default();
        let mut read = Vec::new();
        let mut each = |frame: Frame| {
            let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
            read.push((text(&frame.event), text(&frame.data)));
            Ok(())
        };
        for chunk in chunks {
            frames
                .push(Bytes::copy_from_slice(chunk), &mut each)
                .unwrap();
        }
        if let Some(frame) = frames.finish() {
            each(frame).unwrap();
        }
        read
    }

    const STREAM: &[u8] =
        b"\xef\xbb\xbf: hi\n\nevent: a\ndata: 1\r\ndata:2\r\n\r\ndata\rdata: \r\revent: lost\n\nid: 4\ndata: last";

    #[test]
    fn records_are_read_as_the_standard_says() {
        let expected = [("a", "1\n2"), ("", "\n"), ("", "last")];
        let expected: Vec<_> = expected
            .iter()
            .map(|(event, data)| ((*event).to_owned(), (*data).to_owned()))
            .collect();
        assert_eq!(read(&[STREAM]), expected);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_records(cuts in proptest::collection::vec(0..STREAM.len(), 0..6)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &STREAM[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&chunks), read(&[STREAM]));
        }
    }

    #[test]
    fn a_lone_record_is_read_as_any_other() {
        for chunk in [
            "data: 1\n\n",
            "event: a\ndata: 1\n\n",
            "event: a\r\ndata: 1\n\n",
            "data: 1\r\n\n",
            "data: 1\ndata: 2\n\n",
            "data: 1\n",
        ] {
            let whole = read(&[b": hi\n\n", chunk.as_bytes()]);
            let bytes: Vec<&[u8]> = chunk.as_bytes().chunks(1).collect();
            assert_eq!(
                whole,
                read(&[&[b": hi\n\n".as_slice()], &bytes[..]].concat()),
                "{chunk:?}"
            );
        }
    }

    #[test]
    fn a_bare_object_is_a_record_of_its_own() {
        const STREAM: &[u8] =
            b"\xef\xbb\xbf{}data: 1\n\n{\n \"a\": \"}\\\"\\n{\", \"b\": {}\n}{\"d\":1}{\"e\":1}\ndata: 2\n\n{\"c\":1}";
        let expected = [
            "{}",
            "1",
            "{\n \"a\": \"}\\\"\\n{\", \"b\": {}\n}",
            "{\"d\":1}",
            "{\"e\":1}",
            "2",
            "{\"c\":1}",
        ];
        for cut in 0..STREAM.len() {
            let (head, rest) = STREAM.split_at(cut);
            let data: Vec<_> = read(&[head, rest])
                .into_iter()
                .map(|record| record.1)
                .collect();
            assert_eq!(data, expected, "cut at {cut}");
        }
    }

    #[test]
    fn a_record_without_end_is_refused() {
        let mut frames = Frames::default();
        let huge = Bytes::from(vec![b'x'; FRAME_BYTES_MAX + 1]);
        assert!(frames.push(huge, |_| Ok(())).is_err());
    }

    /// In one chunk or in many: each line counts.
    #[test]
    fn a_record_of_many_lines_is_bounded_too() {
        let line = [b"data: ".as_slice(), &[b'x'; 1000], b"\n"].concat();
        let whole = Bytes::from(line.repeat(FRAME_BYTES_MAX / 1000));
        assert!(Frames::default().push(whole, |_| Ok(())).is_err());
        let mut frames = Frames::default();
        let mut lines = std::iter::repeat_n(Bytes::from(line), FRAME_BYTES_MAX / 1000);
        assert!(lines.any(|line| frames.push(line, |_| Ok(())).is_err()));
    }

    /// Copied the record for each of its lines once: minutes for this one.
    #[test]
    fn a_record_of_many_lines_is_read_once() {
        const LINES: usize = 2_000_000;
        let stream = [&b"data:1\n".repeat(LINES)[..], b"\n"].concat();
        let mut read = 0;
        let each = |frame: Frame| {
            read = frame.data.len();
            Ok(())
        };
        Frames::default().push(stream.into(), each).unwrap();
        assert_eq!(read, LINES * 2 - 1);
    }
}
