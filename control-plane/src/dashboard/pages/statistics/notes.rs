//! What stands beside the sums: what they leave out, what the caches saved, and where prices come
//! from.

use maud::{Markup, html};

use super::table::missing;
use crate::control::PriceListFacts;
use crate::control::stats::Statistics;
use crate::dashboard::context::PageContext;
use crate::dashboard::plot::share_bar;

/// From when on prices are said to be old.
const OLD_DAYS: i32 = 180;

/// What the sums leave out; nothing where they leave nothing out.
pub(super) fn left_out(context: &PageContext, statistics: &Statistics) -> Markup {
    let (text, language) = (context.text, context.language());
    let total = &statistics.total;
    let count = |count: u64, sentence: &dyn Fn(String) -> String| {
        (count > 0).then(|| sentence(language.number(count)))
    };
    let sentences = [
        count(total.uncounted, &|count| text.told_no_tokens(count)),
        count(total.partial, &|count| text.counted_so_far(count)),
        missing(context, &total.cost).filter(|_| total.cost.unpriced_tokens > 0),
        count(statistics.not_recorded, &|count| {
            text.left_unrecorded(count)
        }),
        count(statistics.health_checks, &|count| {
            text.health_checks_apart(count)
        }),
    ];
    let sentences: Vec<String> = sentences.into_iter().flatten().collect();
    html! {
        @if !sentences.is_empty() {
            p.soft { (text.not_in_the_sums()) ": " (sentences.join(" ")) }
        }
    }
}

/// Cached against uncached input, as one bar and in money.
pub(super) fn cache(context: &PageContext, statistics: &Statistics) -> Markup {
    let (text, language) = (context.text, context.language());
    let total = &statistics.total;
    let (read, input) = (total.cache_read_tokens, total.input_tokens);
    let written = total.cache_write_tokens.min(input.saturating_sub(read));
    let Some(share) = language.share(read, input) else {
        return html! {};
    };
    let label = text.read_from_caches(&share);
    let parts = [
        ("cache-read", read),
        ("cache-write", written),
        ("input", input.saturating_sub(read + written)),
    ];
    let (saved, extra) = (total.cost.saved_micros, total.cost.cache_write_extra_micros);
    html! {
        section {
            h2 { (text.cached_and_new_input()) }
            figure {
                figcaption { (label) }
                (share_bar(&parts, &label))
                ul.legend {
                    @for (class, name, value) in [
                        ("cache-read", text.cache_read(), read),
                        ("cache-write", text.cache_write(), written),
                        ("input", text.new_input(), input.saturating_sub(read + written)),
                    ] {
                        li { svg viewBox="0 0 12 12" aria-hidden="true" { rect class=(class) width="12" height="12" rx="2" {} }
                            (name) " " (context.count(value)) }
                    }
                }
            }
            @if saved > 0 { p { (text.cache_saved(language.money(saved)))
                @if extra > 0 { " " (text.cache_writes_cost(language.money(extra))) } } }
        }
    }
}

/// Where the prices come from, and how old they are.
pub(super) fn prices(context: &PageContext, facts: &PriceListFacts) -> Markup {
    let (text, language, today) = (context.text, context.language(), context.today());
    let age = today.since(facts.list_of).map_or(0, |span| span.get_days());
    html! {
        section {
            h2 { (text.prices()) }
            p.soft {
                (text.prices_are_of(language.date(facts.list_of, today))) " "
                (text.own_prices_go_first()) " " code { "prices.toml" } "."
            }
            @if age > OLD_DAYS { div.notice { p { (text.prices_are_old(age)) } } }
            @if let Some(problem) = &facts.problem {
                div.notice.bad { p { (text.own_prices_not_used()) " " (problem) } }
            }
            @if !facts.own.is_empty() {
                details {
                    summary { (text.own_prices(facts.own.len())) }
                    ul { @for row in &facts.own { li {
                        code { (row.provider) "/" (row.models) }
                        @if let Some(from) = row.from { " " (text.since_day(language.date(from, today))) }
                    } } }
                }
            }
        }
    }
}
