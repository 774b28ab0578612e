//! A request, as the union of what the dialects can ask.

use bytes::Bytes;

use super::{Dialect, LossKind, Losses, Offset, Origin};
use crate::json::{Document, EscapedStr, Invalid, Raw, Value};

/// A value and where it stood in the client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    pub value: T,
    pub at: Offset,
}

impl<T> Located<T> {
    pub fn new(value: T, at: Offset) -> Self {
        Self { value, at }
    }

    /// A value as `read` understands it, and where it stood.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read<'d>(
        value: Value<'d>,
        read: impl FnOnce(Value<'d>) -> Result<T, Invalid>,
    ) -> Result<Self, Invalid> {
        Ok(Self::new(read(value)?, value.offset()))
    }
}

/// A field that was read and has no home in the model. Every encoder reports it as dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    pub at: Offset,
    pub raw: Raw,
}

impl From<Value<'_>> for Unknown {
    fn from(value: Value<'_>) -> Self {
        Self {
            at: value.offset(),
            raw: value.raw(),
        }
    }
}

/// What a client asks of a model.
///
/// `None` = the client left it open. Bodies are kept so that a loss's [`Offset`] can become a path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The client's bytes: what every [`Offset`] points into.
    pub body: Bytes,
    /// The model's name as the client wrote it.
    pub model: String,
    /// System text in front of the conversation, in order. Only `EscapedStr` parts (others are
    /// refused by the decoders).
    pub system: Vec<Part>,
    /// The conversation. Neighbours of equal role are merged by the decoders; results of one turn's
    /// calls stand together, in the order of the calls, at the start of the `User` turn that
    /// follows (`turns::arrange`).
    pub turns: Vec<Turn>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<Located<ToolChoice>>,
    /// Whether the model may call several tools at once.
    pub parallel_tool_calls: Option<Located<bool>>,
    pub sampling: Sampling,
    /// Bound on the answer's tokens, reasoning included.
    pub output_tokens_max: Option<Located<u64>>,
    pub stops: Vec<Located<EscapedStr>>,
    /// How many answers are asked for.
    pub choices: Option<Located<u64>>,
    pub format: Option<Located<Format>>,
    pub reasoning: Option<Located<Reasoning>>,
    /// How many alternatives with log probabilities are asked for at each token; 0 = only the
    /// chosen one.
    pub logprobs: Option<Located<u64>>,
    /// Output kinds besides text, such as `audio` or `IMAGE`, as written.
    pub modalities: Vec<Located<EscapedStr>>,
    pub verbosity: Option<Located<EscapedStr>>,
    /// The end user, as an opaque id (`safety_identifier`, `user`, `metadata.user_id`).
    pub user: Option<Located<EscapedStr>>,
    /// OpenAI's map of string pairs, as written.
    pub metadata: Option<Located<Raw>>,
    /// `service_tier`, as written.
    pub tier: Option<Located<EscapedStr>>,
    /// The key by which a cache tells conversations apart.
    pub cache_key: Option<Located<EscapedStr>>,
    /// Anthropic's top-level `cache_control`.
    pub cache_breakpoint: Option<CacheBreakpoint>,
    pub stream: bool,
    /// Whether a streaming client asked for usage (Chat's `stream_options.include_usage`); the
    /// other dialects always send it.
    pub include_usage: bool,
    pub unknown: Vec<Unknown>,
    /// What the decoder put in because every target demands it: `tool_result`.
    pub added: Vec<&'static str>,
}

/// Numbers as written; their ranges are the target's business.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sampling {
    pub temperature: Option<Located<Raw>>,
    pub top_p: Option<Located<Raw>>,
    pub top_k: Option<Located<Raw>>,
    pub seed: Option<Located<Raw>>,
    pub presence_penalty: Option<Located<Raw>>,
    pub frequency_penalty: Option<Located<Raw>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    User,
    Assistant,
    /// System text in the middle of the conversation.
    System,
    /// OpenAI's newer word for the same.
    Developer,
}

/// One speaker's turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub role: Role,
    pub parts: Vec<Part>,
    /// OpenAI's `name` of the speaker.
    pub name: Option<Located<EscapedStr>>,
    pub at: Offset,
}

/// One piece of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub kind: PartKind,
    pub at: Offset,
    /// The token that only its maker can read: thinking signature, encrypted reasoning, thought
    /// signature.
    pub signature: Option<Signature>,
    /// Where the client wrote the token, if in a field of its own (Gemini's `thoughtSignature`).
    pub signature_at: Option<Offset>,
    pub cache: Option<CacheBreakpoint>,
    /// Citations of the part, in their dialect's shape.
    pub citations: Option<Located<Raw>>,
}

impl Part {
    pub fn new(kind: PartKind, at: Offset) -> Self {
        Self {
            kind,
            at,
            signature: None,
            signature_at: None,
            cache: None,
            citations: None,
        }
    }

    pub fn text(text: EscapedStr, at: Offset) -> Self {
        Self::new(PartKind::Text(text), at)
    }

    /// Notes that the token of a part stays behind while the part itself is carried.
    pub fn drop_signature(&self, losses: &mut Losses) {
        match (&self.signature, self.signature_at) {
            (None, _) => {}
            (Some(_), Some(at)) => losses.dropped(at),
            // It was restored from what the gateway remembers: the client wrote none.
            (Some(_), None) => losses.noted("reasoning", LossKind::Dropped),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartKind {
    Text(EscapedStr),
    Media(Media),
    /// Reasoning shown earlier, in paragraphs.
    Reasoning {
        form: super::ReasoningForm,
        texts: Vec<EscapedStr>,
    },
    ToolCall {
        id: EscapedStr,
        name: EscapedStr,
        namespace: Option<EscapedStr>,
        input: ToolInput,
    },
    ToolResult(ToolResult),
    Refusal(EscapedStr),
    /// A part of a hosted tool or another construct that only its own dialect knows.
    Hosted {
        dialect: Dialect,
        kind: EscapedStr,
        raw: Raw,
    },
}

/// What a call was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolInput {
    /// A JSON object, as it was written inside a string; without white space between its tokens
    /// where it stood as an object.
    Json(Raw),
    /// What should have been a JSON object and is not; kept as it was, for history only.
    Malformed(EscapedStr),
    /// A custom tool's free text.
    Free(EscapedStr),
}

impl ToolInput {
    /// From arguments as OpenAI's dialects carry them: JSON inside a string. `""` means no
    /// arguments.
    pub fn from_arguments(arguments: &EscapedStr) -> Self {
        if arguments.is_blank() {
            return Self::Json(Raw::from_static("{}"));
        }
        match arguments.parse() {
            Ok(document) if document.root().members().is_ok() => Self::Json(document.root().raw()),
            _ => Self::Malformed(arguments.clone()),
        }
    }

    /// As OpenAI's dialects carry arguments: JSON inside a string.
    pub fn to_arguments(&self) -> EscapedStr {
        match self {
            Self::Json(raw) => raw.to_text(),
            Self::Malformed(text) | Self::Free(text) => text.clone(),
        }
    }

    /// As Anthropic and Gemini carry arguments: an object. Malformed arguments stand in it as
    /// `_raw`, free text as `input`.
    pub fn to_object(&self) -> Raw {
        let wrap = |key: &str, text: &EscapedStr| {
            crate::json::value(|value| value.object(|object| object.text(key, text)))
        };
        match self {
            Self::Json(raw) => raw.clone(),
            Self::Malformed(text) => wrap("_raw", text),
            Self::Free(text) => wrap("input", text),
        }
    }
}

/// What a tool answered. `parts` holds `EscapedStr` and `Media` only (and `Hosted` within one
/// dialect).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    pub call_id: EscapedStr,
    /// The tool's name where the dialect tells it (Gemini); `turns::arrange` fills it in from the
    /// call.
    pub name: Option<EscapedStr>,
    pub parts: Vec<Part>,
    pub is_error: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub kind: MediaKind,
    pub source: MediaSource,
    /// A file name or title.
    pub name: Option<Located<EscapedStr>>,
    /// Anthropic's `context` of a document.
    pub context: Option<Located<EscapedStr>>,
    /// OpenAI's `detail`, Gemini's `mediaResolution`; as written.
    pub detail: Option<Located<EscapedStr>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    Image,
    Audio,
    Video,
    Pdf,
    /// A text document.
    Document,
}

impl MediaKind {
    /// The kind that a MIME type names. `None` = no kind that any dialect knows.
    pub fn of_mime(mime: &str) -> Option<Self> {
        let mime = mime
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match mime.split_once('/')? {
            ("image", _) => Some(Self::Image),
            ("audio", _) => Some(Self::Audio),
            ("video", _) => Some(Self::Video),
            ("application", "pdf") => Some(Self::Pdf),
            ("text", _) | ("application", "json" | "xml") => Some(Self::Document),
            _ => None,
        }
    }

    /// For people: "audio input".
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Pdf => "PDF",
            Self::Document => "document",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaSource {
    /// `data` is base64.
    Inline { mime: EscapedStr, data: EscapedStr },
    /// A text document's own text.
    Plain(EscapedStr),
    Url {
        url: EscapedStr,
        mime: Option<EscapedStr>,
    },
    /// A handle that only `dialect`'s provider knows.
    File {
        id: Located<EscapedStr>,
        dialect: Dialect,
    },
}

/// A token that only its maker can read, and who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub origin: Origin,
    pub value: EscapedStr,
}

/// A cache breakpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheBreakpoint {
    pub at: Offset,
    /// `5m`, `1h`, `30m`, as written.
    pub ttl: Option<EscapedStr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    pub kind: ToolKind,
    pub at: Offset,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolKind {
    Function {
        name: EscapedStr,
        /// Responses' group of tools (Codex sends one).
        namespace: Option<EscapedStr>,
        description: Option<EscapedStr>,
        /// JSON Schema of the arguments. `None` = no arguments.
        schema: Option<Raw>,
        strict: Option<Located<bool>>,
        cache: Option<CacheBreakpoint>,
    },
    /// A custom tool: free text in, by a grammar (`{"type":"grammar","syntax":…,"definition":…}`)
    /// if there is one.
    Free {
        name: EscapedStr,
        namespace: Option<EscapedStr>,
        description: Option<EscapedStr>,
        grammar: Option<Located<Raw>>,
        cache: Option<CacheBreakpoint>,
    },
    /// A tool that the provider runs.
    Hosted {
        dialect: Dialect,
        kind: EscapedStr,
        raw: Raw,
    },
}

/// A tool as a choice names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolName {
    pub name: EscapedStr,
    pub namespace: Option<EscapedStr>,
}

impl ToolName {
    /// Of a tool that stands in no group.
    pub fn plain(name: EscapedStr) -> Self {
        Self {
            name,
            namespace: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    None,
    Auto,
    /// Some tool must be called.
    Any,
    One {
        name: EscapedStr,
        namespace: Option<EscapedStr>,
    },
    /// Only these may be called; `must` = one of them has to be.
    Subset {
        tools: Vec<ToolName>,
        must: bool,
    },
    /// A hosted tool must be called.
    Hosted(EscapedStr),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    Free,
    /// Any JSON object.
    Json,
    Schema(SchemaFormat),
    /// Gemini's `text/x.enum`: one of the strings of a schema.
    Enum(Raw),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFormat {
    pub name: Option<Located<EscapedStr>>,
    pub description: Option<Located<EscapedStr>>,
    pub schema: Raw,
    pub strict: Option<Located<bool>>,
}

/// How the model shall reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    pub effort: Option<Located<Effort>>,
    /// Bound on reasoning tokens.
    pub budget_tokens: Option<Located<u64>>,
    /// The effort that the budget comes nearest to among its own dialect's models.
    pub budget_effort: Option<Effort>,
    pub mode: ReasoningMode,
    pub display: Option<Located<ReasoningDisplay>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReasoningMode {
    /// Left open.
    #[default]
    Unset,
    /// An effort was named without asking for reasoning: Anthropic's governs the whole answer.
    Unasked,
    Off,
    /// The model decides how much (Anthropic's `adaptive`, Gemini's -1).
    Dynamic,
    /// On, within the budget.
    Fixed,
}

/// The union of the dialects' words, in rising order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    None,
    Minimal,
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReasoningDisplay {
    No,
    /// A summary; the level is OpenAI's word, where one was given (`auto`, `concise`, `detailed`).
    Summary(Option<EscapedStr>),
    Full,
}

/// A request for embeddings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embed {
    pub body: Bytes,
    pub model: String,
    pub inputs: Vec<EmbedInput>,
    /// Whether the client sent a list (and gets a list back) or one text.
    pub is_batch: bool,
    pub dimensions: Option<Located<u64>>,
    /// Whether vectors are asked for as base64 of little-endian `f32` (OpenAI's `encoding_format`).
    pub base64: bool,
    /// Gemini's `taskType`, as written.
    pub task: Option<Located<EscapedStr>>,
    /// Gemini's `title`.
    pub title: Option<Located<EscapedStr>>,
    pub user: Option<Located<EscapedStr>>,
    pub unknown: Vec<Unknown>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmbedInput {
    Text(Located<EscapedStr>),
    /// Token ids, as written.
    Tokens(Located<Raw>),
}

/// One vector, as numbers as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Embedding {
    /// A JSON array of numbers.
    Numbers(Raw),
    /// Base64 of little-endian `f32`.
    Base64(EscapedStr),
}

/// An answer to [`Embed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embeddings {
    pub vectors: Vec<Embedding>,
    pub input_tokens: Option<u64>,
}

/// One model in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelCard {
    /// The id that clients ask for; the same in every dialect's list.
    pub id: String,
    pub display_name: Option<String>,
    /// Who serves it: a provider's name, or `aerostat` for a rule.
    pub owner: String,
    /// Seconds since 1970.
    pub created: Option<u64>,
    pub input_tokens_max: Option<u64>,
    pub output_tokens_max: Option<u64>,
}

impl Tool {
    pub fn name(&self) -> Option<&EscapedStr> {
        match &self.kind {
            ToolKind::Function { name, .. } | ToolKind::Free { name, .. } => Some(name),
            ToolKind::Hosted { .. } => None,
        }
    }
}

impl EscapedStr {
    /// The text as a JSON object, where it is one.
    pub fn to_object(&self) -> Result<Document, Invalid> {
        let document = self.parse()?;
        document.root().members()?;
        Ok(document)
    }
}
