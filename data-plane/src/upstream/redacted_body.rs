//! Takes a proxy's password out of an error that the proxy itself may have written: it reads the
//! password with each plain HTTP request that it forwards.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::Response;
use http_body::Frame;

use super::{BoxError, UpstreamBody};
use crate::account::{Redactor, Secret};

/// An error response without the password, at any chunk border.
pub(super) fn redact(
    response: Response<UpstreamBody>,
    password: &Secret,
) -> Response<UpstreamBody> {
    if response.status().as_u16() < 400 {
        return response;
    }
    let redactor = Redactor::of_secrets(&[password]);
    let (mut head, body) = response.into_parts();
    redactor.headers(&mut head.headers);
    // The body may become longer.
    head.headers.remove(http::header::CONTENT_LENGTH);
    let body = RedactedBody {
        inner: Some(body),
        redactor,
        held: BytesMut::new(),
    };
    Response::from_parts(head, Box::pin(body))
}

struct RedactedBody {
    /// `None` once it has ended.
    inner: Option<UpstreamBody>,
    redactor: Redactor,
    /// What may be the beginning of a value.
    held: BytesMut,
}

impl http_body::Body for RedactedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let Self {
            inner,
            redactor,
            held,
        } = &mut *self;
        let Some(body) = inner else {
            return Poll::Ready(None);
        };
        loop {
            match ready!(body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Trailers say nothing here.
                    if let Ok(chunk) = frame.into_data() {
                        held.extend_from_slice(&chunk);
                    }
                    let clean = redactor.release(held);
                    if !clean.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(clean))));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    *inner = None;
                    let rest = redactor.bytes(held).into_owned();
                    let last = (!rest.is_empty()).then(|| Ok(Frame::data(rest.into())));
                    return Poll::Ready(last);
                }
            }
        }
    }
}
