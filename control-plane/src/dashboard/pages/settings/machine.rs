//! What concerns this machine: start at login, and where everything lies.

use maud::{Markup, html};

use crate::control::ControlError;
use crate::dashboard::context::PageContext;
use crate::dashboard::form::Fields;
use crate::dashboard::layout::failure;
use crate::host::autostart::{self, AutostartFacts, AutostartState, Kind, Places};

fn places() -> Places {
    Places::find(&|name| std::env::var_os(name))
}

/// Turns the start at login on or off.
pub(super) async fn set_autostart(fields: &Fields) -> Result<(), ControlError> {
    let is_on = fields.get("start") == "on";
    let change = move || match is_on {
        true => autostart::turn_on(&places(), Kind::of_system()),
        false => autostart::turn_off(&places()),
    };
    let changed = tokio::task::spawn_blocking(change).await;
    let changed = changed.map_err(ControlError::quoted)?;
    changed.map(drop).map_err(ControlError::caused_by)
}

pub(super) async fn start_at_login(context: &PageContext, error: Option<&ControlError>) -> Markup {
    let facts = tokio::task::spawn_blocking(|| autostart::status(&places())).await;
    let text = context.text;
    html! {
        section #autostart {
            h2 { (text.start_at_login()) }
            @if let Some(error) = error { (failure(context, error)) }
            @if let Ok(facts) = &facts { div.sheet.row { (autostart_row(context, facts)) } }
        }
    }
}

fn autostart_row(context: &PageContext, facts: &AutostartFacts) -> Markup {
    let text = context.text;
    let (class, sentence) = match facts.state {
        AutostartState::On => ("state ready", text.starts_at_login()),
        AutostartState::Off => ("state off", text.starts_not_at_login()),
        AutostartState::Broken => ("state needs", text.starts_nothing()),
        AutostartState::Unavailable => ("state unknown", text.login_unavailable()),
    };
    let is_on = matches!(facts.state, AutostartState::On | AutostartState::Broken);
    let (value, label) = match is_on {
        true => ("off", text.turn_off()),
        false => ("on", text.turn_on()),
    };
    let button = html! { input type="hidden" name="start" value=(value); button { (label) } };
    html! {
        span class=(class) { (sentence) }
        @if facts.state != AutostartState::Unavailable { (context.form("settings/autostart", "inline", &button)) }
        @if let Some(file) = facts.file.as_ref().filter(|_| is_on) { span.hint { code { (file) } } }
    }
}

pub(super) fn files(context: &PageContext) -> Markup {
    let (text, home) = (context.text, context.service.home());
    let paths = [
        (text.file_of_settings(), home.config_file()),
        (text.file_of_prices(), home.prices_file()),
        (text.file_of_records(), home.records_file()),
        (text.file_of_accounts(), home.database_file()),
    ];
    html! {
        section {
            h2 { (text.files()) }
            dl.facts {
                @for (name, path) in paths {
                    dt { (name) } dd { (context.copyable(&path.display().to_string())) }
                }
                dt { (text.version()) } dd { (env!("CARGO_PKG_VERSION")) }
                dt { (text.if_it_fails()) } dd { (context.copyable("aerostat doctor")) }
            }
        }
    }
}
