//! What a model name becomes, and why.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Config, Fetch, Standings, provider};
use crate::gateway::resolve::{Candidate, Directory, Resolution, resolve};
use crate::status::ProviderStatus;

/// One place that would be tried.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CandidateFacts {
    pub provider: String,
    pub model: String,
    /// Whether its account could serve now. In JSON also `state` and `detail`, for scripts.
    #[serde(flatten)]
    pub status: ProviderStatus,
}

/// What a name becomes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
}

/// Resolves a name as a request would. Providers are asked for their lists only where the answer
/// depends on them.
pub fn try_name(config: &Config, standings: Standings<'_>, fetch: Fetch<'_>, name: &str) -> Trial {
    let lists = RefCell::new(BTreeMap::new());
    let listed = |name: &str| {
        let list = || {
            config
                .provider(name)
                .and_then(|known| provider::ids(known, standings, fetch).ok())
                .unwrap_or_default()
                .into()
        };
        Arc::clone(
            lists
                .borrow_mut()
                .entry(name.to_owned())
                .or_insert_with(list),
        )
    };
    let directory = Directory {
        rules: &config.rules,
        providers: &config.providers,
        demo_enabled: config.demo_enabled,
        listed: &listed,
    };
    told(config, standings, &resolve(&directory, name))
}

fn told(config: &Config, standings: Standings<'_>, resolution: &Resolution) -> Trial {
    Trial {
        name: resolution.name.clone(),
        candidates: resolution
            .candidates
            .iter()
            .map(|candidate| facts(config, standings, candidate))
            .collect(),
        skipped: resolution.skipped.iter().map(ToString::to_string).collect(),
        why: resolution.reason.name().into(),
        detail: resolution.to_string(),
    }
}

fn facts(config: &Config, standings: Standings<'_>, candidate: &Candidate) -> CandidateFacts {
    let status = match config.provider(&candidate.provider) {
        Some(provider) => standings(provider).status,
        // Only the built-in provider has no entry in the configuration.
        None => ProviderStatus::BuiltIn,
    };
    CandidateFacts {
        provider: candidate.provider.to_string(),
        model: candidate.model.to_string(),
        status,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::EnvAccount;
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
            &|provider| of_env(provider.account(&|_| None)),
            fetch,
            name,
        )
    }

    fn unasked(_: &Provider, _: &EnvAccount) -> Result<Vec<ModelCard>, Fault> {
        panic!("no list is needed")
    }

    fn llama(provider: &Provider, _: &EnvAccount) -> Result<Vec<ModelCard>, Fault> {
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
