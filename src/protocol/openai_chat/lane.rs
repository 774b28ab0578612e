//! One choice of a Chat upstream's answer: its fragments put into parts that never overlap.
//!
//! The part in front is written as it comes. Fragments of a later one wait until those before it
//! are whole, since tool calls may interleave on the wire and may not in canon. Source:
//! `translation.md` section 9, "C to events". Never repairs arguments.

use crate::canon::{Event, FinishReason, PartHead, PartIndex, ReasoningForm};
use crate::json::{EscapedStr, Invalid, Raw, Value};
use crate::protocol::{MalformedResponse, names};

use super::balance::Balance;
use super::finish;
use super::fragment::Fragment;
use crate::protocol::openai::media;

/// More than any model calls at once; beyond it is an attack on our memory.
const PARTS_MAX: usize = 4_096;

pub(super) struct Lane {
    choice: u32,
    request_id: String,
    /// In the order in which they began. Those before `front` are closed, those behind it wait.
    parts: Vec<Part>,
    front: usize,
    finish: Option<EscapedStr>,
    is_seen: bool,
}

struct Part {
    kind: Kind,
    is_open: bool,
    waiting: Vec<Piece>,
}

enum Kind {
    Text,
    Refusal,
    Reasoning,
    Image { mime: EscapedStr },
    Call(Call),
}

struct Call {
    index: Option<u64>,
    id: Option<EscapedStr>,
    name: Option<EscapedStr>,
    is_free: bool,
    balance: Balance,
}

/// What a part consists of.
enum Piece {
    Delta(EscapedStr),
    Cite(Raw),
    Logprobs(Raw),
}

impl Lane {
    pub(super) fn new(choice: u32, request_id: &str) -> Self {
        Self {
            choice,
            request_id: request_id.to_owned(),
            parts: Vec::new(),
            front: 0,
            finish: None,
            is_seen: false,
        }
    }

    /// Whether only a later choice was seen so far.
    pub(super) fn is_unseen(&self) -> bool {
        !self.is_seen
    }

    pub(super) fn is_finished(&self) -> bool {
        self.finish.is_some()
    }

    /// Reads the choice of a chunk (`delta`), of a whole answer (`message`) or of a legacy
    /// completion (`text`).
    pub(super) fn choice(
        &mut self,
        choice: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        self.is_seen = true;
        if let Some(text) = choice.get("text") {
            self.text(Kind::Text, text.text()?, out)?;
        }
        let whole = choice.get("message");
        if let Some(delta) = choice.get("delta").or(whole) {
            self.words(delta, choice.get("logprobs"), out)?;
            self.calls(delta, whole.is_some(), out)?;
        }
        let word = choice.get("finish_reason").map(Value::text).transpose()?;
        // Some servers write an empty word into every chunk.
        self.finish = word.filter(|word| !word.is_empty()).or(self.finish.take());
        Ok(())
    }

    fn words(
        &mut self,
        delta: Value<'_>,
        logprobs: Option<Value<'_>>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let logprobs = |key| logprobs.and_then(|logprobs| logprobs.get(key));
        if let Some(reasoning) = reasoning(delta) {
            self.text(Kind::Reasoning, reasoning, out)?;
        }
        if let Some(content) = delta.get("content") {
            self.content(content, out)?;
        }
        self.logprobs(Kind::Text, logprobs("content"), out)?;
        for citation in items(delta.get("annotations"))? {
            self.piece(Kind::Text, Piece::Cite(citation.raw()), out)?;
        }
        if let Some(refusal) = delta.get("refusal") {
            self.text(Kind::Refusal, refusal.text()?, out)?;
        }
        self.logprobs(Kind::Refusal, logprobs("refusal"), out)
    }

    fn calls(
        &mut self,
        delta: Value<'_>,
        is_whole: bool,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        for image in items(delta.get("images"))? {
            self.image(image, out)?;
        }
        for (position, call) in (0..).zip(items(delta.get("tool_calls"))?) {
            self.call(Fragment::of_call(call, is_whole.then_some(position))?, out)?;
        }
        match delta.get("function_call") {
            Some(call) => self.call(Fragment::of_legacy_call(call)?, out),
            None => Ok(()),
        }
    }

    /// A string; some servers (Mistral) write a list of parts.
    fn content(
        &mut self,
        content: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let Ok(parts) = content.items() else {
            return self.text(Kind::Text, content.text()?, out);
        };
        for part in parts {
            match part.required("type")?.str()?.as_ref() {
                "text" => self.text(Kind::Text, part.required("text")?.text()?, out)?,
                "refusal" => self.text(Kind::Refusal, part.required("refusal")?.text()?, out)?,
                "thinking" => self.thinking(part.required("thinking")?, out)?,
                _ => {
                    return Err(part
                        .required("type")?
                        .expected("text, refusal or thinking")
                        .into());
                }
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
            return self.text(Kind::Reasoning, thinking.text()?, out);
        };
        for part in parts {
            self.text(Kind::Reasoning, part.required("text")?.text()?, out)?;
        }
        Ok(())
    }

    /// OpenRouter's form of images in answers.
    fn image(&mut self, image: Value<'_>, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        let url = image.required("image_url")?.required("url")?;
        let (mime, data) =
            media::data_url(&url.text()?).ok_or_else(|| url.expected("a data URL"))?;
        let part = self.begin(Kind::Image { mime })?;
        self.add(part, Piece::Delta(data), out)
    }

    fn logprobs(
        &mut self,
        kind: Kind,
        list: Option<Value<'_>>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        match list.filter(|list| list.items().is_ok_and(|mut items| items.next().is_some())) {
            Some(list) => self.piece(kind, Piece::Logprobs(list.raw()), out),
            None => Ok(()),
        }
    }

    fn text(
        &mut self,
        kind: Kind,
        text: EscapedStr,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if text.is_empty() {
            Ok(())
        } else {
            self.piece(kind, Piece::Delta(text), out)
        }
    }

    /// Adds to the last part where it is of that kind, else to a new one.
    fn piece(
        &mut self,
        kind: Kind,
        piece: Piece,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let continues = self
            .parts
            .last()
            .is_some_and(|part| part.kind.continues(&kind));
        let part = if continues {
            self.parts.len() - 1
        } else {
            self.begin(kind)?
        };
        self.add(part, piece, out)
    }

    fn call(&mut self, fragment: Fragment, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        let known = self.parts.iter().rposition(
            |part| matches!(&part.kind, Kind::Call(call) if call.is_meant_by(&fragment)),
        );
        let part = match known {
            Some(part) => part,
            None => self.begin(Kind::Call(Call::new(&fragment)))?,
        };
        if let Kind::Call(call) = &mut self.parts[part].kind {
            call.learn(&fragment);
        }
        self.add(part, Piece::Delta(fragment.input), out)
    }

    fn begin(&mut self, kind: Kind) -> Result<usize, MalformedResponse> {
        if self.parts.len() >= PARTS_MAX {
            return Err(MalformedResponse {
                why: format!("expected at most {PARTS_MAX} parts"),
            });
        }
        self.parts.push(Part {
            kind,
            is_open: false,
            waiting: Vec::new(),
        });
        Ok(self.parts.len() - 1)
    }

    fn add(
        &mut self,
        part: usize,
        piece: Piece,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let is_silent = matches!(&piece, Piece::Delta(text) if text.is_empty());
        if part < self.front && !is_silent {
            return Err(MalformedResponse {
                why: "expected nothing more of a tool call whose arguments were whole".into(),
            });
        }
        if !is_silent {
            self.parts[part].waiting.push(piece);
        }
        self.advance(out);
        Ok(())
    }

    /// Writes what the front part has, and moves on as long as it is whole and another one waits.
    fn advance(&mut self, out: &mut Vec<Event>) {
        while self.front < self.parts.len() {
            self.write_front(out);
            let is_last = self.front + 1 == self.parts.len();
            if is_last || !self.parts[self.front].is_whole() {
                return;
            }
            self.close_front(out);
        }
    }

    fn write_front(&mut self, out: &mut Vec<Event>) {
        let at = self.at();
        let part = &mut self.parts[self.front];
        if !part.is_open {
            let Some(head) = part.kind.head(|| minted_id(&self.request_id, at)) else {
                return;
            };
            part.is_open = true;
            out.push(Event::PartStart { at, head });
        }
        out.extend(part.waiting.drain(..).map(|piece| piece.event(at)));
    }

    fn close_front(&mut self, out: &mut Vec<Event>) {
        out.push(Event::PartEnd { at: self.at() });
        self.front += 1;
    }

    /// Writes what still waits, and why the choice finished.
    pub(super) fn end(&mut self, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        while self.front < self.parts.len() {
            self.write_front(out);
            if !self.parts[self.front].is_open {
                return Err(MalformedResponse {
                    why: "expected a name of each tool call".into(),
                });
            }
            self.close_front(out);
        }
        let reason = self.reason();
        out.push(Event::Finish {
            choice: self.choice,
            reason,
            sequence: None,
            detail: None,
        });
        Ok(())
    }

    fn reason(&self) -> FinishReason {
        let has = |is: fn(&Kind) -> bool| self.parts.iter().any(|part| is(&part.kind));
        let word = self.finish.clone().unwrap_or_default();
        finish::decode(
            &word,
            has(|kind| matches!(kind, Kind::Call(_))),
            has(|kind| matches!(kind, Kind::Refusal)),
        )
    }

    fn at(&self) -> PartIndex {
        PartIndex {
            choice: self.choice,
            part: u32::try_from(self.front).unwrap_or(u32::MAX),
        }
    }
}

impl Part {
    /// Whether nothing of it is missing, so that a part behind it may begin.
    fn is_whole(&self) -> bool {
        match &self.kind {
            Kind::Call(call) => self.is_open && call.balance.is_whole(),
            _ => true,
        }
    }
}

impl Kind {
    /// Whether text of this kind goes on in a part of that kind.
    fn continues(&self, next: &Self) -> bool {
        matches!(
            (self, next),
            (Self::Text, Self::Text)
                | (Self::Refusal, Self::Refusal)
                | (Self::Reasoning, Self::Reasoning)
        )
    }

    /// `None` for a call whose name has not come yet.
    fn head(&self, minted_id: impl FnOnce() -> EscapedStr) -> Option<PartHead> {
        Some(match self {
            Self::Text => PartHead::Text,
            Self::Refusal => PartHead::Refusal,
            Self::Reasoning => PartHead::Reasoning(ReasoningForm::Full),
            Self::Image { mime } => PartHead::Media { mime: mime.clone() },
            Self::Call(call) => PartHead::ToolCall {
                name: call.name.clone()?,
                id: call.id.clone().unwrap_or_else(minted_id),
                namespace: None,
                free: call.is_free,
            },
        })
    }
}

impl Call {
    fn new(fragment: &Fragment) -> Self {
        Self {
            index: fragment.index,
            id: None,
            name: None,
            is_free: fragment.is_free,
            balance: Balance::default(),
        }
    }

    /// By index where there is one (some servers give the same to each call: then the id tells them
    /// apart), else by id, else it is the last call, unless a name begins another.
    fn is_meant_by(&self, fragment: &Fragment) -> bool {
        let is_other_id =
            matches!((&self.id, &fragment.id), (Some(mine), Some(theirs)) if mine != theirs);
        match (fragment.index, &fragment.id) {
            (Some(_), _) => fragment.index == self.index && !is_other_id,
            (None, Some(_)) => self.id == fragment.id,
            (None, None) => {
                fragment.name.is_none() || (fragment.name == self.name && !self.balance.is_whole())
            }
        }
    }

    /// Takes what comes once and is repeated by some servers.
    fn learn(&mut self, fragment: &Fragment) {
        self.id = self.id.take().or_else(|| fragment.id.clone());
        self.name = self.name.take().or_else(|| fragment.name.clone());
        if !self.is_free {
            self.balance.push(&fragment.input.to_plain());
        }
    }
}

impl Piece {
    fn event(self, at: PartIndex) -> Event {
        match self {
            Self::Delta(text) => Event::Delta { at, text },
            Self::Cite(raw) => Event::Cite { at, raw },
            Self::Logprobs(list) => Event::Logprobs { at, list },
        }
    }
}

/// The id of a call that came without one: the same for the same place in the same answer.
fn minted_id(request_id: &str, at: PartIndex) -> EscapedStr {
    let place = format!("{request_id} {} {}", at.choice, at.part);
    EscapedStr::from(format!(
        "call_{}{}",
        names::short_hash(&place),
        names::short_hash(&format!("{place} id"))
    ))
}

/// Reasoning has no official field: `reasoning_content` with most servers, `reasoning` with others,
/// both alike with some.
fn reasoning(delta: Value<'_>) -> Option<EscapedStr> {
    let text = |key: &str| {
        delta
            .get(key)
            .and_then(|value| value.text().ok())
            .filter(|text| !text.is_empty())
    };
    text("reasoning_content").or_else(|| text("reasoning"))
}

fn items(list: Option<Value<'_>>) -> Result<Vec<Value<'_>>, Invalid> {
    Ok(list
        .map(Value::items)
        .transpose()?
        .into_iter()
        .flatten()
        .collect())
}
