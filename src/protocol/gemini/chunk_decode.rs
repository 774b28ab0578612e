//! Answers into events: each chunk of a stream, or a whole answer as its only chunk.
//!
//! Source: Gemini API, `GenerateContentResponse`, `Candidate`; gemini.md "Stream": parts are
//! increments, usage is cumulative, and an answer is complete once a finish reason was seen.
//! Nothing here splits bytes.

use super::proto_json::{count, field, fields, required, word};
use super::{call_ids, faults, finish, logprobs, usage};
use crate::canon::{Event, Fault, FinishReason, PartHead, PartIndex, ReasoningForm, Start, Usage};
use crate::json::{self, EscapedStr, Invalid, Raw, Value};
use crate::protocol::{DecodeContext, MalformedResponse, names};

/// How many candidates are read: as many as any dialect's answer has. Gemini's own are at most 8
/// (`candidateCount`), Chat's 128 (`n`).
const CHOICES_MAX: u64 = 128;

/// What an answer without its end means.
pub(super) const BROKEN_OFF: &str = "the upstream's answer broke off before its end";

/// Turns chunks into events.
#[derive(Default)]
pub(super) struct Reader {
    answering: DecodeContext,
    has_started: bool,
    choices: Vec<Choice>,
    /// How many ids were minted.
    minted: u64,
    usage: Usage,
    is_over: bool,
}

/// One candidate.
#[derive(Debug, Default)]
struct Choice {
    next_part: u32,
    open: Option<Open>,
    has_calls: bool,
    /// The last finish reason, and what was said about it. Held to the end, since some servers name
    /// one in every chunk.
    finish: Option<(FinishReason, Option<EscapedStr>)>,
    /// Metadata that came before any text it could belong to.
    waiting: Vec<Note>,
}

/// A part of text that may go on.
#[derive(Clone, Copy, Debug)]
struct Open {
    part: u32,
    is_thought: bool,
    /// A signature closes its part to further text.
    is_signed: bool,
}

/// What belongs to a part and stands beside the parts.
#[derive(Debug)]
enum Note {
    Cite(Raw),
    Logprobs(Raw),
}

/// A part's own fields beside its data.
#[derive(Default)]
struct Marks {
    is_thought: bool,
    signature: Option<EscapedStr>,
}

impl Reader {
    pub(super) fn new(answering: &DecodeContext) -> Self {
        Self {
            answering: answering.clone(),
            ..Self::default()
        }
    }

    /// Whether nothing that may still come matters: the answer failed, or was ended.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    pub(super) fn chunk(
        &mut self,
        chunk: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if self.is_over {
            return Ok(());
        }
        if let Some(error) = field(chunk, "error") {
            self.fail(faults::decode(error, None), out);
            return Ok(());
        }
        self.start(chunk, out);
        for (key, value) in fields(chunk)? {
            match &*key {
                "candidates" => self.candidates(value, out)?,
                "promptFeedback" => self.feedback(value)?,
                "usageMetadata" => self.usage(value, out),
                _ => {}
            }
        }
        Ok(())
    }

    /// The upstream's body ended.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) {
        if self.is_over {
            return;
        }
        if self.choices.is_empty() || self.choices.iter().any(|choice| choice.finish.is_none()) {
            return self.fail(Fault::upstream(BROKEN_OFF), out);
        }
        self.is_over = true;
        for (choice, state) in (0..).zip(&mut self.choices) {
            state.close(choice, out);
            if let Some((reason, detail)) = state.finish.take() {
                out.push(Event::Finish {
                    choice,
                    reason,
                    sequence: None,
                    detail,
                });
            }
        }
    }

    pub(super) fn fail(&mut self, fault: Fault, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.is_over, true) {
            out.push(Event::Failed(fault));
        }
    }

    fn start(&mut self, chunk: Value<'_>, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.has_started, true) {
            return;
        }
        let text = |name: &str| field(chunk, name).and_then(|value| value.text().ok());
        let created =
            text("createTime").and_then(|time| time.to_plain().parse::<jiff::Timestamp>().ok());
        out.push(Event::Start(Start {
            id: text("responseId"),
            model: text("modelVersion"),
            created: created.and_then(|time| u64::try_from(time.as_second()).ok()),
            ..Start::default()
        }));
    }

    /// Source: Gemini API, `PromptFeedback`: a blocked prompt has no candidates.
    fn feedback(&mut self, feedback: Value<'_>) -> Result<(), Invalid> {
        if let Some(reason) = field(feedback, "blockReason") {
            let detail = field(feedback, "blockReasonMessage")
                .unwrap_or(reason)
                .text()?;
            self.choice(0)
                .finish
                .get_or_insert((FinishReason::Filtered, Some(detail)));
        }
        Ok(())
    }

    fn usage(&mut self, metadata: Value<'_>, out: &mut Vec<Event>) {
        let usage = usage::decode(metadata, &self.usage);
        if !usage.is_unknown() && usage != self.usage {
            self.usage.update(&usage);
            out.push(Event::Usage(self.usage));
        }
    }

    fn candidates(
        &mut self,
        candidates: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        for candidate in candidates.items()? {
            let index = field(candidate, "index").map_or(Ok(0), count)?;
            let Some(index) = u32::try_from(index)
                .ok()
                .filter(|&index| u64::from(index) < CHOICES_MAX)
            else {
                return Err(MalformedResponse {
                    why: format!(
                        "expected a candidate's index below {CHOICES_MAX}, found `{index}`"
                    ),
                });
            };
            self.candidate(candidate, index, out)?;
        }
        Ok(())
    }

    fn candidate(
        &mut self,
        candidate: Value<'_>,
        choice: u32,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        self.choice(choice);
        if let Some(content) = field(candidate, "content")
            && let Some(parts) = field(content, "parts")
        {
            parts
                .items()?
                .try_for_each(|part| self.part(part, choice, out))?;
        }
        for (key, value) in fields(candidate)? {
            match &*key {
                "groundingMetadata" | "citationMetadata" => {
                    self.choice(choice).cite(choice, &key, value, out)
                }
                "logprobsResult" => self.choice(choice).logprobs(choice, value, out),
                "finishReason" => self.choice(choice).finished(candidate, &word(value)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn part(
        &mut self,
        part: Value<'_>,
        choice: u32,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let marks = Marks::of(part)?;
        for (key, value) in fields(part)? {
            match &*key {
                "text" => self.choice(choice).text(choice, value.text()?, &marks, out),
                "functionCall" => self.call(value, choice, &marks, out)?,
                "inlineData" => self.media(value, choice, &marks, out)?,
                "executableCode"
                | "codeExecutionResult"
                | "toolCall"
                | "toolResponse"
                | "functionResponse"
                | "fileData" => {
                    let head = PartHead::Hosted {
                        kind: EscapedStr::from(&*key),
                        raw: value.raw(),
                    };
                    self.choice(choice).whole(choice, head, None, &marks, out);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Source: Gemini API, `FunctionCall`: whole in one part; `id` and `args` may be missing.
    fn call(
        &mut self,
        call: Value<'_>,
        choice: u32,
        marks: &Marks,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        let name = names::called(required(call, "name")?)?;
        let id = field(call, "id")
            .map(Value::text)
            .transpose()?
            .filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| self.mint());
        let args =
            field(call, "args").map_or_else(|| Raw::from_static("{}"), |args| args.raw().compact());
        self.choice(choice).has_calls = true;
        let head = PartHead::ToolCall {
            id,
            name,
            namespace: None,
            free: false,
        };
        self.choice(choice)
            .whole(choice, head, Some(args.to_text()), marks, out);
        Ok(())
    }

    fn mint(&mut self) -> EscapedStr {
        self.minted += 1;
        call_ids::minted(&self.answering.request_id, self.minted)
    }

    /// Drafts that a model makes while it thinks are no part of its answer.
    fn media(
        &mut self,
        inline: Value<'_>,
        choice: u32,
        marks: &Marks,
        out: &mut Vec<Event>,
    ) -> Result<(), Invalid> {
        if marks.is_thought {
            return Ok(());
        }
        let mime = required(inline, "mimeType")?.text()?;
        let data = required(inline, "data")?.text()?;
        self.choice(choice)
            .whole(choice, PartHead::Media { mime }, Some(data), marks, out);
        Ok(())
    }

    fn choice(&mut self, index: u32) -> &mut Choice {
        let index = index as usize;
        if self.choices.len() <= index {
            self.choices.resize_with(index + 1, Choice::default);
        }
        &mut self.choices[index]
    }
}

impl Marks {
    fn of(part: Value<'_>) -> Result<Self, Invalid> {
        let is_thought = field(part, "thought").map_or(Ok(false), Value::bool)?;
        let signature = field(part, "thoughtSignature")
            .map(Value::text)
            .transpose()?;
        Ok(Self {
            is_thought,
            signature: signature.filter(|signature| !signature.is_empty()),
        })
    }
}

impl Choice {
    /// More text, or a signature that comes with none and belongs to the text before it.
    fn text(&mut self, choice: u32, text: EscapedStr, marks: &Marks, out: &mut Vec<Event>) {
        if text.is_empty() {
            if let Some(signature) = &marks.signature {
                self.late_signature(choice, signature, out);
            }
            return;
        }
        let open = self
            .open
            .filter(|open| open.is_thought == marks.is_thought && !open.is_signed);
        let part = match open {
            Some(open) => open.part,
            None => self.open_text(choice, marks.is_thought, out),
        };
        let at = PartIndex { choice, part };
        out.push(Event::Delta { at, text });
        self.release(at, out);
        if let Some(signature) = &marks.signature {
            self.sign(at, signature, out);
        }
    }

    fn open_text(&mut self, choice: u32, is_thought: bool, out: &mut Vec<Event>) -> u32 {
        self.close(choice, out);
        let part = self.take_part();
        self.open = Some(Open {
            part,
            is_thought,
            is_signed: false,
        });
        let head = if is_thought {
            PartHead::Reasoning(ReasoningForm::Summary)
        } else {
            PartHead::Text
        };
        out.push(Event::PartStart {
            at: PartIndex { choice, part },
            head,
        });
        part
    }

    /// Without text before it the token stands alone, as reasoning that shows nothing.
    fn late_signature(&mut self, choice: u32, signature: &EscapedStr, out: &mut Vec<Event>) {
        match self.open.filter(|open| !open.is_signed) {
            Some(open) => self.sign(
                PartIndex {
                    choice,
                    part: open.part,
                },
                signature,
                out,
            ),
            None => {
                let marks = Marks {
                    is_thought: true,
                    signature: Some(signature.clone()),
                };
                self.whole(
                    choice,
                    PartHead::Reasoning(ReasoningForm::Redacted),
                    None,
                    &marks,
                    out,
                );
            }
        }
    }

    fn sign(&mut self, at: PartIndex, signature: &EscapedStr, out: &mut Vec<Event>) {
        out.push(Event::Signature {
            at,
            value: signature.clone(),
        });
        self.open.iter_mut().for_each(|open| open.is_signed = true);
    }

    /// A part that came in one piece.
    fn whole(
        &mut self,
        choice: u32,
        head: PartHead,
        text: Option<EscapedStr>,
        marks: &Marks,
        out: &mut Vec<Event>,
    ) {
        self.close(choice, out);
        let at = PartIndex {
            choice,
            part: self.take_part(),
        };
        out.push(Event::PartStart { at, head });
        out.extend(marks.signature.iter().map(|signature| Event::Signature {
            at,
            value: signature.clone(),
        }));
        out.extend(text.map(|text| Event::Delta { at, text }));
        out.push(Event::PartEnd { at });
    }

    fn close(&mut self, choice: u32, out: &mut Vec<Event>) {
        if let Some(open) = self.open.take() {
            out.push(Event::PartEnd {
                at: PartIndex {
                    choice,
                    part: open.part,
                },
            });
        }
    }

    fn take_part(&mut self) -> u32 {
        self.next_part += 1;
        self.next_part - 1
    }

    /// The metadata under its own key, so that it can be told what it is.
    fn cite(&mut self, choice: u32, key: &str, value: Value<'_>, out: &mut Vec<Event>) {
        let raw = json::value(|cite| cite.object(|object| object.raw(key, &value.raw())));
        self.note(choice, Note::Cite(raw), out);
    }

    fn logprobs(&mut self, choice: u32, result: Value<'_>, out: &mut Vec<Event>) {
        if let Some(list) = logprobs::decode(result) {
            self.note(choice, Note::Logprobs(list), out);
        }
    }

    /// Notes belong to text; those without any wait for it.
    fn note(&mut self, choice: u32, note: Note, out: &mut Vec<Event>) {
        match self.open.filter(|open| !open.is_thought) {
            Some(open) => out.push(note.event(PartIndex {
                choice,
                part: open.part,
            })),
            None => self.waiting.push(note),
        }
    }

    fn release(&mut self, at: PartIndex, out: &mut Vec<Event>) {
        if self.open.is_some_and(|open| !open.is_thought) {
            out.extend(self.waiting.drain(..).map(|note| note.event(at)));
        }
    }

    fn finished(&mut self, candidate: Value<'_>, word: &str) {
        if let Some(reason) = finish::decode(word, self.has_calls) {
            let detail = field(candidate, "finishMessage").and_then(|message| message.text().ok());
            self.finish = Some((reason, detail));
        }
    }
}

impl Note {
    fn event(self, at: PartIndex) -> Event {
        match self {
            Self::Cite(raw) => Event::Cite { at, raw },
            Self::Logprobs(list) => Event::Logprobs { at, list },
        }
    }
}
