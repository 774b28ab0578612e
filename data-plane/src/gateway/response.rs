//! A response on its way to the client: whole, or as it comes; and the error where there is none.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tokio_util::sync::CancellationToken;

use super::passthrough;
use super::plan::Plan;
use super::relay::Relay;
use super::request_tracker::RequestTracker;
use super::response_facts::ResponseFacts;
use crate::canon::{Fault, Usage};
use crate::protocol::FrameInfo;

/// A response with the head that the client gets, apart from what the server adds to all of them.
pub type GatewayResponse = Response<GatewayBody>;

pub enum GatewayBody {
    Full(Bytes),
    Stream(Box<Relay>),
}

/// A request that could not be served. The server renders the fault in the client's dialect.
pub struct GatewayError {
    pub fault: Fault,
    /// The status of the response, where it is not the one that the dialect has for the fault.
    pub status: Option<StatusCode>,
    /// `None` where its record is closed already.
    tracker: Option<RequestTracker>,
}

impl GatewayError {
    pub(super) fn tracked(
        fault: Fault,
        status: Option<StatusCode>,
        tracker: RequestTracker,
    ) -> Self {
        Self {
            fault,
            status,
            tracker: Some(tracker),
        }
    }

    /// Completes the rendered error response's head, and records the request with it.
    pub fn finish(self, response: &mut Response<Bytes>) {
        if let Some(mut tracker) = self.tracker {
            tracker.write_headers(response.headers_mut());
            tracker.note_response(response);
            let bytes_out = response.body().len() as u64;
            tracker.finish_with_fault(response.status(), &self.fault, bytes_out);
        }
    }
}

impl From<Fault> for Box<GatewayError> {
    fn from(fault: Fault) -> Self {
        Self::new(GatewayError {
            fault,
            status: None,
            tracker: None,
        })
    }
}

/// A good response that is not given to the client yet.
#[expect(
    clippy::large_enum_variant,
    reason = "moved a few times per request; a box would cost more"
)]
pub(super) enum PendingResponse {
    Full {
        response: Response<Bytes>,
        facts: ResponseFacts,
    },
    Stream {
        head: Response<()>,
        relay: Box<Relay>,
    },
}

impl PendingResponse {
    pub(super) fn full(response: Response<Bytes>, usage: Usage) -> Self {
        let facts = ResponseFacts {
            usage,
            ..ResponseFacts::default()
        };
        Self::Full { response, facts }
    }

    /// The upstream's own response, with what was read from it in passing.
    pub(super) fn passed(response: Response<Bytes>, info: FrameInfo) -> Self {
        let facts = ResponseFacts {
            usage: info.usage.unwrap_or_default(),
            finish: info.finish,
            tier: info.tier,
            stored: info.stored.map(Into::into),
        };
        Self::Full { response, facts }
    }

    pub(super) fn headers_mut(&mut self) -> &mut HeaderMap {
        match self {
            Self::Full { response, .. } => response.headers_mut(),
            Self::Stream { head, .. } => head.headers_mut(),
        }
    }

    /// Gives the response to the client. A whole one is recorded now, a stream when it ends.
    pub(super) fn commit(
        self,
        mut tracker: RequestTracker,
        shutdown: &CancellationToken,
    ) -> GatewayResponse {
        match self {
            Self::Full { response, facts } => {
                tracker.note_response(&response);
                let bytes_out = response.body().len() as u64;
                tracker.finish_full(response.status(), facts, bytes_out);
                response.map(GatewayBody::Full)
            }
            Self::Stream { head, mut relay } => {
                tracker.start_stream(&head);
                relay.commit(tracker, shutdown.clone());
                head.map(|()| GatewayBody::Stream(relay))
            }
        }
    }
}

/// An upstream's response as it came, with the headers that may pass.
pub(super) fn passed(plan: &Plan, head: &Parts, body: Bytes) -> Response<Bytes> {
    passed_head(plan, head).map(|()| body)
}

pub(super) fn passed_head(plan: &Plan, head: &Parts) -> Response<()> {
    let allowed = plan.protocol.descriptor().passthrough_headers.response;
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    *response.headers_mut() = passthrough::response_headers(&head.headers, allowed);
    response
}

/// A 200 with a JSON body.
pub(super) fn json(body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
