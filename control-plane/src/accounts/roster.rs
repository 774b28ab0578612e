//! Which accounts there are, and what proves each: the store's, the vault's, and those that
//! providers have without any sign-in.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use crate::account::{
    Account, AccountName, AccountSettings, Address, Credential, CredentialProblem, Secret, Source,
    Vault, VaultState, credential_from_env,
};
use crate::config::Config;
use crate::language::said;
use crate::ordering;
use crate::outcome::Timestamp;
use crate::pool::{Member, PoolConfig, Roster};
use crate::provider::presets::PresetNeeds;
use crate::provider::presets::preset;
use crate::provider::{DEMO, Provider};
use crate::status::NeedsUser;
use crate::store::Store;

/// What accounts are made from.
pub(crate) struct Sources<'a> {
    pub(crate) store: &'a Store,
    pub(crate) vault: Vault,
    pub(crate) lookup: &'a dyn Fn(&str) -> Option<Secret>,
    pub(crate) now: Timestamp,
}

/// The configuration with the presets that accounts were added for: those need no word in the file.
pub(crate) fn with_presets<'c>(config: &'c Config, accounts: &[Account]) -> Cow<'c, Config> {
    let mut config = Cow::Borrowed(config);
    for account in accounts {
        if config.provider(&account.provider).is_none()
            && let Ok(provider) = preset_provider(&account.provider)
        {
            config.to_mut().providers.push(provider);
        }
    }
    config
}

said! {
    /// Why there is no provider without a word in the configuration.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub(crate) enum NoPreset;
    Unknown { name: String }: "no provider `{name}`" | "kein Anbieter `{name}`";
    Needs { name: String, needs: PresetNeeds }: "providers.{name}.base_url: missing: {needs}" |
        "providers.{name}.base_url fehlt: {needs}";
}

said! {
    /// What is being done with the vault.
    #[derive(Clone, Copy, Debug)]
    enum VaultWork;
    Opening: "it is being opened" | "er wird gerade geöffnet";
}

/// A preset as it is without any configuration.
///
/// # Errors
/// Why there is none, or what has to be configured first.
pub(crate) fn preset_provider(name: &str) -> Result<Provider, NoPreset> {
    let escaped = || name.escape_debug().to_string();
    let preset = preset(name).ok_or_else(|| NoPreset::Unknown { name: escaped() })?;
    preset.provider().ok_or_else(|| match preset.needs() {
        Some(needs) => NoPreset::Needs {
            name: escaped(),
            needs,
        },
        None => NoPreset::Unknown { name: escaped() },
    })
}

impl Sources<'_> {
    /// The accounts that were added, also those of which only the vault knows: a database may have
    /// been lost.
    pub(crate) fn added(&self) -> Vec<Account> {
        let mut accounts = self.store.accounts();
        for name in self.vault.names() {
            if !accounts.iter().any(|account| account.name == name)
                && let Some(sealed) = self.vault.get(&name)
            {
                accounts.push(account(name, &sealed.provider, Source::Vault, self.now));
            }
        }
        ordering::sort_by_key(&mut accounts, |account| account.added_at);
        accounts
    }

    /// All accounts of a home, with what proves each or keeps it from being proved. `config` is one
    /// [`with_presets`].
    pub(crate) fn roster(&self, config: &Config, added: Vec<Account>) -> Roster {
        let mut members: Roster = Vec::with_capacity(added.len());
        for account in added {
            if let Some(provider) = config
                .provider(&account.provider)
                .filter(|provider| provider.enabled)
            {
                let credential = self.credential(&account, provider);
                members.push(Member {
                    account: Arc::new(account),
                    credential,
                });
            }
        }
        for provider in config.providers.iter().filter(|provider| provider.enabled) {
            if !members
                .iter()
                .any(|member| member.account.provider == provider.name)
            {
                let member = self.unadded(provider, &members);
                members.push(member);
            }
        }
        if config.demo_enabled {
            members.push(demo());
        }
        members
    }

    fn credential(&self, account: &Account, provider: &Provider) -> Result<Credential, NeedsUser> {
        match &account.source {
            Source::Keyless => Ok(Credential::None),
            _ if provider.would_leak() => {
                Err(NeedsUser::Credential(CredentialProblem::InsecureHttp {
                    provider: provider.name.clone(),
                }))
            }
            Source::Env { variable } => {
                let value = (self.lookup)(variable);
                credential_from_env(variable, value).map_err(NeedsUser::Credential)
            }
            Source::Vault => self.sealed(&account.name, provider),
        }
    }

    fn sealed(&self, name: &AccountName, provider: &Provider) -> Result<Credential, NeedsUser> {
        let sealed = self
            .vault
            .get(name)
            .ok_or_else(|| match self.vault.state() {
                VaultState::Locked { detail, .. } => NeedsUser::VaultLocked { detail },
                VaultState::Unopened => NeedsUser::VaultLocked {
                    detail: VaultWork::Opening.into(),
                },
                VaultState::Empty | VaultState::Open(_) => NeedsUser::no_credential(self.now),
            })?;
        match address_of(provider) {
            Some(now) if now != sealed.address => Err(NeedsUser::AddressChanged {
                entered_for: sealed.address,
                now,
            }),
            _ => Ok(sealed.credential),
        }
    }

    /// The account that a provider has where none was added: from the environment, or without a
    /// key.
    fn unadded(&self, provider: &Provider, others: &[Member]) -> Member {
        let source = match &provider.key_env {
            Some(variable) if provider.auth != crate::provider::Auth::None => Source::Env {
                variable: variable.clone(),
            },
            _ => Source::Keyless,
        };
        let name = free_name(&provider.name, others);
        let account = account(name, &provider.name, source, SystemTime::UNIX_EPOCH);
        Member {
            account: Arc::new(account),
            credential: provider
                .credential_from_env(self.lookup)
                .map_err(NeedsUser::Credential),
        }
    }
}

/// Where a provider's credentials go.
pub(crate) fn address_of(provider: &Provider) -> Option<Address> {
    provider.base_url.to_string().parse().ok()
}

pub(crate) fn account(
    name: AccountName,
    provider: &str,
    source: Source,
    added_at: Timestamp,
) -> Account {
    Account {
        name,
        provider: provider.to_owned(),
        source,
        settings: AccountSettings::default(),
        added_at,
    }
}

/// The built-in provider's one account. It needs no credential.
pub fn demo() -> Member {
    let account = account(
        called_as(DEMO),
        DEMO,
        Source::Keyless,
        SystemTime::UNIX_EPOCH,
    );
    Member {
        account: Arc::new(account),
        credential: Ok(Credential::None),
    }
}

/// The provider's name, unless it is an account's of another.
fn free_name(provider: &str, others: &[Member]) -> AccountName {
    let is_free = |name: &AccountName| !others.iter().any(|member| member.account.name == *name);
    let numbered = (2_u64..).map(|at| called_as(&format!("env{at}.{provider}")));
    std::iter::once(called_as(provider))
        .chain(numbered)
        .find(is_free)
        .expect("numbers do not end")
}

/// The name as an account can have it.
fn called_as(provider: &str) -> AccountName {
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || "._@+-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = provider.chars().take(60).map(allowed).collect();
    let parsed = name.parse().or_else(|_| format!("p{name}").parse());
    parsed.expect("only allowed characters are left, a letter first")
}

/// How the pool chooses, as configured.
pub fn pool_config(config: &Config) -> PoolConfig {
    PoolConfig {
        mode: config.scheduling.mode,
        max_wait: config.scheduling.max_wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_called_as_its_provider() {
        assert_eq!(called_as("open.ai").as_str(), "open.ai");
        assert_eq!(called_as("my lab").as_str(), "my-lab");
        assert_eq!(called_as("_x").as_str(), "p_x");
        assert_eq!(called_as(&"é".repeat(100)).as_str().len(), 61);
    }

    #[test]
    fn a_name_that_another_has_is_not_taken_twice() {
        assert_eq!(free_name("lab", &[]).as_str(), "lab");
        assert_eq!(free_name("demo", &[demo()]).as_str(), "env2.demo");
    }

    #[test]
    fn a_preset_needs_no_word_in_the_file() {
        let config = Config::default();
        let added = [account(
            "work".parse().unwrap(),
            "anthropic",
            Source::Vault,
            SystemTime::UNIX_EPOCH,
        )];
        assert!(
            with_presets(&config, &added)
                .provider("anthropic")
                .is_some()
        );
        assert!(with_presets(&config, &[]).provider("anthropic").is_none());
        assert!(preset_provider("nothing").is_err());
    }
}
