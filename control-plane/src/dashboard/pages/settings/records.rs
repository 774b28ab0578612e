//! What is kept of requests, how much of its room it takes, and how it is deleted.

use maud::{Markup, html};

use crate::control::overview::Overview;
use crate::control::verbs::{RecordsBodies, RecordsDelete};
use crate::control::{ControlError, RecordsStatus, Verb as _};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::layout::failure;
use crate::dashboard::plot::{WindowBar, window_bar};
use crate::dashboard::sentences::{marked, sentence};
use crate::language::InLanguage as _;
use crate::modes::BodyMode;

/// How long bodies are kept where a person asks for a while.
const WHILE_SECONDS: u64 = 15 * 60;
const NEXT_FAILURES: u32 = 10;

pub(super) async fn delete(context: &PageContext, fields: &Fields) -> Result<(), ControlError> {
    let verb = match fields.get("which") {
        "all" => RecordsDelete {
            all: true,
            ..RecordsDelete::default()
        },
        _ => RecordsDelete {
            before: Some(fields.get("before").to_owned()),
            ..RecordsDelete::default()
        },
    };
    verb.run(&context.service, &PageContext::notes())
        .await
        .map(drop)
}

/// Keeps bodies for a while, or no longer.
pub(super) async fn bodies(context: &PageContext, fields: &Fields) -> Result<(), ControlError> {
    let mode = |mode: &str| Some(mode.to_owned());
    let verb = match fields.get("keep") {
        "while" => RecordsBodies {
            mode: mode("all"),
            for_seconds: Some(WHILE_SECONDS),
            ..RecordsBodies::default()
        },
        "failures" => RecordsBodies {
            next_failures: Some(NEXT_FAILURES),
            ..RecordsBodies::default()
        },
        "configured" => RecordsBodies {
            mode: mode("configured"),
            ..RecordsBodies::default()
        },
        "delete" => RecordsBodies {
            delete: true,
            ..RecordsBodies::default()
        },
        _ => RecordsBodies {
            mode: mode("off"),
            ..RecordsBodies::default()
        },
    };
    verb.run(&context.service, &PageContext::notes())
        .await
        .map(drop)
}

pub(super) fn section(
    context: &PageContext,
    overview: &Overview,
    failed: Option<&FailedForm<'_>>,
) -> Markup {
    let text = context.text;
    let failed =
        failed.filter(|failed| failed.is("delete-records", None) || failed.is("bodies", None));
    html! {
        section #records {
            h2 { (text.records()) }
            @if let Some(failed) = failed { (failure(context, failed.error)) }
            div.sheet {
                p { (text.records_hold()) }
                @match &overview.status.records {
                    Some(records) => { (size(context, records)) (of_bodies(context, records)) (deletion(context, failed)) },
                    None => p { (text.unknown()) },
                }
            }
        }
    }
}

fn size(context: &PageContext, records: &RecordsStatus) -> Markup {
    let (text, language) = (context.text, context.language());
    let label = text.records_take(
        language.bytes(records.bytes),
        language.bytes(records.bytes_max),
    );
    html! {
        @if let Some(problem) = &records.problem { p.error { (marked(&sentence(&problem.text(language)))) } }
        p { (window_bar(share(records), &label)) " " (label)
            @if let Some(oldest) = records.oldest { ". " (text.oldest_is_of(context.time_text(oldest))) } }
        @if records.not_recorded > 0 {
            p.error { (text.not_recorded(language.number(records.not_recorded))) }
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a bar is some hundred points wide"
)]
fn share(records: &RecordsStatus) -> WindowBar {
    WindowBar {
        used: records.bytes as f64 / records.bytes_max.max(1) as f64,
        gone: None,
        is_stale: false,
    }
}

/// Whether prompts and answers are kept, until when, and the ways to change that for a while.
fn of_bodies(context: &PageContext, records: &RecordsStatus) -> Markup {
    let (text, bodies) = (context.text, &records.bodies);
    let what = match bodies.mode {
        BodyMode::Off => text.bodies_off(),
        BodyMode::Errors => text.bodies_of_failures(),
        BodyMode::All => text.bodies_of_all(),
    };
    let offers = [
        (
            "while",
            text.keep_for_a_while(),
            bodies.mode != BodyMode::All,
        ),
        (
            "failures",
            text.keep_of_next_failures(),
            bodies.mode == BodyMode::Off,
        ),
        (
            "off",
            text.keep_no_longer(),
            bodies.mode != BodyMode::Off && !bodies.is_asked_for,
        ),
        (
            "configured",
            text.bodies_as_configured(),
            bodies.is_asked_for,
        ),
    ];
    html! {
        h3 { (text.prompts_and_answers()) }
        p { (what) @if let Some(until) = bodies.until { " " (text.until_time(context.time_text(until))) } }
        div.row { @for (keep, label, _) in offers.iter().filter(|(.., is_offered)| *is_offered) {
            (context.form("settings/bodies", "inline", &html! {
                input type="hidden" name="keep" value=(keep);
                button.small { (label) }
            }))
        } }
    }
}

/// It asks first: nothing is deleted without opening this.
fn deletion(context: &PageContext, failed: Option<&FailedForm<'_>>) -> Markup {
    let text = context.text;
    let typed = failed.map_or("7d", |failed| failed.fields.get("before"));
    let older = html! {
        label for="delete-before" { (text.delete_older_than()) }
        input #delete-before name="before" value=(typed) size="12" required;
        button.danger { (text.delete()) }
    };
    let all = html! {
        input type="hidden" name="which" value="all";
        button.danger { (text.delete_all_records()) }
    };
    let bodies = html! {
        input type="hidden" name="keep" value="delete";
        button.danger { (text.delete_bodies()) }
    };
    html! {
        details open[failed.is_some()] {
            summary { (text.delete_now()) }
            p { (text.sums_stay()) }
            div.row {
                (context.form("settings/delete-records", "inline", &older))
                (context.form("settings/delete-records", "inline", &all))
                (context.form("settings/bodies", "inline", &bodies))
            }
        }
    }
}
