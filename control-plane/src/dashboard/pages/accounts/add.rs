//! Adding an account: first its provider, then what that provider wants.

use maud::{Markup, html};

use super::account::shown;
use super::credential;
use super::field::{Field, TypedForm};
use super::forms::{carried_out, path_of};
use crate::control::account::{CredentialForm, ProviderOffer};
use crate::control::verbs::AccountAdd;
use crate::control::{AccountFacts, SignInRequest};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::pages::Submitted;
use crate::dashboard::sentences::marked;

/// The fields of the form besides those of the credential.
const FIELDS: [&str; 8] = [
    "provider",
    "name",
    "key",
    "variable",
    "refresh_token",
    "service_account",
    "client_secret",
    "how",
];

/// The sign-ins that wait.
pub(super) fn waiting(context: &PageContext) -> Markup {
    let text = context.text;
    html! {
        @for (id, progress) in context.service.waiting_sign_ins() {
            div.notice {
                p { (text.sign_in_waits(&progress.provider)) }
                a.button.small href=(context.link(&format!("sign-in/{id}"))) { (text.go_on_to_sign_in()) }
            }
        }
    }
}

pub(super) fn section(
    context: &PageContext,
    accounts: &[AccountFacts],
    failed: Option<&FailedForm<'_>>,
) -> Markup {
    let text = context.text;
    let offers = context.service.provider_offers();
    let form = TypedForm::new(context.language(), "add", &FIELDS, failed);
    let chosen = form.typed("provider").or(context.query.given("provider"));
    let offer = chosen.and_then(|name| offers.iter().find(|offer| offer.name == name));
    html! {
        section #add {
            h2 { (text.add_an_account()) }
            (choose(context, &offers, chosen, &form))
            @match offer {
                Some(offer) => (enter(context, offer, &form)),
                None => (offered(context, accounts)),
            }
        }
    }
}

/// The first step, which changes nothing.
fn choose(
    context: &PageContext,
    offers: &[ProviderOffer],
    chosen: Option<&str>,
    form: &TypedForm<'_>,
) -> Markup {
    let text = context.text;
    let error = form.error_of("provider");
    let (own, presets): (Vec<_>, Vec<_>) = offers.iter().partition(|offer| offer.is_configured);
    let options = |offers: &[&ProviderOffer]| {
        html! {
            @for offer in offers {
                option value=(offer.name) selected[chosen == Some(offer.name.as_str())] {
                    (offer.name) " – " (wants(context, offer))
                }
            }
        }
    };
    html! {
        form.filter method="get" action=(context.link("accounts#add")) {
            label { (text.provider())
                select name="provider" aria-invalid=[error.map(|_| "true")]
                    aria-describedby=[error.map(|_| "provider-error")] {
                    option value="" { (text.choose_one()) }
                    @if !own.is_empty() { optgroup label=(text.in_your_configuration()) { (options(&own)) } }
                    optgroup label=(text.known_providers()) { (options(&presets)) }
                }
            }
            button { (text.choose_provider()) }
        }
        @if let Some(error) = error { p.error #provider-error role="alert" { (marked(error)) } }
        p.hint { (text.demo_needs_none()) }
    }
}

fn wants(context: &PageContext, offer: &ProviderOffer) -> &'static str {
    let text = context.text;
    match offer.form {
        _ if offer.needs.is_some() => text.wants_configuration(),
        CredentialForm::Key => text.api_key(),
        CredentialForm::OAuth => text.wants_sign_in(),
        CredentialForm::Nothing => text.wants_nothing(),
    }
}

/// The second step.
fn enter(context: &PageContext, offer: &ProviderOffer, form: &TypedForm<'_>) -> Markup {
    let text = context.text;
    if let Some(needs) = &offer.needs {
        return needs_configuration(context, offer, needs.text(context.language()));
    }
    let name = Field {
        name: "name",
        label: text.name(),
        placeholder: Some(&offer.name),
        hint: Some(text.name_hint()),
        ..Field::default()
    };
    let content = html! {
        @if let Some(error) = form.other_error() { p.error role="alert" { (marked(error)) } }
        input type="hidden" name="provider" value=(offer.name);
        (name.draw(form))
        @if offer.can_sign_in {
            (credential::client_secret_field(context, form))
            button.primary name="how" value="browser" { (text.sign_in_with_browser()) }
            details open[form.is_failed()] {
                summary { (text.other_ways()) }
                (credential::fields(context, offer, form, true, true))
                button name="how" value="entered" { (text.add_and_test()) }
            }
        } @else {
            @if offer.form == CredentialForm::OAuth { p.hint { (text.no_client(&offer.name)) } }
            (credential::fields(context, offer, form, true, false))
            button.primary name="how" value="entered" { (text.add_and_test()) }
        }
    };
    html! {
        div.sheet {
            h3 { (offer.name) }
            @if let Some(docs) = &offer.docs {
                p.hint { (text.key_comes_from()) " "
                    a href=(docs) target="_blank" rel="noopener noreferrer" { (docs) } }
            }
            (context.form("accounts/add", "", &content))
        }
    }
}

fn needs_configuration(context: &PageContext, offer: &ProviderOffer, needs: &str) -> Markup {
    let text = context.text;
    let command = format!("aerostat config set providers.{}.base_url URL", offer.name);
    html! {
        div.notice {
            p { (text.provider_needs(&offer.name)) " " (marked(needs)) "." }
            p { (context.copyable(&command)) }
        }
    }
}

/// The providers that are configured, and have no account.
fn offered(context: &PageContext, accounts: &[AccountFacts]) -> Markup {
    let text = context.text;
    let offered: Vec<&str> = accounts
        .iter()
        .filter(|account| account.is_offer())
        .map(|account| account.provider.as_str())
        .collect();
    html! {
        @if !offered.is_empty() {
            p.soft { (text.configured_without_account()) " "
                @for provider in offered {
                    a href={ (context.link_with("accounts", [("provider", provider)])) "#add" } { (provider) } " "
                }
            }
        }
    }
}

/// Adds the account, or starts the sign-in that adds it.
pub(super) async fn submit(context: &PageContext, fields: &Fields) -> Submitted {
    let (provider, name) = (fields.get("provider").to_owned(), fields.given("name"));
    let name = name.map(str::to_owned);
    if fields.get("how") == "browser" {
        let request = SignInRequest {
            account: name,
            provider: Some(provider),
            client_secret: credential::client_secret(fields),
            options: credential::options(fields),
        };
        return match context.service.start_sign_in(request).await {
            Ok(id) => Submitted::Done(format!("sign-in/{id}")),
            Err(error) => Submitted::Failed(error),
        };
    }
    let verb = AccountAdd {
        provider,
        name,
        credential: credential::read(fields),
        options: credential::options(fields),
    };
    match carried_out(context, verb).await {
        Ok(added) if added.works => Submitted::Done(path_of(&added.account.name)),
        Ok(added) => shown(context, added).await,
        Err(error) => Submitted::Failed(error),
    }
}
