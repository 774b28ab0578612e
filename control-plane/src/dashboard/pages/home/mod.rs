//! The first page: what is true of the whole, what needs the reader, today in figures, and what
//! failed. For a new person: what to do first.

mod failures;
mod figures;
mod first_steps;
mod notices;

use std::sync::Arc;

use http::StatusCode;
use maud::{Markup, html};

use super::{Section, Shown, Submitted};
use crate::control::overview::Overview;
use crate::control::verbs::{Start, Stop};
use crate::control::{ClientFamily, DemoAnswer, Verb};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::layout::{Page, failure};
use crate::dashboard::response::typed;
use crate::dashboard::sentences::marked;
use crate::dashboard::verdict::verdict;
use crate::status::PortStatus;
use first_steps::{FirstSteps, Trial};

pub(super) async fn page(
    context: &PageContext,
    overview: &Overview,
    failed: Option<&FailedForm<'_>>,
) -> Page {
    let failed_try = failed.filter(|failed| failed.is(TRY, None));
    let trial = failed_try.map(Trial::failed).unwrap_or_default();
    page_with(context, overview, failed, &trial).await
}

async fn page_with(
    context: &PageContext,
    overview: &Overview,
    failed: Option<&FailedForm<'_>>,
    trial: &Trial<'_>,
) -> Page {
    let steps = FirstSteps::of(context, overview).await;
    let (tray_note, language) = (context.tray_note, context.language());
    let tray_note = tokio::task::spawn_blocking(move || tray_note(language)).await;
    let content = html! {
        @if let Some(failed) = failed { (failure(context, failed.error)) }
        (addresses(context, overview))
        (notices::notices(context, overview, &steps))
        @if steps.is_new() {
            (first_steps::checklist(context, overview, &steps, trial))
        } @else {
            @if let Some(answer) = trial.answer { (first_steps::answer(context, answer)) }
            div #figures data-live-reload { (figures_and_failures(context).await) }
        }
        @if let Ok(Some(note)) = tray_note { p.hint { (marked(&context.text.tray_is_not_shown(note))) } }
    };
    // The statistics are one click away.
    context.service.read_statistics_ahead(context.zone.clone());
    Page {
        action: start_or_stop(context, overview),
        is_failed: failed.is_some(),
        ..Page::new(Section::Dashboard, verdict(context, overview), content)
    }
}

const TRY: &str = "try";

/// Carries out a form of this page.
pub(super) async fn submit(
    context: &PageContext,
    form: &str,
    fields: &Fields,
) -> Option<Submitted> {
    let notes = PageContext::notes();
    let service = &context.service;
    Some(match form {
        "start" => Submitted::of(Start {}.run(service, &notes).await, ""),
        "stop" => Submitted::of(Stop {}.run(service, &notes).await, ""),
        TRY => match service.try_demo(fields.get("message")).await {
            Ok(answer) => tried(context, fields, &answer).await,
            Err(error) => Submitted::Failed(error),
        },
        _ => return None,
    })
}

async fn tried(context: &PageContext, fields: &Fields, answer: &DemoAnswer) -> Submitted {
    let overview = context.service.overview(context.now);
    let trial = Trial {
        message: fields.get("message"),
        answer: Some(answer),
    };
    Submitted::Page(page_with(context, &overview, None, &trial).await)
}

/// For the page that waits for the first request: it loads again once this is another text.
pub(super) async fn state_of_first_request(context: &PageContext, overview: &Overview) -> Shown {
    let state = FirstSteps::of(context, overview).await.state();
    Shown::Response(typed(StatusCode::OK, "text/plain; charset=utf-8", state))
}

fn start_or_stop(context: &PageContext, overview: &Overview) -> Option<Markup> {
    let text = context.text;
    let (action, label, class) = match overview.status.agent.port()? {
        PortStatus::Stopped => ("start", text.start_serving(), "primary"),
        PortStatus::Draining | PortStatus::Ending => return None,
        _ => ("stop", text.stop_serving(), ""),
    };
    Some(context.form(
        action,
        "inline",
        &html! { button class=(class) { (label) } },
    ))
}

/// `127.0.0.1:8045 · up 3 d 4 h · 2 in flight`, and what clients take as their base URL.
fn addresses(context: &PageContext, overview: &Overview) -> Markup {
    html! {
        p.meta { (facts(context, overview)) }
        dl.facts {
            @for family in ClientFamily::ALL {
                dt { (family.label()) }
                dd { (context.copyable(&family.base_url(&overview.status.base_url))) }
            }
        }
    }
}

fn facts(context: &PageContext, overview: &Overview) -> String {
    let text = context.text;
    let mut facts = Vec::new();
    if let Some(port) = overview.status.agent.port().and_then(PortStatus::number) {
        facts.push(format!("127.0.0.1:{port}"));
    }
    let started_at = context.service.started_at();
    if let Some(Ok(up)) = started_at.map(|at| context.now.duration_since(at)) {
        facts.push(text.up_for(context.language().duration(up)));
    }
    let in_flight = context.language().number(overview.in_flight.into());
    facts.push(text.in_flight(in_flight));
    facts.join(" · ")
}

/// What was recorded. Where it cannot be read now: what was known last, or nothing.
async fn figures_and_failures(context: &PageContext) -> Markup {
    let (known, problem) = match context
        .last_figures
        .read(&context.service, context.now)
        .await
    {
        Ok(figures) => (Some(figures), None),
        Err(error) => (context.last_figures.last(), Some(error)),
    };
    let Some(known) = known else {
        let why = problem.map(|error| context.error_text(&error).to_owned());
        let why = why.unwrap_or_default();
        return html! { div.notice.bad role="alert" { p { (marked(&context.text.records_unreadable(why))) } } };
    };
    let stale_since = problem.map(|_| known.read_at);
    let known = Arc::clone(&known);
    html! {
        @if let Some(at) = stale_since {
            p.meta { (context.text.as_of(context.time_text(at))) }
        }
        (figures::today(context, &known.today.totals, stale_since.is_some()))
        (figures::timeline(context, &known.today.timeline))
        (failures::section(context, &known.failures, known.hour_ago))
    }
}
