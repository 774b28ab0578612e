//! OpenAI's legacy Completions. Only clients speak it; requests pass through to upstreams that
//! speak Chat.
//!
//! A prompt becomes one user message. What only a completions endpoint can do (token prompts,
//! suffix, echo, best of several) is refused by name. Faults, models, usage and the heads of
//! answers are those of [`super::openai_chat`]. Nothing is ever translated toward this dialect.

mod request_decode;
mod response_encode;
mod stream_encode;
#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use super::openai::{self, faults, models};
use super::openai_chat::{self, OpenaiChat, frame_info, response_decode, routing, stream_decode};
use super::{
    DecodeContext, DecodeError, Descriptor, Encoded, FrameInfo, Inbound, MalformedResponse,
    Operation, PassthroughState, Protocol, ResponseContext, Route, RoutingFields, StreamDecoder,
    StreamEncoder, StreamEnd, Target, conversation_key, sse, surface,
};
use crate::canon::{Dialect, Fault, Losses, ModelCard, Request, Response};

pub const DIALECT: Dialect = Dialect::named("openai_completions");

/// The legacy Completions dialect.
#[derive(Debug)]
pub struct OpenaiCompletions;

static DESCRIPTOR: Descriptor = Descriptor {
    dialect: DIALECT,
    routes: &[Route::post("/completions", Operation::Generate)],
    path_roots: &["completions"],
    version: openai::VERSION,
    base_url_suffix: openai::BASE_URL_SUFFIX,
    aliases: &[],
    conversation_fields: conversation_key::Fields {
        system: &[],
        turns: "prompt",
    },
    key_header: "authorization",
    fixed_headers: &[],
    passthrough_headers: openai_chat::HEADERS,
    query_parameters: openai::QUERY_PARAMETERS,
    surface: &surface::EMPTY,
    is_upstream: false,
    counts_tokens: false,
    tier_header: None,
    has_stop_sequences: true,
    legacy_of: Some(openai_chat::DIALECT),
};

impl Protocol for OpenaiCompletions {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn routing_fields(&self, inbound: &Inbound<'_>) -> Result<RoutingFields, DecodeError> {
        routing::decode(inbound)
    }

    fn upstream_path(
        &self,
        operation: Operation,
        model: &str,
        query: Option<&str>,
    ) -> (String, Option<String>) {
        (
            openai::path(operation, model, "/completions"),
            query.map(str::to_owned),
        )
    }

    fn decode_request(&self, inbound: &Inbound<'_>) -> Result<Request, DecodeError> {
        request_decode::decode(inbound)
    }

    /// Refuses: a conversation is no prompt, and every provider with this endpoint has a better
    /// one.
    fn encode_request(&self, _: &Request, _: &Target<'_>, losses: &mut Losses) -> Encoded {
        losses.refuse(None, "nothing is translated toward the openai_completions dialect; use the provider's openai_chat");
        Encoded::default()
    }

    fn stream_decoder(&self, context: &DecodeContext) -> Box<dyn StreamDecoder> {
        Box::new(stream_decode::Decoder::new(&context.request_id))
    }

    fn stream_encoder(&self, context: &ResponseContext<'_>) -> Box<dyn StreamEncoder> {
        Box::new(stream_encode::Encoder::new(context))
    }

    fn decode_response(&self, body: Bytes, context: &DecodeContext) -> Result<Response, Fault> {
        response_decode::decode(body, &context.request_id)
    }

    fn encode_response(
        &self,
        response: &Response,
        context: &ResponseContext<'_>,
        losses: &mut Losses,
    ) -> Result<Bytes, Fault> {
        response_encode::encode(response, context, losses)
    }

    fn decode_fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault {
        faults::decode(status, headers, body)
    }

    fn encode_fault(&self, fault: &Fault, _: &str) -> (StatusCode, Bytes) {
        faults::encode(fault)
    }

    fn encode_stream_fault(
        &self,
        fault: &Fault,
        state: &PassthroughState<'_>,
        out: &mut BytesMut,
    ) -> StreamEnd {
        OpenaiChat.encode_stream_fault(fault, state, out)
    }

    fn frame_info(&self, frame: &sse::Frame) -> FrameInfo {
        frame_info::frame(frame)
    }

    fn body_info(&self, body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
        frame_info::body(body)
    }

    fn encode_count(&self, tokens: u64) -> Bytes {
        OpenaiChat.encode_count(tokens)
    }

    fn encode_models(&self, models: &[ModelCard], _: Option<&str>) -> Bytes {
        models::encode_list(models)
    }

    fn encode_model(&self, model: &ModelCard) -> Bytes {
        models::encode(model)
    }

    fn decode_models(&self, body: &Bytes) -> Result<Vec<ModelCard>, Fault> {
        models::decode_list(body)
    }
}
