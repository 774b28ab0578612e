//! From an upstream's head to the client's answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::BodyExt as _;

use super::Answer;
use super::attempt::Failure;
use super::pipe::{self, Pipe, Translate, Watch};
use super::plan::{Exchange, Job, Plan, Prepared};
use super::relay::Relay;
use super::settle::Settlement;
use super::signatures::Harvest;
use super::{estimate, passthrough};
use crate::canon::{
    Blame, Embed, Fault, FaultKind, FinishReason, Fold, How, Loss, Losses, Origin, Request, Response as Whole, Usage,
};
use crate::outcome::{Outcome, Stage};
use crate::protocol::names::Restore;
use crate::protocol::{Answering, Ask, Operation};
use crate::provider;
use crate::upstream::{Body as UpstreamBody, BoxError};

/// An answer's body: whole, or as it comes.
pub enum AnswerBody {
    Whole(Bytes),
    Stream(Stream),
}

/// A streamed answer.
pub struct Stream(Box<Relay>);

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut *self.0).poll_frame(context)
    }
}

/// A good answer, not yet given to the client.
pub(super) enum Ready {
    Whole { answer: Answer, usage: Usage },
    Stream { head: Response<()>, relay: Relay },
}

impl Ready {
    /// Gives the answer to the client; from here on it settles by itself.
    pub(super) fn commit(self, mut settlement: Settlement) -> Answer {
        match self {
            Self::Whole { answer, usage } => {
                settlement.note(Outcome::Served { usage });
                settlement.finish(answer.status().as_u16(), usage, None);
                answer
            }
            Self::Stream { head, relay } => {
                settlement.record().status = head.status().as_u16();
                let relay = relay.commit(settlement);
                head.map(|()| AnswerBody::Stream(Stream(Box::new(relay))))
            }
        }
    }
}

/// One attempt whose upstream gave a good head.
pub(super) struct Reading<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) plan: &'a Plan,
    pub(super) prepared: &'a mut Prepared,
}

impl Reading<'_> {
    /// Reads until the answer is whole or shows output.
    ///
    /// # Errors
    /// When the upstream fails before that: another may still be tried.
    pub(super) async fn read(mut self, answer: http::Response<UpstreamBody>) -> Result<Ready, Failure> {
        let is_events = is_type(answer.headers(), "text/event-stream");
        let passes_as_array =
            matches!(self.prepared.exchange, Exchange::Passthrough) && self.job.call.operation == Operation::StreamGenerate;
        match (is_events || passes_as_array, self.is_stream()) {
            (true, true) => self.stream(answer).await,
            (true, false) => self.folded(answer).await,
            (false, is_stream) => self.whole(answer, is_stream).await,
        }
    }

    /// Whether the client gets a stream.
    fn is_stream(&self) -> bool {
        self.job.peek.stream && self.job.call.operation.generates()
    }

    async fn stream(&mut self, answer: http::Response<UpstreamBody>) -> Result<Ready, Failure> {
        let limits = &self.job.setup.limits;
        let (head, body) = answer.into_parts();
        let pipe = self.pipe(is_type(&head.headers, "text/event-stream"));
        let mut relay = Relay::new(body, pipe, limits.pace);
        if tokio::time::timeout(limits.first_event_timeout, relay.until_heard()).await.is_err() {
            return Err(self.failed(late(limits.first_event_timeout), Outcome::TimedOut { stage: Stage::Body }));
        }
        // Silence after the first event is no failure: the answer is committed and goes on as it comes.
        let _ = tokio::time::timeout(limits.hold, relay.until_content()).await;
        match relay.shown().fault.clone() {
            Some(fault) if !relay.shown().is_content => Err(self.failed_as(fault, &head)),
            _ => Ok(Ready::Stream { head: self.stream_head(&head), relay }),
        }
    }

    fn pipe(&mut self, is_events: bool) -> Box<dyn Pipe> {
        let (job, plan) = (self.job, self.plan);
        match &mut self.prepared.exchange {
            Exchange::Generate { request, restore } => {
                let origin = plan.origin();
                let encoder = job.call.protocol.stream_encoder(&ask(job, request, &origin));
                let decoder = plan.protocol.stream_decoder(&answering(job));
                let harvest = Harvest::new(job.gateway.signatures.clone(), origin);
                Box::new(Translate::new(decoder, std::mem::take(restore), encoder, harvest))
            }
            _ => Box::new(Watch::new(job.call.protocol, job.call.query.clone(), is_events)),
        }
    }

    /// A stream for a client that asked for none: some servers always stream.
    async fn folded(&mut self, answer: http::Response<UpstreamBody>) -> Result<Ready, Failure> {
        let (head, body) = answer.into_parts();
        let body = self.collect(body).await?;
        match &mut self.prepared.exchange {
            Exchange::Generate { request, restore } => {
                let (request, mut restore) = (request.clone(), std::mem::take(restore));
                let whole = self.fold(body, &mut restore).map_err(|fault| self.failed_as(fault, &head))?;
                Ok(self.generated(&request, &whole))
            }
            _ => Ok(self.passed(&head, body)),
        }
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

    async fn whole(&mut self, answer: http::Response<UpstreamBody>, is_stream: bool) -> Result<Ready, Failure> {
        let (head, body) = answer.into_parts();
        let body = self.collect(body).await?;
        match &mut self.prepared.exchange {
            Exchange::Passthrough => self.pass_whole(&head, body),
            Exchange::Generate { request, restore } => {
                let (request, restore) = (request.clone(), std::mem::take(restore));
                let mut whole = self.decode(body, &head)?;
                restore.response(&mut whole);
                Ok(if is_stream { self.unfolded(&request, &whole) } else { self.generated(&request, &whole) })
            }
            Exchange::Count => self.counted(&head, &body),
            Exchange::Embed(embed, operation) => {
                let (embed, operation) = (embed.clone(), *operation);
                self.embedded(&head, &body, &embed, operation)
            }
        }
    }

    fn decode(&self, body: Bytes, head: &http::response::Parts) -> Result<Whole, Failure> {
        let decoded = self.plan.protocol.decode_response(body, &answering(self.job));
        let whole = decoded.map_err(|fault| self.failed_as(fault, head))?;
        let is_malformed = whole.choices.iter().any(|choice| choice.finish == Some(FinishReason::Malformed));
        if is_malformed { Err(self.failed_as(pipe::malformed(), head)) } else { Ok(whole) }
    }

    fn pass_whole(&self, head: &http::response::Parts, body: Bytes) -> Result<Ready, Failure> {
        let glimpse = self.plan.protocol.glimpse_body(&body);
        match glimpse.fault {
            Some(fault) => {
                let mut failure = self.failed_as(fault, head);
                failure.original = Some(self.passed_answer(head, body));
                Err(failure)
            }
            None => Ok(Ready::Whole { answer: self.passed_answer(head, body), usage: glimpse.usage.unwrap_or_default() }),
        }
    }

    fn passed(&self, head: &http::response::Parts, body: Bytes) -> Ready {
        let usage = self.plan.protocol.glimpse_body(&body).usage.unwrap_or_default();
        Ready::Whole { answer: self.passed_answer(head, body), usage }
    }

    fn passed_answer(&self, head: &http::response::Parts, body: Bytes) -> Answer {
        passed(self.plan, head, body)
    }

    fn generated(&mut self, request: &Request, whole: &Whole) -> Ready {
        let mut losses = Losses::default();
        let origin = self.plan.origin();
        self.harvest(whole, &origin);
        let body = self.job.call.protocol.encode_response(whole, &ask(self.job, request, &origin), &mut losses);
        self.prepared.losses.extend(losses.resolve(self.job.body()).unwrap_or_default());
        Ready::Whole { answer: json(body), usage: whole.usage }
    }

    /// A whole answer as a stream.
    fn unfolded(&mut self, request: &Request, whole: &Whole) -> Ready {
        let origin = self.plan.origin();
        self.harvest(whole, &origin);
        let mut encoder = self.job.call.protocol.stream_encoder(&ask(self.job, request, &origin));
        let mut out = BytesMut::new();
        whole.events().iter().for_each(|event| encoder.push(event, &mut out));
        encoder.finish(&mut out);
        let head = self.translated_stream_head();
        Ready::Whole { answer: head.map(|()| AnswerBody::Whole(out.freeze())), usage: whole.usage }
    }

    fn harvest(&self, whole: &Whole, origin: &Origin) {
        let mut harvest = Harvest::new(self.job.gateway.signatures.clone(), origin.clone());
        whole.events().iter().for_each(|event| harvest.note(event));
    }

    fn counted(&self, head: &http::response::Parts, body: &Bytes) -> Result<Ready, Failure> {
        let tokens = self.plan.protocol.decode_count(body).map_err(|fault| self.failed_as(fault, head))?;
        let body = self.job.call.protocol.encode_count(tokens);
        Ok(Ready::Whole { answer: json(body), usage: Usage { input: Some(tokens), ..Usage::default() } })
    }

    fn embedded(&self, head: &http::response::Parts, body: &Bytes, embed: &Embed, operation: Operation) -> Result<Ready, Failure> {
        let codecs = self.plan.protocol.embeddings().zip(self.job.call.protocol.embeddings());
        let Some((upstream, client)) = codecs else { return Err(self.failed_as(Fault::internal("no embedding codec"), head)) };
        let vectors = upstream.decode_embeddings(body).map_err(|fault| self.failed_as(fault, head))?;
        let usage = Usage { input: vectors.input_tokens, ..Usage::default() };
        tracing::trace!(?operation, vectors = vectors.vectors.len(), "embedded");
        Ok(Ready::Whole { answer: json(client.encode_embeddings(&vectors, embed, self.job.call.operation)), usage })
    }

    /// Reads a body to its end, within the bounds.
    async fn collect(&self, body: UpstreamBody) -> Result<Bytes, Failure> {
        let limits = &self.job.setup.limits;
        let collected = collect(body, limits.answer_body_bytes_max, limits.pace.idle_timeout).await;
        collected.map_err(|(fault, outcome)| self.failed(fault, outcome))
    }

    fn failed(&self, fault: Fault, outcome: Outcome) -> Failure {
        Failure { fault, outcome, original: None }
    }

    /// A failure that the answer's content told, classified as if its status had.
    fn failed_as(&self, fault: Fault, head: &http::response::Parts) -> Failure {
        let outcome = provider::classify(head.status, &fault, self.job.call.received_at);
        self.failed(fault, outcome)
    }

    fn stream_head(&self, head: &http::response::Parts) -> Response<()> {
        match self.prepared.exchange {
            Exchange::Passthrough => passed_head(self.plan, head),
            _ => self.translated_stream_head(),
        }
    }

    fn translated_stream_head(&self) -> Response<()> {
        let mut response = Response::new(());
        let content_type = self.job.call.protocol.stream_content_type(self.job.call.query.as_deref());
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

impl Plan {
    pub(super) fn origin(&self) -> Origin {
        Origin { dialect: self.protocol.dialect(), provider: self.endpoint.provider.name.clone(), model: self.model.clone() }
    }
}

fn ask<'a>(job: &'a Job<'_>, request: &'a Request, origin: &'a Origin) -> Ask<'a> {
    Ask {
        request,
        operation: job.call.operation,
        query: job.call.query.as_deref(),
        origin,
        request_id: &job.call.request_id,
        now: job.call.received_at.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs()),
    }
}

fn answering(job: &Job<'_>) -> Answering {
    Answering { request_id: job.call.request_id.clone() }
}

/// An estimate in the client's shape, where the upstream has no counter.
pub(super) fn estimated(job: &Job<'_>, request: &Request) -> (Answer, Loss) {
    let loss = Loss { path: "input_tokens".to_owned(), how: How::Adjusted };
    (json(job.call.protocol.encode_count(estimate::tokens(request))), loss)
}

/// An upstream's answer as it came, with the headers that may go on.
pub(super) fn passed(plan: &Plan, head: &http::response::Parts, body: Bytes) -> Answer {
    passed_head(plan, head).map(|()| AnswerBody::Whole(body))
}

fn passed_head(plan: &Plan, head: &http::response::Parts) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    *response.headers_mut() = passthrough::response_headers(&head.headers, plan.protocol.passthrough_headers().response);
    response
}

/// A 200 with a JSON body.
pub(super) fn json(body: Bytes) -> Answer {
    let mut response = Response::new(AnswerBody::Whole(body));
    *response.status_mut() = StatusCode::OK;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Names what was lost: at most [`HEADER_BYTES_MAX`] a header, whole names only.
pub(super) fn loss_headers(losses: &[Loss], headers: &mut HeaderMap) {
    let names = |wanted: fn(How) -> Option<&'static str>| {
        let named = losses.iter().filter_map(|loss| wanted(loss.how).map(|sign| format!("{sign}{}", loss.path)));
        joined(named)
    };
    let dropped = names(|how| (how == How::Dropped).then_some(""));
    let adjusted = names(|how| match how {
        How::Dropped => None,
        How::Adjusted => Some("~"),
        How::Added => Some("+"),
    });
    for (name, value) in [("x-aerostat-dropped", dropped), ("x-aerostat-adjusted", adjusted)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// What a header of names may hold.
const HEADER_BYTES_MAX: usize = 1024;

fn joined(names: impl Iterator<Item = String>) -> Option<String> {
    const MORE: &str = ", ...";
    let mut all = String::new();
    for name in names {
        let name: String =
            name.chars().map(|character| if character.is_ascii_graphic() && character != ',' { character } else { '?' }).collect();
        if all.len() + name.len() + MORE.len() + 2 > HEADER_BYTES_MAX {
            all.push_str(MORE);
            break;
        }
        if !all.is_empty() {
            all.push_str(", ");
        }
        all.push_str(&name);
    }
    (!all.is_empty()).then_some(all)
}

/// Reads a body of at most `bytes_max`, with at most `idle_timeout` between its chunks.
pub(super) async fn collect(mut body: UpstreamBody, bytes_max: usize, idle_timeout: Duration) -> Result<Bytes, (Fault, Outcome)> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    loop {
        let frame = match tokio::time::timeout(idle_timeout, body.frame()).await {
            Err(_) => return Err((late(idle_timeout), Outcome::TimedOut { stage: Stage::Body })),
            Ok(None) => break,
            Ok(Some(Err(_))) => return Err((pipe::broken_off(), Outcome::Unreachable { stage: Stage::Body })),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(chunk) = frame.into_data() else { continue };
        if first.as_ref().map_or(0, Bytes::len) + rest.len() + chunk.len() > bytes_max {
            let message = format!("the upstream's answer is larger than {bytes_max} bytes (`limits.answer_body_bytes_max`)");
            return Err((Fault::upstream(message), Outcome::Garbled));
        }
        // Most answers come in one chunk, which is then the body without a copy.
        match &first {
            None => first = Some(chunk),
            Some(_) => rest.extend_from_slice(&chunk),
        }
    }
    let first = first.unwrap_or_default();
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

pub(super) fn late(after: Duration) -> Fault {
    Fault::new(FaultKind::Timeout, Blame::Provider, format!("the upstream did not answer within {} s", after.as_secs()))
}

fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}
