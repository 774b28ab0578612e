//! An upstream's answer, streamed or whole, as events.
//!
//! Source: Anthropic Messages reference, "Stream" and "Response". A whole answer has the members
//! that a stream spreads over `message_start`, its blocks and `message_delta`, so both are read by
//! the same [`Answer`]. Restores no names.

use bytes::Bytes;

use super::usage::Counts;
use super::{DIALECT, faults, finish};
use crate::canon::{Event, Fault, FinishReason, PartHead, PartIndex, ReasoningForm, Start};
use crate::json::{self, Document, EscapedStr, Invalid, Raw, Scratch, Value};
use crate::protocol::sse::{Frame, Frames};
use crate::protocol::{MalformedResponse, StreamDecoder, names};

#[derive(Default)]
pub(super) struct Decoder {
    frames: Frames,
    answer: Answer,
}

impl StreamDecoder for Decoder {
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        let Self { frames, answer } = self;
        frames.push(chunk, |frame| answer.frame(&frame, out))
    }

    fn finish(&mut self, out: &mut Vec<Event>) {
        let last = self
            .frames
            .finish()
            .map_or(Ok(()), |frame| self.answer.frame(&frame, out));
        match last {
            _ if self.answer.is_done => {}
            Err(garbled) => self.answer.fail(garbled.into(), out),
            Ok(()) => self.answer.fail(
                Fault::upstream("the upstream's answer broke off before its end"),
                out,
            ),
        }
    }

    fn is_done(&self) -> bool {
        self.answer.is_done
    }
}

/// How far an answer has come.
#[derive(Default)]
pub(super) struct Answer {
    is_started: bool,
    is_done: bool,
    parts: u32,
    open: Option<Open>,
    has_calls: bool,
    counts: Counts,
    ending: MessageEnd,
    scratch: Scratch,
}

/// A block that has begun and not ended.
struct Open {
    /// The upstream's index.
    index: u64,
    holds: Holds,
}

enum Holds {
    /// A part whose start and pieces went out.
    Part,
    /// A call; whether any of its input has come.
    Call { has_input: bool },
    /// A block of a hosted tool, which goes out whole at its end.
    Hosted {
        kind: EscapedStr,
        raw: Raw,
        input: Vec<EscapedStr>,
    },
}

/// What the answer says of its end, before it ends.
#[derive(Default)]
struct MessageEnd {
    stop_reason: Option<EscapedStr>,
    sequence: Option<EscapedStr>,
    detail: Option<EscapedStr>,
}

impl Answer {
    fn frame(&mut self, frame: &Frame, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        if self.is_done || !is_known(&frame.event) {
            return Ok(());
        }
        let document = Document::parse_in(frame.data.clone(), std::mem::take(&mut self.scratch))?;
        self.record(document.root(), &frame.event, out)?;
        self.scratch = document.into_scratch();
        Ok(())
    }

    /// One record of the stream. Servers that leave out the event's name say it in the data.
    fn record(
        &mut self,
        root: Value<'_>,
        event: &[u8],
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let kind = root
            .get("type")
            .and_then(|kind| kind.str().ok())
            .unwrap_or_default();
        match if event.is_empty() {
            kind.as_bytes()
        } else {
            event
        } {
            b"message_start" => self.start(root.required("message")?, out),
            b"content_block_start" => {
                self.block_start(root.required("content_block")?, index(root)?, out)
            }
            b"content_block_delta" => self.delta(root.required("delta")?, index(root)?, out),
            b"content_block_stop" => self.block_stop(index(root)?, out),
            b"message_delta" => self.message_delta(root, out),
            b"message_stop" => self.stop(out),
            b"error" => {
                self.fail(faults::decode_record(root, None), out);
                Ok(())
            }
            b"ping" => {
                out.push(Event::Ping);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn start(
        &mut self,
        message: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if std::mem::replace(&mut self.is_started, true) {
            return Err(garbled("a second `message_start`"));
        }
        out.push(Event::Start(Start {
            id: text(message, &["id"]),
            model: text(message, &["model"]),
            tier: text(message, &["usage", "service_tier"]),
            ..Start::default()
        }));
        self.usage(message, out);
        Ok(())
    }

    fn usage(&mut self, holder: Value<'_>, out: &mut Vec<Event>) {
        if let Some(usage) = holder.get("usage") {
            self.counts.update(usage);
            out.push(Event::Usage(self.counts.usage()));
        }
    }

    pub(super) fn block_start(
        &mut self,
        block: Value<'_>,
        index: u64,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if !self.is_started {
            return Err(garbled("a block before `message_start`"));
        }
        if let Some(open) = &self.open {
            return Err(garbled(format!(
                "block {index} begins before block {} has ended",
                open.index
            )));
        }
        let head = head(block)?;
        let holds = match &head {
            PartHead::Hosted { kind, raw } => Holds::Hosted {
                kind: kind.clone(),
                raw: raw.clone(),
                input: Vec::new(),
            },
            PartHead::ToolCall { .. } => Holds::Call { has_input: false },
            _ => Holds::Part,
        };
        self.has_calls |= matches!(holds, Holds::Call { .. });
        let is_held = matches!(holds, Holds::Hosted { .. });
        self.open = Some(Open { index, holds });
        if !is_held {
            out.push(Event::PartStart {
                at: self.at(),
                head,
            });
            self.content(block, out)?;
        }
        Ok(())
    }

    /// What a block says at its start: all of it in a whole answer, as a rule nothing in a stream.
    fn content(&mut self, block: Value<'_>, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        for key in ["text", "thinking"] {
            self.text(text(block, &[key]), out);
        }
        for key in ["signature", "data"] {
            self.signature(text(block, &[key]), out);
        }
        if let Some(citations) = block.get("citations") {
            citations
                .items()?
                .for_each(|citation| self.cite(citation, out));
        }
        let input = block.get("input").filter(|input| {
            input
                .members()
                .is_ok_and(|mut members| members.next().is_some())
        });
        self.text(input.map(|input| input.raw().compact().to_text()), out);
        Ok(())
    }

    fn delta(
        &mut self,
        delta: Value<'_>,
        index: u64,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if self.open.as_ref().is_none_or(|open| open.index != index) {
            return Err(garbled(format!(
                "a delta for block {index}, which is not open"
            )));
        }
        let kind = delta
            .get("type")
            .and_then(|kind| kind.str().ok())
            .unwrap_or_default();
        match &*kind {
            "text_delta" => self.text(Some(delta.required("text")?.text()?), out),
            "thinking_delta" => self.text(Some(delta.required("thinking")?.text()?), out),
            "input_json_delta" => self.text(Some(delta.required("partial_json")?.text()?), out),
            "signature_delta" => self.signature(Some(delta.required("signature")?.text()?), out),
            "citations_delta" => self.cite(delta.required("citation")?, out),
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: Option<EscapedStr>, out: &mut Vec<Event>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return;
        };
        let at = self.at();
        match self.open.as_mut().map(|open| &mut open.holds) {
            Some(Holds::Hosted { input, .. }) => return input.push(text),
            Some(Holds::Call { has_input }) => *has_input = true,
            Some(Holds::Part) | None => {}
        }
        out.push(Event::Delta { at, text });
    }

    fn signature(&mut self, value: Option<EscapedStr>, out: &mut Vec<Event>) {
        if let Some(value) = value.filter(|value| !value.is_empty() && !self.holds_hosted()) {
            out.push(Event::Signature {
                at: self.at(),
                value,
            });
        }
    }

    fn cite(&mut self, citation: Value<'_>, out: &mut Vec<Event>) {
        if !self.holds_hosted() {
            out.push(Event::Cite {
                at: self.at(),
                raw: citation.raw(),
            });
        }
    }

    fn holds_hosted(&self) -> bool {
        matches!(
            self.open,
            Some(Open {
                holds: Holds::Hosted { .. },
                ..
            })
        )
    }

    pub(super) fn block_stop(
        &mut self,
        index: u64,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        let Some(Open { holds, .. }) = self.open.take().filter(|open| open.index == index) else {
            return Err(garbled(format!(
                "the end of block {index}, which is not open"
            )));
        };
        let at = self.at();
        match holds {
            // A call that came without input has none: `{}` (Anthropic Messages reference,
            // "Stream").
            Holds::Call { has_input: false } => out.push(Event::Delta {
                at,
                text: EscapedStr::from_static("{}"),
            }),
            Holds::Hosted { kind, raw, input } => {
                out.push(Event::PartStart {
                    at,
                    head: PartHead::Hosted {
                        kind,
                        raw: with_input(raw, &input),
                    },
                });
            }
            Holds::Part | Holds::Call { .. } => {}
        }
        out.push(Event::PartEnd { at });
        self.parts += 1;
        Ok(())
    }

    fn message_delta(
        &mut self,
        root: Value<'_>,
        out: &mut Vec<Event>,
    ) -> Result<(), MalformedResponse> {
        if !self.is_started {
            return Err(garbled("a `message_delta` before `message_start`"));
        }
        self.ending(root.required("delta")?);
        self.usage(root, out);
        Ok(())
    }

    /// Takes what `holder` says of the answer's end; it may say so more than once.
    pub(super) fn ending(&mut self, holder: Value<'_>) {
        let detail = text(holder, &["stop_details", "explanation"])
            .or_else(|| text(holder, &["stop_details", "category"]));
        let news = [
            text(holder, &["stop_reason"]),
            text(holder, &["stop_sequence"]),
            detail,
        ];
        let MessageEnd {
            stop_reason,
            sequence,
            detail,
        } = &mut self.ending;
        for (field, news) in [stop_reason, sequence, detail].into_iter().zip(news) {
            *field = news.or(field.take());
        }
    }

    pub(super) fn stop(&mut self, out: &mut Vec<Event>) -> Result<(), MalformedResponse> {
        if !self.is_started || self.open.is_some() {
            return Err(garbled(
                "the end of the message before the end of its content",
            ));
        }
        let MessageEnd {
            stop_reason,
            sequence,
            detail,
        } = std::mem::take(&mut self.ending);
        match stop_reason {
            Some(word) => {
                let reason: FinishReason = finish::decode(&word, self.has_calls);
                out.push(Event::Finish {
                    choice: 0,
                    reason,
                    sequence,
                    detail,
                });
                self.is_done = true;
            }
            None => self.fail(
                Fault::upstream("the upstream's answer ended without a reason"),
                out,
            ),
        }
        Ok(())
    }

    fn fail(&mut self, fault: Fault, out: &mut Vec<Event>) {
        self.is_done = true;
        out.push(Event::Failed(fault));
    }

    fn at(&self) -> PartIndex {
        PartIndex {
            choice: 0,
            part: self.parts,
        }
    }
}

/// Event names that are not known are passed over unread: new ones come without a new version.
fn is_known(event: &[u8]) -> bool {
    event.is_empty()
        || event.starts_with(b"message_")
        || event.starts_with(b"content_block_")
        || matches!(event, b"ping" | b"error")
}

fn head(block: Value<'_>) -> Result<PartHead, Invalid> {
    let kind = block.required("type")?;
    Ok(match &*kind.str()? {
        "text" => PartHead::Text,
        "thinking" => PartHead::Reasoning(ReasoningForm::Full),
        "redacted_thinking" => PartHead::Reasoning(ReasoningForm::Redacted),
        "tool_use" => PartHead::ToolCall {
            id: block.required("id")?.text()?,
            name: names::called(block.required("name")?)?,
            namespace: None,
            free: false,
        },
        _ => PartHead::Hosted {
            kind: kind.text()?,
            raw: block.raw(),
        },
    })
}

/// A hosted block with the input that came after its start.
fn with_input(block: Raw, pieces: &[EscapedStr]) -> Raw {
    let input = EscapedStr::join(pieces, "");
    let Some(input) = (!input.is_empty()).then(|| input.parse().ok()).flatten() else {
        return block;
    };
    let document = block.document();
    let Ok(members) = document.root().members() else {
        return block;
    };
    json::value(|value| {
        value.object(|object| {
            members
                .filter(|(key, _)| key != "input")
                .for_each(|(key, member)| object.raw(&key, &member.raw()));
            object.raw("input", &input.root().raw());
        });
    })
}

fn index(root: Value<'_>) -> Result<u64, Invalid> {
    root.required("index")?.u64()
}

/// A text at the end of a path; `None` where there is none, or something else.
fn text(value: Value<'_>, path: &[&str]) -> Option<EscapedStr> {
    value.find(path)?.text().ok()
}

fn garbled(why: impl Into<String>) -> MalformedResponse {
    MalformedResponse {
        why: format!("{} ({DIALECT})", why.into()),
    }
}
