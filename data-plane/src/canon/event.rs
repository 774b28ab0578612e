//! A response as a sequence of events: what stream decoders produce and stream encoders consume.

use std::borrow::Cow;

use super::{Fault, Usage};
use crate::json::{EscapedStr, Raw};

/// A part of a response: the index of its choice, and its index in the choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartIndex {
    pub choice: u32,
    pub part: u32,
}

/// One step of a response. Decoders guarantee, and encoders rely on:
///
/// - `Start` comes once and first (a `Ping` or `Failed` may precede it).
/// - Within one choice, parts do not overlap: `PartStart`, its deltas, `PartEnd`; `PartIndex::part`
///   rises by one. Choices may interleave. (Chat streams may interleave tool calls; their decoder
///   buffers the later one.)
/// - `Finish` comes once a choice, after its last `PartEnd`.
/// - `Usage` is cumulative and may repeat; the last figure wins.
/// - `Failed` comes at most once and last. A stream that ends without its dialect's terminator
///   fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Start(Start),
    PartStart {
        at: PartIndex,
        head: PartHead,
    },
    /// More of a part: of its text, reasoning or refusal; of a tool call's arguments, JSON or free
    /// text, as the content of a JSON string.
    Delta {
        at: PartIndex,
        text: EscapedStr,
    },
    /// The next paragraph of reasoning begins (Responses writes summaries in several parts).
    Paragraph {
        at: PartIndex,
    },
    /// The complete signature of a part, at any position within it.
    Signature {
        at: PartIndex,
        value: EscapedStr,
    },
    /// A citation or annotation, in its own dialect's shape.
    Cite {
        at: PartIndex,
        raw: Raw,
    },
    /// Log probabilities in Chat's shape: an array of `{token, logprob, bytes, top_logprobs}`.
    Logprobs {
        at: PartIndex,
        list: Raw,
    },
    PartEnd {
        at: PartIndex,
    },
    Usage(Usage),
    Finish {
        choice: u32,
        reason: FinishReason,
        /// The stop sequence that matched, where the upstream says which.
        sequence: Option<EscapedStr>,
        /// The upstream's explanation of why it refused or filtered.
        detail: Option<EscapedStr>,
    },
    Failed(Fault),
    Ping,
}

/// The metadata of a response, known at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The upstream's id of the response. Without one, encoders make one in their dialect's form.
    pub id: Option<EscapedStr>,
    /// The model that the upstream reports.
    pub model: Option<EscapedStr>,
    /// Seconds since 1970.
    pub created: Option<u64>,
    pub tier: Option<EscapedStr>,
    pub fingerprint: Option<EscapedStr>,
}

/// What kind of part begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartHead {
    Text,
    Refusal,
    Reasoning(ReasoningForm),
    ToolCall {
        /// The upstream's id, or one that its decoder minted.
        id: EscapedStr,
        name: EscapedStr,
        namespace: Option<EscapedStr>,
        /// Whether the input is free text (a custom tool) rather than JSON.
        free: bool,
    },
    /// Inline media: its type here, base64 data in the deltas.
    Media {
        mime: EscapedStr,
    },
    /// A complete part of a hosted tool, in its own dialect's shape.
    Hosted {
        kind: EscapedStr,
        raw: Raw,
    },
}

/// How much of the model's reasoning a part shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReasoningForm {
    Full,
    Summary,
    /// Only the signature, no text.
    Redacted,
}

/// Why a response ended. Each dialect maps these to its own values in one table.
///
/// Decoders derive `ToolCalls` from the presence of calls, not from the upstream's value: Gemini
/// sends `STOP`, and some Chat servers send `stop`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    End,
    StopSequence,
    ToolCalls,
    Length,
    ContextFull,
    /// A filter outside the model cut or blocked the response.
    Filtered,
    /// The model itself refused.
    Refusal,
    /// A hosted tool's loop paused. It continues when the response is sent back.
    Paused,
    /// The model wrote a malformed tool call.
    Malformed,
    /// A value that no table knows.
    Other(EscapedStr),
}

/// The longest word of an upstream's own that [`FinishReason::name`] gives.
const OTHER_CHARS_MAX: usize = 40;

/// The text of a refusal that the model did not explain.
const REFUSED: &str = "The model refused to answer.";

impl FinishReason {
    /// One word for records.
    pub fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::End => "end",
            Self::StopSequence => "stop_sequence",
            Self::ToolCalls => "tool_calls",
            Self::Length => "length",
            Self::ContextFull => "context_full",
            Self::Filtered => "filtered",
            Self::Refusal => "refusal",
            Self::Paused => "paused",
            Self::Malformed => "malformed",
            Self::Other(word) => {
                return Cow::Owned(word.to_plain().chars().take(OTHER_CHARS_MAX).collect());
            }
        })
    }

    /// The text of a refusal, for dialects that have no finish reason for it. `None` if this is not
    /// a refusal. `detail` is the upstream's explanation.
    pub fn refusal(&self, detail: Option<&EscapedStr>) -> Option<EscapedStr> {
        (*self == Self::Refusal).then(|| {
            detail
                .cloned()
                .unwrap_or_else(|| EscapedStr::from_static(REFUSED))
        })
    }
}
