//! Decodes an upstream's stream into events.
//!
//! A stream is framed as server-sent events, or as a JSON array by proxies that ignore `alt=sse`.
//! Errors also come as bare JSON objects between two records. What a chunk means is decoded in
//! [`super::chunk_decode`].
//!
//! Source: gemini.md "Stream".

use bytes::Bytes;
use memchr::memchr2;

use super::chunk_decode::{BROKEN_OFF, ChunkDecoder};
use crate::canon::{Event, Fault};
use crate::json::{Document, Scratch};
use crate::protocol::objects::Objects;
use crate::protocol::sse::Frames;
use crate::protocol::{DecodeContext, MalformedResponse, StreamDecoder};

pub(super) struct Decoder {
    frames: Frames,
    /// Set once a JSON value begins where a record should. From there on everything is read as JSON
    /// objects.
    objects: Option<Objects>,
    chunks: ChunkParser,
}

/// Parses one chunk after the other in the same memory, and decodes it.
struct ChunkParser {
    decoder: ChunkDecoder,
    scratch: Scratch,
}

impl Decoder {
    pub(super) fn new(context: &DecodeContext) -> Self {
        let chunks = ChunkParser {
            decoder: ChunkDecoder::new(context),
            scratch: Scratch::default(),
        };
        Self {
            frames: Frames::default(),
            objects: None,
            chunks,
        }
    }

    /// Takes one line off `chunk`. Records are read line by line, because a bare object can be told
    /// from a record's field only where a line begins.
    fn push_line(
        &mut self,
        chunk: &mut Bytes,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let end = memchr2(b'\n', b'\r', chunk).map_or(chunk.len(), |end| end + 1);
        let line = chunk.split_to(end);
        let chunks = &mut self.chunks;
        self.frames
            .push(line, |frame| chunks.decode(frame.data, out))
    }
}

impl ChunkParser {
    /// Decodes one chunk. What comes after the end is not even parsed.
    fn decode(&mut self, data: Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        if self.decoder.is_done() {
            return Ok(());
        }
        // No word of the dialect's, but of proxies in front of it.
        if data.trim_ascii() == b"[DONE]" {
            self.decoder.terminate(out);
            return Ok(());
        }
        let document = Document::parse_in(data, std::mem::take(&mut self.scratch))?;
        self.decoder.chunk(document.root(), out)?;
        self.scratch = document.into_scratch();
        Ok(())
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, mut chunk: Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        while let Some(&first) = chunk.first() {
            if self.objects.is_none() && self.frames.is_between() && matches!(first, b'{' | b'[') {
                self.objects = Some(Objects::default());
            }
            let Some(objects) = &mut self.objects else {
                self.push_line(&mut chunk, out)?;
                continue;
            };
            let chunks = &mut self.chunks;
            let result = objects.push(&chunk, |object| chunks.decode(object, out));
            // What follows the end of the response cannot make it malformed.
            return if self.is_done() { Ok(()) } else { result };
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let last_frame = match self.frames.finish() {
            Some(frame) => self.chunks.decode(frame.data, out),
            None => Ok(()),
        };
        let is_cut = self
            .objects
            .as_ref()
            .is_some_and(|objects| !objects.is_between());
        let decoder = &mut self.chunks.decoder;
        if last_frame.is_err() || is_cut {
            decoder.fail(Fault::upstream(BROKEN_OFF), out);
        } else {
            decoder.finish(out);
        }
    }

    fn is_done(&self) -> bool {
        self.chunks.decoder.is_done()
    }
}
