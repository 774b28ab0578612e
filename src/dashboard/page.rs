//! The pages. Everything that comes from elsewhere is escaped by `maud`.

use jiff::tz::TimeZone;
use maud::{DOCTYPE, Markup, html};

use crate::control::overview::{Overview, ProblemFacts};
use crate::control::{AccountFacts, ClientFamily};
use crate::status::{PortStatus, Timestamp};

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

/// A page that opens an address by itself.
pub(super) fn redirect_to(url: &str) -> Markup {
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

/// For a browser without a session.
pub(super) fn no_session() -> Markup {
    frame(
        "Aerostat",
        &html! {
            h1 { "Aerostat" }
            p { "This page opens with a link that works once. " code { "aerostat open" } " gives one, and so does the tray." }
        },
    )
}

pub(super) fn signed_out() -> Markup {
    frame(
        "Aerostat",
        &html! {
            h1 { "Signed out" }
            p { "This browser can no longer open the dashboard. " code { "aerostat open" } " signs it in again, and so does the tray." }
        },
    )
}

pub(super) fn not_found() -> Markup {
    frame(
        "Aerostat",
        &html! { h1 { "Aerostat" } p { "There is nothing here." } },
    )
}

pub(super) fn error(message: &str) -> Markup {
    frame("Aerostat", &html! { h1 { "Aerostat" } p { (message) } })
}

/// What the first page shows.
pub(super) struct HomePage<'p> {
    pub(super) overview: &'p Overview,
    /// The providers that an account can be added for.
    pub(super) providers: &'p [String],
    /// The accounts whose key is entered here.
    pub(super) needing_key: &'p [String],
    /// Why the tray icon is not shown.
    pub(super) tray_note: Option<&'p str>,
    /// Why a submitted form failed.
    pub(super) error: Option<&'p str>,
}

/// The first page: the agent's state, the addresses of clients, the accounts, recent problems.
pub(super) fn home(page: &HomePage<'_>) -> Markup {
    let HomePage {
        overview,
        providers,
        needing_key,
        tray_note,
        error,
    } = page;
    frame(
        "Aerostat",
        &html! {
            h1 { "Aerostat" }
            @if let Some(text) = error { p.bad role="alert" { (text) } }
            (state(overview))
            @for text in notes(overview, *tray_note) { p.note { (text) } }
            (base_urls(overview))
            (accounts(overview, needing_key))
            (add_account(providers))
            (problems(&overview.problems))
            form.end method="post" action="sign-out" { button { "Sign out" } }
        },
    )
}

fn state(overview: &Overview) -> Markup {
    let agent = &overview.status.agent;
    let (action, label) = if agent.port().is_some_and(PortStatus::is_stopped) {
        ("start", "Start serving")
    } else {
        ("stop", "Stop serving")
    };
    html! {
        section aria-label="State" {
            p.state { (agent) @if agent.is_exposed() { "; open to the local network" } }
            form method="post" action=(action) { button { (label) } }
        }
    }
}

/// What the user should know about the whole.
fn notes(overview: &Overview, tray_note: Option<&str>) -> Vec<String> {
    let status = &overview.status;
    let mut notes = Vec::new();
    if let Some(until) = status.accounts.and_then(|counts| counts.cooling_until) {
        notes.push(format!("No account can serve until {}.", local(until)));
    }
    if let Some(error) = &status.config_error {
        notes.push(format!(
            "The changed configuration is not used, the last good one stays active: {error}"
        ));
    }
    notes.extend(status.lan_refused.clone());
    if let Some(note) = tray_note {
        notes.push(format!("The tray icon is not shown: {note}."));
    }
    notes
}

fn base_urls(overview: &Overview) -> Markup {
    let gateway_url = &overview.status.base_url;
    html! {
        h2 { "Base URLs" }
        dl {
            @for family in ClientFamily::ALL {
                dt { (family.label()) } dd { code { (family.base_url(gateway_url)) } }
            }
            dt { "API key" }
            dd { @if overview.wants_key { code { "aerostat key show" } " prints it" } @else { "any will do" } }
        }
    }
}

fn accounts(overview: &Overview, needing_key: &[String]) -> Markup {
    html! {
        h2 { "Accounts" }
        @if overview.accounts.is_empty() {
            p { "There are none yet. The built-in provider " code { "demo" } " works without one." }
        } @else {
            table {
                thead { tr { th { "Name" } th { "Provider" } th { "State" } th { "" } } }
                tbody { @for account in &overview.accounts { (account_row(account, needing_key.contains(&account.name))) } }
            }
        }
    }
}

fn account_row(account: &AccountFacts, takes_key: bool) -> Markup {
    let (action, label) = if account.enabled {
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
                    button { (label) }
                }
            }
        }
    }
}

/// A form for the new key of an account.
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

fn add_account(providers: &[String]) -> Markup {
    html! {
        h2 { "Add an account" }
        form.fields method="post" action="add" autocomplete="off" {
            label { "Provider " input name="provider" list="providers" required; }
            datalist id="providers" { @for provider in providers { option value=(provider) {} } }
            label { "Name " input name="name" required maxlength="64"; }
            label { "API key " input type="password" name="key" autocomplete="off"; }
            button { "Add" }
        }
        p.hint { "The key is tested once and stored sealed. To sign in with a browser, run " code { "aerostat account add" } "." }
    }
}

fn problems(problems: &[ProblemFacts]) -> Markup {
    html! {
        h2 { "Recent problems" }
        @if problems.is_empty() {
            p { "None in the last 15 minutes." }
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
