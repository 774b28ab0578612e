//! Decodes a whole answer.
//!
//! Source: Anthropic Messages reference, "Response". A whole answer is read as the events that the
//! same answer would give as a stream.

use bytes::Bytes;

use super::faults;
use super::stream_decode::Answer;
use crate::canon::{Event, Fault, Fold, Response};
use crate::json::{Document, Value};
use crate::protocol::MalformedResponse;

/// Reads an answer, or the error that came in its place.
pub(super) fn decode(body: Bytes) -> Result<Response, Fault> {
    let document = Document::parse(body).map_err(MalformedResponse::from)?;
    let root = document.root();
    if root
        .get("type")
        .is_some_and(|kind| kind.str().is_ok_and(|kind| kind == "error"))
    {
        return Err(faults::decode_record(root, None));
    }
    let mut events = Vec::new();
    decode_events(root, &mut events)?;
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

fn decode_events(root: Value<'_>, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
    let mut answer = Answer::default();
    let content = root.required("content")?.items()?;
    answer.start(root, out)?;
    for (index, block) in (0..).zip(content) {
        answer.block_start(block, index, out)?;
        answer.block_stop(index, out)?;
    }
    answer.ending(root);
    answer.stop(out)
}
