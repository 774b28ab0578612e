//! Strict checks of what clients receive: one for each dialect, for streams and whole responses.
//!
//! ```ignore
//! let summary = grammar::check(Dialect::Anthropic, answer.content_type(), &answer.body)?;
//! assert_eq!(summary.ending, Ending::Success);
//! assert_eq!(summary.folded, grammar::check(Dialect::Anthropic, whole.content_type(), &whole.body)?.folded);
//! ```
//!
//! They know order, indexes, sequence numbers, terminators, required members, usage rules and
//! keep-alive forms from the wire references alone, and fold a response into [`Folded`], so that a
//! stream can be compared with the whole response without the crate under test, which they must not
//! use.

mod anthropic;
mod chat;
mod completions;
mod gemini;
mod json;
mod node;
mod ollama;
mod openai;
mod responses;
mod sse;

use std::fmt;

use serde_json::Value;

use super::Dialect;
use node::Node;

/// The rule that a response broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// A content type that fits neither a stream nor a whole response.
    ContentType,
    /// A line that SSE does not have, or mixed line ends.
    Sse,
    /// A comment in a dialect whose keep-alive is something else.
    Comment,
    /// An event name that is missing, foreign, or not the record's `type`.
    EventName,
    NotJson,
    /// An object that names a member twice.
    DuplicateMember,
    /// A required member is absent.
    Missing,
    /// A member of the wrong type, or a value that the dialect does not have.
    Kind,
    /// An id, time or model that differs between records.
    Constant,
    /// A record that may not stand here.
    Order,
    /// An index that does not follow.
    Index,
    /// A sequence number that does not follow.
    Sequence,
    /// A delta or part without content.
    Empty,
    /// Something that may come once came again.
    Twice,
    /// A summary that differs from what came before it.
    Mismatch,
    /// Something after the end.
    AfterEnd,
    /// Counts that contradict one another.
    Usage,
    /// A finish reason that the content contradicts.
    Finish,
    /// An end with something still open.
    Unfinished,
}

/// A broken rule, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    pub rule: Rule,
    /// `record 3: choices[0].delta`; records count from 0.
    pub at: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.rule, self.at)
    }
}

pub type Checked<T = ()> = Result<T, Broken>;

/// How a response ends for a client that reads it correctly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    Success,
    /// The dialect's error: its kind (`type`, `status` or `code`) and message.
    Failed {
        kind: String,
        message: String,
    },
    /// No end at all.
    Cut,
}

/// The content of a valid response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub ending: Ending,
    pub folded: Folded,
    /// Records of a stream without keep-alives; 1 for a whole response.
    pub records: usize,
    pub keep_alives: usize,
}

impl Summary {
    /// Of a stream: whether the dialect's real clients notice a failure, given whether HTTP ended
    /// the body as it should.
    ///
    /// A success must end well. A cut must break the connection. An error record is enough, but for
    /// Gemini, whose clients each read only one of its forms. Source: clients.md, "Minimum a
    /// gateway must do", 8, and the Gemini CLI's section.
    pub fn is_honest(&self, dialect: Dialect, body_is_whole: bool) -> bool {
        match &self.ending {
            Ending::Success => body_is_whole,
            Ending::Failed { .. } => dialect != Dialect::Gemini || !body_is_whole,
            Ending::Cut => !body_is_whole,
        }
    }
}

/// A response without its form: equal for a stream and the whole response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    pub id: String,
    pub model: String,
    pub choices: Vec<Choice>,
    pub usage: Option<Usage>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    pub text: String,
    pub reasoning: String,
    pub refusal: String,
    /// Signatures.
    pub signatures: Vec<String>,
    pub calls: Vec<Call>,
    /// The dialect's own value.
    pub finish: Option<String>,
    pub stop_sequence: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Gemini may leave it out.
    pub id: Option<String>,
    pub name: String,
    pub namespace: Option<String>,
    /// Parsed if it is JSON, otherwise a string.
    pub input: Value,
}

/// Counts under the dialect's own rules for what includes what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_write: Option<u64>,
    pub reasoning: Option<u64>,
    pub total: Option<u64>,
}

/// Checks a complete body: a stream, a whole response, or the dialect's error.
///
/// # Errors
/// The first rule that it breaks. A stream without its end breaks none: its ending is
/// [`Ending::Cut`].
pub fn check(dialect: Dialect, content_type: &str, body: &[u8]) -> Checked<Summary> {
    let is_array = dialect == Dialect::Gemini && body.trim_ascii_start().starts_with(b"[");
    match content_type.split(';').next().unwrap_or_default().trim() {
        "text/event-stream" => check_stream(dialect, body),
        "application/x-ndjson" if dialect == Dialect::Ollama => ollama::stream(body),
        "application/json" if is_array => gemini::array(body),
        "application/json" => check_answer(dialect, body),
        other => Err(Broken {
            rule: Rule::ContentType,
            at: format!("`{other}`"),
        }),
    }
}

fn check_stream(dialect: Dialect, body: &[u8]) -> Checked<Summary> {
    let stream = sse::Stream::parse(body)?;
    match dialect {
        Dialect::Chat => chat::stream(&stream),
        Dialect::Completions => completions::stream(&stream),
        Dialect::Responses => responses::stream(&stream),
        Dialect::Anthropic => anthropic::stream(&stream),
        Dialect::Gemini => gemini::stream(&stream),
        Dialect::Ollama => Err(Broken {
            rule: Rule::ContentType,
            at: "text/event-stream".to_owned(),
        }),
    }
}

fn check_answer(dialect: Dialect, body: &[u8]) -> Checked<Summary> {
    let value = json::parse(body, "body")?;
    let node = Node::root(&value, "body");
    if let Some(ending) = error_in(dialect, &node)? {
        return Ok(Summary {
            ending,
            folded: Folded::default(),
            records: 1,
            keep_alives: 0,
        });
    }
    let (ending, folded) = match dialect {
        Dialect::Chat => chat::answer(&node)?,
        Dialect::Completions => completions::answer(&node)?,
        Dialect::Responses => responses::answer(&node)?,
        Dialect::Anthropic => anthropic::answer(&node)?,
        Dialect::Gemini => gemini::answer(&node)?,
        Dialect::Ollama => ollama::answer(&node)?,
    };
    Ok(Summary {
        ending,
        folded,
        records: 1,
        keep_alives: 0,
    })
}

/// The dialect's error body, if it is one. A whole response also has `error`, which is null
/// unless it failed.
fn error_in(dialect: Dialect, node: &Node<'_>) -> Checked<Option<Ending>> {
    if dialect == Dialect::Responses && node.value["object"] == "response" {
        return Ok(None);
    }
    let Some(error) = node.child("error") else {
        return Ok(None);
    };
    let ending = match dialect {
        Dialect::Anthropic => anthropic::failure(node)?,
        Dialect::Gemini => gemini::failure(&error)?,
        Dialect::Chat | Dialect::Completions | Dialect::Responses => openai::failure(&error)?,
        Dialect::Ollama => ollama::failure(node)?,
    };
    Ok(Some(ending))
}

/// Arguments as a value. An empty string means no arguments. What is not JSON, or has a duplicate
/// member, stays a string.
fn input_of(arguments: &str) -> Value {
    if arguments.is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    json::parse(arguments.as_bytes(), "arguments")
        .unwrap_or_else(|_| Value::String(arguments.to_owned()))
}
