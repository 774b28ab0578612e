//! Wall time, from one place that tests can set.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::outcome::Timestamp;

/// Gives the wall time. Decisions take it as `now`; nothing else in the pool looks at a clock.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's.
    pub fn system() -> Self {
        Self::of(SystemTime::now)
    }

    /// One that a caller sets, to show what a wrong or jumping clock does.
    pub fn of(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// One that goes on from `start` as tokio's time does, so that it stands still where that is
    /// paused.
    ///
    /// Must be made inside a tokio runtime.
    pub fn following_tokio(start: Timestamp) -> Self {
        let began = Instant::now();
        Self::of(move || start + began.elapsed())
    }

    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// How long from `from` to `to`; zero where `to` is earlier.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    to.duration_since(from).unwrap_or_default()
}
