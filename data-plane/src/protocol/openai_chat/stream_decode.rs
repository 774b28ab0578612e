//! Decodes an upstream's stream: server-sent events, each with one chunk.
//!
//! Source: Chat Completions API, streaming.

use bytes::Bytes;

use crate::canon::Event;
use crate::protocol::sse::Frames;
use crate::protocol::{MalformedResponse, StreamDecoder};

use super::response_decode::ResponseDecoder;

/// Reads the server-sent events of one answer.
pub(in crate::protocol) struct Decoder {
    frames: Frames,
    response: ResponseDecoder,
}

impl Decoder {
    pub(in crate::protocol) fn new(request_id: &str) -> Self {
        Self {
            frames: Frames::default(),
            response: ResponseDecoder::new(request_id),
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        let Self { frames, response } = self;
        frames.push(chunk, |frame| response.push_frame(&frame, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let last = match self.frames.finish() {
            Some(frame) => self.response.push_frame(&frame, out),
            None => Ok(()),
        };
        if let Err(malformed) = last.and_then(|()| self.response.finish(out)) {
            self.response.fail(malformed.into(), out);
        }
    }

    fn is_done(&self) -> bool {
        self.response.is_done()
    }
}
