//! What needs the reader: one notice for each, the most urgent first, with the way to where it is
//! done.

use maud::{Markup, html};

use super::first_steps::FirstSteps;
use crate::control::overview::Overview;
use crate::dashboard::context::PageContext;
use crate::dashboard::sentences::marked;
use crate::status::Attention;

/// How many there are at most; the rest is counted.
const NOTICES_MAX: usize = 3;

pub(super) fn notices(context: &PageContext, overview: &Overview, steps: &FirstSteps) -> Markup {
    let all = &overview.status.attention;
    let more = all.len().saturating_sub(NOTICES_MAX);
    let is_recorded = overview.status.records.as_ref();
    html! {
        @for attention in all.iter().take(NOTICES_MAX) { (notice(context, overview, attention)) }
        @if more > 0 {
            p { a href=(context.link("accounts")) { (context.text.and_more(more)) } }
        }
        @if !steps.is_new() && !steps.has_account {
            (lead(context, context.text.no_account_yet(), "accounts#add", context.text.add_an_account()))
        }
        @if is_recorded.is_some_and(|records| !records.is_enabled) {
            p.hint { (context.text.recording_is_off()) }
        }
    }
}

fn notice(context: &PageContext, overview: &Overview, attention: &Attention) -> Markup {
    let (path, label) = way_out(context, attention);
    let class = match attention {
        Attention::PortUnavailable { .. } | Attention::VaultLocked { .. } => "notice bad",
        _ => "notice",
    };
    html! {
        div class=(class) {
            p { (marked(&context.attention_text(attention, overview))) }
            a.button href=(path) { (label) }
        }
    }
}

/// Where it is put right, and what that is called.
fn way_out(context: &PageContext, attention: &Attention) -> (String, &'static str) {
    let text = context.text;
    match attention {
        Attention::PortUnavailable { .. } | Attention::PortNotMoved { .. } => {
            (context.link("settings#port"), text.change_the_port())
        }
        Attention::MetricsUnavailable { .. } => (
            context.link("settings#metrics_port"),
            text.change_the_port(),
        ),
        Attention::ConfigRejected { .. } => (context.link("settings"), text.open_settings()),
        Attention::RecordsStopped { .. } => {
            (context.link("settings#g-record"), text.open_settings())
        }
        Attention::LanRefused { .. } => (context.link("proxy#access"), text.see_what_is_open()),
        Attention::VaultLocked { .. } => (context.link("accounts"), text.see_accounts()),
        Attention::Account {
            name, takes_key, ..
        } => {
            let label = if *takes_key {
                text.enter_key()
            } else {
                text.sign_in()
            };
            (context.link_to("accounts", name), label)
        }
    }
}

/// A notice about what is no trouble yet.
fn lead(context: &PageContext, what: &str, path: &str, label: &str) -> Markup {
    html! {
        div.notice { p { (what) } a.button href=(context.link(path)) { (label) } }
    }
}
