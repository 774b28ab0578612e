//! The tokens of a request as a sum, and how its cost comes about.

use maud::{Markup, html};

use crate::control::cost::{CostAccount, PriceFacts};
use crate::control::explain::Explanation;
use crate::dashboard::context::PageContext;

pub(super) fn section(context: &PageContext, request: &Explanation) -> Markup {
    let is_silent = request.input_tokens.is_none() && request.output_tokens.is_none();
    if is_silent && request.attempts.is_empty() {
        return html! {};
    }
    let text = context.text;
    html! {
        section {
            h2 { (text.tokens_and_cost()) }
            dl.facts {
                dt { (text.tokens_in()) } dd { (input(context, request)) }
                dt { (text.tokens_out()) } dd { (whole(context, request.output_tokens)) }
                @if !request.usage_is_final && !is_silent { dt {} dd.soft { (text.tokens_so_far()) } }
                @if let Some(account) = &request.cost {
                    dt { (text.cost()) } dd { (cost(context, account)) }
                    @if let Some(price) = &account.price { dt { (text.price()) } dd { (price_row(context, price)) } }
                }
                @if let Some(tier) = &request.tier { dt { (text.service_tier()) } dd { code { (tier) } } }
            }
        }
    }
}

fn whole(context: &PageContext, count: Option<u64>) -> Markup {
    match count {
        Some(count) => html! { (context.language().number(count)) },
        None => context.unknown(),
    }
}

/// `90,314 = 2,104 new + 88,210 from cache`.
fn input(context: &PageContext, request: &Explanation) -> Markup {
    let text = context.text;
    let number = |count: u64| context.language().number(count);
    let (Some(input), Some(read)) = (request.input_tokens, request.cache_read_tokens) else {
        return whole(context, request.input_tokens);
    };
    let written = request.cache_write_tokens.unwrap_or(0);
    let new = input.saturating_sub(read).saturating_sub(written);
    html! {
        (number(input)) " = " (text.new_tokens(number(new))) " + " (text.tokens_from_cache(number(read)))
        @if written > 0 { " + " (text.tokens_to_cache(number(written))) }
    }
}

/// The sum with its terms.
fn cost(context: &PageContext, account: &CostAccount) -> Markup {
    html! {
        (context.cost(&account.cost))
        @if let Some(terms) = &account.text { " = " (terms) }
        @if let Some(missing) = &account.cost.missing { div.soft { (missing) } }
    }
}

/// Which row priced it.
fn price_row(context: &PageContext, price: &PriceFacts) -> Markup {
    let text = context.text;
    let source = match price.source.as_str() {
        "list" => text.price_of_list(price.list_of.as_deref().unwrap_or_default()),
        "own" => text.price_of_ones_own().to_owned(),
        "charged" => text.price_was_charged().to_owned(),
        _ => text.price_is_free().to_owned(),
    };
    html! {
        (source)
        @if let Some(models) = &price.models { ", " code { (models) } }
        @if let Some(from) = &price.from { ", " (text.price_from(from)) }
        @if let Some(above) = price.above_tokens { ", " (text.price_above(context.language().number(above))) }
        @if let Some(hours) = &price.hours { ", " (hours) " UTC" }
    }
}
