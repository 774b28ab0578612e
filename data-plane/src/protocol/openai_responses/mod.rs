//! OpenAI Responses, toward clients and toward upstreams: typed items in and out, streams of
//! numbered, named events.
//!
//! Nothing is stored, and a reference to a stored response is refused.
//!
//! Source: `openai-responses.md` (openai-python `types/responses`, Codex and AI SDK on the wire).

mod content_decode;
mod content_encode;
mod echoed_fields;
mod encrypted_content;
mod faults;
mod finish;
mod frame_info;
mod logprobs;
mod messages_decode;
mod messages_encode;
mod output_encode;
mod output_item;
mod output_item_decode;
mod request_decode;
mod request_encode;
mod response_decode;
mod response_encode;
mod response_object;
mod routing;
mod stream_decode;
mod stream_encode;
mod surface;
mod tools_decode;
mod tools_encode;
mod usage;

#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use super::query::QueryParameters;
use super::{
    DecodeContext, DecodeError, Descriptor, Encoded, FrameInfo, Inbound, Maker, MalformedResponse,
    Operation, PassthroughHeaders, PassthroughState, Protocol, ResponseContext, Route,
    RoutingFields, StreamDecoder, StreamEncoder, StreamEnd, Target, conversation_key, openai, sse,
};
use crate::canon::{Dialect, Fault, Losses, ModelCard, Request, Response};
use crate::json::{self, Document};
use openai::models;

pub const DIALECT: Dialect = Dialect::named("openai_responses");

/// The session headers are those of Codex. Source: `clients.md`, Codex.
static HEADERS: PassthroughHeaders = PassthroughHeaders {
    request: &[
        "conversation_id",
        "idempotency-key",
        "openai-beta",
        "originator",
        "session-id",
        "session_id",
        "thread-id",
        "version",
        "x-client-request-id",
        "x-codex-*",
        "x-stainless-*",
    ],
    response: &openai::RESPONSE_HEADERS,
};

/// The dialect of `POST /v1/responses`.
pub struct OpenaiResponses;

static DESCRIPTOR: Descriptor = Descriptor {
    dialect: DIALECT,
    routes: &[
        Route::post("/responses", Operation::Generate),
        Route::post("/responses/input_tokens", Operation::CountTokens),
    ],
    path_roots: &["conversations", "responses"],
    version: openai::VERSION,
    base_url_suffix: openai::BASE_URL_SUFFIX,
    aliases: &[],
    conversation_fields: conversation_key::Fields {
        system: &["instructions"],
        turns: "input",
    },
    key_header: "authorization",
    fixed_headers: &[],
    passthrough_headers: HEADERS,
    // Source: Responses API, "Get a model response".
    query_parameters: QueryParameters {
        plain: &[
            "include",
            "include[]",
            "include_obfuscation",
            "starting_after",
            "stream",
        ],
        untranslatable: &[],
    },
    surface: &surface::TABLE,
    is_upstream: true,
    counts_tokens: true,
    tier_header: None,
    has_stop_sequences: false,
    legacy_of: None,
};

impl Protocol for OpenaiResponses {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn has_unknown_tools(&self, body: &Bytes, maker: Maker) -> bool {
        tools_decode::has_unknown(body, maker)
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
        let own = if operation == Operation::CountTokens {
            "/responses/input_tokens"
        } else {
            "/responses"
        };
        (
            openai::path(operation, model, own),
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
        Box::new(stream_decode::Decoder::new(context))
    }

    fn stream_encoder(&self, context: &ResponseContext<'_>) -> Box<dyn StreamEncoder> {
        Box::new(stream_encode::Encoder::new(context))
    }

    fn decode_response(&self, body: Bytes, context: &DecodeContext) -> Result<Response, Fault> {
        response_decode::decode(body, context)
    }

    fn encode_response(
        &self,
        response: &Response,
        context: &ResponseContext<'_>,
        losses: &mut Losses,
    ) -> Result<Bytes, Fault> {
        Ok(response_encode::encode(response, context, losses))
    }

    fn decode_fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Fault {
        openai::faults::decode(status, headers, body)
    }

    fn encode_fault(&self, fault: &Fault, _request_id: &str) -> (StatusCode, Bytes) {
        openai::faults::encode(fault)
    }

    fn encode_stream_fault(
        &self,
        fault: &Fault,
        state: &PassthroughState<'_>,
        out: &mut BytesMut,
    ) -> StreamEnd {
        faults::encode_record(fault, state.records, out);
        StreamEnd::Clean
    }

    fn frame_info(&self, frame: &sse::Frame) -> FrameInfo {
        frame_info::frame(frame)
    }

    fn body_info(&self, body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
        frame_info::body(body)
    }

    fn decode_count(&self, body: &Bytes) -> Result<u64, Fault> {
        let unreadable = |error| {
            Fault::upstream(format!(
                "the upstream's token count cannot be read: {error}"
            ))
        };
        let document = Document::parse(body.clone()).map_err(unreadable)?;
        document
            .root()
            .required("input_tokens")
            .and_then(json::Value::u64)
            .map_err(unreadable)
    }

    fn encode_count(&self, tokens: u64) -> Bytes {
        json::document(|value| {
            value.object(|object| {
                object.str("object", "response.input_tokens");
                object.u64("input_tokens", tokens);
            });
        })
    }

    fn encode_models(&self, models: &[ModelCard], _query: Option<&str>) -> Bytes {
        models::encode_list(models)
    }

    fn encode_model(&self, model: &ModelCard) -> Bytes {
        models::encode(model)
    }

    fn decode_models(&self, body: &Bytes) -> Result<Vec<ModelCard>, Fault> {
        models::decode_list(body)
    }
}
