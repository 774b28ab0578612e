//! What of an answer this client gets to see: the same for streamed and whole answers.
//!
//! Source: `translation.md` sections 9 and 10. Writes nothing itself.

use super::DIALECT;
use crate::canon::{
    FinishReason, Origin, Reasoning, ReasoningDisplay, ReasoningForm, ReasoningMode, Start,
};
use crate::json::{EscapedStr, Object};
use crate::protocol::{ResponseContext, envelope};

use super::finish;

/// How much of the reasoning is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thoughts {
    /// The client asked for no thinking and gets no block that it would not know what to do with.
    Hidden,
    /// Only the token (`display: omitted`).
    Signed,
    Shown,
}

#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) thoughts: Thoughts,
    origin: Origin,
    request_id: String,
    /// The name that the client asked for, whatever the upstream calls it: Claude Code leaves
    /// thinking out of its history where the answer has another one (observed 2026-11-23 with
    /// 2.1.197).
    model: String,
}

impl View {
    pub(super) fn new(ask: &ResponseContext<'_>) -> Self {
        let reasoning = ask
            .request
            .reasoning
            .as_ref()
            .map(|reasoning| &reasoning.value);
        Self {
            thoughts: reasoning.map_or(Thoughts::Hidden, thoughts),
            origin: ask.origin.clone(),
            request_id: ask.request_id.to_owned(),
            model: ask.request.model.clone(),
        }
    }

    /// Whether the answer comes from this dialect, so that its own constructs can be written as
    /// they are.
    pub(super) fn is_native(&self) -> bool {
        self.origin.dialect == DIALECT
    }

    /// The token in this dialect's carrier. Every thinking block must have one, also where the
    /// upstream gave none.
    pub(super) fn carrier(&self, form: ReasoningForm, token: Option<&EscapedStr>) -> EscapedStr {
        match token {
            Some(token) if self.is_native() => token.clone(),
            token => envelope::wrap(&self.origin, form, token),
        }
    }

    /// Writes the members that an answer begins with.
    pub(super) fn write_start(&self, start: &Start, object: &mut Object<'_>) {
        object.key("id").text(&self.id(start));
        object.str("type", "message");
        object.str("role", "assistant");
        object.str("model", &self.model);
    }

    /// The upstream's id in this dialect's form, or one of our own.
    fn id(&self, start: &Start) -> EscapedStr {
        match &start.id {
            Some(id) if id.as_escaped().starts_with("msg_") => id.clone(),
            Some(id) => EscapedStr::join([&EscapedStr::from_static("msg_"), id], ""),
            None => EscapedStr::from(format!("msg_{}", self.request_id)),
        }
    }

    /// The service tier, which other dialects name in words of their own.
    pub(super) fn tier<'s>(&self, start: &'s Start) -> Option<&'s EscapedStr> {
        start.tier.as_ref().filter(|_| self.is_native())
    }

    /// The dialect's word for the reason: its own unknown words as they came, those of others as a
    /// plain end.
    pub(super) fn stop_reason(&self, reason: &FinishReason) -> EscapedStr {
        match (finish::encode(reason), reason) {
            (Some(word), _) => EscapedStr::from_static(word),
            (None, FinishReason::Other(word)) if self.is_native() => word.clone(),
            (None, _) => EscapedStr::from_static("end_turn"),
        }
    }

    /// Whether the reason is said in a word that means something else.
    pub(super) fn is_approximate(&self, reason: &FinishReason) -> bool {
        finish::encode(reason).is_none() && !self.is_native()
    }
}

fn thoughts(reasoning: &Reasoning) -> Thoughts {
    let show = reasoning.display.as_ref().map(|show| &show.value);
    match reasoning.mode {
        ReasoningMode::Unset | ReasoningMode::Unasked | ReasoningMode::Off => Thoughts::Hidden,
        ReasoningMode::Dynamic | ReasoningMode::Fixed if show == Some(&ReasoningDisplay::No) => {
            Thoughts::Signed
        }
        ReasoningMode::Dynamic | ReasoningMode::Fixed => Thoughts::Shown,
    }
}

/// Writes how an answer ended.
pub(super) fn write_end(
    word: &EscapedStr,
    sequence: Option<&EscapedStr>,
    detail: Option<&EscapedStr>,
    object: &mut Object<'_>,
) {
    object.text("stop_reason", word);
    match sequence {
        Some(sequence) => object.text("stop_sequence", sequence),
        None => object.null("stop_sequence"),
    }
    if let Some(detail) = detail.filter(|_| *word == "refusal") {
        object.object("stop_details", |details| {
            details.str("type", "refusal");
            details.null("category");
            details.text("explanation", detail);
        });
    }
}
