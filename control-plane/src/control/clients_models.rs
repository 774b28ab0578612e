//! The models that the gateway serves, with what is known of their limits, for clients' files.

use super::provider::StandingOf;
use super::provider::{Fetch, demo_models};
use super::service::ControlService;
use super::standings::with_providers;
use super::wire::ControlError;
use crate::canon::ModelCard;
use crate::clients::Model;
use crate::config::Config;
use crate::gateway::merged_models;
use crate::protocol::output_limits::well_known;
use crate::provider::{DEMO, Provider};

/// All models, as the gateway would list them. A provider that does not answer is left out.
///
/// # Errors
/// When the work broke.
pub(super) async fn served_models(service: &ControlService) -> Result<Vec<Model>, ControlError> {
    if service.agent.is_none() {
        // Where it stays shut, its accounts' providers list nothing.
        let _ = service.open_vault().await;
    }
    with_providers(service, |config, standings, fetch| {
        cards(config, standings, fetch)
            .into_iter()
            .map(model)
            .collect()
    })
    .await
}

/// The list with the model that was chosen, which a provider may serve and not list: clients refuse
/// to use what their own list lacks.
pub(super) fn listed_with(mut models: Vec<Model>, chosen: Option<&str>) -> Vec<Model> {
    let missing = chosen.filter(|id| models.iter().all(|model| model.id != *id));
    models.extend(missing.map(|id| model(named(id.to_owned()))));
    models
}

fn cards(config: &Config, standings: StandingOf<'_>, fetch: Fetch<'_>) -> Vec<ModelCard> {
    let enabled = config.providers.iter().filter(|provider| provider.enabled);
    let mut lists: Vec<(&str, Vec<ModelCard>)> = enabled
        .map(|provider| {
            (
                provider.name.as_str(),
                of_provider(provider, standings, fetch),
            )
        })
        .collect();
    if config.demo_enabled {
        let ids = demo_models().models.into_iter();
        lists.push((DEMO, ids.map(named).collect()));
    }
    let lists = lists.iter().map(|(name, cards)| (*name, cards.as_slice()));
    merged_models(&config.rules, lists.collect())
}

fn of_provider(provider: &Provider, standings: StandingOf<'_>, fetch: Fetch<'_>) -> Vec<ModelCard> {
    if let Some(models) = &provider.models {
        return models.iter().cloned().map(named).collect();
    }
    let credential = standings(provider).credential;
    let listed = credential.and_then(|credential| fetch(provider, &credential).ok());
    listed.unwrap_or_default()
}

fn named(id: String) -> ModelCard {
    ModelCard {
        id,
        ..ModelCard::default()
    }
}

fn model(card: ModelCard) -> Model {
    let known = well_known(&card.id);
    let context_tokens = card
        .input_tokens_max
        .or_else(|| known.and_then(|limits| limits.context_window));
    // Some lists repeat the window as the output limit.
    let listed = card
        .output_tokens_max
        .filter(|output| context_tokens.is_none_or(|context| *output < context));
    Model {
        output_tokens: listed.or_else(|| known.map(|limits| limits.output)),
        context_tokens,
        display_name: card.display_name,
        id: card.id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Credential;
    use crate::canon::Fault;
    use crate::control::provider::tests::of_env;

    #[test]
    fn the_list_is_the_gateways_with_the_limits_that_are_known() {
        let config = crate::config::parse(
            "
            [providers.openai]
            [providers.lab]
            protocol = \"openai_chat\"
            base_url = \"http://127.0.0.1:9\"
            models = [\"claude-opus-4-8\", \"own\"]
            [[models]]
            name = \"fast\"
            use = [\"openai/gpt-5-mini\"]
        ",
        )
        .unwrap();
        let standing = |provider: &Provider| {
            of_env(
                provider
                    .credential_from_env(&|_| Some(crate::account::Secret::new("sk-1".to_owned()))),
            )
        };
        let fetch = |_: &Provider, _: &Credential| -> Result<Vec<ModelCard>, Fault> {
            let listed = |id: &str, input, output| ModelCard {
                id: id.to_owned(),
                input_tokens_max: input,
                output_tokens_max: output,
                ..ModelCard::default()
            };
            Ok(vec![
                listed("own", None, None),
                listed("wide", Some(1000), Some(1000)),
                listed("narrow", Some(1000), Some(10)),
            ])
        };
        let models: Vec<Model> = cards(&config, &standing, &fetch)
            .into_iter()
            .map(model)
            .collect();
        let ids: Vec<&str> = models.iter().map(|model| &*model.id).collect();
        assert_eq!(
            ids[..6],
            [
                "fast",
                "claude-opus-4-8",
                "own",
                "openai/own",
                "wide",
                "narrow"
            ]
        );
        assert!(ids[6..].iter().all(|id| id.starts_with("demo")), "{ids:?}");
        let limits = |id: &str| {
            let model = models.iter().find(|model| model.id == id).unwrap();
            (model.context_tokens, model.output_tokens)
        };
        assert_eq!(limits("narrow"), (Some(1000), Some(10)));
        assert_eq!(limits("wide"), (Some(1000), None), "a window is no limit");
        assert_eq!(limits("own"), (None, None), "nothing is guessed");
        assert!(limits("claude-opus-4-8").1.is_some());
    }
}
