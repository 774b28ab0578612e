//! Today in four figures, and the last 24 hours as bars; each leads to the requests in it.

use std::time::Duration;

use maud::{Markup, html};

use crate::control::today::{TimelineBar, Totals};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::moment;
use crate::dashboard::plot::{Bar, BarPlot, Part};
use crate::status::Timestamp;

/// `is_stale`: as they were when they could last be read.
pub(super) fn today(context: &PageContext, totals: &Totals, is_stale: bool) -> Markup {
    let class = if is_stale {
        "figures unknown"
    } else {
        "figures"
    };
    html! {
        dl class=(class) {
            (requests(context, totals))
            (tokens(context, totals))
            (cost(context, totals))
            (first_byte(context, totals))
        }
    }
}

fn figure(name: &str, href: &str, value: &Markup, below: &Markup) -> Markup {
    html! {
        div {
            dt { (name) }
            dd.value { a href=(href) { (value) } }
            dd.meta { (below) }
        }
    }
}

/// The requests of today with one more condition.
fn of_today(context: &PageContext, totals: &Totals, name: &str, value: &str) -> String {
    let since = moment(totals.since);
    context.link_with("monitoring", [("since", since.as_str()), (name, value)])
}

fn requests(context: &PageContext, totals: &Totals) -> Markup {
    let (text, sums) = (context.text, &totals.sums);
    let number = |count| context.language().number(count);
    let all = of_today(context, totals, "", "");
    let below = html! {
        a href=(of_today(context, totals, "failed", "1")) { (text.so_many_failed(number(sums.failures()))) }
        ", "
        a href=(of_today(context, totals, "ending", "left")) { (text.so_many_left(number(sums.left))) }
        @if totals.not_recorded > 0 { ", " (text.not_recorded(number(totals.not_recorded))) }
    };
    figure(
        text.requests_today(),
        &all,
        &context.count(sums.requests),
        &below,
    )
}

fn tokens(context: &PageContext, totals: &Totals) -> Markup {
    let (text, sums) = (context.text, &totals.sums);
    let share = context
        .language()
        .share(sums.cache_read_tokens, sums.input_tokens);
    let below = match share {
        Some(share) => text.share_from_cache(share),
        None => text.cache_share_unknown().to_owned(),
    };
    let is_unknown = sums.total_tokens == 0 && sums.uncounted > 0;
    let value = match is_unknown {
        true => context.unknown(),
        false => context.count(sums.total_tokens),
    };
    figure(
        text.tokens_today(),
        &statistics(context),
        &value,
        &html! { (below) },
    )
}

fn cost(context: &PageContext, totals: &Totals) -> Markup {
    let (text, cost) = (context.text, &totals.sums.cost);
    let plural = |count: u64, one, other| context.language().plural(count, one, other);
    let mut gaps = Vec::new();
    let models = cost.unpriced_models.len() as u64;
    if models > 0 {
        let noun = plural(models, text.model_unpriced(), text.models_unpriced());
        gaps.push(format!("{} {noun}", context.language().number(models)));
    }
    if cost.uncounted_requests > 0 {
        let noun = plural(
            cost.uncounted_requests,
            text.request_uncounted(),
            text.requests_uncounted(),
        );
        let count = context.language().number(cost.uncounted_requests);
        gaps.push(format!("{count} {noun}"));
    }
    let below = match (gaps.is_empty(), &cost.missing) {
        (false, _) => html! { (gaps.join(", ")) },
        (true, Some(missing)) => html! { (missing) },
        (true, None) if cost.is_free => html! { (text.cost_is_free()) },
        (true, None) => html! { (text.at_list_price()) },
    };
    figure(
        text.cost_today(),
        &statistics(context),
        &context.cost(cost),
        &below,
    )
}

fn statistics(context: &PageContext) -> String {
    context.link_with("statistics", [("since", "today"), ("by", "model")])
}

fn first_byte(context: &PageContext, totals: &Totals) -> Markup {
    let (text, sums) = (context.text, &totals.sums);
    let written = |millis: Option<u64>| {
        millis.map(|millis| context.language().duration(Duration::from_millis(millis)))
    };
    let value = match written(sums.first_byte_median_ms) {
        Some(median) => html! { (median) },
        None => context.unknown(),
    };
    let below = match written(sums.first_byte_p95_ms) {
        Some(p95) => text.p95(p95),
        None => text.no_streams_today().to_owned(),
    };
    let all = of_today(context, totals, "", "");
    figure(text.first_byte_median(), &all, &value, &html! { (below) })
}

/// The last 24 hours in quarters of an hour, failures on top.
pub(super) fn timeline(context: &PageContext, bars: &[TimelineBar]) -> Markup {
    let text = context.text;
    if bars.iter().all(|bar| bar.requests == 0) {
        return html! {
            section { h2 { (text.last_24_hours()) } p.soft { (text.no_requests_in_24_hours()) } }
        };
    }
    let plot = BarPlot {
        caption: text.requests_by_quarter(),
        legend: &[
            ("served", text.ended_served()),
            ("left-early", text.ended_left()),
            ("failures", text.ended_failed()),
        ],
        bars: bars.iter().map(|quarter| bar(context, quarter)).collect(),
        column: text.time(),
    };
    html! { section { h2 { (text.last_24_hours()) } (plot.draw(context)) } }
}

fn bar(context: &PageContext, quarter: &TimelineBar) -> Bar {
    let clock = |at: Option<Timestamp>| {
        let at = at.and_then(|at| context.zoned(at));
        at.map(|at| at.strftime("%H:%M").to_string())
            .unwrap_or_default()
    };
    let failed = quarter.failed + quarter.refused;
    let served = quarter.requests.saturating_sub(failed + quarter.left);
    let parts = [
        ("served", served),
        ("left-early", quarter.left),
        ("failures", failed),
    ];
    Bar {
        label: clock(quarter.from),
        name: format!("{}–{}", clock(quarter.from), clock(quarter.until)),
        href: (quarter.requests > 0).then(|| {
            let end = |at: Option<Timestamp>| at.map(moment).unwrap_or_default();
            let (since, until) = (end(quarter.from), end(quarter.until));
            context.link_with(
                "monitoring",
                [("since", since.as_str()), ("until", until.as_str())],
            )
        }),
        parts: parts
            .into_iter()
            .map(|(class, value)| Part { class, value })
            .collect(),
    }
}
