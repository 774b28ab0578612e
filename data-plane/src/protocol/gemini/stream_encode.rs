//! Encodes events as a client's stream of `GenerateContentResponse` chunks.
//!
//! Each part is a chunk of its own, and the last chunk has what is known at the end only. Which
//! parts there are is decided in [`super::candidate_encode`].
//!
//! Source: Gemini API, `streamGenerateContent`; gemini.md "Stream".

use bytes::BytesMut;

use super::candidate_encode::{CandidateEncoder, CandidatePart};
use super::content_encode::{WirePart, write_content};
use super::faults;
use super::response_encode::{ResponseIds, write_candidate, write_usage};
use crate::canon::{Event, Fault};
use crate::json::{EscapedStr, Writer};
use crate::protocol::query::parameter;
use crate::protocol::{PassthroughState, ResponseContext, StreamEncoder, StreamEnd, sse};

/// How the chunks of a stream are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamFraming {
    /// Server-sent events, for `?alt=sse`.
    Sse,
    /// The elements of a JSON array.
    Array {
        /// Whether an element has been written.
        has_elements: bool,
    },
}

impl StreamFraming {
    pub(super) fn of(query: Option<&str>) -> Self {
        let form = parameter(query, "alt").or_else(|| parameter(query, "$alt"));
        if form.as_deref() == Some("sse") {
            Self::Sse
        } else {
            Self::Array {
                has_elements: false,
            }
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Sse => "text/event-stream",
            Self::Array { .. } => "application/json",
        }
    }

    fn write(&mut self, out: &mut BytesMut, chunk: impl FnOnce(Writer<'_>)) {
        match self {
            Self::Sse => sse::write(out, "", |out| chunk(Writer::new(out))),
            Self::Array { has_elements } => {
                let separator: &[u8] = if *has_elements { b",\r\n" } else { b"[" };
                *has_elements = true;
                out.extend_from_slice(separator);
                chunk(Writer::new(out));
            }
        }
    }

    fn end(self, out: &mut BytesMut) {
        match self {
            Self::Sse => {}
            Self::Array { has_elements: true } => out.extend_from_slice(b"]"),
            Self::Array {
                has_elements: false,
            } => out.extend_from_slice(b"[]"),
        }
    }
}

pub(super) struct Encoder {
    candidates: CandidateEncoder,
    framing: StreamFraming,
    ids: ResponseIds,
    has_failed: bool,
    /// The parts that one event completes; kept to reuse its memory.
    parts: Vec<CandidatePart>,
}

impl Encoder {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        Self {
            candidates: CandidateEncoder::new(context),
            framing: StreamFraming::of(context.query),
            ids: ResponseIds::new(context),
            has_failed: false,
            parts: Vec::new(),
        }
    }

    fn write_part(&mut self, index: u32, part: &WirePart, out: &mut BytesMut) {
        let start = &self.candidates.start;
        let ids = &self.ids;
        self.framing.write(out, |value| {
            value.object(|body| {
                body.array("candidates", |list| {
                    list.object(|candidate| {
                        candidate.object("content", |content| {
                            write_content(content, "model", std::slice::from_ref(part));
                        });
                        candidate.u64("index", index.into());
                    });
                });
                ids.write(start, body);
            });
        });
    }

    /// Writes the last chunk: why each candidate ended, and the usage. It has an empty text, as
    /// Gemini's own last chunk does; without one the Python client's `chunk.text` would be `None`.
    fn write_end(&mut self, out: &mut BytesMut) {
        let encoder = &self.candidates;
        let ids = &self.ids;
        let empty = [WirePart::text(EscapedStr::default())];
        self.framing.write(out, |value| {
            value.object(|body| {
                body.array("candidates", |list| {
                    for (index, candidate) in (0..).zip(&encoder.candidates) {
                        list.object(|object| write_candidate(object, index, candidate, &empty));
                    }
                });
                write_usage(&encoder.usage, body);
                ids.write(&encoder.start, body);
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
            write_fault(&mut self.framing, fault, out);
            return;
        }
        let mut parts = std::mem::take(&mut self.parts);
        self.candidates.push(event, &mut parts);
        for (index, part) in parts.drain(..) {
            self.write_part(index, &part, out);
        }
        self.parts = parts;
    }

    /// Ends the stream. Without a finish reason the response is incomplete, and the client must
    /// notice: the dialect has no terminator, so the connection is aborted.
    fn finish(&mut self, out: &mut BytesMut) -> StreamEnd {
        let candidates = &self.candidates.candidates;
        let is_complete = candidates
            .iter()
            .any(|candidate| candidate.finish.is_some());
        if self.has_failed || !is_complete {
            return StreamEnd::Abort;
        }
        self.write_end(out);
        self.framing.end(out);
        StreamEnd::Clean
    }

    /// Writes white space. A comment would be a chunk to google-genai (Python), which reads every
    /// line that is not empty.
    fn keep_alive(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(b"\n");
    }
}

/// Writes a fault as the last element of a stream. The connection is aborted after it: some clients
/// detect an error by the element, others only by the abort (`clients.md`, Gemini CLI).
fn write_fault(framing: &mut StreamFraming, fault: &Fault, out: &mut BytesMut) {
    framing.write(out, |value| faults::write(fault, value));
    framing.end(out);
}

/// Encodes a fault in a stream that passed through until here.
pub(super) fn encode_stream_fault(
    fault: &Fault,
    state: &PassthroughState<'_>,
    out: &mut BytesMut,
) -> StreamEnd {
    let mut framing = match StreamFraming::of(state.query) {
        StreamFraming::Sse => StreamFraming::Sse,
        StreamFraming::Array { .. } => StreamFraming::Array {
            has_elements: state.records > 0,
        },
    };
    write_fault(&mut framing, fault, out);
    StreamEnd::Abort
}
