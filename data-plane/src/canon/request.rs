//! A request: the union of what the dialects can express.

use bytes::Bytes;

use super::{Dialect, LossKind, Losses, Offset, Origin};
use crate::json::{Document, EscapedStr, Invalid, Kind, Raw, Value};

/// A value and its offset in the client's request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    pub value: T,
    pub at: Offset,
}

impl<T> Located<T> {
    pub fn new(value: T, at: Offset) -> Self {
        Self { value, at }
    }

    /// The result of `read`, with the offset of `value`.
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

/// A field that the model has no place for. Every encoder reports it as dropped.
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

/// A generation request.
///
/// `None` = not set by the client. The body is kept so that the [`Offset`] of a loss can become a
/// path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// The client's bytes, which every [`Offset`] points into.
    pub body: Bytes,
    /// The model's name as the client sent it.
    pub model: String,
    /// System text before the conversation, in order. Only `Text` parts; decoders refuse others.
    pub system: Vec<Part>,
    /// The conversation. Decoders merge neighbours of the same role. The results of one turn's
    /// calls come together, in the order of the calls, at the start of the `User` turn that follows
    /// (`turns::arrange`).
    pub turns: Vec<Turn>,
    pub tools: Vec<Tool>,
    pub tool_choice: Option<Located<ToolChoice>>,
    /// Whether the model may call several tools at once.
    pub parallel_tool_calls: Option<Located<bool>>,
    pub sampling: Sampling,
    /// The limit of the response's tokens, including reasoning.
    pub output_tokens_max: Option<Located<u64>>,
    pub stops: Vec<Located<EscapedStr>>,
    /// How many alternatives are requested.
    pub choices: Option<Located<u64>>,
    pub format: Option<Located<Format>>,
    pub reasoning: Option<Located<Reasoning>>,
    /// For how many alternatives of each token log probabilities are requested. 0 = only for the
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
    /// The key that tells conversations apart in a cache.
    pub cache_key: Option<Located<EscapedStr>>,
    /// Anthropic's top-level `cache_control`.
    pub cache_breakpoint: Option<CacheBreakpoint>,
    pub stream: bool,
    /// Whether a streaming client asked for usage (Chat's `stream_options.include_usage`). The
    /// other dialects always send it.
    pub include_usage: bool,
    pub unknown: Vec<Unknown>,
    /// What the decoder added because every target requires it: `tool_result`.
    pub added: Vec<&'static str>,
    /// What the decoder changed because no target takes it as it was: half of a surrogate pair, a
    /// second result of one call.
    pub adjusted: Vec<Offset>,
}

impl Request {
    /// Where a value of the client's request stands in it. `None` for one that was composed.
    pub fn offset_of(&self, value: &Raw) -> Option<Offset> {
        let address = |bytes: &Bytes| bytes.as_ptr() as usize;
        let at = address(value.as_bytes()).checked_sub(address(&self.body))?;
        let is_within = at < self.body.len();
        is_within.then(|| u32::try_from(at).ok().map(Offset))?
    }
}

/// Numbers as written. Each target has its own ranges.
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
    /// OpenAI's newer name for the same.
    Developer,
}

/// Consecutive parts of one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub role: Role,
    pub parts: Vec<Part>,
    /// OpenAI's `name` of the speaker.
    pub name: Option<Located<EscapedStr>>,
    pub at: Offset,
}

/// One part of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub kind: PartKind,
    pub at: Offset,
    /// Anthropic's thinking signature, OpenAI's encrypted reasoning, Gemini's thought signature.
    pub signature: Option<Signature>,
    /// The signature's offset, if it has a field of its own (Gemini's `thoughtSignature`).
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

    /// Notes that the part is carried without its signature.
    pub fn drop_signature(&self, losses: &mut Losses) {
        match (&self.signature, self.signature_at) {
            (None, _) => {}
            (Some(_), Some(at)) => losses.dropped(at),
            // The gateway restored it from memory; the client did not send it.
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
    /// A part of a hosted tool, or another construct that only its own dialect has.
    Hosted {
        dialect: Dialect,
        kind: EscapedStr,
        raw: Raw,
    },
}

/// The arguments of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolInput {
    /// A JSON object. As written if it came inside a string; without white space between its tokens
    /// if it came as an object.
    Json(Raw),
    /// Text that should have been a JSON object. Kept unchanged, and only sent as history.
    Malformed(EscapedStr),
    /// A custom tool's free text.
    Free(EscapedStr),
}

impl ToolInput {
    /// Reads arguments in the form of OpenAI's dialects, JSON inside a string. `""` means no
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

    /// Reads arguments in the form of Anthropic and Gemini, an object. Clients keep in their history
    /// what a model wrote, so that anything else is kept too: `None` means no arguments, a string is
    /// read as [`Self::from_arguments`] reads it.
    pub fn from_value(value: Option<Value<'_>>) -> Self {
        let Some(value) = value else {
            return Self::from_arguments(&EscapedStr::default());
        };
        match (value.kind(), value.text()) {
            (Kind::Object, _) => Self::Json(value.raw().compact()),
            (_, Ok(text)) => Self::from_arguments(&text),
            (_, Err(_)) => Self::Malformed(value.raw().compact().to_text()),
        }
    }

    /// The arguments in the form of OpenAI's dialects: JSON inside a string.
    pub fn to_arguments(&self) -> EscapedStr {
        match self {
            Self::Json(raw) => raw.to_text(),
            Self::Malformed(text) | Self::Free(text) => text.clone(),
        }
    }

    /// The arguments in the form of Anthropic and Gemini: an object. Malformed arguments become its
    /// member `_raw`, free text its member `input`.
    pub fn to_object(&self) -> Raw {
        let wrap = |key: &str, text: &EscapedStr| {
            crate::json::value(|value| value.object(|object| object.text(key, text)))
        };
        match self {
            // In OpenAI's form the half of a pair stands in a string within a string, where every
            // parser of the request takes it.
            Self::Json(raw) => raw.without_lone_surrogates(),
            Self::Malformed(text) => wrap("_raw", text),
            Self::Free(text) => wrap("input", text),
        }
    }
}

/// The result of a tool call. `parts` holds only `Text` and `Media`, and `Hosted` within one
/// dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    pub call_id: EscapedStr,
    /// The tool's name, which only Gemini sends. `turns::arrange` adds it from the call.
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
    /// The kind of a MIME type. `None` if no dialect has one for it.
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

/// An opaque token that only its issuer can read, and the issuer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Signature {
    pub origin: Origin,
    pub value: EscapedStr,
}

/// A cache breakpoint (Anthropic's `cache_control`).
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

/// The name of a tool in a [`ToolChoice`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ToolName {
    pub name: EscapedStr,
    pub namespace: Option<EscapedStr>,
}

impl ToolName {
    /// The name of a tool without a namespace.
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

/// How the model is asked to reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasoning {
    pub effort: Option<Located<Effort>>,
    /// The limit of reasoning tokens.
    pub budget_tokens: Option<Located<u64>>,
    /// The effort that is nearest to the budget, by the models of the client's dialect.
    pub budget_effort: Option<Effort>,
    pub mode: ReasoningMode,
    pub display: Option<Located<ReasoningDisplay>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReasoningMode {
    /// Not set.
    #[default]
    Unset,
    /// An effort without a request for reasoning: Anthropic's effort governs the whole response.
    Unasked,
    Off,
    /// The model decides how much (Anthropic's `adaptive`, Gemini's -1).
    Dynamic,
    /// On, within the budget.
    Fixed,
}

/// The union of the dialects' levels, in rising order.
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

/// How much of the reasoning the client asks to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReasoningDisplay {
    No,
    /// A summary, with OpenAI's level if there is one (`auto`, `concise`, `detailed`).
    Summary(Option<EscapedStr>),
}

/// A request for embeddings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embed {
    pub body: Bytes,
    pub model: String,
    pub inputs: Vec<EmbedInput>,
    /// Whether the client sent a list, and gets a list back, or one text.
    pub is_batch: bool,
    pub dimensions: Option<Located<u64>>,
    /// Whether vectors are requested as base64 of little-endian `f32` (OpenAI's `encoding_format`).
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

/// One vector. Its numbers stay as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Embedding {
    /// A JSON array of numbers.
    Numbers(Raw),
    /// Base64 of little-endian `f32`.
    Base64(EscapedStr),
}

/// The response to [`Embed`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embeddings {
    pub vectors: Vec<Embedding>,
    pub input_tokens: Option<u64>,
}

/// One model in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelCard {
    /// The id that clients use; the same in every dialect's list.
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
    /// Parses the text as a JSON object.
    ///
    /// # Errors
    /// If the text is not one JSON object.
    pub fn to_object(&self) -> Result<Document, Invalid> {
        let document = self.parse()?;
        document.root().members()?;
        Ok(document)
    }
}
