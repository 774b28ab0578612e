//! Encodes events into the parts of candidates, the same for streams and whole responses.
//!
//! Text goes out with every delta. Calls and media are collected, because their parts are written
//! whole. Thoughts are shown only to clients that asked for them; a signature that has to come back
//! with the history is carried either way:
//!
//! ```text
//!   signature of        | thoughts shown           | thoughts not shown
//!   --------------------+--------------------------+--------------------------------------------
//!   Gemini, on a part   | on that part             | on that part
//!   Gemini, on thoughts | on an empty thought      | on an empty text
//!   another dialect     | on an empty thought, and | on the candidate's next call,
//!                       | on the next call         | else on an empty text at the end
//! ```
//!
//! Another dialect's signature is wrapped in an envelope. It goes on a call because Gemini CLI
//! keeps the signatures of calls in its history and forgets thoughts.
//!
//! Source: gemini.md "Thought signatures"; `translation.md` section 10.

use std::collections::HashMap;

use super::DIALECT;
use super::content_encode::{PartData, WirePart};
use crate::canon::{
    Event, FinishReason, LossKind, Losses, Origin, PartHead, ReasoningDisplay, ReasoningForm,
    Start, Usage,
};
use crate::json::{EscapedStr, Raw, Value};
use crate::protocol::{ResponseContext, envelope};

/// A part with the index of its candidate.
pub(super) type CandidatePart = (u32, WirePart);

/// Collects what an upstream answers, and gives parts as they can be written.
pub(super) struct CandidateEncoder {
    shows_thoughts: bool,
    origin: Origin,
    pub(super) start: Start,
    pub(super) usage: Usage,
    pub(super) candidates: Vec<Candidate>,
    pub(super) losses: Losses,
}

/// One candidate as far as it has come.
#[derive(Default)]
pub(super) struct Candidate {
    /// The part between its start and its end.
    head: Option<PartHead>,
    /// The text so far of a part that is written whole.
    collected: Vec<EscapedStr>,
    signature: Option<EscapedStr>,
    /// Another dialect's signature that no call carries yet.
    foreign_signature: Option<ForeignSignature>,
    /// Whether the arguments of a call were malformed.
    is_malformed: bool,
    pub(super) logprobs: Vec<Raw>,
    /// Gemini's own metadata by its key, the last of each.
    pub(super) metadata: Vec<(EscapedStr, Raw)>,
    metadata_places: HashMap<EscapedStr, usize>,
    pub(super) finish: Option<(FinishReason, Option<EscapedStr>)>,
}

struct ForeignSignature {
    envelope: EscapedStr,
    /// Whether the thought that it belongs to carries it too.
    is_on_thought: bool,
}

impl CandidateEncoder {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        let shows_thoughts = match &context.request.reasoning {
            Some(reasoning) => reasoning
                .value
                .display
                .as_ref()
                .is_some_and(|display| display.value != ReasoningDisplay::No),
            None => false,
        };
        Self {
            shows_thoughts,
            origin: context.origin.clone(),
            start: Start::default(),
            usage: Usage::default(),
            candidates: Vec::new(),
            losses: Losses::default(),
        }
    }

    /// Takes one event. The parts that it completes go to `out`.
    pub(super) fn push(&mut self, event: &Event, out: &mut Vec<CandidatePart>) {
        match event {
            Event::Start(start) => self.start = start.clone(),
            Event::PartStart { at, head } => self.candidate(at.choice).begin_part(head.clone()),
            Event::Delta { at, text } => self.delta(at.choice, text, out),
            Event::Paragraph { at } => self.delta(at.choice, &EscapedStr::from("\n\n"), out),
            Event::Signature { at, value } => {
                self.candidate(at.choice).signature = Some(value.clone());
            }
            Event::Cite { at, raw } => self.metadata(at.choice, raw),
            Event::Logprobs { at, list } => self.candidate(at.choice).logprobs.push(list.clone()),
            Event::PartEnd { at } => self.end_part(at.choice, out),
            Event::Usage(usage) => self.usage.update(usage),
            Event::Finish {
                choice,
                reason,
                detail,
                ..
            } => self.finish(*choice, reason, detail.as_ref(), out),
            Event::Failed(_) | Event::Ping => {}
        }
    }

    fn delta(&mut self, index: u32, text: &EscapedStr, out: &mut Vec<CandidatePart>) {
        let shows_thoughts = self.shows_thoughts;
        let candidate = self.candidate(index);
        match &candidate.head {
            Some(PartHead::Text | PartHead::Refusal) => {
                out.push((index, WirePart::text(text.clone())));
            }
            Some(PartHead::Reasoning(_)) if shows_thoughts => {
                out.push((index, WirePart::thought(text.clone())));
            }
            Some(PartHead::ToolCall { .. } | PartHead::Media { .. }) => {
                candidate.collected.push(text.clone());
            }
            Some(PartHead::Reasoning(_) | PartHead::Hosted { .. }) | None => {}
        }
    }

    fn end_part(&mut self, index: u32, out: &mut Vec<CandidatePart>) {
        let candidate = self.candidate(index);
        let Some(head) = candidate.head.take() else {
            return;
        };
        let signature = candidate.signature.take();
        let text = EscapedStr::join(&std::mem::take(&mut candidate.collected), "");
        let native_signature = signature.clone().filter(|_| self.is_native());
        match head {
            // The text has gone out with its deltas.
            PartHead::Text | PartHead::Refusal => {
                if let Some(signature) = native_signature {
                    out.push((index, WirePart::signature_only(signature)));
                }
            }
            PartHead::Reasoning(form) => self.end_reasoning(index, form, signature, out),
            PartHead::ToolCall { id, name, .. } => {
                if let Some(call) = self.call(index, id, name, &text, native_signature) {
                    out.push((index, call));
                }
            }
            PartHead::Media { mime } => {
                let media = WirePart::new(PartData::InlineData { mime, data: text });
                out.push((index, media.signed(native_signature)));
            }
            PartHead::Hosted { kind, raw } if self.is_native() => {
                let hosted = WirePart::new(PartData::Hosted { kind, raw });
                out.push((index, hosted.signed(native_signature)));
            }
            PartHead::Hosted { .. } => self.losses.noted("hosted_tools", LossKind::Dropped),
        }
    }

    /// Places the signature of reasoning, by the table above.
    fn end_reasoning(
        &mut self,
        index: u32,
        form: ReasoningForm,
        signature: Option<EscapedStr>,
        out: &mut Vec<CandidatePart>,
    ) {
        let Some(signature) = signature else { return };
        let is_shown = self.shows_thoughts && form != ReasoningForm::Redacted;
        if self.is_native() {
            let carrier = if is_shown {
                WirePart::thought(EscapedStr::default()).signed(Some(signature))
            } else {
                WirePart::signature_only(signature)
            };
            return out.push((index, carrier));
        }
        let envelope = envelope::wrap(&self.origin, form, Some(&signature));
        if is_shown {
            let thought = WirePart::thought(EscapedStr::default());
            out.push((index, thought.signed(Some(envelope.clone()))));
        }
        let replaced = self
            .candidate(index)
            .foreign_signature
            .replace(ForeignSignature {
                envelope,
                is_on_thought: is_shown,
            });
        // Two pieces of reasoning without a call between them: the first will find no call.
        let leftover = replaced.and_then(ForeignSignature::into_part);
        out.extend(leftover.map(|part| (index, part)));
    }

    /// The part of a call. Arguments that are not an object make a call that no client could run:
    /// `None`, and the candidate ends as malformed.
    fn call(
        &mut self,
        index: u32,
        id: EscapedStr,
        name: EscapedStr,
        arguments: &EscapedStr,
        native_signature: Option<EscapedStr>,
    ) -> Option<WirePart> {
        let candidate = self.candidate(index);
        let no_arguments = EscapedStr::from_static("{}");
        let arguments = if arguments.is_blank() {
            &no_arguments
        } else {
            arguments
        };
        let Ok(document) = arguments.to_object() else {
            candidate.is_malformed = true;
            return None;
        };
        let signature = native_signature.or_else(|| {
            let foreign = candidate.foreign_signature.take();
            foreign.map(|foreign| foreign.envelope)
        });
        let args = document.root().raw();
        let call = WirePart::new(PartData::FunctionCall { id, name, args });
        Some(call.signed(signature))
    }

    /// Keeps Gemini's own metadata, which its decoder passes on as citations.
    fn metadata(&mut self, index: u32, raw: &Raw) {
        if !self.is_native() {
            return self.losses.noted("citations", LossKind::Dropped);
        }
        let document = raw.document();
        let Ok(members) = document.root().members() else {
            return;
        };
        for (key, value) in members {
            self.candidate(index).set_metadata(&key, value);
        }
    }

    fn finish(
        &mut self,
        index: u32,
        reason: &FinishReason,
        detail: Option<&EscapedStr>,
        out: &mut Vec<CandidatePart>,
    ) {
        let candidate = self.candidate(index);
        // A call that the limit cut off is no mistake of the model's.
        let is_cut = matches!(reason, FinishReason::Length | FinishReason::ContextFull);
        let reason = if candidate.is_malformed && !is_cut {
            FinishReason::Malformed
        } else {
            reason.clone()
        };
        candidate.finish = Some((reason, detail.cloned()));
        let leftover = candidate.foreign_signature.take();
        let part = leftover.and_then(ForeignSignature::into_part);
        out.extend(part.map(|part| (index, part)));
    }

    /// Whether the upstream speaks this dialect too, so that its own constructs can be written
    /// unchanged.
    fn is_native(&self) -> bool {
        self.origin.dialect == DIALECT
    }

    fn candidate(&mut self, index: u32) -> &mut Candidate {
        let index = index as usize;
        if self.candidates.len() <= index {
            self.candidates.resize_with(index + 1, Candidate::default);
        }
        &mut self.candidates[index]
    }
}

impl Candidate {
    fn begin_part(&mut self, head: PartHead) {
        self.head = Some(head);
        self.collected.clear();
        self.signature = None;
    }

    fn set_metadata(&mut self, key: &str, value: Value<'_>) {
        let key = EscapedStr::from(key);
        match self.metadata_places.get(&key) {
            Some(place) => self.metadata[*place].1 = value.raw(),
            None => {
                self.metadata_places
                    .insert(key.clone(), self.metadata.len());
                self.metadata.push((key, value.raw()));
            }
        }
    }
}

impl ForeignSignature {
    /// The part that carries the signature where no call does. `None` where a thought has it.
    fn into_part(self) -> Option<WirePart> {
        (!self.is_on_thought).then(|| WirePart::signature_only(self.envelope))
    }
}
