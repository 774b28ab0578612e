//! Ollama's own API, towards clients. Its servers are called in Chat, so that nothing is encoded for
//! an upstream here, and everything is translated.
//!
//! - Routing: `routing`; what is said at other paths of the API: `notices`.
//! - Requests: `request_decode` with `options_decode`, `messages_decode` and `tools_decode`.
//! - Responses: `response_encode` and `stream_encode`, which share `pieces` and `response_head`.
//!   What a client got is read again to be explained: `response_decode`, `stream_decode`.
//! - Tables: `finish`, `images`, `models`. Embeddings: `embed`.
//!
//! A stream is a JSON object a line, and what a client gets that does not say whether it wants one.
//! Arguments of calls are objects, images bare base64, durations nanoseconds.
//!
//! | member | what becomes of it |
//! |---|---|
//! | `options` `num_predict`, `temperature`, `top_p`, `top_k`, `seed`, `stop`, penalties | carried |
//! | other `options`, `keep_alive`, `truncate`, `shift` | dropped: they steer a model that runs beside its server |
//! | `suffix`, `raw`, `template`, `context` | refused: they change what is asked, and only such a model has them |
//! | a request without messages or prompt, which loads a model | refused: none is loaded here |
//!
//! Source: Ollama, `docs/api.md` and `api/types.go`, and its clients for Python (0.6.3) and
//! JavaScript (0.6.4), read 2026-11-30. Nothing here knows a provider's URL, an account, or another
//! dialect's names.

mod embed;
mod finish;
mod images;
mod messages_decode;
mod models;
mod notices;
mod options_decode;
mod pieces;
mod request_decode;
mod response_decode;
mod response_encode;
mod response_head;
mod routing;
mod stream_decode;
mod stream_encode;
mod tools_decode;

#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, StatusCode};

use super::openai::faults;
use super::query::QueryParameters;
use super::{
    DecodeContext, DecodeError, Descriptor, EmbedProtocol, Encoded, FrameInfo, Inbound,
    MalformedResponse, Notice, Operation, PassthroughHeaders, PassthroughState, Protocol,
    ResponseContext, Route, RoutingFields, StreamDecoder, StreamEncoder, StreamEnd, Target,
    conversation_key, sse, surface,
};
use crate::canon::{Blame, Dialect, Fault, FaultKind, Losses, ModelCard, Request, Response};
use crate::json;

/// Its name.
pub const DIALECT: Dialect = Dialect::named("ollama");

/// The dialect itself; it holds nothing.
pub struct Ollama;

static DESCRIPTOR: Descriptor = Descriptor {
    dialect: DIALECT,
    routes: &[
        Route::post("/api/chat", Operation::Generate),
        Route::post("/api/generate", Operation::Generate),
        Route::post("/api/embed", Operation::BatchEmbed),
        // The older form of the same, of one text.
        Route::post("/api/embeddings", Operation::Embed),
        Route::get("/api/tags", Operation::ListModels),
        Route::post("/api/show", Operation::ShowModel),
    ],
    path_roots: &["api"],
    version: "",
    base_url_suffix: "",
    aliases: &["ollama"],
    conversation_fields: conversation_key::Fields {
        system: &["system"],
        turns: "messages",
    },
    // Source: Ollama, "Authentication": `OLLAMA_API_KEY` as a bearer token.
    key_header: "authorization",
    fixed_headers: &[],
    passthrough_headers: PassthroughHeaders {
        request: &[],
        response: &[],
    },
    query_parameters: QueryParameters {
        plain: &[],
        untranslatable: &[],
    },
    surface: &surface::EMPTY,
    is_upstream: false,
    counts_tokens: false,
    tier_header: None,
    has_stop_sequences: true,
    legacy_of: None,
};

const NO_UPSTREAM: &str =
    "no provider is called in the ollama dialect; Ollama's servers speak openai_chat";

fn no_upstream() -> Fault {
    Fault::new(FaultKind::NotImplemented, Blame::Gateway, NO_UPSTREAM)
}

/// Writes the record of an error, which ends a stream. Source: `docs/api.md`, "Errors", streaming.
fn write_fault(fault: &Fault, out: &mut BytesMut) {
    json::Writer::new(out).object(|object| object.str("error", &fault.message));
    out.extend_from_slice(b"\n");
}

impl Protocol for Ollama {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn notice(&self, method: &Method, path: &str) -> Option<Notice> {
        notices::of(method, path)
    }

    fn streams_unasked(&self) -> bool {
        true
    }

    fn stream_content_type(&self, _: Option<&str>) -> &'static str {
        "application/x-ndjson"
    }

    fn routing_fields(&self, inbound: &Inbound<'_>) -> Result<RoutingFields, DecodeError> {
        routing::decode(inbound)
    }

    fn upstream_path(
        &self,
        operation: Operation,
        _: &str,
        _: Option<&str>,
    ) -> (String, Option<String>) {
        let is_its = |route: &&Route| route.operation == operation;
        let route = DESCRIPTOR.routes.iter().find(is_its);
        (
            route.map_or("/api/chat", |route| route.pattern).to_owned(),
            None,
        )
    }

    fn decode_request(&self, inbound: &Inbound<'_>) -> Result<Request, DecodeError> {
        request_decode::decode(inbound)
    }

    fn encode_request(&self, _: &Request, _: &Target<'_>, losses: &mut Losses) -> Encoded {
        losses.refuse(None, NO_UPSTREAM);
        Encoded::default()
    }

    fn stream_decoder(&self, context: &DecodeContext) -> Box<dyn StreamDecoder> {
        Box::new(stream_decode::Decoder::new(&context.request_id))
    }

    fn stream_encoder(&self, context: &ResponseContext<'_>) -> Box<dyn StreamEncoder> {
        Box::new(stream_encode::Encoder::new(context))
    }

    fn decode_response(&self, body: Bytes, context: &DecodeContext) -> Result<Response, Fault> {
        stream_decode::decode_whole(body, &context.request_id)
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

    /// `{"error":"…"}` with the status that OpenAI's API has for it: Ollama names few.
    fn encode_fault(&self, fault: &Fault, _: &str) -> (StatusCode, Bytes) {
        let body =
            json::document(|value| value.object(|object| object.str("error", &fault.message)));
        (faults::status(fault), body)
    }

    fn encode_stream_fault(
        &self,
        fault: &Fault,
        _: &PassthroughState<'_>,
        out: &mut BytesMut,
    ) -> StreamEnd {
        write_fault(fault, out);
        StreamEnd::Abort
    }

    fn frame_info(&self, frame: &sse::Frame) -> FrameInfo {
        response_decode::info(&frame.data).unwrap_or_default()
    }

    fn body_info(&self, body: &Bytes) -> Result<FrameInfo, MalformedResponse> {
        response_decode::info(body)
    }

    fn encode_count(&self, tokens: u64) -> Bytes {
        json::document(|value| value.object(|object| object.u64("prompt_eval_count", tokens)))
    }

    fn encode_models(&self, models: &[ModelCard], _: Option<&str>) -> Bytes {
        models::encode_list(models)
    }

    fn encode_model(&self, model: &ModelCard) -> Bytes {
        models::encode(model)
    }

    fn decode_models(&self, _: &Bytes) -> Result<Vec<ModelCard>, Fault> {
        Err(no_upstream())
    }

    fn embeddings(&self) -> Option<&dyn EmbedProtocol> {
        Some(self)
    }
}
