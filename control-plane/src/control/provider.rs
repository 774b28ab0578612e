//! The providers, whether they can serve, and what they list.

use std::borrow::Cow;

use super::account::AccountFacts;
use super::refusal::Refusal;
use super::wire::ControlError;
use crate::account::Credential;
use crate::canon::{Fault, ModelCard};
use crate::config::Config;
use crate::language::Said;
use crate::provider::presets::{PRESETS, Preset, preset};
use crate::provider::{BaseUrl, DEMO, Provider, dialects};
use crate::status::{AccountStatus, ProviderStatus};
use crate::suggestion::nearest;

/// How a provider's accounts stand.
pub(super) type StandingOf<'a> = &'a dyn Fn(&Provider) -> Standing;

/// Asks a provider for its models, as one of its accounts.
pub(super) type Fetch<'a> = &'a dyn Fn(&Provider, &Credential) -> Result<Vec<ModelCard>, Fault>;

/// One provider as people and scripts see it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProviderFacts {
    pub name: String,
    /// In JSON also `state` and `detail`, for scripts.
    #[serde(flatten)]
    pub status: ProviderStatus,
    pub protocol: Vec<Cow<'static, str>>,
    pub base_url: Option<String>,
    pub auth: Option<Cow<'static, str>>,
    pub key_env: Option<String>,
    pub docs: Option<Cow<'static, str>>,
}

/// How a provider's accounts stand together.
#[derive(Clone, Debug)]
pub struct Standing {
    pub status: ProviderStatus,
    /// One whose credential can be used now.
    pub credential: Option<Credential>,
}

impl Standing {
    /// Of the accounts of `provider`, as far as their status tells; no credential is looked up.
    pub(super) fn of_accounts(accounts: &[AccountFacts], provider: &str) -> Self {
        let of_provider: Vec<&AccountStatus> = accounts
            .iter()
            .filter(|account| account.provider == provider)
            .map(|account| &account.status)
            .collect();
        Self {
            status: ProviderStatus::of_accounts(&of_provider),
            credential: None,
        }
    }
}

/// The configured providers in the order of the file, the built-in one, and the presets that could
/// be added.
pub(super) fn list(config: &Config, standings: StandingOf<'_>) -> Vec<ProviderFacts> {
    let configured = config
        .providers
        .iter()
        .map(|provider| of_provider(provider, standings));
    let more = PRESETS
        .iter()
        .filter(|preset| config.provider(preset.name).is_none());
    configured
        .chain([of_demo(config.demo_enabled)])
        .chain(more.map(of_preset))
        .collect()
}

fn of_provider(provider: &Provider, standings: StandingOf<'_>) -> ProviderFacts {
    let status = if provider.enabled {
        standings(provider).status
    } else {
        disabled(&provider.name)
    };
    ProviderFacts {
        name: provider.name.clone(),
        status,
        protocol: provider
            .dialects
            .iter()
            .map(|dialect| dialect.name().into())
            .collect(),
        base_url: Some(provider.base_url.to_string()),
        auth: Some(provider.auth.name().into()),
        key_env: provider.key_env.clone(),
        docs: preset(&provider.name).map(|preset| preset.docs.into()),
    }
}

fn of_demo(is_enabled: bool) -> ProviderFacts {
    ProviderFacts {
        name: DEMO.to_owned(),
        status: if is_enabled {
            ProviderStatus::BuiltIn
        } else {
            disabled(DEMO)
        },
        protocol: dialects().map(|dialect| dialect.name().into()).collect(),
        base_url: None,
        auth: None,
        key_env: None,
        docs: None,
    }
}

fn of_preset(preset: &Preset) -> ProviderFacts {
    ProviderFacts {
        name: preset.name.to_owned(),
        status: ProviderStatus::NotConfigured {
            provider: preset.name.to_owned(),
            needs: preset.needs().map(Said::from),
        },
        protocol: preset
            .dialects
            .iter()
            .map(|dialect| dialect.name().into())
            .collect(),
        base_url: preset
            .base_url()
            .and_then(|url| BaseUrl::parse(url).ok())
            .map(|base| base.to_string()),
        auth: Some(preset.auth.name().into()),
        key_env: preset.key_env.map(str::to_owned),
        docs: Some(preset.docs.into()),
    }
}

fn disabled(name: &str) -> ProviderStatus {
    ProviderStatus::Disabled {
        provider: name.to_owned(),
    }
}

/// What one provider serves.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ModelList {
    pub provider: String,
    pub models: Vec<String>,
    /// Why there is no list.
    pub error: Option<Said>,
}

/// The models of one provider, or of all that are enabled. Lists come from the configuration where
/// the user wrote one, else from the provider itself.
///
/// # Errors
/// When there is no provider of that name.
pub(super) fn models(
    config: &Config,
    standings: StandingOf<'_>,
    fetch: Fetch<'_>,
    name: Option<&str>,
) -> Result<Vec<ModelList>, ControlError> {
    let chosen: Vec<&Provider> = match name {
        None => config
            .providers
            .iter()
            .filter(|provider| provider.enabled)
            .collect(),
        Some(DEMO) => Vec::new(),
        Some(name) => vec![config.provider(name).ok_or_else(|| unknown(config, name))?],
    };
    let mut lists: Vec<ModelList> = chosen
        .into_iter()
        .map(|provider| models_of(provider, standings, fetch))
        .collect();
    if config.demo_enabled && name.is_none_or(|name| name == DEMO) {
        lists.push(demo_models());
    }
    Ok(lists)
}

fn models_of(provider: &Provider, standings: StandingOf<'_>, fetch: Fetch<'_>) -> ModelList {
    let (models, error) = match ids(provider, standings, fetch) {
        Ok(models) => (models, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    ModelList {
        provider: provider.name.clone(),
        models,
        error,
    }
}

/// The ids that a provider serves.
///
/// # Errors
/// Why they cannot be known, as a sentence.
pub(super) fn ids(
    provider: &Provider,
    standings: StandingOf<'_>,
    fetch: Fetch<'_>,
) -> Result<Vec<String>, Said> {
    if let Some(models) = &provider.models {
        return Ok(models.to_vec());
    }
    let Standing { status, credential } = standings(provider);
    let credential = credential.ok_or_else(|| Said::of(&status))?;
    let cards = fetch(provider, &credential).map_err(|fault| list_failed(fault.message))?;
    Ok(cards.into_iter().map(|card| card.id).collect())
}

/// The provider, or the way to it, says why.
fn list_failed(words: String) -> Said {
    Refusal::NotReached { words }.into()
}

/// The names of the built-in provider.
pub(super) fn demo_models() -> ModelList {
    let dialects = dialects().map(|dialect| format!("{DEMO}/{dialect}"));
    ModelList {
        provider: DEMO.to_owned(),
        models: std::iter::once(DEMO.to_owned()).chain(dialects).collect(),
        error: None,
    }
}

fn unknown(config: &Config, name: &str) -> ControlError {
    let known = config
        .providers
        .iter()
        .map(|provider| provider.name.as_str());
    let near = nearest(name, known, 1).first().map(ToString::to_string);
    let name = name.to_owned();
    ControlError::failed(match near {
        Some(near) => Refusal::NoProviderButNear { name, near },
        None => Refusal::NoConfiguredProvider { name },
    })
}

#[cfg(test)]
pub(in crate::control) mod tests {
    use super::*;
    use crate::account::{CredentialProblem, Secret};

    const TEXT: &str = "
        [providers.openai]
        [providers.lab]
        protocol = \"openai_chat\"
        base_url = \"http://127.0.0.1:9\"
        models = [\"a\"]
        [providers.gemini]
        enabled = false
    ";

    fn config() -> Config {
        crate::config::parse(TEXT).unwrap()
    }

    fn lookup(name: &str) -> Option<Secret> {
        (name == "OPENAI_API_KEY").then(|| Secret::new("sk-1".to_owned()))
    }

    fn standing(provider: &Provider) -> Standing {
        of_env(provider.credential_from_env(&lookup))
    }

    /// Of a provider whose only account is in the environment.
    pub(in crate::control) fn of_env(
        credential: Result<Credential, CredentialProblem>,
    ) -> Standing {
        match credential {
            Ok(credential) => Standing {
                status: ProviderStatus::Ready,
                credential: Some(credential),
            },
            Err(problem) => Standing {
                status: ProviderStatus::NoCredential(problem),
                credential: None,
            },
        }
    }

    fn fetch(provider: &Provider, _: &Credential) -> Result<Vec<ModelCard>, Fault> {
        Ok(vec![ModelCard {
            id: format!("{}-model", provider.name),
            ..ModelCard::default()
        }])
    }

    #[test]
    fn every_provider_has_a_state_and_presets_can_be_found() {
        let facts = list(&config(), &standing);
        let states: Vec<(&str, &str)> = facts
            .iter()
            .map(|facts| (facts.name.as_str(), facts.status.name()))
            .collect();
        let expected = [
            ("openai", "ready"),
            ("lab", "ready"),
            ("gemini", "disabled"),
            ("demo", "ready"),
        ];
        assert_eq!(states[..expected.len()], expected);
        let rest = &states[expected.len()..];
        assert_eq!(rest.len(), PRESETS.len() - 2);
        assert!(
            rest.iter()
                .all(|(name, state)| preset(name).is_some() && *state == "not_configured"),
            "{rest:?}"
        );
    }

    #[test]
    fn no_key_is_among_the_facts() {
        assert!(
            !serde_json::to_string(&list(&config(), &standing))
                .unwrap()
                .contains("sk-1")
        );
    }

    #[test]
    fn the_persons_own_list_needs_no_call() {
        let lists = models(&config(), &standing, &fetch, None).unwrap();
        let names: Vec<(&str, &str)> = lists
            .iter()
            .map(|list| (list.provider.as_str(), list.models[0].as_str()))
            .collect();
        assert_eq!(
            names,
            [("openai", "openai-model"), ("lab", "a"), ("demo", "demo")]
        );
    }

    #[test]
    fn a_provider_without_a_key_says_so_and_is_not_called() {
        let lists = models(
            &config(),
            &|provider| of_env(provider.credential_from_env(&|_| None)),
            &fetch,
            Some("openai"),
        )
        .unwrap();
        assert!(
            lists[0]
                .error
                .as_ref()
                .unwrap()
                .to_string()
                .contains("OPENAI_API_KEY")
        );
    }

    #[test]
    fn an_unknown_provider_is_told_with_its_nearest() {
        let error = models(&config(), &standing, &fetch, Some("opnai")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no provider `opnai`; did you mean `openai`?"
        );
    }
}
