//! One request: what became of it, drawn, and what to do now.

mod attempts;
mod bodies;
mod tokens;

use std::time::Duration;

use maud::{Markup, html};

use super::{Section, Submitted};
use crate::control::Verb;
use crate::control::body_facts::RequestBodies;
use crate::control::explain::{Explanation, PassedOverFacts};
use crate::control::verbs::{Explain, Resend};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields, escaped};
use crate::dashboard::layout::{Page, failure, unreadable};
use crate::dashboard::request_parts::{ending, shortened};
use crate::dashboard::sentences::marked;

const NAME_CHARS_MAX: usize = 200;

pub(super) async fn page(context: &PageContext, id: &str, failed: Option<&FailedForm<'_>>) -> Page {
    let verb = Explain { id: id.to_owned() };
    match verb.find(&context.service).await {
        Ok(Some(explanation)) => {
            let kept = bodies::find(context, &explanation.id).await;
            explained(context, &explanation, failed, kept.as_ref())
        }
        Ok(None) => missing(context, id),
        Err(error) => unreadable(context, Section::Monitoring, &error),
    }
}

/// Carries out a form of this page.
pub(super) async fn submit(
    context: &PageContext,
    id: &str,
    form: &str,
    fields: &Fields,
) -> Option<Submitted> {
    let page = format!("requests/{}", escaped(id));
    match form {
        "keep" => Some(Submitted::of(bodies::keep(context, fields).await, &page)),
        "again" => Some(send_again(context, id).await),
        _ => None,
    }
}

/// Sends it once more, and goes on to the page of the second one.
async fn send_again(context: &PageContext, id: &str) -> Submitted {
    let verb = Resend { id: id.to_owned() };
    match verb.run(&context.service, &PageContext::notes()).await {
        Ok(resent) => Submitted::Done(format!("requests/{}", escaped(&resent.id))),
        Err(error) => Submitted::Failed(error),
    }
}

fn missing(context: &PageContext, id: &str) -> Page {
    let text = context.text;
    let kept = &context.service.config().record;
    let content = html! {
        p { code { (shortened(id, NAME_CHARS_MAX)) } }
        p { (text.records_are_kept(kept.keep_days, kept.keep_failed_days)) }
        p { a href=(context.link("monitoring")) { (text.see_all_requests()) } }
    };
    Page {
        is_missing: true,
        ..Page::new(Section::Monitoring, text.no_record_of_it(), content)
    }
}

fn explained(
    context: &PageContext,
    request: &Explanation,
    failed: Option<&FailedForm<'_>>,
    kept: Option<&RequestBodies>,
) -> Page {
    let content = html! {
        @if let Some(failed) = failed { (failure(context, failed.error)) }
        (outcome(context, request))
        (attempts::figure(context, request))
        (attempts::table(context, request))
        (path(context, request))
        (carried_over(context, request))
        (tokens::section(context, request))
        (facts(context, request))
        @if let Some(kept) = kept {
            (bodies::section(context, &request.id, kept))
            (bodies::again(context, request, kept))
        }
    };
    Page {
        is_failed: failed.is_some(),
        action: Some(copy_id(context, request)),
        ..Page::new(Section::Monitoring, verdict(context, request), content)
    }
}

fn verdict(context: &PageContext, request: &Explanation) -> String {
    let text = context.text;
    let took = millis(context, request.took_ms);
    let why = request.failure().map(|facts| context.failure_what(&facts));
    let why = why.unwrap_or_default();
    let why = shortened(&why, NAME_CHARS_MAX);
    match request.ending.as_str() {
        "done" => text.served_in(took),
        "left" => text.client_left_after(took),
        "refused" => text.refused_because(why),
        _ => text.failed_after(took, why),
    }
}

fn copy_id(context: &PageContext, request: &Explanation) -> Markup {
    let text = context.text;
    html! {
        div.row {
            button.small type="button" hidden data-copy=(request.id) data-copied=(text.copied()) { (text.copy_id()) }
        }
    }
}

/// How it ended, by whose fault, and what to do now.
fn outcome(context: &PageContext, request: &Explanation) -> Markup {
    let text = context.text;
    html! {
        p.row {
            (ending(context, &request.ending))
            @if request.status > 0 { span { (request.status) } }
            @if let Some(blame) = &request.blame { (fault_of(context, blame)) }
        }
        @if let Some(facts) = request.failure() { p { (marked(&context.failure_advice(&facts))) } }
        @if let Some(fault) = request.fault.as_ref().filter(|fault| !fault.is_empty()) {
            p.soft { (text.client_was_told(fault)) }
        }
    }
}

/// Whose fault it was: one of four words, with a shape each.
fn fault_of(context: &PageContext, blame: &str) -> Markup {
    let text = context.text;
    let (shape, word) = match blame {
        "client" => ("◁", text.fault_of_client()),
        "gateway" => ("◆", text.fault_of_gateway()),
        "account" => ("▣", text.fault_of_account()),
        _ => ("▷", text.fault_of_provider()),
    };
    let link = context.link_with("monitoring", [("blame", blame)]);
    html! { a href=(link) { span aria-hidden="true" { (shape) " " } (word) } }
}

/// What the model's name became, and who was not asked.
fn path(context: &PageContext, request: &Explanation) -> Markup {
    let text = context.text;
    let resolution = request.resolution.text(context.language());
    html! {
        section {
            h2 { (text.way_to_account()) }
            dl.facts {
                @if !request.model.is_empty() { dt { (text.asked_model()) } dd { code { (request.model) } } }
                @if !resolution.is_empty() { dt { (text.resolved()) } dd { (marked(resolution)) } }
                @if !request.candidates.is_empty() {
                    dt { (text.candidates()) }
                    dd { @for (at, candidate) in request.candidates.iter().enumerate() {
                        @if at > 0 { ", " } code { (candidate) }
                    } }
                }
                @if !request.passed_over.is_empty() {
                    dt { (text.accounts_not_asked()) }
                    dd { @for passed in &request.passed_over {
                        div {
                            code { (passed.candidate) }
                            @if let Some(account) = &passed.account { " " (account) }
                            ": " (marked(&why_not_asked(context, passed)))
                        }
                    } }
                }
            }
        }
    }
}

fn why_not_asked(context: &PageContext, passed: &PassedOverFacts) -> String {
    let language = context.language();
    let time = |at| context.time_text(at);
    let reason = passed.reason.as_ref();
    let why = reason.map_or_else(|| passed.why.clone(), |reason| reason.text(language, &time));
    match &passed.said {
        Some(said) => format!("{why}: {}", language.quotation(said)),
        None => why,
    }
}

/// What a translation could not carry over as it was.
fn carried_over(context: &PageContext, request: &Explanation) -> Markup {
    let text = context.text;
    let marked = |mark: char| {
        let named = request
            .adjusted
            .iter()
            .filter_map(move |path| path.strip_prefix(mark));
        named.map(str::to_owned).collect::<Vec<_>>()
    };
    let kinds = [
        (text.dropped(), request.dropped.clone()),
        (text.adjusted(), marked('~')),
        (text.added(), marked('+')),
    ];
    if kinds.iter().all(|(_, paths)| paths.is_empty()) {
        return html! {};
    }
    html! {
        section {
            h2 { (text.carried_over()) }
            dl.facts {
                @for (kind, paths) in kinds.iter().filter(|(_, paths)| !paths.is_empty()) {
                    dt { (kind) }
                    dd { @for (at, path) in paths.iter().enumerate() { @if at > 0 { ", " } code { (path) } } }
                }
            }
        }
    }
}

/// Who asked, when and how, with the way to all requests that have it in common.
fn facts(context: &PageContext, request: &Explanation) -> Markup {
    let text = context.text;
    let link = |part: &str, name: &str| {
        html! { a href=(context.link_with("monitoring", [(part, name)])) { (shortened(name, NAME_CHARS_MAX)) } }
    };
    let bytes = |count: u64| context.language().bytes(count);
    html! {
        section {
            h2 { (text.details()) }
            dl.facts {
                dt { (text.request_id()) } dd { code { (request.id) } }
                @if let Some(first) = &request.repeats {
                    dt { (text.repeats()) } dd { a href=(context.link_to("requests", first)) { code { (first) } } }
                }
                dt { (text.time()) } dd { (context.exact_time(request.received_at)) }
                dt { (text.operation()) }
                dd { code { (request.operation) } ", " code { (request.dialect) } @if request.stream { ", " (text.streamed()) } }
                @if let Some(first) = request.first_byte_ms { dt { (text.first_byte()) } dd { (millis(context, first)) } }
                @if let Some(client) = &request.client { dt { (text.client()) } dd { (link("client", client)) } }
                @if let Some(key) = &request.key { dt { (text.key()) } dd { (link("key", key)) } }
                @if let Some(session) = &request.session { dt { (text.conversation()) } dd { (conversation(context, request, session)) } }
                @if let Some(finish) = &request.finish { dt { (text.finish_reason()) } dd { code { (finish) } } }
                dt { (text.bytes_in_and_out()) } dd { (bytes(request.bytes_in)) " / " (bytes(request.bytes_out)) }
            }
        }
    }
}

/// Where it stands in its conversation, with the way to the others.
fn conversation(context: &PageContext, request: &Explanation, session: &str) -> Markup {
    let text = context.text;
    let all = context.link_with("monitoring", [("session", session)]);
    let Some(told) = &request.conversation else {
        return html! { a href=(all) { (text.all_of_it()) } };
    };
    let count = context.language().number(told.requests);
    html! {
        @match told.position {
            Some(position) => a href=(all) { (text.turn_of(context.language().number(position), count)) },
            None => a href=(all) { (text.all_of_it()) },
        }
        @if let Some(previous) = &told.previous { " · " a rel="prev" href=(context.link_to("requests", previous)) { (text.previous()) } }
        @if let Some(next) = &told.next { " · " a rel="next" href=(context.link_to("requests", next)) { (text.next()) } }
        @if told.account_changed { " · " (text.account_changed_here()) }
    }
}

fn millis(context: &PageContext, millis: u64) -> String {
    context.language().duration(Duration::from_millis(millis))
}
