//! The circuit breaker of a provider's endpoint: when nothing answers there, no request is sent for
//! a while, and then one at first.
//!
//! ```text
//!            10 failures in a row                  the pause is over
//!  Closed ------------------------> Open { until } -----------------> HalfOpen
//!    ^                               ^                                   | one lease
//!    |                               | it failed: twice the pause        v
//!    |                               +------------------------------- Probing
//!    +--------------------------------------- it was answered -----------'
//! ```
//!
//! `Open` becomes `HalfOpen` by the clock alone, when a choice looks at it: there is no timer.

use std::time::Duration;

use crate::outcome::{Outcome, Stage, Timestamp};
use crate::pool::clock::{CLOCK_SLACK, between};

/// Attempts in a row without a response that open the circuit.
const FAILURES_MAX: u32 = 10;

const FIRST_PAUSE: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(2 * 60);

/// Up to this share is added to a pause.
const JITTER_SHARE: f64 = 0.25;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CircuitState {
    Closed,
    /// The next lease is the probe.
    HalfOpen,
    /// The probe is in flight.
    Probing,
    Open {
        until: Timestamp,
    },
}

/// What changed for the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transition {
    Opened {
        until: Timestamp,
    },
    /// Its probe failed.
    Reopened {
        until: Timestamp,
    },
    Closed,
}

#[derive(Clone, Debug, Default)]
pub struct Circuit {
    /// In a row, while it is closed.
    failures: u32,
    /// `None`: closed.
    opened: Option<Opened>,
}

#[derive(Clone, Copy, Debug)]
struct Opened {
    since: Timestamp,
    until: Timestamp,
    /// How often it opened in a row.
    count: u32,
    is_probing: bool,
}

/// What an outcome says of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Alive,
    Dead,
    Inconclusive,
}

impl Circuit {
    pub(crate) fn state(&self, now: Timestamp) -> CircuitState {
        match &self.opened {
            None => CircuitState::Closed,
            Some(opened) if now < opened.until => CircuitState::Open {
                until: opened.until,
            },
            Some(opened) if opened.is_probing => CircuitState::Probing,
            Some(_) => CircuitState::HalfOpen,
        }
    }

    /// Counts a lease. Whether it is the probe.
    pub(crate) fn count_lease(&mut self, now: Timestamp) -> bool {
        let is_probe = self.state(now) == CircuitState::HalfOpen;
        if let Some(opened) = self.opened.as_mut().filter(|_| is_probe) {
            opened.is_probing = true;
        }
        is_probe
    }

    /// Counts the outcome of an attempt. `jitter`: 0..1.
    pub(crate) fn record(
        &mut self,
        outcome: &Outcome,
        leased_at: Timestamp,
        is_probe: bool,
        now: Timestamp,
        jitter: f64,
    ) -> Option<Transition> {
        let signal = signal(outcome, is_probe);
        let Some(opened) = &mut self.opened else {
            return self.record_closed(signal, now, jitter);
        };
        if is_probe {
            // A probe whose client left shows nothing: the next lease may probe.
            opened.is_probing = false;
        }
        match signal {
            Signal::Dead if is_probe => Some(self.open(now, jitter)),
            // An attempt that began before the circuit opened shows nothing newer, good or bad.
            Signal::Alive if is_probe || opened.since <= leased_at => {
                *self = Self::default();
                Some(Transition::Closed)
            }
            _ => None,
        }
    }

    fn record_closed(&mut self, signal: Signal, now: Timestamp, jitter: f64) -> Option<Transition> {
        match signal {
            Signal::Alive => self.failures = 0,
            Signal::Dead => self.failures += 1,
            Signal::Inconclusive => {}
        }
        (self.failures >= FAILURES_MAX).then(|| self.open(now, jitter))
    }

    fn open(&mut self, now: Timestamp, jitter: f64) -> Transition {
        let count = self.opened.map_or(0, |opened| opened.count);
        let pause = FIRST_PAUSE
            .saturating_mul(2_u32.saturating_pow(count))
            .min(PAUSE_MAX)
            .mul_f64(1.0 + JITTER_SHARE * jitter);
        let until = now + pause;
        self.opened = Some(Opened {
            since: now,
            until,
            count: count.saturating_add(1),
            is_probing: false,
        });
        if count == 0 {
            Transition::Opened { until }
        } else {
            Transition::Reopened { until }
        }
    }

    /// The clock went back: the pause keeps its length.
    pub(crate) fn on_clock_rewind(&mut self, now: Timestamp) {
        if let Some(opened) = &mut self.opened
            && opened.since > now + CLOCK_SLACK
        {
            opened.until = now + between(opened.since, opened.until);
            opened.since = now;
        }
    }
}

fn signal(outcome: &Outcome, is_probe: bool) -> Signal {
    match outcome {
        // Also a refusal is a response.
        Outcome::Served { .. }
        | Outcome::Throttled { .. }
        | Outcome::QuotaSpent { .. }
        | Outcome::Unauthorized
        | Outcome::Forbidden
        | Outcome::Rejected(_) => Signal::Alive,
        Outcome::Failed
        | Outcome::Intercepted
        | Outcome::Unreachable {
            stage: Stage::Connect | Stage::Tls | Stage::Head,
        } => Signal::Dead,
        // Silence may be a long answer. A probe, though, was sent to see whether anything answers.
        Outcome::TimedOut { .. } | Outcome::Unreachable { .. } if is_probe => Signal::Dead,
        Outcome::TimedOut { .. }
        | Outcome::Unreachable { .. }
        | Outcome::Overloaded { .. }
        | Outcome::MalformedResponse
        | Outcome::Cancelled
        | Outcome::Unread => Signal::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: u64) -> Timestamp {
        Timestamp::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn broken(now: Timestamp) -> Circuit {
        let mut circuit = Circuit::default();
        for _ in 0..FAILURES_MAX {
            assert_eq!(circuit.state(now), CircuitState::Closed);
            circuit.record(
                &Outcome::Unreachable {
                    stage: Stage::Connect,
                },
                now,
                false,
                now,
                0.0,
            );
        }
        circuit
    }

    #[test]
    fn ten_failures_in_a_row_open_it_and_an_answer_between_them_does_not() {
        assert_eq!(
            broken(after(0)).state(after(0)),
            CircuitState::Open { until: after(5) }
        );
        let mut circuit = Circuit::default();
        for _ in 0..20 {
            circuit.record(&Outcome::Failed, after(0), false, after(0), 0.0);
            circuit.record(&Outcome::Forbidden, after(0), false, after(0), 0.0);
        }
        assert_eq!(circuit.state(after(0)), CircuitState::Closed);
    }

    #[test]
    fn after_the_pause_one_goes_to_see_and_its_answer_closes_it() {
        let mut circuit = broken(after(0));
        assert_eq!(circuit.state(after(5)), CircuitState::HalfOpen);
        assert!(circuit.count_lease(after(5)));
        assert!(!circuit.count_lease(after(5)));
        assert_eq!(circuit.state(after(5)), CircuitState::Probing);
        circuit.record(
            &Outcome::Rejected(crate::outcome::Refusal::Other),
            after(5),
            true,
            after(6),
            0.0,
        );
        assert_eq!(circuit.state(after(6)), CircuitState::Closed);
    }

    #[test]
    fn a_failed_probe_opens_it_for_twice_as_long_up_to_a_cap() {
        let mut circuit = broken(after(0));
        let mut now = after(5);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            circuit.count_lease(now);
            circuit.record(
                &Outcome::TimedOut { stage: Stage::Head },
                now,
                true,
                now,
                0.0,
            );
            let CircuitState::Open { until } = circuit.state(now) else {
                panic!("open")
            };
            pauses.push(between(now, until).as_secs());
            now = until;
        }
        assert_eq!(pauses, [10, 20, 40, 80, 120, 120, 120]);
    }

    #[test]
    fn a_probe_whose_client_left_lets_another_go() {
        let mut circuit = broken(after(0));
        circuit.count_lease(after(5));
        circuit.record(&Outcome::Cancelled, after(5), true, after(6), 0.0);
        assert_eq!(circuit.state(after(6)), CircuitState::HalfOpen);
    }

    #[test]
    fn an_answer_to_an_older_attempt_does_not_close_it() {
        let mut circuit = broken(after(10));
        let served = Outcome::Served {
            usage: crate::canon::Usage::default(),
        };
        circuit.record(&served, after(0), false, after(11), 0.0);
        assert_eq!(
            circuit.state(after(11)),
            CircuitState::Open { until: after(15) }
        );
    }

    #[test]
    fn after_the_clock_went_back_it_opens_no_longer_than_it_would_have() {
        let mut circuit = broken(after(1_000_000));
        circuit.on_clock_rewind(after(0));
        assert_eq!(
            circuit.state(after(0)),
            CircuitState::Open { until: after(5) }
        );
    }
}
