//! Events to a legacy client's stream: chunks of text, one chunk with the finish per choice, usage
//! where asked, `[DONE]`.
//!
//! Source: Completions API, streaming.

use bytes::BytesMut;

use crate::canon::{Event, Fault, FinishReason};
use crate::json::{EscapedStr, Writer};
use crate::protocol::openai::faults;
use crate::protocol::openai_chat::head::{Head, StreamedUsage};
use crate::protocol::{ResponseContext, StreamEncoder, StreamEnd, sse};

use super::response::{ID_PREFIX, OBJECT, UNEXPECTED_CALL, is_text, word, write_choice};

pub(super) struct Encoder {
    head: Head,
    usage: StreamedUsage,
    /// Whether the open part of each choice is one that the dialect can show.
    shown: Vec<bool>,
    has_failed: bool,
}

impl Encoder {
    pub(super) fn new(ask: &ResponseContext<'_>) -> Self {
        let usage = StreamedUsage::new(ask.request.include_usage);
        Self {
            head: Head::new(ask, OBJECT, ID_PREFIX),
            usage,
            shown: Vec::new(),
            has_failed: false,
        }
    }

    fn shown(&mut self, choice: u32) -> &mut bool {
        let index = choice as usize;
        if self.shown.len() <= index {
            self.shown.resize(index + 1, false);
        }
        &mut self.shown[index]
    }

    fn more(&mut self, choice: u32, text: &EscapedStr, out: &mut BytesMut) {
        if *self.shown(choice) && !text.is_empty() {
            self.chunk(choice, text, None, out);
        }
    }

    fn finish_choice(&mut self, choice: u32, reason: &FinishReason, out: &mut BytesMut) {
        match word(reason) {
            Some(word) => self.chunk(choice, &EscapedStr::default(), Some(word), out),
            None => self.fail(&Fault::upstream(UNEXPECTED_CALL), out),
        }
    }

    fn fail(&mut self, fault: &Fault, out: &mut BytesMut) {
        self.has_failed = true;
        faults::encode_record(fault, out);
    }

    fn chunk(&self, choice: u32, text: &EscapedStr, finish: Option<&str>, out: &mut BytesMut) {
        sse::write(out, "", |out| {
            Writer::new(out).object(|object| {
                self.head.write(object, |array| {
                    array.object(|object| write_choice(choice.into(), [text], finish, object))
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
            Event::Start(start) => self.head.learn(start),
            Event::PartStart { at, head } => *self.shown(at.choice) = is_text(head),
            Event::Delta { at, text } => self.more(at.choice, text, out),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Finish { choice, reason, .. } => self.finish_choice(*choice, reason, out),
            Event::Failed(fault) => self.fail(fault, out),
            // The legacy shape has text only.
            Event::Paragraph { .. }
            | Event::Signature { .. }
            | Event::Cite { .. }
            | Event::Logprobs { .. } => {}
            Event::PartEnd { .. } | Event::Ping => {}
        }
    }

    fn finish(&mut self, out: &mut BytesMut) -> StreamEnd {
        if !self.has_failed {
            self.usage.end(&self.head, out);
        }
        StreamEnd::Clean
    }

    fn keep_alive(&mut self, out: &mut BytesMut) {
        out.extend_from_slice(sse::COMMENT);
    }
}
