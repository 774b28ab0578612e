//! The built-in offline provider: an upstream without a socket, for trying every pair of dialects
//! with nothing set up.
//!
//! It goes through the whole pipeline like any other; its answers are literal wire bytes of each
//! dialect (`wire`), never made by our own encoders, and each says that no model ran. It calls a
//! tool when it has to, when few are offered, or when the prompt names one; it never acts by itself
//! in front of an agent's long list of tools.

mod scene;
mod wire;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::BodyExt as _;

use crate::canon::Fault;
use crate::protocol::{self, Inbound, Operation, Protocol};
use crate::segmented_bytes::SegmentedBytes;
use crate::upstream::{BoxError, ProxyChoice, TransportError, Upstream, UpstreamBody};
use scene::Scene;

/// The models that it lists: one for each dialect that it speaks, besides `demo` itself.
fn models() -> Vec<String> {
    let by_dialect = protocol::upstreams().map(|protocol| format!("demo/{}", protocol.dialect()));
    std::iter::once("demo".to_owned())
        .chain(by_dialect)
        .collect()
}

/// The offline upstream.
pub struct Demo;

impl Upstream for Demo {
    fn send(
        &self,
        request: http::Request<SegmentedBytes>,
        _: &ProxyChoice,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, TransportError>> {
        Box::pin(std::future::ready(Ok(answer(&request))))
    }
}

fn answer(request: &http::Request<SegmentedBytes>) -> Response<UpstreamBody> {
    let Some((protocol, operation, model)) = find(request.method(), request.uri().path()) else {
        return not_found();
    };
    let inbound = Inbound {
        operation,
        path_model: model.as_deref(),
        query: request.uri().query(),
        headers: request.headers(),
        body: request.body().whole(),
    };
    match operation {
        Operation::ListModels => json(wire::models(&models())),
        Operation::Embed | Operation::BatchEmbed => {
            refuse(protocol, &Fault::bad_request("the demo has no embeddings"))
        }
        _ => generate(protocol, &inbound),
    }
}

fn generate(protocol: &'static dyn Protocol, inbound: &Inbound<'_>) -> Response<UpstreamBody> {
    let request = match protocol.decode_request(inbound) {
        Ok(request) => request,
        Err(error) => return refuse(protocol, &error.into_fault(inbound.body)),
    };
    let scene = Scene::of(&request);
    let dialect = protocol.dialect().name();
    let is_stream = request.stream || inbound.operation == Operation::StreamGenerate;
    match inbound.operation {
        Operation::CountTokens => json(wire::count(dialect, scene.input_words)),
        _ if !is_stream => json(wire::whole(dialect, &scene)),
        // Gemini's streams are arrays unless events are asked for.
        _ if protocol.stream_content_type(inbound.query) == "application/json" => {
            json(format!("[{}]", wire::frames(dialect, &scene).join(",\r\n")))
        }
        _ => stream(wire::stream(dialect, &scene)),
    }
}

/// The dialect and operation of an upstream path, version segment included.
fn find(method: &Method, path: &str) -> Option<(&'static dyn Protocol, Operation, Option<String>)> {
    let (_version, rest) = path.strip_prefix('/')?.split_once('/')?;
    let routes = protocol::upstreams().flat_map(|protocol| {
        protocol
            .descriptor()
            .routes
            .iter()
            .map(move |route| (protocol, route))
    });
    let mut routes = routes.filter(|(_, route)| route.method == *method);
    routes.find_map(|(protocol, route)| {
        let model = route.matches(&format!("/{rest}"))?;
        Some((protocol, route.operation, model))
    })
}

fn refuse(protocol: &dyn Protocol, fault: &Fault) -> Response<UpstreamBody> {
    let (status, body) = protocol.encode_fault(fault, "demo");
    let mut response = respond("application/json", vec![body]);
    *response.status_mut() = status;
    response
}

fn not_found() -> Response<UpstreamBody> {
    let mut response = respond(
        "application/json",
        vec![Bytes::from_static(
            br#"{"error":{"message":"the demo has no such path"}}"#,
        )],
    );
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

fn json(body: String) -> Response<UpstreamBody> {
    respond("application/json", vec![Bytes::from(body)])
}

fn stream(frames: Vec<String>) -> Response<UpstreamBody> {
    respond(
        "text/event-stream",
        frames.into_iter().map(Bytes::from).collect(),
    )
}

/// An answer whose body comes in pieces, as it would from a socket.
fn respond(content_type: &'static str, chunks: Vec<Bytes>) -> Response<UpstreamBody> {
    let frames = chunks
        .into_iter()
        .map(|chunk| Ok::<_, BoxError>(http_body::Frame::data(chunk)));
    let body = http_body_util::StreamBody::new(futures_util::stream::iter(frames));
    let mut response: Response<UpstreamBody> =
        Response::new(Box::pin(body.map_err(BoxError::from)));
    *response.headers_mut() =
        HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
    response
}
