//! Decodes one choice of an upstream's answer into parts that never overlap.
//!
//! Tool calls may interleave on the wire and must not in canon. The front part is written as it
//! comes; fragments of a later part wait until every part before it is complete:
//!
//! ```text
//!  parts   [closed] [closed] [front: open] [waiting] [waiting]
//!                             events go out  fragments are kept
//! ```
//!
//! Source: `translation.md` section 9, "C to events". Never repairs arguments.

use crate::canon::{Event, PartHead, PartIndex, ReasoningForm};
use crate::json::{EscapedStr, Invalid, Raw, Value};
use crate::protocol::finish_words::Produced;
use crate::protocol::openai::media;
use crate::protocol::{MalformedResponse, names};

use super::bracket_counter::BracketCounter;
use super::call_places::CallPlaces;
use super::finish;
use super::tool_call_fragment::ToolCallFragment;

/// More parts than any model writes; a longer answer is an attack on our memory.
const PARTS_MAX: usize = 4_096;

pub(super) struct ChoiceDecoder {
    choice: u32,
    request_id: String,
    /// In the order in which they began. Those before `front` are closed, those behind it wait.
    parts: Vec<Part>,
    calls: CallPlaces,
    front: usize,
    finish_reason: Option<EscapedStr>,
    has_data: bool,
    /// Whether the choice came as a `message`, which is all of it.
    is_message: bool,
}

struct Part {
    kind: Kind,
    /// Whether its `PartStart` was written.
    is_open: bool,
    pending: Vec<Update>,
}

enum Kind {
    Text,
    Refusal,
    Reasoning,
    Image { mime: EscapedStr },
    ToolCall(ToolCall),
}

struct ToolCall {
    index: Option<u64>,
    id: Option<EscapedStr>,
    name: Option<EscapedStr>,
    is_free: bool,
    brackets: BracketCounter,
}

/// One addition to a part.
enum Update {
    Delta(EscapedStr),
    Citation(Raw),
    Logprobs(Raw),
}

impl ChoiceDecoder {
    pub(super) fn new(choice: u32, request_id: &str) -> Self {
        Self {
            choice,
            request_id: request_id.to_owned(),
            parts: Vec::new(),
            calls: CallPlaces::default(),
            front: 0,
            finish_reason: None,
            has_data: false,
            is_message: false,
        }
    }

    /// Whether the upstream wrote anything for this choice. `false` when only a later one came.
    pub(super) fn has_data(&self) -> bool {
        self.has_data
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finish_reason.is_some() || self.is_message && self.is_whole()
    }

    /// Whether the choice is complete although no finish reason came: it has output, and no call
    /// lacks an end.
    pub(super) fn is_whole(&self) -> bool {
        let is_complete = |part: &Part| match &part.kind {
            Kind::ToolCall(call) => call.is_free || call.brackets.is_balanced(),
            _ => true,
        };
        self.produced().has_output && self.parts.iter().all(is_complete)
    }

    /// Reads the choice of a chunk (`delta`), of a whole answer (`message`) or of a legacy
    /// completion (`text`).
    pub(super) fn push(
        &mut self,
        choice: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        self.has_data = true;
        if let Some(text) = choice.get("text") {
            self.push_text(Kind::Text, text.text()?, out)?;
        }
        let message = choice.get("message");
        self.is_message |= message.is_some();
        if let Some(delta) = choice.get("delta").or(message) {
            self.push_content(delta, choice.get("logprobs"), out)?;
            self.push_media_and_calls(delta, message.is_some(), out)?;
        }
        let reason = choice.get("finish_reason").map(Value::text).transpose()?;
        // Some servers write an empty reason into every chunk.
        if let Some(reason) = reason.filter(|reason| !reason.is_empty()) {
            self.finish_reason = Some(reason);
        }
        Ok(())
    }

    fn push_content(
        &mut self,
        delta: Value<'_>,
        logprobs: Option<Value<'_>>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let logprobs = |key| logprobs.and_then(|logprobs| logprobs.get(key));
        if let Some(reasoning) = reasoning(delta) {
            self.push_text(Kind::Reasoning, reasoning, out)?;
        }
        if let Some(content) = delta.get("content") {
            self.content(content, out)?;
        }
        self.logprobs(Kind::Text, logprobs("content"), out)?;
        for citation in items(delta.get("annotations"))? {
            self.update(Kind::Text, Update::Citation(citation.raw()), out)?;
        }
        if let Some(refusal) = delta.get("refusal") {
            self.push_text(Kind::Refusal, refusal.text()?, out)?;
        }
        self.logprobs(Kind::Refusal, logprobs("refusal"), out)
    }

    fn push_media_and_calls(
        &mut self,
        delta: Value<'_>,
        is_message: bool,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        for image in items(delta.get("images"))? {
            self.image(image, out)?;
        }
        for (position, call) in (0..).zip(items(delta.get("tool_calls"))?) {
            let fragment = ToolCallFragment::decode(call, is_message.then_some(position))?;
            self.tool_call(fragment, out)?;
        }
        match delta.get("function_call") {
            Some(call) => self.tool_call(ToolCallFragment::decode_legacy(call)?, out),
            None => Ok(()),
        }
    }

    /// `content` is a string; some servers (Mistral) write a list of parts.
    fn content(
        &mut self,
        content: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let Ok(parts) = content.items() else {
            return self.push_text(Kind::Text, content.text()?, out);
        };
        for part in parts {
            let kind = part.required("type")?;
            match kind.str()?.as_ref() {
                "text" => self.push_text(Kind::Text, part.required("text")?.text()?, out)?,
                "refusal" => {
                    self.push_text(Kind::Refusal, part.required("refusal")?.text()?, out)?
                }
                "thinking" => self.thinking(part.required("thinking")?, out)?,
                _ => return Err(kind.expected("text, refusal or thinking").into()),
            }
        }
        Ok(())
    }

    fn thinking(
        &mut self,
        thinking: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let Ok(parts) = thinking.items() else {
            return self.push_text(Kind::Reasoning, thinking.text()?, out);
        };
        for part in parts {
            self.push_text(Kind::Reasoning, part.required("text")?.text()?, out)?;
        }
        Ok(())
    }

    /// OpenRouter's form of images in answers.
    fn image(&mut self, image: Value<'_>, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        let url = image.required("image_url")?.required("url")?;
        let Some((mime, data)) = media::data_url(&url.text()?) else {
            return Err(url.expected("a data URL").into());
        };
        let part = self.add_part(Kind::Image { mime })?;
        self.push_update(part, Update::Delta(data), out)
    }

    fn logprobs(
        &mut self,
        kind: Kind,
        list: Option<Value<'_>>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let has_items =
            |list: &Value<'_>| list.items().is_ok_and(|mut items| items.next().is_some());
        match list.filter(has_items) {
            Some(list) => self.update(kind, Update::Logprobs(list.raw()), out),
            None => Ok(()),
        }
    }

    fn push_text(
        &mut self,
        kind: Kind,
        text: EscapedStr,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if text.is_empty() {
            return Ok(());
        }
        self.update(kind, Update::Delta(text), out)
    }

    /// Adds to the last part if it is of this kind, else to a new part.
    fn update(
        &mut self,
        kind: Kind,
        update: Update,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let continues_last = self
            .parts
            .last()
            .is_some_and(|part| part.kind.accepts(&kind));
        let part = if continues_last {
            self.parts.len() - 1
        } else {
            self.add_part(kind)?
        };
        self.push_update(part, update, out)
    }

    fn tool_call(
        &mut self,
        fragment: ToolCallFragment,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let part = match self.call_of(&fragment) {
            Some(part) => part,
            None => {
                let part = self.add_part(Kind::ToolCall(ToolCall::new(&fragment)))?;
                self.calls.begin(part, &fragment);
                part
            }
        };
        if let Kind::ToolCall(call) = &mut self.parts[part].kind {
            if let Some(id) = fragment.id.as_ref().filter(|_| call.id.is_none()) {
                self.calls.name(part, call.index, id);
            }
            call.merge(&fragment);
        }
        self.push_update(part, Update::Delta(fragment.input), out)
    }

    /// The part of the call that a fragment belongs to.
    fn call_of(&self, fragment: &ToolCallFragment) -> Option<usize> {
        let last = self.calls.last()?;
        let owner = match (fragment.index, &fragment.id) {
            (Some(index), id) => self.calls.with_index(index, id.as_ref()),
            (None, Some(id)) => self.calls.with_id(id),
            (None, None) => match &self.parts[last].kind {
                Kind::ToolCall(call) if call.goes_on_with(fragment) => Some(last),
                _ => None,
            },
        };
        owner.or_else(|| self.taker_of_unnamed(fragment, last))
    }

    /// The call that goes on with a fragment of another id: without a name it begins none. LM Studio
    /// gives every fragment an id of its own and an empty name.
    fn taker_of_unnamed(&self, fragment: &ToolCallFragment, last: usize) -> Option<usize> {
        match fragment.index {
            _ if fragment.name.is_some() => None,
            Some(index) => self.calls.with_index(index, None),
            None => Some(last),
        }
    }

    fn add_part(&mut self, kind: Kind) -> Result<usize, MalformedResponse> {
        if self.parts.len() >= PARTS_MAX {
            return Err(MalformedResponse {
                why: format!("expected at most {PARTS_MAX} parts"),
            });
        }
        self.parts.push(Part {
            kind,
            is_open: false,
            pending: Vec::new(),
        });
        Ok(self.parts.len() - 1)
    }

    fn push_update(
        &mut self,
        part: usize,
        update: Update,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let is_empty = matches!(&update, Update::Delta(text) if text.is_empty());
        if part < self.front && !is_empty {
            return Err(MalformedResponse {
                why: "expected nothing more of a tool call whose arguments were whole".into(),
            });
        }
        if !is_empty {
            self.parts[part].pending.push(update);
        }
        self.advance(out);
        Ok(())
    }

    /// Writes what the front part has, and moves on while it is complete and another part waits.
    fn advance(&mut self, out: &mut Vec<Event>) {
        while self.front < self.parts.len() {
            self.write_front(out);
            let is_last = self.front + 1 == self.parts.len();
            if is_last || !self.parts[self.front].is_complete() {
                return;
            }
            self.close_front(out);
        }
    }

    fn write_front(&mut self, out: &mut Vec<Event>) {
        let at = self.at();
        let part = &mut self.parts[self.front];
        if !part.is_open {
            let Some(head) = part.kind.head(|| generated_call_id(&self.request_id, at)) else {
                return;
            };
            part.is_open = true;
            out.push(Event::PartStart { at, head });
        }
        out.extend(part.pending.drain(..).map(|update| update.into_event(at)));
    }

    fn close_front(&mut self, out: &mut Vec<Event>) {
        out.push(Event::PartEnd { at: self.at() });
        self.front += 1;
    }

    /// Writes what is still pending, and why the choice finished.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        while self.front < self.parts.len() {
            self.write_front(out);
            if !self.parts[self.front].is_open {
                return Err(MalformedResponse {
                    why: "expected a name of each tool call".into(),
                });
            }
            self.close_front(out);
        }
        let reason = self.finish_reason.take();
        let reason = reason.unwrap_or_else(|| EscapedStr::from_static("stop"));
        out.push(match finish::decode(&reason, self.produced()) {
            Ok(reason) => Event::Finish {
                choice: self.choice,
                reason,
                sequence: None,
                detail: None,
            },
            Err(fault) => Event::Failed(fault),
        });
        Ok(())
    }

    fn produced(&self) -> Produced {
        let mut produced = Produced::default();
        for part in &self.parts {
            part.kind.note(&mut produced);
        }
        produced
    }

    /// The place of the front part.
    fn at(&self) -> PartIndex {
        PartIndex {
            choice: self.choice,
            part: u32::try_from(self.front).unwrap_or(u32::MAX),
        }
    }
}

impl Part {
    /// Whether a part behind it may begin. Only a tool call tells that more of it must come.
    fn is_complete(&self) -> bool {
        match &self.kind {
            Kind::ToolCall(call) => self.is_open && call.brackets.is_balanced(),
            _ => true,
        }
    }
}

impl Kind {
    /// Whether text of the kind `next` continues a part of this kind.
    fn accepts(&self, next: &Self) -> bool {
        matches!(
            (self, next),
            (Self::Text, Self::Text)
                | (Self::Refusal, Self::Refusal)
                | (Self::Reasoning, Self::Reasoning)
        )
    }

    /// Notes what a part of this kind is to the end of its choice.
    fn note(&self, produced: &mut Produced) {
        produced.has_calls |= matches!(self, Self::ToolCall(_));
        produced.has_cut_call |= matches!(self, Self::ToolCall(call) if call.brackets.is_open());
        produced.has_refusal |= matches!(self, Self::Refusal);
        produced.has_output |= !matches!(self, Self::Reasoning);
    }

    /// `None` for a call whose name has not come yet.
    fn head(&self, generate_id: impl FnOnce() -> EscapedStr) -> Option<PartHead> {
        Some(match self {
            Self::Text => PartHead::Text,
            Self::Refusal => PartHead::Refusal,
            Self::Reasoning => PartHead::Reasoning(ReasoningForm::Full),
            Self::Image { mime } => PartHead::Media { mime: mime.clone() },
            Self::ToolCall(call) => PartHead::ToolCall {
                name: call.name.clone()?,
                id: call.id.clone().unwrap_or_else(generate_id),
                namespace: None,
                free: call.is_free,
            },
        })
    }
}

impl ToolCall {
    fn new(fragment: &ToolCallFragment) -> Self {
        Self {
            index: fragment.index,
            id: None,
            name: None,
            is_free: fragment.is_free,
            brackets: BracketCounter::default(),
        }
    }

    /// Whether a fragment with neither index nor id goes on with this call, the last.
    fn goes_on_with(&self, fragment: &ToolCallFragment) -> bool {
        let repeats_name = fragment.name == self.name && !self.brackets.is_balanced();
        fragment.name.is_none() || repeats_name
    }

    /// Takes id and name, which come once and which some servers repeat.
    fn merge(&mut self, fragment: &ToolCallFragment) {
        self.id = self.id.take().or_else(|| fragment.id.clone());
        self.name = self.name.take().or_else(|| fragment.name.clone());
        if !self.is_free {
            self.brackets.push(&fragment.input.to_plain());
        }
    }
}

impl Update {
    fn into_event(self, at: PartIndex) -> Event {
        match self {
            Self::Delta(text) => Event::Delta { at, text },
            Self::Citation(raw) => Event::Cite { at, raw },
            Self::Logprobs(list) => Event::Logprobs { at, list },
        }
    }
}

/// The id of a call that came without one: the same for the same place in the same answer.
fn generated_call_id(request_id: &str, at: PartIndex) -> EscapedStr {
    let place = format!("{request_id} {} {}", at.choice, at.part);
    EscapedStr::from(format!(
        "call_{}{}",
        names::short_hash(&place),
        names::short_hash(&format!("{place} id"))
    ))
}

/// Reasoning has no official field. Most servers use `reasoning_content`, others `reasoning`, some
/// both with the same text.
fn reasoning(delta: Value<'_>) -> Option<EscapedStr> {
    let text = |key: &str| {
        let text = delta.get(key)?.text().ok()?;
        (!text.is_empty()).then_some(text)
    };
    text("reasoning_content").or_else(|| text("reasoning"))
}

/// The items of a list that may be missing.
fn items(list: Option<Value<'_>>) -> Result<Vec<Value<'_>>, Invalid> {
    match list {
        Some(list) => Ok(list.items()?.collect()),
        None => Ok(Vec::new()),
    }
}
