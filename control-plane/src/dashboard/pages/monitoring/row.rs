//! A request as a row of the list, the same on the page and in its stream.

use std::time::Duration;

use maud::{Markup, html};

use crate::control::request_log::LogRow;
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{escaped, query};
use crate::dashboard::request_parts::{ending, is_served_as_asked, shortened};
use crate::dashboard::sentences::marked;

/// How much of a name and of a sentence a row shows: clients choose their length.
const NAME_CHARS_MAX: usize = 48;
const SENTENCE_CHARS_MAX: usize = 320;
pub(super) const COLUMNS: usize = 11;

/// A request: one `tbody`, with a second line where something is to be said.
pub(super) fn row(context: &PageContext, row: &LogRow) -> Markup {
    let text = context.text;
    let second = second_line(context, row);
    html! {
        tbody data-seq=(row.seq) {
            tr {
                th scope="row" { (when(context, row)) }
                td { (ending(context, &row.ending)) }
                td data-label=(text.model()) { span { (model(context, row)) } }
                td data-label=(text.account()) { (filtered("account", row.account.as_deref())) }
                td data-label=(text.client()) { (filtered("client", row.client.as_deref())) }
                td.number data-label=(text.first_byte()) { (duration(context, row.first_byte_ms)) }
                td.number data-label=(text.took()) { (duration(context, Some(row.took_ms))) }
                td.number data-label=(text.tokens_in()) { (tokens(context, row, row.input_tokens)) }
                td.number data-label=(text.tokens_cached()) { (cached(context, row)) }
                td.number data-label=(text.tokens_out()) { (tokens(context, row, row.output_tokens)) }
                td.number data-label=(text.cost()) { (cost(context, row)) }
            }
            @if let Some(second) = second { tr.second { td {} td.why colspan=(COLUMNS - 1) { (second) } } }
        }
    }
}

/// The row that says how many are left out.
pub(super) fn rest(context: &PageContext, count: usize) -> Markup {
    let count = context.language().number(count as u64);
    html! { tbody { tr { td.why colspan=(COLUMNS) { (context.text.and_more(count)) } } } }
}

fn model(context: &PageContext, row: &LogRow) -> Markup {
    let served = row.model.as_deref();
    let is_same = served.is_some_and(|served| is_served_as_asked(&row.asked, served));
    html! {
        @if !is_same && !row.asked.is_empty() { code { (shortened(&row.asked, NAME_CHARS_MAX)) } }
        @if !is_same && !row.asked.is_empty() && served.is_some() { " → " }
        @if served.is_some() { code { (filtered("model", served)) } }
        @match row.operation.as_deref() {
            Some("generate") => {},
            Some(operation) => { " " code.soft { (operation) } },
            None => span.soft { (context.text.unknown_path()) },
        }
    }
}

/// When it arrived, as a link to its page. All links of a row are relative: there are many.
fn when(context: &PageContext, row: &LogRow) -> Markup {
    let link = format!("requests/{}", escaped(&row.id));
    html! { a href=(link) { (context.brief_time(row.received_at)) } }
}

/// A name, as a link to all requests that carry it.
fn filtered(part: &str, name: Option<&str>) -> Markup {
    let Some(name) = name else {
        return html! {};
    };
    let link = format!("monitoring{}", query([(part, name)]));
    html! { a href=(link) { (shortened(name, NAME_CHARS_MAX)) } }
}

fn duration(context: &PageContext, millis: Option<u64>) -> Markup {
    match millis {
        Some(millis) => html! { (context.language().duration(Duration::from_millis(millis))) },
        None => html! {},
    }
}

/// What a model that answered left untold is unknown; where none was reached there is nothing.
fn tokens(context: &PageContext, row: &LogRow, count: Option<u64>) -> Markup {
    match count {
        Some(count) => context.count(count),
        None if is_served(row) && row.input_tokens.is_none() => context.unknown(),
        None => html! {},
    }
}

/// Unknown with the input, of which it is a part.
fn cached(context: &PageContext, row: &LogRow) -> Markup {
    match row.cache_read_tokens {
        Some(count) => context.count(count),
        None => html! {},
    }
}

fn is_served(row: &LogRow) -> bool {
    row.ending == "done" && row.operation.as_deref() == Some("generate")
}

fn cost(context: &PageContext, row: &LogRow) -> Markup {
    let cost = &row.cost;
    let is_nothing = cost.is_unknown || cost.micros == 0 && !cost.is_free;
    let has_none = is_nothing && row.input_tokens.is_none() && !is_served(row);
    match has_none {
        true => html! {},
        false => context.cost(&row.cost),
    }
}

/// Why it failed, what else it took, and what it lost.
fn second_line(context: &PageContext, row: &LogRow) -> Option<Markup> {
    let text = context.text;
    let mut parts = Vec::new();
    if let Some(why) = context.why(row) {
        parts.push(shortened(&why, SENTENCE_CHARS_MAX));
    }
    if row.attempts > 1 {
        parts.push(text.attempts_made(row.attempts));
    }
    if let Some(dropped) = &row.dropped {
        parts.push(text.dropped_fields(shortened(dropped, SENTENCE_CHARS_MAX)));
    }
    if !row.usage_is_final && row.input_tokens.is_some() {
        parts.push(text.tokens_so_far().to_owned());
    }
    (!parts.is_empty()).then(|| marked(&parts.join(" · ")))
}
