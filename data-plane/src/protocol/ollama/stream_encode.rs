//! Encodes events as a client's stream: an object a line, the last with `done`.
//!
//! Source: Ollama, `docs/api.md`, "Streaming responses"; an error is an object with `error` alone.

use std::time::Duration;

use bytes::BytesMut;

use super::pieces::Pieces;
use super::response_encode::MALFORMED_CALL;
use super::response_head::{Content, ResponseHead};
use super::write_fault;
use crate::canon::{Event, Fault, FinishReason};
use crate::json::{Object, Writer};
use crate::protocol::{ResponseContext, StreamEncoder, StreamEnd};

pub(super) struct Encoder {
    head: ResponseHead,
    pieces: Pieces,
    has_failed: bool,
}

impl Encoder {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        Self {
            head: ResponseHead::new(context),
            pieces: Pieces::default(),
            has_failed: false,
        }
    }

    fn write(&self, content: &Content, out: &mut BytesMut) {
        write_line(out, |object| self.head.write(content, false, object));
    }

    fn fail(&mut self, fault: &Fault, out: &mut BytesMut) {
        self.has_failed = true;
        write_fault(fault, out);
    }
}

impl StreamEncoder for Encoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        if self.has_failed {
            return;
        }
        if let Event::Failed(fault) = event {
            return self.fail(fault, out);
        }
        if let Event::Start(start) = event {
            self.head.update(start);
        }
        if let Some(piece) = self.pieces.push(event) {
            let mut content = Content::default();
            content.add(piece);
            self.write(&content, out);
        }
    }

    fn complete_at(&mut self, at: Duration) {
        self.head.completed_at = at;
    }

    /// Ends the stream. One that lacks its finish is aborted, since Ollama's client for Python
    /// misses no last record.
    fn finish(&mut self, out: &mut BytesMut) -> StreamEnd {
        if self.has_failed {
            return StreamEnd::Clean;
        }
        match self.pieces.reason() {
            None => return StreamEnd::Abort,
            Some(FinishReason::Malformed) => self.fail(&Fault::upstream(MALFORMED_CALL), out),
            Some(reason) => write_line(out, |object| {
                self.head.write(&Content::default(), true, object);
                self.head.write_end(&reason, &self.pieces, object);
            }),
        }
        StreamEnd::Clean
    }

    /// A record without content, as Ollama's own streams have them: clients read every line.
    fn keep_alive(&mut self, out: &mut BytesMut) {
        if !self.has_failed {
            self.write(&Content::default(), out);
        }
    }
}

fn write_line(out: &mut BytesMut, write: impl FnOnce(&mut Object<'_>)) {
    Writer::new(out).object(write);
    out.extend_from_slice(b"\n");
}
