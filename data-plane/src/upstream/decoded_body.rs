//! An upstream's body without the content coding that it came in: identity was asked for, and some
//! servers and proxies compress all the same.
//!
//! A body without coding is not wrapped. What an encoder flushed is given at once, so that streams
//! keep flowing (but for zstd, see [`crate::content_coding`]).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body::Frame;
use tracing::debug;

use super::{BoxError, UpstreamBody};
use crate::content_coding::{self, Coding, CodingError, Decoder};

/// How many coded bytes are decoded at a time. They give a thousand times as much at the most, in
/// gzip and deflate.
const STEP_BYTES: usize = 4 * 1024;

/// What one step may give; more is an attack on our memory.
const STEP_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many bytes are decoded before the thread's other work gets its turn.
const TURN_BYTES: usize = 256 * 1024;

/// Takes the content coding off a response: off its body, and off its headers. One in an unknown
/// coding stays as it is, and says so.
pub(super) fn decode(response: Response<UpstreamBody>) -> Response<UpstreamBody> {
    if !response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let Ok(codings) = content_coding::codings(response.headers()) else {
        return response;
    };
    let (mut head, body) = response.into_parts();
    head.headers.remove(CONTENT_ENCODING);
    if codings.is_empty() {
        return Response::from_parts(head, body);
    }
    debug!(?codings, "the upstream compressed its answer unasked");
    head.headers.remove(CONTENT_LENGTH);
    let decoded = DecodedBody {
        body,
        state: State::NotBegun(codings),
        coded: Bytes::new(),
        since_turn: 0,
    };
    Response::from_parts(head, Box::pin(decoded))
}

struct DecodedBody {
    body: UpstreamBody,
    state: State,
    /// What came and is not decoded yet.
    coded: Bytes,
    /// How many bytes were decoded since another task had its turn.
    since_turn: usize,
}

enum State {
    NotBegun(Vec<Coding>),
    Decoding(Decoder),
    /// All has come.
    Draining(Decoder),
    /// The body is not coded, whatever its header says.
    Plain,
    Over,
}

impl DecodedBody {
    /// The next bytes of what has come; `None` where more must come first.
    fn step(&mut self) -> Result<Option<Bytes>, CodingError> {
        if let State::Draining(decoder) = &mut self.state {
            return match decoder.drain(STEP_BYTES_MAX) {
                // That the body is whole is known from HTTP's own framing: some encoders of streams
                // never write their end.
                Err(CodingError::Cut(coding)) => {
                    debug!(coding, "the coded body lacks its end");
                    Ok(None)
                }
                drained => drained.map(|drained| drained.map(Bytes::from)),
            };
        }
        let Some(first) = self.coded.first() else {
            return Ok(None);
        };
        if let State::NotBegun(codings) = &self.state {
            self.state = if content_coding::may_begin_with(codings, *first) {
                State::Decoding(Decoder::new(codings))
            } else {
                State::Plain
            };
        }
        match &mut self.state {
            State::Decoding(decoder) => {
                let step = self.coded.split_to(STEP_BYTES.min(self.coded.len()));
                let decoded = decoder.push(&step, STEP_BYTES_MAX)?;
                Ok(Some(decoded.into()))
            }
            _ => Ok(Some(std::mem::take(&mut self.coded))),
        }
    }

    /// The body's own end: what only that decodes is due.
    fn end(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Decoding(mut decoder) => {
                decoder.end();
                State::Draining(decoder)
            }
            _ => State::Over,
        };
    }

    /// Whether other tasks are to run first. They run once the task is polled again.
    fn gives_way(&mut self, context: &Context<'_>) -> bool {
        let is_due = self.since_turn >= TURN_BYTES;
        if is_due {
            self.since_turn = 0;
            context.waker().wake_by_ref();
        }
        is_due
    }
}

impl http_body::Body for DecodedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.gives_way(context) {
            return Poll::Pending;
        }
        loop {
            match self.step() {
                // Also where nothing could be decoded yet: it tells that something came.
                Ok(Some(decoded)) => {
                    self.since_turn += decoded.len();
                    return Poll::Ready(Some(Ok(Frame::data(decoded))));
                }
                Ok(None) if matches!(self.state, State::Draining(_) | State::Over) => {
                    self.state = State::Over;
                    return Poll::Ready(None);
                }
                Ok(None) => {}
                Err(error) => {
                    self.state = State::Over;
                    self.coded.clear();
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
            match ready!(self.body.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => self.coded = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => {
                    self.state = State::Over;
                    return Poll::Ready(Some(Err(error)));
                }
                None => self.end(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};
    use http_body_util::{BodyExt as _, StreamBody};
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn body(chunks: Vec<Vec<u8>>) -> UpstreamBody {
        let frames = chunks
            .into_iter()
            .map(|chunk| Ok::<_, BoxError>(Frame::data(Bytes::from(chunk))));
        Box::pin(StreamBody::new(futures_util::stream::iter(frames)))
    }

    fn decoded(coding: &'static str, chunks: Vec<Vec<u8>>) -> UpstreamBody {
        let response = Response::builder()
            .header(CONTENT_ENCODING, coding)
            .header(CONTENT_LENGTH, "9")
            .body(body(chunks))
            .unwrap();
        let (head, body) = decode(response).into_parts();
        assert!(head.headers.is_empty());
        body
    }

    async fn read(body: UpstreamBody) -> Result<Bytes, BoxError> {
        body.collect().await.map(|body| body.to_bytes())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Each event as its encoder flushed it, without the end that the encoder would write.
    fn flushed(events: &[&str]) -> Vec<Vec<u8>> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        let flush = |event: &&str| {
            encoder.write_all(event.as_bytes()).unwrap();
            encoder.flush().unwrap();
            std::mem::take(encoder.get_mut())
        };
        events.iter().map(flush).collect()
    }

    #[tokio::test]
    async fn what_an_encoder_flushed_is_given_at_once() {
        let events = ["data: 1\n\n", "data: 2\n\n"];
        let mut body = decoded("deflate", flushed(&events));
        for event in events {
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), event);
        }
        assert!(body.frame().await.is_none(), "its missing end is no fault");
    }

    #[tokio::test]
    async fn any_cut_decodes_to_the_same() {
        let coded = gzip(b"{\"a\":1}");
        for at in 0..coded.len() {
            let (head, rest) = coded.split_at(at);
            let body = decoded("gzip", vec![head.to_vec(), rest.to_vec()]);
            assert_eq!(read(body).await.unwrap(), "{\"a\":1}", "cut at {at}");
        }
    }

    #[tokio::test]
    async fn a_body_that_a_proxy_unpacked_passes_as_it_is() {
        for coding in ["gzip", "zstd"] {
            let body = decoded(coding, vec![b"{".to_vec(), b"}".to_vec()]);
            assert_eq!(read(body).await.unwrap(), "{}");
        }
    }

    #[tokio::test]
    async fn a_body_without_coding_is_not_wrapped() {
        let plain = body(vec![b"x".to_vec()]);
        let address = std::ptr::from_ref(&*plain).cast::<u8>();
        let response = decode(Response::new(plain));
        let body = std::ptr::from_ref(&**response.body()).cast::<u8>();
        assert_eq!(body, address);
    }

    #[tokio::test]
    async fn what_does_not_unpack_is_an_error_and_the_end() {
        let header = b"\x1f\x8b\x08\0\0\0\0\0\0\xff";
        let nothing = [&header[..], b"\xff\xff\xff\xff"].concat();
        let mut body = decoded("gzip", vec![nothing, b"more".to_vec()]);
        let error = body.frame().await.unwrap().unwrap_err();
        assert!(error.is::<CodingError>(), "{error}");
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn zstd_is_read_at_its_end() {
        let frame = |text: &str| compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
        let long = "x".repeat(3 * TURN_BYTES);
        let body = decoded("zstd", vec![frame("{"), frame(&long), frame("}")]);
        let text = read(body).await.unwrap();
        assert_eq!(text, format!("{{{long}}}"));
    }

    #[tokio::test]
    async fn what_one_step_gives_is_bounded() {
        let zeros = vec![0; STEP_BYTES_MAX];
        let twice = gzip(&gzip(&zeros.repeat(8)));
        assert!(twice.len() < STEP_BYTES, "{}", twice.len());
        assert!(read(decoded("gzip, gzip", vec![twice])).await.is_err());
        let once = read(decoded("gzip", vec![gzip(&zeros)])).await.unwrap();
        assert_eq!(once.len(), zeros.len());
    }
}
