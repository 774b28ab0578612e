//! What stays as it is until the user does something.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::texts::Texts;
use super::{AccountStatus, BindFailure, BindFailureCause, NeedsUser, PortOwner, SignInCause};
use crate::language::{Language, Said};

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
    ConfigRejected { line: Option<usize>, error: Said },
    /// Other machines are not served, although the configuration asks for it.
    LanRefused { reason: Said },
    /// Nothing is measured at the port that is configured for it.
    MetricsUnavailable { failure: BindFailure },
    /// Requests are served and not recorded.
    RecordsStopped { advice: Said },
    /// The vault is locked, and with it these accounts.
    VaultLocked { accounts: Vec<String>, detail: Said },
    Account {
        name: String,
        provider: String,
        /// Whether its credential is a key, which is entered, and no sign-in.
        takes_key: bool,
        status: AccountStatus,
    },
}

impl Attention {
    /// What is to be done and why, in one line.
    pub fn text(&self, language: Language) -> String {
        let text = Texts(language);
        match self {
            Self::PortUnavailable { failure } => port_advice(failure, "port", language),
            Self::PortNotMoved { failure, open_port } => {
                text.old_port_serves(port_advice(failure, "port", language), open_port)
            }
            Self::ConfigRejected { error, .. } => {
                text.fix_config(error.text(language).lines().next().unwrap_or_default())
            }
            Self::LanRefused { reason } => reason.text(language).to_owned(),
            Self::MetricsUnavailable { failure } => port_advice(failure, "metrics_port", language),
            Self::RecordsStopped { advice } => advice.text(language).to_owned(),
            Self::VaultLocked { accounts, detail } => {
                text.unlock_the_vault(accounts.join(", "), detail.text(language))
            }
            Self::Account {
                name,
                provider,
                takes_key,
                status,
            } => {
                let need = account_need(name, *takes_key, status, language);
                match account_reason(provider, status, language) {
                    Some(reason) => format!("{need}: {reason}"),
                    None => need,
                }
            }
        }
    }
}

impl fmt::Display for Attention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::English))
    }
}

fn port_advice(failure: &BindFailure, key: &str, language: Language) -> String {
    let (text, port) = (Texts(language), failure.port);
    match &failure.cause {
        BindFailureCause::InUse {
            owner: PortOwner::Unknown,
        } => text.free_the_port(port, key),
        BindFailureCause::InUse { owner } => text.stop_the_owner(owner.text(language), port, key),
        BindFailureCause::Refused => text.set_another_port(port, key),
    }
}

/// What an account needs: `alpha needs a new key`.
pub fn account_need(
    name: &str,
    takes_key: bool,
    status: &AccountStatus,
    language: Language,
) -> String {
    let text = Texts(language);
    match status {
        AccountStatus::NeedsUser(NeedsUser::SignIn(sign_in)) => match (takes_key, sign_in.cause) {
            (true, SignInCause::NoCredential) => text.needs_its_key(name),
            (true, _) => text.needs_a_new_key(name),
            (false, _) => text.needs_a_sign_in(name),
        },
        AccountStatus::NeedsUser(NeedsUser::AddressChanged { .. }) => text.needs_your_word(name),
        AccountStatus::NeedsUser(NeedsUser::Credential(_)) => text.has_no_credential(name),
        AccountStatus::NeedsUser(NeedsUser::VaultLocked { .. }) => text.is_locked(name),
        AccountStatus::NeedsUser(NeedsUser::Expired { .. }) => text.has_expired(name),
        AccountStatus::ProviderDisabled { .. } | AccountStatus::ProviderUnknown { .. } => {
            text.has_no_provider(name)
        }
        AccountStatus::Ready
        | AccountStatus::Busy
        | AccountStatus::Refreshing
        | AccountStatus::CoolingDown { .. }
        | AccountStatus::QuotaExhausted { .. }
        | AccountStatus::Unreachable { .. }
        | AccountStatus::Disabled => text.needs_nothing(name),
    }
}

/// Why it needs that, where [`account_need`] does not say it all: `lab said: no such key`.
pub fn account_reason(
    provider: &str,
    status: &AccountStatus,
    language: Language,
) -> Option<String> {
    match status {
        AccountStatus::NeedsUser(NeedsUser::SignIn(sign_in)) => match &sign_in.detail {
            Some(detail) if sign_in.cause != SignInCause::InterruptedRefresh => {
                Some(Texts(language).provider_said(provider, detail))
            }
            _ if sign_in.cause == SignInCause::NoCredential => None,
            _ => Some(sign_in.cause.text(language).to_owned()),
        },
        AccountStatus::NeedsUser(need @ NeedsUser::AddressChanged { .. }) => {
            need.sign_in_reason(language)
        }
        AccountStatus::NeedsUser(NeedsUser::Credential(problem)) => Some(problem.text(language)),
        AccountStatus::NeedsUser(NeedsUser::VaultLocked { detail }) => {
            Some(detail.text(language).to_owned())
        }
        AccountStatus::ProviderDisabled { .. } | AccountStatus::ProviderUnknown { .. } => {
            status.reason_in(language)
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
            error: Said::quoted("config.toml:4:8: port: expected a number\nmore"),
        };
        assert_eq!(
            config.to_string(),
            "Fix config.toml:4:8: port: expected a number"
        );
    }
}
