//! Encodes events as a client's stream of `GenerateContentResponse` chunks.
//!
//! Source: Gemini API, `streamGenerateContent`; gemini.md "Stream". Which parts there are is decided
//! in [`super::candidate_encode`].

use bytes::BytesMut;

use super::candidate_encode::Composer;
use super::content_encode::{Piece, write_content};
use super::faults;
use super::proto_json::parameter;
use super::response_encode::{Head, write_candidate, write_usage};
use crate::canon::{Event, Fault};
use crate::json::{EscapedStr, Writer};
use crate::protocol::{PassthroughState, ResponseContext, StreamEncoder, StreamEnd, sse};

/// How chunks follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `?alt=sse`.
    Events,
    /// A JSON array; whether its first element was written.
    Array { is_begun: bool },
}

impl Form {
    pub(super) fn of(query: Option<&str>) -> Self {
        let alt = parameter(query, "alt");
        if alt == Some("sse") {
            Self::Events
        } else {
            Self::Array { is_begun: false }
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Events => "text/event-stream",
            Self::Array { .. } => "application/json",
        }
    }

    fn write(&mut self, out: &mut BytesMut, chunk: impl FnOnce(Writer<'_>)) {
        match self {
            Self::Events => sse::write(out, "", |out| chunk(Writer::new(out))),
            Self::Array { is_begun } => {
                out.extend_from_slice(if std::mem::replace(is_begun, true) {
                    b",\r\n"
                } else {
                    b"["
                });
                chunk(Writer::new(out));
            }
        }
    }

    fn end(self, out: &mut BytesMut) {
        if let Self::Array { is_begun } = self {
            out.extend_from_slice(if is_begun { b"]" } else { b"[]" });
        }
    }
}

/// Writes a client's stream.
pub(super) struct Encoder {
    composer: Composer,
    form: Form,
    /// For answers that name no model or id.
    model: EscapedStr,
    id: EscapedStr,
    has_failed: bool,
    pieces: Vec<(u32, Piece)>,
}

impl Encoder {
    pub(super) fn new(ask: &ResponseContext<'_>) -> Self {
        Self {
            composer: Composer::new(ask),
            form: Form::of(ask.query),
            model: EscapedStr::from(ask.origin.model.as_str()),
            id: EscapedStr::from(ask.request_id),
            has_failed: false,
            pieces: Vec::new(),
        }
    }

    fn write_piece(&mut self, choice: u32, piece: &Piece, out: &mut BytesMut) {
        let head = Head::of(&self.composer, &self.model, &self.id);
        self.form.write(out, |value| {
            value.object(|body| {
                body.array("candidates", |candidates| {
                    candidates.object(|candidate| {
                        candidate.object("content", |content| {
                            write_content(content, "model", std::slice::from_ref(piece))
                        });
                        candidate.u64("index", choice.into());
                    });
                });
                head.write(body);
            });
        });
    }

    /// The last chunk: why each candidate ended, and the usage. The empty text is what Gemini
    /// itself writes there; without it the Python client's `chunk.text` would be `None`.
    fn write_end(&mut self, out: &mut BytesMut) {
        let head = Head::of(&self.composer, &self.model, &self.id);
        let composer = &self.composer;
        let empty = [Piece::text(EscapedStr::default())];
        self.form.write(out, |value| {
            value.object(|body| {
                body.array("candidates", |candidates| {
                    for (index, choice) in (0..).zip(&composer.choices) {
                        candidates
                            .object(|candidate| write_candidate(candidate, index, choice, &empty));
                    }
                });
                write_usage(composer, body);
                head.write(body);
            });
        });
    }
}

impl StreamEncoder for Encoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        if self.has_failed {
            return;
        }
        if let Event::Failed(fault) = event {
            self.has_failed = true;
            write_fault(&mut self.form, fault, out);
            return;
        }
        let mut pieces = std::mem::take(&mut self.pieces);
        self.composer.push(event, &mut pieces);
        pieces
            .drain(..)
            .for_each(|(choice, piece)| self.write_piece(choice, &piece, out));
        self.pieces = pieces;
    }

    /// Without a finish reason the answer is not whole, and its client must notice.
    fn finish(&mut self, out: &mut BytesMut) -> StreamEnd {
        let is_whole = self
            .composer
            .choices
            .iter()
            .any(|choice| choice.finish.is_some());
        if self.has_failed || !is_whole {
            return StreamEnd::Abort;
        }
        self.write_end(out);
        self.form.end(out);
        StreamEnd::Clean
    }

    /// White space. A comment would be a chunk to google-genai Python, which reads every line that
    /// is not empty.
    fn keep_alive(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(b"\n");
    }
}

/// The error as a stream's last element. The connection is aborted behind it: one client knows
/// errors by the record, another only by the abort (`clients.md`, Gemini CLI).
fn write_fault(form: &mut Form, fault: &Fault, out: &mut BytesMut) {
    form.write(out, |value| faults::write(fault, value));
    form.end(out);
}

/// The same in a stream that passed through until here. Of an array the elements before are already
/// written.
pub(super) fn encode_stream_fault(
    fault: &Fault,
    passed: &PassthroughState<'_>,
    out: &mut BytesMut,
) -> StreamEnd {
    let mut form = match Form::of(passed.query) {
        Form::Array { .. } => Form::Array {
            is_begun: passed.records > 0,
        },
        form => form,
    };
    write_fault(&mut form, fault, out);
    StreamEnd::Abort
}
