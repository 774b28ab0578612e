//! Encodes faults inside a stream. Error responses are those of
//! [`crate::protocol::openai::faults`].
//!
//! Source: `openai-responses.md`, "Errors"; `translation.md` section 8, "Mid-stream". Reads
//! nothing.

use bytes::BytesMut;

use crate::canon::{Fault, FaultKind};
use crate::json::Writer;
use crate::protocol::openai::faults::{self, write_nullable};
use crate::protocol::sse;

/// The `code` of a fault in `response.error`: one of those that the API publishes. The message says
/// the rest.
///
/// Source: openai-python `types/responses/response_error.py`.
pub(super) fn response_code(fault: &Fault) -> &'static str {
    match fault.kind {
        FaultKind::BadRequest | FaultKind::ContextTooLong => "invalid_prompt",
        FaultKind::QuotaSpent | FaultKind::RateLimited => "rate_limit_exceeded",
        _ => "server_error",
    }
}

/// The `code` of a fault in `error` events, where any word may stand.
fn event_code(fault: &Fault) -> &'static str {
    match fault.kind {
        FaultKind::ContextTooLong => "context_length_exceeded",
        FaultKind::QuotaSpent => "insufficient_quota",
        _ => response_code(fault),
    }
}

/// Writes an `error` event, for a fault where no response object is at hand. `sequence_number` is
/// the number of events before it.
///
/// OpenAI has the members of the fault in the event itself, the Open Responses specification in a
/// member `error`: both are there.
pub(super) fn encode_record(fault: &Fault, sequence_number: u64, out: &mut BytesMut) {
    sse::write(out, "error", |out| {
        Writer::new(out).object(|event| {
            event.str("type", "error");
            event.u64("sequence_number", sequence_number);
            event.str("code", event_code(fault));
            event.str("message", &fault.message);
            write_nullable("param", fault.param.as_deref(), event);
            faults::write(fault, event);
        });
    });
}
