//! What stays as it is until the user does something.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AccountStatus, BindFailure, BindFailureCause, NeedsUser, PortOwner, SignInCause};

/// One thing that needs the user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Attention {
    /// The port is closed against the user's will.
    PortUnavailable { failure: BindFailure },
    /// Another port is configured and cannot be opened; the former one is still open.
    PortNotMoved {
        failure: BindFailure,
        open_port: u16,
    },
    /// The configuration file cannot be used; the last good one is active.
    ConfigRejected { line: Option<usize>, error: String },
    /// Other machines are not served, although the configuration asks for it.
    LanRefused { reason: String },
    /// Nothing is measured at the port that is configured for it.
    MetricsUnavailable { failure: BindFailure },
    /// Requests are served and not recorded.
    RecordsStopped { advice: String },
    /// The vault is locked, and with it these accounts.
    VaultLocked {
        accounts: Vec<String>,
        detail: String,
    },
    Account {
        name: String,
        provider: String,
        /// Whether its credential is a key, which is entered, and no sign-in.
        takes_key: bool,
        status: AccountStatus,
    },
}

/// What is to be done and why, in one line.
impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortUnavailable { failure } => write!(f, "{}", PortAdvice(failure, "port")),
            Self::PortNotMoved { failure, open_port } => {
                let advice = PortAdvice(failure, "port");
                write!(f, "{advice}; port {open_port} keeps serving")
            }
            Self::ConfigRejected { error, .. } => {
                write!(f, "Fix {}", error.lines().next().unwrap_or_default())
            }
            Self::LanRefused { reason } => f.write_str(reason),
            Self::MetricsUnavailable { failure } => {
                write!(f, "{}", PortAdvice(failure, "metrics_port"))
            }
            Self::RecordsStopped { advice } => f.write_str(advice),
            Self::VaultLocked { accounts, detail } => {
                write!(f, "Unlock the vault of {}: {detail}", accounts.join(", "))
            }
            Self::Account {
                name,
                provider,
                takes_key,
                status,
            } => {
                f.write_str(&account_need(name, *takes_key, status))?;
                match account_reason(provider, status) {
                    Some(reason) => write!(f, ": {reason}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// What to do about a port that cannot be had, and the setting that names it.
struct PortAdvice<'a>(&'a BindFailure, &'static str);

impl fmt::Display for PortAdvice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(BindFailure { port, cause, .. }, setting) = self;
        match cause {
            BindFailureCause::InUse {
                owner: PortOwner::Unknown,
            } => write!(f, "Free port {port}, or set another `{setting}`"),
            BindFailureCause::InUse { owner } => {
                write!(f, "Stop {owner} on port {port}, or set another `{setting}`")
            }
            BindFailureCause::Refused => write!(f, "Set another `{setting}` than {port}"),
        }
    }
}

/// What an account needs: `alpha needs a new key`.
pub fn account_need(name: &str, takes_key: bool, status: &AccountStatus) -> String {
    let need = match status {
        AccountStatus::NeedsUser(NeedsUser::SignIn(sign_in)) => match (takes_key, sign_in.cause) {
            (true, SignInCause::NoCredential) => "needs its key",
            (true, _) => "needs a new key",
            (false, _) => "needs you to sign in",
        },
        AccountStatus::NeedsUser(NeedsUser::AddressChanged { .. }) => {
            "needs your word on its new address"
        }
        AccountStatus::NeedsUser(NeedsUser::Credential(_)) => "has no usable credential",
        AccountStatus::NeedsUser(NeedsUser::VaultLocked { .. }) => "is locked",
        AccountStatus::NeedsUser(NeedsUser::Expired { .. }) => "has expired",
        AccountStatus::ProviderDisabled { .. } | AccountStatus::ProviderUnknown { .. } => {
            "has no provider"
        }
        AccountStatus::Ready
        | AccountStatus::Busy
        | AccountStatus::Refreshing
        | AccountStatus::CoolingDown { .. }
        | AccountStatus::QuotaExhausted { .. }
        | AccountStatus::Unreachable { .. }
        | AccountStatus::Disabled => "needs nothing",
    };
    format!("{name} {need}")
}

/// Why it needs that, where [`account_need`] does not say it all: `lab said: no such key`.
pub fn account_reason(provider: &str, status: &AccountStatus) -> Option<String> {
    match status {
        AccountStatus::NeedsUser(NeedsUser::SignIn(sign_in)) => match &sign_in.detail {
            Some(detail) if sign_in.cause != SignInCause::InterruptedRefresh => {
                Some(format!("{provider} said: {detail}"))
            }
            _ if sign_in.cause == SignInCause::NoCredential => None,
            _ => Some(sign_in.cause.to_string()),
        },
        AccountStatus::NeedsUser(need @ NeedsUser::AddressChanged { .. }) => need.sign_in_reason(),
        AccountStatus::NeedsUser(NeedsUser::Credential(problem)) => Some(problem.to_string()),
        AccountStatus::NeedsUser(NeedsUser::VaultLocked { detail }) => Some(detail.clone()),
        AccountStatus::ProviderDisabled { .. } | AccountStatus::ProviderUnknown { .. } => {
            status.reason()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Timestamp;
    use crate::status::SignIn;

    fn sign_in(cause: SignInCause, detail: Option<&str>) -> AccountStatus {
        AccountStatus::NeedsUser(NeedsUser::SignIn(SignIn {
            cause,
            detail: detail.map(str::to_owned),
            since: Timestamp::UNIX_EPOCH,
        }))
    }

    fn account(takes_key: bool, status: AccountStatus) -> String {
        let attention = Attention::Account {
            name: "alpha".to_owned(),
            provider: "lab".to_owned(),
            takes_key,
            status,
        };
        let json = serde_json::to_string(&attention).unwrap();
        assert_eq!(serde_json::from_str::<Attention>(&json).unwrap(), attention);
        attention.to_string()
    }

    #[test]
    fn a_key_is_entered_and_a_sign_in_is_made() {
        let refused = |takes_key| {
            let detail = Some("no such key");
            account(takes_key, sign_in(SignInCause::KeyRefused, detail))
        };
        assert_eq!(
            refused(true),
            "alpha needs a new key: lab said: no such key"
        );
        assert_eq!(
            refused(false),
            "alpha needs you to sign in: lab said: no such key"
        );
        let missing = |takes_key| account(takes_key, sign_in(SignInCause::NoCredential, None));
        assert_eq!(missing(true), "alpha needs its key");
        assert_eq!(missing(false), "alpha needs you to sign in");
        assert_eq!(
            account(false, sign_in(SignInCause::GrantRefused, None)),
            "alpha needs you to sign in: the provider refused to refresh"
        );
    }

    #[test]
    fn every_other_need_says_what_it_is() {
        let expired = NeedsUser::Expired {
            at: Timestamp::UNIX_EPOCH,
        };
        assert_eq!(
            account(true, AccountStatus::NeedsUser(expired)),
            "alpha has expired"
        );
        let provider = "lab".to_owned();
        assert_eq!(
            account(true, AccountStatus::ProviderDisabled { provider }),
            "alpha has no provider: the provider `lab` is disabled"
        );
        let config = Attention::ConfigRejected {
            line: Some(4),
            error: "config.toml:4:8: port: expected a number\nmore".to_owned(),
        };
        assert_eq!(
            config.to_string(),
            "Fix config.toml:4:8: port: expected a number"
        );
    }
}
