//! Fields for what a provider wants: a key, a variable, tokens or a file; and reading them.

use maud::{Markup, html};

use super::field::{Field, TypedForm, described, remarks};
use crate::control::account::{CredentialForm, CredentialInput, ProviderOffer, StoreOptions};
use crate::control::{Secret, WireSecret};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::Fields;

/// The names of all fields here.
pub(super) const FIELDS: [&str; 6] = [
    "key",
    "variable",
    "refresh_token",
    "service_account",
    "client_secret",
    "how",
];

/// What was entered; the first field that is filled counts.
pub(super) fn read(fields: &Fields) -> CredentialInput {
    let secret = |name: &str| {
        let given = fields.given(name)?;
        Some(WireSecret(Secret::new(given.to_owned())))
    };
    if let Some(key) = secret("key") {
        return CredentialInput::Key(key);
    }
    if let Some(variable) = fields.given("variable") {
        return CredentialInput::Variable(variable.to_owned());
    }
    if let Some(token) = secret("refresh_token") {
        return CredentialInput::RefreshToken {
            token,
            client_secret: client_secret(fields),
        };
    }
    match secret("service_account") {
        Some(file) => CredentialInput::ServiceAccount(file),
        None => CredentialInput::Nothing,
    }
}

pub(super) fn client_secret(fields: &Fields) -> Option<WireSecret> {
    let secret = fields.given("client_secret")?;
    Some(WireSecret(Secret::new(secret.to_owned())))
}

pub(super) fn options(fields: &Fields) -> StoreOptions {
    StoreOptions {
        keep: fields.is_set("keep"),
        insecure_plaintext: fields.is_set("plaintext"),
    }
}

/// The fields for a provider. `takes_variable`: a new account may take its key from the
/// environment. `has_secret_field`: the form has the field of the client's secret already.
pub(super) fn fields(
    context: &PageContext,
    offer: &ProviderOffer,
    form: &TypedForm<'_>,
    takes_variable: bool,
    has_secret_field: bool,
) -> Markup {
    match offer.form {
        CredentialForm::Nothing => html! { p.hint { (context.text.wants_no_key(&offer.name)) } },
        CredentialForm::Key => key_fields(context, offer, form, takes_variable),
        CredentialForm::OAuth => token_fields(context, form, has_secret_field),
    }
}

fn key_fields(
    context: &PageContext,
    offer: &ProviderOffer,
    form: &TypedForm<'_>,
    takes_variable: bool,
) -> Markup {
    let text = context.text;
    let key = Field {
        name: "key",
        label: text.api_key(),
        kind: Some("password"),
        hint: Some(text.key_is_tested()),
        ..Field::default()
    };
    let variable = Field {
        name: "variable",
        label: text.or_variable(),
        hint: Some(text.variable_hint()),
        placeholder: offer.key_env.as_deref(),
        ..Field::default()
    };
    html! {
        (key.draw(form))
        @if takes_variable { (variable.draw(form)) }
        (more(context, form))
    }
}

fn token_fields(context: &PageContext, form: &TypedForm<'_>, has_secret_field: bool) -> Markup {
    let text = context.text;
    let token = Field {
        name: "refresh_token",
        label: text.refresh_token(),
        kind: Some("password"),
        ..Field::default()
    };
    let id = form.id("service_account");
    let (error, hint) = (form.error_of("key"), Some(text.service_account_hint()));
    html! {
        (token.draw(form))
        @if !has_secret_field { (client_secret_field(context, form)) }
        div.field {
            label for=(id) { (text.service_account()) }
            textarea id=(id) name="service_account" rows="3" autocomplete="off" spellcheck="false"
                aria-invalid=[error.map(|_| "true")] aria-describedby=[described(&id, error, hint)] {}
            (remarks(&id, error, hint))
        }
        (more(context, form))
    }
}

pub(super) fn client_secret_field(context: &PageContext, form: &TypedForm<'_>) -> Markup {
    let secret = Field {
        name: "client_secret",
        label: context.text.client_secret(),
        kind: Some("password"),
        hint: Some(context.text.client_secret_hint()),
        ..Field::default()
    };
    secret.draw(form)
}

/// What is only needed where the usual way failed.
pub(super) fn more(context: &PageContext, form: &TypedForm<'_>) -> Markup {
    let text = context.text;
    let is_set = |name: &str| form.typed(name).is_some_and(|typed| !typed.is_empty());
    html! {
        details open[form.is_failed()] {
            summary { (text.if_it_is_refused()) }
            p { label {
                input type="checkbox" name="keep" value="1" checked[is_set("keep")]; " " (text.keep_refused())
            } }
            p { label {
                input type="checkbox" name="plaintext" value="1" checked[is_set("plaintext")]; " " (text.store_in_plain_text())
            } }
        }
    }
}
