//! All accounts: two lines each, the second of which opens.

use maud::{Markup, html};

use super::figures::Figures;
use super::forms::path_of;
use super::{add, facts, standing, verdict, windows};
use crate::control::AccountFacts;
use crate::control::overview::Overview;
use crate::dashboard::context::PageContext;
use crate::dashboard::form::FailedForm;
use crate::dashboard::layout::Page;
use crate::dashboard::pages::Section;
use crate::dashboard::sentences::marked;
use crate::ordering;

pub(super) async fn page(
    context: &PageContext,
    overview: &Overview,
    failed: Option<&FailedForm<'_>>,
) -> Page {
    let model = context.query.given("model");
    let figures = Figures::read(context, model).await;
    let accounts = ordered(&overview.accounts);
    let content = html! {
        (add::waiting(context))
        @if let Some(problem) = &figures.problem {
            div.notice { p { (marked(&context.text.figures_unknown(context.error_text(problem)))) } }
        }
        @if !accounts.is_empty() {
            (table(context, &accounts, &figures))
            (for_model(context, model))
        }
        (add::section(context, &overview.accounts, failed))
        (files(context))
    };
    Page {
        is_failed: failed.is_some(),
        ..Page::new(
            Section::Accounts,
            verdict::verdict(context, &overview.accounts),
            content,
        )
    }
}

/// In the order of use: a request goes to one provider, and there to the lowest priority first.
fn ordered(accounts: &[AccountFacts]) -> Vec<&AccountFacts> {
    let mut own: Vec<&AccountFacts> = accounts.iter().filter(|one| !one.is_offer()).collect();
    ordering::sort_by(&mut own, |one, other| {
        let key = |account: &AccountFacts| (account.provider.clone(), account.priority);
        key(one)
            .cmp(&key(other))
            .then_with(|| one.name.cmp(&other.name))
    });
    own
}

fn table(context: &PageContext, accounts: &[&AccountFacts], figures: &Figures) -> Markup {
    let text = context.text;
    html! {
        div.table { table.blocks.pairs {
            thead { tr {
                th scope="col" { (text.account()) }
                th scope="col" { (text.account_state()) }
                th scope="col" { (text.account_limits()) }
                th.number scope="col" { (text.cache_24_h()) }
                th.number scope="col" { (text.used_by_it_today()) }
                th.number scope="col" { (text.order_of_use()) }
            } }
            @for account in accounts { tbody {
                (row(context, account, accounts, figures))
                tr { td colspan="6" { (details(context, account, figures)) } }
            } }
        } }
    }
}

fn row(
    context: &PageContext,
    account: &AccountFacts,
    accounts: &[&AccountFacts],
    figures: &Figures,
) -> Markup {
    let text = context.text;
    html! {
        tr {
            th scope="row" {
                a href=(context.link_to("accounts", &account.name)) { (account.name) }
                " " span.meta { (account.provider) }
            }
            td data-label=(text.account_state()) { (standing::lamp(context, account)) }
            td data-label=(text.account_limits()) { (windows::fullest(context, account)) }
            td.number data-label=(text.cache_24_h()) { (facts::cache(context, account, &figures.day(account))) }
            td.number data-label=(text.used_by_it_today()) { (facts::today(context, account, &figures.today(account))) }
            td.number data-label=(text.order_of_use()) { (arrows(context, account, accounts)) }
        }
    }
}

/// Buttons that have the account used earlier or later than others of its provider.
fn arrows(context: &PageContext, account: &AccountFacts, accounts: &[&AccountFacts]) -> Markup {
    let siblings = accounts
        .iter()
        .filter(|other| other.provider == account.provider);
    let priorities: Vec<u32> = siblings.map(|other| other.priority).collect();
    let shares = priorities
        .iter()
        .filter(|other| **other == account.priority)
        .count()
        > 1;
    let is_first = !shares && priorities.iter().all(|other| *other >= account.priority);
    let is_last = !shares && priorities.iter().all(|other| *other <= account.priority);
    html! {
        @if priorities.len() > 1 { span {
            (arrow(context, account, "earlier", is_first)) " "
            (arrow(context, account, "later", is_last))
        } }
    }
}

fn arrow(context: &PageContext, account: &AccountFacts, form: &str, is_off: bool) -> Markup {
    let (sign, label) = match form {
        "earlier" => ("↑", context.text.use_earlier(&account.name)),
        _ => ("↓", context.text.use_later(&account.name)),
    };
    let button = html! {
        button.small aria-label=(label) title=(label) disabled[is_off] { (sign) }
    };
    context.form(
        &format!("{}/{form}", path_of(&account.name)),
        "inline",
        &button,
    )
}

/// Says in one line why it does not serve, or whether it would be asked next; and opens to all that
/// is known of it.
fn details(context: &PageContext, account: &AccountFacts, figures: &Figures) -> Markup {
    html! {
        details {
            summary.meta { (standing::line(context, account, figures.place(account))) }
            (facts::facts(context, account, figures, true))
            (facts::buttons(context, account, true))
        }
    }
}

fn for_model(context: &PageContext, model: Option<&str>) -> Markup {
    let text = context.text;
    html! {
        form.filter method="get" action=(context.link("accounts")) {
            label { (text.next_for_model())
                input name="model" value=(model.unwrap_or_default()) placeholder=(text.any_model_at_all()) spellcheck="false";
            }
            button { (text.show_it()) }
        }
    }
}

/// What the pages cannot do.
fn files(context: &PageContext) -> Markup {
    let text = context.text;
    html! {
        section {
            h2 { (text.move_accounts()) }
            p.soft { (text.export_hint()) " " (context.copyable("aerostat account export accounts.sealed")) }
            p.soft { (text.import_hint()) " " (context.copyable("aerostat account import accounts.sealed")) }
        }
    }
}
