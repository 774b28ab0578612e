//! What failed last, in plain words.

use std::time::Duration;

use super::check::{Area, Check};
use crate::control::failures::{FailureCause, FailureList};
use crate::outcome::Timestamp;
use crate::status::rfc3339;

/// How far back failures are told.
pub(in crate::control) const TOLD: Duration = Duration::from_secs(24 * 60 * 60);
/// What failed longer ago is told, and no reason for a warning any more.
const RECENT: Duration = Duration::from_secs(60 * 60);
/// How many causes are told.
const CAUSES_MAX: usize = 5;

pub(in crate::control) fn checks(failures: &FailureList, now: Timestamp) -> Vec<Check> {
    if failures.causes.is_empty() {
        return vec![Check::ok(Area::Failures, "nothing has failed in 24 hours")];
    }
    let told = failures.causes.iter().take(CAUSES_MAX);
    let mut checks: Vec<Check> = told.map(|cause| of_cause(cause, now)).collect();
    if failures.causes.len() > CAUSES_MAX {
        let more = failures.causes.len() - CAUSES_MAX;
        checks.push(Check::ok(
            Area::Failures,
            format!("{more} more causes: `aerostat log --causes`"),
        ));
    }
    checks
}

fn of_cause(cause: &FailureCause, now: Timestamp) -> Check {
    let what = format!(
        "{}× until {}: {}",
        cause.requests,
        rfc3339(cause.last_at),
        cause.what
    );
    let is_recent = now
        .duration_since(cause.last_at)
        .map_or(true, |age| age <= RECENT);
    if is_recent {
        Check::warning(Area::Failures, what, cause.advice.clone())
    } else {
        Check {
            next_step: Some(cause.advice.clone()),
            ..Check::ok(Area::Failures, what)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    fn cause(last_at: Timestamp) -> FailureCause {
        FailureCause {
            requests: 2,
            cause: "rate_limited".to_owned(),
            blame: "account".to_owned(),
            provider: None,
            account: None,
            model: None,
            asked: None,
            key: None,
            last_at,
            last_id: String::new(),
            until: None,
            what: "it was limited".to_owned(),
            advice: "wait".to_owned(),
        }
    }

    #[test]
    fn only_what_failed_lately_is_a_warning() {
        let now = Timestamp::UNIX_EPOCH + TOLD;
        let list = FailureList {
            causes: vec![cause(now), cause(now - 2 * RECENT)],
            is_cut: false,
        };
        let checks = checks(&list, now);
        let states: Vec<State> = checks.iter().map(|check| check.state).collect();
        assert_eq!(states, [State::Warning, State::Ok]);
        assert_eq!(
            checks[0].what,
            "2× until 1970-01-02T00:00:00Z: it was limited"
        );
        assert_eq!(checks[1].next_step.as_deref(), Some("wait"));
    }

    #[test]
    fn a_long_list_is_cut() {
        let now = Timestamp::UNIX_EPOCH + TOLD;
        let list = FailureList {
            causes: vec![cause(now); 9],
            is_cut: false,
        };
        let checks = checks(&list, now);
        assert_eq!(checks.len(), CAUSES_MAX + 1);
        assert!(checks.last().unwrap().what.starts_with("4 more causes"));
    }
}
