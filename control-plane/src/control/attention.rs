//! What needs the user, and the state of all in one line: the same in tray, dashboard and `status`.

use super::account::AccountFacts;
use super::status::{AccountCounts, Status};
use crate::language::{InLanguage as _, Language, Said};
use crate::status::{
    AccountStatus, AgentStatus, Attention, BindFailureCause, LocalTime, NeedsUser, PortOwner,
    PortStatus,
};

/// What needs the user, the most urgent first. An account that the user switched off needs nothing.
pub(super) fn attention(status: &Status, accounts: &[AccountFacts]) -> Vec<Attention> {
    let mut found = Vec::new();
    found.extend(status.agent.port().and_then(of_port));
    if let Some(error) = &status.config_error {
        found.push(Attention::ConfigRejected {
            line: status.config_error_line,
            error: error.clone(),
        });
    }
    if let Some(reason) = &status.lan_refused {
        let reason = reason.clone();
        found.push(Attention::LanRefused { reason });
    }
    if let Some(failure) = status.metrics.failure() {
        let failure = failure.clone();
        found.push(Attention::MetricsUnavailable { failure });
    }
    let records = status.records.as_ref();
    if let Some(problem) = records.and_then(|records| records.problem.as_ref()) {
        found.push(Attention::RecordsStopped {
            advice: Said::of(problem),
        });
    }
    found.extend(locked_vault(accounts));
    found.extend(accounts.iter().filter_map(of_account));
    found
}

fn of_port(port: &PortStatus) -> Option<Attention> {
    match port {
        PortStatus::Unavailable(failure) => Some(Attention::PortUnavailable {
            failure: failure.clone(),
        }),
        PortStatus::Running { port, refused, .. } => {
            let failure = refused.clone()?;
            let open_port = *port;
            Some(Attention::PortNotMoved { failure, open_port })
        }
        PortStatus::Starting | PortStatus::Draining | PortStatus::Stopped | PortStatus::Ending => {
            None
        }
    }
}

/// One for all accounts of the vault: it opens for them together.
fn locked_vault(accounts: &[AccountFacts]) -> Option<Attention> {
    let mut names = Vec::new();
    let mut reason = None;
    for account in accounts {
        if let AccountStatus::NeedsUser(NeedsUser::VaultLocked { detail }) = account.shown_status()
        {
            names.push(account.name.clone());
            reason.get_or_insert(detail);
        }
    }
    Some(Attention::VaultLocked {
        detail: reason?.clone(),
        accounts: names,
    })
}

fn of_account(account: &AccountFacts) -> Option<Attention> {
    let status = account.shown_status();
    let is_locked = matches!(
        status,
        AccountStatus::NeedsUser(NeedsUser::VaultLocked { .. })
    );
    (account.needs_user() && !is_locked).then(|| Attention::Account {
        name: account.name.clone(),
        provider: account.provider.clone(),
        takes_key: account.takes_key(),
        status: status.clone(),
    })
}

impl Status {
    /// What is to be done about one thing and why, in one line.
    pub fn attention_text(&self, attention: &Attention, language: Language) -> String {
        let records = self.records.as_ref();
        match (
            attention,
            records.and_then(|records| records.problem.as_ref()),
        ) {
            (Attention::RecordsStopped { .. }, Some(problem)) => {
                problem.text(language).into_owned()
            }
            _ => attention.text(language),
        }
    }

    /// What is true now, in one line.
    pub fn headline(&self, now: &LocalTime) -> String {
        let AgentStatus::Running { port } = &self.agent else {
            return self.agent.to_string();
        };
        match port {
            PortStatus::Starting => "Starting…".to_owned(),
            PortStatus::Stopped => "Stopped".to_owned(),
            PortStatus::Draining | PortStatus::Ending => "Stopping…".to_owned(),
            PortStatus::Unavailable(failure) => {
                let port = failure.port;
                match &failure.cause {
                    BindFailureCause::InUse {
                        owner: PortOwner::Unknown,
                    } => format!("Port {port} is in use"),
                    BindFailureCause::InUse { owner } => {
                        format!("Port {port} is in use by {owner}")
                    }
                    BindFailureCause::Refused => format!("Port {port} cannot be opened"),
                }
            }
            PortStatus::Running {
                port, is_exposed, ..
            } => match (self.limitation(now), is_exposed) {
                (None, false) => format!("Running on 127.0.0.1:{port}"),
                (None, true) => format!("Running on port {port}, open to the local network"),
                (Some(limitation), false) => limitation,
                (Some(limitation), true) => format!("{limitation} · open to the local network"),
            },
        }
    }

    /// What keeps an open port from serving as it should. `None` where nothing does.
    fn limitation(&self, now: &LocalTime) -> Option<String> {
        let AccountCounts {
            enabled,
            can_serve,
            cooling_until,
            ..
        } = self.accounts.unwrap_or_default();
        if let Some(until) = cooling_until {
            return Some(format!("No account until {}", now.describe(until)));
        }
        if enabled > 0 && can_serve == 0 {
            return Some("No account can serve".to_owned());
        }
        match (&self.config_error, self.config_error_line) {
            (Some(_), Some(line)) => Some(format!("Configuration not used: line {line}")),
            (Some(_), None) => Some("Configuration not used".to_owned()),
            (None, _) if can_serve < enabled => {
                Some(format!("Running · {can_serve} of {enabled} can serve"))
            }
            (None, _) => None,
        }
    }
}
