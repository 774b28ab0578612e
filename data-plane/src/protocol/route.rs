//! Operations, the routes to them, and the hints that tell which dialect a request is of.
//!
//! Paths have no prefixes and version segments here; the server removes them.

use http::{HeaderMap, Method};

use super::surface::Surface;

/// What a client requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Generate; the body says whether the answer is streamed.
    Generate,
    /// Generate, streamed by its path (Gemini).
    StreamGenerate,
    CountTokens,
    Embed,
    BatchEmbed,
    ListModels,
    ShowModel,
    /// A path that passes as it is.
    Surface(Surface),
}

impl Operation {
    /// The name for people, in error texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Generate | Self::StreamGenerate => "generate",
            Self::CountTokens => "count tokens",
            Self::Embed | Self::BatchEmbed => "embed",
            Self::ListModels => "list models",
            Self::ShowModel => "show a model",
            Self::Surface(about) => about.name(),
        }
    }

    pub fn generates(self) -> bool {
        matches!(self, Self::Generate | Self::StreamGenerate)
    }

    pub fn embeds(self) -> bool {
        matches!(self, Self::Embed | Self::BatchEmbed)
    }
}

/// One path that a dialect offers, without the version segment: `/messages`,
/// `/models/{model}:generateContent`.
///
/// `{model}` matches everything up to the last occurrence of what follows it in the pattern,
/// slashes included.
#[derive(Clone, Debug)]
pub struct Route {
    pub method: Method,
    pub pattern: &'static str,
    pub operation: Operation,
}

impl Route {
    pub(super) const fn get(pattern: &'static str, operation: Operation) -> Self {
        Self {
            method: Method::GET,
            pattern,
            operation,
        }
    }

    pub(super) const fn post(pattern: &'static str, operation: Operation) -> Self {
        Self {
            method: Method::POST,
            pattern,
            operation,
        }
    }

    /// Matches `path` (without version segment, percent-decoded). Returns the model where the
    /// pattern names one.
    pub fn matches(&self, path: &str) -> Option<Option<String>> {
        let Some((before, after)) = self.pattern.split_once("{model}") else {
            return (self.pattern == path).then_some(None);
        };
        let model = path.strip_prefix(before)?.strip_suffix(after)?;
        let model = model.strip_prefix("models/").unwrap_or(model);
        (!model.is_empty()).then(|| Some(model.to_owned()))
    }
}

/// What is said at a path without a model: always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// An answer, as JSON.
    Answer(&'static str),
    /// Why it is not served.
    Refusal(&'static str),
}

/// What tells a client's dialect besides the route, which several dialects may share (`/models`).
#[derive(Clone, Copy, Debug)]
pub struct Hints<'a> {
    pub method: &'a Method,
    /// The path without prefixes and version segment.
    pub path: &'a str,
    /// The version segment: `v1beta`.
    pub version: Option<&'a str>,
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
}
