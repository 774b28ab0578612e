//! From an upstream's good head to a response that can be given to the client, or to the error that
//! hid behind it.
//!
//! ```text
//! upstream sent  client asked for  result
//! one body       one body          passed, or decoded and encoded        full
//! one body       stream            decoded, encoded as events            expand
//! events         one body          decoded, folded, encoded              fold_stream
//! events         stream            a relay with its transform            stream
//! ```
//!
//! It never retries, and commits nothing: another attempt may still take its place.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response};
use tracing::debug;

use super::attempt_error::{AttemptError, AttemptResult};
use super::long_work;
use super::plan::{EncodedRequest, Plan, ResponseKind};
use super::relay::Relay;
use super::request_context::{Decoded, RequestContext};
use super::response::{PendingResponse, json, passed, passed_head};
use super::signatures::SignatureCollector;
use super::stop_sequences::StopSequences;
use super::stream_transform::{self, Passthrough, StreamTransform, Translator};
use super::upstream_body::{Bounds, collect};
use crate::account::Credential;
use crate::canon::{self, Embed, Fault, FinishReason, Fold, Losses, Origin, Request, Usage};
use crate::protocol::call_ids::UniqueIds;
use crate::protocol::names::Restore;
use crate::protocol::{DecodeContext, Operation, ResponseContext, sse};
use crate::upstream::UpstreamBody;

const EVENT_STREAM: &str = "text/event-stream";

/// One attempt whose upstream sent a good head.
pub(super) struct ResponseReader<'a> {
    pub(super) context: &'a RequestContext<'a>,
    pub(super) plan: &'a Plan,
    pub(super) encoded: &'a mut EncodedRequest,
    /// What was sent, and may be quoted in an error.
    pub(super) credential: &'a Arc<Credential>,
}

/// How an upstream's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Events,
    /// Gemini's stream without events.
    Array,
    Whole,
}

/// A request, and what its response needs to be turned back.
type Translation = (Arc<Request>, Restore);

impl ResponseReader<'_> {
    /// Reads until the response is whole or shows output.
    ///
    /// # Errors
    /// When the upstream fails before that.
    pub(super) async fn read(
        mut self,
        response: Response<UpstreamBody>,
    ) -> AttemptResult<PendingResponse> {
        let (head, body) = response.into_parts();
        if is_encoded(&head.headers) {
            return Err(AttemptError::malformed(
                "it is compressed, and identity was asked for",
            ));
        }
        let is_stream = self.is_stream();
        match (self.framing(&head.headers)?, is_stream) {
            (Framing::Whole, _) => self.full(&head, body, is_stream == Some(true)).await,
            (Framing::Events, Some(false)) => self.fold_stream(&head, body).await,
            (Framing::Array, Some(false)) => Err(AttemptError::malformed(
                "it is streamed, and one piece was asked for",
            )),
            (framing, _) => self.stream(&head, body, framing).await,
        }
    }

    /// Whether the client asked for a stream. `None`: the request was not read that far, and what
    /// the upstream sends is what was asked for.
    fn is_stream(&self) -> Option<bool> {
        let is_asked_for = self.context.stream()?;
        Some(is_asked_for && self.context.request.operation.generates())
    }

    /// How the body is framed. Some servers stream without saying so; then the request tells.
    fn framing(&self, headers: &HeaderMap) -> AttemptResult<Framing> {
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let (media_type, _) = content_type.split_once(';').unwrap_or((content_type, ""));
        let media_type = media_type.trim();
        let is = |expected: &str| media_type.eq_ignore_ascii_case(expected);
        if is(EVENT_STREAM) {
            Ok(Framing::Events)
        } else if is("text/html") {
            Err(AttemptError::malformed(
                "expected JSON or events, found an HTML page",
            ))
        } else if self.passes_as_array() {
            Ok(Framing::Array)
        } else if !is("application/json") && self.is_stream() == Some(true) {
            Ok(Framing::Events)
        } else {
            Ok(Framing::Whole)
        }
    }

    fn passes_as_array(&self) -> bool {
        let request = self.context.request;
        let is_passed = matches!(self.encoded.response_kind, ResponseKind::Passthrough)
            && request.operation == Operation::StreamGenerate;
        is_passed
            && request
                .protocol
                .stream_content_type(request.query.text.as_deref())
                != EVENT_STREAM
    }

    async fn stream(
        &mut self,
        head: &Parts,
        body: UpstreamBody,
        framing: Framing,
    ) -> AttemptResult<PendingResponse> {
        let limits = &self.context.config.limits;
        let transform = self.transform(framing);
        let mut relay = Box::new(Relay::new(body, transform, limits.stream_timeouts));
        let decided = tokio::time::timeout(limits.hold, relay.until_decided()).await;
        if decided.is_err() {
            // Silence so far is no failure: the response is committed and goes on as it comes.
            debug!("limit: the response is committed before it shows output");
        }
        match relay.early_fault() {
            Some(fault) => Err(self.refused(fault, head)),
            None => Ok(PendingResponse::Stream {
                head: self.stream_head(head),
                relay,
            }),
        }
    }

    fn transform(&mut self, framing: Framing) -> Box<dyn StreamTransform> {
        let (context, plan) = (self.context, self.plan);
        let client = context.request.protocol;
        let ids = self.unique_ids();
        let ResponseKind::Generate { request, restore } = &mut self.encoded.response_kind else {
            return Box::new(Passthrough::new(
                client,
                context.request.query.text.clone(),
                framing == Framing::Events,
                context.routing.choices,
                self.credential.clone(),
            ));
        };
        let origin = plan.origin();
        let encoder = client.stream_encoder(&response_context(context, request, &origin));
        let decoder = plan.protocol.stream_decoder(&decode_context(context));
        let signatures = SignatureCollector::new(
            context.state.signatures.clone(),
            context.signature_scope(),
            origin,
        );
        Box::new(Translator::new(
            decoder,
            std::mem::take(restore),
            StopSequences::of(request, plan.protocol),
            encoder,
            ids,
            signatures,
            self.credential.clone(),
        ))
    }

    /// A stream for a client that asked for none: some servers always stream.
    async fn fold_stream(
        &mut self,
        head: &Parts,
        body: UpstreamBody,
    ) -> AttemptResult<PendingResponse> {
        let body = self.collect(body).await?;
        if sse::begins_as_events(&body) {
            self.whole_stream(head, body, false)
        } else {
            let mut head = head.clone();
            let json = HeaderValue::from_static("application/json");
            head.headers.insert(CONTENT_TYPE, json);
            self.whole(&head, body, false)
        }
    }

    /// A stream that came whole.
    fn whole_stream(
        &mut self,
        head: &Parts,
        body: Bytes,
        is_stream: bool,
    ) -> AttemptResult<PendingResponse> {
        let Some((request, mut restore)) = self.translation() else {
            return Err(AttemptError::malformed("expected JSON, found a stream"));
        };
        long_work::on_body(body.len(), || {
            let mut whole = self
                .fold(body, &mut restore)
                .map_err(|fault| self.refused(fault, head))?;
            self.stop(&request, &mut whole);
            Ok(if is_stream {
                self.expand(&request, &whole)
            } else {
                self.generated(&request, &whole)
            })
        })
    }

    fn fold(&self, body: Bytes, restore: &mut Restore) -> Result<canon::Response, Fault> {
        let mut decoder = self
            .plan
            .protocol
            .stream_decoder(&decode_context(self.context));
        let mut events = stream_transform::read_all(&mut *decoder, body)?;
        restore.events(&mut events);
        self.unique_ids().events(&mut events);
        let mut fold = Fold::default();
        for mut event in events {
            stream_transform::fail_malformed(&mut event);
            fold.push(event);
        }
        fold.finish()
    }

    async fn full(
        &mut self,
        head: &Parts,
        body: UpstreamBody,
        is_stream: bool,
    ) -> AttemptResult<PendingResponse> {
        let body = self.collect(body).await?;
        // Some servers and proxies name the wrong content type.
        if self.context.request.operation.generates() && sse::begins_as_events(&body) {
            return self.whole_stream(head, body, is_stream);
        }
        self.whole(head, body, is_stream)
    }

    fn whole(
        &mut self,
        head: &Parts,
        body: Bytes,
        is_stream: bool,
    ) -> AttemptResult<PendingResponse> {
        let body = sse::without_bom(body);
        long_work::on_body(body.len(), || self.read_whole(head, body, is_stream))
    }

    fn read_whole(
        &mut self,
        head: &Parts,
        body: Bytes,
        is_stream: bool,
    ) -> AttemptResult<PendingResponse> {
        match &self.encoded.response_kind {
            ResponseKind::Count => return self.counted(head, &body),
            ResponseKind::Embed(embed) => {
                let (pending, losses) = self.embedded(head, &body, embed)?;
                self.add_losses(losses);
                return Ok(pending);
            }
            ResponseKind::Passthrough if !is_stream => return self.pass(head, body),
            ResponseKind::Passthrough | ResponseKind::Generate { .. } => {}
        }
        let Some((request, restore)) = self.translation() else {
            return self.pass(head, body);
        };
        let mut whole = self.decode(body, head)?;
        restore.response(&mut whole);
        self.unique_ids().response(&mut whole);
        self.stop(&request, &mut whole);
        Ok(if is_stream {
            self.expand(&request, &whole)
        } else {
            self.generated(&request, &whole)
        })
    }

    /// What turns the response into the form that the client asked for. A passthrough needs it
    /// where its upstream sent the other form: then both sides are of one dialect.
    fn translation(&mut self) -> Option<Translation> {
        match &mut self.encoded.response_kind {
            ResponseKind::Generate { request, restore } => {
                Some((request.clone(), std::mem::take(restore)))
            }
            ResponseKind::Passthrough if self.context.request.operation.generates() => {
                match self.context.decoded() {
                    Ok(Decoded::Generate(request)) => Some((request, Restore::default())),
                    Ok(Decoded::Embed(_)) | Err(_) => None,
                }
            }
            _ => None,
        }
    }

    fn unique_ids(&self) -> UniqueIds {
        UniqueIds::new(self.plan.protocol.dialect())
    }

    fn decode(&self, body: Bytes, head: &Parts) -> AttemptResult<canon::Response> {
        let whole = self
            .plan
            .protocol
            .decode_response(body, &decode_context(self.context))
            .map_err(|fault| self.refused(fault, head))?;
        let is_malformed = whole
            .choices
            .iter()
            .any(|choice| choice.finish == Some(FinishReason::Malformed));
        if is_malformed {
            Err(self.refused(stream_transform::malformed(), head))
        } else {
            Ok(whole)
        }
    }

    /// Ends the answer at the request's stop sequences, where the upstream did not.
    fn stop(&self, request: &Request, whole: &mut canon::Response) {
        if let Some(stops) = StopSequences::of(request, self.plan.protocol) {
            stops.response(whole);
        }
    }

    /// The upstream's bytes as they came. An error that came with a 200 gets its true status
    /// instead.
    fn pass(&self, head: &Parts, body: Bytes) -> AttemptResult<PendingResponse> {
        let info = self
            .plan
            .protocol
            .body_info(&body)
            .map_err(|error| AttemptError::malformed(&error.why))?;
        if let Some(fault) = info.fault.clone() {
            return Err(self.refused(fault, head));
        }
        Ok(PendingResponse::passed(passed(self.plan, head, body), info))
    }

    fn generated(&mut self, request: &Request, whole: &canon::Response) -> PendingResponse {
        let origin = self.plan.origin();
        self.collect_signatures(whole, &origin);
        let mut losses = Losses::default();
        let context = response_context(self.context, request, &origin);
        let client = self.context.request.protocol;
        let body = client.encode_response(whole, &context, &mut losses);
        self.add_losses(losses);
        PendingResponse::full(json(body), whole.usage)
    }

    /// A whole response as a stream in one piece.
    fn expand(&self, request: &Request, whole: &canon::Response) -> PendingResponse {
        let origin = self.plan.origin();
        self.collect_signatures(whole, &origin);
        let context = response_context(self.context, request, &origin);
        let mut encoder = self.context.request.protocol.stream_encoder(&context);
        let mut out = BytesMut::new();
        for event in &whole.events() {
            encoder.push(event, &mut out);
        }
        encoder.finish(&mut out);
        let response = self.translated_head().map(|()| out.freeze());
        PendingResponse::full(response, whole.usage)
    }

    fn collect_signatures(&self, whole: &canon::Response, origin: &Origin) {
        let signatures = self.context.state.signatures.clone();
        let scope = self.context.signature_scope();
        let mut collector = SignatureCollector::new(signatures, scope, origin.clone());
        for event in &whole.events() {
            collector.note(event);
        }
    }

    fn counted(&self, head: &Parts, body: &Bytes) -> AttemptResult<PendingResponse> {
        let tokens = self
            .plan
            .protocol
            .decode_count(body)
            .map_err(|fault| self.refused(fault, head))?;
        let usage = Usage {
            input: Some(tokens),
            ..Usage::default()
        };
        let body = self.context.request.protocol.encode_count(tokens);
        Ok(PendingResponse::full(json(body), usage))
    }

    fn embedded(
        &self,
        head: &Parts,
        body: &Bytes,
        embed: &Embed,
    ) -> AttemptResult<(PendingResponse, Losses)> {
        let request = self.context.request;
        let codecs = self
            .plan
            .protocol
            .embeddings()
            .zip(request.protocol.embeddings());
        let Some((upstream, client)) = codecs else {
            return Err(AttemptError::of_request(Fault::internal(
                "no embedding codec",
            )));
        };
        let vectors = upstream
            .decode_embeddings(body)
            .map_err(|fault| self.refused(fault, head))?;
        let usage = Usage {
            input: vectors.input_tokens,
            ..Usage::default()
        };
        let mut losses = Losses::default();
        let body = client.encode_embeddings(&vectors, embed, request.operation, &mut losses);
        Ok((PendingResponse::full(json(body), usage), losses))
    }

    /// Adds what the client's dialect cannot say. A refusal here cannot be answered any more.
    fn add_losses(&mut self, losses: Losses) {
        let losses = losses.resolve(self.context.body()).unwrap_or_default();
        self.encoded.losses.extend(losses);
    }

    async fn collect(&self, body: UpstreamBody) -> AttemptResult<Bytes> {
        let limits = &self.context.config.limits;
        let bounds = Bounds {
            bytes_max: limits.answer_body_bytes_max,
            sum_max: limits.bodies_bytes_max,
            first_timeout: limits.answer_timeout,
            idle_timeout: limits.stream_timeouts.idle_timeout,
            total_timeout: limits.answer_timeout,
        };
        collect(body, bounds).await
    }

    fn refused(&self, fault: Fault, head: &Parts) -> Box<AttemptError> {
        AttemptError::refused(&self.plan.endpoint.provider, head, &[], fault)
    }

    fn stream_head(&self, head: &Parts) -> Response<()> {
        match self.encoded.response_kind {
            ResponseKind::Passthrough => passed_head(self.plan, head),
            _ => self.translated_head(),
        }
    }

    fn translated_head(&self) -> Response<()> {
        let request = self.context.request;
        let content_type = request
            .protocol
            .stream_content_type(request.query.text.as_deref());
        let mut response = Response::new(());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

/// Whether a body is compressed. The gateway asks for identity, so that it can read what passes.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn response_context<'a>(
    context: &'a RequestContext<'_>,
    request: &'a Request,
    origin: &'a Origin,
) -> ResponseContext<'a> {
    let client = context.request;
    let since_1970 = client.received_at.duration_since(std::time::UNIX_EPOCH);
    ResponseContext {
        request,
        operation: client.operation,
        query: client.query.text.as_deref(),
        origin,
        request_id: &client.request_id,
        now: since_1970.map_or(0, |since| since.as_secs()),
    }
}

fn decode_context(context: &RequestContext<'_>) -> DecodeContext {
    DecodeContext {
        request_id: context.request.request_id.clone(),
    }
}
