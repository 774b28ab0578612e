//! The tables of the configuration: rules for models, and providers.

use maud::{Markup, html};

use crate::control::{Config, Provider};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::FailedForm;
use crate::dashboard::layout::failure;

/// The dialects that a provider of one's own can speak.
const DIALECTS: [&str; 4] = ["openai_chat", "openai_responses", "anthropic", "gemini"];

pub(super) fn rules(
    context: &PageContext,
    config: &Config,
    failed: Option<&FailedForm<'_>>,
) -> Markup {
    let text = context.text;
    let rules = &config.rules.0;
    let added = failed.filter(|failed| failed.is("add-rule", None));
    html! {
        section #models {
            h2 { (text.model_rules()) " " code { "[[models]]" } }
            p.soft { (text.model_rules_hint()) }
            @if rules.is_empty() { p { (text.no_model_rules()) } } @else {
                div.table { table.blocks {
                    thead { tr { th scope="col" { (text.asked_name()) } th scope="col" { (text.goes_to()) } th {} } }
                    tbody { @for (at, rule) in rules.iter().enumerate() { tr {
                        @let name = rule.name.to_string();
                        th scope="row" { code { (name) } }
                        td data-label=(text.goes_to()) {
                            @for (at, target) in rule.targets.iter().enumerate() {
                                @if at > 0 { ", " } code { (target.provider) "/" (target.model.to_string()) }
                            }
                        }
                        td { (remove_rule(context, at, &name)) }
                    } } }
                } }
            }
            details open[added.is_some()] {
                summary { (text.add_rule()) }
                @if let Some(failed) = added { (failure(context, failed.error)) }
                (add_rule(context, added))
            }
        }
    }
}

fn remove_rule(context: &PageContext, at: usize, name: &str) -> Markup {
    let content = html! {
        input type="hidden" name="at" value=(at);
        input type="hidden" name="name" value=(name);
        button.small { (context.text.remove()) }
    };
    context.form("settings/remove-rule", "inline", &content)
}

/// A field of a form with what was typed into it before.
fn text_field(
    name: &str,
    label: &str,
    placeholder: &str,
    failed: Option<&FailedForm<'_>>,
) -> Markup {
    let typed = failed.map_or("", |failed| failed.fields.get(name));
    let id = format!("new-{name}-{placeholder}");
    html! {
        div.field {
            label for=(id) { (label) }
            input id=(id) name=(name) value=(typed) placeholder=(placeholder) autocomplete="off" spellcheck="false";
        }
    }
}

fn add_rule(context: &PageContext, failed: Option<&FailedForm<'_>>) -> Markup {
    let text = context.text;
    let content = html! {
        (text_field("name", text.asked_name(), "fast-*", failed))
        (text_field("use", text.goes_to_in_order(), "anthropic/claude-*", failed))
        button { (text.review()) }
    };
    context.form("settings/add-rule", "", &content)
}

pub(super) fn providers(
    context: &PageContext,
    config: &Config,
    failed: Option<&FailedForm<'_>>,
) -> Markup {
    let text = context.text;
    let added = failed.filter(|failed| failed.is("add-provider", None));
    html! {
        section #providers {
            h2 { (text.own_providers()) " " code { "[providers]" } }
            p.soft { (text.own_providers_hint()) }
            @if config.providers.is_empty() { p { (text.no_own_providers()) } } @else {
                div.table { table.blocks {
                    thead { tr {
                        th scope="col" { (text.name()) } th scope="col" { (text.speaks()) }
                        th scope="col" { (text.base_url()) } th scope="col" { (text.key_from()) } th {}
                    } }
                    tbody { @for provider in &config.providers { (provider_row(context, provider)) } }
                } }
            }
            details open[added.is_some()] {
                summary { (text.add_provider()) }
                @if let Some(failed) = added { (failure(context, failed.error)) }
                (add_provider(context, added))
            }
        }
    }
}

fn provider_row(context: &PageContext, provider: &Provider) -> Markup {
    let text = context.text;
    let dialects: Vec<&str> = provider
        .dialects
        .iter()
        .map(|dialect| dialect.name())
        .collect();
    let remove = html! {
        input type="hidden" name="name" value=(provider.name);
        button.small { (text.remove()) }
    };
    html! { tr {
        th scope="row" {
            (provider.name) @if !provider.enabled { " " span.state.off { (text.is_off()) } }
        }
        td data-label=(text.speaks()) { code { (dialects.join(", ")) } }
        td data-label=(text.base_url()) { code { (provider.base_url) } }
        td data-label=(text.key_from()) {
            @match &provider.key_env { Some(name) => code { (name) }, None => (text.key_of_accounts()) }
        }
        td { (context.form("settings/remove-provider", "inline", &remove)) }
    } }
}

fn add_provider(context: &PageContext, failed: Option<&FailedForm<'_>>) -> Markup {
    let text = context.text;
    let chosen = failed.map_or("", |failed| failed.fields.get("protocol"));
    let content = html! {
        (text_field("name", text.name(), "lab", failed))
        div.field {
            label for="new-protocol" { (text.speaks()) }
            select #new-protocol name="protocol" {
                @for dialect in DIALECTS { option value=(dialect) selected[dialect == chosen] { (dialect) } }
            }
        }
        (text_field("base_url", text.base_url(), "http://192.168.1.20:8000/v1", failed))
        (text_field("key_env", text.variable_with_key(), "LAB_API_KEY", None))
        button { (text.review()) }
    };
    context.form("settings/add-provider", "", &content)
}
