//! Reads what a client got, streamed or whole: an object, or several.

use bytes::Bytes;

use super::response_decode::RecordDecoder;
use crate::canon::{Event, Fault, Fold, Response};
use crate::protocol::objects::Objects;
use crate::protocol::{MalformedResponse, StreamDecoder};

const CUT: &str = "the answer broke off before its end";

pub(super) struct Decoder {
    objects: Objects,
    records: RecordDecoder,
}

impl Decoder {
    pub(super) fn new(request_id: &str) -> Self {
        Self {
            objects: Objects::default(),
            records: RecordDecoder::new(request_id),
        }
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        let Self { objects, records } = self;
        objects.push(&chunk, |record| records.push(record, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        self.records.fail(Fault::upstream(CUT), out);
    }

    fn is_done(&self) -> bool {
        self.records.is_done
    }
}

/// # Errors
/// When the body is no answer, or is or holds an error.
pub(super) fn decode_whole(body: Bytes, request_id: &str) -> Result<Response, Fault> {
    let mut decoder = Decoder::new(request_id);
    let mut events = Vec::new();
    decoder.push(body, &mut events)?;
    decoder.finish(&mut events);
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}
