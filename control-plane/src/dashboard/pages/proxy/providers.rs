//! The providers that are configured: how each stands, which dialects it speaks, and on demand which
//! models it has.

use maud::{Markup, html};

use super::trial::state;
use crate::control::Verb;
use crate::control::provider::{ModelList, ProviderFacts};
use crate::control::verbs::{ProviderList, ProviderModels};
use crate::dashboard::context::PageContext;
use crate::dashboard::sentences::marked;
use crate::status::ProviderStatus;

/// How many models of a provider are shown; the rest is counted.
const MODELS_MAX: usize = 300;

pub(super) async fn section(context: &PageContext) -> Markup {
    let text = context.text;
    let list = ProviderList {}
        .run(&context.service, &PageContext::notes())
        .await;
    let list = match list {
        Ok(list) => list,
        Err(error) => return html! { p.error { (marked(context.error_text(&error))) } },
    };
    let is_configured =
        |facts: &&ProviderFacts| !matches!(facts.status, ProviderStatus::NotConfigured { .. });
    let more = list.iter().filter(|facts| !is_configured(facts)).count();
    html! {
        section #providers {
            h2 { (text.providers()) }
            div.table { table.blocks {
                thead { tr {
                    th scope="col" { (text.provider()) } th scope="col" { (text.state()) }
                    th scope="col" { (text.dialects()) } th scope="col" { (text.address()) }
                    th scope="col" { span.hidden-label { (text.models()) } }
                } }
                tbody { @for facts in list.iter().filter(is_configured) { (row(context, facts)) } }
            } }
            p.soft {
                (text.presets_can_be_added(more)) " "
                a href={ (context.link("accounts")) "#add" } { (text.add_an_account()) }
            }
            @if let Some(name) = context.query.given("models") { (models(context, name).await) }
        }
    }
}

fn row(context: &PageContext, facts: &ProviderFacts) -> Markup {
    let text = context.text;
    let models = context.link_with("proxy", [("models", facts.name.as_str())]);
    html! {
        tr {
            th scope="row" { (facts.name) }
            td data-label=(text.state()) { (state(context, &facts.status)) }
            td data-label=(text.dialects()) { (facts.protocol.join(", ")) }
            td data-label=(text.address()) {
                @match &facts.base_url {
                    Some(url) => code { (url) },
                    None => span.meta { (text.in_the_program()) },
                }
            }
            td { a.button.small href={ (models) "#models" } { (text.show_models()) } }
        }
    }
}

/// What a provider serves: it is asked now.
async fn models(context: &PageContext, name: &str) -> Markup {
    let text = context.text;
    let ask = ProviderModels {
        name: Some(name.to_owned()),
    };
    let lists = ask.run(&context.service, &PageContext::notes()).await;
    html! {
        div.sheet #models {
            h3 { (text.models_of(name)) }
            @match &lists {
                Err(error) => p.error role="alert" { (marked(context.error_text(error))) },
                Ok(lists) => { @for list in lists { (model_list(context, list)) } }
            }
        }
    }
}

fn model_list(context: &PageContext, list: &ModelList) -> Markup {
    let text = context.text;
    let more = list.models.len().saturating_sub(MODELS_MAX);
    html! {
        @if let Some(error) = &list.error { p.error { (marked(error.text(context.language()))) } }
        @else { p.soft { (text.so_many_models(context.language().number(list.models.len() as u64))) } }
        p { @for model in list.models.iter().take(MODELS_MAX) {
            @let address = format!("{}/{model}", list.provider);
            a href={ (context.link_with("proxy", [("try", address.as_str())])) "#rules" } { code { (model) } } " "
        } }
        @if more > 0 { p { (text.and_more(more)) } }
    }
}
