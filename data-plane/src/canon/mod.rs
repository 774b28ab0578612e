//! The canonical model: what the four dialects can say, in one set of types.
//!
//! It is the union of the dialects, not their intersection: each construct of a dialect has a place
//! here or is kept as [`Unknown`], so that anything that a target cannot carry can be reported as a
//! [`Loss`]. Text and schemas are slices of the bytes that arrived ([`crate::json::EscapedStr`],
//! [`crate::json::Raw`]), and each value that may be lost has its [`Offset`] in them.
//!
//! No IO, no async, no clock, no words of a dialect.

mod event;
mod fault;
mod fold;
mod loss;
mod request;
mod usage;

pub use crate::json::Offset;
pub use event::{Event, FinishReason, PartHead, PartIndex, ReasoningForm, Start};
pub use fault::{Blame, Fault, FaultKind};
pub use fold::{Choice, Fold, Response, ResponsePart};
pub use loss::{Loss, LossKind, Losses, Refusal};
pub use request::{
    CacheBreakpoint, Effort, Embed, EmbedInput, Embedding, Embeddings, Format, Located, Media,
    MediaKind, MediaSource, ModelCard, Part, PartKind, Reasoning, ReasoningDisplay, ReasoningMode,
    Request, Role, Sampling, SchemaFormat, Signature, Tool, ToolChoice, ToolInput, ToolKind,
    ToolName, ToolResult, Turn, Unknown,
};
pub use usage::{ServiceTier, Usage};

use std::fmt;

/// The name of a wire format: `openai_chat`, `openai_responses`, `anthropic`, `gemini`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dialect(&'static str);

impl Dialect {
    /// Used by each module of `protocol/` for its own name.
    pub const fn named(name: &'static str) -> Self {
        Self(name)
    }

    pub fn name(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Which upstream issued a [`Signature`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    pub dialect: Dialect,
    /// The provider's name in the configuration. Empty if unknown.
    pub provider: String,
    /// The upstream's name of the model. Empty if unknown.
    pub model: String,
}
