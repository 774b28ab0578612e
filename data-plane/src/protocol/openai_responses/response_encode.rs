//! Encodes a whole answer: what its stream's terminal event carries, so that both say the same.

use bytes::{Bytes, BytesMut};

use super::stream_encode::Encoder;
use super::usage;
use crate::canon::{LossKind, Losses, Response};
use crate::json;
use crate::protocol::{ResponseContext, StreamEncoder as _};

pub(super) fn encode(
    response: &Response,
    context: &ResponseContext<'_>,
    losses: &mut Losses,
) -> Bytes {
    let mut encoder = Encoder::new(context);
    let mut events = BytesMut::new();
    for event in response.events() {
        encoder.push(&event, &mut events);
    }
    encoder.finish(&mut events);
    note_losses(response, &encoder, losses);
    json::document(|value| encoder.write_response(value))
}

fn note_losses(response: &Response, encoder: &Encoder, losses: &mut Losses) {
    if usage::has_gaps(&response.usage) {
        losses.noted("usage", LossKind::Dropped);
    }
    let parts = response.choices.iter().flat_map(|choice| &choice.parts);
    if !parts.clone().all(|part| encoder.can_carry(&part.head)) {
        losses.noted("output", LossKind::Dropped);
    }
    let mut citations = parts.flat_map(|part| &part.citations);
    if !citations.all(|citation| encoder.can_cite(citation)) {
        losses.noted("citations", LossKind::Dropped);
    }
}
