//! Bodies: what handlers answer with, and how a request's is read. It looks at lengths and codings,
//! never at what a body says.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::future::poll_immediate;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;

use super::{ListenerLimits, coding};
use crate::canon::{Blame, Fault, FaultKind};
use crate::segmented_bytes::SegmentedBytes;

pub type BoxError = Box<dyn Error + Send + Sync>;

/// The body of an answer: bytes at hand, or a stream.
///
/// An error in a stream cuts the connection without the final chunk, so that the client sees that
/// the answer broke off. Once the client has left, the body is dropped.
pub struct ResponseBody(Content);

enum Content {
    Full(Bytes),
    Stream(Pin<Box<BodyStream>>),
}

type BodyStream = dyn http_body::Body<Data = Bytes, Error = BoxError> + Send;

impl ResponseBody {
    pub fn empty() -> Self {
        Self(Content::Full(Bytes::new()))
    }

    /// A body as it comes. It is boxed by the caller, and not wrapped again.
    pub fn stream(body: Pin<Box<BodyStream>>) -> Self {
        Self(Content::Stream(body))
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Full(bytes) => f.debug_tuple("Full").field(bytes).finish(),
            Content::Stream(_) => f.debug_tuple("Stream").finish_non_exhaustive(),
        }
    }
}

impl<T: Into<Bytes>> From<T> for ResponseBody {
    fn from(bytes: T) -> Self {
        Self(Content::Full(bytes.into()))
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Content::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::Stream(stream) => stream.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Full(bytes) => bytes.is_empty(),
            Content::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream(stream) => stream.size_hint(),
        }
    }
}

/// From which length on a chunk is kept as it came. Smaller ones are copied together: each kept one
/// holds memory of its own.
const PIECE_BYTES_MIN: usize = 16 * 1024;

/// Reads a request's body to its end, and undoes its `Content-Encoding`. A large one stays in the
/// pieces that it came in.
///
/// # Errors
/// `UnsupportedMediaType` for an unknown coding and `TooLarge` for an announced length, both before
/// anything is read; `TooLarge` as soon as more comes or unpacks than allowed, `RequestTimeout`
/// when nothing comes for a while, `BadRequest` for a body that breaks off, is badly chunked, or
/// does not unpack.
pub async fn collect<B>(
    body: B,
    headers: &HeaderMap,
    limits: &ListenerLimits,
) -> Result<SegmentedBytes, Fault>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let codings = coding::codings(headers)?;
    let encoded = read(pin!(body), limits).await?;
    if codings.is_empty() || encoded.is_empty() {
        return Ok(encoded);
    }
    // A few bytes can unpack to the whole limit, so the size says nothing about the work.
    let bytes_max = limits.request_body_bytes_max;
    let unpacked = tokio::task::spawn_blocking(move || {
        coding::decode(encoded.whole().clone(), &codings, bytes_max)
    });
    let unpacked = unpacked
        .await
        .map_err(|_| Fault::internal("gateway: unpacking the request body was interrupted"))?;
    unpacked.map(SegmentedBytes::from)
}

async fn read<B>(mut body: Pin<&mut B>, limits: &ListenerLimits) -> Result<SegmentedBytes, Fault>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let bytes_max = limits.request_body_bytes_max;
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Err(too_large(bytes_max));
    }
    let Some(first) = next_chunk(&mut body, limits).await? else {
        return Ok(SegmentedBytes::default());
    };
    if body.is_end_stream() && first.len() <= bytes_max {
        return Ok(first.into());
    }
    let (mut read, mut chunk) = (Gathered::expecting(announced), Some(first));
    while let Some(bytes) = chunk {
        if read.len + bytes.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        read.push(bytes);
        chunk = next_chunk(&mut body, limits).await?;
    }
    Ok(read.finish())
}

/// What was read of a body.
struct Gathered {
    pieces: SegmentedBytes,
    /// Small chunks that will be one piece.
    open: BytesMut,
    len: usize,
}

impl Gathered {
    /// `announced`: how many bytes are sure to come.
    fn expecting(announced: usize) -> Self {
        // A larger body comes in larger chunks, which are not copied.
        let open = BytesMut::with_capacity(announced.min(PIECE_BYTES_MIN));
        Self {
            pieces: SegmentedBytes::default(),
            open,
            len: 0,
        }
    }

    fn push(&mut self, chunk: Bytes) {
        self.len += chunk.len();
        if chunk.len() < PIECE_BYTES_MIN {
            self.open.extend_from_slice(&chunk);
        } else {
            self.pieces.push(self.open.split().freeze());
            self.pieces.push(chunk);
        }
    }

    fn finish(mut self) -> SegmentedBytes {
        self.pieces.push(self.open.freeze());
        self.pieces
    }
}

async fn next_chunk<B>(
    body: &mut Pin<&mut B>,
    limits: &ListenerLimits,
) -> Result<Option<Bytes>, Fault>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    loop {
        // Most of it is there when it is asked for, and needs no timer.
        let mut reader = body.as_mut();
        let mut next = reader.frame();
        let frame = match poll_immediate(&mut next).await {
            Some(frame) => frame,
            None => tokio::time::timeout(limits.body_idle_timeout, next)
                .await
                .map_err(|_| too_slow(limits))?,
        };
        let Some(frame) = frame else { return Ok(None) };
        // What is no data is a trailer, and no dialect has any.
        if let Ok(data) = frame.map_err(|error| broken(&error.into()))?.into_data() {
            return Ok(Some(data));
        }
    }
}

pub(super) fn too_large(bytes_max: usize) -> Fault {
    let message = format!("request body: expected at most {bytes_max} bytes, found more");
    Fault::new(FaultKind::TooLarge, Blame::Client, message)
}

fn too_slow(limits: &ListenerLimits) -> Fault {
    let seconds = limits.body_idle_timeout.as_secs_f32();
    let message =
        format!("request body: expected more of it within {seconds} seconds, found nothing");
    Fault::new(FaultKind::RequestTimeout, Blame::Client, message)
}

/// hyper tells bad chunking from a lost connection by the kind of the io error at the root.
fn broken(error: &BoxError) -> Fault {
    let root: &(dyn Error + 'static) = &**error;
    let causes = std::iter::successors(Some(root), |&error| error.source());
    let kind = causes
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .map(io::Error::kind)
        .next();
    Fault::bad_request(match kind {
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
            "request body: expected chunks with a size in front, found a malformed one"
        }
        _ => "request body: expected as many bytes as announced, found the end of the connection",
    })
}

#[cfg(test)]
mod tests;
