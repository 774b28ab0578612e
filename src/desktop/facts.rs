//! What the agent tells of itself, as the tray and the notifications read it.

use super::view::{AccountState, AccountView, Endpoint, Facts, ProblemView, Quota};
use crate::control::overview::{Overview, ProblemFacts};
use crate::control::status::State;
use crate::control::{AccountFacts, BudgetFacts, QuotaFacts};
use crate::status::{AccountStatus, NeedsUser};

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
            resting_until: glance.cooling_until,
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
    AccountView {
        name: facts.name.clone(),
        provider: facts.provider.clone(),
        state: state(facts.shown_status()),
        quotas: quotas.collect(),
        expires_at: facts.expires_on,
    }
}

fn state(status: &AccountStatus) -> AccountState {
    let why = status.reason().unwrap_or_default();
    match status {
        AccountStatus::Ready => AccountState::Ready,
        AccountStatus::Busy => AccountState::Busy,
        AccountStatus::Refreshing => AccountState::Refreshing,
        AccountStatus::Disabled => AccountState::Disabled,
        AccountStatus::QuotaExhausted { quota, until } => AccountState::QuotaUsedUp {
            what: quota.to_string(),
            until: Some(*until),
        },
        AccountStatus::CoolingDown { until, .. } | AccountStatus::Unreachable { until } => {
            AccountState::Cooling {
                why,
                until: Some(*until),
            }
        }
        AccountStatus::NeedsUser(NeedsUser::SignIn(sign_in)) => AccountState::SignInNeeded {
            why: sign_in.to_string(),
        },
        AccountStatus::NeedsUser(NeedsUser::AddressChanged { .. }) => {
            AccountState::SignInNeeded { why }
        }
        AccountStatus::NeedsUser(NeedsUser::VaultLocked { detail }) => AccountState::Locked {
            why: detail.clone(),
        },
        AccountStatus::NeedsUser(NeedsUser::Expired { .. }) => AccountState::Unusable {
            why: "expired".to_owned(),
        },
        AccountStatus::NeedsUser(NeedsUser::Credential(_))
        | AccountStatus::ProviderDisabled { .. }
        | AccountStatus::ProviderUnknown { .. } => AccountState::Unusable { why },
    }
}

/// `None` where the provider did not say both numbers: unknown is no percentage.
fn quota(facts: &QuotaFacts) -> Option<Quota> {
    Some(Quota {
        window: facts.window.replace('_', " "),
        used_percent: facts.used_percent()?,
        resets_at: facts.resets_at,
    })
}

fn budget(facts: &BudgetFacts) -> Quota {
    Quota {
        window: facts.budget.clone(),
        used_percent: facts.used_percent(),
        resets_at: Some(facts.resets_at),
    }
}

fn problem(facts: &ProblemFacts) -> ProblemView {
    ProblemView {
        summary: format!("{} ({})", facts.model, facts.status),
        explanation: facts.sentences(),
    }
}
