//! Decodes a whole response.
//!
//! Source: Gemini API, `GenerateContentResponse`.

use bytes::Bytes;

use super::chunk_decode::ChunkDecoder;
use crate::canon::{Event, Fault, Fold, Response};
use crate::json::{Document, Value};
use crate::protocol::{DecodeContext, MalformedResponse};

/// Decodes a response.
///
/// # Errors
/// The fault of an error object that came in its place; a fault of the upstream where the body is
/// malformed or the response has no end.
pub(super) fn decode(body: Bytes, context: &DecodeContext) -> Result<Response, Fault> {
    let document = Document::parse(body).map_err(MalformedResponse::from)?;
    let mut decoder = ChunkDecoder::new(context);
    let mut events = Vec::new();
    decode_chunks(document.root(), &mut decoder, &mut events)?;
    decoder.terminate(&mut events);
    let mut fold = Fold::default();
    for event in events {
        fold.push(event);
    }
    fold.finish()
}

/// Decodes a whole response as the only chunk of a stream. A proxy may have collected the chunks of
/// a stream in an array.
fn decode_chunks(
    root: Value<'_>,
    decoder: &mut ChunkDecoder,
    events: &mut Vec<Event>,
) -> Result<(), MalformedResponse> {
    let Ok(chunks) = root.items() else {
        return decoder.chunk(root, events);
    };
    for chunk in chunks {
        decoder.chunk(chunk, events)?;
    }
    Ok(())
}
