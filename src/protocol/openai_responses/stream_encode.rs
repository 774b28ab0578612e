//! Answers toward Responses clients. Source: `openai-responses.md`, "Stream".
//!
//! A whole answer is what its stream's terminal event carries, so that both say the same.

use bytes::{Bytes, BytesMut};

use super::output_encode::Output;
use super::response_object::Status;
use super::{faults, usage};
use crate::canon::{Event, Fault, FinishReason, LossKind, Losses, PartHead, PartIndex, Response};
use crate::json::{self, EscapedStr};
use crate::protocol::{ResponseContext, StreamEncoder, StreamEnd, sse};

pub(super) struct Encoder {
    output: Output,
    is_started: bool,
    has_refused: bool,
    end: End,
}

/// How an answer ended.
#[derive(Debug, Default)]
struct End {
    reason: Option<FinishReason>,
    detail: Option<EscapedStr>,
    fault: Option<Fault>,
}

impl End {
    /// Without a reason the answer broke off, whoever lost it.
    fn status(&self) -> Status<'_> {
        match (&self.fault, &self.reason) {
            (Some(fault), _) => Status::Failed {
                code: faults::stream_code(fault),
                message: &fault.message,
            },
            (None, Some(reason)) => Status::of(reason),
            (None, None) => Status::Failed {
                code: "server_error",
                message: "the answer broke off before its end",
            },
        }
    }
}

/// Writes a whole answer.
pub(super) fn encode_whole(
    response: &Response,
    ask: &ResponseContext<'_>,
    losses: &mut Losses,
) -> Bytes {
    let mut encoder = Encoder::new(ask);
    let mut frames = BytesMut::new();
    response
        .events()
        .iter()
        .for_each(|event| encoder.push(event, &mut frames));
    encoder.finish(&mut frames);
    if usage::has_gaps(&response.usage) {
        losses.noted("usage", LossKind::Dropped);
    }
    let mut parts = response.choices.iter().flat_map(|choice| &choice.parts);
    if parts.any(|part| !encoder.output.can_carry(&part.head)) {
        losses.noted("output", LossKind::Dropped);
    }
    let mut cited = response
        .choices
        .iter()
        .flat_map(|choice| &choice.parts)
        .flat_map(|part| &part.citations);
    if cited.any(|raw| encoder.output.annotation(raw).is_none()) {
        losses.noted("citations", LossKind::Dropped);
    }
    json::document(|value| encoder.output.answer.write(value, encoder.end.status()))
}

impl StreamEncoder for Encoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            Event::Start(start) => {
                self.output.answer.start(start);
                self.begin(out);
            }
            Event::Usage(usage) => self.output.answer.usage.update(usage),
            Event::Finish {
                choice: 0,
                reason,
                detail,
                ..
            } => {
                (self.end.reason, self.end.detail) = (Some(reason.clone()), detail.clone());
            }
            Event::Failed(fault) => self.fail(fault, out),
            Event::Ping => self.keep_alive(out),
            event => self.part(event, out),
        }
    }

    fn finish(&mut self, out: &mut BytesMut) -> StreamEnd {
        if self.end.fault.is_none() {
            self.begin(out);
            self.say_refusal(out);
            self.output.close(self.end.status().of_last_item(), out);
            self.output.terminal(self.end.status(), out);
        }
        StreamEnd::Clean
    }

    fn keep_alive(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(sse::COMMENT);
    }
}

impl Encoder {
    pub(super) fn new(ask: &ResponseContext<'_>) -> Self {
        Self {
            output: Output::new(ask),
            is_started: false,
            has_refused: false,
            end: End::default(),
        }
    }

    fn begin(&mut self, out: &mut BytesMut) {
        if !std::mem::replace(&mut self.is_started, true) {
            self.output.begin(out);
        }
    }

    fn fail(&mut self, fault: &Fault, out: &mut BytesMut) {
        self.begin(out);
        self.end.fault = Some(fault.clone());
        self.output.terminal(self.end.status(), out);
    }

    /// Steps of a part of the first answer; requests of this dialect ask for one.
    fn part(&mut self, event: &Event, out: &mut BytesMut) {
        self.begin(out);
        match event {
            Event::PartStart {
                at: PartIndex { choice: 0, .. },
                head,
            } => {
                self.has_refused |= *head == PartHead::Refusal;
                self.output.begin_part(head, out);
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
            } => self.output.token(value),
            Event::Cite {
                at: PartIndex { choice: 0, .. },
                raw,
            } => self.output.cite(raw, out),
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

    /// A refusal that other dialects tell by the finish alone.
    fn say_refusal(&mut self, out: &mut BytesMut) {
        let words = self
            .end
            .reason
            .as_ref()
            .and_then(|reason| reason.refusal(self.end.detail.as_ref()));
        let Some(words) = words.filter(|_| !self.has_refused) else {
            return;
        };
        self.output.begin_part(&PartHead::Refusal, out);
        self.output.delta(&words, out);
        self.output.end_part(out);
    }
}
