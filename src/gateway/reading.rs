//! From an upstream's good head to an answer that can be given to the client, or to the failure
//! that hid behind it.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response};

use super::answer::{AnswerBody, PendingResponse, json, passed, passed_head};
use super::body::{Bounds, collect};
use super::failure::{Attempted, Failure};
use super::pipe::{self, Passthrough, StreamTransform, Translator};
use super::plan::{Decoded, Exchange, Plan, Prepared, RequestContext};
use super::relay::Relay;
use super::signatures::SignatureCollector;
use crate::canon::{
    Embed, Fault, FinishReason, Fold, Losses, Origin, Request, Response as Whole, Usage,
};
use crate::protocol::names::Restore;
use crate::protocol::{DecodeContext, MalformedResponse, Operation, ResponseContext};
use crate::upstream::UpstreamBody;

const EVENTS: &str = "text/event-stream";

/// One attempt whose upstream gave a good head.
pub(super) struct Reading<'a> {
    pub(super) job: &'a RequestContext<'a>,
    pub(super) plan: &'a Plan,
    pub(super) prepared: &'a mut Prepared,
}

/// How an upstream's answer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Events,
    /// Gemini's stream without events.
    Array,
    Whole,
}

/// A request and what its answer needs to be turned back.
type Translation = (Arc<Request>, Restore);

impl Reading<'_> {
    /// Reads until the answer is whole or shows output.
    ///
    /// # Errors
    /// When the upstream fails before that: another may still be tried.
    pub(super) async fn read(
        mut self,
        answer: http::Response<UpstreamBody>,
    ) -> Attempted<PendingResponse> {
        let (head, body) = answer.into_parts();
        if is_encoded(&head.headers) {
            return Err(Failure::garbled(
                "it is compressed, and identity was asked for",
            ));
        }
        match (self.form(&head.headers)?, self.is_stream()) {
            (Form::Whole, is_stream) => self.whole(&head, body, is_stream == Some(true)).await,
            (Form::Events, Some(false)) => self.folded(&head, body).await,
            (Form::Array, Some(false)) => Err(Failure::garbled(
                "it is streamed, and one piece was asked for",
            )),
            (form, _) => self.stream(&head, body, form).await,
        }
    }

    /// Whether the client gets a stream. `None`: what the upstream gives is what was asked for.
    fn is_stream(&self) -> Option<bool> {
        self.job
            .stream()
            .map(|is_asked| is_asked && self.job.call.operation.generates())
    }

    /// Servers that stream without saying so are taken at the request's word.
    fn form(&self, headers: &HeaderMap) -> Attempted<Form> {
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let media_type = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match &*media_type {
            EVENTS => Ok(Form::Events),
            "text/html" => Err(Failure::garbled(
                "expected JSON or events, found an HTML page",
            )),
            _ if self.passes_as_array() => Ok(Form::Array),
            "application/json" => Ok(Form::Whole),
            _ if self.is_stream() == Some(true) => Ok(Form::Events),
            _ => Ok(Form::Whole),
        }
    }

    fn passes_as_array(&self) -> bool {
        let (call, exchange) = (self.job.call, &self.prepared.exchange);
        let is_passed = matches!(exchange, Exchange::Passthrough)
            && call.operation == Operation::StreamGenerate;
        is_passed && call.protocol.stream_content_type(call.query.as_deref()) != EVENTS
    }

    async fn stream(
        &mut self,
        head: &Parts,
        body: UpstreamBody,
        form: Form,
    ) -> Attempted<PendingResponse> {
        let limits = &self.job.setup.limits;
        let mut relay = Box::new(Relay::new(body, self.pipe(form), limits.pace));
        // Silence so far is no failure: the answer is committed and goes on as it comes.
        let _ = tokio::time::timeout(limits.hold, relay.until_decided()).await;
        match relay.early_fault() {
            Some(fault) => Err(self.refused(fault, head)),
            None => Ok(PendingResponse::Stream {
                head: self.stream_head(head),
                relay,
            }),
        }
    }

    fn pipe(&mut self, form: Form) -> Box<dyn StreamTransform> {
        let (job, plan) = (self.job, self.plan);
        let Exchange::Generate { request, restore } = &mut self.prepared.exchange else {
            let query = job.call.query.clone();
            return Box::new(Passthrough::new(
                job.call.protocol,
                query,
                form == Form::Events,
                job.peek.choices,
            ));
        };
        let origin = plan.origin();
        let encoder = job
            .call
            .protocol
            .stream_encoder(&ask(job, request, &origin));
        let decoder = plan.protocol.stream_decoder(&answering(job));
        let harvest = SignatureCollector::new(job.gateway.signatures.clone(), origin);
        Box::new(Translator::new(
            decoder,
            std::mem::take(restore),
            encoder,
            harvest,
        ))
    }

    /// A stream for a client that asked for none: some servers always stream.
    async fn folded(&mut self, head: &Parts, body: UpstreamBody) -> Attempted<PendingResponse> {
        let body = self.collect(body).await?;
        let Some((request, mut restore)) = self.translation() else {
            return Err(Failure::garbled("expected JSON, found a stream"));
        };
        let whole = self
            .fold(body, &mut restore)
            .map_err(|fault| self.refused(fault, head))?;
        Ok(self.generated(&request, &whole))
    }

    fn fold(&self, body: Bytes, restore: &mut Restore) -> Result<Whole, Fault> {
        let mut decoder = self.plan.protocol.stream_decoder(&answering(self.job));
        let mut events = pipe::read_all(&mut *decoder, body)?;
        restore.events(&mut events);
        events.iter_mut().for_each(pipe::fail_malformed);
        let mut fold = Fold::default();
        events.into_iter().for_each(|event| fold.push(event));
        fold.finish()
    }

    async fn whole(
        &mut self,
        head: &Parts,
        body: UpstreamBody,
        is_stream: bool,
    ) -> Attempted<PendingResponse> {
        let body = self.collect(body).await?;
        match &self.prepared.exchange {
            Exchange::Count => return self.counted(head, &body),
            Exchange::Embed(embed) => {
                let (ready, losses) = self.embedded(head, &body, embed)?;
                self.prepared
                    .losses
                    .extend(losses.resolve(self.job.body()).unwrap_or_default());
                return Ok(ready);
            }
            Exchange::Passthrough if !is_stream => return self.pass(head, body),
            Exchange::Passthrough | Exchange::Generate { .. } => {}
        }
        let Some((request, restore)) = self.translation() else {
            return self.pass(head, body);
        };
        let mut whole = self.decode(body, head)?;
        restore.response(&mut whole);
        Ok(if is_stream {
            self.unfolded(&request, &whole)
        } else {
            self.generated(&request, &whole)
        })
    }

    /// What turns the answer into the form that the client asked for. A passthrough needs it where
    /// its upstream answered in the other form: then both sides are of one dialect.
    fn translation(&mut self) -> Option<Translation> {
        match &mut self.prepared.exchange {
            Exchange::Generate { request, restore } => {
                Some((request.clone(), std::mem::take(restore)))
            }
            Exchange::Passthrough if self.job.call.operation.generates() => {
                match self.job.decoded() {
                    Ok(Decoded::Generate(request)) => Some((request, Restore::default())),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn decode(&self, body: Bytes, head: &Parts) -> Attempted<Whole> {
        let decoded = self
            .plan
            .protocol
            .decode_response(body, &answering(self.job));
        let whole = decoded.map_err(|fault| self.refused(fault, head))?;
        let is_malformed = whole
            .choices
            .iter()
            .any(|choice| choice.finish == Some(FinishReason::Malformed));
        if is_malformed {
            Err(self.refused(pipe::malformed(), head))
        } else {
            Ok(whole)
        }
    }

    /// The upstream's bytes as they came. An error that came with a 200 gets its true status
    /// instead.
    fn pass(&self, head: &Parts, body: Bytes) -> Attempted<PendingResponse> {
        let glimpse = self
            .plan
            .protocol
            .body_info(&body)
            .map_err(|garbled: MalformedResponse| Failure::garbled(&garbled.why))?;
        match glimpse.fault.clone() {
            Some(fault) => Err(self.refused(fault, head)),
            None => Ok(PendingResponse::passed(
                passed(self.plan, head, body),
                glimpse,
            )),
        }
    }

    fn generated(&mut self, request: &Request, whole: &Whole) -> PendingResponse {
        let mut losses = Losses::default();
        let origin = self.plan.origin();
        self.harvest(whole, &origin);
        let body = self.job.call.protocol.encode_response(
            whole,
            &ask(self.job, request, &origin),
            &mut losses,
        );
        self.prepared
            .losses
            .extend(losses.resolve(self.job.body()).unwrap_or_default());
        PendingResponse::whole(json(body), whole.usage)
    }

    /// A whole answer as a stream.
    fn unfolded(&self, request: &Request, whole: &Whole) -> PendingResponse {
        let origin = self.plan.origin();
        self.harvest(whole, &origin);
        let mut encoder = self
            .job
            .call
            .protocol
            .stream_encoder(&ask(self.job, request, &origin));
        let mut out = BytesMut::new();
        whole
            .events()
            .iter()
            .for_each(|event| encoder.push(event, &mut out));
        encoder.finish(&mut out);
        PendingResponse::whole(
            self.translated_head()
                .map(|()| AnswerBody::Whole(out.freeze())),
            whole.usage,
        )
    }

    fn harvest(&self, whole: &Whole, origin: &Origin) {
        let mut harvest =
            SignatureCollector::new(self.job.gateway.signatures.clone(), origin.clone());
        whole.events().iter().for_each(|event| harvest.note(event));
    }

    fn counted(&self, head: &Parts, body: &Bytes) -> Attempted<PendingResponse> {
        let tokens = self
            .plan
            .protocol
            .decode_count(body)
            .map_err(|fault| self.refused(fault, head))?;
        let body = self.job.call.protocol.encode_count(tokens);
        Ok(PendingResponse::whole(
            json(body),
            Usage {
                input: Some(tokens),
                ..Usage::default()
            },
        ))
    }

    fn embedded(
        &self,
        head: &Parts,
        body: &Bytes,
        embed: &Embed,
    ) -> Attempted<(PendingResponse, Losses)> {
        let codecs = self
            .plan
            .protocol
            .embeddings()
            .zip(self.job.call.protocol.embeddings());
        let (upstream, client) =
            codecs.ok_or_else(|| Failure::of_request(Fault::internal("no embedding codec")))?;
        let vectors = upstream
            .decode_embeddings(body)
            .map_err(|fault| self.refused(fault, head))?;
        let usage = Usage {
            input: vectors.input_tokens,
            ..Usage::default()
        };
        let mut losses = Losses::default();
        let body = client.encode_embeddings(&vectors, embed, self.job.call.operation, &mut losses);
        Ok((PendingResponse::whole(json(body), usage), losses))
    }

    async fn collect(&self, body: UpstreamBody) -> Attempted<Bytes> {
        let limits = &self.job.setup.limits;
        let (first_timeout, idle_timeout) = (limits.answer_timeout, limits.pace.idle_timeout);
        collect(
            body,
            Bounds {
                bytes_max: limits.answer_body_bytes_max,
                first_timeout,
                idle_timeout,
            },
        )
        .await
    }

    fn refused(&self, fault: Fault, head: &Parts) -> Box<Failure> {
        Failure::refused(self.plan, head, &[], fault)
    }

    fn stream_head(&self, head: &Parts) -> Response<()> {
        match self.prepared.exchange {
            Exchange::Passthrough => passed_head(self.plan, head),
            _ => self.translated_head(),
        }
    }

    fn translated_head(&self) -> Response<()> {
        let mut response = Response::new(());
        let content_type = self
            .job
            .call
            .protocol
            .stream_content_type(self.job.call.query.as_deref());
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

/// Whether a body is compressed. None was asked for, so that answers can be observed.
pub(super) fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn ask<'a>(
    job: &'a RequestContext<'_>,
    request: &'a Request,
    origin: &'a Origin,
) -> ResponseContext<'a> {
    ResponseContext {
        request,
        operation: job.call.operation,
        query: job.call.query.as_deref(),
        origin,
        request_id: &job.call.request_id,
        now: job
            .call
            .received_at
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_secs()),
    }
}

fn answering(job: &RequestContext<'_>) -> DecodeContext {
    DecodeContext {
        request_id: job.call.request_id.clone(),
    }
}
