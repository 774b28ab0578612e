//! The state machine of one candidate.
//!
//! Gemini does not say where a part ends. Text goes on in the next part, which may be in the next
//! chunk, until something else comes:
//!
//! ```text
//!             text                     text of the same kind
//!   no part ---------> open text ---+  <----+
//!     ^                  |  |       +-------+
//!     |                  |  | signature, with text or alone
//!     |                  |  v
//!     |                  | signed text
//!     |                  |    |
//!     +------------------+----+  text of the other kind (thought or not),
//!                                text after a signature, a call, media, the end
//! ```
//!
//! A signature belongs to the text before it, and text after it is a part of its own: joined to the
//! signed text, it would come back with a history that the upstream cannot verify. Citations and
//! log probabilities come outside of the parts and belong to visible text; they wait where there is
//! none yet.
//!
//! Source: Gemini API, `Candidate`, `Part`, "Thought signatures".

use super::{finish, logprobs};
use crate::canon::{Event, Fault, FinishReason, PartHead, PartIndex, ReasoningForm};
use crate::json::{self, EscapedStr, Raw, Value};
use crate::protocol::finish_words::Produced;

/// Decodes the parts of one candidate.
#[derive(Debug, Default)]
pub(super) struct CandidateDecoder {
    index: u32,
    next_part: u32,
    open: Option<OpenText>,
    produced: Produced,
    /// The last finish reason, and the message with it. Held until the end of the response, since
    /// some servers send one with every chunk.
    finish: Option<(EscapedStr, Option<EscapedStr>)>,
    /// Why the prompt was blocked.
    block: Option<EscapedStr>,
    /// Annotations that came before any text that they could belong to.
    pending: Vec<Annotation>,
}

/// A part of text that may go on.
#[derive(Clone, Copy, Debug)]
struct OpenText {
    part: u32,
    is_thought: bool,
    /// Whether it has a signature, after which it takes no more text.
    is_signed: bool,
}

/// What belongs to a text and is not in its part.
#[derive(Debug)]
enum Annotation {
    Citation(Raw),
    Logprobs(Raw),
}

/// The members of a part other than its data.
#[derive(Default)]
pub(super) struct PartAttributes {
    pub(super) is_thought: bool,
    pub(super) signature: Option<EscapedStr>,
}

impl CandidateDecoder {
    pub(super) fn new(index: u32) -> Self {
        Self {
            index,
            ..Self::default()
        }
    }

    /// Takes more text.
    pub(super) fn text(
        &mut self,
        text: EscapedStr,
        attributes: &PartAttributes,
        out: &mut Vec<Event>,
    ) {
        if text.is_empty() {
            if let Some(signature) = &attributes.signature {
                self.trailing_signature(signature, out);
            }
            return;
        }
        let part = match self.open {
            Some(open) if open.is_thought == attributes.is_thought && !open.is_signed => open.part,
            _ => self.open_text(attributes.is_thought, out),
        };
        let at = self.at(part);
        out.push(Event::Delta { at, text });
        self.emit_pending(at, out);
        if let Some(signature) = &attributes.signature {
            self.sign(at, signature, out);
        }
    }

    fn open_text(&mut self, is_thought: bool, out: &mut Vec<Event>) -> u32 {
        self.close(out);
        let part = self.take_part();
        self.open = Some(OpenText {
            part,
            is_thought,
            is_signed: false,
        });
        let head = if is_thought {
            PartHead::Reasoning(ReasoningForm::Summary)
        } else {
            PartHead::Text
        };
        self.produced.note(&head);
        let at = self.at(part);
        out.push(Event::PartStart { at, head });
        part
    }

    /// Takes a signature that comes with an empty text. It belongs to the text before it; without
    /// such a text it is reasoning that shows nothing.
    fn trailing_signature(&mut self, signature: &EscapedStr, out: &mut Vec<Event>) {
        match self.open {
            Some(open) if !open.is_signed => self.sign(self.at(open.part), signature, out),
            _ => {
                let attributes = PartAttributes {
                    is_thought: true,
                    signature: Some(signature.clone()),
                };
                let head = PartHead::Reasoning(ReasoningForm::Redacted);
                self.whole_part(head, None, &attributes, out);
            }
        }
    }

    fn sign(&mut self, at: PartIndex, signature: &EscapedStr, out: &mut Vec<Event>) {
        let value = signature.clone();
        out.push(Event::Signature { at, value });
        if let Some(open) = &mut self.open {
            open.is_signed = true;
        }
    }

    /// Takes a part that comes whole.
    pub(super) fn whole_part(
        &mut self,
        head: PartHead,
        text: Option<EscapedStr>,
        attributes: &PartAttributes,
        out: &mut Vec<Event>,
    ) {
        self.close(out);
        self.produced.note(&head);
        let part = self.take_part();
        let at = self.at(part);
        out.push(Event::PartStart { at, head });
        if let Some(signature) = &attributes.signature {
            let value = signature.clone();
            out.push(Event::Signature { at, value });
        }
        if let Some(text) = text {
            out.push(Event::Delta { at, text });
        }
        out.push(Event::PartEnd { at });
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        if let Some(open) = self.open.take() {
            let at = self.at(open.part);
            out.push(Event::PartEnd { at });
        }
    }

    fn take_part(&mut self) -> u32 {
        self.next_part += 1;
        self.next_part - 1
    }

    fn at(&self, part: u32) -> PartIndex {
        PartIndex {
            choice: self.index,
            part,
        }
    }

    /// Takes metadata as a citation, under its own key so that its kind stays known.
    pub(super) fn citation(&mut self, key: &str, value: Value<'_>, out: &mut Vec<Event>) {
        let raw = json::value(|citation| citation.object(|object| object.raw(key, &value.raw())));
        self.annotate(Annotation::Citation(raw), out);
    }

    pub(super) fn logprobs(&mut self, result: Value<'_>, out: &mut Vec<Event>) {
        if let Some(list) = logprobs::decode(result) {
            self.annotate(Annotation::Logprobs(list), out);
        }
    }

    /// Adds an annotation to the open text, or holds it until there is one.
    fn annotate(&mut self, annotation: Annotation, out: &mut Vec<Event>) {
        match self.open {
            Some(open) if !open.is_thought => {
                let at = self.at(open.part);
                out.push(annotation.into_event(at));
            }
            _ => self.pending.push(annotation),
        }
    }

    /// Emits the annotations that waited for the text that is now open.
    fn emit_pending(&mut self, at: PartIndex, out: &mut Vec<Event>) {
        if self.open.is_some_and(|open| !open.is_thought) {
            let pending = self.pending.drain(..);
            out.extend(pending.map(|annotation| annotation.into_event(at)));
        }
    }

    /// Takes a finish reason, which replaces an earlier one.
    pub(super) fn set_finish(&mut self, reason: &str, detail: Option<EscapedStr>) {
        if finish::ends(reason) {
            self.finish = Some((EscapedStr::from(reason), detail));
        }
    }

    /// Takes the reason for which the prompt was blocked. It counts where no finish reason comes.
    pub(super) fn set_block(&mut self, why: EscapedStr) {
        self.block = Some(why);
    }

    pub(super) fn has_finish(&self) -> bool {
        self.finish.is_some() || self.block.is_some()
    }

    pub(super) fn has_output(&self) -> bool {
        self.produced.has_output
    }

    /// Ends the candidate with its finish reason; without one it stopped by itself.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) -> Result<(), Fault> {
        self.close(out);
        let (reason, detail) = match (self.finish.take(), self.block.take()) {
            (None, Some(why)) => (FinishReason::Filtered, Some(why)),
            (finish, _) => {
                let stop = || (EscapedStr::from_static("STOP"), None);
                let (name, detail) = finish.unwrap_or_else(stop);
                let reason = finish::decode(&name, self.produced, detail.as_ref())?;
                (reason, detail)
            }
        };
        out.push(Event::Finish {
            choice: self.index,
            reason,
            sequence: None,
            detail,
        });
        Ok(())
    }
}

impl Annotation {
    fn into_event(self, at: PartIndex) -> Event {
        match self {
            Self::Citation(raw) => Event::Cite { at, raw },
            Self::Logprobs(list) => Event::Logprobs { at, list },
        }
    }
}
