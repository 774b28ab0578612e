//! Finish reasons: a response's status to canon and back.
//!
//! Source: `openai-responses.md`, "Response object"; `translation.md` section 6.

use crate::canon::FinishReason;
use crate::json::Value;

/// Decodes the reason of a completed response, which its parts tell.
pub(super) fn of_completed(has_calls: bool, has_refusals: bool) -> FinishReason {
    match (has_calls, has_refusals) {
        (true, _) => FinishReason::ToolCalls,
        (false, true) => FinishReason::Refusal,
        (false, false) => FinishReason::End,
    }
}

/// Decodes `incomplete_details.reason`.
pub(super) fn of_incomplete(response: Value<'_>) -> FinishReason {
    let reason = response
        .find(&["incomplete_details", "reason"])
        .and_then(|reason| reason.text().ok())
        .unwrap_or_default();
    match &*reason.to_plain() {
        "max_output_tokens" => FinishReason::Length,
        "content_filter" => FinishReason::Filtered,
        _ => FinishReason::Other(reason),
    }
}

/// The status of a response toward a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status<'s> {
    InProgress,
    Completed,
    /// With `incomplete_details.reason`.
    Incomplete(&'s str),
    Failed {
        code: &'s str,
        message: &'s str,
    },
}

impl<'s> Status<'s> {
    pub(super) fn of(reason: &'s FinishReason) -> Self {
        match reason {
            FinishReason::End
            | FinishReason::StopSequence
            | FinishReason::ToolCalls
            | FinishReason::Refusal => Self::Completed,
            FinishReason::Length | FinishReason::ContextFull | FinishReason::Paused => {
                Self::Incomplete("max_output_tokens")
            }
            FinishReason::Filtered => Self::Incomplete("content_filter"),
            FinishReason::Malformed => Self::Failed {
                code: "server_error",
                message: "the model wrote a tool call that cannot be read",
            },
            FinishReason::Other(reason) => Self::Incomplete(reason.as_escaped()),
        }
    }

    /// The value of `status`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed { .. } => "failed",
        }
    }

    /// The event that carries a response of this status.
    pub(super) fn event(self) -> &'static str {
        match self {
            Self::InProgress => "response.in_progress",
            Self::Completed => "response.completed",
            Self::Incomplete(_) => "response.incomplete",
            Self::Failed { .. } => "response.failed",
        }
    }

    /// The status of the item that was open when the answer ended.
    pub(super) fn of_last_item(self) -> &'static str {
        if self == Self::Completed {
            "completed"
        } else {
            "incomplete"
        }
    }
}
