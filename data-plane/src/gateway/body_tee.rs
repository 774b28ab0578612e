//! An upstream's body of which a copy is kept as it is read. Where no bodies are kept there is none
//! of these.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::record::bodies::BodyPart;
use crate::upstream::{BoxError, UpstreamBody};

struct BodyTee {
    inner: UpstreamBody,
    part: BodyPart,
}

/// The body, whose bytes go into `part` as well.
pub(super) fn copied(inner: UpstreamBody, part: BodyPart) -> UpstreamBody {
    Box::pin(BodyTee { inner, part })
}

impl http_body::Body for BodyTee {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.inner.as_mut().poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(bytes) = frame.data_ref()
        {
            self.part.lock().push(bytes);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
