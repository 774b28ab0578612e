//! Decodes a whole response.
//!
//! Source: Anthropic Messages reference, "Response". A whole response is decoded as the events that
//! it would have given as a stream.

use bytes::Bytes;

use super::faults;
use super::stream_decode::MessageDecoder;
use crate::canon::{Fault, Fold, Response};
use crate::json::Document;
use crate::protocol::MalformedResponse;

/// Decodes a response.
///
/// # Errors
/// The fault of an error object that came in its place; a fault of the upstream where the body is
/// malformed.
pub(super) fn decode(body: Bytes) -> Result<Response, Fault> {
    let document = Document::parse(body).map_err(MalformedResponse::from)?;
    let root = document.root();
    let is_error = root
        .get("type")
        .and_then(|kind| kind.str().ok())
        .is_some_and(|kind| kind == "error");
    if is_error {
        return Err(faults::decode_error(root, None));
    }
    let mut events = Vec::new();
    MessageDecoder::default().whole(root, &mut events)?;
    let mut fold = Fold::default();
    for event in events {
        fold.push(event);
    }
    fold.finish()
}
