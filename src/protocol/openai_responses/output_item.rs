//! One output item toward a Responses client, in each of its states.

use crate::canon::ReasoningForm;
use crate::json::{self, Array, EscapedStr, Object, Raw, Writer};

/// An item that is being written.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) body: Body,
}

#[derive(Debug)]
pub(super) enum Body {
    Message(Vec<Content>),
    Reasoning {
        form: ReasoningForm,
        paragraphs: Vec<EscapedStr>,
        encrypted: Option<EscapedStr>,
    },
    Call(Call),
    /// An image in an answer: the dialect knows it as what its hosted tool made.
    Image {
        data: EscapedStr,
    },
    /// An item of the dialect's own that stands as it came.
    Hosted(Raw),
}

#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) is_refusal: bool,
    pub(super) text: EscapedStr,
    pub(super) annotations: Vec<Raw>,
    /// Lists of log probabilities.
    pub(super) logprobs: Vec<Raw>,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) call_id: EscapedStr,
    pub(super) name: EscapedStr,
    pub(super) namespace: Option<EscapedStr>,
    pub(super) is_free: bool,
    pub(super) input: EscapedStr,
}

/// How the events of an item's open text are named and placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// What `.delta` and `.done` are appended to.
    pub(super) event: &'static str,
    /// The member of `.done` with the whole text.
    pub(super) whole: &'static str,
    /// The member that counts texts within the item, and its value.
    pub(super) index: Option<(&'static str, usize)>,
}

impl Body {
    pub(super) fn id_prefix(&self) -> &'static str {
        match self {
            Self::Message(_) => "msg",
            Self::Reasoning { .. } => "rs",
            Self::Call(call) if call.is_free => "ctc",
            Self::Call(_) => "fc",
            Self::Image { .. } => "ig",
            Self::Hosted(_) => "item",
        }
    }

    /// The text that is being written; `None` for items without deltas.
    pub(super) fn slot(&self) -> Option<Slot> {
        let (event, whole, index) = match self {
            Self::Message(contents) => {
                let index = Some(("content_index", contents.len().saturating_sub(1)));
                match contents.last()?.is_refusal {
                    true => ("response.refusal", "refusal", index),
                    false => ("response.output_text", "text", index),
                }
            }
            Self::Reasoning { paragraphs, .. } => (
                "response.reasoning_summary_text",
                "text",
                Some(("summary_index", paragraphs.len())),
            ),
            Self::Call(call) if call.is_free => ("response.custom_tool_call_input", "input", None),
            Self::Call(_) => ("response.function_call_arguments", "arguments", None),
            Self::Image { .. } | Self::Hosted(_) => return None,
        };
        Some(Slot {
            event,
            whole,
            index,
        })
    }
}

impl Item {
    pub(super) fn raw(&self, status: &str) -> Raw {
        json::value(|value| self.write(value, status))
    }

    fn write(&self, value: Writer<'_>, status: &str) {
        match &self.body {
            Body::Hosted(raw) => value.raw(raw),
            body => value.object(|item| {
                item.str("id", &self.id);
                write_body(item, body, status);
            }),
        }
    }
}

fn write_body(item: &mut Object<'_>, body: &Body, status: &str) {
    match body {
        Body::Message(contents) => {
            item.str("type", "message");
            item.str("status", status);
            item.str("role", "assistant");
            item.array("content", |array| {
                contents
                    .iter()
                    .for_each(|content| write_content(array.item(), content))
            });
        }
        // Reasoning has no status of its own on the wire.
        Body::Reasoning {
            paragraphs,
            encrypted,
            ..
        } => {
            item.str("type", "reasoning");
            item.array("summary", |summary| {
                paragraphs
                    .iter()
                    .for_each(|text| write_paragraph(summary, text))
            });
            item.some("encrypted_content", encrypted.as_ref(), |value, text| {
                value.text(text)
            });
        }
        Body::Call(call) => write_call(item, call, status),
        Body::Image { data } => {
            item.str("type", "image_generation_call");
            item.str("status", status);
            item.text("result", data);
        }
        Body::Hosted(_) => {}
    }
}

fn write_call(item: &mut Object<'_>, call: &Call, status: &str) {
    let (kind, key) = if call.is_free {
        ("custom_tool_call", "input")
    } else {
        ("function_call", "arguments")
    };
    item.str("type", kind);
    item.str("status", status);
    item.text(key, &call.input);
    item.text("call_id", &call.call_id);
    item.text("name", &call.name);
    item.some("namespace", call.namespace.as_ref(), |value, text| {
        value.text(text)
    });
}

pub(super) fn write_content(value: Writer<'_>, content: &Content) {
    value.object(|part| {
        if content.is_refusal {
            part.str("type", "refusal");
            return part.text("refusal", &content.text);
        }
        part.str("type", "output_text");
        part.text("text", &content.text);
        part.array("annotations", |array| {
            content
                .annotations
                .iter()
                .for_each(|raw| array.item().raw(raw))
        });
        part.array("logprobs", |array| join_lists(array, &content.logprobs));
    });
}

fn write_paragraph(summary: &mut Array<'_>, text: &EscapedStr) {
    summary.object(|part| write_summary(part, text));
}

pub(super) fn write_summary(part: &mut Object<'_>, text: &EscapedStr) {
    part.str("type", "summary_text");
    part.text("text", text);
}

/// Several lists as one.
pub(super) fn join_lists(array: &mut Array<'_>, lists: &[Raw]) {
    for list in lists {
        let document = list.document();
        document
            .root()
            .items()
            .into_iter()
            .flatten()
            .for_each(|item| array.item().raw(&item.raw()));
    }
}
