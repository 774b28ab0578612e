//! An answer on its way to the client: whole, or as it comes.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;

use super::plan::Plan;
use super::relay::Relay;
use super::settle::RequestTracker;
use super::{Answer, passthrough};
use crate::canon::{Fault, Usage};
use crate::outcome::Outcome;
use crate::protocol::FrameInfo;
use crate::upstream::BoxError;

/// An answer's body.
pub enum AnswerBody {
    Whole(Bytes),
    Stream(Stream),
}

/// A streamed answer.
pub struct Stream(Box<Relay>);

impl Stream {
    /// Ends the answer with an error in the client's dialect, and lets go of the upstream. An
    /// answer that is over stays as it is.
    pub fn cut(&mut self, fault: Fault) {
        self.0.cut(fault);
    }
}

impl http_body::Body for Stream {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Pin::new(&mut *self.0).poll_frame(context)
    }
}

/// A good answer, not yet given to the client.
#[expect(
    clippy::large_enum_variant,
    reason = "moved a few times per request; a box would cost more"
)]
pub(super) enum PendingResponse {
    /// `stored`: the id of an answer that its provider keeps.
    Whole {
        answer: Answer,
        usage: Usage,
        stored: Option<Box<str>>,
    },
    Stream {
        head: Response<()>,
        relay: Box<Relay>,
    },
}

impl PendingResponse {
    pub(super) fn whole(answer: Answer, usage: Usage) -> Self {
        Self::Whole {
            answer,
            usage,
            stored: None,
        }
    }

    /// The upstream's own answer as it came.
    pub(super) fn passed(answer: Answer, seen: FrameInfo) -> Self {
        Self::Whole {
            answer,
            usage: seen.usage.unwrap_or_default(),
            stored: seen.stored.map(Into::into),
        }
    }

    /// What the answer's head says.
    pub(super) fn headers_mut(&mut self) -> &mut HeaderMap {
        match self {
            Self::Whole { answer, .. } => answer.headers_mut(),
            Self::Stream { head, .. } => head.headers_mut(),
        }
    }

    /// Gives the answer to the client; from here on it settles by itself.
    pub(super) fn commit(self, mut settlement: RequestTracker) -> Answer {
        match self {
            Self::Whole {
                answer,
                usage,
                stored,
            } => {
                settlement.keep(stored.map(Into::into));
                settlement.note(Outcome::Served { usage }, None);
                settlement.finish(answer.status(), usage, None);
                answer
            }
            Self::Stream { head, mut relay } => {
                (settlement.record().status, settlement.record().stream) =
                    (head.status().as_u16(), true);
                relay.commit(settlement);
                head.map(|()| AnswerBody::Stream(Stream(relay)))
            }
        }
    }
}

/// An upstream's answer as it came, with the headers that may go on.
pub(super) fn passed(plan: &Plan, head: &Parts, body: Bytes) -> Answer {
    passed_head(plan, head).map(|()| AnswerBody::Whole(body))
}

pub(super) fn passed_head(plan: &Plan, head: &Parts) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = head.status;
    *response.headers_mut() = passthrough::response_headers(
        &head.headers,
        plan.protocol.descriptor().passthrough_headers.response,
    );
    response
}

/// A 200 with a JSON body.
pub(super) fn json(body: Bytes) -> Answer {
    let mut response = Response::new(AnswerBody::Whole(body));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
