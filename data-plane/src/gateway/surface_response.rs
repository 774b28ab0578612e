//! The answer to a request whose path passes as it is: relayed as it comes, and watched for the
//! objects that it made and for what it counts.
//!
//! A small JSON answer is held until it is whole, so that its objects are known before the client
//! asks for them. Everything else passes at once. Nothing is written again but the address of an
//! upload, which would lead past this gateway.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::response::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, Uri};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::debug;

use super::attempt_error::{AttemptError, AttemptResult, redact_bytes};
use super::passthrough;
use super::peeked_body::PeekedBody;
use super::plan::Plan;
use super::relay::Relay;
use super::request_context::RequestContext;
use super::response::PendingResponse;
use super::stream_transform::{StreamStatus, StreamTransform};
use super::surface::RESPONSE_HEADERS;
use super::surface_fields::{Surface, UPLOAD_ID, find_names};
use crate::account::{AccountName, Credential, Redactor};
use crate::canon::{Fault, Usage};
use crate::json::{Document, Value};
use crate::outcome::{Outcome, Stage};
use crate::pool::{ObjectOwner, Pool};
use crate::protocol::StreamEnd;
use crate::protocol::query::parameter;
use crate::protocol::sse::Frames;
use crate::segmented_bytes::Rest;
use crate::upstream::UpstreamBody;

/// Up to this length a JSON answer is held until it is whole.
const HELD_BYTES_MAX: usize = 1 << 20;

/// Headers whose values are addresses of an upload.
///
/// Source: google-genai 3.6.1, `_api_client.py`; observed with the Gemini Files API.
const UPLOAD_ADDRESSES: [HeaderName; 2] = [
    HeaderName::from_static("x-goog-upload-url"),
    HeaderName::from_static("x-goog-upload-control-url"),
];

/// A good head, and what its body is watched with.
pub(super) struct PassingResponse<'a> {
    pub(super) context: &'a RequestContext<'a>,
    pub(super) plan: &'a Plan,
    pub(super) surface: &'a Surface<'a>,
    pub(super) credential: &'a Arc<Credential>,
    /// Who answered.
    pub(super) account: Option<&'a AccountName>,
}

impl PassingResponse<'_> {
    /// # Errors
    /// When the answer breaks off before any of it could be given to the client, or begins an
    /// upload elsewhere.
    pub(super) async fn read(
        self,
        response: Response<UpstreamBody>,
    ) -> AttemptResult<PendingResponse> {
        let asked_at = Instant::now();
        let (head, body) = response.into_parts();
        let head = self.head(&head)?;
        let watched = Watched {
            form: Form::of(head.headers()),
            makes: self.surface.call.row.makes,
            owner: self.owner(),
            bytes_left: bytes_left(head.headers()),
            pool: self.context.state.pool.clone(),
            credential: self.credential.clone(),
            status: StreamStatus::default(),
        };
        let limits = &self.context.config.limits;
        let body = PeekedBody::from(body);
        let timeouts = limits.stream_timeouts;
        let mut relay = Box::new(Relay::new(body, asked_at, Box::new(watched), timeouts));
        let decided = timeout_at(asked_at + limits.hold, relay.until_decided()).await;
        if decided.is_err() {
            debug!("limit: the response is committed before it shows output");
        }
        match relay.early_fault() {
            Some(fault) => {
                let outcome = Outcome::Unreachable { stage: Stage::Body };
                Err(AttemptError::of_attempt(fault, outcome))
            }
            None => Ok(PendingResponse::Stream { head, relay }),
        }
    }

    fn owner(&self) -> Option<ObjectOwner> {
        Some(ObjectOwner {
            provider: self.plan.provider.to_string(),
            account: self.account?.clone(),
        })
    }

    /// The head as the client gets it.
    fn head(&self, upstream: &Parts) -> AttemptResult<Response<()>> {
        let descriptor = self.plan.protocol.descriptor();
        let lists = [
            descriptor.passthrough_headers.response,
            descriptor.surface.headers.response,
            RESPONSE_HEADERS,
        ]
        .concat();
        let mut response = Response::new(());
        *response.status_mut() = upstream.status;
        let headers = response.headers_mut();
        *headers = passthrough::response_headers(&upstream.headers, &lists);
        // What is looked at may lose a credential that it quotes, and its length with it.
        if let (Form::Opaque, Some(length)) = (
            Form::of(&upstream.headers),
            upstream.headers.get(CONTENT_LENGTH),
        ) {
            headers.insert(CONTENT_LENGTH, length.clone());
        }
        for name in UPLOAD_ADDRESSES {
            if let Some(address) = headers.get(&name) {
                let address = self.own_address(address)?;
                headers.insert(name, address);
            }
        }
        Ok(response)
    }

    /// The upload's address at this gateway. It leads on to the provider's own host only, and to
    /// the account that began the upload.
    fn own_address(&self, address: &HeaderValue) -> AttemptResult<HeaderValue> {
        let elsewhere = || AttemptError::malformed("it begins an upload at another address");
        let uri: Uri = address
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or_else(elsewhere)?;
        if !self.plan.endpoint.provider.base_url.is_origin_of(&uri) {
            return Err(elsewhere());
        }
        let root = self.plan.protocol.descriptor().surface.upload_root;
        let root = format!("/{}/", root.unwrap_or_default());
        // What the provider's base URL says stands before the root, and comes back on the way out.
        let at = uri.path().find(&root).ok_or_else(elsewhere)?;
        let id = parameter(uri.query(), UPLOAD_ID).ok_or_else(elsewhere)?;
        let owner = self.owner().ok_or_else(elsewhere)?;
        self.context.state.pool.note_object(&id, owner);
        let host = self.context.request.headers.get(HOST);
        let host = host
            .and_then(|host| host.to_str().ok())
            .unwrap_or("localhost");
        let own = format!(
            "http://{host}{}?{}",
            &uri.path()[at..],
            uri.query().unwrap_or_default()
        );
        HeaderValue::try_from(own).map_err(|_| elsewhere())
    }
}

/// Waits for the head of a response while the client still sends its request: `limit` counts from
/// the latest bytes of it.
pub(super) async fn while_uploading<T>(
    sending: impl Future<Output = T>,
    rest: &Rest,
    limit: Duration,
) -> Result<T, tokio::time::error::Elapsed> {
    tokio::pin!(sending);
    let mut read_bytes = rest.read_bytes();
    loop {
        let due = Instant::now() + limit;
        tokio::select! {
            biased;
            sent = &mut sending => return Ok(sent),
            () = sleep_until(due) => {}
        }
        if rest.read_bytes() == read_bytes {
            return timeout_at(due, sending).await;
        }
        read_bytes = rest.read_bytes();
    }
}

/// The client's upload ended before it was whole. That is nothing of the account's.
pub(super) fn upload_broke_off() -> Box<AttemptError> {
    let message = "request body: expected all of the upload, found the end of the connection or nothing for too long";
    AttemptError::of_attempt(Fault::bad_request(message), Outcome::Cancelled)
}

/// What a body is, as far as it is looked at.
enum Form {
    /// Held until it is whole, or too long to be.
    Json(BytesMut),
    Events(Box<Frames>),
    Opaque,
}

impl Form {
    fn of(headers: &HeaderMap) -> Self {
        let content_type = headers
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/json" => Self::Json(BytesMut::new()),
            "text/event-stream" => Self::Events(Box::default()),
            _ => Self::Opaque,
        }
    }
}

fn bytes_left(head: &HeaderMap) -> Option<u64> {
    head.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// A body on its way to the client.
struct Watched {
    form: Form,
    /// Members that name what the answering account keeps from now on.
    makes: &'static [&'static str],
    owner: Option<ObjectOwner>,
    /// How many bytes are still to come, where the head says so: with the last of them the answer
    /// is over.
    bytes_left: Option<u64>,
    pool: Pool,
    credential: Arc<Credential>,
    status: StreamStatus,
}

impl Watched {
    /// Reads a whole JSON answer.
    fn note(&mut self, body: &Bytes) {
        let Ok(document) = Document::parse(body.clone()) else {
            return;
        };
        self.status.usage = usage(document.root()).unwrap_or_default();
        let Some(owner) = &self.owner else { return };
        let mut names = Vec::new();
        for member in self.makes {
            let path: Vec<&str> = member.split('.').collect();
            find_names(document.root(), &path, &mut names);
        }
        for name in names {
            self.pool.note_object(&name, owner.clone());
        }
    }

    fn release(&mut self) -> Bytes {
        match std::mem::replace(&mut self.form, Form::Opaque) {
            Form::Json(held) => held.freeze(),
            form => {
                self.form = form;
                Bytes::new()
            }
        }
    }
}

impl StreamTransform for Watched {
    fn push(&mut self, chunk: Bytes) -> Bytes {
        match &mut self.form {
            Form::Json(held) => {
                held.extend_from_slice(&chunk);
                if held.len() <= HELD_BYTES_MAX {
                    return Bytes::new();
                }
                debug!("limit: an answer is too long to be read in passing");
                self.status.is_content = true;
                return self.release();
            }
            Form::Events(frames) => {
                let status = &mut self.status;
                let read = frames.push(chunk.clone(), |frame| {
                    let told = Document::parse(frame.data.clone()).ok();
                    let told = told.and_then(|document| usage(document.root()));
                    if let Some(told) = told {
                        status.usage.update(&told);
                    }
                    Ok(())
                });
                if read.is_err() {
                    debug!("limit: a record is too long to be read; the stream passes unread");
                    self.form = Form::Opaque;
                }
            }
            Form::Opaque => {}
        }
        if let Some(left) = &mut self.bytes_left {
            *left = left.saturating_sub(chunk.len() as u64);
            if *left == 0 {
                self.status.ending = Some(StreamEnd::Clean);
            }
        }
        self.status.is_content |= !chunk.is_empty();
        chunk
    }

    fn end(&mut self) -> Bytes {
        self.status.ending = Some(StreamEnd::Clean);
        let mut body = self.release();
        if !body.is_empty() {
            redact_bytes(&mut body, &Redactor::of(&self.credential));
            self.note(&body);
        }
        body
    }

    fn fail(&mut self, fault: Fault) -> Bytes {
        self.status.ending = Some(StreamEnd::Abort);
        self.status.fault = Some(fault);
        self.release()
    }

    fn keep_alive(&mut self) -> Bytes {
        Bytes::new()
    }

    fn status(&self) -> &StreamStatus {
        &self.status
    }
}

/// Tokens, where an answer tells them under one of the dialects' names.
///
/// Source: OpenAI API reference, images and transcriptions (`usage`, which may count seconds by
/// `"type": "duration"` instead); Gemini API, `usageMetadata`.
fn usage(root: Value<'_>) -> Option<Usage> {
    let told = root
        .get("usage")
        .or_else(|| root.get("response")?.get("usage"))
        .or_else(|| root.get("usageMetadata"))?;
    let count = |names: &[&str]| {
        let count = names.iter().find_map(|name| told.get(name))?;
        count.u64().ok()
    };
    let usage = Usage {
        input: count(&["input_tokens", "prompt_tokens", "promptTokenCount"]),
        output: count(&["output_tokens", "completion_tokens", "candidatesTokenCount"]),
        ..Usage::default()
    };
    (usage != Usage::default()).then_some(usage)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(text: &str) -> Option<(Option<u64>, Option<u64>)> {
        let document = Document::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap();
        usage(document.root()).map(|usage| (usage.input, usage.output))
    }

    #[test]
    fn tokens_are_read_and_seconds_are_none() {
        let tokens = r#"{"data":[],"usage":{"input_tokens":5,"output_tokens":7}}"#;
        assert_eq!(counted(tokens), Some((Some(5), Some(7))));
        let seconds = r#"{"text":"","usage":{"type":"duration","seconds":9}}"#;
        assert_eq!(counted(seconds), None);
        let gemini = r#"{"usageMetadata":{"promptTokenCount":3}}"#;
        assert_eq!(counted(gemini), Some((Some(3), None)));
        assert_eq!(counted("{}"), None);
    }
}
