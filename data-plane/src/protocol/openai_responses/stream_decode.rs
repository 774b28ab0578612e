//! Decodes an upstream's stream of events.

use bytes::Bytes;

use super::response_decode::ResponseDecoder;
use crate::canon::{Event, Fault};
use crate::protocol::sse::Frames;
use crate::protocol::{DecodeContext, MalformedResponse, StreamDecoder};

pub(super) struct Decoder {
    frames: Frames,
    response: ResponseDecoder,
}

impl Decoder {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            frames: Frames::default(),
            response: ResponseDecoder::new(context),
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
        if self.response.is_done() {
            return;
        }
        let fault = match last {
            Ok(()) => Fault::upstream("the upstream's answer broke off before its end"),
            Err(malformed) => malformed.into(),
        };
        self.response.fail(fault, out);
    }

    fn is_done(&self) -> bool {
        self.response.is_done()
    }
}
