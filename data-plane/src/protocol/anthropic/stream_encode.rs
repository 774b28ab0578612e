//! Encodes events as a client's stream.
//!
//! A block is opened with its first content rather than with its part, because a part may turn out
//! to be empty and the dialect's blocks never are. Blocks never overlap. The end of the message is
//! written last, since usage may come after the finish reason:
//!
//! ```text
//! NotStarted -- message_start --> Streaming -- message_delta, message_stop --> Ended
//!                                  |     ^                                       ^
//!                                  +-----+ content_block_start, _delta, _stop    |
//!     any state ------------------------------- error ---------------------------+
//! ```
//!
//! Source: Anthropic Messages reference, "Stream"; `translation.md` section 9, writer A.

use bytes::BytesMut;

use super::message_fields::{MessageEnd, MessageFields, ThinkingDisplay};
use super::{faults, response_encode, usage};
use crate::canon::{Event, Fault, FinishReason, PartHead, ReasoningForm, Start, Usage};
use crate::json::{EscapedStr, Object, Raw, Writer};
use crate::protocol::{ResponseContext, StreamEncoder, StreamEnd, sse};

pub(super) struct Encoder {
    fields: MessageFields,
    state: State,
    /// How many blocks have ended, which is the index of the open one.
    blocks: u64,
    part: Option<OpenPart>,
    usage: Usage,
    /// The end of the message, once the upstream gave it. It is written by `finish`.
    end: Option<MessageEnd>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    NotStarted,
    Streaming,
    /// The last record is written.
    Ended,
}

/// A part between its start and its end.
struct OpenPart {
    head: PartHead,
    /// Whether its block has been started.
    is_block_open: bool,
    signature: Option<EscapedStr>,
}

impl Encoder {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        Self {
            fields: MessageFields::new(context),
            state: State::NotStarted,
            blocks: 0,
            part: None,
            usage: Usage::default(),
            end: None,
        }
    }
}

impl StreamEncoder for Encoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        match (event, self.state) {
            (_, State::Ended) => {}
            (Event::Failed(fault), _) => self.fail(fault, out),
            (Event::Start(start), State::NotStarted) => self.start(start, out),
            (_, State::NotStarted) => {}
            (event, State::Streaming) if is_first_choice(event) => self.event(event, out),
            (_, State::Streaming) => {}
        }
    }

    fn finish(&mut self, out: &mut BytesMut) -> StreamEnd {
        match (self.state, self.end.take()) {
            (State::Ended, _) => {}
            (_, Some(end)) => self.stop(&end, out),
            (_, None) => {
                let why = "the upstream's answer broke off before its end";
                self.fail(&Fault::upstream(why), out);
            }
        }
        StreamEnd::Clean
    }

    fn keep_alive(&mut self, out: &mut BytesMut) {
        if self.state == State::Streaming {
            write_record(out, "ping", |_| {});
        }
    }
}

impl Encoder {
    fn event(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            Event::PartStart { head, .. } => self.part_start(head, out),
            Event::Delta { text, .. } => self.delta(text, out),
            Event::Paragraph { .. } => self.paragraph(out),
            Event::Signature { value, .. } => {
                if let Some(part) = &mut self.part {
                    part.signature = Some(value.clone());
                }
            }
            Event::Cite { raw, .. } => self.citation(raw, out),
            Event::PartEnd { .. } => self.part_end(out),
            Event::Usage(usage) => self.usage.update(usage),
            // A malformed tool call has no stop reason in this dialect.
            Event::Finish {
                reason: FinishReason::Malformed,
                ..
            } => self.fail(&Fault::upstream(response_encode::MALFORMED), out),
            Event::Finish {
                reason,
                sequence,
                detail,
                ..
            } => {
                self.end = Some(MessageEnd {
                    stop_reason: self.fields.stop_reason(reason),
                    stop_sequence: sequence.clone(),
                    detail: detail.clone(),
                });
            }
            Event::Ping => write_record(out, "ping", |_| {}),
            Event::Start(_) | Event::Logprobs { .. } | Event::Failed(_) => {}
        }
    }

    /// Writes `message_start`. The input count that it requires is not known yet: 0 is written
    /// here, and the true count in `message_delta`.
    fn start(&mut self, start: &Start, out: &mut BytesMut) {
        self.state = State::Streaming;
        let tier = MessageFields::tier(start);
        write_record(out, "message_start", |object| {
            object.object("message", |message| {
                self.fields.write_start(start, message);
                message.array("content", |_| {});
                message.null("stop_reason");
                message.null("stop_sequence");
                message.null("stop_details");
                message.object("usage", |usage| {
                    usage::encode(&Usage::default(), tier, usage);
                });
            });
        });
    }

    fn part_start(&mut self, head: &PartHead, out: &mut BytesMut) {
        self.part = Some(OpenPart {
            head: head.clone(),
            is_block_open: false,
            signature: None,
        });
        match head {
            PartHead::ToolCall { free, .. } => {
                self.open_block(out);
                if *free {
                    self.write_input(&EscapedStr::from(r#"{"input":""#), out);
                }
            }
            PartHead::Hosted { .. } if self.fields.is_native() => self.open_block(out),
            _ => {}
        }
    }

    fn delta(&mut self, text: &EscapedStr, out: &mut BytesMut) {
        let Some(part) = self.part.as_ref().filter(|_| !text.is_empty()) else {
            return;
        };
        match &part.head {
            PartHead::Text | PartHead::Refusal => self.write_delta("text_delta", "text", text, out),
            PartHead::Reasoning(ReasoningForm::Full | ReasoningForm::Summary)
                if self.fields.thinking == ThinkingDisplay::Shown =>
            {
                self.write_delta("thinking_delta", "thinking", text, out);
            }
            // Free text is the content of a JSON string, inside of JSON that is itself sent in a
            // string: it is escaped twice.
            PartHead::ToolCall { free: true, .. } => {
                self.write_input(&EscapedStr::from(text.as_escaped()), out);
            }
            PartHead::ToolCall { .. } => self.write_input(text, out),
            PartHead::Reasoning(_) | PartHead::Media { .. } | PartHead::Hosted { .. } => {}
        }
    }

    fn write_input(&mut self, json: &EscapedStr, out: &mut BytesMut) {
        self.write_delta("input_json_delta", "partial_json", json, out);
    }

    /// Writes one delta, and before the first the start of its block.
    fn write_delta(&mut self, kind: &str, key: &str, text: &EscapedStr, out: &mut BytesMut) {
        self.open_block(out);
        self.write_block_delta(kind, |delta| delta.text(key, text), out);
    }

    fn paragraph(&mut self, out: &mut BytesMut) {
        if self.part.as_ref().is_some_and(|part| part.is_block_open) {
            self.delta(&EscapedStr::from("\n\n"), out);
        }
    }

    fn citation(&mut self, citation: &Raw, out: &mut BytesMut) {
        let is_text = self
            .part
            .as_ref()
            .is_some_and(|part| part.head == PartHead::Text);
        if is_text && self.fields.is_native() {
            self.open_block(out);
            let write = |delta: &mut Object<'_>| delta.raw("citation", citation);
            self.write_block_delta("citations_delta", write, out);
        }
    }

    fn part_end(&mut self, out: &mut BytesMut) {
        match self.part.as_ref().map(|part| &part.head) {
            Some(PartHead::Reasoning(form)) => self.write_signature(*form, out),
            Some(PartHead::ToolCall { free: true, .. }) => {
                self.write_input(&EscapedStr::from(r#""}"#), out);
            }
            _ => {}
        }
        if self.part.take().is_some_and(|part| part.is_block_open) {
            let index = self.blocks;
            write_record(out, "content_block_stop", |object| {
                object.u64("index", index);
            });
            self.blocks += 1;
        }
    }

    /// Ends a thinking block with its signature. Reasoning with neither text nor signature leaves
    /// no block.
    fn write_signature(&mut self, form: ReasoningForm, out: &mut BytesMut) {
        let Some(part) = &self.part else { return };
        let is_empty = !part.is_block_open && part.signature.is_none();
        if is_empty || self.fields.thinking == ThinkingDisplay::Hidden {
            return;
        }
        let signature = self.fields.signature(form, part.signature.as_ref());
        self.open_block(out);
        // A redacted block has carried its data since its start.
        if form != ReasoningForm::Redacted {
            let write = |delta: &mut Object<'_>| delta.text("signature", &signature);
            self.write_block_delta("signature_delta", write, out);
        }
    }

    /// Writes the start of the part's block, once.
    fn open_block(&mut self, out: &mut BytesMut) {
        let Some(part) = self.part.as_mut().filter(|part| !part.is_block_open) else {
            return;
        };
        part.is_block_open = true;
        let (fields, index) = (&self.fields, self.blocks);
        write_record(out, "content_block_start", |object| {
            object.u64("index", index);
            write_block(part, fields, object.key("content_block"));
        });
    }

    fn write_block_delta(
        &self,
        kind: &str,
        write: impl FnOnce(&mut Object<'_>),
        out: &mut BytesMut,
    ) {
        write_record(out, "content_block_delta", |object| {
            object.u64("index", self.blocks);
            object.object("delta", |delta| {
                delta.str("type", kind);
                write(delta);
            });
        });
    }

    fn stop(&mut self, end: &MessageEnd, out: &mut BytesMut) {
        self.state = State::Ended;
        write_record(out, "message_delta", |object| {
            object.object("delta", |delta| {
                delta.null("container");
                end.write(delta);
            });
            object.object("usage", |usage| usage::encode_delta(&self.usage, usage));
        });
        write_record(out, "message_stop", |_| {});
    }

    fn fail(&mut self, fault: &Fault, out: &mut BytesMut) {
        self.state = State::Ended;
        faults::encode_record(fault, out);
    }
}

/// Whether the event belongs to the first choice. This dialect has one; a request for more was
/// refused.
fn is_first_choice(event: &Event) -> bool {
    match event {
        Event::PartStart { at, .. }
        | Event::Delta { at, .. }
        | Event::Paragraph { at }
        | Event::Signature { at, .. }
        | Event::Cite { at, .. }
        | Event::Logprobs { at, .. }
        | Event::PartEnd { at } => at.choice == 0,
        Event::Finish { choice, .. } => *choice == 0,
        Event::Start(_) | Event::Usage(_) | Event::Failed(_) | Event::Ping => true,
    }
}

/// Writes a block as it starts: empty, except for what is never sent in deltas.
fn write_block(part: &OpenPart, fields: &MessageFields, value: Writer<'_>) {
    match &part.head {
        PartHead::Hosted { raw, .. } => value.raw(raw),
        PartHead::Reasoning(form @ ReasoningForm::Redacted) => value.object(|block| {
            block.str("type", "redacted_thinking");
            block.text("data", &fields.signature(*form, part.signature.as_ref()));
        }),
        PartHead::Reasoning(_) => value.object(|block| {
            block.str("type", "thinking");
            block.str("thinking", "");
            block.str("signature", "");
        }),
        PartHead::ToolCall { id, name, .. } => value.object(|block| {
            block.str("type", "tool_use");
            block.text("id", id);
            block.text("name", name);
            block.object("input", |_| {});
        }),
        PartHead::Text | PartHead::Refusal | PartHead::Media { .. } => value.object(|block| {
            block.str("type", "text");
            block.str("text", "");
        }),
    }
}

/// Writes one record: the event's name, and data with the same name as its `type`.
fn write_record(out: &mut BytesMut, name: &str, write: impl FnOnce(&mut Object<'_>)) {
    sse::write(out, name, |out| {
        Writer::new(out).object(|object| {
            object.str("type", name);
            write(object);
        });
    });
}
