//! Decodes a whole answer.
//!
//! Source: Gemini API, `GenerateContentResponse`. A whole answer is read as the only chunk of a
//! stream.

use bytes::Bytes;

use super::chunk_decode::Reader;
use crate::canon::{Event, Fault, Fold, Response};
use crate::json::{Document, Value};
use crate::protocol::{DecodeContext, MalformedResponse};

/// Reads an answer, or the error that came in its place.
pub(super) fn decode(body: Bytes, answering: &DecodeContext) -> Result<Response, Fault> {
    let document = Document::parse(body).map_err(MalformedResponse::from)?;
    let (mut reader, mut events) = (Reader::new(answering), Vec::new());
    read_chunks(document.root(), &mut reader, &mut events)?;
    reader.finish(&mut events);
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish()
}

/// A whole answer is one chunk; a proxy may have collected a stream's chunks in an array.
fn read_chunks(
    root: Value<'_>,
    reader: &mut Reader,
    events: &mut Vec<Event>,
) -> Result<(), MalformedResponse> {
    match root.items() {
        Ok(mut chunks) => chunks.try_for_each(|chunk| reader.chunk(chunk, events)),
        Err(_) => reader.chunk(root, events),
    }
}
