//! Events to a Chat client's stream, in exactly the grammar of the dialect.
//!
//! A role chunk first, then deltas, then one chunk with a `finish_reason` per choice, the usage
//! where it was asked for, `[DONE]`. Signatures have no carrier here; the gateway keeps them by
//! call id. Source: Chat Completions API, streaming.

use std::borrow::Cow;

use bytes::BytesMut;

use crate::canon::{Event, Fault, FinishReason, PartHead, PartIndex, ReasoningForm};
use crate::json::{Array, EscapedStr, Object, Raw, Writer};
use crate::protocol::{ResponseContext, StreamEncoder, StreamEnd, sse};

use super::head::{Head, StreamedUsage};
use super::response::{ID_PREFIX, MALFORMED_CALL};
use super::{DIALECT, finish, image, legacy};
use crate::protocol::openai::faults;

pub(super) struct Encoder {
    head: Head,
    usage: StreamedUsage,
    is_legacy: bool,
    /// Whether citations are in this dialect's shape.
    is_own: bool,
    lanes: Vec<Lane>,
    has_failed: bool,
}

/// One choice.
#[derive(Default)]
struct Lane {
    has_role: bool,
    calls: u64,
    open: Open,
    /// Whether reasoning was written, and whether a paragraph of it ended since.
    has_reasoning: bool,
    is_between_paragraphs: bool,
    has_refused: bool,
}

/// The part that is being written.
#[derive(Default)]
enum Open {
    /// None, or one that the dialect cannot show.
    #[default]
    Nothing,
    Text,
    Refusal,
    Reasoning,
    Call {
        index: u64,
        is_free: bool,
    },
    LegacyCall,
    /// Images are written whole.
    Image {
        mime: EscapedStr,
        data: Vec<EscapedStr>,
    },
}

impl Encoder {
    pub(super) fn new(ask: &ResponseContext<'_>) -> Self {
        Self {
            head: Head::new(ask, "chat.completion.chunk", ID_PREFIX),
            usage: StreamedUsage::new(ask.request.include_usage),
            is_legacy: legacy::is_asked(ask.request),
            is_own: ask.origin.dialect == DIALECT,
            lanes: Vec::new(),
            has_failed: false,
        }
    }

    fn lane(&mut self, choice: u32) -> &mut Lane {
        let index = choice as usize;
        if self.lanes.len() <= index {
            self.lanes.resize_with(index + 1, Lane::default);
        }
        &mut self.lanes[index]
    }

    /// The first chunk of a choice says who speaks.
    fn role(&mut self, choice: u32, out: &mut BytesMut) {
        if !std::mem::replace(&mut self.lane(choice).has_role, true) {
            self.delta(choice, out, |delta| {
                delta.str("role", "assistant");
                delta.str("content", "");
            });
        }
    }

    fn begin(&mut self, at: PartIndex, head: &PartHead, out: &mut BytesMut) {
        self.role(at.choice, out);
        let is_legacy = self.is_legacy;
        let lane = self.lane(at.choice);
        lane.open = match head {
            PartHead::Text => Open::Text,
            PartHead::Refusal => Open::Refusal,
            PartHead::Reasoning(ReasoningForm::Full | ReasoningForm::Summary) => Open::Reasoning,
            PartHead::ToolCall { .. } if is_legacy && lane.calls > 0 => Open::Nothing,
            PartHead::ToolCall { .. } if is_legacy => Open::LegacyCall,
            PartHead::ToolCall { free, .. } => Open::Call {
                index: lane.calls,
                is_free: *free,
            },
            PartHead::Media { mime } if image::is_image(mime) => Open::Image {
                mime: mime.clone(),
                data: Vec::new(),
            },
            PartHead::Media { .. }
            | PartHead::Hosted { .. }
            | PartHead::Reasoning(ReasoningForm::Redacted) => Open::Nothing,
        };
        lane.has_refused |= *head == PartHead::Refusal;
        lane.is_between_paragraphs = lane.has_reasoning;
        if let PartHead::ToolCall { id, name, .. } = head {
            lane.calls += 1;
            self.begin_call(at.choice, id, name, out);
        }
    }

    fn begin_call(&mut self, choice: u32, id: &EscapedStr, name: &EscapedStr, out: &mut BytesMut) {
        match self.lane(choice).open {
            Open::Call { index, is_free } => self.call(choice, index, out, |call| {
                call.text("id", id);
                call.str("type", call_kind(is_free));
                call.object(call_kind(is_free), |inner| {
                    inner.text("name", name);
                    inner.str(input_key(is_free), "");
                });
            }),
            Open::LegacyCall => self.delta(choice, out, |delta| {
                delta.object("function_call", |call| {
                    call.text("name", name);
                    call.str("arguments", "");
                });
            }),
            _ => {}
        }
    }

    fn more(&mut self, at: PartIndex, text: &EscapedStr, out: &mut BytesMut) {
        if text.is_empty() {
            return;
        }
        match &mut self.lane(at.choice).open {
            Open::Nothing => {}
            Open::Text => self.delta(at.choice, out, |delta| delta.text("content", text)),
            Open::Refusal => self.delta(at.choice, out, |delta| delta.text("refusal", text)),
            Open::Reasoning => self.reasoning(at.choice, text, out),
            Open::Image { data, .. } => data.push(text.clone()),
            Open::LegacyCall => {
                self.delta(at.choice, out, |delta| {
                    delta.object("function_call", |call| call.text("arguments", text))
                });
            }
            &mut Open::Call { index, is_free } => self.call(at.choice, index, out, |call| {
                call.object(call_kind(is_free), |inner| {
                    inner.text(input_key(is_free), text)
                });
            }),
        }
    }

    /// Paragraphs and parts of reasoning stand an empty line apart, as in the whole answer.
    fn reasoning(&mut self, choice: u32, text: &EscapedStr, out: &mut BytesMut) {
        let lane = self.lane(choice);
        let is_next = std::mem::take(&mut lane.is_between_paragraphs);
        lane.has_reasoning = true;
        let text = if is_next {
            Cow::Owned(EscapedStr::join([&EscapedStr::from("\n\n"), text], ""))
        } else {
            Cow::Borrowed(text)
        };
        self.delta(choice, out, |delta| delta.text("reasoning_content", &text));
    }

    fn end_part(&mut self, at: PartIndex, out: &mut BytesMut) {
        if let Open::Image { mime, data } = std::mem::take(&mut self.lane(at.choice).open) {
            let data = EscapedStr::join(&data, "");
            self.delta(at.choice, out, |delta| {
                delta.array("images", |array| image::write(&mime, &data, array))
            });
        }
    }

    fn cite(&self, at: PartIndex, raw: &Raw, out: &mut BytesMut) {
        if self.is_own {
            self.delta(at.choice, out, |delta| {
                delta.array("annotations", |array| array.item().raw(raw))
            });
        }
    }

    fn logprobs(&mut self, at: PartIndex, list: &Raw, out: &mut BytesMut) {
        let is_refusal = matches!(self.lane(at.choice).open, Open::Refusal);
        let (said, silent) = if is_refusal {
            ("refusal", "content")
        } else {
            ("content", "refusal")
        };
        self.choice(at.choice, out, |choice| {
            choice.object("delta", |_| {});
            choice.object("logprobs", |logprobs| {
                logprobs.raw(said, list);
                logprobs.null(silent);
            });
            choice.null("finish_reason");
        });
    }

    fn finish_choice(
        &mut self,
        choice: u32,
        reason: &FinishReason,
        detail: Option<&EscapedStr>,
        out: &mut BytesMut,
    ) {
        let Some(word) = finish::encode(reason) else {
            return self.fail(&Fault::upstream(MALFORMED_CALL), out);
        };
        let is_legacy_call = self.is_legacy && *reason == FinishReason::ToolCalls;
        let word = if is_legacy_call { legacy::FINISH } else { word };
        self.role(choice, out);
        if let Some(words) = reason
            .refusal(detail)
            .filter(|_| !self.lane(choice).has_refused)
        {
            // Other dialects tell a refusal by the finish alone.
            self.delta(choice, out, |delta| delta.text("refusal", &words));
        }
        self.choice(choice, out, |choice| {
            choice.object("delta", |_| {});
            choice.null("logprobs");
            choice.str("finish_reason", word);
        });
    }

    fn fail(&mut self, fault: &Fault, out: &mut BytesMut) {
        self.has_failed = true;
        faults::encode_record(fault, out);
    }

    fn call(
        &self,
        choice: u32,
        index: u64,
        out: &mut BytesMut,
        write: impl FnOnce(&mut Object<'_>),
    ) {
        self.delta(choice, out, |delta| {
            delta.array("tool_calls", |calls| {
                calls.object(|call| {
                    call.u64("index", index);
                    write(call);
                });
            });
        });
    }

    fn delta(&self, choice: u32, out: &mut BytesMut, write: impl FnOnce(&mut Object<'_>)) {
        self.choice(choice, out, |choice| {
            choice.object("delta", write);
            choice.null("logprobs");
            choice.null("finish_reason");
        });
    }

    fn choice(&self, choice: u32, out: &mut BytesMut, write: impl FnOnce(&mut Object<'_>)) {
        let choices = |array: &mut Array<'_>| {
            array.object(|object| {
                object.u64("index", choice.into());
                write(object);
            });
        };
        sse::write(out, "", |out| {
            Writer::new(out).object(|object| {
                self.head.write(object, choices);
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
            Event::Start(start) => {
                self.head.learn(start);
                self.role(0, out);
            }
            Event::PartStart { at, head } => self.begin(*at, head, out),
            Event::Delta { at, text } => self.more(*at, text, out),
            Event::Paragraph { at } => {
                let lane = self.lane(at.choice);
                lane.is_between_paragraphs = lane.has_reasoning;
            }
            Event::Cite { at, raw } => self.cite(*at, raw, out),
            Event::Logprobs { at, list } => self.logprobs(*at, list, out),
            Event::PartEnd { at } => self.end_part(*at, out),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Finish {
                choice,
                reason,
                detail,
                ..
            } => self.finish_choice(*choice, reason, detail.as_ref(), out),
            Event::Failed(fault) => self.fail(fault, out),
            // No carrier, and a keep-alive of its own.
            Event::Signature { .. } | Event::Ping => {}
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

fn call_kind(is_free: bool) -> &'static str {
    if is_free { "custom" } else { "function" }
}

fn input_key(is_free: bool) -> &'static str {
    if is_free { "input" } else { "arguments" }
}
