//! An upstream's body whose beginning was looked at: it tells the body's form, where servers and
//! proxies name the wrong content type.
//!
//! It reads no further than that, and changes nothing but a byte order mark.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty};

use crate::protocol::sse;
use crate::upstream::{BoxError, UpstreamBody};

/// How much white space may stand in front before a body is taken for what it is labelled as.
const BLANK_BYTES_MAX: usize = 4 * 1024;

/// How a body begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyForm {
    Events,
    Object,
    Array,
    /// Nothing came that tells.
    Unknown,
}

/// A body, and what of it has been read.
pub(super) struct PeekedBody {
    pub(super) first: Bytes,
    pub(super) rest: UpstreamBody,
}

impl From<UpstreamBody> for PeekedBody {
    fn from(rest: UpstreamBody) -> Self {
        Self {
            first: Bytes::new(),
            rest,
        }
    }
}

impl PeekedBody {
    /// Reads until the body shows its form.
    ///
    /// # Errors
    /// When the body breaks off before.
    ///
    /// Cancel safe: what was read is kept.
    pub(super) async fn peek(&mut self) -> Result<BodyForm, BoxError> {
        loop {
            if let Some(form) = form_of(&self.first) {
                self.first = sse::without_bom(std::mem::take(&mut self.first));
                return Ok(form);
            }
            match self.rest.frame().await {
                // Anything but data is a trailer.
                Some(frame) => self.add(frame?.into_data().unwrap_or_default()),
                None => {
                    self.rest = Box::pin(Empty::new().map_err(|never| match never {}));
                    return Ok(BodyForm::Unknown);
                }
            }
        }
    }

    fn add(&mut self, chunk: Bytes) {
        if self.first.is_empty() {
            self.first = chunk;
            return;
        }
        let mut first = BytesMut::from(std::mem::take(&mut self.first));
        first.extend_from_slice(&chunk);
        self.first = first.freeze();
    }

    /// The whole body again.
    pub(super) fn into_body(self) -> UpstreamBody {
        if self.first.is_empty() {
            self.rest
        } else {
            Box::pin(self)
        }
    }
}

impl http_body::Body for PeekedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.first.is_empty() {
            return self.rest.as_mut().poll_frame(context);
        }
        let first = std::mem::take(&mut self.first);
        Poll::Ready(Some(Ok(Frame::data(first))))
    }
}

/// The form of a body that begins so; `None` where more must come first.
fn form_of(beginning: &[u8]) -> Option<BodyForm> {
    if sse::begins_as_events(beginning) {
        return Some(BodyForm::Events);
    }
    match sse::trim_start(beginning) {
        [b'{', ..] => Some(BodyForm::Object),
        [b'[', ..] => Some(BodyForm::Array),
        text if sse::may_become_events(text) && beginning.len() < BLANK_BYTES_MAX => None,
        _ => Some(BodyForm::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::StreamBody;

    use super::*;

    fn body(chunks: &[&'static str]) -> PeekedBody {
        let frames: Vec<_> = chunks
            .iter()
            .map(|chunk| Ok::<_, BoxError>(Frame::data(Bytes::from(*chunk))))
            .collect();
        let body: UpstreamBody = Box::pin(StreamBody::new(futures_util::stream::iter(frames)));
        body.into()
    }

    #[tokio::test]
    async fn the_first_bytes_tell_the_form_and_all_come_again() {
        use BodyForm::{Array, Events, Object, Unknown};
        for (text, form) in [
            ("data: {}\n\n", Events),
            ("\u{feff}: hi\n\n", Events),
            ("\r\nevent: a\n\n", Events),
            ("{}", Object),
            (" \n\u{feff}{}", Unknown),
            ("\u{feff}\n{}", Object),
            ("[{}]", Array),
            ("<html>", Unknown),
            ("dat", Unknown),
            ("", Unknown),
        ] {
            for at in 0..text.len() {
                let Some((head, rest)) = text.split_at_checked(at) else {
                    continue;
                };
                let mut peeked = body(&[head, rest]);
                assert_eq!(peeked.peek().await.unwrap(), form, "{text:?} cut at {at}");
                let whole = peeked.into_body().collect().await.unwrap().to_bytes();
                let expected = text.strip_prefix('\u{feff}').unwrap_or(text);
                assert_eq!(whole, expected, "{text:?} cut at {at}");
            }
        }
    }

    #[tokio::test]
    async fn white_space_without_end_tells_nothing() {
        let blank: &'static str = " ".repeat(BLANK_BYTES_MAX).leak();
        assert_eq!(
            body(&[blank, "{}"]).peek().await.unwrap(),
            BodyForm::Unknown
        );
    }
}
