//! Monitoring: the requests, the latest first, as they come.

mod filter;
mod live;
mod row;
mod verdict;

use maud::{Markup, html};

use super::Section;
use crate::control::request_log::LogPage;
use crate::control::verbs::Log;
use crate::control::{ControlError, FilterNames, LogSummary, Verb};
use crate::dashboard::context::PageContext;
use crate::dashboard::layout::{Page, unreadable};
use filter::Filter;
pub(in crate::dashboard) use live::open as open_live;

/// How many rows a page has, and the list in an open tab.
const ROWS_MAX: usize = 50;

/// What the page shows, apart from the filter.
struct Found {
    names: FilterNames,
    summary: LogSummary,
    page: LogPage,
}

pub(super) async fn page(context: &PageContext) -> Page {
    let filter = Filter::of(&context.query);
    if !filter.problems.is_empty() {
        let names = context.service.filter_names().await.unwrap_or_default();
        let content = filter::form(context, &filter, &names);
        return Page {
            is_failed: true,
            ..Page::new(Section::Monitoring, context.text.nothing_listed(), content)
        };
    }
    match find(context, &filter).await {
        Ok(found) => listed(context, &filter, &found),
        Err(error) => unreadable(context, Section::Monitoring, &error),
    }
}

async fn find(context: &PageContext, filter: &Filter<'_>) -> Result<Found, ControlError> {
    let number = |field: &str| context.query.get(field).parse().ok();
    let log = Log {
        before: number("before"),
        after: number("after"),
        rows_max: Some(ROWS_MAX),
        ..filter.log.clone()
    };
    let is_after = log.after.is_some();
    let mut page = log.run(&context.service, &PageContext::notes()).await?;
    if is_after {
        page.rows.reverse();
    }
    Ok(Found {
        summary: context.service.summary(&filter.log).await?,
        names: context.service.filter_names().await?,
        page,
    })
}

fn listed(context: &PageContext, filter: &Filter<'_>, found: &Found) -> Page {
    let is_latest = !context.query.is_set("before") && !context.query.is_set("after");
    let is_live = is_latest && context.query.get("live") != "0";
    let content = html! {
        (verdict::reason(context, filter, &found.summary))
        (filter::form(context, filter, &found.names))
        @if found.page.rows.is_empty() { (nothing(context, filter, found)) }
        @if !found.page.rows.is_empty() || is_live { (table(context, filter, found, is_live)) }
        (paging(context, filter, &found.page, is_latest))
    };
    Page {
        action: is_latest.then(|| switch(context, filter, is_live)),
        head: is_live.then(|| html! { noscript { meta http-equiv="refresh" content="15"; } }),
        ..Page::new(
            Section::Monitoring,
            verdict::sentence(context, filter, &found.summary),
            content,
        )
    }
}

/// Whether the list is kept up to date, as a link to the other way.
fn switch(context: &PageContext, filter: &Filter<'_>, is_live: bool) -> Markup {
    let text = context.text;
    let (class, word, other) = match is_live {
        true => ("state busy", text.live(), "0"),
        false => ("state off", text.paused(), "1"),
    };
    html! {
        div.row {
            a.button.small href=(filter.link(context, &[("live", other)])) title=(text.live_or_paused()) {
                span class=(class) data-live-lamp data-off=(text.live_is_off()) { (word) }
            }
            noscript { a href=(filter.link(context, &[])) { (text.reload()) } }
        }
    }
}

fn nothing(context: &PageContext, filter: &Filter<'_>, found: &Found) -> Markup {
    let text = context.text;
    html! {
        div.sheet data-live-empty {
            @match &found.page.excluding {
                Some(excluding) => (filter.excluding(context, excluding.part, excluding.requests)),
                None if filter.is_empty() => p { (text.requests_will_come()) },
                None => p { (text.no_part_excludes()) },
            }
        }
    }
}

fn table(context: &PageContext, filter: &Filter<'_>, found: &Found, is_live: bool) -> Markup {
    let text = context.text;
    let live = is_live.then(|| filter.live_link(context));
    let numbers = [
        text.first_byte(),
        text.took(),
        text.tokens_in(),
        text.tokens_cached(),
        text.tokens_out(),
        text.cost(),
    ];
    html! {
        button.small type="button" hidden data-live-new=(text.new_requests()) {}
        div.table {
            table.dense.blocks.requests data-live=[live] data-last=(found.page.last_seq) data-rows=(ROWS_MAX) {
                thead { tr {
                    th scope="col" { (text.time()) }
                    th scope="col" { (text.ending()) }
                    th scope="col" { (text.model()) }
                    th scope="col" { (text.account()) }
                    th scope="col" { (text.client()) }
                    @for name in numbers { th.number scope="col" { (name) } }
                } }
                @for shown in &found.page.rows { (row::row(context, shown)) }
            }
        }
    }
}

/// Where the list goes on. Its length is never counted.
fn paging(context: &PageContext, filter: &Filter<'_>, page: &LogPage, is_latest: bool) -> Markup {
    let text = context.text;
    let link = |field: &str, seq: i64| filter.link(context, &[(field, &seq.to_string())]);
    let count = page.rows.len();
    html! {
        nav.row aria-label=(text.paging()) {
            @if let Some(first) = page.rows.first().filter(|_| !is_latest) {
                span.meta { (text.rows_up_to(count, context.exact_time_text(first.received_at))) }
            }
            @if let Some(older) = page.older { a.button.small rel="next" href=(link("before", older)) { (text.older()) } }
            @if let Some(newer) = page.newer { a.button.small rel="prev" href=(link("after", newer)) { (text.newer()) } }
            @if !is_latest { a.button.small href=(filter.link(context, &[])) { (text.latest()) } }
        }
    }
}
