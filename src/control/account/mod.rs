//! The accounts' verbs: added, looked at, tried, changed and removed, by the same rules with and
//! without an agent.

mod add;
mod facts;
mod moving;
mod settings;
mod tokens;

pub use add::{Added, Entered, Entry, Form};
pub use facts::{AccountFacts, AccountSource, BudgetFacts, CooldownFacts, QuotaFacts};
pub use moving::{Exported, ImportChange, Imported};
pub use settings::SettingChanges;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use serde::{Deserialize, Serialize};

use super::status::AccountCounts;
use super::{Config, ControlError, ControlService};
use crate::account::{Account, Credential, EnvAccount, Source};
use crate::accounts::roster::{Sources, rules, with_presets};
use crate::canon::{Fault, FaultKind};
use crate::nearest::nearest;
use crate::pool::{Member, QuotaReading};
use crate::provider::{DEMO, Provider};
use crate::upstream::{ProxyChoice, Upstream};

/// What a provider may say of a balance, and how long it may take to.
const BALANCE_BYTES_MAX: usize = 64 * 1024;
const BALANCE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a test call showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Test {
    pub account: AccountFacts,
    pub works: bool,
    /// One sentence: what the provider said, or that it took the account.
    pub message: String,
    pub models: Vec<String>,
}

/// How a test call ended.
pub(super) enum Tried {
    Works {
        models: Vec<String>,
        quota: Vec<QuotaFacts>,
    },
    /// The provider does not take the credential.
    Refused { why: String },
    /// Nothing was learnt about the credential.
    Unclear { why: String },
}

impl ControlService {
    /// What is in force, with the presets that accounts were added for.
    pub(super) fn effective(&self) -> Arc<Config> {
        Arc::new(self.with_presets(&self.config()).into_owned())
    }

    /// A provider as it is in force, also a preset that accounts were added for.
    pub fn provider(&self, name: &str) -> Option<Provider> {
        self.effective().provider(name).cloned()
    }

    /// All members of the pool, as they are now.
    pub(super) fn roster(&self) -> Vec<Member> {
        let added = self.sources().added();
        let config = self.config();
        let config = with_presets(&config, &added);
        self.sources().roster(&config, added)
    }

    /// Gives the pool the accounts as they are now.
    pub fn renew(&self) {
        self.pool.replace(self.roster(), rules(&self.config()));
    }

    pub(super) fn sources(&self) -> Sources<'_> {
        Sources {
            store: &self.store,
            vault: self.vault(),
            lookup: &*self.lookup,
            now: SystemTime::now(),
        }
    }

    pub(super) fn list_accounts(&self) -> Vec<AccountFacts> {
        let views = self.pool.view(SystemTime::now());
        let own = views.iter().filter(|view| view.account.provider != DEMO);
        let mut facts: Vec<AccountFacts> = own.map(AccountFacts::of).collect();
        let config = self.effective();
        let is_served = |account: &Account| {
            config
                .provider(&account.provider)
                .is_some_and(|provider| provider.enabled)
        };
        let unserved = self
            .sources()
            .added()
            .into_iter()
            .filter(|account| !is_served(account));
        facts.extend(unserved.map(|account| {
            AccountFacts::without_provider(&account, config.provider(&account.provider).is_some())
        }));
        facts
    }

    pub(super) fn counts(&self) -> AccountCounts {
        let facts = self.list_accounts();
        AccountCounts {
            total: facts.len(),
            ready: facts
                .iter()
                .filter(|facts| facts.status.is_serving())
                .count(),
            attention: facts
                .iter()
                .filter(|facts| facts.status.needs_user())
                .count(),
        }
    }

    /// # Errors
    /// When there is no account of that name.
    pub(super) fn show_account(&self, name: &str) -> Result<AccountFacts, ControlError> {
        let facts = self.list_accounts();
        let names: Vec<String> = facts.iter().map(|facts| facts.name.clone()).collect();
        facts
            .into_iter()
            .find(|facts| facts.name == name)
            .ok_or_else(|| unknown(name, &names))
    }

    /// The account of that name, also one that nobody added.
    pub(super) fn find(&self, name: &str) -> Result<Account, ControlError> {
        let added = self.sources().added();
        let mut members = self.roster();
        members.retain(|member| member.account.provider != DEMO);
        let known = added
            .iter()
            .chain(members.iter().map(|member| &*member.account))
            .find(|account| account.name.as_str() == name);
        known.cloned().ok_or_else(|| {
            let names: Vec<String> = members
                .iter()
                .map(|member| member.account.name.to_string())
                .collect();
            unknown(name, &names)
        })
    }

    /// Changes what a person set; one that nobody added is kept from now on.
    pub(super) async fn set_account(
        &self,
        name: &str,
        changes: &SettingChanges,
    ) -> Result<AccountFacts, ControlError> {
        if changes.is_empty() {
            return Err(ControlError::usage(
                "expected something to set, such as `--priority 10`",
            ));
        }
        let account = self.find(name)?;
        let settings = changes.apply(&account.settings)?;
        let added_at = if account.added_at == SystemTime::UNIX_EPOCH {
            SystemTime::now()
        } else {
            account.added_at
        };
        self.store
            .put_account(Account {
                settings,
                added_at,
                ..account
            })
            .await
            .map_err(ControlError::failed)?;
        self.changed();
        self.show_account(name)
    }

    /// Removes an account with its credential. What it is doing ends as it would have.
    pub(super) async fn remove_account(&self, name: &str) -> Result<AccountFacts, ControlError> {
        let facts = self.show_account(name)?;
        let account = self.find(name)?;
        if self.store.account(&account.name).is_none() && account.source != Source::Vault {
            return Err(ControlError::failed(format!(
                "`{name}` was not added: it is there because of [providers.{}]; `aerostat account disable {name}` keeps it from serving",
                account.provider
            )));
        }
        // The credential first: what is left after a kill is an account that says that it has none.
        if account.source == Source::Vault {
            let removed = account.name.clone();
            self.with_vault(move |vault| vault.remove(&removed)).await?;
        }
        self.store
            .remove_account(&account.name)
            .await
            .map_err(ControlError::failed)?;
        self.changed();
        self.pool.forget(&account.name);
        Ok(facts)
    }

    /// Ends all rests of an account.
    pub(super) fn clear_account(&self, name: &str) -> Result<AccountFacts, ControlError> {
        let account = self.find(name)?;
        self.pool.clear(&account.name);
        self.show_account(name)
    }

    /// Makes one call as an account, if it has what it takes.
    pub(super) async fn test_account(&self, name: &str) -> Result<Test, ControlError> {
        let account = self.find(name)?;
        let facts = self.show_account(name)?;
        let member = self
            .roster()
            .into_iter()
            .find(|member| member.account.name == account.name);
        let Some(Member { credential, .. }) = member else {
            return Ok(Test {
                message: facts.status.reason().unwrap_or_default(),
                works: false,
                models: Vec::new(),
                account: facts,
            });
        };
        let credential = match credential {
            Ok(credential) => credential,
            Err(need) => {
                return Ok(Test {
                    message: need.to_string(),
                    works: false,
                    models: Vec::new(),
                    account: facts,
                });
            }
        };
        let config = self.effective();
        let provider = config
            .provider(&account.provider)
            .ok_or_else(|| ControlError::failed("its provider is gone"))?;
        let tried = match self.bearer(&account, provider, credential).await {
            Ok(bearer) => {
                self.try_credential(&config, provider, &account, bearer)
                    .await
            }
            Err(tried) => tried,
        };
        self.changed();
        let mut quota = Vec::new();
        let (works, message, models) = match tried {
            Tried::Works {
                models,
                quota: told,
            } => {
                quota = told;
                (
                    true,
                    format!("`{}` takes the account", provider.name),
                    models,
                )
            }
            Tried::Refused { why } => (false, why, Vec::new()),
            Tried::Unclear { why } => (false, why, Vec::new()),
        };
        let mut account = self.show_account(name)?;
        account.quota.extend(quota);
        Ok(Test {
            account,
            works,
            message,
            models,
        })
    }

    /// The cheapest call that shows whether a provider takes a credential; and the one that tells
    /// what is left, where there is one.
    pub(super) async fn try_credential(
        &self,
        config: &Config,
        provider: &Provider,
        account: &Account,
        credential: Credential,
    ) -> Tried {
        let via = match ProxyChoice::of(account) {
            Ok(via) => via,
            Err(why) => {
                return Tried::Unclear {
                    why: format!(
                        "the proxy of account `{}` cannot be used: {why}",
                        account.name
                    ),
                };
            }
        };
        let (name, of) = (account.name.to_string(), provider.name.clone());
        let asked = EnvAccount {
            name,
            provider: of,
            credential,
        };
        match self
            .outside
            .list_models(config, provider, &asked, &via)
            .await
        {
            Ok(cards) => Tried::Works {
                models: cards.into_iter().map(|card| card.id).collect(),
                quota: self
                    .balance(config, provider, &asked.credential, &via)
                    .await,
            },
            Err(fault) if is_refusal(&fault) => Tried::Refused {
                why: format!(
                    "`{}` does not take the credential: {}",
                    provider.name, fault.message
                ),
            },
            Err(fault) => Tried::Unclear {
                why: format!("`{}` could not be tried: {}", provider.name, fault.message),
            },
        }
    }

    /// What the provider's own call for balances tells; nothing where it has none, or does not
    /// answer.
    async fn balance(
        &self,
        config: &Config,
        provider: &Provider,
        credential: &Credential,
        via: &ProxyChoice,
    ) -> Vec<QuotaFacts> {
        let Some((balance, request)) = provider.ask_balance(credential) else {
            return Vec::new();
        };
        let body = whole_body(self.outside.upstream(config), request, via.clone());
        let body = tokio::time::timeout(BALANCE_TIMEOUT, body)
            .await
            .ok()
            .flatten()
            .unwrap_or_default();
        let now = SystemTime::now();
        let read = balance.read(&body).into_iter().map(|reading| QuotaReading {
            model: None,
            reading,
            read_at: now,
        });
        read.map(|read| QuotaFacts::of(&read)).collect()
    }
}

/// The body of a good answer, where it is not too long.
async fn whole_body(
    upstream: Arc<dyn Upstream>,
    request: http::Request<Bytes>,
    via: ProxyChoice,
) -> Option<Vec<u8>> {
    let answer = upstream
        .send(request.map(Into::into), &via)
        .await
        .ok()
        .filter(|answer| answer.status().is_success())?;
    let (mut body, mut bytes) = (answer.into_body(), Vec::new());
    while let Some(frame) = body.frame().await {
        bytes.extend_from_slice(frame.ok()?.data_ref().map_or(&[], |data| data));
        if bytes.len() > BALANCE_BYTES_MAX {
            return None;
        }
    }
    Some(bytes)
}

fn is_refusal(fault: &Fault) -> bool {
    fault.kind == FaultKind::UpstreamAuth || matches!(fault.status, Some(401 | 403))
}

fn unknown(name: &str, names: &[String]) -> ControlError {
    let shown = name.chars().take(64).collect::<String>();
    let shown = shown.escape_debug();
    ControlError::failed(
        match nearest(name, names.iter().map(String::as_str), 1).first() {
            Some(near) => format!("no account `{shown}`; did you mean `{near}`?"),
            None => format!("no account `{shown}`; `aerostat account list` names them"),
        },
    )
}
