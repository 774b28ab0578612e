//! The providers that an account can be added for, and what each wants of one.

use std::borrow::Cow;

use super::facts::{CredentialForm, form_of};
use crate::config::Config;
use crate::language::Said;
use crate::provider::Provider;
use crate::provider::presets::{PRESETS, Preset, preset};

/// A provider that an account can be added for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderOffer {
    pub name: String,
    pub form: CredentialForm,
    /// Whether a sign-in with a browser can be started: the provider takes tokens, and its client
    /// is configured.
    pub can_sign_in: bool,
    /// The usual environment variable of its key.
    pub key_env: Option<String>,
    /// Its documentation.
    pub docs: Option<Cow<'static, str>>,
    /// What has to be configured before, as the end of a sentence.
    pub needs: Option<Said>,
    /// Whether the configuration names it.
    pub is_configured: bool,
}

/// The configured providers in the order of the file, then the presets.
pub(in crate::control) fn offers(config: &Config) -> Vec<ProviderOffer> {
    let configured = config.providers.iter().map(of_provider);
    let more = PRESETS
        .iter()
        .filter(|preset| config.provider(preset.name).is_none());
    configured.chain(more.map(of_preset)).collect()
}

fn of_provider(provider: &Provider) -> ProviderOffer {
    let oauth = provider.oauth.as_ref();
    ProviderOffer {
        name: provider.name.clone(),
        form: form_of(provider),
        can_sign_in: oauth
            .is_some_and(|client| client.client_id.is_some() && client.authorize_url.is_some()),
        key_env: provider.key_env.clone(),
        docs: preset(&provider.name).map(|preset| preset.docs.into()),
        needs: None,
        is_configured: true,
    }
}

fn of_preset(preset: &Preset) -> ProviderOffer {
    let provider = preset.provider();
    let mut offer = provider.as_ref().map(of_provider).unwrap_or(ProviderOffer {
        name: preset.name.to_owned(),
        form: CredentialForm::Key,
        can_sign_in: false,
        key_env: preset.key_env.map(str::to_owned),
        docs: Some(preset.docs.into()),
        needs: None,
        is_configured: false,
    });
    offer.needs = preset.needs().map(Said::from);
    offer.is_configured = false;
    offer
}
