//! Wall time, from one place that tests can set.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::outcome::Timestamp;

/// Gives the wall time. Decisions take it as `now`; nothing else in the pool reads a clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::of(SystemTime::now)
    }

    /// One that the caller sets, as to test a wrong or jumping clock.
    pub fn of(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// One that starts at `start` and follows tokio's time, so that it stands still while that is
    /// paused.
    ///
    /// Must be called inside a tokio runtime.
    pub fn following_tokio(start: Timestamp) -> Self {
        let began = Instant::now();
        Self::of(move || start + began.elapsed())
    }

    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// How far the clock may go back before times that lie in the future are moved: less is a
/// correction, not a jump.
pub(crate) const CLOCK_SLACK: Duration = Duration::from_secs(60);

/// How long from `from` to `to`; zero where `to` is earlier.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).unwrap_or_default()
}
