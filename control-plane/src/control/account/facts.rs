//! An account as people and scripts see it. Nothing here is secret.

use serde::{Deserialize, Serialize};

use super::texts::Texts;
use crate::account::{Account, CredentialProblem, Source};
use crate::language::{Language, Said};
use crate::outcome::{ReadingSource, Timestamp, Unit};
use crate::pool::{AccountView, BudgetView, Cooldown, QuotaReading};
use crate::provider::{Provider, window_length};
use crate::status::{AccountStatus, CooldownCause, NeedsUser, timestamp};

/// One account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFacts {
    pub name: String,
    pub provider: String,
    pub source: AccountSource,
    /// Whether the user added it. Others are there because of their provider.
    #[serde(default)]
    pub added: bool,
    /// What its provider wants of it.
    #[serde(default, rename = "credential")]
    pub form: CredentialForm,
    /// The environment variable that holds the key.
    pub variable: Option<String>,
    /// In JSON also `state`, `reason` and `until`, for scripts.
    #[serde(flatten)]
    pub status: AccountStatus,
    /// What to do, where the user has to do something.
    pub advice: Option<String>,
    /// What the provider said of its limits; a window that is not listed is unknown.
    pub quota: Vec<QuotaFacts>,
    pub budgets: Vec<BudgetFacts>,
    pub enabled: bool,
    /// Lower ones are used first.
    pub priority: u32,
    pub concurrency: Option<u32>,
    pub in_flight: u32,
    /// Conversations that keep to it.
    pub sessions: u32,
    /// The models that it may serve; `null` for all.
    pub models: Option<Vec<String>>,
    pub proxy: Option<String>,
    #[serde(with = "timestamp::option")]
    pub expires_on: Option<Timestamp>,
    #[serde(with = "timestamp::option")]
    pub token_until: Option<Timestamp>,
    #[serde(rename = "rests")]
    pub cooldowns: Vec<CooldownFacts>,
    /// Whether its quota was used up, the provider named no end, and no request has shown since that
    /// it is back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub awaits_proof: bool,
}

/// What a provider wants of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialForm {
    #[default]
    Key,
    OAuth,
    Nothing,
}

/// Where an account's credential comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountSource {
    #[default]
    Vault,
    Env,
    /// The provider needs none.
    Keyless,
}

/// A limit of the provider, as last reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaFacts {
    pub window: String,
    pub unit: Unit,
    pub model: Option<String>,
    pub limit: Option<u64>,
    pub remaining: Option<u64>,
    #[serde(with = "timestamp::option")]
    pub resets_at: Option<Timestamp>,
    /// How long the window lasts, where its name tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length_seconds: Option<u64>,
    pub source: ReadingSource,
    #[serde(with = "timestamp")]
    pub read_at: Timestamp,
}

/// A budget that the user set, and what is used of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetFacts {
    /// As it was set: `500000 tokens/day Europe/Berlin`.
    pub budget: String,
    pub limit: u64,
    pub spent: u64,
    #[serde(with = "timestamp")]
    pub resets_at: Timestamp,
}

/// One cooldown of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CooldownFacts {
    /// `null` for all models.
    pub model: Option<String>,
    pub cause: CooldownCause,
    pub detail: Option<Said>,
    #[serde(with = "timestamp")]
    pub since: Timestamp,
    #[serde(with = "timestamp")]
    pub until: Timestamp,
}

impl AccountFacts {
    pub(super) fn of(view: &AccountView) -> Self {
        Self {
            status: view.status.clone(),
            quota: view.quota.iter().map(QuotaFacts::of).collect(),
            budgets: view.budgets.iter().map(BudgetFacts::of).collect(),
            in_flight: view.in_flight,
            sessions: view.sessions,
            token_until: view.token_until,
            cooldowns: view.cooldowns.iter().map(CooldownFacts::of).collect(),
            awaits_proof: view.awaits_proof,
            ..Self::from_settings(&view.account)
        }
        .advised()
    }

    /// With its advice, for command line and scripts.
    fn advised(mut self) -> Self {
        self.advice = self.advice_in(Language::English);
        self
    }

    /// For an account whose provider is not active: `is_disabled`, or else unknown.
    pub(super) fn without_provider(account: &Account, is_disabled: bool) -> Self {
        let provider = account.provider.clone();
        let status = if is_disabled {
            AccountStatus::ProviderDisabled { provider }
        } else {
            AccountStatus::ProviderUnknown { provider }
        };
        Self {
            status,
            ..Self::from_settings(account)
        }
        .advised()
    }

    fn from_settings(account: &Account) -> Self {
        let settings = &account.settings;
        let (source, variable) = match &account.source {
            Source::Vault => (AccountSource::Vault, None),
            Source::Env { variable } => (AccountSource::Env, Some(variable.clone())),
            Source::Keyless => (AccountSource::Keyless, None),
        };
        Self {
            name: account.name.to_string(),
            provider: account.provider.clone(),
            source,
            variable,
            enabled: settings.enabled,
            priority: settings.priority,
            concurrency: settings.concurrency_max,
            models: settings.models.clone(),
            proxy: settings.proxy.clone(),
            expires_on: settings.expires_on,
            ..Self::default()
        }
    }

    /// Whether there is no account yet, but a provider that one could be added for.
    pub fn is_offer(&self) -> bool {
        use CredentialProblem::{NeedsKey, NeedsKeyEnv, NeedsSignIn};
        !self.added
            && matches!(
                self.status,
                AccountStatus::NeedsUser(NeedsUser::Credential(
                    NeedsKey { .. } | NeedsKeyEnv { .. } | NeedsSignIn { .. }
                ))
            )
    }

    /// Whether its credential is a key, which is entered, and no sign-in.
    pub fn takes_key(&self) -> bool {
        self.form != CredentialForm::OAuth
    }

    /// Whether the user has to act before it serves again.
    pub fn needs_user(&self) -> bool {
        self.shown_status().needs_user() && !self.is_offer()
    }

    /// The status to show: `Disabled` for an account that the user switched off, also where its
    /// provider is not active.
    pub fn shown_status(&self) -> &AccountStatus {
        if self.enabled {
            &self.status
        } else {
            &AccountStatus::Disabled
        }
    }
}

impl AccountSource {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::Env => "env",
            Self::Keyless => "keyless",
        }
    }
}

impl QuotaFacts {
    pub(super) fn of(read: &QuotaReading) -> Self {
        let reading = &read.reading;
        Self {
            window: reading.window.to_string(),
            unit: reading.unit,
            model: read.model.as_deref().map(str::to_owned),
            limit: reading.limit,
            remaining: reading.remaining,
            resets_at: reading.resets_at,
            length_seconds: window_length(&reading.window).map(|length| length.as_secs()),
            source: reading.source,
            read_at: read.read_at,
        }
    }

    /// How much of it is used, in whole percents rounded down: 100 means all of it.
    ///
    /// `None` where the provider did not report both numbers.
    pub fn used_percent(&self) -> Option<u8> {
        let limit = self.limit.filter(|limit| *limit > 0)?;
        let used = limit.saturating_sub(self.remaining?);
        Some(percent(used, limit))
    }
}

impl BudgetFacts {
    fn of(view: &BudgetView) -> Self {
        let BudgetView {
            budget,
            spent,
            resets_at,
        } = view;
        Self {
            budget: budget.to_string(),
            limit: budget.limit,
            spent: *spent,
            resets_at: *resets_at,
        }
    }

    /// How much of it is used, in whole percents rounded down: 100 means all of it.
    pub fn used_percent(&self) -> u8 {
        percent(self.spent, self.limit.max(1))
    }
}

pub(in crate::control) fn form_of(provider: &Provider) -> CredentialForm {
    match provider.auth.name() {
        "none" => CredentialForm::Nothing,
        "oauth" => CredentialForm::OAuth,
        _ => CredentialForm::Key,
    }
}

fn percent(used: u64, limit: u64) -> u8 {
    u8::try_from(u128::from(used) * 100 / u128::from(limit)).unwrap_or(u8::MAX)
}

impl CooldownFacts {
    fn of(cooldown: &Cooldown) -> Self {
        Self {
            model: cooldown.model.as_deref().map(str::to_owned),
            cause: cooldown.cause,
            detail: cooldown.detail.clone(),
            since: cooldown.since,
            until: cooldown.until,
        }
    }
}

impl AccountFacts {
    /// The next step, where it is the user's.
    pub fn advice_in(&self, language: Language) -> Option<String> {
        let text = Texts(language);
        match &self.status {
            AccountStatus::NeedsUser(need) => Some(self.advice_on_need(need, text)),
            AccountStatus::ProviderDisabled { provider } => Some(text.enable_provider(provider)),
            AccountStatus::ProviderUnknown { provider } => Some(text.add_provider(provider)),
            _ => None,
        }
    }

    fn advice_on_need(&self, need: &NeedsUser, text: Texts) -> String {
        let name = &self.name;
        match (need, &self.variable) {
            (NeedsUser::SignIn(sign_in), _) if sign_in.cause.may_pass() => {
                text.enter_again_or_wait(name)
            }
            (NeedsUser::SignIn(_), _) => text.enter_again(name),
            (NeedsUser::AddressChanged { .. }, _) => text.confirm_address(name),
            (NeedsUser::Credential(_), Some(variable)) => {
                set_variable(variable, &self.provider, text)
            }
            (NeedsUser::Credential(_), None) => text.change_provider(&self.provider),
            (NeedsUser::VaultLocked { .. }, _) => text.unlock_keyring().to_owned(),
            (NeedsUser::Expired { .. }, _) => text.set_another_day(name),
        }
    }
}

/// How a variable reaches an agent that no shell starts.
fn set_variable(variable: &str, provider: &str, text: Texts) -> String {
    let how = if cfg!(target_os = "macos") {
        format!("`launchctl setenv {variable} …`")
    } else if cfg!(windows) {
        text.by_setx(variable)
    } else {
        text.by_environment_file(variable)
    };
    text.set_variable(how, provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_was_not_told_is_no_percentage() {
        let used_percent = |limit, remaining| {
            let quota = QuotaFacts {
                window: "tokens".to_owned(),
                unit: Unit::Tokens,
                model: None,
                limit,
                remaining,
                resets_at: None,
                length_seconds: None,
                source: ReadingSource::Header,
                read_at: Timestamp::UNIX_EPOCH,
            };
            quota.used_percent()
        };
        assert_eq!(used_percent(None, Some(3)), None);
        assert_eq!(used_percent(Some(1000), None), None);
        assert_eq!(used_percent(Some(1000), Some(51)), Some(94));
        assert_eq!(used_percent(Some(1000), Some(0)), Some(100));
    }
}
