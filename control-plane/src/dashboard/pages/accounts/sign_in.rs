//! A sign-in with the reader's browser: where to go, that it waits, and how it ended. The page asks
//! again by itself until then.

use std::time::Duration;

use maud::{Markup, html};

use super::forms::path_of;
use crate::control::sign_in::{SIGN_IN_TIMEOUT, SignInProgress, SignInState};
use crate::dashboard::context::PageContext;
use crate::dashboard::layout::Page;
use crate::dashboard::pages::{Section, Submitted};
use crate::dashboard::sentences::marked;

/// How often the page looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const WAITS: &str = "waits";

pub(super) fn page(context: &PageContext, id: &str) -> Page {
    let text = context.text;
    let Some(progress) = context.service.sign_in_progress(id) else {
        let content = html! { (back(context)) };
        return Page::new(Section::Accounts, text.sign_in_is_over(), content);
    };
    match &progress.state {
        SignInState::Waiting => Page {
            refresh_after: Some(LOOK_EVERY),
            ..waiting(context, id, &progress)
        },
        SignInState::Done {
            account,
            works,
            message,
        } => {
            let verdict = match works {
                true => text.signed_in_as(account),
                false => text.signed_in_untested(account),
            };
            let content = html! {
                p { (marked(message.text(context.language()))) }
                p { a.button.primary href=(context.link(&path_of(account))) { (text.go_to_account(account)) } }
            };
            Page::new(Section::Accounts, verdict, content)
        }
        SignInState::Failed(error) => {
            let content = html! {
                div.notice.bad role="alert" { p { (marked(context.error_text(error))) } }
                (back(context))
            };
            Page::new(Section::Accounts, text.sign_in_failed(), content)
        }
    }
}

/// One word for the page that waits.
pub(super) fn state(context: &PageContext, id: &str) -> &'static str {
    let progress = context.service.sign_in_progress(id);
    match progress.map(|progress| progress.state) {
        Some(SignInState::Waiting) => WAITS,
        _ => "over",
    }
}

fn waiting(context: &PageContext, id: &str, progress: &SignInProgress) -> Page {
    let text = context.text;
    let ends_at = progress.started_at.checked_add(SIGN_IN_TIMEOUT);
    let ends_at = ends_at.map(|at| context.time_text(at)).unwrap_or_default();
    let url = progress.url.as_deref().filter(|url| is_web(url));
    let cancel = html! { button { (text.cancel_sign_in()) } };
    let content = html! {
        p { (text.sign_in_steps()) }
        @if let Some(url) = url {
            p { a.button.primary href=(url) target="_blank" rel="noopener noreferrer" {
                (text.open_sign_in_of(&progress.provider))
            } }
        }
        p.soft data-awaits=(context.link(&format!("sign-in/{id}/state"))) data-known=(WAITS)
            data-then=(context.link(&format!("sign-in/{id}"))) data-every=(LOOK_EVERY.as_millis()) {
            span.state.busy { (text.waits_for_sign_in()) } " " (text.sign_in_ends_at(ends_at)) }
        (context.form(&format!("sign-in/{id}/cancel"), "inline", &cancel))
    };
    let verdict = text.sign_in_waits(&progress.provider);
    Page::new(Section::Accounts, verdict, content)
}

/// The address comes from the configuration: only a page can be opened.
fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn back(context: &PageContext) -> Markup {
    html! { p { a href=(context.link("accounts")) { "← " (context.text.accounts()) } } }
}

pub(super) fn cancel(context: &PageContext, id: &str) -> Submitted {
    context.service.cancel_sign_in(id);
    Submitted::Done("accounts".to_owned())
}
