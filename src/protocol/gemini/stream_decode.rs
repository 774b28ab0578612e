//! An upstream's stream into events: server-sent events, the array form, and bare objects between
//! records.
//!
//! Source: gemini.md "Stream": errors come as records and as bare objects; a proxy that ignores
//! `alt=sse` sends the array. What a chunk means is read in [`super::chunk_decode`].

use bytes::Bytes;
use memchr::memchr2;

use super::chunk_decode::{BROKEN_OFF, Reader};
use crate::canon::{Event, Fault};
use crate::json::{Document, Scratch};
use crate::protocol::objects::Objects;
use crate::protocol::sse::Frames;
use crate::protocol::{DecodeContext, MalformedResponse, StreamDecoder};

pub(super) struct Decoder {
    frames: Frames,
    /// Set once a JSON value stood where a record should begin: from there on there are no records.
    objects: Option<Objects>,
    chunks: Chunks,
}

/// Reads one chunk after the other in the same memory.
struct Chunks {
    reader: Reader,
    scratch: Scratch,
}

impl Decoder {
    pub(super) fn new(answering: &DecodeContext) -> Self {
        let chunks = Chunks {
            reader: Reader::new(answering),
            scratch: Scratch::default(),
        };
        Self {
            frames: Frames::default(),
            objects: None,
            chunks,
        }
    }

    /// Records are taken line by line, since only between two of them a bare object can be told
    /// from a field.
    fn line(&mut self, chunk: &mut Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        let end = memchr2(b'\n', b'\r', chunk).map_or(chunk.len(), |end| end + 1);
        let chunks = &mut self.chunks;
        self.frames
            .push(chunk.split_to(end), |frame| chunks.read(frame.data, out))
    }
}

impl Chunks {
    /// What comes after the end matters no more, not even that it cannot be read.
    fn read(&mut self, data: Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        if self.reader.is_over() {
            return Ok(());
        }
        let document = Document::parse_in(data, std::mem::take(&mut self.scratch))?;
        self.reader.chunk(document.root(), out)?;
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
            let chunks = &mut self.chunks;
            match &mut self.objects {
                Some(objects) => {
                    let read = objects.push(&chunk, |object| chunks.read(object, out));
                    return if self.is_done() { Ok(()) } else { read };
                }
                None => self.line(&mut chunk, out)?,
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let rest = self
            .frames
            .finish()
            .map_or(Ok(()), |frame| self.chunks.read(frame.data, out));
        let is_cut = self
            .objects
            .as_ref()
            .is_some_and(|objects| !objects.is_between());
        if rest.is_err() || is_cut {
            return self.chunks.reader.fail(Fault::upstream(BROKEN_OFF), out);
        }
        self.chunks.reader.finish(out);
    }

    fn is_done(&self) -> bool {
        self.chunks.reader.is_over()
    }
}
