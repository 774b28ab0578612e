//! The attempts of a request: on one axis of time, and as a table.

use std::time::Duration;

use maud::{Markup, html};

use super::millis;
use crate::control::explain::{AttemptFacts, Explanation};
use crate::dashboard::context::PageContext;
use crate::dashboard::plot::{AxisRow, AxisSpan, TimeAxis};
use crate::dashboard::request_parts::shortened;
use crate::dashboard::texts::Texts;

/// What fits beside the axis.
const NAME_CHARS_MAX: usize = 20;
const DETAIL_CHARS_MAX: usize = 400;

const WAITED: &str = "left-early";
const TO_HEAD: &str = "cache-read";
const ANSWER: &str = "served";
const FAILED: &str = "failures";

/// The axis: what was waited for, asked and answered. None where nothing was asked.
pub(super) fn figure(context: &PageContext, request: &Explanation) -> Markup {
    if request.attempts.is_empty() {
        return html! {};
    }
    let text = context.text;
    let attempts = request.attempts.iter();
    let rows: Vec<AxisRow> = attempts
        .map(|attempt| axis_row(context, request, attempt))
        .collect();
    let is_drawn = |(class, _): &(&str, &str)| {
        let mut spans = rows.iter().flat_map(|row| &row.spans);
        spans.any(|span| span.class == *class)
    };
    let legend = [
        (WAITED, text.waited_for_account()),
        (TO_HEAD, text.waited_for_answer()),
        (ANSWER, text.answer_came()),
        (FAILED, text.attempt_failed()),
    ];
    let axis = TimeAxis {
        caption: text.attempts_over_time(),
        ends_after: ends_after(request),
        legend: legend.into_iter().filter(is_drawn).collect(),
        rows,
    };
    axis.draw(context)
}

fn ends_after(request: &Explanation) -> Duration {
    let last = request.attempts.iter().map(|attempt| {
        let took = Duration::from_millis(attempt.took_ms);
        begin(request, attempt) + took
    });
    let took = Duration::from_millis(request.took_ms);
    last.fold(took, Duration::max)
}

/// When an attempt began, since the request's arrival.
fn begin(request: &Explanation, attempt: &AttemptFacts) -> Duration {
    let since = attempt.began_at.duration_since(request.received_at);
    since.unwrap_or_default()
}

fn axis_row(context: &PageContext, request: &Explanation, attempt: &AttemptFacts) -> AxisRow {
    let began = begin(request, attempt);
    let ended = began + Duration::from_millis(attempt.took_ms);
    let head = attempt.head_ms.map_or(ended, |head| {
        (began + Duration::from_millis(head)).min(ended)
    });
    let asked = began.saturating_sub(Duration::from_millis(attempt.waited_ms));
    let is_served = attempt.outcome == "served";
    let text = context.text;
    let span = |class: &'static str, from: Duration, to: Duration, what: &str| {
        let took = context.language().duration(to.saturating_sub(from));
        let title = format!("{what}: {took}");
        (to > from).then_some(AxisSpan {
            class,
            from,
            to,
            title,
        })
    };
    let answer = match is_served {
        true => (ANSWER, text.answer_came()),
        false => (FAILED, outcome_word(text, &attempt.outcome)),
    };
    let answered_from = if is_served { head } else { began };
    // The shortest answer shows too.
    let shown_to = ended.max(answered_from + Duration::from_micros(1));
    let spans = [
        span(WAITED, asked, began, text.waited_for_account()),
        span(TO_HEAD, began, answered_from, text.waited_for_answer()),
        span(answer.0, answered_from, shown_to, answer.1),
    ];
    let name = attempt.account.as_deref().unwrap_or(&attempt.provider);
    let status = attempt.status.map(|status| format!(" · {status}"));
    AxisRow {
        name: shortened(name, NAME_CHARS_MAX) + &status.unwrap_or_default(),
        spans: spans.into_iter().flatten().collect(),
    }
}

/// The same in words, with what followed each attempt.
pub(super) fn table(context: &PageContext, request: &Explanation) -> Markup {
    if request.attempts.is_empty() {
        return html! {};
    }
    let text = context.text;
    html! {
        div.table { table.dense.blocks {
            caption { (text.attempts()) }
            thead { tr {
                th scope="col" { (text.account()) }
                th scope="col" { (text.model()) }
                th.number scope="col" { (text.waited()) }
                th.number scope="col" { (text.took()) }
                th scope="col" { (text.outcome()) }
                th scope="col" { (text.what_followed()) }
                th scope="col" { (text.upstream_id()) }
            } }
            tbody { @for (at, attempt) in request.attempts.iter().enumerate() {
                @let is_last = at + 1 == request.attempts.len() && request.ending == "failed";
                (table_row(context, attempt, is_last))
            } }
        } }
    }
}

fn table_row(context: &PageContext, attempt: &AttemptFacts, is_last: bool) -> Markup {
    let text = context.text;
    let account = attempt.account.as_deref().unwrap_or_default();
    html! {
        tr {
            th scope="row" { a href=(context.link_with("monitoring", [("account", account)])) { (account) } }
            td data-label=(text.model()) { code { (attempt.provider) "/" (attempt.model) } }
            td.number data-label=(text.waited()) { (millis(context, attempt.waited_ms)) }
            td.number data-label=(text.took()) { (millis(context, attempt.took_ms)) }
            td data-label=(text.outcome()) { span {
                @if let Some(status) = attempt.status { (status) " " }
                (outcome_word(text, &attempt.outcome))
                @if let Some(until) = attempt.until { ", " (text.until_moment(context.time_text(until))) }
                @if let Some(detail) = &attempt.detail { div.why { (context.language().quotation(&shortened(detail, DETAIL_CHARS_MAX))) } }
            } }
            td data-label=(text.what_followed()) { (what_followed(context, attempt, is_last)) }
            td data-label=(text.upstream_id()) {
                @match &attempt.upstream_id {
                    Some(id) => (context.copyable(id)),
                    None => "–",
                }
            }
        }
    }
}

/// `is_last`: no other one followed, so where one was wanted there was none.
fn what_followed(context: &PageContext, attempt: &AttemptFacts, is_last: bool) -> String {
    let text = context.text;
    let Some(step) = &attempt.next_step else {
        return String::new();
    };
    let next = match step.next.as_str() {
        "refresh" => text.then_refreshed(),
        "without_reasoning" => text.then_without_reasoning(),
        "other_account" | "other_candidate" if is_last && !step.is_limited => text.then_none_left(),
        "other_account" => text.then_other_account(),
        "other_candidate" => text.then_other_candidate(),
        "not_repeated" => text.then_not_repeated(),
        "body_gone" => text.then_body_gone(),
        _ => text.then_returned(),
    };
    match step.is_limited {
        true => text.then_limited(next),
        false => next.to_owned(),
    }
}

fn outcome_word(text: Texts, outcome: &str) -> &'static str {
    match outcome {
        "served" => text.outcome_served(),
        "throttled" => text.outcome_throttled(),
        "quota_spent" => text.outcome_quota_spent(),
        "unauthorized" => text.outcome_unauthorized(),
        "forbidden" => text.outcome_forbidden(),
        "intercepted" => text.outcome_intercepted(),
        "overloaded" => text.outcome_overloaded(),
        "rejected" => text.outcome_rejected(),
        "unreachable" => text.outcome_unreachable(),
        "timed_out" => text.outcome_timed_out(),
        "cancelled" => text.outcome_cancelled(),
        "unread" => text.outcome_unread(),
        "failed" => text.outcome_failed(),
        _ => text.outcome_malformed(),
    }
}
