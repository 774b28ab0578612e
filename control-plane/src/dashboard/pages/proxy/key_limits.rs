//! The limits of a key, as bars and in words.

use maud::{Markup, html};

use crate::control::verbs::key_list::{KeyFacts, KeyLimitFacts};
use crate::dashboard::context::PageContext;
use crate::dashboard::plot::{WindowBar, window_bar};

pub(super) fn limits(context: &PageContext, key: &KeyFacts) -> Markup {
    let text = context.text;
    let is_open = key.limits.is_empty() && key.models.is_none() && key.expires_at.is_none();
    html! {
        div {
            @for limit in &key.limits { div { (bar(context, limit)) } }
            @if let Some(models) = &key.models {
                div.why { (text.only_models(models.join(", "))) }
            }
            @if let Some(at) = key.expires_at.filter(|_| !key.is_expired) {
                div.why { (text.expires_at(context.time_text(at))) }
            }
            @if is_open { span.meta { (text.no_limits()) } }
        }
    }
}

fn bar(context: &PageContext, limit: &KeyLimitFacts) -> Markup {
    let text = context.text;
    let used = amount(context, limit, limit.used);
    let said = text.used_of(used, limit_text(context, limit));
    let resets = text.resets_at_in(context.time_text(limit.resets_at), &limit.time_zone);
    let bar = WindowBar {
        used: share(limit.used, limit.max),
        gone: gone(context, limit),
        is_stale: false,
    };
    html! {
        (window_bar(bar, &said)) " "
        span.why {
            (said) " · " (resets)
            @if limit.unpriced_requests > 0 {
                " · " (text.without_a_price(context.language().number(limit.unpriced_requests)))
            }
        }
        @if limit.is_used_up { " " span.error { (text.is_used_up()) } }
    }
}

/// How much of the period is gone.
fn gone(context: &PageContext, limit: &KeyLimitFacts) -> Option<f64> {
    let period = limit.resets_at.duration_since(limit.starts_at).ok()?;
    let gone = context.now.duration_since(limit.starts_at).ok()?;
    Some(gone.as_secs_f64() / period.as_secs_f64().max(1.0))
}

#[expect(clippy::cast_precision_loss, reason = "a share is drawn")]
fn share(used: u64, max: u64) -> f64 {
    used as f64 / max.max(1) as f64
}

/// `500,000 tokens a day`, by the limit's word.
fn limit_text(context: &PageContext, limit: &KeyLimitFacts) -> String {
    let (text, max) = (context.text, amount(context, limit, limit.max));
    match limit.limit.as_str() {
        "requests_minute" => text.requests_a_minute(max),
        "requests_day" => text.requests_a_day(max),
        "requests_month" => text.requests_a_month(max),
        "tokens_day" => text.tokens_a_day(max),
        "tokens_month" => text.tokens_a_month(max),
        "dollars_day" => text.money_a_day(max),
        "dollars_month" => text.money_a_month(max),
        _ => limit.text.clone(),
    }
}

fn amount(context: &PageContext, limit: &KeyLimitFacts, amount: u64) -> String {
    if limit.limit.starts_with("dollars") {
        let micros = i64::try_from(amount).unwrap_or(i64::MAX);
        context.language().money(micros)
    } else {
        context.language().number(amount)
    }
}
