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
//! foreign signatures, tool [`names`], the order of [`turns`], [`efforts`], [`schema`].

pub mod anthropic;
pub mod conversation_key;
mod descriptor;
pub mod efforts;
pub mod envelope;
mod file_refs;
pub mod gemini;
mod keys;
pub mod names;
pub mod objects;
mod openai;
pub mod openai_chat;
pub mod openai_completions;
pub mod openai_responses;
pub mod output_limits;
mod route;
pub mod schema;
pub mod sse;
pub mod turns;
mod unreadable;
mod upstream_faults;

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::canon::{
    Blame, Dialect, Embed, Embeddings, Event, Fault, FaultKind, Losses, ModelCard, Origin, Request,
    Response, Usage,
};
use crate::json::{Invalid, Value};
use crate::segmented_bytes::SegmentedBytes;
use names::Restore;

pub use descriptor::{Descriptor, PassthroughHeaders};
pub use route::{Hints, Operation, Route};
pub use unreadable::{DecodeError, MalformedResponse};

/// Every dialect, in the order in which their routes are tried.
pub static ALL: &[&dyn Protocol] = &[
    &openai_chat::OpenaiChat,
    &openai_completions::OpenaiCompletions,
    &openai_responses::OpenaiResponses,
    &anthropic::Anthropic,
    &gemini::Gemini,
];

/// The dialect that is answered in where nothing tells which one a client speaks.
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

/// A client's request as the codecs see it.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'a> {
    pub operation: Operation,
    /// The model of the path, where the dialect names it there; percent-decoded, without `models/`.
    pub path_model: Option<&'a str>,
    /// The query without `key`.
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
}

/// What routing needs of a request whose body stays as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoutingFields {
    /// The model's name, unescaped.
    pub model: String,
    /// Where the characters of the model's name stand in the body; `None` where the path names it.
    pub model_at: Option<Range<usize>>,
    /// Whether a stream is asked for; `None` where the request does not say.
    pub stream: Option<bool>,
    /// The conversation, by the dialect's own field for it.
    pub session: Option<String>,
    /// How many answers are asked for, where a stream of several ends one by one (Chat's `n`); 0 =
    /// not said.
    pub choices: u64,
    /// What an earlier answer left on its provider's servers and this request goes on with
    /// (Responses `previous_response_id`).
    pub continues: Option<String>,
}

impl RoutingFields {
    /// Of a body with `model` and `stream`.
    ///
    /// # Errors
    /// When `model` is missing or no text, or `stream` no boolean.
    fn of_body(root: Value<'_>, session: Option<String>) -> Result<Self, Invalid> {
        let model = root.required("model")?;
        let name = model.str()?.into_owned();
        // The index was skimmed: the name is read by us, and is judged here.
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

/// What a request is encoded for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    pub operation: Operation,
    /// The provider's name in the configuration.
    pub provider: &'a str,
    /// The upstream's name of the model.
    pub model: &'a str,
    /// Whether the answer shall be streamed.
    pub stream: bool,
    /// The model's own limit on output tokens, where it is known and fits beside the prompt.
    pub output_tokens_max: Option<u64>,
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

/// An encoded request, and what its answer needs to be turned back.
#[derive(Debug, Default)]
pub struct Encoded {
    pub wire: Wire,
    /// Tool names and forms that were changed for the target.
    pub restore: Restore,
}

/// What a decoder of an upstream's answer has to know.
#[derive(Clone, Debug, Default)]
pub struct DecodeContext {
    /// The gateway's id of the request: random, and the seed of ids that the upstream leaves out.
    pub request_id: String,
}

/// What an encoder of a client's answer has to know.
#[derive(Clone, Debug)]
pub struct ResponseContext<'a> {
    pub request: &'a Request,
    pub operation: Operation,
    /// The query of the client's request (Gemini's `alt=sse`).
    pub query: Option<&'a str>,
    /// Who answers: the maker of its signatures.
    pub origin: &'a Origin,
    /// The gateway's id of the request, for ids that the upstream does not give.
    pub request_id: &'a str,
    /// Seconds since 1970, for answers without a time of their own.
    pub now: u64,
}

/// What one frame or body of a passthrough revealed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrameInfo {
    pub usage: Option<Usage>,
    /// Whether the frame carries output: from the first such frame on, the answer is committed.
    pub is_content: bool,
    /// Whether the answer said that it is complete. Chat: `[DONE]` or a `finish_reason`; see each
    /// dialect.
    pub is_end: bool,
    /// How many of several answers ended with this frame.
    pub ended: u64,
    /// Whether nothing may follow in this dialect: `[DONE]`, `message_stop`, a terminal event.
    /// Gemini has no such word.
    pub is_last: bool,
    pub fault: Option<Fault>,
    /// The id of an answer that its provider keeps, so that later requests may go on with it.
    pub stored: Option<String>,
}

/// What a stream that passed through had shown when a fault ended it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PassthroughState<'a> {
    /// The query of the client's request.
    pub query: Option<&'a str>,
    pub records: u64,
}

/// How a stream to a client ends once its encoder is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The body ends as HTTP wants it.
    Clean,
    /// The connection is broken off, so that clients which know no other sign notice (`clients.md`,
    /// Gemini).
    Abort,
}

/// Reads an upstream's stream. Every chunk boundary is legal.
pub trait StreamDecoder: Send {
    /// Takes what the socket gave and appends the events that it completes.
    ///
    /// # Errors
    /// When the bytes are not the dialect's. Events that came before stand in `out`; nothing may be
    /// pushed afterwards.
    fn push(&mut self, chunk: Bytes, out: &mut Vec<Event>) -> Result<(), MalformedResponse>;

    /// The upstream's body ended. Appends what was held back; `Event::Failed` where the dialect's
    /// terminator is missing.
    fn finish(&mut self, out: &mut Vec<Event>);

    /// Whether the answer is complete: nothing that may still come matters.
    fn is_done(&self) -> bool;
}

/// Writes a client's stream in exactly its dialect's grammar.
///
/// Bytes are written from `Start` on; the relay decides when they leave.
pub trait StreamEncoder: Send {
    fn push(&mut self, event: &Event, out: &mut BytesMut);

    /// Writes the dialect's terminator; nothing after `Event::Failed`.
    fn finish(&mut self, out: &mut BytesMut) -> StreamEnd;

    /// A sign of life that changes nothing; nothing where the dialect has none or it would break
    /// the grammar here.
    fn keep_alive(&mut self, out: &mut BytesMut);
}

/// A wire format.
pub trait Protocol: Send + Sync {
    /// The constants of the dialect.
    fn descriptor(&self) -> &'static Descriptor;

    fn dialect(&self) -> Dialect {
        self.descriptor().dialect
    }

    /// Whether the hints are of this dialect's clients and of no other's.
    fn is_hinted(&self, _hints: &Hints<'_>) -> bool {
        false
    }

    /// The content type of a stream to a client that asked with this query.
    fn stream_content_type(&self, _query: Option<&str>) -> &'static str {
        "text/event-stream"
    }

    /// Reads what routing needs.
    ///
    /// # Errors
    /// On bodies that are no JSON object or name no model.
    fn routing_fields(&self, inbound: &Inbound<'_>) -> Result<RoutingFields, DecodeError>;

    /// The path and query under which an upstream of this dialect serves the operation, for a
    /// passthrough. `query` is the client's, without `key`.
    fn upstream_path(
        &self,
        operation: Operation,
        model: &str,
        query: Option<&str>,
    ) -> (String, Option<String>);

    /// # Errors
    /// On malformed requests, and on what no translation can serve.
    fn decode_request(&self, inbound: &Inbound<'_>) -> Result<Request, DecodeError>;

    /// Writes a request (or a token count's, by `target.operation`) for an upstream of this
    /// dialect. What cannot be carried exactly goes to `losses`, refusals included.
    fn encode_request(
        &self,
        request: &Request,
        target: &Target<'_>,
        losses: &mut Losses,
    ) -> Encoded;

    fn stream_decoder(&self, context: &DecodeContext) -> Box<dyn StreamDecoder>;

    fn stream_encoder(&self, context: &ResponseContext<'_>) -> Box<dyn StreamEncoder>;

    /// # Errors
    /// When the body is not an answer of this dialect. A body that is an error or an answer without
    /// an end gives events that fail.
    fn decode_response(&self, body: Bytes, context: &DecodeContext) -> Result<Response, Fault>;

    fn encode_response(
        &self,
        response: &Response,
        context: &ResponseContext<'_>,
        losses: &mut Losses,
    ) -> Bytes;

    /// Reads an upstream's error answer. Bodies that are not the dialect's (HTML, nothing) still
    /// give the fault of their status.
    ///
    /// Waits that stand in headers are read by `provider::retry_after`, which is told the time.
    fn decode_fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault;

    /// The status and body by which this dialect says a fault.
    fn encode_fault(&self, fault: &Fault, request_id: &str) -> (StatusCode, Bytes);

    /// The record and ending by which this dialect says a fault inside a stream, outside a stream
    /// encoder (passthrough).
    fn encode_stream_fault(
        &self,
        fault: &Fault,
        state: &PassthroughState<'_>,
        out: &mut BytesMut,
    ) -> StreamEnd;

    /// Looks at one frame of a stream that passes through, as cheaply as it can.
    fn frame_info(&self, frame: &sse::Frame) -> FrameInfo;

    /// Looks at a whole answer that passes through.
    ///
    /// # Errors
    /// When it is not JSON.
    fn body_info(&self, body: &Bytes) -> Result<FrameInfo, MalformedResponse>;

    /// Reads a token count's answer.
    ///
    /// # Errors
    /// When the body is not one.
    fn decode_count(&self, _body: &Bytes) -> Result<u64, Fault> {
        let why = format!("the {} dialect counts no tokens", self.dialect());
        Err(Fault::new(FaultKind::NotImplemented, Blame::Gateway, why))
    }

    fn encode_count(&self, tokens: u64) -> Bytes;

    /// The answer to a list of models; `query` may ask for a page.
    fn encode_models(&self, models: &[ModelCard], query: Option<&str>) -> Bytes;

    fn encode_model(&self, model: &ModelCard) -> Bytes;

    /// Reads an upstream's list of models.
    ///
    /// # Errors
    /// When the body is not one.
    fn decode_models(&self, body: &Bytes) -> Result<Vec<ModelCard>, Fault>;

    /// The embedding codec, where the dialect has one.
    fn embeddings(&self) -> Option<&dyn EmbedProtocol> {
        None
    }
}

/// The embedding half of a dialect.
pub trait EmbedProtocol: Send + Sync {
    /// # Errors
    /// On malformed requests.
    fn decode_embed(&self, inbound: &Inbound<'_>) -> Result<Embed, DecodeError>;

    fn encode_embed(&self, embed: &Embed, target: &Target<'_>, losses: &mut Losses) -> Wire;

    /// # Errors
    /// When the body is not an answer of this dialect.
    fn decode_embeddings(&self, body: &Bytes) -> Result<Embeddings, Fault>;

    /// Figures that the dialect demands and the upstream did not give go to `losses`.
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
