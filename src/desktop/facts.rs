//! What the agent tells of itself, as the tray and the notifications read it.

use std::time::SystemTime;

use jiff::Timestamp;

use super::view::{AccountState, AccountView, Endpoint, Facts, ProblemView, Quota};
use crate::control::overview::{Overview, ProblemFacts};
use crate::control::status::State;
use crate::control::{AccountFacts, BudgetFacts, QuotaFacts};

impl Facts {
    pub fn of(glance: &Overview) -> Self {
        Self {
            endpoint: endpoint(glance),
            port_refused: glance.port_refused.clone(),
            in_flight: glance.in_flight as usize,
            wants_key: glance.wants_key,
            accounts: glance.accounts.iter().map(account).collect(),
            mode: glance.mode.clone(),
            problem: glance.problems.first().map(problem),
            lan_refused: glance.status.lan_refused.clone(),
            config_rejected: glance.status.config_trouble.clone(),
            resting_until: glance.resting_until.as_deref().and_then(moment),
        }
    }
}

fn endpoint(glance: &Overview) -> Endpoint {
    let port = glance.status.port;
    match glance.status.state {
        State::Starting => Endpoint::Starting,
        State::Running => Endpoint::Running {
            port,
            is_exposed: glance.status.is_exposed,
        },
        State::Draining | State::Ending => Endpoint::Stopping,
        State::Stopped => Endpoint::Stopped,
        State::PortInUse => Endpoint::PortTaken {
            port,
            by: glance.port_taken_by.clone(),
        },
        State::PortRefused | State::NotRunning | State::PortTaken => Endpoint::Failed {
            port,
            why: glance.status.detail.clone(),
        },
    }
}

fn account(facts: &AccountFacts) -> AccountView {
    let quotas = facts
        .quota
        .iter()
        .filter_map(quota)
        .chain(facts.budgets.iter().map(budget));
    let expires_at = facts.expires_on.as_deref().and_then(moment);
    AccountView {
        name: facts.name.clone(),
        provider: facts.provider.clone(),
        state: state(facts),
        quotas: quotas.collect(),
        expires_at,
    }
}

fn state(facts: &AccountFacts) -> AccountState {
    let until = facts.until.as_deref().and_then(moment);
    let why = facts
        .reason
        .clone()
        .unwrap_or_else(|| facts.state.replace('_', " "));
    match facts.state.as_str() {
        _ if !facts.enabled => AccountState::Disabled,
        "ready" => AccountState::Ready,
        "busy" => AccountState::Busy,
        "refreshing" => AccountState::Refreshing,
        "quota_used_up" => AccountState::QuotaUsedUp { what: why, until },
        "sign_in_needed" => AccountState::SignInNeeded {
            why: inner(&why, "sign-in needed"),
        },
        "vault_locked" => AccountState::Locked {
            why: inner(&why, "vault locked").replace("the vault is locked: ", ""),
        },
        "expired" => AccountState::Unusable {
            why: "expired".to_owned(),
        },
        _ if facts.needs_person() => AccountState::Unusable { why },
        _ => AccountState::Cooling { why, until },
    }
}

/// What stands in parentheses after words that are said already.
fn inner(why: &str, said: &str) -> String {
    let inner = why
        .strip_prefix(said)
        .and_then(|rest| rest.trim_start().strip_prefix('(')?.strip_suffix(')'));
    inner.unwrap_or(why).to_owned()
}

/// `None` where the provider did not say both numbers: unknown is no percentage.
fn quota(facts: &QuotaFacts) -> Option<Quota> {
    let (limit, remaining) = (facts.limit.filter(|limit| *limit > 0)?, facts.remaining?);
    Some(Quota {
        window: facts.window.replace('_', " "),
        used_percent: percent(limit.saturating_sub(remaining), limit),
        resets_at: facts.resets_at.as_deref().and_then(moment),
    })
}

fn budget(facts: &BudgetFacts) -> Quota {
    Quota {
        window: facts.budget.clone(),
        used_percent: percent(facts.spent, facts.limit.max(1)),
        resets_at: moment(&facts.resets_at),
    }
}

/// Whole percents, rounded down: 100 means all of it.
fn percent(used: u64, limit: u64) -> u8 {
    u8::try_from(u128::from(used) * 100 / u128::from(limit)).unwrap_or(u8::MAX)
}

fn problem(facts: &ProblemFacts) -> ProblemView {
    ProblemView {
        summary: format!("{} ({})", facts.model, facts.status),
        explanation: facts.sentences(),
    }
}

fn moment(text: &str) -> Option<SystemTime> {
    text.parse::<Timestamp>().ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(state: &str) -> AccountFacts {
        AccountFacts {
            name: "work".to_owned(),
            state: state.to_owned(),
            enabled: true,
            ..AccountFacts::default()
        }
    }

    #[test]
    fn every_state_has_its_words() {
        let until = "2026-11-23T14:20:00Z";
        let cooling = AccountFacts {
            until: Some(until.to_owned()),
            reason: Some("throttled".to_owned()),
            ..facts("cooling")
        };
        assert_eq!(
            state(&cooling),
            AccountState::Cooling {
                why: "throttled".to_owned(),
                until: moment(until)
            }
        );
        assert_eq!(state(&facts("ready")), AccountState::Ready);
        assert_eq!(
            state(&AccountFacts {
                enabled: false,
                ..facts("ready")
            }),
            AccountState::Disabled
        );
        let refused = AccountFacts {
            reason: Some("sign-in needed (refused: no (really))".to_owned()),
            ..facts("sign_in_needed")
        };
        assert_eq!(
            state(&refused),
            AccountState::SignInNeeded {
                why: "refused: no (really)".to_owned()
            }
        );
        let locked = AccountFacts {
            reason: Some("vault locked (the vault is locked: no key)".to_owned()),
            ..facts("vault_locked")
        };
        assert_eq!(
            state(&locked),
            AccountState::Locked {
                why: "no key".to_owned()
            }
        );
        let unset = AccountFacts {
            advice: Some("set it".to_owned()),
            ..facts("env_unset")
        };
        assert_eq!(
            state(&unset),
            AccountState::Unusable {
                why: "env unset".to_owned()
            }
        );
    }

    #[test]
    fn a_limit_that_was_not_told_is_no_percentage() {
        let facts = |limit, remaining| QuotaFacts {
            window: "tokens".to_owned(),
            limit,
            remaining,
            ..QuotaFacts::default()
        };
        assert_eq!(quota(&facts(None, Some(3))), None);
        assert_eq!(quota(&facts(Some(1000), None)), None);
        assert_eq!(
            quota(&facts(Some(1000), Some(51))).unwrap().used_percent,
            94
        );
        assert_eq!(
            quota(&facts(Some(1000), Some(0))).unwrap().used_percent,
            100
        );
    }
}
