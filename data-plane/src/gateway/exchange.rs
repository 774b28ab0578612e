//! One attempt on the wire: lease an account, send the request, read the head of the response.
//!
//! It never retries; an error goes back to `attempt`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::response::Parts;
use http::{Method, StatusCode};
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument as _, debug};

use super::attempt_error::{
    AttemptError, AttemptResult, add_retry_after, redact_bytes, redirected,
};
use super::attempts::Attempts;
use super::lease;
use super::plan::{EncodedRequest, Plan, ResponseKind};
use super::request_context::RequestContext;
use super::response::{PendingResponse, passed};
use super::response_reader::ResponseReader;
use super::surface_response::{self, PassingResponse};
use super::upstream_body::{Bounds, collect};
use super::upstream_id;
use crate::account::{BadProxy, Credential, Redactor};
use crate::canon::{Blame, Fault, FaultKind};
use crate::json::{Document, Kind};
use crate::outcome::Stage;
use crate::protocol::sse;
use crate::provider;
use crate::segmented_bytes::SegmentedBytes;
use crate::upstream::{ProxyChoice, UpstreamBody};

/// How much of an upstream's error body is read, and for how long.
const FAULT_BODY_BYTES_MAX: usize = 1024 * 1024;
const FAULT_BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// One attempt of a plan.
pub(super) struct Exchange<'a> {
    pub(super) context: &'a RequestContext<'a>,
    pub(super) plan: &'a Plan,
    pub(super) encoded: &'a mut EncodedRequest,
}

/// A request ready to be sent, and the proxy it goes by.
struct Outgoing {
    request: http::Request<SegmentedBytes>,
    proxy: ProxyChoice,
}

impl Exchange<'_> {
    /// Makes the attempt, up to a response that can be given to the client.
    ///
    /// # Errors
    /// Where no account can be leased, nothing was sent and the error has no outcome. Any later
    /// error is recorded in `attempts`.
    pub(super) async fn run(mut self, attempts: &mut Attempts) -> AttemptResult<PendingResponse> {
        let asked_at = Instant::now();
        let leased = lease::acquire(self.context, self.plan, attempts).await;
        let began_at = Instant::now();
        attempts.add_wait(began_at - asked_at);
        let lease = leased?;
        let request = self
            .outgoing_request(lease.credential())
            .map_err(AttemptError::of_plan)?;
        let proxy = ProxyChoice::of(lease.account())
            .map_err(|bad| AttemptError::of_plan(self.bad_proxy(&bad)))?;
        let credential = lease.credential().clone();
        let span = attempts.begin(self.plan, lease, began_at);
        debug!(parent: &span, waited = ?began_at - asked_at, "account leased");
        attempts.note_sent(&request, &credential);
        let outgoing = Outgoing { request, proxy };
        let mut result = self
            .send_and_read(outgoing, &credential, began_at, attempts)
            .instrument(span)
            .await;
        if let Err(error) = &mut result {
            // Whatever upstreams say of the credential goes no further than this.
            error.redact(&Redactor::of(&credential));
            attempts.fail(error);
        }
        result
    }

    /// The request as it goes out. The encoded bytes are moved: they are sent once.
    fn outgoing_request(
        &mut self,
        credential: &Credential,
    ) -> Result<http::Request<SegmentedBytes>, Fault> {
        let descriptor = self.plan.protocol.descriptor();
        let mut call = provider::OutboundRequest {
            method: Method::POST,
            version: descriptor.version,
            surface: None,
            wire: std::mem::take(&mut self.encoded.wire),
        };
        if self.context.surface.is_some() {
            call.method = self.context.request.method.clone();
            call.surface = Some(descriptor.surface);
        }
        self.plan.endpoint.provider.prepare(call, credential)
    }

    /// The account's proxy URL is invalid. The record says which account.
    fn bad_proxy(&self, bad: &BadProxy) -> Fault {
        let message = format!(
            "provider `{}`: an account's proxy cannot be used: {bad}",
            self.plan.endpoint.provider.name
        );
        Fault::new(FaultKind::UpstreamAuth, Blame::Account, message)
    }

    async fn send_and_read(
        self,
        outgoing: Outgoing,
        credential: &Arc<Credential>,
        began_at: Instant,
        attempts: &mut Attempts,
    ) -> AttemptResult<PendingResponse> {
        let response = self.send(outgoing, began_at).await?;
        debug!(
            status = response.status().as_u16(),
            "upstream sent its head"
        );
        let upstream_id = upstream_id::read(response.headers(), credential);
        attempts.set_head(response.status(), upstream_id);
        let readings = provider::readings(response.headers(), || self.context.now());
        attempts.set_readings(readings);
        let response = attempts.watch_body(response);
        if !response.status().is_success() {
            return Err(self.refused(response, credential).await);
        }
        if let Some(surface) = &self.context.surface {
            let passing = PassingResponse {
                context: self.context,
                plan: self.plan,
                surface,
                credential,
                account: attempts.last_account(),
            };
            return passing.read(response).await;
        }
        let reader = ResponseReader {
            context: self.context,
            plan: self.plan,
            encoded: self.encoded,
            credential,
        };
        reader.read(response).await
    }

    async fn send(
        &self,
        outgoing: Outgoing,
        began_at: Instant,
    ) -> AttemptResult<http::Response<UpstreamBody>> {
        let is_stream = self.context.stream().unwrap_or(false);
        let limit = self.context.config.limits.head_timeout(is_stream);
        let upstream = &self.plan.endpoint.upstream;
        let rest = outgoing.request.body().rest().cloned();
        let sending = upstream.send(outgoing.request, &outgoing.proxy);
        let sent = match &rest {
            None => timeout_at(began_at + limit, sending).await,
            Some(rest) => surface_response::while_uploading(sending, rest, limit).await,
        };
        match sent {
            Err(_) | Ok(Err(_)) if rest.as_ref().is_some_and(|rest| rest.has_failed()) => {
                Err(surface_response::upload_broke_off())
            }
            Err(_) => Err(AttemptError::timed_out(limit, Stage::Head)),
            Ok(Err(error)) => Err(AttemptError::unreachable(&error)),
            Ok(Ok(response)) => Ok(response),
        }
    }

    /// Reads an error response. A client of the same dialect gets it as it came, unless it is about
    /// the account's credential or no API's error.
    async fn refused(
        &self,
        response: http::Response<UpstreamBody>,
        credential: &Credential,
    ) -> Box<AttemptError> {
        let provider = &self.plan.endpoint.provider;
        let (mut head, body) = response.into_parts();
        if head.status.is_redirection() {
            let fault = redirected(&provider.name);
            return AttemptError::refused(provider, &head, &[], fault, self.context.now());
        }
        let mut body = if head.headers.contains_key(CONTENT_ENCODING) {
            Bytes::new()
        } else {
            sse::without_bom(error_body(body).await)
        };
        // Before it is read: messages are cut, and half a credential would no longer be found.
        let redactor = Redactor::of(credential);
        redactor.headers(&mut head.headers);
        redact_bytes(&mut body, &redactor);
        let protocol = self.plan.protocol;
        let fault = protocol.decode_fault(head.status, &head.headers, &body);
        let now = self.context.now();
        let mut error = AttemptError::refused(provider, &head, &body, fault, now);
        let is_passthrough = matches!(
            self.encoded.response_kind,
            ResponseKind::Passthrough | ResponseKind::Surface
        );
        if is_passthrough && error.may_be_quoted() {
            self.quote(&mut error, &head, body);
        }
        error
    }

    /// Keeps an error response for a client of the same dialect: as it came, or of a page that
    /// something in front of the API wrote the status alone.
    fn quote(&self, error: &mut AttemptError, head: &Parts, body: Bytes) {
        if is_json(&body) {
            let mut original = passed(self.plan, head, body);
            add_retry_after(original.headers_mut(), &error.fault);
            error.original = Some(original);
        } else if !matches!(
            head.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            // On these two, clients would discard their own key.
            error.status = Some(head.status);
        }
    }
}

/// Whether an error's body is one that an API writes: an object, or Gemini's list of one.
fn is_json(body: &Bytes) -> bool {
    Document::parse(body.clone())
        .is_ok_and(|document| matches!(document.root().kind(), Kind::Object | Kind::Array))
}

/// An error's body; empty where it cannot be read, since the status says enough.
async fn error_body(body: UpstreamBody) -> Bytes {
    let bounds = Bounds {
        bytes_max: FAULT_BODY_BYTES_MAX,
        sum_max: usize::MAX,
        first_timeout: FAULT_BODY_TIMEOUT,
        idle_timeout: FAULT_BODY_TIMEOUT,
        total_timeout: FAULT_BODY_TIMEOUT,
    };
    collect(body, bounds).await.unwrap_or_default()
}
