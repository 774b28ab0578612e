//! The first page: what is true of the whole, what needs the reader, and the addresses for clients.

use maud::{Markup, html};

use super::{Section, Submitted};
use crate::control::overview::{Overview, ProblemFacts};
use crate::control::verbs::{Start, Stop};
use crate::control::{ClientFamily, Verb};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::FailedForm;
use crate::dashboard::layout::{Page, failure};
use crate::dashboard::verdict::verdict;
use crate::status::PortStatus;

pub(super) async fn page(
    context: &PageContext,
    overview: &Overview,
    failed: Option<&FailedForm<'_>>,
) -> Page {
    let tray_note = tokio::task::spawn_blocking(context.tray_note).await;
    let content = html! {
        @if let Some(failed) = failed { (failure(context, failed.error)) }
        @for attention in &overview.status.attention { (notice(&attention.to_string())) }
        @if let Ok(Some(note)) = tray_note { (notice(&context.text.tray_is_not_shown(note))) }
        (base_urls(context, overview))
        (problems(context, &overview.problems))
    };
    Page {
        action: Some(start_or_stop(context, overview)),
        is_failed: failed.is_some(),
        ..Page::new(Section::Dashboard, verdict(context, overview), content)
    }
}

/// Carries out a form of this page.
pub(super) async fn submit(context: &PageContext, form: &str) -> Option<Submitted> {
    let notes = PageContext::notes();
    let service = &context.service;
    Some(match form {
        "start" => Submitted::of(Start {}.run(service, &notes).await, ""),
        "stop" => Submitted::of(Stop {}.run(service, &notes).await, ""),
        _ => return None,
    })
}

fn notice(text: &str) -> Markup {
    html! { div.notice { p { (text) } } }
}

fn start_or_stop(context: &PageContext, overview: &Overview) -> Markup {
    let port = overview.status.agent.port();
    let (action, label) = if port.is_some_and(PortStatus::is_stopped) {
        ("start", context.text.start_serving())
    } else {
        ("stop", context.text.stop_serving())
    };
    context.form(action, "inline", &html! { button { (label) } })
}

fn base_urls(context: &PageContext, overview: &Overview) -> Markup {
    html! {
        section {
            h2 { (context.text.base_urls()) }
            dl.facts {
                @for family in ClientFamily::ALL {
                    dt { (family.label()) }
                    dd { (context.copyable(&family.base_url(&overview.status.base_url))) }
                }
            }
        }
    }
}

fn problems(context: &PageContext, problems: &[ProblemFacts]) -> Markup {
    html! {
        section {
            h2 { (context.text.recent_problems()) }
            @if problems.is_empty() { p { (context.text.no_recent_problems()) } }
            ul {
                @for problem in problems {
                    li {
                        (context.time(problem.at)) " " code { (problem.model) } " "
                        (problem.status) ": " (problem.sentences())
                    }
                }
            }
        }
    }
}
