//! An account as people and scripts see it. Nothing here is secret.

use serde::{Deserialize, Serialize};

use crate::account::{Account, Source};
use crate::outcome::{ReadingSource, Unit};
use crate::pool::{AccountView, BudgetView, ReadAt};
use crate::status::{AccountStatus, NeedsUser, rfc3339};

/// One account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFacts {
    pub name: String,
    pub provider: String,
    /// `vault`, `env` or `keyless`.
    pub source: String,
    /// The environment variable that holds the key.
    pub variable: Option<String>,
    /// One word: `ready`, `busy`, `cooling`, `quota_used_up`, `refreshing`, `sign_in_needed`,
    /// `env_unset`, `disabled` and their like.
    pub state: String,
    /// Why, in words.
    pub reason: Option<String>,
    /// When the state ends by itself.
    pub until: Option<String>,
    /// What to do, where a person has to.
    pub advice: Option<String>,
    /// What the provider said of its limits; a window that is not here is unknown.
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
    pub expires_on: Option<String>,
    pub token_until: Option<String>,
    pub rests: Vec<RestFacts>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaFacts {
    pub window: String,
    /// `requests`, `tokens` or `other`.
    pub unit: String,
    pub model: Option<String>,
    pub limit: Option<u64>,
    pub remaining: Option<u64>,
    pub resets_at: Option<String>,
    /// Where it was read: `header`, `error_body` or `balance_call`.
    pub source: String,
    pub read_at: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetFacts {
    /// As it was set: `500000 tokens/day Europe/Berlin`.
    pub budget: String,
    pub limit: u64,
    pub spent: u64,
    pub resets_at: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestFacts {
    /// `null` for all models.
    pub model: Option<String>,
    pub cause: String,
    pub detail: Option<String>,
    pub since: String,
    pub until: String,
}

impl AccountFacts {
    pub(super) fn of(view: &AccountView) -> Self {
        let settings = &view.account.settings;
        Self {
            state: view.status.name().to_owned(),
            reason: view.status.reason(),
            until: view.status.until().map(rfc3339),
            advice: advice(&view.account, &view.status),
            quota: view.quota.iter().map(QuotaFacts::of).collect(),
            budgets: view.budgets.iter().map(BudgetFacts::of).collect(),
            in_flight: view.in_flight,
            sessions: view.sessions,
            token_until: view.token_until.map(rfc3339),
            rests: view.rests.iter().map(RestFacts::of).collect(),
            enabled: settings.enabled,
            ..Self::idle(&view.account)
        }
    }

    /// Of an account whose provider does not serve.
    pub(super) fn unserved(account: &Account, is_disabled: bool) -> Self {
        let provider = &account.provider;
        let (state, reason, advice) = if is_disabled {
            let advice =
                format!("`aerostat config set providers.{provider}.enabled true` enables it");
            (
                "provider_disabled",
                format!("the provider `{provider}` is disabled"),
                advice,
            )
        } else {
            let advice =
                format!("add [providers.{provider}] to the configuration, or remove the account");
            (
                "provider_unknown",
                format!("there is no provider `{provider}`"),
                advice,
            )
        };
        Self {
            state: state.to_owned(),
            reason: Some(reason),
            advice: Some(advice),
            ..Self::idle(account)
        }
    }

    fn idle(account: &Account) -> Self {
        let settings = &account.settings;
        let (source, variable) = match &account.source {
            Source::Vault => ("vault", None),
            Source::Env { variable } => ("env", Some(variable.clone())),
            Source::Keyless => ("keyless", None),
        };
        Self {
            name: account.name.to_string(),
            provider: account.provider.clone(),
            source: source.to_owned(),
            variable,
            state: String::new(),
            reason: None,
            until: None,
            advice: None,
            quota: Vec::new(),
            budgets: Vec::new(),
            enabled: settings.enabled,
            priority: settings.priority,
            concurrency: settings.concurrency_max,
            in_flight: 0,
            sessions: 0,
            models: settings.models.clone(),
            proxy: settings.proxy.clone(),
            expires_on: settings.expires_on.map(rfc3339),
            token_until: None,
            rests: Vec::new(),
        }
    }

    /// Whether it waits for a person.
    pub fn needs_person(&self) -> bool {
        self.advice.is_some()
    }
}

impl QuotaFacts {
    pub(super) fn of(read: &ReadAt) -> Self {
        let reading = &read.reading;
        Self {
            window: reading.window.to_string(),
            unit: unit(reading.unit).to_owned(),
            model: read.model.as_deref().map(str::to_owned),
            limit: reading.limit,
            remaining: reading.remaining,
            resets_at: reading.resets_at.map(rfc3339),
            source: source(reading.source).to_owned(),
            read_at: rfc3339(read.read_at),
        }
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
            resets_at: rfc3339(*resets_at),
        }
    }
}

impl RestFacts {
    fn of(rest: &crate::pool::Cooldown) -> Self {
        Self {
            model: rest.model.as_deref().map(str::to_owned),
            cause: rest.cause.name().to_owned(),
            detail: rest.detail.as_deref().map(str::to_owned),
            since: rfc3339(rest.since),
            until: rfc3339(rest.until),
        }
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Requests => "requests",
        Unit::Tokens => "tokens",
        Unit::Other => "other",
    }
}

fn source(source: ReadingSource) -> &'static str {
    match source {
        ReadingSource::Header => "header",
        ReadingSource::ErrorBody => "error_body",
        ReadingSource::BalanceCall => "balance_call",
    }
}

/// The next step, where one is a person's.
fn advice(account: &Account, status: &AccountStatus) -> Option<String> {
    let name = &account.name;
    let AccountStatus::NeedsUser(need) = status else {
        return None;
    };
    Some(match (need, &account.source) {
        (NeedsUser::SignIn(_), _) => format!("enter it again with `aerostat account login {name}`"),
        (NeedsUser::AddressChanged { .. }, _) => format!(
            "if the new address is right, say so with `aerostat account login {name} --confirm-address`; else set `base_url` back"
        ),
        (NeedsUser::Credential(_), Source::Env { variable }) => {
            set_variable(variable, &account.provider)
        }
        (NeedsUser::Credential(_), _) => format!(
            "change [providers.{}] in the configuration",
            account.provider
        ),
        (NeedsUser::VaultLocked { .. }, _) => {
            "unlock the keyring, or name the key's file in `AEROSTAT_VAULT_KEY_FILE`".to_owned()
        }
        (NeedsUser::Expired { .. }, _) => {
            format!(
                "if it goes on, set another day with `aerostat account set {name} --expires DATE`; else remove it"
            )
        }
    })
}

/// How a variable reaches an agent that no shell starts.
fn set_variable(variable: &str, provider: &str) -> String {
    let how = if cfg!(target_os = "macos") {
        format!("`launchctl setenv {variable} …`")
    } else if cfg!(windows) {
        format!("`setx {variable} …`, then sign out and in")
    } else {
        format!(
            "a line `{variable}=…` in `~/.config/environment.d/aerostat.conf`, then sign out and in"
        )
    };
    format!(
        "an agent started at login does not read a shell's profile: set it by {how}; or keep the key in the vault with \
         `aerostat account add {provider} --name NAME`"
    )
}
