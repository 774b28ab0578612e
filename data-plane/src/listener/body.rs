//! Bodies: those of responses, and how a request's is read. It looks at lengths and codings, never
//! at the content.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::poll_immediate;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt as _;
use tokio::time::{Sleep, sleep};
use tracing::debug;

use super::ListenerLimits;
use crate::body_budget::{BODIES, FREE_BYTES};
use crate::canon::{Blame, Fault, FaultKind};
use crate::content_coding::{self, Coding, CodingError};
use crate::segmented_bytes::{Rest, SegmentedBytes};

pub type BoxError = Box<dyn Error + Send + Sync>;

/// The body of a response: bytes at hand, or a stream.
///
/// An error in a stream closes the connection without the final chunk, so that the client sees that
/// the response is incomplete. Once the client has left, the body is dropped.
pub struct ResponseBody {
    inner: Inner,
    /// How many requests wait for what this response holds, for a stream that holds something.
    pub(super) waiting: Option<Arc<AtomicUsize>>,
}

enum Inner {
    Full(Bytes),
    Stream(Pin<Box<dyn ClientStream>>),
}

/// A stream on its way to a client.
pub trait ClientStream: http_body::Body<Data = Bytes, Error = BoxError> + Send {
    /// The client has not read for `limit` while other requests waited for what the stream holds,
    /// so it is dropped next.
    fn on_unread(self: Pin<&mut Self>, limit: Duration);
}

impl ResponseBody {
    pub fn empty() -> Self {
        Self::from(Bytes::new())
    }

    /// A stream, which the caller has boxed: it is not wrapped again here.
    pub fn stream(body: Pin<Box<dyn ClientStream>>) -> Self {
        Self {
            inner: Inner::Stream(body),
            waiting: None,
        }
    }

    /// Tells a stream that its client was cut off for not reading it.
    pub(super) fn on_unread(&mut self, limit: Duration) {
        if let Inner::Stream(stream) = &mut self.inner {
            stream.as_mut().on_unread(limit);
        }
    }

    /// The same body of a response that holds what others may wait for; `waiting` says how many do.
    #[must_use]
    pub fn holding(self, waiting: Option<Arc<AtomicUsize>>) -> Self {
        Self { waiting, ..self }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Inner::Full(bytes) => f.debug_tuple("Full").field(bytes).finish(),
            Inner::Stream(_) => f.debug_tuple("Stream").finish_non_exhaustive(),
        }
    }
}

impl<T: Into<Bytes>> From<T> for ResponseBody {
    fn from(bytes: T) -> Self {
        Self {
            inner: Inner::Full(bytes.into()),
            waiting: None,
        }
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.inner {
            Inner::Full(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Inner::Stream(stream) => stream.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.inner {
            Inner::Full(bytes) => bytes.is_empty(),
            Inner::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Inner::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Inner::Stream(stream) => stream.size_hint(),
        }
    }
}

/// Chunks from this length on become segments of their own. Smaller ones are copied together, since
/// each segment keeps a buffer of hyper's alive.
const SEGMENT_BYTES_MIN: usize = 16 * 1024;

/// Reads a request's body to its end and decodes its `Content-Encoding`. A large body stays in the
/// chunks that it arrived in.
///
/// # Errors
/// `UnsupportedMediaType` for an unknown coding and `TooLarge` for an announced length, both before
/// anything is read. `TooLarge` as soon as more arrives or is decoded than allowed,
/// `RequestTimeout` if no chunk arrives in time, `BadRequest` for a body that is incomplete, badly
/// chunked or not in the coding that its header names.
pub async fn collect<B>(
    body: B,
    headers: &HeaderMap,
    limits: &ListenerLimits,
) -> Result<SegmentedBytes, Fault>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let codings = content_coding::codings(headers).map_err(coding_fault)?;
    let encoded = read_to_end(pin!(body), limits).await?;
    if codings.is_empty() || encoded.is_empty() {
        return Ok(encoded);
    }
    // A few bytes can decode to the whole limit, so even a small body may be long work.
    let limits = limits.clone();
    match tokio::task::spawn_blocking(move || decode(encoded.whole(), &codings, &limits)).await {
        Ok(decoded) => decoded.map(SegmentedBytes::from),
        Err(_) => Err(Fault::internal(
            "gateway: unpacking the request body was interrupted",
        )),
    }
}

/// Decodes a body within its limit and that of all bodies together. What is reserved for it is the
/// usual size at first, and the largest only where that was too little.
fn decode(encoded: &Bytes, codings: &[Coding], limits: &ListenerLimits) -> Result<Bytes, Fault> {
    /// How often larger than its coded form a request mostly is at the most.
    const USUAL_RATIO: usize = 16;
    let bytes_max = limits.request_body_bytes_max;
    let usual = encoded.len().saturating_mul(USUAL_RATIO).max(FREE_BYTES);
    let mut reservation = BODIES.reservation();
    for tried_max in [usual.min(bytes_max), bytes_max] {
        if !reservation.cover(tried_max, limits.bodies_bytes_max) {
            return Err(too_many_bytes(limits.bodies_bytes_max));
        }
        match content_coding::decode(encoded, codings, tried_max) {
            Err(CodingError::TooLarge(_)) if tried_max < bytes_max => {}
            decoded => {
                let decoded = decoded.map_err(coding_fault)?;
                reservation.shrink(decoded.len());
                return Ok(reservation.hold(decoded.into()));
            }
        }
    }
    Err(too_large(bytes_max))
}

/// How much of an upload is read before it is passed on: so far its model is looked for, and what
/// fits can be sent again.
pub const UPLOAD_BYTES_AT_HAND: usize = 1 << 20;

/// Reads the beginning of a body that passes as it came, its coding included. What exceeds
/// [`UPLOAD_BYTES_AT_HAND`] follows as it is read, however long it is; with `is_read_whole` only what
/// exceeds the limit of a whole body.
///
/// # Errors
/// As [`collect`], of the beginning. A client that breaks off later, or stalls for
/// [`ListenerLimits::body_idle_timeout`], ends what follows with an error.
pub async fn begin_upload<B>(
    mut body: B,
    is_read_whole: bool,
    limits: &ListenerLimits,
) -> Result<SegmentedBytes, Fault>
where
    B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut reservation = BODIES.reservation();
    let mut builder = SegmentBuilder::with_capacity(announced);
    let mut reader = Pin::new(&mut body);
    let bytes_max = match is_read_whole {
        true => limits.request_body_bytes_max,
        false => UPLOAD_BYTES_AT_HAND,
    };
    while builder.len < bytes_max {
        let Some(chunk) = next_chunk(&mut reader, limits).await? else {
            return Ok(builder.finish().held(|first| reservation.hold(first)));
        };
        if !reservation.cover(builder.len + chunk.len(), limits.bodies_bytes_max) {
            return Err(too_many_bytes(limits.bodies_bytes_max));
        }
        builder.push(chunk);
    }
    let at_hand = builder.finish().held(|first| reservation.hold(first));
    if body.is_end_stream() {
        return Ok(at_hand);
    }
    let rest = FollowingBody {
        body,
        idle_timeout: limits.body_idle_timeout,
        idle: None,
    };
    Ok(at_hand.followed_by(Arc::new(Rest::new(Box::pin(rest)))))
}

/// What follows of an upload. While it is not read, its client is not late.
struct FollowingBody<B> {
    body: B,
    idle_timeout: Duration,
    /// Runs while the client is waited for.
    idle: Option<Pin<Box<Sleep>>>,
}

impl<B> http_body::Body for FollowingBody<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.idle = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.idle_timeout;
        let idle = self.idle.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(idle.as_mut().poll(context));
        debug!(?limit, "limit: an upload stalls");
        Poll::Ready(Some(Err("the client sent nothing for too long".into())))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

async fn read_to_end<B>(
    mut body: Pin<&mut B>,
    limits: &ListenerLimits,
) -> Result<SegmentedBytes, Fault>
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
    let mut reservation = BODIES.reservation();
    let mut builder = SegmentBuilder::with_capacity(announced);
    let mut chunk = Some(first);
    while let Some(bytes) = chunk {
        if builder.len + bytes.len() > bytes_max {
            return Err(too_large(bytes_max));
        }
        if !reservation.cover(builder.len + bytes.len(), limits.bodies_bytes_max) {
            return Err(too_many_bytes(limits.bodies_bytes_max));
        }
        builder.push(bytes);
        chunk = next_chunk(&mut body, limits).await?;
    }
    Ok(builder.finish().held(|first| reservation.hold(first)))
}

/// Collects the chunks of a body into segments.
struct SegmentBuilder {
    segments: SegmentedBytes,
    /// Small chunks, copied together into the next segment.
    open: BytesMut,
    /// Bytes of all chunks so far.
    len: usize,
}

impl SegmentBuilder {
    /// `announced`: how many bytes are sure to arrive.
    fn with_capacity(announced: usize) -> Self {
        // A larger body arrives in larger chunks, which are not copied.
        let open = BytesMut::with_capacity(announced.min(SEGMENT_BYTES_MIN));
        Self {
            segments: SegmentedBytes::default(),
            open,
            len: 0,
        }
    }

    fn push(&mut self, chunk: Bytes) {
        self.len += chunk.len();
        if chunk.len() < SEGMENT_BYTES_MIN {
            self.open.extend_from_slice(&chunk);
        } else {
            self.segments.push(self.open.split().freeze());
            self.segments.push(chunk);
        }
    }

    fn finish(mut self) -> SegmentedBytes {
        self.segments.push(self.open.freeze());
        self.segments
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
        // Most chunks have arrived when they are asked for, and need no timer.
        let mut reader = body.as_mut();
        let mut next = reader.frame();
        let frame = match poll_immediate(&mut next).await {
            Some(frame) => frame,
            None => tokio::time::timeout(limits.body_idle_timeout, next)
                .await
                .map_err(|_| idle_timeout(limits))?,
        };
        let Some(frame) = frame else { return Ok(None) };
        let frame = frame.map_err(|error| read_fault(&error.into()))?;
        // Frames without data are trailers, which no dialect has.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

fn coding_fault(error: CodingError) -> Fault {
    match error {
        CodingError::Unsupported => {
            let message = format!("content-encoding: {error}");
            Fault::new(FaultKind::UnsupportedMediaType, Blame::Client, message)
        }
        CodingError::Malformed(_) | CodingError::Cut(_) => {
            Fault::bad_request(format!("request body: {error}"))
        }
        CodingError::TooLarge(bytes_max) => too_large(bytes_max),
    }
}

fn too_large(bytes_max: usize) -> Fault {
    debug!(bytes_max, "request refused: the body is too large");
    let message = format!("request body: expected at most {bytes_max} bytes, found more");
    Fault::new(FaultKind::TooLarge, Blame::Client, message)
}

/// A body for which all bodies in memory leave no room.
fn too_many_bytes(bytes_max: usize) -> Fault {
    let message = format!(
        "gateway: the bodies of other requests take all of the {bytes_max} bytes for them (`limits.bodies_bytes_max`); try again once one of them is answered"
    );
    let mut fault = Fault::new(FaultKind::Overloaded, Blame::Gateway, message);
    fault.retry_after = Some(Duration::from_secs(1));
    fault
}

fn idle_timeout(limits: &ListenerLimits) -> Fault {
    let seconds = limits.body_idle_timeout.as_secs_f32();
    debug!(
        seconds,
        "request refused: no more of the body arrived in time"
    );
    let message =
        format!("request body: expected more of it within {seconds} seconds, found nothing");
    Fault::new(FaultKind::RequestTimeout, Blame::Client, message)
}

/// hyper tells bad chunking from a lost connection by the kind of the I/O error at the root.
fn read_fault(error: &BoxError) -> Fault {
    let outermost: &(dyn Error + 'static) = &**error;
    let mut chain = std::iter::successors(Some(outermost), |&error| error.source());
    let io_error = chain.find_map(|error| error.downcast_ref::<io::Error>());
    Fault::bad_request(match io_error.map(io::Error::kind) {
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => {
            "request body: expected chunks with a size in front, found a malformed one"
        }
        _ => "request body: expected as many bytes as announced, found the end of the connection",
    })
}

#[cfg(test)]
mod tests;
