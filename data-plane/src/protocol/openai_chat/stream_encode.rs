//! Encodes events as a client's stream, in exactly the grammar of the dialect.
//!
//! A role chunk first, then deltas, then one chunk with a `finish_reason` per choice, the usage
//! where it was asked for, `[DONE]`. The dialect has no field for signatures; the gateway keeps
//! them by call id. Source: Chat Completions API, streaming.

use std::borrow::Cow;

use bytes::BytesMut;

use crate::canon::{Event, Fault, FinishReason, PartHead, PartIndex, ReasoningForm};
use crate::json::{Array, EscapedStr, Object, Raw, Writer};
use crate::protocol::openai::faults;
use crate::protocol::{ResponseContext, StreamEncoder, StreamEnd, sse};

use super::response_encode::{ID_PREFIX, MALFORMED_CALL, write_reasoning};
use super::response_head::{ResponseHead, StreamUsage};
use super::{DIALECT, finish, legacy_functions, output_images};

pub(super) struct Encoder {
    head: ResponseHead,
    usage: StreamUsage,
    /// Whether calls take the legacy form, which has room for one.
    uses_legacy_functions: bool,
    /// Whether the upstream speaks this dialect, so that citations have its shape.
    is_same_dialect: bool,
    choices: Vec<ChoiceState>,
    has_failed: bool,
}

#[derive(Default)]
struct ChoiceState {
    has_role: bool,
    calls: u64,
    open_part: OpenPart,
    has_reasoning: bool,
    /// Whether a paragraph or part of reasoning ended since the last of its text.
    is_between_paragraphs: bool,
    has_refusal: bool,
}

/// The part that is being written.
#[derive(Default)]
enum OpenPart {
    /// None, or one that the dialect has no form for.
    #[default]
    None,
    Text,
    Refusal,
    Reasoning,
    ToolCall {
        index: u64,
        is_free: bool,
    },
    LegacyCall,
    /// The data is kept until the part ends: images are written whole.
    Image {
        mime: EscapedStr,
        data: Vec<EscapedStr>,
    },
}

impl Encoder {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        Self {
            head: ResponseHead::new(context, "chat.completion.chunk", ID_PREFIX),
            usage: StreamUsage::new(context.request.include_usage),
            uses_legacy_functions: legacy_functions::are_used_by(context.request),
            is_same_dialect: context.origin.dialect == DIALECT,
            choices: Vec::new(),
            has_failed: false,
        }
    }

    fn choice(&mut self, choice: u32) -> &mut ChoiceState {
        let index = choice as usize;
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, ChoiceState::default);
        }
        &mut self.choices[index]
    }

    /// Writes the first chunk of a choice, which holds the role.
    fn ensure_role(&mut self, choice: u32, out: &mut BytesMut) {
        if !std::mem::replace(&mut self.choice(choice).has_role, true) {
            self.write_delta(choice, out, |delta| {
                delta.str("role", "assistant");
                delta.str("content", "");
            });
        }
    }

    fn start_part(&mut self, at: PartIndex, head: &PartHead, out: &mut BytesMut) {
        self.ensure_role(at.choice, out);
        let uses_legacy_functions = self.uses_legacy_functions;
        let choice = self.choice(at.choice);
        choice.open_part = OpenPart::new(head, choice.calls, uses_legacy_functions);
        choice.has_refusal |= *head == PartHead::Refusal;
        choice.is_between_paragraphs = choice.has_reasoning;
        if let PartHead::ToolCall { id, name, .. } = head {
            choice.calls += 1;
            self.start_call(at.choice, id, name, out);
        }
    }

    fn start_call(&mut self, choice: u32, id: &EscapedStr, name: &EscapedStr, out: &mut BytesMut) {
        match self.choice(choice).open_part {
            OpenPart::ToolCall { index, is_free } => self.write_call(choice, index, out, |call| {
                call.text("id", id);
                call.str("type", call_type(is_free));
                call.object(call_type(is_free), |body| {
                    body.text("name", name);
                    body.str(input_key(is_free), "");
                });
            }),
            OpenPart::LegacyCall => self.write_delta(choice, out, |delta| {
                delta.object("function_call", |call| {
                    call.text("name", name);
                    call.str("arguments", "");
                });
            }),
            _ => {}
        }
    }

    fn delta(&mut self, at: PartIndex, text: &EscapedStr, out: &mut BytesMut) {
        if text.is_empty() {
            return;
        }
        let choice = at.choice;
        match &mut self.choice(choice).open_part {
            OpenPart::None => {}
            OpenPart::Text => self.write_delta(choice, out, |delta| delta.text("content", text)),
            OpenPart::Refusal => {
                self.write_delta(choice, out, |delta| delta.text("refusal", text));
            }
            OpenPart::Reasoning => self.reasoning(choice, text, out),
            OpenPart::Image { data, .. } => data.push(text.clone()),
            OpenPart::LegacyCall => self.write_delta(choice, out, |delta| {
                delta.object("function_call", |call| call.text("arguments", text));
            }),
            &mut OpenPart::ToolCall { index, is_free } => {
                self.write_call(choice, index, out, |call| {
                    call.object(call_type(is_free), |body| {
                        body.text(input_key(is_free), text)
                    });
                });
            }
        }
    }

    /// An empty line separates paragraphs and parts of reasoning, as in the whole answer.
    fn reasoning(&mut self, choice: u32, text: &EscapedStr, out: &mut BytesMut) {
        let state = self.choice(choice);
        let starts_paragraph = std::mem::take(&mut state.is_between_paragraphs);
        state.has_reasoning = true;
        let text = if starts_paragraph {
            Cow::Owned(EscapedStr::join([&EscapedStr::from("\n\n"), text], ""))
        } else {
            Cow::Borrowed(text)
        };
        self.write_delta(choice, out, |delta| write_reasoning(delta, &text));
    }

    fn end_part(&mut self, at: PartIndex, out: &mut BytesMut) {
        let part = std::mem::take(&mut self.choice(at.choice).open_part);
        if let OpenPart::Image { mime, data } = part {
            let data = EscapedStr::join(&data, "");
            self.write_delta(at.choice, out, |delta| {
                delta.array("images", |array| output_images::write(&mime, &data, array));
            });
        }
    }

    fn citation(&self, at: PartIndex, raw: &Raw, out: &mut BytesMut) {
        if self.is_same_dialect {
            self.write_delta(at.choice, out, |delta| {
                delta.array("annotations", |array| array.item().raw(raw));
            });
        }
    }

    fn logprobs(&mut self, at: PartIndex, list: &Raw, out: &mut BytesMut) {
        let is_refusal = matches!(self.choice(at.choice).open_part, OpenPart::Refusal);
        let (key, other_key) = if is_refusal {
            ("refusal", "content")
        } else {
            ("content", "refusal")
        };
        self.write_choice(at.choice, out, |choice| {
            choice.object("delta", |_| {});
            choice.object("logprobs", |logprobs| {
                logprobs.raw(key, list);
                logprobs.null(other_key);
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
        let Some(mut finish_reason) = finish::encode(reason) else {
            return self.fail(&Fault::upstream(MALFORMED_CALL), out);
        };
        if self.uses_legacy_functions && *reason == FinishReason::ToolCalls {
            finish_reason = legacy_functions::FINISH_REASON;
        }
        self.ensure_role(choice, out);
        // Other dialects tell a refusal by the finish reason alone.
        let has_refusal = self.choice(choice).has_refusal;
        if let Some(text) = reason.refusal(detail).filter(|_| !has_refusal) {
            self.write_delta(choice, out, |delta| delta.text("refusal", &text));
        }
        self.write_choice(choice, out, |choice| {
            choice.object("delta", |_| {});
            choice.null("logprobs");
            choice.str("finish_reason", finish_reason);
        });
    }

    fn fail(&mut self, fault: &Fault, out: &mut BytesMut) {
        self.has_failed = true;
        faults::encode_record(fault, out);
    }

    fn write_call(
        &self,
        choice: u32,
        index: u64,
        out: &mut BytesMut,
        write: impl FnOnce(&mut Object<'_>),
    ) {
        self.write_delta(choice, out, |delta| {
            delta.array("tool_calls", |calls| {
                calls.object(|call| {
                    call.u64("index", index);
                    write(call);
                });
            });
        });
    }

    fn write_delta(&self, choice: u32, out: &mut BytesMut, write: impl FnOnce(&mut Object<'_>)) {
        self.write_choice(choice, out, |choice| {
            choice.object("delta", write);
            choice.null("logprobs");
            choice.null("finish_reason");
        });
    }

    /// Writes one chunk with one choice.
    fn write_choice(&self, choice: u32, out: &mut BytesMut, write: impl FnOnce(&mut Object<'_>)) {
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
                self.head.update(start);
                self.ensure_role(0, out);
            }
            Event::PartStart { at, head } => self.start_part(*at, head, out),
            Event::Delta { at, text } => self.delta(*at, text, out),
            Event::Paragraph { at } => {
                let choice = self.choice(at.choice);
                choice.is_between_paragraphs = choice.has_reasoning;
            }
            Event::Cite { at, raw } => self.citation(*at, raw, out),
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
            // Signatures have no field here, and the dialect has a keep-alive of its own.
            Event::Signature { .. } | Event::Ping => {}
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

impl OpenPart {
    /// `calls` is the number of tool calls before this part.
    fn new(head: &PartHead, calls: u64, uses_legacy_functions: bool) -> Self {
        match head {
            PartHead::Text => Self::Text,
            PartHead::Refusal => Self::Refusal,
            PartHead::Reasoning(ReasoningForm::Full | ReasoningForm::Summary) => Self::Reasoning,
            PartHead::ToolCall { .. } if uses_legacy_functions && calls > 0 => Self::None,
            PartHead::ToolCall { .. } if uses_legacy_functions => Self::LegacyCall,
            PartHead::ToolCall { free, .. } => Self::ToolCall {
                index: calls,
                is_free: *free,
            },
            PartHead::Media { mime } if output_images::is_image(mime) => Self::Image {
                mime: mime.clone(),
                data: Vec::new(),
            },
            PartHead::Media { .. }
            | PartHead::Hosted { .. }
            | PartHead::Reasoning(ReasoningForm::Redacted) => Self::None,
        }
    }
}

fn call_type(is_free: bool) -> &'static str {
    if is_free { "custom" } else { "function" }
}

fn input_key(is_free: bool) -> &'static str {
    if is_free { "input" } else { "arguments" }
}
