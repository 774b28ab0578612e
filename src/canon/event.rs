//! One answer as a sequence of steps: what stream decoders produce and stream encoders consume.

use super::{Fault, Usage};
use crate::json::{EscapedStr, Raw};

/// Which part of which choice; both count from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartIndex {
    pub choice: u32,
    pub part: u32,
}

/// One step of an answer. Decoders promise, and encoders rely on:
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
    /// More of a part: text, reasoning, refusal; of a tool call the next piece of its arguments'
    /// JSON (or free text), as the content of a JSON string.
    Delta {
        at: PartIndex,
        text: EscapedStr,
    },
    /// The next paragraph of reasoning begins (Responses writes summaries in several parts).
    Paragraph {
        at: PartIndex,
    },
    /// The token that only its maker can read, whole. Anywhere within its part.
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
        /// What the upstream adds in words: why it refused or filtered.
        detail: Option<EscapedStr>,
    },
    Failed(Fault),
    Ping,
}

/// What an answer says of itself at its start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The upstream's id of the answer. Encoders make one in their dialect's form where there is
    /// none.
    pub id: Option<EscapedStr>,
    /// The model that the upstream says it used.
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
    /// Inline media in an answer: its type, and base64 data in the deltas.
    Media {
        mime: EscapedStr,
    },
    /// A part of a hosted tool, whole, in its own dialect's shape.
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
    /// Only the token; no text at all.
    Redacted,
}

/// Why an answer ended. Each dialect has one table from these to its word.
///
/// Decoders derive `ToolCalls` from the presence of calls, not from the upstream's word: Gemini
/// says `STOP`, and some Chat servers say `stop`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    End,
    StopSequence,
    ToolCalls,
    Length,
    ContextFull,
    /// A filter outside the model cut or blocked the answer.
    Filtered,
    /// The model itself refused.
    Refusal,
    /// A hosted tool's loop paused; sending the answer back goes on.
    Paused,
    /// The model wrote a call that cannot be read.
    Malformed,
    /// A word that no table knows.
    Other(EscapedStr),
}

/// The refusal of a model that gave no words for it.
const REFUSED: &str = "The model refused to answer.";

impl FinishReason {
    /// What a refusal says in dialects that tell it by its text; `None` where nothing was refused.
    /// `detail` is the upstream's words.
    pub fn refusal(&self, detail: Option<&EscapedStr>) -> Option<EscapedStr> {
        (*self == Self::Refusal).then(|| {
            detail
                .cloned()
                .unwrap_or_else(|| EscapedStr::from_static(REFUSED))
        })
    }
}
