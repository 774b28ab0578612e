//! `model try`: what a model name becomes, and why.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::canon::ModelCard;
use crate::config::Config;
use crate::control::provider::{self, Fetch, StandingOf};
use crate::control::service::ControlService;
use crate::control::standings::with_providers;
use crate::control::verb::{CALL_LIMIT, Needs, Verb};
use crate::control::wire::{ControlError, Notes};
use crate::gateway::resolve::{
    Candidate, Directory, Reason, Resolution, SkipReason, Skipped, resolve,
};
use crate::status::ProviderStatus;

#[derive(Debug, Serialize, Deserialize)]
pub struct ModelTry {
    pub name: String,
}

impl Verb for ModelTry {
    type Response = Trial;
    const NAME: &'static str = "model_try";
    const TIME_LIMIT: Duration = CALL_LIMIT;
    const NEEDS: Needs = Needs::Vault;

    async fn run(self, service: &ControlService, _: &Notes) -> Result<Trial, ControlError> {
        with_providers(service, move |config, standings, fetch| {
            try_name(config, standings, fetch, &self.name)
        })
        .await
    }
}

/// One place that would be tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CandidateFacts {
    pub provider: String,
    pub model: String,
    /// Whether its account could serve now. In JSON also `state` and `detail`, for scripts.
    #[serde(flatten)]
    pub status: ProviderStatus,
}

/// What a name becomes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    pub name: String,
    /// In the order in which they are tried; empty where nothing serves the name.
    pub candidates: Vec<CandidateFacts>,
    /// Why the others of a rule are left out.
    pub skipped: Vec<String>,
    /// `rule`, `addressed`, `demo`, `listed`, `only_provider` or `unknown`.
    pub why: Cow<'static, str>,
    /// The same as a sentence.
    pub detail: String,
    /// The name of the rule that matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Similar names, where nothing serves this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<String>,
    /// What is in `skipped`, in parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A place that a rule names and that cannot serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub provider: String,
    pub model: String,
    /// Whether the provider is switched off; else there is none of that name.
    pub is_disabled: bool,
}

/// Resolves a name as a request would. A provider is asked for its models only where the result
/// depends on them, and once.
fn try_name(config: &Config, standings: StandingOf<'_>, fetch: Fetch<'_>, name: &str) -> Trial {
    let lists: RefCell<BTreeMap<String, Arc<Vec<ModelCard>>>> = RefCell::default();
    let listed = |name: &str| {
        if let Some(list) = lists.borrow().get(name) {
            return list.clone();
        }
        let provider = config.provider(name);
        let ids = provider.and_then(|known| provider::ids(known, standings, fetch).ok());
        let card = |id| ModelCard {
            id,
            ..ModelCard::default()
        };
        let cards = ids.into_iter().flatten().map(card);
        let list: Arc<Vec<ModelCard>> = Arc::new(cards.collect());
        lists.borrow_mut().insert(name.to_owned(), list.clone());
        list
    };
    let directory = Directory {
        rules: &config.rules,
        providers: &config.providers,
        demo_enabled: config.demo_enabled,
        listed: &listed,
    };
    let resolution = resolve(&directory, name);
    Trial::of(config, standings, &resolution)
}

impl Trial {
    fn of(config: &Config, standings: StandingOf<'_>, resolution: &Resolution) -> Self {
        let candidates = resolution.candidates.iter();
        Self {
            name: resolution.name.clone(),
            candidates: candidates
                .map(|candidate| CandidateFacts::of(config, standings, candidate))
                .collect(),
            skipped: resolution.skipped.iter().map(ToString::to_string).collect(),
            why: resolution.reason.name().into(),
            detail: resolution.to_string(),
            rule: match &resolution.reason {
                Reason::Rule(pattern) => Some(pattern.to_string()),
                _ => None,
            },
            nearest: match &resolution.reason {
                Reason::Unknown { nearest } => nearest.clone(),
                _ => Vec::new(),
            },
            left_out: resolution.skipped.iter().map(LeftOut::of).collect(),
        }
    }
}

impl LeftOut {
    fn of(skipped: &Skipped) -> Self {
        Self {
            provider: skipped.candidate.provider.to_string(),
            model: skipped.candidate.model.to_string(),
            is_disabled: skipped.reason == SkipReason::Disabled,
        }
    }
}

impl CandidateFacts {
    fn of(config: &Config, standings: StandingOf<'_>, candidate: &Candidate) -> Self {
        let status = match config.provider(&candidate.provider) {
            Some(provider) => standings(provider).status,
            // Only the built-in provider has no entry in the configuration.
            None => ProviderStatus::BuiltIn,
        };
        Self {
            provider: candidate.provider.to_string(),
            model: candidate.model.to_string(),
            status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Credential;
    use crate::canon::{Fault, ModelCard};
    use crate::control::provider::tests::of_env;
    use crate::provider::Provider;

    const TEXT: &str = "
        [providers.ollama]
        [providers.openai]
        [[models]]
        name = \"fast\"
        use = [\"openai/gpt-5-mini\", \"ollama/llama3:8b\"]
    ";

    fn trial(fetch: Fetch<'_>, name: &str) -> Trial {
        try_name(
            &crate::config::parse(TEXT).unwrap(),
            &|provider| of_env(provider.credential_from_env(&|_| None)),
            fetch,
            name,
        )
    }

    fn unasked(_: &Provider, _: &Credential) -> Result<Vec<ModelCard>, Fault> {
        panic!("no list is needed")
    }

    fn llama(provider: &Provider, _: &Credential) -> Result<Vec<ModelCard>, Fault> {
        assert_eq!(
            provider.name, "ollama",
            "a provider without its key is not asked"
        );
        Ok(vec![ModelCard {
            id: "llama3:8b".to_owned(),
            ..ModelCard::default()
        }])
    }

    #[test]
    fn a_chain_is_told_with_the_state_of_each_account() {
        let trial = trial(&unasked, "fast");
        let states: Vec<&str> = trial
            .candidates
            .iter()
            .map(|candidate| candidate.status.name())
            .collect();
        assert_eq!(states, ["needs_key", "ready"]);
        assert_eq!(
            (&*trial.why, trial.detail.as_str()),
            ("rule", "rule `fast` matches `fast`")
        );
    }

    #[test]
    fn lists_are_asked_for_where_they_decide() {
        assert_eq!(trial(&llama, "llama3:8b").why, "listed");
        let unknown = trial(&llama, "llama3:7b");
        assert!(unknown.candidates.is_empty());
        assert!(
            unknown.detail.contains("nearest: `llama3:8b`"),
            "{}",
            unknown.detail
        );
    }

    #[test]
    fn the_demo_is_ready() {
        assert_eq!(
            trial(&unasked, "demo/anthropic").candidates[0]
                .status
                .name(),
            "ready"
        );
    }
}
