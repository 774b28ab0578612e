//! The fields of a `message` for one client, the same in a stream and in a whole response.
//!
//! Source: `translation.md` sections 9 and 10.

use super::{DIALECT, finish};
use crate::canon::{
    FinishReason, Origin, Reasoning, ReasoningDisplay, ReasoningForm, ReasoningMode, Start,
};
use crate::json::{EscapedStr, Object};
use crate::protocol::{ResponseContext, envelope};

/// How much of the reasoning a client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ThinkingDisplay {
    /// No thinking blocks: the client did not ask for thinking and may not know them.
    Hidden,
    /// Thinking blocks with their signature and no text (`display: omitted`).
    Omitted,
    /// Thinking blocks with text and signature.
    Shown,
}

/// What the fields of a message depend on.
#[derive(Clone, Debug)]
pub(super) struct MessageFields {
    pub(super) thinking: ThinkingDisplay,
    origin: Origin,
    request_id: String,
    /// The model that the client asked for, whatever the upstream calls it: Claude Code leaves
    /// thinking out of its history where the response names another model (observed 2026-11-23
    /// with 2.1.197).
    model: String,
}

impl MessageFields {
    pub(super) fn new(context: &ResponseContext<'_>) -> Self {
        let thinking = match &context.request.reasoning {
            Some(reasoning) => thinking_display(&reasoning.value),
            None => ThinkingDisplay::Hidden,
        };
        Self {
            thinking,
            origin: context.origin.clone(),
            request_id: context.request_id.to_owned(),
            model: context.request.model.clone(),
        }
    }

    /// Whether the upstream speaks this dialect too, so that its own constructs can be written
    /// unchanged.
    pub(super) fn is_native(&self) -> bool {
        self.origin.dialect == DIALECT
    }

    /// The `signature` or `data` of a thinking block. Every thinking block must have one: what
    /// another dialect gave, or nothing, is wrapped in an envelope that comes back with the
    /// history.
    pub(super) fn signature(&self, form: ReasoningForm, value: Option<&EscapedStr>) -> EscapedStr {
        match value {
            Some(value) if self.is_native() => value.clone(),
            value => envelope::wrap(&self.origin, form, value),
        }
    }

    /// Writes the fields at the start of a message.
    pub(super) fn write_start(&self, start: &Start, object: &mut Object<'_>) {
        object.key("id").text(&self.id(start));
        object.str("type", "message");
        object.str("role", "assistant");
        object.str("model", &self.model);
        object.null("container");
        object.null("diagnostics");
    }

    /// The upstream's id in this dialect's form, or one made of the request's.
    fn id(&self, start: &Start) -> EscapedStr {
        match &start.id {
            Some(id) if id.as_escaped().starts_with("msg_") => id.clone(),
            Some(id) => EscapedStr::join([&EscapedStr::from_static("msg_"), id], ""),
            None => EscapedStr::from(format!("msg_{}", self.request_id)),
        }
    }

    /// The service tier in this dialect's words. `None` where it has no word for it.
    ///
    /// Source: Anthropic Messages reference, "Response", `usage.service_tier`.
    pub(super) fn tier(start: &Start) -> Option<&'static str> {
        let tier = start.tier.as_ref()?.to_plain().to_ascii_lowercase();
        Some(match &*tier {
            "standard" | "default" => "standard",
            "priority" => "priority",
            "batch" => "batch",
            _ => return None,
        })
    }

    /// The stop reason; `end_turn` where the dialect has no word for it.
    pub(super) fn stop_reason(&self, reason: &FinishReason) -> &'static str {
        if self.is_native() {
            finish::encode_native(reason)
        } else {
            finish::encode(reason).unwrap_or("end_turn")
        }
    }

    /// Whether [`MessageFields::stop_reason`] differs from what the upstream sent.
    pub(super) fn is_approximate(&self, reason: &FinishReason) -> bool {
        match reason {
            FinishReason::Other(name) => *name != self.stop_reason(reason),
            reason => finish::encode(reason).is_none(),
        }
    }
}

fn thinking_display(reasoning: &Reasoning) -> ThinkingDisplay {
    let display = reasoning.display.as_ref().map(|display| &display.value);
    match reasoning.mode {
        ReasoningMode::Unset | ReasoningMode::Unasked | ReasoningMode::Off => {
            ThinkingDisplay::Hidden
        }
        ReasoningMode::Dynamic | ReasoningMode::Fixed if display == Some(&ReasoningDisplay::No) => {
            ThinkingDisplay::Omitted
        }
        ReasoningMode::Dynamic | ReasoningMode::Fixed => ThinkingDisplay::Shown,
    }
}

/// How a message ended.
pub(super) struct MessageEnd {
    pub(super) stop_reason: &'static str,
    pub(super) stop_sequence: Option<EscapedStr>,
    /// Why the model refused; written only with the reason `refusal`.
    pub(super) detail: Option<EscapedStr>,
}

impl MessageEnd {
    /// Writes the fields at the end of a message.
    pub(super) fn write(&self, object: &mut Object<'_>) {
        object.str("stop_reason", self.stop_reason);
        match &self.stop_sequence {
            Some(sequence) if self.stop_reason == "stop_sequence" => {
                object.text("stop_sequence", sequence)
            }
            Some(_) | None => object.null("stop_sequence"),
        }
        match &self.detail {
            Some(detail) if self.stop_reason == "refusal" => {
                object.object("stop_details", |details| {
                    details.str("type", "refusal");
                    details.null("category");
                    details.text("explanation", detail);
                });
            }
            Some(_) | None => object.null("stop_details"),
        }
    }
}
