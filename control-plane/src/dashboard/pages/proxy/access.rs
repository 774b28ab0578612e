//! What is open to whom: in a sentence, and the settings behind it.

use maud::{Markup, html};

use super::access_form;
use crate::control::Config;
use crate::control::overview::Overview;
use crate::dashboard::context::PageContext;
use crate::dashboard::form::FailedForm;
use crate::dashboard::texts::Texts;
use crate::dashboard::verdict;
use crate::modes::AuthMode;
use crate::status::PortStatus;

/// The page's first line: who can call. Where the port is not open, that.
pub(super) fn verdict(context: &PageContext, overview: &Overview) -> String {
    let Some(PortStatus::Running { is_exposed, .. }) = overview.status.agent.port() else {
        return verdict::verdict(context, overview);
    };
    let (text, config) = (context.text, context.service.config());
    let wants_key = config.auth_mode != AuthMode::Off;
    let sentence = match (is_exposed, config.allow_other_users, wants_key) {
        (true, _, _) => text.open_to_network(),
        (false, true, true) => text.open_to_users_with_key(),
        (false, true, false) => text.open_to_users(),
        (false, false, true) => text.open_to_programs_with_key(),
        (false, false, false) => text.open_to_programs(),
    };
    sentence.to_owned()
}

pub(super) fn section(
    context: &PageContext,
    overview: &Overview,
    failed: Option<&FailedForm<'_>>,
) -> Markup {
    let (text, config) = (context.text, context.service.config());
    html! {
        section #access {
            h2 { (text.what_is_open()) }
            div.sheet {
                dl.facts {
                    dt { (text.the_port()) }
                    dd { (overview.status.port) }
                    dt { (text.the_key()) }
                    dd { (key(text, config.auth_mode)) }
                    dt { (text.local_network()) }
                    dd { (network(text, &config)) }
                    dt { (text.other_users()) }
                    dd { (if config.allow_other_users { text.are_served() } else { text.are_refused() }) }
                    dt { (text.host_names()) }
                    dd { (names(&config.allowed_hosts, text.only_loopback())) }
                    dt { (text.web_pages()) }
                    dd { (names(&config.cors_origins, text.only_local_pages())) }
                }
                (access_form::details(context, failed))
            }
        }
    }
}

fn key(text: Texts, mode: AuthMode) -> &'static str {
    match mode {
        AuthMode::Off => text.no_key_is_asked(),
        AuthMode::Strict => text.key_is_asked(),
        AuthMode::AllExceptHealth => text.key_is_asked_except_health(),
    }
}

fn network(text: Texts, config: &Config) -> &'static str {
    match (config.serves_lan(), config.allow_lan_access) {
        (true, _) => text.network_can_call(),
        (false, true) => text.network_is_refused(),
        (false, false) => text.network_cannot_call(),
    }
}

fn names(names: &[String], none: &str) -> Markup {
    html! {
        @if names.is_empty() { (none) }
        @for (at, name) in names.iter().enumerate() {
            @if at > 0 { ", " }
            code { (name) }
        }
    }
}
