//! Encodes a whole answer: one object, with what a stream says in many.
//!
//! Source: Ollama, `docs/api.md`, "Request (No streaming)".

use bytes::Bytes;

use super::finish;
use super::pieces::{Piece, Pieces};
use super::response_head::{Content, ResponseHead};
use crate::canon::{Fault, FinishReason, LossKind, Losses, Response};
use crate::json;
use crate::protocol::ResponseContext;

/// The fault of an answer with a tool call that cannot be read.
pub(super) const MALFORMED_CALL: &str = "the model wrote a tool call that cannot be read";

/// # Errors
/// When the model wrote a malformed tool call.
pub(super) fn encode(
    response: &Response,
    context: &ResponseContext<'_>,
    losses: &mut Losses,
) -> Result<Bytes, Fault> {
    let mut pieces = Pieces::default();
    let mut content = Content::default();
    let events = response.events();
    for piece in events.iter().filter_map(|event| pieces.push(event)) {
        content.add(piece);
    }
    losses.extend(std::mem::take(&mut pieces.losses));
    let reason = pieces.reason();
    if reason == Some(FinishReason::Malformed) {
        return Err(Fault::upstream(MALFORMED_CALL));
    }
    if reason.as_ref().is_some_and(finish::is_approximate) {
        losses.noted("done_reason", LossKind::Adjusted);
    }
    let mut head = ResponseHead::new(context);
    head.update(&pieces.start);
    Ok(json::document(|value| {
        value.object(|object| {
            head.write(&content, true, object);
            if let Some(reason) = &reason {
                head.write_end(reason, &pieces, object);
            }
        });
    }))
}

impl Content {
    pub(super) fn add(&mut self, piece: Piece) {
        match piece {
            Piece::Text(text) => self.texts.push(text),
            Piece::Thinking(text) => self.thinking.push(text),
            Piece::Image(data) => self.images.push(data),
            Piece::Call(call) => self.calls.push(call),
            Piece::Logprobs(list) => self.logprobs.push(list),
        }
    }
}
