//! For a new person: what to do first, ticked by facts alone.

use maud::{Markup, html};

use crate::control::overview::Overview;
use crate::control::request_log::LogRow;
use crate::control::verbs::Log;
use crate::control::{DemoAnswer, Served, TRY_CLIENT, TRY_MESSAGE_MAX, Verb};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::FailedForm;
use crate::dashboard::sentences::marked;
use crate::dashboard::snippets::snippets;

/// What is done already.
pub(super) struct FirstSteps {
    /// Whether anything is recorded, so that these facts are known.
    is_recorded: bool,
    served: Served,
    pub(super) has_account: bool,
    /// The latest request of another program.
    latest: Option<LogRow>,
}

/// How many of the latest requests are looked through for one of another program.
const ROWS_MAX: usize = 20;

impl FirstSteps {
    pub(super) async fn of(context: &PageContext, overview: &Overview) -> Self {
        let served = context.service.served().await;
        let records = overview.status.records.as_ref();
        let is_enabled = records.is_some_and(|records| records.is_enabled);
        let mut steps = Self {
            is_recorded: is_enabled && served.is_ok(),
            served: served.unwrap_or_default(),
            has_account: overview.accounts.iter().any(|account| !account.is_offer()),
            latest: None,
        };
        if steps.is_new() {
            steps.latest = latest_of_others(context).await;
        }
        steps
    }

    /// What changes as soon as another program's request has come.
    pub(super) fn state(&self) -> String {
        let latest = self.latest.as_ref().map_or(0, |row| row.seq);
        format!("{} {latest}", u8::from(self.served.to_others))
    }

    /// Whether no other program was served yet.
    pub(super) fn is_new(&self) -> bool {
        self.is_recorded && !self.served.to_others
    }
}

async fn latest_of_others(context: &PageContext) -> Option<LogRow> {
    let log = Log {
        rows_max: Some(ROWS_MAX),
        ..Log::default()
    };
    let list = log.run(&context.service, &PageContext::notes()).await;
    let mut rows = list.ok()?.rows.into_iter();
    rows.find(|row| row.client.as_deref() != Some(TRY_CLIENT))
}

/// What was typed into the form of the first step, and what came of it.
#[derive(Default)]
pub(super) struct Trial<'t> {
    pub(super) message: &'t str,
    pub(super) answer: Option<&'t DemoAnswer>,
}

impl<'t> Trial<'t> {
    pub(super) fn failed(failed: &FailedForm<'t>) -> Self {
        Self {
            message: failed.fields.get("message"),
            answer: None,
        }
    }
}

pub(super) fn checklist(
    context: &PageContext,
    overview: &Overview,
    steps: &FirstSteps,
    trial: &Trial<'_>,
) -> Markup {
    let text = context.text;
    let has_tried = steps.served.to_client || trial.answer.is_some();
    html! {
        div.sheet { ol.steps {
            (step(context, has_tried, text.step_try(), &try_it(context, trial)))
            (step(context, steps.has_account, text.step_account(), &account(context, overview, steps)))
            (step(context, steps.latest.is_some(), text.step_client(), &client(context, overview)))
            (step(context, false, text.step_first_request(), &first_request(context, overview, steps)))
        } }
    }
}

fn step(context: &PageContext, is_done: bool, name: &str, content: &Markup) -> Markup {
    let (class, word) = match is_done {
        true => ("state ready", context.text.step_is_done()),
        false => ("state off", context.text.step_is_open()),
    };
    html! {
        li {
            span class=(class) title=(word) { span.hidden-label { (word) } }
            div { h2 { (name) } (content) }
        }
    }
}

fn try_it(context: &PageContext, trial: &Trial<'_>) -> Markup {
    let text = context.text;
    let message = match trial.message {
        "" => text.try_message(),
        typed => typed,
    };
    let content = html! {
        label.hidden-label for="message" { (text.message()) }
        input #message name="message" value=(message) maxlength=(TRY_MESSAGE_MAX) required size="32";
        button.primary { (text.send()) }
    };
    html! {
        p.soft { (text.try_is_offline()) }
        @if context.service.config().demo_enabled {
            (context.form("try", "inline", &content))
        } @else {
            p { (text.demo_is_disabled()) }
        }
        @if let Some(answer) = trial.answer { (self::answer(context, answer)) }
    }
}

/// What was sent, and what came back.
pub(super) fn answer(context: &PageContext, answer: &DemoAnswer) -> Markup {
    let text = context.text;
    let took = context.language().duration(answer.took);
    let class = match answer.said {
        Some(_) => "notice ok",
        None => "notice bad",
    };
    let record = match &answer.request_id {
        Some(id) => context.link_to("requests", id),
        None => context.link("monitoring"),
    };
    html! {
        div class=(class) role="status" {
            p {
                strong { (text.answered_after(took, answer.status)) }
                @if let Some(said) = &answer.said { " " span.soft { (said) } }
            }
            a.button href=(record) { (text.see_it()) }
        }
        details open[answer.said.is_none()] {
            summary { (text.request_and_answer()) }
            p.meta { "POST " code { (answer.url) } }
            pre { (answer.sent) }
            p.meta { "HTTP " (answer.status) }
            pre { (answer.received) }
        }
    }
}

fn account(context: &PageContext, overview: &Overview, steps: &FirstSteps) -> Markup {
    let text = context.text;
    let there = overview
        .accounts
        .iter()
        .filter(|account| !account.is_offer());
    let names: Vec<&str> = there.map(|account| account.name.as_str()).collect();
    html! {
        @if steps.has_account {
            p.soft { (text.accounts_are_there(names.join(", "))) }
        } @else {
            p.soft { (text.account_is_tested()) }
        }
        p { a.button href={ (context.link("accounts")) "#add" } { (text.add_an_account()) } }
    }
}

fn client(context: &PageContext, overview: &Overview) -> Markup {
    let url = &overview.status.base_url;
    html! {
        p.soft { (context.text.choose_the_program()) }
        (snippets(context, "", url, overview.wants_key))
    }
}

/// The page looks for it by itself where the script runs.
fn first_request(context: &PageContext, overview: &Overview, steps: &FirstSteps) -> Markup {
    let text = context.text;
    html! {
        @match &steps.latest {
            Some(row) => (failed(context, row)),
            None => p.soft { (text.waiting_for_it()) },
        }
        details data-awaits=(context.link("first-request")) data-known=(steps.state()) data-then=(context.link("")) {
            summary { (text.nothing_comes()) }
            ul {
                li { (text.check_the_url(&overview.status.base_url)) }
                li { (text.check_the_restart()) }
                @if overview.wants_key { li { (text.check_the_key("aerostat key show")) } }
                li { (text.check_the_machine()) }
                li { (text.check_the_model("demo")) }
            }
        }
        noscript { p { a href=(context.link("")) { (text.look_again()) } } }
    }
}

/// It came, and got an error.
fn failed(context: &PageContext, row: &LogRow) -> Markup {
    let text = context.text;
    let who = row.client.as_deref().unwrap_or(text.a_program());
    html! {
        p {
            strong { (text.came_and_failed(who, context.time_text(row.received_at))) } " "
            @if let Some(why) = context.why(row) { (marked(&why)) }
            " " a href=(context.link_to("requests", &row.id)) { (text.see_it()) }
        }
    }
}
