//! The built-in offline provider: an upstream without a socket, for trying every pair of dialects
//! with nothing set up.
//!
//! It is called like any other upstream. Its answers are literal wire bytes of each dialect
//! (`templates`), never made by our own encoders, and each says that no model ran. It calls a tool
//! when it has to, when few are offered, or when the prompt names one; given an agent's long list
//! of tools it calls none by itself.

mod response;
mod templates;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt as _;

use crate::canon::{Dialect, Fault};
use crate::protocol::{self, Inbound, Operation, Protocol};
use crate::segmented_bytes::SegmentedBytes;
use crate::upstream::{BoxError, ProxyChoice, TransportError, Upstream, UpstreamBody};
use response::DemoResponse;
use templates::Templates;

/// The models that it lists: `demo`, and one for each dialect that it speaks.
fn models() -> Vec<String> {
    let mut models = vec!["demo".to_owned()];
    for protocol in protocol::upstreams() {
        models.push(format!("demo/{}", protocol.dialect()));
    }
    models
}

/// The offline upstream.
pub struct Demo;

impl Upstream for Demo {
    fn send(
        &self,
        request: http::Request<SegmentedBytes>,
        _: &ProxyChoice,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, TransportError>> {
        Box::pin(std::future::ready(Ok(respond(&request))))
    }
}

fn respond(request: &http::Request<SegmentedBytes>) -> Response<UpstreamBody> {
    let Some((protocol, operation, model)) = route(request.method(), request.uri().path()) else {
        return not_found();
    };
    let inbound = Inbound {
        operation,
        path_model: model.as_deref(),
        query: request.uri().query(),
        headers: request.headers(),
        body: request.body().whole(),
    };
    let response = match operation {
        Operation::ListModels => Ok(json(templates::models(&models()))),
        Operation::Embed | Operation::BatchEmbed => {
            Err(Fault::bad_request("the demo has no embeddings"))
        }
        _ => generate(protocol, &inbound),
    };
    response.unwrap_or_else(|fault| fault_response(protocol, &fault))
}

fn generate(
    protocol: &'static dyn Protocol,
    inbound: &Inbound<'_>,
) -> Result<Response<UpstreamBody>, Fault> {
    let dialect = protocol.dialect();
    let templates = Templates::of(dialect).ok_or_else(|| unsupported(dialect))?;
    let request = protocol
        .decode_request(inbound)
        .map_err(|error| error.into_fault(inbound.body))?;
    let response = DemoResponse::new(&request);
    if inbound.operation == Operation::CountTokens {
        let count = templates.token_count(response.input_words);
        return Ok(json(count.ok_or_else(|| unsupported(dialect))?));
    }
    let is_stream = request.stream || inbound.operation == Operation::StreamGenerate;
    if !is_stream {
        return Ok(json(templates.whole(&response)));
    }
    // Gemini's streams are arrays unless events are asked for.
    if protocol.stream_content_type(inbound.query) == "application/json" {
        return Ok(json(templates.array(&response)));
    }
    let records = templates.stream(&response);
    let chunks = records.into_iter().map(Bytes::from).collect();
    Ok(chunked("text/event-stream", chunks))
}

fn unsupported(dialect: Dialect) -> Fault {
    Fault::internal(format!("the demo has no such answer in {dialect}"))
}

/// The dialect and operation of an upstream path, version segment included.
fn route(
    method: &Method,
    path: &str,
) -> Option<(&'static dyn Protocol, Operation, Option<String>)> {
    let (_version, path) = path.strip_prefix('/')?.split_once('/')?;
    let path = format!("/{path}");
    for protocol in protocol::upstreams() {
        for route in protocol.descriptor().routes {
            if route.method == *method
                && let Some(model) = route.matches(&path)
            {
                return Some((protocol, route.operation, model));
            }
        }
    }
    None
}

fn fault_response(protocol: &dyn Protocol, fault: &Fault) -> Response<UpstreamBody> {
    let (status, body) = protocol.encode_fault(fault, "demo");
    let mut response = chunked("application/json", vec![body]);
    *response.status_mut() = status;
    response
}

fn not_found() -> Response<UpstreamBody> {
    let body = r#"{"error":{"message":"the demo has no such path"}}"#;
    let mut response = json(body.to_owned());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn json(body: String) -> Response<UpstreamBody> {
    chunked("application/json", vec![Bytes::from(body)])
}

/// A response whose body comes in chunks, as it would from a socket.
fn chunked(content_type: &'static str, chunks: Vec<Bytes>) -> Response<UpstreamBody> {
    let frames = chunks
        .into_iter()
        .map(|chunk| Ok::<_, BoxError>(http_body::Frame::data(chunk)));
    let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
    let mut response: Response<UpstreamBody> =
        Response::new(Box::pin(body.map_err(BoxError::from)));
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
