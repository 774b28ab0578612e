//! The output items of an answer toward a Responses client, as numbered events and as the list at
//! the end.
//!
//! An item stays open until the next one begins or the answer ends, since only then is it known
//! whether it was cut.

use bytes::BytesMut;

use super::output_item::{
    Body, Call, Content, Item, Slot, join_lists, write_content, write_summary,
};
use super::response_object::{Answer, Status};
use super::{DIALECT, encrypted_content};
use crate::canon::{Origin, PartHead, ReasoningForm};
use crate::json::{self, EscapedStr, Object, Raw, Writer};
use crate::protocol::{ResponseContext, sse};

/// Writes events with their numbers, from 0 without gaps.
#[derive(Default)]
struct Numbered {
    next: u64,
}

impl Numbered {
    fn event(&mut self, out: &mut BytesMut, kind: &str, write: impl FnOnce(&mut Object<'_>)) {
        let number = self.next;
        self.next += 1;
        sse::write(out, kind, |out| {
            Writer::new(out).object(|event| {
                event.str("type", kind);
                event.u64("sequence_number", number);
                write(event);
            });
        });
    }
}

pub(super) struct Output {
    pub(super) answer: Answer,
    wire: Numbered,
    origin: Origin,
    request_id: String,
    open: Option<Item>,
    /// Whether a part of the open item is being written.
    is_in_part: bool,
    /// The pieces of the open text.
    pieces: Vec<EscapedStr>,
    /// Log probabilities that wait for the next delta.
    logprobs: Vec<Raw>,
    /// The token of the open call or text, for the item that follows it, and the call's id.
    token: Option<(EscapedStr, EscapedStr)>,
}

impl Output {
    pub(super) fn new(ask: &ResponseContext<'_>) -> Self {
        Self {
            answer: Answer::new(ask),
            wire: Numbered::default(),
            origin: ask.origin.clone(),
            request_id: ask.request_id.to_owned(),
            open: None,
            is_in_part: false,
            pieces: Vec::new(),
            logprobs: Vec::new(),
            token: None,
        }
    }

    pub(super) fn begin(&mut self, out: &mut BytesMut) {
        let Self { wire, answer, .. } = self;
        for kind in ["response.created", "response.in_progress"] {
            wire.event(out, kind, |event| {
                answer.write(event.key("response"), Status::InProgress)
            });
        }
    }

    pub(super) fn terminal(&mut self, status: Status<'_>, out: &mut BytesMut) {
        let Self { wire, answer, .. } = self;
        wire.event(out, status.event(), |event| {
            answer.write(event.key("response"), status)
        });
    }

    /// Whether the dialect has a form for the part. Another dialect's hosted tools have none, nor
    /// has audio.
    pub(super) fn can_carry(&self, head: &PartHead) -> bool {
        match head {
            PartHead::Hosted { .. } => self.origin.dialect == DIALECT,
            PartHead::Media { mime } => mime.to_plain().starts_with("image/"),
            PartHead::Text
            | PartHead::Refusal
            | PartHead::Reasoning(_)
            | PartHead::ToolCall { .. } => true,
        }
    }

    pub(super) fn begin_part(&mut self, head: &PartHead, out: &mut BytesMut) {
        self.is_in_part = self.can_carry(head);
        if !self.is_in_part {
            return;
        }
        match head {
            PartHead::Text => self.begin_content(false, out),
            PartHead::Refusal => self.begin_content(true, out),
            head => self.open(body(head), out),
        }
    }

    /// Texts and refusals that follow one another stand in one message.
    fn begin_content(&mut self, is_refusal: bool, out: &mut BytesMut) {
        if !matches!(
            self.open,
            Some(Item {
                body: Body::Message(_),
                ..
            })
        ) {
            self.open(Body::Message(Vec::new()), out);
        }
        if let Some(Item {
            body: Body::Message(contents),
            ..
        }) = &mut self.open
        {
            contents.push(Content {
                is_refusal,
                ..Content::default()
            });
        }
        self.content_event("response.content_part.added", out);
    }

    fn open(&mut self, body: Body, out: &mut BytesMut) {
        self.close("completed", out);
        let index = self.answer.output.len();
        let item = Item {
            id: format!("{}_{}_{index}", body.id_prefix(), self.request_id),
            body,
        };
        let raw = item.raw("in_progress");
        self.item_event("response.output_item.added", &raw, out);
        self.open = Some(item);
    }

    /// Ends the open item, and writes the item with its token where one came.
    pub(super) fn close(&mut self, status: &str, out: &mut BytesMut) {
        let Some(mut item) = self.open.take() else {
            return;
        };
        if let Body::Reasoning { encrypted, .. } = &mut item.body {
            *encrypted = encrypted
                .take()
                .or_else(|| encrypted_content::for_unsigned(&self.origin));
        }
        self.finished(item.raw(status), out);
        if let Some((call_id, token)) = self.token.take() {
            let encrypted = Some(encrypted_content::for_part(&self.origin, &call_id, &token));
            self.open(
                Body::Reasoning {
                    form: ReasoningForm::Full,
                    paragraphs: Vec::new(),
                    encrypted,
                },
                out,
            );
            self.close("completed", out);
        }
    }

    fn finished(&mut self, raw: Raw, out: &mut BytesMut) {
        self.item_event("response.output_item.done", &raw, out);
        self.answer.output.push(raw);
    }

    fn item_event(&mut self, kind: &str, item: &Raw, out: &mut BytesMut) {
        let index = self.answer.output.len() as u64;
        self.wire.event(out, kind, |event| {
            event.u64("output_index", index);
            event.raw("item", item);
        });
    }

    pub(super) fn delta(&mut self, text: &EscapedStr, out: &mut BytesMut) {
        if !self.is_in_part || text.is_empty() {
            return;
        }
        if self.pieces.is_empty() {
            self.begin_paragraph(out);
        }
        self.pieces.push(text.clone());
        let logprobs = std::mem::take(&mut self.logprobs);
        self.text_event("delta", out, |event, slot| {
            event.text("delta", text);
            write_logprobs(event, slot, &logprobs);
        });
    }

    /// A summary's paragraph is a part of its own.
    fn begin_paragraph(&mut self, out: &mut BytesMut) {
        self.summary_event(
            "response.reasoning_summary_part.added",
            &EscapedStr::default(),
            out,
        );
    }

    /// Ends the open text: of a paragraph, a content part, a call's input.
    pub(super) fn end_text(&mut self, out: &mut BytesMut) {
        if !self.is_in_part {
            return;
        }
        let text = EscapedStr::join(&std::mem::take(&mut self.pieces), "");
        match self.open.as_mut().map(|item| &mut item.body) {
            Some(Body::Message(contents)) => {
                if let Some(content) = contents.last_mut() {
                    content.text = text;
                }
                self.end_content(out);
            }
            Some(Body::Reasoning { .. }) if !text.is_empty() => self.end_paragraph(text, out),
            Some(Body::Call(call)) => {
                call.input = text.clone();
                self.whole_event(&text, &[], out);
            }
            Some(Body::Image { data }) => *data = text,
            _ => {}
        }
    }

    fn end_content(&mut self, out: &mut BytesMut) {
        let Some(content) = self.content() else {
            return;
        };
        let (text, logprobs) = (content.text.clone(), content.logprobs.clone());
        self.logprobs.clear();
        self.whole_event(&text, &logprobs, out);
        self.content_event("response.content_part.done", out);
    }

    fn end_paragraph(&mut self, text: EscapedStr, out: &mut BytesMut) {
        self.whole_event(&text, &[], out);
        self.summary_event("response.reasoning_summary_part.done", &text, out);
        if let Some(Item {
            body: Body::Reasoning { paragraphs, .. },
            ..
        }) = &mut self.open
        {
            paragraphs.push(text);
        }
    }

    pub(super) fn end_part(&mut self, out: &mut BytesMut) {
        if !self.is_in_part {
            return;
        }
        if self.pieces.is_empty()
            && matches!(&self.open, Some(Item { body: Body::Call(call), .. }) if !call.is_free)
        {
            // No arguments at all: the dialect writes them as JSON too.
            self.delta(&EscapedStr::from_static("{}"), out);
        }
        self.end_text(out);
        self.is_in_part = false;
    }

    pub(super) fn token(&mut self, value: &EscapedStr) {
        if !self.is_in_part {
            return;
        }
        match self.open.as_mut().map(|item| &mut item.body) {
            Some(Body::Reasoning {
                form, encrypted, ..
            }) => *encrypted = Some(encrypted_content::for_reasoning(&self.origin, *form, value)),
            Some(Body::Call(call)) => self.token = Some((call.call_id.clone(), value.clone())),
            Some(Body::Message(_)) => self.token = Some((EscapedStr::default(), value.clone())),
            _ => {}
        }
    }

    /// The open text of a message.
    fn content(&mut self) -> Option<&mut Content> {
        match &mut self.open {
            Some(Item {
                body: Body::Message(contents),
                ..
            }) if self.is_in_part => contents.last_mut(),
            _ => None,
        }
    }

    /// A citation in the dialect's shape, where it has one for it.
    pub(super) fn annotation(&self, raw: &Raw) -> Option<Raw> {
        annotation(raw, self.origin.dialect == DIALECT)
    }

    pub(super) fn cite(&mut self, raw: &Raw, out: &mut BytesMut) {
        let Some(annotation) = self.annotation(raw) else {
            return;
        };
        let Some(content) = self.content() else {
            return;
        };
        let index = content.annotations.len() as u64;
        content.annotations.push(annotation.clone());
        self.slot_event("response.output_text.annotation.added", out, |event, _| {
            event.u64("annotation_index", index);
            event.raw("annotation", &annotation);
        });
    }

    pub(super) fn logprobs(&mut self, list: &Raw) {
        if let Some(content) = self.content() {
            content.logprobs.push(list.clone());
            self.logprobs.push(list.clone());
        }
    }

    /// The `.done` of the open text.
    fn whole_event(&mut self, text: &EscapedStr, logprobs: &[Raw], out: &mut BytesMut) {
        let name = match self.open.as_ref().map(|item| &item.body) {
            Some(Body::Call(call)) => Some(call.name.clone()),
            _ => None,
        };
        self.text_event("done", out, |event, slot| {
            event.some("name", name.as_ref(), |value, text| value.text(text));
            event.text(slot.whole, text);
            write_logprobs(event, slot, logprobs);
        });
    }

    fn content_event(&mut self, kind: &str, out: &mut BytesMut) {
        let Some(part) = self
            .content()
            .map(|content| json::value(|value| write_content(value, content)))
        else {
            return;
        };
        self.slot_event(kind, out, |event, _| event.raw("part", &part));
    }

    fn summary_event(&mut self, kind: &str, text: &EscapedStr, out: &mut BytesMut) {
        if matches!(
            self.open,
            Some(Item {
                body: Body::Reasoning { .. },
                ..
            })
        ) {
            self.slot_event(kind, out, |event, _| {
                event.object("part", |part| write_summary(part, text))
            });
        }
    }

    fn text_event(
        &mut self,
        step: &str,
        out: &mut BytesMut,
        write: impl FnOnce(&mut Object<'_>, Slot),
    ) {
        let Some(slot) = self.open.as_ref().and_then(|item| item.body.slot()) else {
            return;
        };
        self.slot_event(&format!("{}.{step}", slot.event), out, write);
    }

    /// An event about the open text of the open item.
    fn slot_event(
        &mut self,
        kind: &str,
        out: &mut BytesMut,
        write: impl FnOnce(&mut Object<'_>, Slot),
    ) {
        let Self {
            wire, open, answer, ..
        } = self;
        let Some((item, slot)) = open
            .as_ref()
            .and_then(|item| Some((item, item.body.slot()?)))
        else {
            return;
        };
        wire.event(out, kind, |event| {
            event.str("item_id", &item.id);
            event.u64("output_index", answer.output.len() as u64);
            if let Some((key, index)) = slot.index {
                event.u64(key, index as u64);
            }
            write(event, slot);
        });
    }
}

fn body(head: &PartHead) -> Body {
    match head {
        PartHead::Text | PartHead::Refusal => Body::Message(Vec::new()),
        PartHead::Reasoning(form) => Body::Reasoning {
            form: *form,
            paragraphs: Vec::new(),
            encrypted: None,
        },
        PartHead::ToolCall {
            id,
            name,
            namespace,
            free,
        } => Body::Call(Call {
            call_id: id.clone(),
            name: name.clone(),
            namespace: namespace.clone(),
            is_free: *free,
            input: EscapedStr::default(),
        }),
        PartHead::Media { .. } => Body::Image {
            data: EscapedStr::default(),
        },
        PartHead::Hosted { raw, .. } => Body::Hosted(raw.clone()),
    }
}

/// `logprobs` belongs to texts of messages, and to nothing else.
fn write_logprobs(event: &mut Object<'_>, slot: Slot, lists: &[Raw]) {
    if slot.event == "response.output_text" {
        event.array("logprobs", |array| join_lists(array, lists));
    }
}

/// A citation in the dialect's shape: its own, or Chat's, which holds the same one level deeper.
fn annotation(raw: &Raw, is_own: bool) -> Option<Raw> {
    if is_own {
        return Some(raw.clone());
    }
    let document = raw.document();
    let inner = document.root().get("url_citation")?;
    Some(json::value(|value| {
        value.object(|annotation| {
            annotation.str("type", "url_citation");
            for (key, value) in inner.members().into_iter().flatten() {
                annotation.raw(&key, &value.raw());
            }
        });
    }))
}
