//! Encodes the output items of an answer: as numbered events, and as the list in the final object.
//!
//! An item stays open until the next one begins or the answer ends, since only then is it known
//! whether it is complete.

use bytes::BytesMut;

use super::finish::Status;
use super::output_item::{
    ContentPart, ItemBody, OutputItem, TextEvents, join_lists, write_content_part, write_paragraph,
};
use super::response_object::ResponseObject;
use super::{DIALECT, encrypted_content, logprobs};
use crate::canon::{Origin, PartHead, ReasoningForm};
use crate::json::{self, EscapedStr, Object, Raw, Value, Writer};
use crate::protocol::{ResponseContext, sse};

/// Writes events with sequence numbers, from 0 without gaps.
#[derive(Default)]
struct EventWriter {
    next: u64,
}

impl EventWriter {
    fn write(&mut self, out: &mut BytesMut, name: &str, write: impl FnOnce(&mut Object<'_>)) {
        let number = self.next;
        self.next += 1;
        sse::write(out, name, |out| {
            Writer::new(out).object(|event| {
                event.str("type", name);
                event.u64("sequence_number", number);
                write(event);
            });
        });
    }
}

pub(super) struct OutputEncoder {
    pub(super) response: ResponseObject,
    events: EventWriter,
    origin: Origin,
    request_id: String,
    open: Option<OutputItem>,
    /// Whether a part of the open item is being written.
    is_in_part: bool,
    /// The deltas of the open text.
    deltas: Vec<EscapedStr>,
    /// Log probabilities for the next delta.
    pending_logprobs: Vec<Raw>,
    /// The signature of the open call or text, and the call's id. It gets an item of its own behind
    /// the open one.
    part_signature: Option<(EscapedStr, EscapedStr)>,
}

impl OutputEncoder {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        Self {
            response: ResponseObject::new(context),
            events: EventWriter::default(),
            origin: context.origin.clone(),
            request_id: context.request_id.to_owned(),
            open: None,
            is_in_part: false,
            deltas: Vec::new(),
            pending_logprobs: Vec::new(),
            part_signature: None,
        }
    }

    pub(super) fn start(&mut self, out: &mut BytesMut) {
        let Self {
            events, response, ..
        } = self;
        for name in ["response.created", "response.in_progress"] {
            events.write(out, name, |event| {
                response.write(event.key("response"), Status::InProgress)
            });
        }
    }

    /// Writes the terminal event.
    pub(super) fn finish(&mut self, status: Status<'_>, out: &mut BytesMut) {
        let Self {
            events, response, ..
        } = self;
        events.write(out, status.event(), |event| {
            response.write(event.key("response"), status)
        });
    }

    /// Whether the dialect has a form for the part. Hosted tools of other dialects have none, nor
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

    pub(super) fn start_part(&mut self, head: &PartHead, out: &mut BytesMut) {
        self.is_in_part = self.can_carry(head);
        if !self.is_in_part {
            return;
        }
        match head {
            PartHead::Text => self.start_content_part(false, out),
            PartHead::Refusal => self.start_content_part(true, out),
            head => self.open(ItemBody::new(head), out),
        }
    }

    /// Texts and refusals that follow one another are parts of one message.
    fn start_content_part(&mut self, is_refusal: bool, out: &mut BytesMut) {
        if !matches!(self.open_body(), Some(ItemBody::Message(_))) {
            self.open(ItemBody::Message(Vec::new()), out);
        }
        if let Some(ItemBody::Message(parts)) = self.open_body() {
            parts.push(ContentPart {
                is_refusal,
                ..ContentPart::default()
            });
        }
        self.write_content_event("response.content_part.added", out);
    }

    fn open_body(&mut self) -> Option<&mut ItemBody> {
        self.open.as_mut().map(|item| &mut item.body)
    }

    fn open(&mut self, body: ItemBody, out: &mut BytesMut) {
        self.close("completed", out);
        let index = self.response.output.len();
        let item = OutputItem {
            id: format!("{}_{}_{index}", body.id_prefix(), self.request_id),
            body,
        };
        let json = item.to_json("in_progress");
        self.write_item_event("response.output_item.added", &json, out);
        self.open = Some(item);
    }

    /// Ends the open item, and writes the item with its signature where one came.
    pub(super) fn close(&mut self, status: &str, out: &mut BytesMut) {
        let Some(mut item) = self.open.take() else {
            return;
        };
        if let ItemBody::Reasoning { encrypted, .. } = &mut item.body
            && encrypted.is_none()
        {
            *encrypted = encrypted_content::for_unsigned(&self.origin);
        }
        self.push_item(item.to_json(status), out);
        if let Some((call_id, signature)) = self.part_signature.take() {
            let encrypted = encrypted_content::for_part(&self.origin, &call_id, &signature);
            let carrier = ItemBody::Reasoning {
                form: ReasoningForm::Full,
                paragraphs: Vec::new(),
                encrypted: Some(encrypted),
            };
            self.open(carrier, out);
            self.close("completed", out);
        }
    }

    fn push_item(&mut self, item: Raw, out: &mut BytesMut) {
        self.write_item_event("response.output_item.done", &item, out);
        self.response.output.push(item);
    }

    fn write_item_event(&mut self, name: &str, item: &Raw, out: &mut BytesMut) {
        let index = self.response.output.len() as u64;
        self.events.write(out, name, |event| {
            event.u64("output_index", index);
            event.raw("item", item);
        });
    }

    pub(super) fn delta(&mut self, text: &EscapedStr, out: &mut BytesMut) {
        if !self.is_in_part || text.is_empty() {
            return;
        }
        if self.deltas.is_empty() {
            self.start_paragraph(out);
        }
        self.deltas.push(text.clone());
        let logprobs = std::mem::take(&mut self.pending_logprobs);
        self.write_text_event("delta", out, |event, text_events| {
            event.text("delta", text);
            write_logprobs(event, text_events, &logprobs);
        });
    }

    /// Each paragraph of a summary is a part.
    fn start_paragraph(&mut self, out: &mut BytesMut) {
        self.write_summary_event(
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
        let text = EscapedStr::join(&std::mem::take(&mut self.deltas), "");
        match self.open_body() {
            Some(ItemBody::Message(parts)) => {
                if let Some(part) = parts.last_mut() {
                    part.text = text;
                }
                self.end_content_part(out);
            }
            Some(ItemBody::Reasoning { .. }) if !text.is_empty() => self.end_paragraph(text, out),
            Some(ItemBody::ToolCall(call)) => {
                call.input = text.clone();
                self.write_done_event(&text, &[], out);
            }
            Some(ItemBody::Image { data }) => *data = text,
            _ => {}
        }
    }

    fn end_content_part(&mut self, out: &mut BytesMut) {
        let Some(part) = self.content_part() else {
            return;
        };
        let text = part.text.clone();
        let logprobs = part.logprobs.clone();
        self.pending_logprobs.clear();
        self.write_done_event(&text, &logprobs, out);
        self.write_content_event("response.content_part.done", out);
    }

    fn end_paragraph(&mut self, text: EscapedStr, out: &mut BytesMut) {
        self.write_done_event(&text, &[], out);
        self.write_summary_event("response.reasoning_summary_part.done", &text, out);
        if let Some(ItemBody::Reasoning { paragraphs, .. }) = self.open_body() {
            paragraphs.push(text);
        }
    }

    pub(super) fn end_part(&mut self, out: &mut BytesMut) {
        if !self.is_in_part {
            return;
        }
        let is_empty = self.deltas.is_empty();
        if let Some(ItemBody::ToolCall(call)) = self.open_body()
            && is_empty
            && !call.is_free
        {
            // The dialect writes missing arguments as JSON too.
            self.delta(&EscapedStr::from_static("{}"), out);
        }
        self.end_text(out);
        self.is_in_part = false;
    }

    pub(super) fn signature(&mut self, signature: &EscapedStr) {
        if !self.is_in_part {
            return;
        }
        let Some(item) = &mut self.open else {
            return;
        };
        match &mut item.body {
            ItemBody::Reasoning {
                form, encrypted, ..
            } => {
                let content = encrypted_content::for_reasoning(&self.origin, *form, signature);
                *encrypted = Some(content);
            }
            ItemBody::ToolCall(call) => {
                self.part_signature = Some((call.call_id.clone(), signature.clone()));
            }
            ItemBody::Message(_) => {
                self.part_signature = Some((EscapedStr::default(), signature.clone()));
            }
            ItemBody::Image { .. } | ItemBody::Hosted(_) => {}
        }
    }

    /// The open part of a message.
    fn content_part(&mut self) -> Option<&mut ContentPart> {
        if !self.is_in_part {
            return None;
        }
        match self.open_body() {
            Some(ItemBody::Message(parts)) => parts.last_mut(),
            _ => None,
        }
    }

    /// A citation as an annotation of this dialect, where it has a form for it.
    pub(super) fn annotation(&self, citation: &Raw) -> Option<Raw> {
        annotation(citation, self.origin.dialect == DIALECT)
    }

    pub(super) fn citation(&mut self, citation: &Raw, out: &mut BytesMut) {
        let Some(annotation) = self.annotation(citation) else {
            return;
        };
        let Some(part) = self.content_part() else {
            return;
        };
        let index = part.annotations.len() as u64;
        part.annotations.push(annotation.clone());
        let name = "response.output_text.annotation.added";
        self.write_positioned_event(name, out, |event, _| {
            event.u64("annotation_index", index);
            event.raw("annotation", &annotation);
        });
    }

    pub(super) fn logprobs(&mut self, list: &Raw) {
        if let Some(part) = self.content_part() {
            let list = logprobs::with_bytes(list);
            part.logprobs.push(list.clone());
            self.pending_logprobs.push(list);
        }
    }

    /// Writes the `.done` event of the open text.
    fn write_done_event(&mut self, text: &EscapedStr, logprobs: &[Raw], out: &mut BytesMut) {
        let call_name = match self.open_body() {
            Some(ItemBody::ToolCall(call)) if !call.is_free => Some(call.name.clone()),
            _ => None,
        };
        self.write_text_event("done", out, |event, text_events| {
            if let Some(name) = &call_name {
                event.text("name", name);
            }
            event.text(text_events.text_key, text);
            write_logprobs(event, text_events, logprobs);
        });
    }

    fn write_content_event(&mut self, name: &str, out: &mut BytesMut) {
        let Some(part) = self.content_part() else {
            return;
        };
        let json = json::value(|value| write_content_part(value, part));
        self.write_positioned_event(name, out, |event, _| event.raw("part", &json));
    }

    fn write_summary_event(&mut self, name: &str, text: &EscapedStr, out: &mut BytesMut) {
        if matches!(self.open_body(), Some(ItemBody::Reasoning { .. })) {
            self.write_positioned_event(name, out, |event, _| {
                event.object("part", |part| write_paragraph(part, "summary_text", text))
            });
        }
    }

    /// Writes the `.delta` or `.done` event of the open text.
    fn write_text_event(
        &mut self,
        step: &str,
        out: &mut BytesMut,
        write: impl FnOnce(&mut Object<'_>, TextEvents),
    ) {
        let Some(text_events) = self.open_body().and_then(|body| body.text_events()) else {
            return;
        };
        self.write_positioned_event(&format!("{}.{step}", text_events.name), out, write);
    }

    /// Writes an event about the open text, with the text's position.
    fn write_positioned_event(
        &mut self,
        name: &str,
        out: &mut BytesMut,
        write: impl FnOnce(&mut Object<'_>, TextEvents),
    ) {
        let Some(item) = &self.open else {
            return;
        };
        let Some(text_events) = item.body.text_events() else {
            return;
        };
        let output_index = self.response.output.len() as u64;
        self.events.write(out, name, |event| {
            event.str("item_id", &item.id);
            event.u64("output_index", output_index);
            if let Some((key, index)) = text_events.index {
                event.u64(key, index as u64);
            }
            write(event, text_events);
        });
    }
}

fn write_logprobs(event: &mut Object<'_>, text_events: TextEvents, lists: &[Raw]) {
    if text_events.have_logprobs() {
        event.array("logprobs", |array| join_lists(array, lists));
    }
}

/// The dialect's own citation, or Chat's, which holds the same members one level deeper. A citation
/// without the members that the dialect requires gets an empty span and its address as the title.
fn annotation(citation: &Raw, is_same_dialect: bool) -> Option<Raw> {
    if is_same_dialect {
        return Some(citation.clone());
    }
    let document = citation.document();
    let url_citation = document.root().get("url_citation")?;
    let url = url_citation.get("url")?.raw();
    let nowhere = Raw::from_static("0");
    Some(json::value(|value| {
        value.object(|annotation| {
            annotation.str("type", "url_citation");
            annotation.raw("url", &url);
            for (key, default) in [
                ("title", &url),
                ("start_index", &nowhere),
                ("end_index", &nowhere),
            ] {
                let member = url_citation.get(key);
                annotation.raw(key, member.map(Value::raw).as_ref().unwrap_or(default));
            }
        });
    }))
}
