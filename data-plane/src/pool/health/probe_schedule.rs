//! When live requests may try a refused credential again: after a minute, then ever later.
//!
//! ```text
//! refused    1 min   2 min    4 min              60 min         60 min
//! |------------P-------P--------P------- ... --------P--------------P----
//! ```
//!
//! Pure. Each probe is one request; what it shows is for `feedback` to judge.

use std::time::Duration;

use crate::outcome::Timestamp;
use crate::pool::clock::{CLOCK_SLACK, between};

const FIRST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Copy, Debug)]
pub(crate) struct ProbeSchedule {
    /// The refusal, or the latest probe.
    since: Timestamp,
    wait: Duration,
}

impl ProbeSchedule {
    /// `since`: when the credential was refused.
    pub(crate) fn new(since: Timestamp) -> Self {
        let wait = FIRST;
        Self { since, wait }
    }

    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.since + self.wait <= now
    }

    /// Counts a probe that is let through.
    pub(crate) fn count_probe(&mut self, now: Timestamp) {
        self.since = now;
        self.wait = (self.wait * 2).min(LONGEST);
    }

    /// The clock went back: the wait keeps its length.
    pub(crate) fn on_clock_rewind(&mut self, now: Timestamp) {
        if between(now, self.since) > CLOCK_SLACK {
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_come_after_a_minute_and_then_ever_later_up_to_an_hour() {
        let start = Timestamp::UNIX_EPOCH;
        let mut schedule = ProbeSchedule::new(start);
        let mut due = Vec::new();
        for minute in 0..300 {
            let now = start + FIRST * minute;
            if schedule.is_due(now) {
                schedule.count_probe(now);
                due.push(minute);
            }
        }
        assert_eq!(due, [1, 3, 7, 15, 31, 63, 123, 183, 243]);
    }

    #[test]
    fn after_the_clock_went_back_the_wait_keeps_its_length() {
        let start = Timestamp::UNIX_EPOCH;
        let mut schedule = ProbeSchedule::new(start + LONGEST * 24);
        schedule.on_clock_rewind(start);
        assert!(!schedule.is_due(start + Duration::from_secs(59)));
        assert!(schedule.is_due(start + FIRST));
    }
}
