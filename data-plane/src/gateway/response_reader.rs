//! From an upstream's good head to a response that can be given to the client, or to the error that
//! hid behind it.
//!
//! ```text
//! upstream sent  client asked for  result
//! one body       one body          passed, or decoded and encoded        whole
//! one body       stream            decoded, encoded as events            expand
//! events         one body          decoded, folded, encoded              whole_stream
//! events         stream            a relay with its transform            stream
//! ```
//!
//! What was sent is told by how the body begins; its content type decides where that tells nothing.
//!
//! It never retries, and commits nothing: another attempt may still take its place.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response};
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::attempt_error::{AttemptError, AttemptResult, broken};
use super::long_work;
use super::peeked_body::{BodyForm, PeekedBody};
use super::plan::{EncodedRequest, Plan, ResponseKind};
use super::relay::Relay;
use super::request_context::{Decoded, RequestContext};
use super::response::{PendingResponse, json, passed, passed_head};
use super::response_facts::ResponseFacts;
use super::signatures::SignatureCollector;
use super::stop_sequences::StopSequences;
use super::stream_transform::{self, Passthrough, StreamTransform, Translator};
use super::upstream_body::{Bounds, collect};
use crate::account::Credential;
use crate::canon::{self, Embed, Fault, FinishReason, Fold, Losses, Origin, Request, Usage};
use crate::json::EscapedStr;
use crate::outcome::{Outcome, Stage, Timestamp, since_1970};
use crate::protocol::call_ids::UniqueIds;
use crate::protocol::names::Restore;
use crate::protocol::{DecodeContext, Operation, ResponseContext, sse};
use crate::upstream::UpstreamBody;

const EVENT_STREAM: &str = "text/event-stream";
const JSON: &str = "application/json";

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

/// What a stream goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Route {
    Passthrough(Framing),
    Translation,
    /// One body.
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
        let (mut head, body) = response.into_parts();
        if let Some(coding) = head.headers.get(CONTENT_ENCODING) {
            return Err(AttemptError::malformed(&format!(
                "it is compressed as `{}`, and identity was asked for",
                coding.to_str().unwrap_or("?")
            )));
        }
        let label = self.framing(&head.headers)?;
        match self.is_stream() {
            Some(false) => return self.full(&mut head, body, false).await,
            None if label == Framing::Whole => return self.full(&mut head, body, false).await,
            _ => {}
        }
        let asked_at = Instant::now();
        let mut body = PeekedBody::from(body);
        let limits = &self.context.config.limits;
        let silence_max = limits.hold.min(limits.stream_timeouts.first_event_timeout);
        let form = match timeout_at(asked_at + silence_max, body.peek()).await {
            Ok(Ok(form)) => form,
            Ok(Err(error)) => return Err(self.refused(broken(&error), &head)),
            // The relay judges the silence: it knows since when it lasts.
            Err(_) => BodyForm::Unknown,
        };
        match self.route(form, label) {
            Route::Whole => {
                let is_stream = self.is_stream() == Some(true);
                self.full(&mut head, body.into_body(), is_stream).await
            }
            route => self.stream(&mut head, body, route, asked_at).await,
        }
    }

    /// What the body goes through that begins as `form`.
    fn route(&self, form: BodyForm, label: Framing) -> Route {
        let is_passthrough = matches!(self.encoded.response_kind, ResponseKind::Passthrough);
        let framing = match form {
            BodyForm::Events => Framing::Events,
            BodyForm::Array => Framing::Array,
            // Decoders of streams read objects as well, as they come.
            BodyForm::Object if !is_passthrough && label == Framing::Events => Framing::Events,
            BodyForm::Object => Framing::Whole,
            BodyForm::Unknown => label,
        };
        let expected = if self.passes_as_array() {
            Framing::Array
        } else {
            Framing::Events
        };
        match framing {
            Framing::Whole => Route::Whole,
            framing if is_passthrough && framing == expected => Route::Passthrough(framing),
            _ => Route::Translation,
        }
    }

    /// Whether the client asked for a stream. `None`: the request was not read that far, and what
    /// the upstream sends is what was asked for.
    fn is_stream(&self) -> Option<bool> {
        let is_asked_for = self.context.stream()?;
        Some(is_asked_for && self.context.request.operation.generates())
    }

    /// How the body is framed by its content type. Some servers stream without saying so; then the
    /// request tells.
    fn framing(&self, headers: &HeaderMap) -> AttemptResult<Framing> {
        let is = |expected| has_media_type(headers, expected);
        if is(EVENT_STREAM) {
            Ok(Framing::Events)
        } else if is("text/html") {
            Err(AttemptError::malformed(
                "expected JSON or events, found an HTML page",
            ))
        } else if self.passes_as_array() {
            Ok(Framing::Array)
        } else if !is(JSON) && self.is_stream() == Some(true) {
            Ok(Framing::Events)
        } else {
            Ok(Framing::Whole)
        }
    }

    fn passes_as_array(&self) -> bool {
        let request = self.context.request;
        let is_passed = matches!(self.encoded.response_kind, ResponseKind::Passthrough)
            && request.operation == Operation::StreamGenerate;
        is_passed && self.stream_content_type() != EVENT_STREAM
    }

    /// The content type of a stream as the client asked for it.
    fn stream_content_type(&self) -> &'static str {
        let request = self.context.request;
        let query = request.query.text.as_deref();
        request.protocol.stream_content_type(query)
    }

    async fn stream(
        &mut self,
        head: &mut Parts,
        body: PeekedBody,
        route: Route,
        asked_at: Instant,
    ) -> AttemptResult<PendingResponse> {
        let limits = &self.context.config.limits;
        let transform = self.transform(head, route)?;
        let timeouts = limits.stream_timeouts;
        let mut relay = Box::new(Relay::new(body, asked_at, transform, timeouts));
        let decided = timeout_at(asked_at + limits.hold, relay.until_decided()).await;
        if decided.is_err() {
            // Silence so far is no failure: the response is committed and goes on as it comes.
            debug!("limit: the response is committed before it shows output");
        }
        match relay.early_fault() {
            Some(fault) if relay.is_cut() => {
                let outcome = Outcome::Unreachable { stage: Stage::Body };
                Err(AttemptError::of_attempt(fault, outcome))
            }
            Some(fault) => Err(self.refused(fault, head)),
            None => Ok(PendingResponse::Stream {
                head: self.stream_head(head, route),
                relay,
            }),
        }
    }

    fn transform(&mut self, head: &Parts, route: Route) -> AttemptResult<Box<dyn StreamTransform>> {
        let (context, plan) = (self.context, self.plan);
        let client = context.request.protocol;
        if let Route::Passthrough(framing) = route {
            return Ok(Box::new(Passthrough::new(
                client,
                context.request.query.text.clone(),
                framing == Framing::Events,
                context.routing.choices,
                self.credential.clone(),
            )));
        }
        let Some((request, restore)) = self.translation() else {
            return Err(AttemptError::malformed("it is framed as no answer is"));
        };
        let ids = self.unique_ids(&request);
        let origin = plan.origin();
        let encoder = client.stream_encoder(&response_context(context, &request, &origin));
        let decoder = plan
            .protocol
            .stream_decoder(&decode_context(context, plan, head));
        let signatures = SignatureCollector::new(
            context.state.signatures.clone(),
            context.signature_scope(),
            origin,
        );
        Ok(Box::new(Translator::new(
            decoder,
            restore,
            StopSequences::of(&request, plan.protocol),
            encoder,
            ids,
            signatures,
            self.credential.clone(),
        )))
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
                .fold(head, body, &request, &mut restore)
                .map_err(|fault| self.refused(fault, head))?;
            self.stop(&request, &mut whole);
            if is_stream {
                Ok(self.expand(&request, &whole))
            } else {
                self.generated(head, &request, &whole)
            }
        })
    }

    fn fold(
        &self,
        head: &Parts,
        body: Bytes,
        request: &Arc<Request>,
        restore: &mut Restore,
    ) -> Result<canon::Response, Fault> {
        let mut decoder =
            self.plan
                .protocol
                .stream_decoder(&decode_context(self.context, self.plan, head));
        let mut events = stream_transform::read_all(&mut *decoder, body)?;
        restore.events(&mut events);
        self.unique_ids(request).events(&mut events);
        let mut fold = Fold::default();
        for mut event in events {
            stream_transform::fail_malformed(&mut event);
            fold.push(event);
        }
        fold.finish()
    }

    /// Reads a body to its end. Some servers always stream, and some name the wrong content type.
    async fn full(
        &mut self,
        head: &mut Parts,
        body: UpstreamBody,
        is_stream: bool,
    ) -> AttemptResult<PendingResponse> {
        let body = self.collect(body).await?;
        if self.context.request.operation.generates() && sse::begins_as_events(&body) {
            let is_stream = is_stream || self.context.full_routing().stream == Some(true);
            return self.whole_stream(head, body, is_stream);
        }
        if !has_media_type(&head.headers, JSON) {
            let json = HeaderValue::from_static(JSON);
            head.headers.insert(CONTENT_TYPE, json);
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
            ResponseKind::Passthrough | ResponseKind::Surface | ResponseKind::Generate { .. } => {}
        }
        let Some((request, restore)) = self.translation() else {
            return self.pass(head, body);
        };
        let mut whole = self.decode(body, head)?;
        restore.response(&mut whole);
        self.unique_ids(&request).response(&mut whole);
        self.stop(&request, &mut whole);
        if is_stream {
            Ok(self.expand(&request, &whole))
        } else {
            self.generated(head, &request, &whole)
        }
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

    fn unique_ids(&self, request: &Arc<Request>) -> UniqueIds {
        UniqueIds::new(self.plan.protocol.dialect(), Some(request.clone()))
    }

    fn decode(&self, body: Bytes, head: &Parts) -> AttemptResult<canon::Response> {
        let whole = self
            .plan
            .protocol
            .decode_response(body, &decode_context(self.context, self.plan, head))
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

    fn generated(
        &mut self,
        head: &Parts,
        request: &Request,
        whole: &canon::Response,
    ) -> AttemptResult<PendingResponse> {
        let origin = self.plan.origin();
        self.collect_signatures(whole, &origin);
        let mut losses = Losses::default();
        let context = response_context(self.context, request, &origin);
        let client = self.context.request.protocol;
        let body = client
            .encode_response(whole, &context, &mut losses)
            .map_err(|fault| self.refused(fault, head))?;
        self.add_losses(losses);
        Ok(PendingResponse::Full {
            response: json(body),
            facts: ResponseFacts::of(whole),
        })
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
        PendingResponse::Full {
            response: self.translated_head().map(|()| out.freeze()),
            facts: ResponseFacts::of(whole),
        }
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
        let (provider, now) = (&self.plan.endpoint.provider, self.context.now());
        AttemptError::refused(provider, head, &[], fault, now)
    }

    fn stream_head(&self, head: &mut Parts, route: Route) -> Response<()> {
        if route == Route::Translation {
            return self.translated_head();
        }
        let content_type = self.stream_content_type();
        if !has_media_type(&head.headers, content_type) {
            let content_type = HeaderValue::from_static(content_type);
            head.headers.insert(CONTENT_TYPE, content_type);
        }
        passed_head(self.plan, head)
    }

    fn translated_head(&self) -> Response<()> {
        let content_type = self.stream_content_type();
        let mut response = Response::new(());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

/// Whether the content type is this one, whatever its parameters.
fn has_media_type(headers: &HeaderMap, expected: &str) -> bool {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let (media_type, _) = content_type.split_once(';').unwrap_or((content_type, ""));
    media_type.trim().eq_ignore_ascii_case(expected)
}

fn response_context<'a>(
    context: &'a RequestContext<'_>,
    request: &'a Request,
    origin: &'a Origin,
) -> ResponseContext<'a> {
    let client = context.request;
    ResponseContext {
        request,
        operation: client.operation,
        query: client.query.text.as_deref(),
        origin,
        request_id: &client.request_id,
        received_at: since_1970(client.received_at),
        completed_at: since_1970(Timestamp::now()),
    }
}

fn decode_context(context: &RequestContext<'_>, plan: &Plan, head: &Parts) -> DecodeContext {
    let header = plan.protocol.descriptor().tier_header;
    let tier = header.and_then(|name| head.headers.get(name)?.to_str().ok());
    DecodeContext {
        request_id: context.request.request_id.clone(),
        tier: tier.map(EscapedStr::from),
    }
}
