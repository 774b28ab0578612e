//! Encodes events as a legacy client's stream: chunks of text, one chunk with the finish reason
//! per choice, the usage where it was asked for, `[DONE]`.
//!
//! Source: Completions API, streaming.

use bytes::BytesMut;

use crate::canon::{Event, Fault, FinishReason};
use crate::json::{EscapedStr, Writer};
use crate::protocol::openai::faults;
use crate::protocol::openai_chat::response_head::{ResponseHead, StreamUsage};
use crate::protocol::{ResponseContext, StreamEncoder, StreamEnd, sse};

use super::response_encode::{
    ID_PREFIX, OBJECT, UNEXPECTED_CALL, finish_reason, is_text, write_choice,
};

pub(super) struct Encoder {
    head: ResponseHead,
    usage: StreamUsage,
    /// For each choice, whether its open part is text.
    is_text_open: Vec<bool>,
    has_failed: bool,
}

impl Encoder {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        Self {
            head: ResponseHead::new(context, OBJECT, ID_PREFIX).without_tier(),
            usage: StreamUsage::new(context.request.include_usage),
            is_text_open: Vec::new(),
            has_failed: false,
        }
    }

    fn is_text_open(&mut self, choice: u32) -> &mut bool {
        let index = choice as usize;
        if self.is_text_open.len() <= index {
            self.is_text_open.resize(index + 1, false);
        }
        &mut self.is_text_open[index]
    }

    fn delta(&mut self, choice: u32, text: &EscapedStr, out: &mut BytesMut) {
        if *self.is_text_open(choice) && !text.is_empty() {
            self.write_chunk(choice, text, None, out);
        }
    }

    fn finish_choice(&mut self, choice: u32, reason: &FinishReason, out: &mut BytesMut) {
        match finish_reason(reason) {
            Some(reason) => self.write_chunk(choice, &EscapedStr::default(), Some(reason), out),
            None => self.fail(&Fault::upstream(UNEXPECTED_CALL), out),
        }
    }

    fn fail(&mut self, fault: &Fault, out: &mut BytesMut) {
        self.has_failed = true;
        faults::encode_record(fault, out);
    }

    fn write_chunk(
        &self,
        choice: u32,
        text: &EscapedStr,
        finish_reason: Option<&str>,
        out: &mut BytesMut,
    ) {
        sse::write(out, "", |out| {
            Writer::new(out).object(|object| {
                self.head.write(object, |choices| {
                    choices.object(|object| {
                        write_choice(choice.into(), [text], finish_reason, object);
                    });
                });
                self.usage.write_null(object);
            });
        });
    }
}

impl StreamEncoder for Encoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        if self.has_failed {
            return;
        }
        match event {
            Event::Start(start) => self.head.update(start),
            Event::PartStart { at, head } => *self.is_text_open(at.choice) = is_text(head),
            Event::Delta { at, text } => self.delta(at.choice, text, out),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Finish { choice, reason, .. } => self.finish_choice(*choice, reason, out),
            Event::Failed(fault) => self.fail(fault, out),
            // The dialect has text only.
            Event::Paragraph { .. }
            | Event::Signature { .. }
            | Event::Cite { .. }
            | Event::Logprobs { .. } => {}
            Event::PartEnd { .. } | Event::Ping => {}
        }
    }

    fn finish(&mut self, out: &mut BytesMut) -> StreamEnd {
        if !self.has_failed {
            self.usage.finish(&self.head, out);
        }
        StreamEnd::Clean
    }

    fn keep_alive(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(sse::COMMENT);
    }
}
