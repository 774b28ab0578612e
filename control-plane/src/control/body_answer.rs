//! A kept answer as one JSON document: a stream's events joined, as if it had not been streamed, so
//! that two answers can be compared of which one or both came as streams.

use std::time::Duration;

use bytes::Bytes;

use crate::canon::{Dialect, Fold, Losses, Origin, Request, Response};
use crate::json::Document;
use crate::protocol::objects::begins_as_lines;
use crate::protocol::{self, DecodeContext, Operation, Protocol, ResponseContext, sse};
use crate::record::Record;
use crate::record::bodies::RecordedBody;

pub(super) fn is_stream(body: &RecordedBody) -> bool {
    sse::begins_as_events(&body.bytes) || begins_as_lines(&body.bytes)
}

/// An answer that was written in `dialect`, as the client's dialect writes it whole. `None` where it
/// is no answer of that dialect, or an error.
pub(super) fn document(record: &Record, body: &RecordedBody, dialect: Dialect) -> Option<Document> {
    let response = read(&record.request_id, body, protocol::by_name(dialect.name())?)?;
    let context = ResponseContext {
        request: &Request::default(),
        operation: Operation::Generate,
        query: None,
        origin: &Origin {
            dialect,
            provider: String::new(),
            model: String::new(),
        },
        request_id: &record.request_id,
        // The same on both sides: a time that only one of them tells is none of its content.
        received_at: Duration::ZERO,
        completed_at: Duration::ZERO,
    };
    let client = protocol::by_name(record.dialect.name())?;
    let written = client.encode_response(&response, &context, &mut Losses::default());
    Document::parse(written.ok()?).ok()
}

fn read(request_id: &str, body: &RecordedBody, protocol: &dyn Protocol) -> Option<Response> {
    let context = DecodeContext {
        request_id: request_id.to_owned(),
        tier: None,
    };
    if !is_stream(body) {
        return protocol
            .decode_response(Bytes::from(body.bytes.clone()), &context)
            .ok();
    }
    let mut decoder = protocol.stream_decoder(&context);
    let mut events = Vec::new();
    decoder
        .push(Bytes::from(body.bytes.clone()), &mut events)
        .ok()?;
    if !decoder.is_done() {
        decoder.finish(&mut events);
    }
    let mut fold = Fold::default();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish().ok()
}
