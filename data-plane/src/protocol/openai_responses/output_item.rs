//! One output item toward a client, in each of its states.

use crate::canon::{PartHead, ReasoningForm};
use crate::json::{self, Array, EscapedStr, Object, Raw, Writer};

/// An item that is being written.
#[derive(Debug)]
pub(super) struct OutputItem {
    pub(super) id: String,
    pub(super) body: ItemBody,
}

#[derive(Debug)]
pub(super) enum ItemBody {
    Message(Vec<ContentPart>),
    Reasoning {
        form: ReasoningForm,
        paragraphs: Vec<EscapedStr>,
        encrypted: Option<EscapedStr>,
    },
    ToolCall(ToolCall),
    /// An image in an answer, which the dialect knows as the result of its hosted tool.
    Image {
        data: EscapedStr,
    },
    /// An item of the dialect's own, as it came.
    Hosted(Raw),
}

#[derive(Debug, Default)]
pub(super) struct ContentPart {
    pub(super) is_refusal: bool,
    pub(super) text: EscapedStr,
    pub(super) annotations: Vec<Raw>,
    /// Lists of log probabilities.
    pub(super) logprobs: Vec<Raw>,
}

#[derive(Debug)]
pub(super) struct ToolCall {
    pub(super) call_id: EscapedStr,
    pub(super) name: EscapedStr,
    pub(super) namespace: Option<EscapedStr>,
    /// Whether it is a call of a custom tool, whose input is free text.
    pub(super) is_free: bool,
    pub(super) input: EscapedStr,
}

/// How the events of an item's open text are named, and where the text stands in the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextEvents {
    /// The event's name without `.delta` and `.done`.
    pub(super) name: &'static str,
    /// The member of the `.done` event with the whole text.
    pub(super) text_key: &'static str,
    /// The member that counts texts within the item, and its value.
    pub(super) index: Option<(&'static str, usize)>,
}

impl TextEvents {
    /// Whether they are events of a message's text, which alone has log probabilities.
    pub(super) fn have_logprobs(self) -> bool {
        self.name == "response.output_text"
    }
}

impl ItemBody {
    /// The body of an item that begins with this part.
    pub(super) fn new(head: &PartHead) -> Self {
        match head {
            PartHead::Text | PartHead::Refusal => Self::Message(Vec::new()),
            PartHead::Reasoning(form) => Self::Reasoning {
                form: *form,
                paragraphs: Vec::new(),
                encrypted: None,
            },
            PartHead::ToolCall {
                id,
                name,
                namespace,
                free,
            } => Self::ToolCall(ToolCall {
                call_id: id.clone(),
                name: name.clone(),
                namespace: namespace.clone(),
                is_free: *free,
                input: EscapedStr::default(),
            }),
            PartHead::Media { .. } => Self::Image {
                data: EscapedStr::default(),
            },
            PartHead::Hosted { raw, .. } => Self::Hosted(raw.clone()),
        }
    }

    pub(super) fn id_prefix(&self) -> &'static str {
        match self {
            Self::Message(_) => "msg",
            Self::Reasoning { .. } => "rs",
            Self::ToolCall(call) if call.is_free => "ctc",
            Self::ToolCall(_) => "fc",
            Self::Image { .. } => "ig",
            Self::Hosted(_) => "item",
        }
    }

    /// The events of the text that is being written. `None` for items that are written whole.
    pub(super) fn text_events(&self) -> Option<TextEvents> {
        let (name, text_key, index) = match self {
            Self::Message(parts) => {
                let last = parts.last()?;
                let index = Some(("content_index", parts.len() - 1));
                if last.is_refusal {
                    ("response.refusal", "refusal", index)
                } else {
                    ("response.output_text", "text", index)
                }
            }
            Self::Reasoning { paragraphs, .. } => {
                let index = Some(("summary_index", paragraphs.len()));
                ("response.reasoning_summary_text", "text", index)
            }
            Self::ToolCall(call) if call.is_free => {
                ("response.custom_tool_call_input", "input", None)
            }
            Self::ToolCall(_) => ("response.function_call_arguments", "arguments", None),
            Self::Image { .. } | Self::Hosted(_) => return None,
        };
        Some(TextEvents {
            name,
            text_key,
            index,
        })
    }
}

impl OutputItem {
    pub(super) fn to_json(&self, status: &str) -> Raw {
        json::value(|value| self.write(value, status))
    }

    fn write(&self, value: Writer<'_>, status: &str) {
        match &self.body {
            ItemBody::Hosted(raw) => value.raw(raw),
            body => value.object(|item| {
                item.str("id", &self.id);
                write_body(item, body, status);
            }),
        }
    }
}

fn write_body(item: &mut Object<'_>, body: &ItemBody, status: &str) {
    match body {
        ItemBody::Message(parts) => {
            item.str("type", "message");
            item.str("status", status);
            item.str("role", "assistant");
            item.array("content", |array| {
                for part in parts {
                    write_content_part(array.item(), part);
                }
            });
        }
        // Reasoning has no status on the wire.
        ItemBody::Reasoning {
            form,
            paragraphs,
            encrypted,
        } => {
            item.str("type", "reasoning");
            write_paragraphs(item, "summary", "summary_text", paragraphs);
            // Most clients read the summary alone. What is the model's own text says so beside it.
            if *form == ReasoningForm::Full && !paragraphs.is_empty() {
                write_paragraphs(item, "content", "reasoning_text", paragraphs);
            }
            if let Some(encrypted) = encrypted {
                item.text("encrypted_content", encrypted);
            }
        }
        ItemBody::ToolCall(call) => write_call(item, call, status),
        ItemBody::Image { data } => {
            item.str("type", "image_generation_call");
            item.str("status", status);
            item.text("result", data);
        }
        ItemBody::Hosted(_) => {}
    }
}

fn write_call(item: &mut Object<'_>, call: &ToolCall, status: &str) {
    let (kind, input_key) = if call.is_free {
        ("custom_tool_call", "input")
    } else {
        ("function_call", "arguments")
    };
    item.str("type", kind);
    item.str("status", status);
    item.text(input_key, &call.input);
    item.text("call_id", &call.call_id);
    item.text("name", &call.name);
    if let Some(namespace) = &call.namespace {
        item.text("namespace", namespace);
    }
}

pub(super) fn write_content_part(value: Writer<'_>, part: &ContentPart) {
    value.object(|object| {
        if part.is_refusal {
            object.str("type", "refusal");
            return object.text("refusal", &part.text);
        }
        object.str("type", "output_text");
        object.text("text", &part.text);
        object.array("annotations", |array| {
            for annotation in &part.annotations {
                array.item().raw(annotation);
            }
        });
        object.array("logprobs", |array| join_lists(array, &part.logprobs));
    });
}

fn write_paragraphs(item: &mut Object<'_>, key: &str, kind: &str, paragraphs: &[EscapedStr]) {
    item.array(key, |list| {
        for text in paragraphs {
            list.object(|part| write_paragraph(part, kind, text));
        }
    });
}

/// Writes a paragraph of reasoning.
pub(super) fn write_paragraph(part: &mut Object<'_>, kind: &str, text: &EscapedStr) {
    part.str("type", kind);
    part.text("text", text);
}

/// Writes the items of several lists as one list.
pub(super) fn join_lists(array: &mut Array<'_>, lists: &[Raw]) {
    for list in lists {
        let document = list.document();
        for item in document.root().items().into_iter().flatten() {
            array.item().raw(&item.raw());
        }
    }
}
