//! Reads an upstream's body whole, within bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::poll_immediate;
use http_body_util::BodyExt as _;
use tokio::time::timeout;
use tracing::debug;

use super::attempt_error::{AttemptError, AttemptResult, broken_off};
use crate::canon::Fault;
use crate::outcome::{Outcome, Stage};
use crate::upstream::UpstreamBody;

/// How large a whole body may be, and how slow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) bytes_max: usize,
    /// To the first chunk. Some servers send the head at once and the body minutes later.
    pub(super) first_timeout: Duration,
    /// From one chunk to the next.
    pub(super) idle_timeout: Duration,
}

/// Reads a body to its end.
///
/// # Errors
/// When the body breaks off, or exceeds `bounds`.
///
/// Not cancel safe: what was read is lost.
pub(super) async fn collect(mut body: UpstreamBody, bounds: Bounds) -> AttemptResult<Bytes> {
    let Some(first) = next(&mut body, bounds.first_timeout).await? else {
        return Ok(Bytes::new());
    };
    check(first.len(), bounds)?;
    let Some(second) = next(&mut body, bounds.idle_timeout).await? else {
        // Most bodies come in one chunk, which then is the body without a copy.
        return Ok(first);
    };
    let mut whole = BytesMut::from(first);
    let mut chunk = Some(second);
    while let Some(bytes) = chunk {
        check(whole.len() + bytes.len(), bounds)?;
        whole.extend_from_slice(&bytes);
        chunk = next(&mut body, bounds.idle_timeout).await?;
    }
    Ok(whole.freeze())
}

async fn next(body: &mut UpstreamBody, limit: Duration) -> AttemptResult<Option<Bytes>> {
    loop {
        // Most frames are ready at the first poll, and need no timer.
        let mut frame = body.frame();
        let frame = match poll_immediate(&mut frame).await {
            Some(frame) => Ok(frame),
            None => timeout(limit, frame).await,
        };
        let frame = match frame {
            Err(_) => return Err(AttemptError::timed_out(limit, Stage::Body)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => {
                return Err(AttemptError::of_attempt(
                    broken_off(),
                    Outcome::Unreachable { stage: Stage::Body },
                ));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        // Anything but data is a trailer, and no dialect has any.
        if let Ok(chunk) = frame.into_data() {
            return Ok(Some(chunk));
        }
    }
}

fn check(bytes: usize, bounds: Bounds) -> AttemptResult<()> {
    if bytes <= bounds.bytes_max {
        return Ok(());
    }
    debug!(
        bytes_max = bounds.bytes_max,
        "limit: the upstream's body is too large"
    );
    let message = format!(
        "the upstream's answer is larger than {} bytes (`limits.answer_body_bytes_max`)",
        bounds.bytes_max
    );
    Err(AttemptError::of_attempt(
        Fault::upstream(message),
        Outcome::MalformedResponse,
    ))
}
