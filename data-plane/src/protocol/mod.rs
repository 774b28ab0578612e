//! The wire formats: bytes to canon and back, sans-IO.
//!
//! A dialect is one folder that implements [`Protocol`], and one line in [`ALL`]. The server's
//! routes, the translation, the configuration's names and the conformance suite are derived from
//! that table. Nothing here knows a socket, a clock, a provider's URL or an account.
//!
//! # Layout of a dialect
//!
//! Every dialect has the same files, so that a fix in all of them starts without a search:
//!
//! | file | what it holds |
//! |---|---|
//! | `mod.rs` | the [`Descriptor`] and `impl Protocol`, which only delegates |
//! | `routing.rs` | `decode`: the [`RoutingFields`] of a request |
//! | `request_decode.rs` | `decode`: a client's request to canon |
//! | `request_encode.rs` | `encode`: canon to an upstream's request |
//! | `messages_*`, `content_*`, `tools_*` | the conversation, its parts and the tools of a request, by the same two verbs |
//! | `response_decode.rs` | `decode`: an upstream's whole answer to canon |
//! | `response_encode.rs` | `encode`: canon to a client's whole answer |
//! | `stream_decode.rs` | `Decoder`: an upstream's stream to events |
//! | `stream_encode.rs` | `Encoder`: events to a client's stream |
//! | `frame_info.rs` | what a passthrough reads of a frame or body ([`FrameInfo`]) |
//! | `finish.rs`, `usage.rs` | finish reasons and token counts, both ways |
//! | `faults.rs` | errors, both ways |
//! | `models.rs`, `embed.rs` | the model list and embeddings, both ways |
//!
//! A file is absent where the dialect has no such thing. Files beside these are named after what
//! they hold on the wire: `tool_call_fragment.rs`, `output_item.rs`. What OpenAI's three dialects
//! share, such as faults and the model list, is in `openai`.
//!
//! What all dialects share is here: [`sse`] framing and split [`objects`], the [`envelope`] of
//! foreign signatures, tool [`names`] and [`property_names`], [`pending_calls`] without ids, the order
//! of [`turns`], [`efforts`], [`schema`], paths that pass unread ([`surface`]), what is known of a
//! [`query`], [`media_types`] by the endings of addresses, the
//! [`finish_words`] of servers that do not keep to their dialect's, and [`foreign_items`] that no
//! other dialect can leave out.

pub mod anthropic;
pub(crate) mod call_ids;
pub(crate) mod conversation_key;
mod decode_error;
mod descriptor;
pub(crate) mod efforts;
pub mod envelope;
mod file_refs;
mod finish_words;
pub(crate) mod foreign_items;
pub mod gemini;
mod media_types;
pub(crate) mod names;
pub mod objects;
pub(crate) mod ollama;
mod openai;
pub mod openai_chat;
pub(crate) mod openai_completions;
pub(crate) mod openai_responses;
mod output_format;
pub mod output_limits;
pub(crate) mod pending_calls;
pub(crate) mod property_names;
#[cfg(test)]
mod published_values;
pub mod query;
mod range;
mod redaction;
mod reminder;
mod route;
pub mod schema;
pub mod sse;
pub mod surface;
pub(crate) mod turns;
mod upstream_faults;

use std::ops::Range;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use crate::canon::{
    Blame, Dialect, Embed, Embeddings, Event, Fault, FaultKind, FinishReason, Located, Losses,
    ModelCard, Origin, Request, Response, ServiceTier, Usage,
};
use crate::json::{EscapedStr, Invalid, Offset, Value, without_lone_surrogates};
use crate::segmented_bytes::SegmentedBytes;
use names::Restore;

pub use decode_error::{DecodeError, MalformedResponse};
pub use descriptor::{Descriptor, PassthroughHeaders};
pub use route::{Hints, Notice, Operation, Route};

/// Every dialect, in the order in which their routes are tried.
pub static ALL: &[&dyn Protocol] = &[
    &openai_chat::OpenaiChat,
    &openai_completions::OpenaiCompletions,
    &openai_responses::OpenaiResponses,
    &anthropic::Anthropic,
    &gemini::Gemini,
    &ollama::Ollama,
];

/// The dialect of errors where nothing tells which one a client speaks.
pub static FALLBACK: &dyn Protocol = &openai_chat::OpenaiChat;

/// The dialect of that name.
pub fn by_name(name: &str) -> Option<&'static dyn Protocol> {
    ALL.iter()
        .copied()
        .find(|protocol| protocol.dialect().name() == name)
}

/// The dialects in which upstreams are called.
pub fn upstreams() -> impl Iterator<Item = &'static dyn Protocol> {
    ALL.iter()
        .copied()
        .filter(|protocol| protocol.descriptor().is_upstream)
}

/// A client's request, as the decoders take it.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'a> {
    pub operation: Operation,
    /// The model of the path, where the dialect names it there; percent-decoded, without `models/`.
    pub path_model: Option<&'a str>,
    /// The known parameters of the query.
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
}

/// What routing needs of a request, read without decoding the rest of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutingFields {
    /// The model's name, unescaped.
    pub model: String,
    /// The position of the model's name in the body, without the quotes. `None` where the path
    /// names it.
    pub model_at: Option<Range<usize>>,
    /// Whether the client requests a stream. `None` where the request does not say.
    pub stream: Option<bool>,
    /// The conversation's id, from the dialect's own field for it.
    pub session: Option<String>,
    /// The number of requested choices, where a stream ends each of them by itself (Chat's `n`). 0
    /// = the request does not say.
    pub choices: u64,
    /// The id of a stored answer that this request continues (Responses `previous_response_id`).
    pub continues: Option<String>,
}

impl Inbound<'_> {
    /// The body with whole characters only, and where halves of a surrogate pair stood: strict
    /// parsers refuse the whole request for one, and the client would send it again every turn.
    ///
    /// Source: Anthropic Messages API, "no low surrogate in string".
    fn whole_characters(&self) -> (Bytes, Vec<Offset>) {
        without_lone_surrogates(self.body).unwrap_or_else(|| (self.body.clone(), Vec::new()))
    }
}

impl RoutingFields {
    /// Reads a body with `model` and `stream`.
    ///
    /// # Errors
    /// When `model` is missing or no string, or `stream` is no boolean.
    fn of_body(root: Value<'_>, session: Option<String>) -> Result<Self, Invalid> {
        let model = root.required("model")?;
        let name = model.str()?.into_owned();
        // A shallow parse does not check strings, and this one is used.
        model
            .to_document()
            .map_err(|bad| Invalid::new(model.offset(), bad.what))?;
        // Between the quotes.
        let start = model.offset().0 as usize + 1;
        let end = start + model.as_written().len() - 2;
        let stream = root.get("stream").map(Value::bool).transpose()?;
        let choices = root
            .get("n")
            .and_then(|choices| choices.u64().ok())
            .unwrap_or(0);
        Ok(Self {
            model: name,
            model_at: Some(start..end),
            stream,
            session,
            choices,
            continues: None,
        })
    }
}

/// Whose server is called: the servers of one dialect differ in what they refuse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Maker {
    /// A server of which only the names of provider and model are known.
    #[default]
    Unknown,
    Openai,
    Mistral,
    DeepSeek,
    Groq,
    /// A server for models of one's own: llama.cpp, LM Studio, Ollama, vLLM.
    Local,
    /// Another maker that is known.
    Other,
}

/// The upstream that a request is encoded for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub operation: Operation,
    /// The provider's name in the configuration.
    pub provider: &'a str,
    pub maker: Maker,
    /// The upstream's name of the model.
    pub model: &'a str,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// The model's own limit on output tokens, where it is known; where the client names none, only
    /// if it fits beside the prompt.
    pub output_tokens_max: Option<u64>,
}

impl Target<'_> {
    /// The client's limit on output tokens, within what the model takes: APIs refuse a higher one.
    fn fit_output_limit(&self, requested: &Located<u64>, min: u64, losses: &mut Losses) -> u64 {
        let max = self.output_tokens_max.unwrap_or(u64::MAX).max(min);
        let fitting = requested.value.clamp(min, max);
        if fitting != requested.value {
            losses.adjusted(requested.at);
        }
        fitting
    }
}

/// A request on the wire, without base URL and credentials.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    /// Below the version segment: `/chat/completions`.
    pub path: String,
    pub query: Option<String>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: SegmentedBytes,
}

/// An encoded request, and what the decoder of its answer needs.
#[derive(Debug, Default)]
pub struct Encoded {
    pub wire: Wire,
    /// Tool names and forms that were changed for the target.
    pub restore: Restore,
}

/// What a decoder of an upstream's answer needs to know.
#[derive(Clone, Debug, Default)]
pub struct DecodeContext {
    /// The gateway's id of the request: random, and the seed of ids that the upstream does not
    /// give.
    pub request_id: String,
    /// The service tier that a header of the answer tells.
    pub tier: Option<EscapedStr>,
}

/// What an encoder of a client's answer needs to know.
#[derive(Clone, Debug)]
pub struct ResponseContext<'a> {
    pub request: &'a Request,
    pub operation: Operation,
    /// The query of the client's request (Gemini's `alt=sse`).
    pub query: Option<&'a str>,
    /// The upstream that answers, whose signatures the answer holds.
    pub origin: &'a Origin,
    /// The gateway's id of the request, for ids that the upstream does not give.
    pub request_id: &'a str,
    /// When the request came, since 1970: the time of answers in which the upstream gives none.
    pub received_at: Duration,
    /// When the whole answer was there, since 1970. A stream is told its end by
    /// [`StreamEncoder::complete_at`].
    pub completed_at: Duration,
}

/// What one frame or body of a passthrough revealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameInfo {
    pub usage: Option<Usage>,
    /// Whether the frame carries output. The first such frame commits the answer to this upstream.
    pub is_content: bool,
    /// Whether the frame says that the answer is complete: `[DONE]` or a `finish_reason` in Chat;
    /// see each dialect.
    pub is_end: bool,
    /// The number of choices that ended with this frame.
    pub ended: u64,
    /// Whether nothing may follow in this dialect: `[DONE]`, `message_stop`, a terminal event.
    /// Always `false` in Gemini, which has no terminator.
    pub is_last: bool,
    pub fault: Option<Fault>,
    /// The id of an answer that its provider stores, so that later requests may continue it.
    pub stored: Option<String>,
    /// Why the answer ended.
    pub finish: Option<FinishReason>,
    /// The service tier that the answer names.
    pub tier: Option<ServiceTier>,
}

/// The state of a passed-through stream when a fault ended it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PassthroughState<'a> {
    /// The query of the client's request.
    pub query: Option<&'a str>,
    /// The number of records so far.
    pub records: u64,
}

/// How the body of a client's stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// As HTTP ends a complete body.
    Clean,
    /// The connection is aborted, since some clients notice nothing else (`clients.md`, Gemini).
    Abort,
}

/// Decodes an upstream's stream. Every chunk boundary is legal.
pub trait StreamDecoder: Send {
    /// Takes a chunk and appends the events that it completes.
    ///
    /// # Errors
    /// When the bytes are not of the dialect. Earlier events are in `out`; nothing may be pushed
    /// afterwards.
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse>;

    /// Ends the stream at the end of the upstream's body. Appends what was held back, and
    /// `Event::Failed` where the dialect's terminator is missing.
    fn finish(&mut self, out: &mut Vec<Event>);

    /// Whether the answer is complete. Later bytes are ignored.
    fn is_done(&self) -> bool;
}

/// Encodes a client's stream in exactly its dialect's grammar.
///
/// Bytes are written from `Start` on; the gateway decides when to send them.
pub trait StreamEncoder: Send {
    fn push(&mut self, event: &Event, out: &mut BytesMut);

    /// Takes the time at which the answer is complete, since 1970, before `finish`. Most dialects do
    /// not tell it.
    fn complete_at(&mut self, _at: Duration) {}

    /// Writes the dialect's terminator; nothing after `Event::Failed`.
    fn finish(&mut self, out: &mut BytesMut) -> StreamEnd;

    /// Writes a record that clients ignore. Writes nothing where the dialect has no such record or
    /// its grammar allows none here.
    fn keep_alive(&mut self, out: &mut BytesMut);
}

/// A dialect.
pub trait Protocol: Send + Sync {
    /// The constants of the dialect.
    fn descriptor(&self) -> &'static Descriptor;

    fn dialect(&self) -> Dialect {
        self.descriptor().dialect
    }

    /// Whether the hints tell that the client speaks this dialect and no other.
    fn is_hinted(&self, _hints: &Hints<'_>) -> bool {
        false
    }

    /// What is said at a path that asks no model; `path` is without prefixes and version segment.
    fn notice(&self, _method: &Method, _path: &str) -> Option<Notice> {
        None
    }

    /// Whether a client that does not say so wants its answer streamed.
    fn streams_unasked(&self) -> bool {
        false
    }

    /// The content type of a stream to a client, by the query of its request.
    fn stream_content_type(&self, _query: Option<&str>) -> &'static str {
        "text/event-stream"
    }

    /// Whether a request of this dialect has tools that a server of that maker does not know, so that
    /// it is fitted rather than passed through.
    fn has_unknown_tools(&self, _body: &Bytes, _maker: Maker) -> bool {
        false
    }

    /// Reads what routing needs of a request.
    ///
    /// # Errors
    /// When the body is no JSON object or names no model.
    fn routing_fields(&self, inbound: &Inbound<'_>) -> Result<RoutingFields, DecodeError>;

    /// The path and query under which an upstream of this dialect serves the operation, for a
    /// passthrough. `query` is what is known of the client's.
    fn upstream_path(
        &self,
        operation: Operation,
        model: &str,
        query: Option<&str>,
    ) -> (String, Option<String>);

    /// # Errors
    /// When the request is malformed or cannot be translated.
    fn decode_request(&self, inbound: &Inbound<'_>) -> Result<Request, DecodeError>;

    /// Encodes a request, or a token count by `target.operation`, for an upstream of this dialect.
    /// What cannot be carried exactly is noted in `losses`, refusals included.
    fn encode_request(
        &self,
        request: &Request,
        target: &Target<'_>,
        losses: &mut Losses,
    ) -> Encoded;

    fn stream_decoder(&self, context: &DecodeContext) -> Box<dyn StreamDecoder>;

    fn stream_encoder(&self, context: &ResponseContext<'_>) -> Box<dyn StreamEncoder>;

    /// # Errors
    /// When the body is not an answer of this dialect, is an error, or has no end.
    fn decode_response(&self, body: Bytes, context: &DecodeContext) -> Result<Response, Fault>;

    /// # Errors
    /// When the dialect has no form for an answer that ended so.
    fn encode_response(
        &self,
        response: &Response,
        context: &ResponseContext<'_>,
        losses: &mut Losses,
    ) -> Result<Bytes, Fault>;

    /// Decodes an upstream's error response. A body that is not of the dialect (HTML, or empty)
    /// still gives the fault of its status.
    ///
    /// `provider::retry_after` reads the waits in headers, since it is given the time.
    fn decode_fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault;

    /// The status and body of a fault in this dialect.
    fn encode_fault(&self, fault: &Fault, request_id: &str) -> (StatusCode, Bytes);

    /// Writes the record of a fault that ends a passed-through stream.
    fn encode_stream_fault(
        &self,
        fault: &Fault,
        state: &PassthroughState<'_>,
        out: &mut BytesMut,
    ) -> StreamEnd;

    /// Reads one frame of a passed-through stream, as cheaply as it can.
    fn frame_info(&self, frame: &sse::Frame) -> FrameInfo;

    /// Reads a passed-through whole answer.
    ///
    /// # Errors
    /// When it is not JSON.
    fn body_info(&self, body: &Bytes) -> Result<FrameInfo, MalformedResponse>;

    /// Decodes the answer to a token count.
    ///
    /// # Errors
    /// When the body is not one.
    fn decode_count(&self, _body: &Bytes) -> Result<u64, Fault> {
        let why = format!("the {} dialect counts no tokens", self.dialect());
        Err(Fault::new(FaultKind::NotImplemented, Blame::Gateway, why))
    }

    fn encode_count(&self, tokens: u64) -> Bytes;

    /// The list of models; `query` may request a page.
    fn encode_models(&self, models: &[ModelCard], query: Option<&str>) -> Bytes;

    fn encode_model(&self, model: &ModelCard) -> Bytes;

    /// Decodes an upstream's list of models.
    ///
    /// # Errors
    /// When the body is not one.
    fn decode_models(&self, body: &Bytes) -> Result<Vec<ModelCard>, Fault>;

    /// The query of the page that follows this one of an upstream's list of models. `None` after the
    /// last one, and where the dialect has no pages.
    fn next_models_query(&self, _body: &Bytes) -> Option<String> {
        None
    }

    /// The embedding codec. `None` where the dialect has no embeddings.
    fn embeddings(&self) -> Option<&dyn EmbedProtocol> {
        None
    }
}

/// The embedding half of a dialect.
pub trait EmbedProtocol: Send + Sync {
    /// # Errors
    /// When the request is malformed.
    fn decode_embed(&self, inbound: &Inbound<'_>) -> Result<Embed, DecodeError>;

    fn encode_embed(&self, embed: &Embed, target: &Target<'_>, losses: &mut Losses) -> Wire;

    /// # Errors
    /// When the body is not an answer of this dialect.
    fn decode_embeddings(&self, body: &Bytes) -> Result<Embeddings, Fault>;

    /// Required figures that the upstream did not give are noted in `losses`.
    fn encode_embeddings(
        &self,
        embeddings: &Embeddings,
        embed: &Embed,
        operation: Operation,
        losses: &mut Losses,
    ) -> Bytes;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    #[test]
    fn errors_say_where() {
        let message = |body: &'static str| {
            let read = Document::parse(Bytes::from_static(body.as_bytes()))
                .and_then(|document| RoutingFields::of_body(document.root(), None));
            DecodeError::from(read.unwrap_err())
                .into_fault(body.as_bytes())
                .message
        };
        assert_eq!(
            message(r#"{"model":7}"#),
            "model: expected a string, found a number"
        );
        assert_eq!(message("{}"), "missing `model`");
        assert_eq!(
            message(r#"{"model":"m",}"#),
            "malformed JSON: expected a key, found `}` (at byte 13)"
        );
    }

    /// Found by the fuzz target `requests`.
    #[test]
    fn a_skimmed_name_is_still_a_string() {
        for body in [&b"{\"model\":\"m\0\"}"[..], br#"{"model":"\x"}"#] {
            let skimmed = Document::parse_shallow(Bytes::copy_from_slice(body)).unwrap();
            assert!(
                RoutingFields::of_body(skimmed.root(), None).is_err(),
                "{}",
                body.escape_ascii()
            );
        }
    }

    #[test]
    fn names_and_aliases_are_each_dialects_own() {
        for protocol in ALL {
            assert_eq!(
                by_name(protocol.dialect().name()).map(Protocol::dialect),
                Some(protocol.dialect())
            );
            let shares = |other: &&&dyn Protocol| {
                let aliases = other.descriptor().aliases;
                aliases
                    .iter()
                    .any(|alias| protocol.descriptor().aliases.contains(alias))
            };
            assert_eq!(
                ALL.iter().filter(shares).count(),
                usize::from(!protocol.descriptor().aliases.is_empty())
            );
        }
    }
}
