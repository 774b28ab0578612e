//! Finish reasons: a response's status to canon and back.
//!
//! Source: `openai-responses.md`, "Response object"; `translation.md` section 6.

use crate::canon::FinishReason;
use crate::json::Value;
use crate::protocol::finish_words::{self, Meaning};

/// Decodes the reason of a completed response, which its parts tell.
pub(super) fn of_completed(has_calls: bool, has_refusals: bool) -> FinishReason {
    match (has_calls, has_refusals) {
        (true, _) => FinishReason::ToolCalls,
        (false, true) => FinishReason::Refusal,
        (false, false) => FinishReason::End,
    }
}

/// Decodes `incomplete_details.reason`. Without one, and with one that is not known, the answer is
/// cut all the same.
pub(super) fn of_incomplete(response: Value<'_>) -> FinishReason {
    let reason = response
        .find(&["incomplete_details", "reason"])
        .and_then(|reason| reason.text().ok());
    match reason.map(|reason| finish_words::foreign(&reason)) {
        Some(Meaning::Ended(FinishReason::Filtered)) => FinishReason::Filtered,
        Some(Meaning::Ended(FinishReason::ContextFull)) => FinishReason::ContextFull,
        _ => FinishReason::Length,
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
    /// A word that no table knows ended an answer that has output: it is complete.
    pub(super) fn of(reason: &FinishReason) -> Self {
        match reason {
            FinishReason::End
            | FinishReason::StopSequence
            | FinishReason::ToolCalls
            | FinishReason::Refusal
            | FinishReason::Other(_) => Self::Completed,
            FinishReason::Length | FinishReason::ContextFull | FinishReason::Paused => {
                Self::Incomplete("max_output_tokens")
            }
            FinishReason::Filtered => Self::Incomplete("content_filter"),
            FinishReason::Malformed => Self::Failed {
                code: "server_error",
                message: "the model wrote a tool call that cannot be read",
            },
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
