//! One account: everything that is known of it, and everything that can be done with it.

use maud::{Markup, html};

use super::field::TypedForm;
use super::figures::Figures;
use super::forms::path_of;
use super::{credential, facts, settings, verdict};
use crate::control::AccountFacts;
use crate::control::account::{AddedAccount, CredentialForm, ProviderOffer};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::FailedForm;
use crate::dashboard::layout::{Page, failure};
use crate::dashboard::pages::{Section, Submitted};
use crate::dashboard::sentences::marked;
use crate::status::{AccountStatus, NeedsUser};

/// The account's page, with what a test call showed.
pub(super) async fn shown(context: &PageContext, added: AddedAccount) -> Submitted {
    let shown = page(context, &added.account, None, Some(&added));
    Submitted::Page(shown.await)
}

/// How many of the models that a provider lists are named.
const MODELS_MAX: usize = 200;

/// The forms whose errors stand beside their fields.
const OWN_ERRORS: [&str; 4] = ["set", "key", "sign-in", "remove"];

pub(super) async fn page(
    context: &PageContext,
    account: &AccountFacts,
    failed: Option<&FailedForm<'_>>,
    told: Option<&AddedAccount>,
) -> Page {
    let figures = Figures::read(context, None).await;
    let general = failed.filter(|failed| !OWN_ERRORS.contains(&failed.name));
    let text = context.text;
    let content = html! {
        p { a href=(context.link("accounts")) { "← " (text.accounts()) } }
        @if let Some(failed) = general { (failure(context, failed.error)) }
        @if let Some(told) = told { (result(context, told)) }
        @if let Some(problem) = &figures.problem {
            div.notice { p { (marked(&text.figures_unknown(context.error_text(problem)))) } }
        }
        (help(context, account))
        section.sheet { (facts::facts(context, account, &figures, false)) (facts::buttons(context, account, false)) }
        (enter_credential(context, account, failed))
        section #settings { h2 { (text.settings()) } div.sheet { (settings::form(context, account, failed)) } }
        (remove(context, account, failed))
    };
    Page {
        is_failed: failed.is_some(),
        ..Page::new(Section::Accounts, headline(context, account), content)
    }
}

/// `work can serve.`, `work rests until 14:05.`
fn headline(context: &PageContext, account: &AccountFacts) -> String {
    let (text, name) = (context.text, &account.name);
    match account.shown_status() {
        AccountStatus::Disabled => text.account_is_off(name),
        status if account.needs_user() || status.needs_user() => verdict::need(context, account),
        status if status.can_serve() => text.account_can_serve(name),
        status => match status.until() {
            Some(until) => text.account_rests_until(name, context.time_text(until)),
            None => text.account_cannot_serve(name),
        },
    }
}

fn result(context: &PageContext, told: &AddedAccount) -> Markup {
    let class = if told.works {
        "notice ok"
    } else {
        "notice bad"
    };
    html! {
        div class=(class) role="status" {
            p { (marked(told.message.text(context.language()))) }
        }
        @if !told.models.is_empty() {
            details {
                summary { (context.text.models_listed(told.models.len())) }
                p.soft {
                    @for (at, model) in told.models.iter().take(MODELS_MAX).enumerate() {
                        @if at > 0 { ", " } code { (model) }
                    }
                    @if told.models.len() > MODELS_MAX { " " (context.text.and_more(told.models.len() - MODELS_MAX)) }
                }
            }
        }
    }
}

/// What only the reader can do, where that is more than a form of this page.
fn help(context: &PageContext, account: &AccountFacts) -> Markup {
    let text = context.text;
    let said = match &account.status {
        AccountStatus::NeedsUser(NeedsUser::VaultLocked { .. }) => {
            Some(html! { (text.vault_help()) " " code { "aerostat account list" } })
        }
        AccountStatus::NeedsUser(NeedsUser::Credential(_)) => account
            .advice_in(context.language())
            .map(|advice| html! { (marked(&advice)) }),
        AccountStatus::ProviderDisabled { provider } => {
            let command = format!("aerostat config set providers.{provider}.enabled true");
            Some(html! { (text.provider_is_off(provider)) " " (context.copyable(&command)) })
        }
        AccountStatus::ProviderUnknown { provider } => {
            Some(html! { (text.provider_is_gone(provider)) })
        }
        _ => None,
    };
    html! { @if let Some(said) = said { div.notice { p { (said) } } } }
}

/// A new key, a new sign-in, or the word that the new address is right.
fn enter_credential(
    context: &PageContext,
    account: &AccountFacts,
    failed: Option<&FailedForm<'_>>,
) -> Markup {
    let text = context.text;
    let is_sealed = account.variable.is_none() && account.form != CredentialForm::Nothing;
    let offers = context.service.provider_offers();
    let offer = offers.iter().find(|offer| offer.name == account.provider);
    let moved = match &account.status {
        AccountStatus::NeedsUser(NeedsUser::AddressChanged { entered_for, now }) => {
            Some(text.address_changed(entered_for, now))
        }
        _ => None,
    };
    html! {
        section #credential {
            h2 { (text.account_credential()) }
            @if let Some(moved) = moved { (confirm_address(context, account, &moved)) }
            @match (offer, is_sealed) {
                (Some(offer), true) => div.sheet { (credential_forms(context, account, offer, failed)) },
                _ => p.soft { (no_form(context, account)) },
            }
        }
    }
}

fn no_form(context: &PageContext, account: &AccountFacts) -> String {
    match &account.variable {
        Some(variable) => context.text.key_is_in_variable(variable),
        None => context.text.wants_no_key(&account.provider),
    }
}

fn confirm_address(context: &PageContext, account: &AccountFacts, moved: &str) -> Markup {
    let path = format!("{}/address", path_of(&account.name));
    let confirm = html! { button { (context.text.address_is_right()) } };
    html! { div.notice { p { (moved) } (context.form(&path, "inline", &confirm)) } }
}

fn credential_forms(
    context: &PageContext,
    account: &AccountFacts,
    offer: &ProviderOffer,
    failed: Option<&FailedForm<'_>>,
) -> Markup {
    let text = context.text;
    let path = path_of(&account.name);
    let key = TypedForm::new(context.language(), "key", &credential::FIELDS, failed);
    let entered = html! {
        @if let Some(error) = key.other_error() { p.error role="alert" { (marked(error)) } }
        (credential::fields(context, offer, &key, false, false))
        button { (text.save_and_test()) }
    };
    let entered = context.form(&format!("{path}/key"), "", &entered);
    if !offer.can_sign_in {
        return entered;
    }
    let sign_in = TypedForm::new(context.language(), "sign-in", &["client_secret"], failed);
    let browser = html! {
        @if let Some(error) = sign_in.other_error() { p.error role="alert" { (marked(error)) } }
        (credential::client_secret_field(context, &sign_in))
        button.primary { (text.sign_in_with_browser()) }
    };
    html! {
        (context.form(&format!("{path}/sign-in"), "", &browser))
        details open[failed.is_some_and(|failed| failed.name == "key")] {
            summary { (text.other_ways()) }
            (entered)
        }
    }
}

/// Asks for the account, and says what becomes of its figures.
fn remove(
    context: &PageContext,
    account: &AccountFacts,
    failed: Option<&FailedForm<'_>>,
) -> Markup {
    let text = context.text;
    let name = &account.name;
    let form = TypedForm::new(context.language(), "remove", &["sure"], failed);
    let error = form.error_of("sure").or(form.other_error());
    let content = html! {
        @if let Some(error) = error { p.error id="remove-error" role="alert" { (marked(error)) } }
        p { label {
            input type="checkbox" name="sure" value="1" aria-invalid=[error.map(|_| "true")]
                aria-describedby=[error.map(|_| "remove-error")];
            " " (text.remove_account_for_good(name))
        } }
        fieldset {
            legend { (text.and_its_figures()) }
            (figures_choice("keep", text.keep_its_figures(), &form))
            (figures_choice("forget", text.forget_its_figures(), &form))
        }
        button.danger { (text.remove_account(name)) }
    };
    html! {
        section #remove {
            h2 { (text.remove_it()) }
            details open[error.is_some()] {
                summary { (text.remove_this_account()) }
                p.soft { (text.removing_means()) }
                (context.form(&format!("{}/remove", path_of(name)), "", &content))
            }
        }
    }
}

fn figures_choice(value: &str, label: &str, form: &TypedForm<'_>) -> Markup {
    let chosen = form
        .typed("figures")
        .filter(|typed| !typed.is_empty())
        .unwrap_or("keep");
    html! {
        p { label {
            input type="radio" name="figures" value=(value) checked[chosen == value]; " " (label)
        } }
    }
}
