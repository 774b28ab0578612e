//! The accounts: how each stands, and the forms that change them.

use maud::{Markup, html};

use super::{Section, Submitted};
use crate::control::account::{CredentialInput, StoreOptions};
use crate::control::overview::Overview;
use crate::control::verbs::{AccountAdd, AccountLogin, AccountSet};
use crate::control::{AccountFacts, Secret, Verb, WireSecret};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::layout::{Page, failure};
use crate::dashboard::verdict::verdict;

pub(super) async fn page(
    context: &PageContext,
    overview: &Overview,
    failed: Option<&FailedForm<'_>>,
) -> Page {
    let content = html! {
        @if let Some(failed) = failed { (failure(context, failed.error)) }
        (table(context, &overview.accounts))
        (add(context))
    };
    Page {
        is_failed: failed.is_some(),
        ..Page::new(Section::Accounts, verdict(context, overview), content)
    }
}

/// Carries out a form of this page.
pub(super) async fn submit(
    context: &PageContext,
    form: &str,
    fields: &Fields,
) -> Option<Submitted> {
    let (notes, service) = (PageContext::notes(), &context.service);
    let name = fields.get("name").to_owned();
    Some(match form {
        "enable" | "disable" => {
            let verb = AccountSet::enabled(name, form == "enable");
            Submitted::of(verb.run(service, &notes).await, "accounts")
        }
        "add" => Submitted::of(added(fields).run(service, &notes).await, "accounts"),
        "login" => {
            let verb = AccountLogin {
                name,
                credential: credential(fields),
                options: StoreOptions::default(),
            };
            Submitted::of(verb.run(service, &notes).await, "accounts")
        }
        _ => return None,
    })
}

fn added(fields: &Fields) -> AccountAdd {
    AccountAdd {
        provider: fields.get("provider").to_owned(),
        name: fields.given("name").map(str::to_owned),
        credential: credential(fields),
        options: StoreOptions::default(),
    }
}

fn credential(fields: &Fields) -> CredentialInput {
    fields.given("key").map_or(CredentialInput::Nothing, |key| {
        CredentialInput::Key(WireSecret(Secret::new(key.to_owned())))
    })
}

fn table(context: &PageContext, accounts: &[AccountFacts]) -> Markup {
    html! {
        div.table { table.blocks { tbody {
            @for account in accounts {
                tr {
                    th scope="row" { (account.name) }
                    td { (account.provider) }
                    td {
                        (account.shown_status().summary())
                        @if account.takes_key() && account.needs_user() {
                            (key_form(context, &account.name))
                        }
                    }
                    td { (switch(context, account)) }
                }
            }
        } } }
    }
}

fn switch(context: &PageContext, account: &AccountFacts) -> Markup {
    let (action, label) = if account.enabled {
        ("accounts/disable", context.text.disable())
    } else {
        ("accounts/enable", context.text.enable())
    };
    let content = html! {
        input type="hidden" name="name" value=(account.name);
        button.small { (label) }
    };
    context.form(action, "inline", &content)
}

/// A form for the new key of an account.
fn key_form(context: &PageContext, name: &str) -> Markup {
    let content = html! {
        input type="hidden" name="name" value=(name);
        input type="password" name="key" required autocomplete="off"
            aria-label=(context.text.new_key_of(name));
        button.small { (context.text.enter_key()) }
    };
    context.form("accounts/login", "inline", &content)
}

fn add(context: &PageContext) -> Markup {
    let text = context.text;
    let content = html! {
        div.field {
            label for="provider" { (text.provider()) }
            input #provider name="provider" list="providers" required;
            datalist #providers {
                @for provider in context.service.provider_names() { option value=(provider) {} }
            }
        }
        div.field { label for="name" { (text.name()) } input #name name="name" required maxlength="64"; }
        div.field {
            label for="key" { (text.api_key()) }
            input #key type="password" name="key" autocomplete="off";
        }
        button.primary { (text.add()) }
    };
    html! { section { h2 { (text.add_an_account()) } (context.form("accounts/add", "", &content)) } }
}
