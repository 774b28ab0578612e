//! OpenAI Chat Completions, as clients and as upstreams speak it; also OpenAI's embeddings and
//! model list.
//!
//! What this dialect cannot carry toward an upstream, and names as a loss: `top_k`, reasoning
//! outside of tool loops and every signature, media by file handle of others, hosted tools of
//! others, grammars, cache marks on tools, citations, titles of documents. Source:
//! `openai-chat.md`; OpenAI API reference.
//!
//! Knows no provider: servers of many makes speak this dialect, and what they do differently is
//! read here and never written.

mod balance;
mod content;
mod embed;
pub(super) mod fields;
pub(super) mod finish;
mod fragment;
pub(super) mod glimpse;
pub(super) mod head;
mod image;
mod lane;
mod legacy;
mod media;
mod messages_decode;
mod messages_encode;
pub(super) mod request_decode;
mod request_encode;
pub(super) mod response;
pub(super) mod stream_decode;
pub(super) mod stream_encode;
#[cfg(test)]
mod tests;
mod tools_decode;
mod tools_encode;
mod usage;

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
    is_upstream: true,
    counts_tokens: false,
    legacy_of: None,
};

impl Protocol for OpenaiChat {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn routing_fields(&self, inbound: &Inbound<'_>) -> Result<RoutingFields, DecodeError> {
        request_decode::peek(inbound)
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
        response::decode(body, &context.request_id)
    }

    fn encode_response(
        &self,
        response: &Response,
        context: &ResponseContext<'_>,
        losses: &mut Losses,
    ) -> Bytes {
        response::encode(response, context, losses)
    }

    fn decode_fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault {
        faults::decode(status, headers, body)
    }

    fn encode_fault(&self, fault: &Fault, _: &str) -> (StatusCode, Bytes) {
        faults::encode(fault)
    }

    /// A passthrough's body was cut by its upstream; besides the record the connection tells so.
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
        glimpse::frame(frame)
    }

    fn body_info(&self, body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
        glimpse::body(body)
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
