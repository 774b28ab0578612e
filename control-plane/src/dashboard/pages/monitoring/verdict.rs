//! The first line: how the latest requests of the filter ended.

use maud::{Markup, html};

use super::filter::Filter;
use crate::control::LogSummary;
use crate::dashboard::context::PageContext;
use crate::dashboard::request_parts::shortened;
use crate::dashboard::sentences::marked;

const SENTENCE_CHARS_MAX: usize = 240;

pub(super) fn sentence(context: &PageContext, filter: &Filter<'_>, summary: &LogSummary) -> String {
    let (text, language) = (context.text, context.language());
    let (count, failed) = (summary.looked_at, summary.failed);
    let number = |count: usize| language.number(count as u64);
    match (count, failed, summary.left) {
        (0, ..) if filter.is_empty() => text.no_requests_yet().to_owned(),
        (0, ..) => text.no_request_matches().to_owned(),
        (1, ..) if filter.names_ending() => text.one_request_matches().to_owned(),
        _ if filter.names_ending() && summary.has_more => text.more_requests_match(number(count)),
        _ if filter.names_ending() => text.requests_match(number(count)),
        (1, 0, 0) => text.last_was_served().to_owned(),
        (1, 1, _) => text.last_failed().to_owned(),
        (_, 0, 0) => text.all_were_served(number(count)),
        (_, 0, left) => text.none_failed_some_left(number(count), number(left)),
        _ if failed == count => text.all_failed(number(count)),
        _ => text.some_failed(number(failed), number(count)),
    }
}

/// What most of the failures have in common, with the way to them.
pub(super) fn reason(context: &PageContext, filter: &Filter<'_>, summary: &LogSummary) -> Markup {
    let Some((count, latest)) = &summary.most else {
        return html! {};
    };
    let is_typical = count * 3 >= summary.failed;
    let Some(what) = context.why(latest).filter(|_| is_typical) else {
        return html! {};
    };
    let cause = latest.cause.as_deref().unwrap_or_default();
    let account = latest.account.as_deref().unwrap_or_default();
    let provider = latest.provider.as_deref().unwrap_or_default();
    let link = filter.with(
        context,
        &[
            ("cause", cause),
            ("provider", provider),
            ("account", account),
        ],
    );
    html! {
        p.soft {
            (context.language().number(*count as u64)) " × " (marked(&shortened(&what, SENTENCE_CHARS_MAX)))
            @if *count < summary.looked_at { " " a href=(link) { (context.text.show_them()) } }
        }
    }
}
