//! Encodes faults inside a stream. Error responses are those of
//! [`crate::protocol::openai::faults`].
//!
//! Source: `openai-responses.md`, "Errors"; `translation.md` section 8, "Mid-stream". Reads
//! nothing.

use bytes::BytesMut;

use crate::canon::{Fault, FaultKind};
use crate::json::Writer;
use crate::protocol::openai::faults::write_nullable;
use crate::protocol::sse;

/// The `code` of a fault in `response.error` and in `error` events.
pub(super) fn stream_code(fault: &Fault) -> &'static str {
    match fault.kind {
        FaultKind::BadRequest => "invalid_prompt",
        FaultKind::ContextTooLong => "context_length_exceeded",
        FaultKind::QuotaSpent => "insufficient_quota",
        FaultKind::RateLimited => "rate_limit_exceeded",
        _ => "server_error",
    }
}

/// Writes an `error` event, for a fault where no response object is at hand. `sequence_number` is
/// the number of events before it.
pub(super) fn encode_record(fault: &Fault, sequence_number: u64, out: &mut BytesMut) {
    sse::write(out, "error", |out| {
        Writer::new(out).object(|event| {
            event.str("type", "error");
            event.u64("sequence_number", sequence_number);
            event.str("code", stream_code(fault));
            event.str("message", &fault.message);
            write_nullable("param", fault.param.as_deref(), event);
        });
    });
}
