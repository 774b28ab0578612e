//! OpenAI Chat Completions, toward clients and toward upstreams; also OpenAI's embeddings.
//!
//! Servers of many vendors speak this dialect. Their deviations are accepted when read and never
//! written. What cannot be carried toward an upstream is noted as a loss: `top_k`, reasoning
//! outside of tool loops, signatures, file references and hosted tools of other dialects, grammars,
//! cache marks on tools, citations, titles of documents.
//!
//! Source: `openai-chat.md`; OpenAI API reference.

mod bracket_counter;
mod call_places;
mod choice_decode;
mod content_encode;
pub(super) mod embed;
pub(super) mod fields;
pub(super) mod finish;
pub(super) mod frame_info;
mod legacy_functions;
mod media_decode;
mod messages_decode;
mod messages_encode;
mod output_images;
pub(super) mod request_decode;
mod request_encode;
pub(super) mod response_decode;
pub(super) mod response_encode;
pub(super) mod response_head;
pub(super) mod routing;
mod server;
pub(super) mod stream_decode;
mod stream_encode;
mod surface;
mod tool_call_fragment;
mod tools_decode;
mod tools_encode;
mod usage;

#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use super::{
    DecodeContext, DecodeError, Descriptor, EmbedProtocol, Encoded, FrameInfo, Inbound,
    MalformedResponse, Operation, PassthroughHeaders, PassthroughState, Protocol, ResponseContext,
    Route, RoutingFields, StreamDecoder, StreamEncoder, StreamEnd, Target, conversation_key,
    openai, sse,
};
use crate::canon::{Dialect, Fault, Losses, ModelCard, Request, Response};
use crate::json;
use openai::{faults, models};

pub const DIALECT: Dialect = Dialect::named("openai_chat");

pub(super) use surface::QUERY as SURFACE_QUERY;

pub(super) static HEADERS: PassthroughHeaders = PassthroughHeaders {
    request: &[
        "openai-beta",
        "x-client-request-id",
        "idempotency-key",
        "x-stainless-*",
    ],
    response: &openai::RESPONSE_HEADERS,
};

/// The Chat dialect.
#[derive(Debug)]
pub struct OpenaiChat;

static DESCRIPTOR: Descriptor = Descriptor {
    dialect: DIALECT,
    routes: &[
        Route::post("/chat/completions", Operation::Generate),
        Route::post("/embeddings", Operation::Embed),
        Route::get("/models", Operation::ListModels),
        Route::get("/models/{model}", Operation::ShowModel),
    ],
    path_roots: &[
        "assistants",
        "audio",
        "batches",
        "chat",
        "containers",
        "embeddings",
        "engines",
        "evals",
        "files",
        "fine_tuning",
        "images",
        "models",
        "moderations",
        "organization",
        "realtime",
        "threads",
        "uploads",
        "vector_stores",
        "videos",
    ],
    version: openai::VERSION,
    base_url_suffix: openai::BASE_URL_SUFFIX,
    aliases: &["openai"],
    conversation_fields: conversation_key::Fields {
        system: &[],
        turns: "messages",
    },
    key_header: "authorization",
    fixed_headers: &[],
    passthrough_headers: HEADERS,
    query_parameters: openai::QUERY_PARAMETERS,
    surface: &surface::TABLE,
    is_upstream: true,
    counts_tokens: false,
    tier_header: None,
    has_stop_sequences: true,
    legacy_of: None,
};

impl Protocol for OpenaiChat {
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
            openai::path(operation, model, "/chat/completions"),
            query.map(str::to_owned),
        )
    }

    fn decode_request(&self, inbound: &Inbound<'_>) -> Result<Request, DecodeError> {
        request_decode::decode(inbound)
    }

    fn encode_request(
        &self,
        request: &Request,
        target: &Target<'_>,
        losses: &mut Losses,
    ) -> Encoded {
        request_encode::encode(request, target, losses)
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

    /// Writes the error record and aborts: the upstream cut its body, and clients that do not read
    /// the record notice the broken connection.
    fn encode_stream_fault(
        &self,
        fault: &Fault,
        _: &PassthroughState<'_>,
        out: &mut BytesMut,
    ) -> StreamEnd {
        faults::encode_record(fault, out);
        StreamEnd::Abort
    }

    fn frame_info(&self, frame: &sse::Frame) -> FrameInfo {
        frame_info::frame(frame)
    }

    fn body_info(&self, body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
        frame_info::body(body)
    }

    fn encode_count(&self, tokens: u64) -> Bytes {
        json::document(|value| value.object(|object| object.u64("input_tokens", tokens)))
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

    fn embeddings(&self) -> Option<&dyn EmbedProtocol> {
        Some(self)
    }
}
