//! Encodes events as a client's stream.
//!
//! Source: `openai-responses.md`, "Stream".

use std::time::Duration;

use bytes::BytesMut;

use super::faults;
use super::finish::Status;
use super::output_encode::OutputEncoder;
use crate::canon::{Event, Fault, FinishReason, PartHead, PartIndex};
use crate::json::{EscapedStr, Raw, Writer};
use crate::protocol::{ResponseContext, StreamEncoder, StreamEnd, sse};

pub(super) struct Encoder {
    output: OutputEncoder,
    has_started: bool,
    has_refusal: bool,
    ending: Ending,
}

/// How the answer ended.
#[derive(Debug, Default)]
struct Ending {
    reason: Option<FinishReason>,
    detail: Option<EscapedStr>,
    fault: Option<Fault>,
}

impl Ending {
    /// An answer without a finish reason broke off.
    fn status(&self) -> Status<'_> {
        match (&self.fault, &self.reason) {
            (Some(fault), _) => Status::Failed {
                code: faults::response_code(fault),
                message: &fault.message,
            },
            (None, Some(reason)) => Status::of(reason),
            (None, None) => Status::Failed {
                code: "server_error",
                message: "the answer broke off before its end",
            },
        }
    }

    /// The text of a refusal that the finish reason alone tells.
    fn refusal(&self) -> Option<EscapedStr> {
        self.reason.as_ref()?.refusal(self.detail.as_ref())
    }
}

impl StreamEncoder for Encoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            Event::Start(start) => {
                self.output.response.update(start);
                self.ensure_started(out);
            }
            Event::Usage(usage) => self.output.response.usage.update(usage),
            Event::Finish {
                choice: 0,
                reason,
                detail,
                ..
            } => {
                self.ending.reason = Some(reason.clone());
                self.ending.detail = detail.clone();
            }
            Event::Failed(fault) => self.fail(fault, out),
            Event::Ping => self.keep_alive(out),
            event => self.part_event(event, out),
        }
    }

    fn complete_at(&mut self, at: Duration) {
        self.output.response.completed = at.as_secs();
    }

    fn finish(&mut self, out: &mut BytesMut) -> StreamEnd {
        if self.ending.fault.is_none() {
            self.ensure_started(out);
            self.write_refusal(out);
            let status = self.ending.status();
            self.output.close(status.of_last_item(), out);
            self.output.finish(status, out);
        }
        StreamEnd::Clean
    }

    fn keep_alive(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(sse::COMMENT);
    }
}

impl Encoder {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        Self {
            output: OutputEncoder::new(context),
            has_started: false,
            has_refusal: false,
            ending: Ending::default(),
        }
    }

    /// Whether the dialect has a form for the part.
    pub(super) fn can_carry(&self, head: &PartHead) -> bool {
        self.output.can_carry(head)
    }

    /// Whether the dialect has a form for the citation.
    pub(super) fn can_cite(&self, citation: &Raw) -> bool {
        self.output.annotation(citation).is_some()
    }

    /// Writes the finished response object.
    pub(super) fn write_response(&self, value: Writer<'_>) {
        self.output.response.write(value, self.ending.status());
    }

    fn ensure_started(&mut self, out: &mut BytesMut) {
        if !std::mem::replace(&mut self.has_started, true) {
            self.output.start(out);
        }
    }

    fn fail(&mut self, fault: &Fault, out: &mut BytesMut) {
        self.ensure_started(out);
        self.ending.fault = Some(fault.clone());
        self.output.finish(self.ending.status(), out);
    }

    /// Events of parts. Only the first choice is written: requests of this dialect ask for one.
    fn part_event(&mut self, event: &Event, out: &mut BytesMut) {
        self.ensure_started(out);
        match event {
            Event::PartStart {
                at: PartIndex { choice: 0, .. },
                head,
            } => {
                self.has_refusal |= *head == PartHead::Refusal;
                self.output.start_part(head, out);
            }
            Event::Delta {
                at: PartIndex { choice: 0, .. },
                text,
            } => self.output.delta(text, out),
            Event::Paragraph {
                at: PartIndex { choice: 0, .. },
            } => self.output.end_text(out),
            Event::Signature {
                at: PartIndex { choice: 0, .. },
                value,
            } => self.output.signature(value),
            Event::Cite {
                at: PartIndex { choice: 0, .. },
                raw,
            } => self.output.citation(raw, out),
            Event::Logprobs {
                at: PartIndex { choice: 0, .. },
                list,
            } => self.output.logprobs(list),
            Event::PartEnd {
                at: PartIndex { choice: 0, .. },
            } => self.output.end_part(out),
            _ => {}
        }
    }

    /// Other dialects tell a refusal by the finish reason alone.
    fn write_refusal(&mut self, out: &mut BytesMut) {
        if self.has_refusal {
            return;
        }
        if let Some(text) = self.ending.refusal() {
            self.output.start_part(&PartHead::Refusal, out);
            self.output.delta(&text, out);
            self.output.end_part(out);
        }
    }
}
