//! The pages. Everything that comes from elsewhere is escaped by `maud`.

use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};

use crate::control::AccountFacts;
use crate::control::overview::{Overview, ProblemFacts};
use crate::control::status::State;
use crate::status::Timestamp;

pub(super) const STYLE: &str = include_str!("style.css");

fn frame(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href="style.css";
            }
            body { main { (content) } }
        }
    }
}

/// A page that leads to an address by itself.
pub(super) fn leading_to(url: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="referrer" content="no-referrer";
                meta http-equiv="refresh" content={ "0;url=" (url) };
                title { "Aerostat" }
            }
            body { p { a href=(url) { "Open the dashboard" } } }
        }
    }
}

/// For those whom nobody let in.
pub(super) fn stranger() -> Markup {
    frame(
        "Aerostat",
        &html! {
            h1 { "Aerostat" }
            p { "This page opens with a link that works once. " code { "aerostat open" } " gives one, and so does the tray." }
        },
    )
}

pub(super) fn nothing() -> Markup {
    frame(
        "Aerostat",
        &html! { h1 { "Aerostat" } p { "There is nothing here." } },
    )
}

pub(super) fn refused(why: &str) -> Markup {
    frame("Aerostat", &html! { h1 { "Aerostat" } p { (why) } })
}

/// What the first page shows.
pub(super) struct Front<'f> {
    pub(super) glance: &'f Overview,
    /// Those that an account can be added for.
    pub(super) providers: &'f [String],
    /// The accounts whose key is entered here.
    pub(super) key_wanted: &'f [String],
    /// About the tray.
    pub(super) note: Option<&'f str>,
    /// Why what was asked for is not done.
    pub(super) complaint: Option<&'f str>,
}

/// The first page: how it stands, where clients are pointed, who serves, what went wrong.
pub(super) fn front(
    Front {
        glance,
        providers,
        key_wanted,
        note,
        complaint,
    }: &Front<'_>,
) -> Markup {
    frame(
        "Aerostat",
        &html! {
            h1 { "Aerostat" }
            @if let Some(text) = complaint { p.bad role="alert" { (text) } }
            (state(glance))
            @for text in troubles(glance, *note) { p.note { (text) } }
            (addresses(glance))
            (accounts(glance, key_wanted))
            (adding(providers))
            (problems(&glance.problems))
        },
    )
}

fn state(glance: &Overview) -> Markup {
    let is_wanted = !matches!(glance.status.state, State::Stopped | State::Draining);
    html! {
        section aria-label="State" {
            p.state { (glance.status.detail) @if glance.status.is_exposed { "; open to the local network" } }
            form method="post" action=(if is_wanted { "stop" } else { "start" }) {
                button { (if is_wanted { "Stop proxy" } else { "Start proxy" }) }
            }
        }
    }
}

fn troubles<'g>(glance: &'g Overview, note: Option<&'g str>) -> Vec<String> {
    let resting = glance
        .cooling_until
        .map(|until| format!("No account can serve until {}.", local(until)));
    let configuration = glance.status.config_trouble.as_ref().map(|why| {
        format!("The changed configuration is not used, the last good one stays in force: {why}")
    });
    let tray = note.map(|note| format!("The tray icon is not shown: {note}."));
    [
        resting,
        configuration,
        glance.status.lan_refused.clone(),
        tray,
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn addresses(glance: &Overview) -> Markup {
    let base_url = &glance.status.base_url;
    html! {
        h2 { "Base URLs" }
        dl {
            dt { "OpenAI" } dd { code { (base_url) "/v1" } }
            dt { "Anthropic" } dd { code { (base_url) } }
            dt { "Gemini" } dd { code { (base_url) } }
            dt { "API key" }
            dd { @if glance.wants_key { code { "aerostat key show" } " prints it" } @else { "any will do" } }
        }
    }
}

fn accounts(glance: &Overview, key_wanted: &[String]) -> Markup {
    html! {
        h2 { "Accounts" }
        @if glance.accounts.is_empty() {
            p { "There is none yet. The built-in provider " code { "demo" } " works without." }
        } @else {
            table {
                thead { tr { th { "Name" } th { "Provider" } th { "State" } th { "" } } }
                tbody { @for account in &glance.accounts { (account_row(account, key_wanted.contains(&account.name))) } }
            }
        }
    }
}

fn account_row(account: &AccountFacts, takes_key: bool) -> Markup {
    let (action, word) = if account.enabled {
        ("disable", "Disable")
    } else {
        ("enable", "Enable")
    };
    html! {
        tr {
            td { (account.name) }
            td { (account.provider) }
            td {
                (account.shown_status().summary())
                @if let Some(until) = account.status.until() { ", until " (local(until)) }
                @if let Some(advice) = &account.advice { br; (advice) }
                @if takes_key { (key_form(&account.name)) }
            }
            td {
                form method="post" action=(action) {
                    input type="hidden" name="name" value=(account.name);
                    button { (word) }
                }
            }
        }
    }
}

/// Where the key of an account is entered anew.
fn key_form(name: &str) -> Markup {
    html! {
        form method="post" action="login" autocomplete="off" {
            input type="hidden" name="name" value=(name);
            input type="password" name="key" required autocomplete="off" aria-label={ "New API key of " (name) };
            " " button { "Enter key" }
        }
    }
}

/// A moment by this machine's clock, which is also the reader's.
fn local(at: Timestamp) -> String {
    jiff::Timestamp::try_from(at).map_or_else(
        |_| "later".to_owned(),
        |at| {
            at.to_zoned(TimeZone::system())
                .strftime("%-d %b %H:%M")
                .to_string()
        },
    )
}

fn adding(providers: &[String]) -> Markup {
    html! {
        h2 { "Add an account" }
        form.fields method="post" action="add" autocomplete="off" {
            label { "Provider " input name="provider" list="providers" required; }
            datalist id="providers" { @for provider in providers { option value=(provider) {} } }
            label { "Name " input name="name" required maxlength="64"; }
            label { "API key " input type="password" name="key" autocomplete="off"; }
            button { "Add" }
        }
        p.hint { "The key is tried once and sealed. A sign-in with a browser begins with " code { "aerostat account add" } "." }
    }
}

fn problems(problems: &[ProblemFacts]) -> Markup {
    html! {
        h2 { "Last problems" }
        @if problems.is_empty() {
            p { "None in the last quarter of an hour." }
        } @else {
            ol {
                @for problem in problems {
                    li {
                        (local(problem.at)) " " code { (problem.model) } " " (problem.status) ": " (problem.sentences())
                        br; code { "aerostat explain " (problem.request_id) }
                    }
                }
            }
        }
    }
}
