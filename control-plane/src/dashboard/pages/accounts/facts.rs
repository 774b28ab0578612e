//! What is known of one account, and its buttons: in the list, and on the account's own page.

use maud::{Markup, html};

use super::figures::{Figures, Used};
use super::forms::path_of;
use super::{standing, windows};
use crate::control::AccountFacts;
use crate::control::account::{CooldownFacts, CredentialForm};
use crate::control::request_log::LogRow;
use crate::control::stats::StatisticsRow;
use crate::dashboard::context::PageContext;
use crate::dashboard::sentences::marked;
use crate::status::AccountStatus;

/// What is known of an account, as it is shown in the list too.
/// `is_list`: its form leads back to the list.
pub(super) fn facts(
    context: &PageContext,
    account: &AccountFacts,
    figures: &Figures,
    is_list: bool,
) -> Markup {
    let text = context.text;
    html! {
        dl.facts {
            dt { (text.account_state()) }
            dd { (standing::lamp(context, account))
                @if let Some(why) = standing::why(context, account) { " " (why) } }
            dt { (text.its_next_request()) }
            dd { (next(context, account, figures)) }
            dt { (text.account_limits()) }
            dd { (limits(context, account)) }
            @if !account.cooldowns.is_empty() {
                dt { (text.account_rests()) }
                dd { (rests(context, account, is_list)) }
            }
            dt { (text.kept_conversations()) }
            dd { (conversations(context, account)) }
            dt { (text.account_today()) }
            dd { (today(context, account, &figures.today(account))) }
            dt { (text.cache_24_h()) }
            dd { (cache(context, account, &figures.day(account))) }
            @if let Some(row) = figures.failure(account) {
                dt { (text.its_last_failure()) }
                dd { (last_failure(context, account, row)) }
            }
            dt { (text.account_credential()) }
            dd { (source(context, account)) }
        }
    }
}

fn next(context: &PageContext, account: &AccountFacts, figures: &Figures) -> String {
    match figures.place(account) {
        Some(place) => standing::place(context, place),
        None => context.text.not_in_use().to_owned(),
    }
}

/// All windows and budgets.
fn limits(context: &PageContext, account: &AccountFacts) -> Markup {
    html! {
        @if account.quota.is_empty() { div.unknown { (context.text.limits_unknown()) } }
        @for quota in &account.quota { div { (windows::window_with_age(context, quota)) } }
        @for budget in &account.budgets { div { (windows::budget(context, budget)) } }
        @if account.awaits_proof { div.why { (context.text.quota_awaits_proof()) } }
    }
}

/// The cooldowns, by model, and the button that ends them.
fn rests(context: &PageContext, account: &AccountFacts, is_list: bool) -> Markup {
    let clear = html! {
        @if is_list { (from_list()) }
        button.small { (context.text.end_rests()) }
    };
    html! {
        @for cooldown in &account.cooldowns { div { (rest(context, cooldown)) } }
        (context.form(&format!("{}/clear", path_of(&account.name)), "inline", &clear))
    }
}

fn rest(context: &PageContext, cooldown: &CooldownFacts) -> String {
    standing::status_text(
        context,
        &AccountStatus::CoolingDown {
            until: cooldown.until,
            cause: cooldown.cause,
            models: cooldown.model.iter().cloned().collect(),
            detail: cooldown.detail.clone(),
        },
    )
}

fn conversations(context: &PageContext, account: &AccountFacts) -> String {
    let language = context.language();
    let (kept, running) = (
        language.number(account.sessions.into()),
        language.number(account.in_flight.into()),
    );
    context.text.conversations_and_requests(kept, running)
}

fn last_failure(context: &PageContext, account: &AccountFacts, row: &LogRow) -> Markup {
    let failed = context.link_with(
        "monitoring",
        [
            ("account", account.name.as_str()),
            ("failed", "1"),
            ("since", "7d"),
        ],
    );
    html! {
        (context.time(row.received_at)) " " (marked(&context.why(row).unwrap_or_default())) " "
        a href=(failed) { (context.text.its_failures()) }
    }
}

fn source(context: &PageContext, account: &AccountFacts) -> Markup {
    let text = context.text;
    html! {
        @match (&account.variable, account.form) {
            (Some(variable), _) => { (text.variable_source()) " " code { (variable) } },
            (None, CredentialForm::Nothing) => (text.needs_no_credential()),
            (None, CredentialForm::OAuth) => (text.sealed_tokens()),
            (None, CredentialForm::Key) => (text.sealed_key()),
        }
        @if let Some(until) = account.token_until { ", " (text.token_until(context.time_text(until))) }
    }
}

/// Test, enable or disable; in the list also the way to all else.
pub(super) fn buttons(context: &PageContext, account: &AccountFacts, is_list: bool) -> Markup {
    let text = context.text;
    let path = path_of(&account.name);
    let (switch, label) = match account.enabled {
        true => ("disable", text.disable()),
        false => ("enable", text.enable()),
    };
    let content = |label: &str| {
        html! { @if is_list { (from_list()) } button.small { (label) } }
    };
    let page = context.link(&path);
    html! {
        div.row {
            (context.form(&format!("{path}/test"), "inline", &content(text.test_account())))
            (context.form(&format!("{path}/{switch}"), "inline", &content(label)))
            @if is_list {
                @if account.needs_user() || account.form != CredentialForm::Nothing {
                    a.button.small href={ (page) "#credential" } { (enter_label(context, account)) }
                }
                a.button.small href={ (page) "#settings" } { (text.settings()) }
                a.button.small href={ (page) "#remove" } { (text.remove_it()) }
            }
        }
    }
}

fn from_list() -> Markup {
    html! { input type="hidden" name="from" value="list"; }
}

fn enter_label(context: &PageContext, account: &AccountFacts) -> &'static str {
    match account.takes_key() {
        true => context.text.enter_key(),
        false => context.text.sign_in(),
    }
}

/// The share of the input that came from caches.
pub(super) fn cache(context: &PageContext, account: &AccountFacts, used: &Used) -> Markup {
    let share = match used {
        Used::Sum(row) => context
            .language()
            .share(row.cache_read_tokens, row.input_tokens),
        Used::Nothing | Used::Unknown => None,
    };
    let link = requests(context, account, "24h");
    match share {
        Some(share) => html! { a href=(link) { (share) } },
        None => context.unknown(),
    }
}

/// Requests and tokens of today.
pub(super) fn today(context: &PageContext, account: &AccountFacts, used: &Used) -> Markup {
    let language = context.language();
    match used {
        Used::Unknown => context.unknown(),
        Used::Nothing => html! { span.unknown { (context.text.used_nothing()) } },
        Used::Sum(row) => html! {
            a href=(requests(context, account, "today")) title=(sum(context, row)) {
                (language.number(row.requests)) " · " (language.compact(tokens(row)))
            }
        },
    }
}

/// `1,284 requests, 48.2 M tokens`.
pub(super) fn sum(context: &PageContext, row: &StatisticsRow) -> String {
    let language = context.language();
    let (requests, tokens) = (language.number(row.requests), language.compact(tokens(row)));
    match row.requests {
        1 => context.text.one_request_and_tokens(tokens),
        _ => context.text.requests_and_tokens(requests, tokens),
    }
}

fn tokens(row: &StatisticsRow) -> u64 {
    row.input_tokens.saturating_add(row.output_tokens)
}

/// The requests of an account.
pub(super) fn requests(context: &PageContext, account: &AccountFacts, since: &str) -> String {
    context.link_with(
        "monitoring",
        [("account", account.name.as_str()), ("since", since)],
    )
}
