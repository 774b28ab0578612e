//! The circuit of a provider's endpoint: when nothing answers there, nobody is sent there for a
//! while, and then one at first.

use std::time::Duration;

use super::cooldown::CLOCK_SLACK;
use crate::outcome::{Outcome, Stage, Timestamp};
use crate::pool::clock::between;

/// So many attempts in a row without an answer open the circuit.
const FAILURES_MAX: u32 = 10;

const FIRST_PAUSE: Duration = Duration::from_secs(5);
const PAUSE_MAX: Duration = Duration::from_secs(2 * 60);

/// What the circuit says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Closed,
    /// One may go and see.
    HalfOpen,
    /// One went to see, and is not back.
    Probed,
    Open {
        until: Timestamp,
    },
}

#[derive(Clone, Debug, Default)]
pub struct Circuit {
    /// In a row, while it is closed.
    failures: u32,
    opened: Option<Opened>,
}

#[derive(Clone, Copy, Debug)]
struct Opened {
    since: Timestamp,
    until: Timestamp,
    /// In a row.
    times: u32,
    is_probed: bool,
}

/// What an outcome says of the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Alive,
    Dead,
    None,
}

impl Circuit {
    pub(crate) fn gate(&self, now: Timestamp) -> Gate {
        match &self.opened {
            None => Gate::Closed,
            Some(opened) if now < opened.until => Gate::Open {
                until: opened.until,
            },
            Some(opened) if opened.is_probed => Gate::Probed,
            Some(_) => Gate::HalfOpen,
        }
    }

    /// Counts a lease; whether it is the one that goes and sees.
    pub(crate) fn count_lease(&mut self, now: Timestamp) -> bool {
        let is_probe = self.gate(now) == Gate::HalfOpen;
        if let Some(opened) = self.opened.as_mut().filter(|_| is_probe) {
            opened.is_probed = true;
        }
        is_probe
    }

    /// Learns from an attempt. `jitter`: 0..1.
    pub(crate) fn learn(
        &mut self,
        outcome: &Outcome,
        leased_at: Timestamp,
        is_probe: bool,
        now: Timestamp,
        jitter: f64,
    ) {
        let sign = sign(outcome, is_probe);
        match &mut self.opened {
            None if sign == Sign::Alive => self.failures = 0,
            None if sign == Sign::Dead => self.count_failure(now, jitter),
            None => {}
            Some(opened) if is_probe => {
                opened.is_probed = false;
                match sign {
                    Sign::Alive => *self = Self::default(),
                    Sign::Dead => self.open(now, jitter),
                    Sign::None => {}
                }
            }
            // What began before the circuit opened knows nothing newer, good or bad.
            Some(opened) if sign == Sign::Alive && opened.since <= leased_at => {
                *self = Self::default()
            }
            Some(_) => {}
        }
    }

    fn count_failure(&mut self, now: Timestamp, jitter: f64) {
        self.failures += 1;
        if self.failures >= FAILURES_MAX {
            self.open(now, jitter);
        }
    }

    fn open(&mut self, now: Timestamp, jitter: f64) {
        let times = self.opened.map_or(0, |opened| opened.times);
        let pause = FIRST_PAUSE
            .saturating_mul(2_u32.saturating_pow(times))
            .min(PAUSE_MAX)
            .mul_f64(1.0 + 0.25 * jitter);
        self.opened = Some(Opened {
            since: now,
            until: now + pause,
            times: times.saturating_add(1),
            is_probed: false,
        });
    }

    /// The clock went back: the pause keeps its length.
    pub(crate) fn follow_clock(&mut self, now: Timestamp) {
        if let Some(opened) = self
            .opened
            .as_mut()
            .filter(|opened| opened.since > now + CLOCK_SLACK)
        {
            (opened.until, opened.since) = (now + between(opened.since, opened.until), now);
        }
    }
}

fn sign(outcome: &Outcome, is_probe: bool) -> Sign {
    match outcome {
        Outcome::Served { .. }
        | Outcome::Throttled { .. }
        | Outcome::QuotaSpent { .. }
        | Outcome::Unauthorized
        | Outcome::Forbidden
        | Outcome::Rejected(_) => Sign::Alive,
        Outcome::Failed
        | Outcome::Unreachable {
            stage: Stage::Connect | Stage::Tls | Stage::Head,
        } => Sign::Dead,
        // Silence may be a long answer; but who went to see whether something answers has seen that
        // nothing does.
        Outcome::TimedOut { .. } | Outcome::Unreachable { .. } if is_probe => Sign::Dead,
        Outcome::TimedOut { .. }
        | Outcome::Unreachable { .. }
        | Outcome::Overloaded { .. }
        | Outcome::MalformedResponse
        | Outcome::Cancelled => Sign::None,
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
            assert_eq!(circuit.gate(now), Gate::Closed);
            circuit.learn(
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
            broken(after(0)).gate(after(0)),
            Gate::Open { until: after(5) }
        );
        let mut circuit = Circuit::default();
        for _ in 0..20 {
            circuit.learn(&Outcome::Failed, after(0), false, after(0), 0.0);
            circuit.learn(&Outcome::Forbidden, after(0), false, after(0), 0.0);
        }
        assert_eq!(circuit.gate(after(0)), Gate::Closed);
    }

    #[test]
    fn after_the_pause_one_goes_to_see_and_its_answer_closes_it() {
        let mut circuit = broken(after(0));
        assert_eq!(circuit.gate(after(5)), Gate::HalfOpen);
        assert!(circuit.count_lease(after(5)));
        assert!(!circuit.count_lease(after(5)));
        assert_eq!(circuit.gate(after(5)), Gate::Probed);
        circuit.learn(
            &Outcome::Rejected(crate::outcome::Refusal::Other),
            after(5),
            true,
            after(6),
            0.0,
        );
        assert_eq!(circuit.gate(after(6)), Gate::Closed);
    }

    #[test]
    fn a_failed_probe_opens_it_for_twice_as_long_up_to_a_cap() {
        let mut circuit = broken(after(0));
        let mut now = after(5);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            circuit.count_lease(now);
            circuit.learn(
                &Outcome::TimedOut { stage: Stage::Head },
                now,
                true,
                now,
                0.0,
            );
            let Gate::Open { until } = circuit.gate(now) else {
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
        circuit.learn(&Outcome::Cancelled, after(5), true, after(6), 0.0);
        assert_eq!(circuit.gate(after(6)), Gate::HalfOpen);
    }

    #[test]
    fn an_answer_to_an_older_attempt_does_not_close_it() {
        let mut circuit = broken(after(10));
        let served = Outcome::Served {
            usage: crate::canon::Usage::default(),
        };
        circuit.learn(&served, after(0), false, after(11), 0.0);
        assert_eq!(circuit.gate(after(11)), Gate::Open { until: after(15) });
    }

    #[test]
    fn after_the_clock_went_back_it_opens_no_longer_than_it_would_have() {
        let mut circuit = broken(after(1_000_000));
        circuit.follow_clock(after(0));
        assert_eq!(circuit.gate(after(0)), Gate::Open { until: after(5) });
    }
}
