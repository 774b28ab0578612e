//! The bodies of a request in the order of travel, what differs between them and why; or how to have
//! those of later ones kept.

use std::time::Duration;

use maud::{Markup, html};

use crate::control::body_diff::{BodyComparison, ChangeFacts, ChangeNote, Verdict};
use crate::control::body_facts::{BodyFacts, EventFacts, RequestBodies};
use crate::control::body_text::readable;
use crate::control::explain::Explanation;
use crate::control::verbs::{ExplainBodies, RecordsBodies};
use crate::control::{ControlError, Verb};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::Fields;
use crate::dashboard::request_parts::shortened;

/// How many events of a stream are listed, and how much of each.
const EVENTS_MAX: usize = 200;
const EVENT_CHARS_MAX: usize = 2_000;
const MINUTES: u64 = 15;
const FAILURES: u32 = 10;

/// What is kept of them. `None` where that cannot be read.
pub(super) async fn find(context: &PageContext, id: &str) -> Option<RequestBodies> {
    let verb = ExplainBodies { id: id.to_owned() };
    let found = verb.run(&context.service, &PageContext::notes()).await;
    found.ok()
}

/// The request once more: as a command to copy, and as a form that asks first.
pub(super) fn again(context: &PageContext, request: &Explanation, kept: &RequestBodies) -> Markup {
    let text = context.text;
    let Some(curl) = &kept.curl else {
        return html! {};
    };
    let mut sent = kept
        .bodies
        .iter()
        .filter(|body| body.direction == "client_sent");
    let is_whole = sent
        .next()
        .is_some_and(|body| !body.is_cut && body.redactions == 0);
    let cost = request
        .cost
        .as_ref()
        .map(|account| context.cost_text(&account.cost));
    html! {
        details {
            summary { (text.as_curl()) }
            pre { (curl) }
            button.small type="button" hidden data-copy=(curl) data-copied=(text.copied()) { (text.copy_as_curl()) }
        }
        @if is_whole { details {
            summary { (text.send_again()) }
            p { (text.sends_again_effect()) @if let Some(cost) = cost { " " (text.first_one_cost(cost)) } }
            (context.form(&format!("requests/{}/again", request.id), "inline", &html! { button { (text.send_again()) } }))
        } }
    }
}

pub(super) fn section(context: &PageContext, id: &str, kept: &RequestBodies) -> Markup {
    let text = context.text;
    html! {
        section #bodies {
            h2 { (text.bodies()) }
            @if kept.bodies.is_empty() { (offers(context, id, kept)) }
            @for compared in &kept.comparisons { (comparison(context, compared)) }
            @for body in &kept.bodies { (part(context, body)) }
        }
    }
}

/// Has bodies kept from now on, as a form of the page says.
pub(super) async fn keep(context: &PageContext, fields: &Fields) -> Result<(), ControlError> {
    let all = || Some("all".to_owned());
    let asked = match fields.get("how") {
        "minutes" => RecordsBodies {
            mode: all(),
            for_seconds: Some(MINUTES * 60),
            ..RecordsBodies::default()
        },
        "failures" => RecordsBodies {
            next_failures: Some(FAILURES),
            ..RecordsBodies::default()
        },
        "always" => RecordsBodies {
            mode: all(),
            ..RecordsBodies::default()
        },
        _ => RecordsBodies {
            mode: Some("configured".to_owned()),
            ..RecordsBodies::default()
        },
    };
    let changed = asked.run(&context.service, &PageContext::notes()).await;
    changed.map(drop)
}

fn offers(context: &PageContext, id: &str, kept: &RequestBodies) -> Markup {
    let text = context.text;
    let asked = kept.recording.as_ref().filter(|facts| facts.is_asked_for);
    let offer = |how: &str, label: &str, effect: &str| {
        let content = html! {
            input type="hidden" name="how" value=(how);
            button.small { (label) } span.hint { (effect) }
        };
        html! { p { (context.form(&format!("requests/{id}/keep"), "inline", &content)) } }
    };
    html! {
        p { (text.bodies_are_not_kept()) }
        @if let Some(facts) = asked {
            p { (text.bodies_are_kept_now(facts.mode.name()))
                @if let Some(until) = facts.until { " " (text.until_moment(context.time_text(until))) }
                @if let Some(left) = facts.failures_left { " " (text.for_more_failures(left)) } }
            (offer("configured", text.keep_as_configured(), text.keep_as_configured_effect()))
        } @else {
            (offer("minutes", &text.keep_for_minutes(MINUTES), text.keep_all_effect()))
            (offer("failures", &text.keep_next_failures(FAILURES), text.keep_failures_effect()))
            (offer("always", text.keep_always(), text.keep_always_effect()))
        }
    }
}

fn direction(context: &PageContext, name: &str) -> &'static str {
    let text = context.text;
    match name {
        "client_sent" => text.client_sent(),
        "went_upstream" => text.went_upstream(),
        "came_back" => text.came_back(),
        _ => text.client_got(),
    }
}

fn comparison(context: &PageContext, compared: &BodyComparison) -> Markup {
    let text = context.text;
    let verdict = match compared.verdict {
        Verdict::SameBytes => text.same_bytes(),
        Verdict::SameButModel => text.same_but_model(),
        Verdict::SameValues if compared.is_joined => text.joined_same_values(),
        Verdict::SameValues => text.same_values(),
        Verdict::Differs if compared.is_joined => text.joined_differ(),
        Verdict::Differs => text.differs(),
        Verdict::Unknown => text.cannot_be_compared(),
    };
    html! {
        h3 { (direction(context, &compared.from)) " → " (direction(context, &compared.to)) ", "
            (text.attempt_number(compared.attempt)) }
        p { (verdict) }
        @if !compared.changes.is_empty() {
            div.table { table.dense.blocks {
                thead { tr {
                    th scope="col" { (text.path()) }
                    th scope="col" { (text.before_change()) }
                    th scope="col" { (text.after_change()) }
                    th scope="col" { (text.explained_by()) }
                } }
                tbody { @for changed in &compared.changes { (change(context, changed)) } }
            } }
        }
        @if compared.left_out > 0 { p.hint { (text.and_more(compared.left_out)) } }
    }
}

fn change(context: &PageContext, change: &ChangeFacts) -> Markup {
    let text = context.text;
    let (class, mark) = match change.kind.as_str() {
        "added" => ("added", "+"),
        "removed" => ("removed", "−"),
        "moved" => ("", ">"),
        _ => ("", "~"),
    };
    let (from, to) = (change.from.as_deref(), change.to.as_deref());
    let value = |value: &Option<String>| match value {
        Some(value) => html! { code { (value) } },
        None => html! {},
    };
    html! {
        tr class=(class) {
            th scope="row" {
                (mark) " " code { (from.or(to).unwrap_or_default()) }
                @if let (Some(from), Some(to)) = (from, to) { @if from != to { " → " code { (to) } } }
                @if change.count > 1 { " × " (change.count) }
            }
            td data-label=(text.before_change()) { (value(&change.before)) }
            td data-label=(text.after_change()) { (value(&change.after)) }
            td data-label=(text.explained_by()) { span { (note(context, change.note.as_ref())) } }
        }
    }
}

fn note(context: &PageContext, note: Option<&ChangeNote>) -> Markup {
    let text = context.text;
    match note {
        Some(ChangeNote::Loss { loss }) => {
            let kind = match loss.kind.as_str() {
                "dropped" => text.dropped(),
                "adjusted" => text.adjusted(),
                _ => text.added(),
            };
            html! { (kind) " " code { (loss.path) } }
        }
        Some(ChangeNote::Model) => html! { (text.explained_by_model()) },
        Some(ChangeNote::Dialect) => html! { (text.explained_by_dialect()) },
        None => html! { strong.error { (text.explained_by_nothing()) } },
    }
}

/// One body, folded.
fn part(context: &PageContext, body: &BodyFacts) -> Markup {
    let text = context.text;
    let size = context.language().bytes(body.bytes);
    html! {
        details {
            summary {
                (direction(context, &body.direction))
                @if let Some(attempt) = body.attempt { ", " (text.attempt_number(attempt)) }
                ": " (size)
                @if body.is_cut { ", " (text.body_is_cut()) }
                @if body.redactions > 0 { ", " (text.secrets_taken_out(body.redactions)) }
            }
            pre { (head(context, body)) }
            @if body.events.is_empty() { pre { (content(context, body)) } }
            @else { (events(context, body)) }
        }
    }
}

/// The first line and the headers.
fn head(context: &PageContext, body: &BodyFacts) -> String {
    let mut lines = Vec::new();
    if let (Some(method), Some(target)) = (&body.method, &body.target) {
        lines.push(format!("{method} {target}"));
    }
    lines.extend(body.status.map(|status| status.to_string()));
    lines.extend(body.headers.iter().map(|header| match &header.value {
        Some(value) => format!("{}: {value}", header.name),
        None => format!(
            "{}: ({})",
            header.name,
            context.text.bytes_not_kept(header.bytes)
        ),
    }));
    lines.join("\n")
}

fn content(context: &PageContext, body: &BodyFacts) -> String {
    match (&body.text, &body.base64) {
        (Some(text), _) => readable(text),
        (None, Some(_)) => {
            let size = context.language().bytes(body.kept_bytes() as u64);
            context.text.is_no_text(size)
        }
        (None, None) => String::new(),
    }
}

/// The events of a stream in their order, with their times.
fn events(context: &PageContext, body: &BodyFacts) -> Markup {
    let text = body.text.as_deref().unwrap_or_default();
    let left_out = body.events.len().saturating_sub(EVENTS_MAX) + body.events_left_out;
    let written = |event: &EventFacts| {
        let piece = text.get(event.from..event.to).unwrap_or_default();
        shortened(piece.trim_end(), EVENT_CHARS_MAX)
    };
    html! {
        div.table { table.dense { tbody {
            @for event in body.events.iter().take(EVENTS_MAX) { tr {
                th.number scope="row" { (context.language().duration(Duration::from_millis(event.at_ms.into()))) }
                td { code { (written(event)) } }
            } }
        } } }
        @if left_out > 0 { p.hint { (context.text.and_more(left_out)) } }
    }
}
