//! What one name becomes: the rule, the candidates in their order, and what to expect of each.

use maud::{Markup, html};

use crate::control::model_facts::{Carriage, ModelPrice};
use crate::control::verbs::ModelTry;
use crate::control::verbs::model_try::{CandidateFacts, LeftOut, Trial};
use crate::control::{Loss, LossKind, Place, Verb};
use crate::dashboard::context::PageContext;
use crate::dashboard::sentences::marked;
use crate::status::ProviderStatus;

/// How much of a name is repeated.
const NAME_CHARS_MAX: usize = 100;

pub(super) async fn result(context: &PageContext, asked: &str) -> Markup {
    let ask = ModelTry {
        name: asked.to_owned(),
    };
    match ask.run(&context.service, &PageContext::notes()).await {
        Ok(trial) => shown(context, &trial),
        Err(error) => html! { p.error role="alert" { (marked(context.error_text(&error))) } },
    }
}

fn shown(context: &PageContext, trial: &Trial) -> Markup {
    let class = if trial.candidates.is_empty() {
        "notice"
    } else {
        "notice ok"
    };
    html! {
        div class=(class) role="status" { p { (why(context, trial)) } }
        @if !trial.candidates.is_empty() { (candidates(context, &trial.candidates)) }
        @for left_out in &trial.left_out { p.why { (why_left_out(context, left_out)) } }
    }
}

fn why(context: &PageContext, trial: &Trial) -> String {
    let text = context.text;
    let name: String = trial.name.chars().take(NAME_CHARS_MAX).collect();
    let rule = trial.rule.as_deref().unwrap_or_default();
    match (&*trial.why, trial.candidates.is_empty()) {
        ("rule", false) => text.rule_matches(rule, name),
        ("rule", true) => text.rule_leads_nowhere(rule, name),
        ("addressed", _) => text.name_is_address(name),
        ("demo", _) => text.name_is_demo(name),
        ("listed", _) => text.name_is_listed(name),
        ("only_provider", _) => text.name_goes_to_only_provider(name),
        ("unknown", _) if trial.nearest.is_empty() => text.name_is_unknown(name),
        ("unknown", _) => text.name_is_unknown_nearest(name, trial.nearest.join(", ")),
        _ => trial.detail.clone(),
    }
}

fn why_left_out(context: &PageContext, left_out: &LeftOut) -> String {
    let name = format!("{}/{}", left_out.provider, left_out.model);
    match left_out.is_disabled {
        true => context.text.left_out_disabled(name, &left_out.provider),
        false => context.text.left_out_missing(name, &left_out.provider),
    }
}

fn candidates(context: &PageContext, candidates: &[CandidateFacts]) -> Markup {
    let text = context.text;
    html! {
        div.table { table.blocks {
            thead { tr {
                th.number scope="col" { "#" } th scope="col" { (text.model_at_provider()) }
                th scope="col" { (text.state()) } th scope="col" { (text.what_to_expect()) }
                th scope="col" { (text.price_of_million()) }
            } }
            tbody { @for (at, candidate) in candidates.iter().enumerate() {
                (row(context, at + 1, candidate))
            } }
        } }
    }
}

fn row(context: &PageContext, at: usize, candidate: &CandidateFacts) -> Markup {
    let (text, service) = (context.text, &context.service);
    let (provider, model) = (&candidate.provider, &candidate.model);
    html! {
        tr {
            td.number data-label="#" { (at) }
            th scope="row" { code { (provider) "/" (model) } }
            td data-label=(text.state()) { div {
                (state(context, &candidate.status))
                @if let Some(account) = next_account(context, candidate) {
                    div.why { (text.account_would_serve()) " "
                        a href=(context.link_to("accounts", &account)) { (account) }
                    }
                }
            } }
            td data-label=(text.what_to_expect()) { div {
                (carriages(context, &service.carriages(provider, model)))
            } }
            td data-label=(text.price_of_million()) { div {
                (price(context, service.price_of(provider, model).as_ref()))
            } }
        }
    }
}

/// The account that the next request for it would ask.
fn next_account(context: &PageContext, candidate: &CandidateFacts) -> Option<String> {
    let prospects = context
        .service
        .prospects(Some(&candidate.model), context.now);
    let mut next = prospects.into_iter().filter(|prospect| {
        prospect.provider == candidate.provider && prospect.place == Place::Next
    });
    next.next().map(|prospect| prospect.account.to_string())
}

/// A lamp, and what it stands for.
pub(super) fn state(context: &PageContext, status: &ProviderStatus) -> Markup {
    let text = context.text;
    let (class, word) = match status {
        ProviderStatus::BuiltIn => ("ready", text.is_built_in().to_owned()),
        ProviderStatus::Ready => ("ready", text.is_ready().to_owned()),
        ProviderStatus::NoCredential(_) => ("needs", text.needs_a_credential().to_owned()),
        ProviderStatus::NoAccount => ("needs", text.has_no_account().to_owned()),
        ProviderStatus::Disabled { .. } => ("off", text.is_disabled().to_owned()),
        ProviderStatus::NotConfigured { .. } => ("off", text.is_not_configured().to_owned()),
        ProviderStatus::Account { account } if account.can_serve() => {
            ("ready", text.is_ready().to_owned())
        }
        ProviderStatus::Account { account } => {
            let class = if account.needs_user() {
                "needs"
            } else {
                "rests"
            };
            (class, context.status_text(account))
        }
        ProviderStatus::Accounts { total, ready, .. } => {
            let class = if *ready > 0 { "ready" } else { "rests" };
            (class, text.accounts_ready(ready, total))
        }
    };
    html! { span class={ "state " (class) } { (word) } }
}

/// First what passes as it is, then what is translated.
fn carriages(context: &PageContext, carriages: &[(&'static str, Carriage)]) -> Markup {
    let text = context.text;
    let unchanged = carriages
        .iter()
        .filter(|(_, carriage)| *carriage == Carriage::Unchanged);
    let unchanged: Vec<&str> = unchanged.map(|(dialect, _)| *dialect).collect();
    let translated = carriages
        .iter()
        .filter_map(|(dialect, carriage)| match carriage {
            Carriage::Unchanged => None,
            Carriage::Translated { into, losses } => Some((*dialect, into, losses.as_ref())),
        });
    let translated: Vec<_> = translated.collect();
    html! {
        @if !unchanged.is_empty() {
            div { (text.passes_unchanged(unchanged.join(", "))) }
        }
        @if let Some((_, into, _)) = translated.first() {
            @let from: Vec<&str> = translated.iter().map(|(dialect, ..)| *dialect).collect();
            div.why { (text.is_translated(from.join(", "), into.join(", "))) }
            details {
                summary { (text.usual_losses()) }
                dl.facts { @for (dialect, _, losses) in &translated {
                    dt { code { (dialect) } }
                    dd { (self::losses(context, *losses)) }
                } }
            }
        }
    }
}

/// What would be lost of a request that sets what is usual.
fn losses(context: &PageContext, losses: Option<&Vec<Loss>>) -> Markup {
    let text = context.text;
    let Some(losses) = losses else {
        return context.unknown();
    };
    let of_kind = |kind: LossKind| losses.iter().filter(move |loss| loss.kind == kind);
    let kinds = [
        (text.dropped(), of_kind(LossKind::Dropped)),
        (text.adjusted(), of_kind(LossKind::Adjusted)),
        (text.added(), of_kind(LossKind::Added)),
    ];
    html! {
        @if losses.is_empty() { (text.nothing_is_lost()) }
        @for (kind, losses) in kinds {
            @let paths: Vec<&str> = losses.map(|loss| loss.path.as_str()).collect();
            @if !paths.is_empty() {
                div { (kind) ": " @for (at, path) in paths.iter().enumerate() { @if at > 0 { ", " } code { (path) } } }
            }
        }
    }
}

fn price(context: &PageContext, price: Option<&ModelPrice>) -> Markup {
    let (text, language) = (context.text, context.language());
    let Some(price) = price else {
        return context.unknown();
    };
    if price.is_free {
        return html! { (text.free()) };
    }
    let money = |micros: u64| language.money(i64::try_from(micros).unwrap_or(i64::MAX));
    let source = match price.row.source.as_str() {
        "own" => text.price_is_own().to_owned(),
        _ => text.price_is_listed(price.row.list_of.as_deref().unwrap_or_default()),
    };
    html! {
        div { (text.price_in_out(money(price.input_micros), money(price.output_micros))) }
        @if let Some(cached) = price.cache_read_micros {
            div.why { (text.price_cached(money(cached))) }
        }
        div.why { (source) }
    }
}
