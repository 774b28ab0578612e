//! The Anthropic Messages dialect, towards clients and towards upstreams.
//!
//! - Routing: `routing`. What passes through: `frame_info`.
//! - Requests: `request_decode` and `request_encode`, with `messages_*`, `tools_*`, `config_*`,
//!   `content_encode` and `reasoning_encode`.
//! - Responses: `response_decode` and `response_encode`, `stream_decode` and
//!   `stream_encode`. A whole response and a stream share `content_block_decode` one way, and
//!   `message_fields` the other.
//! - Tables: `finish`, `faults`, `usage`, `models`.
//!
//! Two API versions are live and differ in what they accept, sampling above all: a client's own
//! version passes through with its request, and translated requests use the older one. What this
//! dialect cannot carry is dropped by name or refused.
//!
//! Source: Anthropic Messages reference. Nothing here knows a socket, a clock or an account.

mod call_ids;
mod config_decode;
mod config_encode;
mod content_block_decode;
mod content_encode;
mod faults;
mod finish;
mod frame_info;
mod message_fields;
mod messages_decode;
mod messages_encode;
mod models;
mod reasoning_encode;
mod request_decode;
mod request_encode;
mod response_decode;
mod response_encode;
mod routing;
mod rules;
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
use super::sse::Frame;
use super::{
    DecodeContext, DecodeError, Descriptor, Encoded, FrameInfo, Hints, Inbound, MalformedResponse,
    Operation, PassthroughHeaders, PassthroughState, Protocol, ResponseContext, Route,
    RoutingFields, StreamDecoder, StreamEncoder, StreamEnd, Target, conversation_key,
};
use crate::canon::{Dialect, Fault, Losses, ModelCard, Request, Response};
use crate::json::{self, Document, Value};

/// Its name.
pub const DIALECT: Dialect = Dialect::named("anthropic");

/// The dialect itself; it holds nothing.
pub struct Anthropic;

/// `anthropic-organization-id` and `anthropic-workspace-id` name the account behind the gateway and
/// do not go back.
const HEADERS: PassthroughHeaders = PassthroughHeaders {
    request: &[
        "anthropic-version",
        "anthropic-beta",
        "anthropic-dangerous-direct-browser-access",
        "x-app",
        "x-claude-code-*",
        "x-stainless-*",
    ],
    response: &[
        "request-id",
        "anthropic-ratelimit-*",
        "retry-after",
        "retry-after-ms",
        "x-should-retry",
    ],
};

static DESCRIPTOR: Descriptor = Descriptor {
    dialect: DIALECT,
    routes: &[
        Route::post("/messages", Operation::Generate),
        Route::post("/messages/count_tokens", Operation::CountTokens),
        Route::get("/models", Operation::ListModels),
        Route::get("/models/{model}", Operation::ShowModel),
    ],
    path_roots: &[
        "complete",
        "files",
        "messages",
        "models",
        "organizations",
        "skills",
    ],
    version: "v1",
    base_url_suffix: "",
    aliases: &["anthropic"],
    conversation_fields: conversation_key::Fields {
        system: &["system"],
        turns: "messages",
    },
    key_header: "x-api-key",
    fixed_headers: &[("anthropic-version", request_encode::VERSION)],
    passthrough_headers: HEADERS,
    // `beta`: Claude Code. Source: Anthropic Models API.
    query_parameters: QueryParameters {
        plain: &["beta", "limit", "after_id", "before_id", "lifecycle"],
        untranslatable: &[],
    },
    surface: &surface::TABLE,
    is_upstream: true,
    counts_tokens: true,
    tier_header: None,
    has_stop_sequences: true,
    legacy_of: None,
};

impl Protocol for Anthropic {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn is_hinted(&self, hints: &Hints<'_>) -> bool {
        hints.headers.contains_key("anthropic-version") || hints.path.starts_with("/messages")
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
        let path = match operation {
            Operation::ListModels => "/models".to_owned(),
            Operation::ShowModel | Operation::Surface(_) => format!("/models/{model}"),
            operation => request_encode::path(operation).to_owned(),
        };
        (path, query.map(str::to_owned))
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

    fn stream_decoder(&self, _: &DecodeContext) -> Box<dyn StreamDecoder> {
        Box::new(stream_decode::Decoder::default())
    }

    fn stream_encoder(&self, context: &ResponseContext<'_>) -> Box<dyn StreamEncoder> {
        Box::new(stream_encode::Encoder::new(context))
    }

    fn decode_response(&self, body: Bytes, _: &DecodeContext) -> Result<Response, Fault> {
        response_decode::decode(body)
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

    fn encode_fault(&self, fault: &Fault, request_id: &str) -> (StatusCode, Bytes) {
        faults::encode(fault, request_id)
    }

    fn encode_stream_fault(
        &self,
        fault: &Fault,
        _: &PassthroughState<'_>,
        out: &mut BytesMut,
    ) -> StreamEnd {
        faults::encode_record(fault, out);
        StreamEnd::Clean
    }

    fn frame_info(&self, frame: &Frame) -> FrameInfo {
        frame_info::frame(frame)
    }

    fn body_info(&self, body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
        frame_info::body(body)
    }

    fn decode_count(&self, body: &Bytes) -> Result<u64, Fault> {
        let document = Document::parse(body.clone()).map_err(MalformedResponse::from)?;
        let tokens = document
            .root()
            .required("input_tokens")
            .and_then(Value::u64)
            .map_err(MalformedResponse::from)?;
        Ok(tokens)
    }

    fn encode_count(&self, tokens: u64) -> Bytes {
        json::document(|value| value.object(|object| object.u64("input_tokens", tokens)))
    }

    fn encode_models(&self, models: &[ModelCard], query: Option<&str>) -> Bytes {
        models::encode_list(models, query)
    }

    fn encode_model(&self, model: &ModelCard) -> Bytes {
        models::encode(model)
    }

    fn decode_models(&self, body: &Bytes) -> Result<Vec<ModelCard>, Fault> {
        models::decode_list(body)
    }

    fn next_models_query(&self, body: &Bytes) -> Option<String> {
        models::next_query(body)
    }
}
