//! Decodes one output item, from its events or from its final form, into parts of canon.
//!
//! Servers differ in how much they stream: deltas, only `.done` events, or only the finished item.
//! Each later form fills in what the earlier ones left out, and repeats nothing.

use super::encrypted_content;
use crate::canon::{Event, PartHead, PartIndex, ReasoningForm};
use crate::json::{EscapedStr, Invalid, Value};
use crate::protocol::names;

/// The parts of an answer so far.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// The seed of call ids that the upstream leaves out.
    seed: String,
    pub(super) has_calls: bool,
    pub(super) has_refusals: bool,
    next: u32,
}

impl Parts {
    pub(super) fn new(seed: &str) -> Self {
        Self {
            seed: seed.to_owned(),
            ..Self::default()
        }
    }

    fn start(&mut self, head: PartHead, out: &mut Vec<Event>) -> PartIndex {
        let at = PartIndex {
            choice: 0,
            part: self.next,
        };
        self.next += 1;
        self.has_calls |= matches!(head, PartHead::ToolCall { .. });
        self.has_refusals |= head == PartHead::Refusal;
        out.push(Event::PartStart { at, head });
        at
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextKind {
    Text,
    Refusal,
    Summary,
    Reasoning,
}

impl TextKind {
    fn head(self) -> PartHead {
        match self {
            Self::Text => PartHead::Text,
            Self::Refusal => PartHead::Refusal,
            Self::Summary => PartHead::Reasoning(ReasoningForm::Summary),
            Self::Reasoning => PartHead::Reasoning(ReasoningForm::Full),
        }
    }

    /// Whether several texts of this kind are paragraphs of one part.
    fn is_paragraph(self) -> bool {
        matches!(self, Self::Summary | Self::Reasoning)
    }

    fn of_content_part(part: Value<'_>) -> Option<Self> {
        match &*part.get("type")?.str().ok()? {
            "output_text" | "text" => Some(Self::Text),
            "refusal" => Some(Self::Refusal),
            "reasoning_text" => Some(Self::Reasoning),
            _ => None,
        }
    }
}

/// The position of one text in an item: `content_index` or `summary_index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TextPosition {
    kind: TextKind,
    index: u64,
}

impl TextPosition {
    fn of_event(kind: TextKind, event: Value<'_>) -> Self {
        let key = if kind == TextKind::Summary {
            "summary_index"
        } else {
            "content_index"
        };
        let index = event.get(key).and_then(|index| index.u64().ok());
        Self {
            kind,
            index: index.unwrap_or(0),
        }
    }
}

/// An output item that is being read.
#[derive(Debug)]
pub(super) struct ItemDecoder {
    pub(super) index: u64,
    part: Option<PartIndex>,
    /// The text that is being read.
    open: Option<OpenText>,
    /// The first content and summary indexes that were not read to their end.
    next_content: u64,
    next_summary: u64,
    /// Whether a call's input has come.
    has_input: bool,
}

#[derive(Debug)]
struct OpenText {
    position: TextPosition,
    has_text: bool,
    has_logprobs: bool,
    citations: usize,
}

impl ItemDecoder {
    pub(super) fn new(index: u64) -> Self {
        Self {
            index,
            part: None,
            open: None,
            next_content: 0,
            next_summary: 0,
            has_input: false,
        }
    }

    /// Reads one event of the item. Returns whether it was the last.
    pub(super) fn push(
        &mut self,
        kind: &str,
        event: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<bool, Invalid> {
        use TextKind::{Reasoning, Refusal, Summary, Text};
        match kind {
            "response.output_item.added" => self.start_call(event.required("item")?, parts, out)?,
            "response.output_item.done" => {
                self.finish(event.required("item")?, parts, out)?;
                return Ok(true);
            }
            "response.content_part.added" => self.content_part_added(event, parts, out),
            "response.content_part.done" => self.content_part_done(event, parts, out)?,
            "response.output_text.delta" => self.text(Text, event, "delta", parts, out)?,
            "response.output_text.done" => self.text(Text, event, "text", parts, out)?,
            "response.output_text.annotation.added" => self.annotation(event, parts, out),
            "response.refusal.delta" => self.text(Refusal, event, "delta", parts, out)?,
            "response.refusal.done" => self.text(Refusal, event, "refusal", parts, out)?,
            "response.reasoning_summary_text.delta" => {
                self.text(Summary, event, "delta", parts, out)?
            }
            "response.reasoning_summary_text.done" => {
                self.text(Summary, event, "text", parts, out)?
            }
            "response.reasoning_summary_part.done" => self.end_text(out),
            "response.reasoning_text.delta" => self.text(Reasoning, event, "delta", parts, out)?,
            "response.reasoning_text.done" => self.text(Reasoning, event, "text", parts, out)?,
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.input(event, "delta", out)?
            }
            "response.function_call_arguments.done" => self.input(event, "arguments", out)?,
            "response.custom_tool_call_input.done" => self.input(event, "input", out)?,
            _ => {}
        }
        Ok(false)
    }

    /// Reads the finished item: what its events did not give.
    pub(super) fn finish(
        &mut self,
        item: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let kind = item.required("type")?.text()?;
        match &*kind.to_plain() {
            "message" => self.content(item, parts, out)?,
            "reasoning" => self.reasoning(item, parts, out)?,
            "function_call" => {
                self.start_call(item, parts, out)?;
                self.input(item, "arguments", out)?;
            }
            "custom_tool_call" => {
                self.start_call(item, parts, out)?;
                self.input(item, "input", out)?;
            }
            _ => {
                self.close(out);
                let raw = item.raw();
                self.part = Some(parts.start(PartHead::Hosted { kind, raw }, out));
            }
        }
        self.close(out);
        Ok(())
    }

    /// Ends the open text and the open part.
    pub(super) fn close(&mut self, out: &mut Vec<Event>) {
        self.end_text(out);
        self.end_part(out);
    }

    fn end_part(&mut self, out: &mut Vec<Event>) {
        if let Some(at) = self.part.take() {
            out.push(Event::PartEnd { at });
        }
    }

    /// Opens the text at a position, unless it is open already. `None` where it was read to its
    /// end before.
    fn open_text(
        &mut self,
        position: TextPosition,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Option<(PartIndex, &mut OpenText)> {
        let is_open = self
            .open
            .as_ref()
            .is_some_and(|open| open.position == position);
        if !is_open {
            if position.index < *self.next_index(position.kind) {
                return None;
            }
            self.end_text(out);
            self.open = Some(OpenText {
                position,
                has_text: false,
                has_logprobs: false,
                citations: 0,
            });
            match self.part {
                Some(at) => out.push(Event::Paragraph { at }),
                None => self.part = Some(parts.start(position.kind.head(), out)),
            }
        }
        self.part.zip(self.open.as_mut())
    }

    fn next_index(&mut self, kind: TextKind) -> &mut u64 {
        match kind {
            TextKind::Summary => &mut self.next_summary,
            TextKind::Text | TextKind::Refusal | TextKind::Reasoning => &mut self.next_content,
        }
    }

    fn end_text(&mut self, out: &mut Vec<Event>) {
        let Some(OpenText { position, .. }) = self.open.take() else {
            return;
        };
        *self.next_index(position.kind) = position.index.saturating_add(1);
        if !position.kind.is_paragraph() {
            self.end_part(out);
        }
    }

    /// Reads a delta of a text, or the whole of it where no delta came. `key` is the event's member
    /// with the text.
    fn text(
        &mut self,
        kind: TextKind,
        event: Value<'_>,
        key: &str,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        self.text_at(TextPosition::of_event(kind, event), event, key, parts, out)
    }

    fn text_at(
        &mut self,
        position: TextPosition,
        source: Value<'_>,
        key: &str,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let text = source.get(key).map(Value::text).transpose()?;
        let text = text.unwrap_or_default();
        if text.is_empty() && position.kind.is_paragraph() {
            return Ok(());
        }
        let Some((at, open)) = self.open_text(position, parts, out) else {
            return Ok(());
        };
        let is_delta = key == "delta";
        if let Some(list) = source.get("logprobs") {
            let has_items = list.items().is_ok_and(|mut items| items.next().is_some());
            if has_items && (is_delta || !open.has_logprobs) {
                open.has_logprobs = true;
                let list = list.raw();
                out.push(Event::Logprobs { at, list });
            }
        }
        if !text.is_empty() && (is_delta || !open.has_text) {
            open.has_text = true;
            out.push(Event::Delta { at, text });
        }
        Ok(())
    }

    fn annotation(&mut self, event: Value<'_>, parts: &mut Parts, out: &mut Vec<Event>) {
        let Some(annotation) = event.get("annotation") else {
            return;
        };
        let position = TextPosition::of_event(TextKind::Text, event);
        if let Some((at, open)) = self.open_text(position, parts, out) {
            open.citations += 1;
            let raw = annotation.raw();
            out.push(Event::Cite { at, raw });
        }
    }

    /// Opens a text. Reasoning begins with its first text instead, so that no empty part is shown.
    fn content_part_added(&mut self, event: Value<'_>, parts: &mut Parts, out: &mut Vec<Event>) {
        let kind = event.get("part").and_then(TextKind::of_content_part);
        if let Some(kind) = kind.filter(|kind| !kind.is_paragraph()) {
            self.open_text(TextPosition::of_event(kind, event), parts, out);
        }
    }

    fn content_part_done(
        &mut self,
        event: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let Some(part) = event.get("part") else {
            return Ok(());
        };
        match TextKind::of_content_part(part) {
            Some(kind) => self.content_part(TextPosition::of_event(kind, event), part, parts, out),
            None => Ok(()),
        }
    }

    /// Reads a finished content part.
    fn content_part(
        &mut self,
        position: TextPosition,
        part: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let key = if position.kind == TextKind::Refusal {
            "refusal"
        } else {
            "text"
        };
        self.text_at(position, part, key, parts, out)?;
        let Some(open) = self.open.as_ref().filter(|open| open.position == position) else {
            return Ok(());
        };
        if let Some(at) = self.part
            && let Some(Ok(annotations)) = part.get("annotations").map(Value::items)
        {
            for annotation in annotations.skip(open.citations) {
                let raw = annotation.raw();
                out.push(Event::Cite { at, raw });
            }
        }
        self.end_text(out);
        Ok(())
    }

    fn content(
        &mut self,
        item: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let Some(content) = item.get("content") else {
            return Ok(());
        };
        for (index, part) in (0..).zip(content.items()?) {
            if let Some(kind) = TextKind::of_content_part(part) {
                self.content_part(TextPosition { kind, index }, part, parts, out)?;
            }
        }
        Ok(())
    }

    fn reasoning(
        &mut self,
        item: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        if let Some(summary) = item.get("summary") {
            let kind = TextKind::Summary;
            for (index, part) in (0..).zip(summary.items()?) {
                self.content_part(TextPosition { kind, index }, part, parts, out)?;
            }
        }
        if !repeats_summary(item) {
            self.content(item, parts, out)?;
        }
        let Some(encrypted) = item.get("encrypted_content") else {
            return Ok(());
        };
        let id = item.get("id").map(Value::text).transpose()?;
        let value = encrypted_content::join(id.as_ref(), &encrypted.text()?);
        let redacted = PartHead::Reasoning(ReasoningForm::Redacted);
        let at = *self.part.get_or_insert_with(|| parts.start(redacted, out));
        out.push(Event::Signature { at, value });
        Ok(())
    }

    /// Starts a call as soon as its name is known.
    fn start_call(
        &mut self,
        item: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let kind = item.required("type")?.text()?;
        let free = kind == "custom_tool_call";
        let is_call = free || kind == "function_call";
        if !is_call || self.part.is_some() {
            return Ok(());
        }
        let Some(name) = item.get("name") else {
            return Ok(());
        };
        let id = match item.get("call_id") {
            Some(id) => id.text()?,
            None => EscapedStr::from(format!("call_{}_{}", parts.seed, parts.next)),
        };
        let head = PartHead::ToolCall {
            id,
            name: names::decode_called(name)?,
            namespace: item.get("namespace").map(Value::text).transpose()?,
            free,
        };
        self.part = Some(parts.start(head, out));
        Ok(())
    }

    /// Reads a delta of a call's input, or the whole of it where no delta came.
    fn input(&mut self, source: Value<'_>, key: &str, out: &mut Vec<Event>) -> Result<(), Invalid> {
        let (Some(at), Some(text)) = (self.part, source.get(key)) else {
            return Ok(());
        };
        let text = text.text()?;
        if !text.is_empty() && (key == "delta" || !self.has_input) {
            self.has_input = true;
            out.push(Event::Delta { at, text });
        }
        Ok(())
    }
}

/// Whether the full text of a reasoning item says what its summary says: some servers write the
/// same text in both, for clients that read one of them.
fn repeats_summary(item: Value<'_>) -> bool {
    let texts = |key| {
        let parts = item.get(key).and_then(|parts| parts.items().ok());
        let texts = parts.into_iter().flatten();
        texts.map(|part| part.get("text").and_then(|text| text.text().ok()))
    };
    texts("content").eq(texts("summary"))
}
