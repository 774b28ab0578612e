//! The Gemini dialect, towards clients and towards upstreams.
//!
//! JSON is camelCase, and snake_case is accepted; the path names the model.
//!
//! - Routing: `routing`. What passes through: `frame_info`.
//! - Requests: `request_decode` and `request_encode`, with `messages_*`, `tools_*`, `config_*`
//!   and `reasoning_encode`.
//! - Responses: `response_decode` and `response_encode`, `stream_decode` and
//!   `stream_encode`. Both ways a whole response and a stream share their state:
//!   `chunk_decode` with `candidate_decode`, and `candidate_encode`.
//! - Both: `content_encode` writes parts, `proto_json` reads fields.
//! - Tables: `finish`, `faults`, `usage`, `models`, `logprobs`. Embeddings: `embed`.
//!
//! Source: Gemini API v1beta, and gemini.md for what was measured. Nothing here knows a provider's
//! URL, an account, or another dialect's names.

mod candidate_decode;
mod candidate_encode;
mod chunk_decode;
mod config_decode;
mod config_encode;
mod content_encode;
mod embed;
mod faults;
mod finish;
mod frame_info;
mod logprobs;
mod messages_decode;
mod messages_encode;
mod models;
mod proto_json;
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
use http::{HeaderMap, Method, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::query::{self, QueryParameters, parameter};
use super::{
    DecodeContext, DecodeError, Descriptor, EmbedProtocol, Encoded, FrameInfo, Hints, Inbound,
    MalformedResponse, Operation, PassthroughHeaders, PassthroughState, Protocol, ResponseContext,
    Route, RoutingFields, StreamDecoder, StreamEncoder, StreamEnd, Target, conversation_key, sse,
};
use crate::canon::{Dialect, Fault, Losses, ModelCard, Request, Response};
use crate::json::{self, Document};

/// Its name.
pub const DIALECT: Dialect = Dialect::named("gemini");

/// The dialect itself; it holds nothing.
pub struct Gemini;

/// The path of a model's method.
fn path(model: &str, method: &str) -> String {
    format!("{}:{method}", model_path(model))
}

/// The resource name of a model: `models/x`.
fn resource(model: &str) -> String {
    if model.starts_with("models/") || model.starts_with("tunedModels/") {
        model.to_owned()
    } else {
        format!("models/{model}")
    }
}

/// The path of a model, whose name may have slashes and colons.
fn model_path(model: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~')
        .remove(b'/')
        .remove(b':')
        .remove(b'@');
    format!("/{}", utf8_percent_encode(&resource(model), KEPT))
}

static DESCRIPTOR: Descriptor = Descriptor {
    dialect: DIALECT,
    // A model's name follows `models/`, which `Route::matches` strips. The AI SDK leaves it out
    // where the name has a slash, as `provider/model` does (observed with `@ai-sdk/google`
    // 3.0.141).
    routes: &[
        Route::post("/{model}:generateContent", Operation::Generate),
        Route::post("/{model}:streamGenerateContent", Operation::StreamGenerate),
        Route::post("/{model}:countTokens", Operation::CountTokens),
        Route::post("/models/{model}/countTokens", Operation::CountTokens),
        Route::post("/{model}:embedContent", Operation::Embed),
        Route::post("/{model}:batchEmbedContents", Operation::BatchEmbed),
        Route::get("/models", Operation::ListModels),
        Route::get("/models/{model}", Operation::ShowModel),
    ],
    path_roots: &[
        "batches",
        "cachedContents",
        "corpora",
        "fileSearchStores",
        "files",
        "interactions",
        "models",
        "operations",
        "tunedModels",
        "upload",
    ],
    version: "v1beta",
    base_url_suffix: "",
    aliases: &["gemini", "genai"],
    conversation_fields: conversation_key::Fields {
        system: &["systemInstruction", "system_instruction"],
        turns: "contents",
    },
    key_header: "x-goog-api-key",
    fixed_headers: &[],
    passthrough_headers: PassthroughHeaders {
        request: &[
            "x-goog-api-client",
            "x-goog-request-params",
            "x-server-timeout",
        ],
        response: &["server-timing", "x-gemini-service-tier"],
    },
    // Source: Google's system parameters. Those that hold a credential or change the request
    // (`access_token`, `$httpHeaders`, `callback`) are left out.
    query_parameters: QueryParameters {
        plain: &[
            "alt",
            "$alt",
            "pageSize",
            "page_size",
            "pageToken",
            "page_token",
            "prettyPrint",
            "$prettyPrint",
            "quotaUser",
            "$.xgafv",
        ],
        untranslatable: &["fields", "$fields"],
    },
    surface: &surface::TABLE,
    is_upstream: true,
    counts_tokens: true,
    tier_header: Some("x-gemini-service-tier"),
    has_stop_sequences: true,
    legacy_of: None,
};

impl Protocol for Gemini {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    /// Whether the version segment, the headers of Google's clients or the key in the query are
    /// this dialect's. Source: `clients.md`, Gemini CLI and google-genai.
    fn is_hinted(&self, hints: &Hints<'_>) -> bool {
        let version = hints.version.unwrap_or_default();
        let is_preview = version.contains("beta") || version.contains("alpha");
        let has_header = ["x-goog-api-key", "x-goog-api-client"]
            .iter()
            .any(|name| hints.headers.contains_key(*name));
        let has_key = parameter(hints.query, query::KEY).is_some();
        // Other dialects only read below `/models/`, also names with colons such as `llama3:8b`.
        let is_model_method = hints.method == Method::POST && hints.path.starts_with("/models/");
        is_preview || has_header || has_key || is_model_method
    }

    fn stream_content_type(&self, query: Option<&str>) -> &'static str {
        stream_encode::StreamFraming::of(query).content_type()
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
            Operation::Generate => path(model, "generateContent"),
            Operation::StreamGenerate => path(model, "streamGenerateContent"),
            Operation::CountTokens => path(model, "countTokens"),
            Operation::Embed => path(model, "embedContent"),
            Operation::BatchEmbed => path(model, "batchEmbedContents"),
            Operation::ListModels => "/models".to_owned(),
            Operation::ShowModel | Operation::Surface(_) => model_path(model),
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

    fn decode_fault(&self, status: StatusCode, _: &HeaderMap, body: &[u8]) -> Fault {
        faults::decode(status, body)
    }

    fn encode_fault(&self, fault: &Fault, request_id: &str) -> (StatusCode, Bytes) {
        faults::encode(fault, request_id)
    }

    fn encode_stream_fault(
        &self,
        fault: &Fault,
        state: &PassthroughState<'_>,
        out: &mut BytesMut,
    ) -> StreamEnd {
        stream_encode::encode_stream_fault(fault, state, out)
    }

    fn frame_info(&self, frame: &sse::Frame) -> FrameInfo {
        frame_info::frame(frame)
    }

    fn body_info(&self, body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
        frame_info::body(body)
    }

    fn decode_count(&self, body: &Bytes) -> Result<u64, Fault> {
        let document = Document::parse(body.clone()).map_err(MalformedResponse::from)?;
        let tokens =
            proto_json::required(document.root(), "totalTokens").and_then(proto_json::count);
        tokens.map_err(|invalid| MalformedResponse::from(invalid).into())
    }

    fn encode_count(&self, tokens: u64) -> Bytes {
        json::document(|value| value.object(|object| object.u64("totalTokens", tokens)))
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

    fn embeddings(&self) -> Option<&dyn EmbedProtocol> {
        Some(self)
    }
}
