//! Events as a client's stream.
//!
//! Source: Anthropic Messages reference, "Stream"; `translation.md` section 9, writer A. Blocks
//! never overlap and none is empty: a block is written once there is something in it. What the end
//! says waits for the end, since usage may come after the reason.

use bytes::BytesMut;

use super::message_fields::{Thoughts, View, write_end};
use super::{faults, response_encode, usage};
use crate::canon::{Event, Fault, FinishReason, PartHead, ReasoningForm, Start, Usage};
use crate::json::{EscapedStr, Object, Raw, Writer};
use crate::protocol::{StreamEncoder, StreamEnd, sse};

pub(super) struct Encoder {
    view: View,
    stage: Stage,
    /// Blocks that have ended.
    blocks: u64,
    part: Option<Part>,
    usage: Usage,
    finish: Option<Finish>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Streaming,
    /// The last record is written.
    Over,
}

/// The part that is being written.
struct Part {
    head: PartHead,
    /// Whether its block has begun.
    is_open: bool,
    signature: Option<EscapedStr>,
}

struct Finish {
    word: EscapedStr,
    sequence: Option<EscapedStr>,
    detail: Option<EscapedStr>,
}

impl Encoder {
    pub(super) fn new(view: View) -> Self {
        Self {
            view,
            stage: Stage::Before,
            blocks: 0,
            part: None,
            usage: Usage::default(),
            finish: None,
        }
    }
}

impl StreamEncoder for Encoder {
    fn push(&mut self, event: &Event, out: &mut BytesMut) {
        match (event, self.stage) {
            (_, Stage::Over) => {}
            (Event::Failed(fault), _) => self.fail(fault, out),
            (Event::Start(start), Stage::Before) => self.start(start, out),
            (_, Stage::Before) => {}
            (event, Stage::Streaming) if is_first_choice(event) => self.event(event, out),
            (_, Stage::Streaming) => {}
        }
    }

    fn finish(&mut self, out: &mut BytesMut) -> StreamEnd {
        match (self.stage, self.finish.take()) {
            (Stage::Over, _) => {}
            (_, Some(finish)) => self.stop(&finish, out),
            (_, None) => self.fail(
                &Fault::upstream("the upstream's answer broke off before its end"),
                out,
            ),
        }
        StreamEnd::Clean
    }

    fn keep_alive(&mut self, out: &mut BytesMut) {
        if self.stage == Stage::Streaming {
            record(out, "ping", |_| {});
        }
    }
}

impl Encoder {
    fn event(&mut self, event: &Event, out: &mut BytesMut) {
        match event {
            Event::PartStart { head, .. } => self.part_start(head, out),
            Event::Delta { text, .. } => self.delta(text, out),
            Event::Paragraph { .. } => self.paragraph(out),
            Event::Signature { value, .. } => self
                .part
                .iter_mut()
                .for_each(|part| part.signature = Some(value.clone())),
            Event::Cite { raw, .. } => self.cite(raw, out),
            Event::PartEnd { .. } => self.part_end(out),
            Event::Usage(usage) => self.usage.update(usage),
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
                let word = self.view.stop_reason(reason);
                self.finish = Some(Finish {
                    word,
                    sequence: sequence.clone(),
                    detail: detail.clone(),
                });
            }
            Event::Ping => record(out, "ping", |_| {}),
            Event::Start(_) | Event::Logprobs { .. } | Event::Failed(_) => {}
        }
    }

    /// The counts of the input are not known yet: 0 stands here, and the truth in `message_delta`.
    fn start(&mut self, start: &Start, out: &mut BytesMut) {
        self.stage = Stage::Streaming;
        record(out, "message_start", |object| {
            object.object("message", |message| {
                self.view.write_start(start, message);
                message.array("content", |_| {});
                message.null("stop_reason");
                message.null("stop_sequence");
                message.object("usage", |usage| {
                    usage::encode(&Usage::default(), self.view.tier(start), usage)
                });
            });
        });
    }

    fn part_start(&mut self, head: &PartHead, out: &mut BytesMut) {
        self.part = Some(Part {
            head: head.clone(),
            is_open: false,
            signature: None,
        });
        match head {
            PartHead::ToolCall { free, .. } => {
                self.open(out);
                if *free {
                    self.input(&EscapedStr::from(r#"{"input":""#), out);
                }
            }
            PartHead::Hosted { .. } if self.view.is_native() => self.open(out),
            _ => {}
        }
    }

    fn delta(&mut self, text: &EscapedStr, out: &mut BytesMut) {
        let Some(part) = self.part.as_ref().filter(|_| !text.is_empty()) else {
            return;
        };
        match &part.head {
            PartHead::Text | PartHead::Refusal => self.piece("text_delta", "text", text, out),
            PartHead::Reasoning(ReasoningForm::Full | ReasoningForm::Summary)
                if self.view.thoughts == Thoughts::Shown =>
            {
                self.piece("thinking_delta", "thinking", text, out);
            }
            // Free text becomes the content of a JSON string, inside a piece of JSON that is itself
            // in a string.
            PartHead::ToolCall { free: true, .. } => {
                self.input(&EscapedStr::from(text.as_escaped()), out)
            }
            PartHead::ToolCall { .. } => self.input(text, out),
            PartHead::Reasoning(_) | PartHead::Media { .. } | PartHead::Hosted { .. } => {}
        }
    }

    fn input(&mut self, piece: &EscapedStr, out: &mut BytesMut) {
        self.piece("input_json_delta", "partial_json", piece, out);
    }

    /// Writes one delta, and the start of its block before the first.
    fn piece(&mut self, kind: &str, key: &str, text: &EscapedStr, out: &mut BytesMut) {
        self.open(out);
        self.block_delta(kind, |delta| delta.text(key, text), out);
    }

    fn paragraph(&mut self, out: &mut BytesMut) {
        if self.part.as_ref().is_some_and(|part| part.is_open) {
            self.delta(&EscapedStr::from("\n\n"), out);
        }
    }

    fn cite(&mut self, citation: &Raw, out: &mut BytesMut) {
        let is_text = self
            .part
            .as_ref()
            .is_some_and(|part| part.head == PartHead::Text);
        if is_text && self.view.is_native() {
            self.open(out);
            self.block_delta(
                "citations_delta",
                |delta| delta.raw("citation", citation),
                out,
            );
        }
    }

    fn part_end(&mut self, out: &mut BytesMut) {
        match self.part.as_ref().map(|part| &part.head) {
            Some(PartHead::Reasoning(form)) => self.sign(*form, out),
            Some(PartHead::ToolCall { free: true, .. }) => {
                self.input(&EscapedStr::from(r#""}"#), out)
            }
            _ => {}
        }
        if self.part.take().is_some_and(|part| part.is_open) {
            let index = self.blocks;
            record(out, "content_block_stop", |object| {
                object.u64("index", index)
            });
            self.blocks += 1;
        }
    }

    /// Ends reasoning with its token. Reasoning with neither text nor token is nothing.
    fn sign(&mut self, form: ReasoningForm, out: &mut BytesMut) {
        let Some(part) = &self.part else { return };
        let is_nothing = !part.is_open && part.signature.is_none();
        if is_nothing || self.view.thoughts == Thoughts::Hidden {
            return;
        }
        let carrier = self.view.carrier(form, part.signature.as_ref());
        self.open(out);
        if form != ReasoningForm::Redacted {
            self.block_delta(
                "signature_delta",
                |delta| delta.text("signature", &carrier),
                out,
            );
        }
    }

    /// Writes the start of the part's block, once.
    fn open(&mut self, out: &mut BytesMut) {
        let Some(part) = self.part.as_mut().filter(|part| !part.is_open) else {
            return;
        };
        part.is_open = true;
        let (view, index) = (&self.view, self.blocks);
        record(out, "content_block_start", |object| {
            object.u64("index", index);
            write_block(part, view, object.key("content_block"));
        });
    }

    fn block_delta(&self, kind: &str, write: impl FnOnce(&mut Object<'_>), out: &mut BytesMut) {
        record(out, "content_block_delta", |object| {
            object.u64("index", self.blocks);
            object.object("delta", |delta| {
                delta.str("type", kind);
                write(delta);
            });
        });
    }

    fn stop(&mut self, finish: &Finish, out: &mut BytesMut) {
        self.stage = Stage::Over;
        record(out, "message_delta", |object| {
            let (sequence, detail) = (finish.sequence.as_ref(), finish.detail.as_ref());
            object.object("delta", |delta| {
                write_end(&finish.word, sequence, detail, delta)
            });
            object.object("usage", |object| usage::encode(&self.usage, None, object));
        });
        record(out, "message_stop", |_| {});
    }

    fn fail(&mut self, fault: &Fault, out: &mut BytesMut) {
        self.stage = Stage::Over;
        faults::encode_event(fault, out);
    }
}

/// This dialect gives one answer; more than one was refused with the request.
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

/// A block as it stands at its start: empty, except for what comes whole.
fn write_block(part: &Part, view: &View, value: Writer<'_>) {
    match &part.head {
        PartHead::Hosted { raw, .. } => value.raw(raw),
        PartHead::Reasoning(form @ ReasoningForm::Redacted) => value.object(|block| {
            block.str("type", "redacted_thinking");
            block.text("data", &view.carrier(*form, part.signature.as_ref()));
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

/// Writes one record: the event's name, and data that says it again.
fn record(out: &mut BytesMut, name: &str, write: impl FnOnce(&mut Object<'_>)) {
    sse::write(out, name, |out| {
        Writer::new(out).object(|object| {
            object.str("type", name);
            write(object);
        });
    });
}
