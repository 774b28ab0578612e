//! One output item of an upstream, from its events or from its final form: parts of canon.
//!
//! Servers differ in how much they stream: deltas, only `.done` events, or only the finished item.
//! Each later form gives what the earlier ones left out, and nothing twice.

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

    fn begin(&mut self, head: PartHead, out: &mut Vec<Event>) -> PartIndex {
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

/// What the texts of an item are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Text,
    Refusal,
    Summary,
    Reasoning,
}

impl Lane {
    fn head(self) -> PartHead {
        match self {
            Self::Text => PartHead::Text,
            Self::Refusal => PartHead::Refusal,
            Self::Summary => PartHead::Reasoning(ReasoningForm::Summary),
            Self::Reasoning => PartHead::Reasoning(ReasoningForm::Full),
        }
    }

    /// Whether its texts are paragraphs of one part.
    fn is_paragraphs(self) -> bool {
        matches!(self, Self::Summary | Self::Reasoning)
    }

    fn of_content(part: Value<'_>) -> Option<Self> {
        match &*part.get("type")?.str().ok()? {
            "output_text" | "text" => Some(Self::Text),
            "refusal" => Some(Self::Refusal),
            "reasoning_text" => Some(Self::Reasoning),
            _ => None,
        }
    }
}

/// The place of one text in an item: `content_index` or `summary_index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    lane: Lane,
    index: u64,
}

impl Slot {
    fn of_event(lane: Lane, event: Value<'_>) -> Self {
        let key = if lane == Lane::Summary {
            "summary_index"
        } else {
            "content_index"
        };
        Self {
            lane,
            index: event
                .get(key)
                .and_then(|index| index.u64().ok())
                .unwrap_or(0),
        }
    }
}

/// An output item that is being read.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) index: u64,
    part: Option<PartIndex>,
    slot: Option<Slot>,
    /// The first indexes of contents and of summaries that were not read to their end.
    next: [u64; 2],
    /// What the open slot (or call) has given so far.
    has_text: bool,
    has_logprobs: bool,
    citations: usize,
}

impl Item {
    pub(super) fn new(index: u64) -> Self {
        Self {
            index,
            part: None,
            slot: None,
            next: [0, 0],
            has_text: false,
            has_logprobs: false,
            citations: 0,
        }
    }

    /// Reads one event of the item; whether it was the last.
    pub(super) fn event(
        &mut self,
        kind: &str,
        event: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<bool, Invalid> {
        match kind {
            "response.output_item.added" => self.begin_call(event.required("item")?, parts, out)?,
            "response.output_item.done" => {
                self.done(event.required("item")?, parts, out)?;
                return Ok(true);
            }
            "response.content_part.added" => self.content_added(event, parts, out),
            "response.content_part.done" => self.content_done(event, parts, out)?,
            "response.output_text.delta" => self.text(Lane::Text, event, "delta", parts, out)?,
            "response.output_text.done" => self.text(Lane::Text, event, "text", parts, out)?,
            "response.output_text.annotation.added" => self.annotation(event, parts, out),
            "response.refusal.delta" => self.text(Lane::Refusal, event, "delta", parts, out)?,
            "response.refusal.done" => self.text(Lane::Refusal, event, "refusal", parts, out)?,
            "response.reasoning_summary_text.delta" => {
                self.text(Lane::Summary, event, "delta", parts, out)?
            }
            "response.reasoning_summary_text.done" => {
                self.text(Lane::Summary, event, "text", parts, out)?
            }
            "response.reasoning_summary_part.done" => self.leave(out),
            "response.reasoning_text.delta" => {
                self.text(Lane::Reasoning, event, "delta", parts, out)?
            }
            "response.reasoning_text.done" => {
                self.text(Lane::Reasoning, event, "text", parts, out)?
            }
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
    pub(super) fn done(
        &mut self,
        item: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let kind = item.required("type")?.text()?;
        match &*kind.to_plain() {
            "message" => self.contents(item, parts, out)?,
            "reasoning" => self.reasoning(item, parts, out)?,
            "function_call" | "custom_tool_call" => {
                self.begin_call(item, parts, out)?;
                self.input(item, input_key(&kind), out)?;
            }
            _ => {
                self.close(out);
                self.part = Some(parts.begin(
                    PartHead::Hosted {
                        kind,
                        raw: item.raw(),
                    },
                    out,
                ));
            }
        }
        self.close(out);
        Ok(())
    }

    /// Ends what is open.
    pub(super) fn close(&mut self, out: &mut Vec<Event>) {
        self.leave(out);
        self.end_part(out);
    }

    fn end_part(&mut self, out: &mut Vec<Event>) {
        out.extend(self.part.take().map(|at| Event::PartEnd { at }));
    }

    /// Goes to the place of a text; `None` where it was read to its end already.
    fn enter(&mut self, slot: Slot, parts: &mut Parts, out: &mut Vec<Event>) -> Option<PartIndex> {
        if self.slot == Some(slot) {
            return self.part;
        }
        if slot.index < self.next[usize::from(slot.lane == Lane::Summary)] {
            return None;
        }
        self.leave(out);
        (self.slot, self.has_text, self.has_logprobs, self.citations) =
            (Some(slot), false, false, 0);
        match self.part {
            Some(at) => out.push(Event::Paragraph { at }),
            None => self.part = Some(parts.begin(slot.lane.head(), out)),
        }
        self.part
    }

    fn leave(&mut self, out: &mut Vec<Event>) {
        let Some(slot) = self.slot.take() else { return };
        self.next[usize::from(slot.lane == Lane::Summary)] = slot.index + 1;
        if !slot.lane.is_paragraphs() {
            self.end_part(out);
        }
    }

    /// A piece of a text (`key` is `delta`), or the whole of it where no piece came.
    fn text(
        &mut self,
        lane: Lane,
        event: Value<'_>,
        key: &str,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        self.text_at(Slot::of_event(lane, event), event, key, parts, out)
    }

    fn text_at(
        &mut self,
        slot: Slot,
        from: Value<'_>,
        key: &str,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let text = from
            .get(key)
            .map(Value::text)
            .transpose()?
            .unwrap_or_default();
        if text.is_empty() && slot.lane.is_paragraphs() {
            return Ok(());
        }
        let Some(at) = self.enter(slot, parts, out) else {
            return Ok(());
        };
        let is_piece = key == "delta";
        self.logprobs(at, from, is_piece, out);
        if !text.is_empty() && (is_piece || !self.has_text) {
            self.has_text = true;
            out.push(Event::Delta { at, text });
        }
        Ok(())
    }

    fn logprobs(&mut self, at: PartIndex, from: Value<'_>, is_piece: bool, out: &mut Vec<Event>) {
        let Some(list) = from.get("logprobs") else {
            return;
        };
        let has_some = list.items().is_ok_and(|mut items| items.next().is_some());
        if has_some && (is_piece || !self.has_logprobs) {
            self.has_logprobs = true;
            out.push(Event::Logprobs {
                at,
                list: list.raw(),
            });
        }
    }

    fn annotation(&mut self, event: Value<'_>, parts: &mut Parts, out: &mut Vec<Event>) {
        let Some(annotation) = event.get("annotation") else {
            return;
        };
        if let Some(at) = self.enter(Slot::of_event(Lane::Text, event), parts, out) {
            self.citations += 1;
            out.push(Event::Cite {
                at,
                raw: annotation.raw(),
            });
        }
    }

    /// Reasoning begins with its first text, so that nothing empty is shown.
    fn content_added(&mut self, event: Value<'_>, parts: &mut Parts, out: &mut Vec<Event>) {
        let lane = event
            .get("part")
            .and_then(Lane::of_content)
            .filter(|lane| !lane.is_paragraphs());
        if let Some(lane) = lane {
            self.enter(Slot::of_event(lane, event), parts, out);
        }
    }

    fn content_done(
        &mut self,
        event: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let Some(part) = event.get("part") else {
            return Ok(());
        };
        match Lane::of_content(part) {
            Some(lane) => self.content(Slot::of_event(lane, event), part, parts, out),
            None => Ok(()),
        }
    }

    /// A finished content part.
    fn content(
        &mut self,
        slot: Slot,
        part: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let key = if slot.lane == Lane::Refusal {
            "refusal"
        } else {
            "text"
        };
        self.text_at(slot, part, key, parts, out)?;
        if self.slot != Some(slot) {
            return Ok(());
        }
        if let (Some(at), Some(Ok(annotations))) =
            (self.part, part.get("annotations").map(Value::items))
        {
            out.extend(
                annotations
                    .skip(self.citations)
                    .map(|annotation| Event::Cite {
                        at,
                        raw: annotation.raw(),
                    }),
            );
        }
        self.leave(out);
        Ok(())
    }

    fn contents(
        &mut self,
        item: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let Some(contents) = item.get("content") else {
            return Ok(());
        };
        for (index, part) in (0..).zip(contents.items()?) {
            if let Some(lane) = Lane::of_content(part) {
                self.content(Slot { lane, index }, part, parts, out)?;
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
            for (index, part) in (0..).zip(summary.items()?) {
                self.content(
                    Slot {
                        lane: Lane::Summary,
                        index,
                    },
                    part,
                    parts,
                    out,
                )?;
            }
        }
        self.contents(item, parts, out)?;
        let Some(encrypted) = item.get("encrypted_content") else {
            return Ok(());
        };
        let id = item.get("id").map(Value::text).transpose()?;
        let value = encrypted_content::join(id.as_ref(), &encrypted.text()?);
        let at = *self
            .part
            .get_or_insert_with(|| parts.begin(PartHead::Reasoning(ReasoningForm::Redacted), out));
        out.push(Event::Signature { at, value });
        Ok(())
    }

    /// Begins a call as soon as its name is known.
    fn begin_call(
        &mut self,
        item: Value<'_>,
        parts: &mut Parts,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let kind = item.required("type")?.text()?;
        let free = kind == "custom_tool_call";
        let (true, None, Some(name)) =
            (free || kind == "function_call", self.part, item.get("name"))
        else {
            return Ok(());
        };
        let id = match item.get("call_id") {
            Some(id) => id.text()?,
            None => EscapedStr::from(format!("call_{}_{}", parts.seed, parts.next)),
        };
        let namespace = item.get("namespace").map(Value::text).transpose()?;
        self.part = Some(parts.begin(
            PartHead::ToolCall {
                id,
                name: names::called(name)?,
                namespace,
                free,
            },
            out,
        ));
        Ok(())
    }

    /// A piece of a call's input, or the whole of it where no piece came.
    fn input(&mut self, from: Value<'_>, key: &str, out: &mut Vec<Event>) -> Result<(), Invalid> {
        let (Some(at), Some(text)) = (self.part, from.get(key)) else {
            return Ok(());
        };
        let text = text.text()?;
        if !text.is_empty() && (key == "delta" || !self.has_text) {
            self.has_text = true;
            out.push(Event::Delta { at, text });
        }
        Ok(())
    }
}

fn input_key(kind: &EscapedStr) -> &'static str {
    if *kind == "custom_tool_call" {
        "input"
    } else {
        "arguments"
    }
}
