//! Reads an upstream's body whole, within bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::poll_immediate;
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::attempt_error::{AttemptError, AttemptResult, broken};
use crate::body_budget::BODIES;
use crate::canon::{Blame, Fault, FaultKind};
use crate::content_coding::CodingError;
use crate::outcome::{Outcome, Stage};
use crate::upstream::UpstreamBody;

/// How large a whole body may be, and how slow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) bytes_max: usize,
    /// What this one and all other bodies in memory may have together.
    pub(super) sum_max: usize,
    /// To the first chunk. Some servers send the head at once and the body minutes later.
    pub(super) first_timeout: Duration,
    /// From one chunk to the next.
    pub(super) idle_timeout: Duration,
    /// To the end: a body that drips would else never time out.
    pub(super) total_timeout: Duration,
}

/// Reads a body to its end.
///
/// # Errors
/// When the body breaks off, or exceeds `bounds`.
///
/// Not cancel safe: what was read is lost.
pub(super) async fn collect(mut body: UpstreamBody, bounds: Bounds) -> AttemptResult<Bytes> {
    let started_at = Instant::now();
    let Some(first) = next(&mut body, bounds.first_timeout.min(bounds.total_timeout)).await? else {
        return Ok(Bytes::new());
    };
    check(first.len(), bounds)?;
    let Some(second) = next_within(&mut body, bounds, started_at).await? else {
        // Most bodies come in one chunk, which then is the body without a copy.
        return Ok(first);
    };
    let mut reservation = BODIES.reservation();
    let mut whole = BytesMut::from(first);
    let mut chunk = Some(second);
    while let Some(bytes) = chunk {
        check(whole.len() + bytes.len(), bounds)?;
        if !reservation.cover(whole.len() + bytes.len(), bounds.sum_max) {
            return Err(too_many_bytes(bounds.sum_max));
        }
        whole.extend_from_slice(&bytes);
        chunk = next_within(&mut body, bounds, started_at).await?;
    }
    Ok(reservation.hold(whole.freeze()))
}

/// The answer that all bodies in memory leave no room for. That is nothing of the account's.
fn too_many_bytes(sum_max: usize) -> Box<AttemptError> {
    let message = format!(
        "gateway: the bodies of other requests take all of the {sum_max} bytes for them (`limits.bodies_bytes_max`); try again once one of them is answered"
    );
    let mut fault = Fault::new(FaultKind::Overloaded, Blame::Gateway, message);
    fault.retry_after = Some(Duration::from_secs(1));
    AttemptError::of_attempt(fault, Outcome::Cancelled)
}

/// The next chunk, within what is left of the total time.
async fn next_within(
    body: &mut UpstreamBody,
    bounds: Bounds,
    started_at: Instant,
) -> AttemptResult<Option<Bytes>> {
    let left = bounds.total_timeout.saturating_sub(started_at.elapsed());
    if left.is_zero() {
        debug!("limit: the upstream's body takes too long");
        return Err(AttemptError::timed_out(bounds.total_timeout, Stage::Body));
    }
    next(body, bounds.idle_timeout.min(left)).await
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
            Ok(Some(Err(error))) => {
                let outcome = if error.is::<CodingError>() {
                    Outcome::MalformedResponse
                } else {
                    Outcome::Unreachable { stage: Stage::Body }
                };
                return Err(AttemptError::of_attempt(broken(&error), outcome));
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

#[cfg(test)]
mod tests {
    use http_body::Frame;
    use http_body_util::StreamBody;
    use tokio::time::sleep;

    use super::*;
    use crate::upstream::BoxError;

    /// A byte each second, for ever.
    fn dripping() -> UpstreamBody {
        let drops = futures_util::stream::unfold((), |()| async {
            sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, BoxError>(Frame::data(Bytes::from_static(b" "))), ()))
        });
        Box::pin(StreamBody::new(drops))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_drips_times_out() {
        let bounds = Bounds {
            bytes_max: usize::MAX,
            sum_max: usize::MAX,
            first_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(60),
        };
        let began_at = Instant::now();
        let error = collect(dripping(), bounds).await.unwrap_err();
        assert_eq!(error.fault.kind, FaultKind::Timeout);
        assert_eq!(began_at.elapsed().as_secs(), 60);
    }
}
