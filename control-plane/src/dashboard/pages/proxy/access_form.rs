//! The form for who may call. What it changes is shown, with what that means, before it is written.

use maud::{Markup, html};
use serde_json::Value as Json;

use crate::control::{ConfigError, Edit, KEYS, Setting, setting};
use crate::dashboard::config_change::plain;
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::sentences::marked;
use crate::dashboard::texts::Texts;
use crate::language::InLanguage as _;

pub(super) const ACCESS: &str = "access";

/// The keys of the configuration that say who may call, in the order of the form.
const OPENING: [&str; 6] = [
    "auth_mode",
    "allow_lan_access",
    "allow_other_users",
    "port",
    "allowed_hosts",
    "cors_origins",
];
const AUTH_MODES: [&str; 4] = ["off", "auto", "all_except_health", "strict"];

pub(super) fn details(context: &PageContext, failed: Option<&FailedForm<'_>>) -> Markup {
    let failed = failed.filter(|failed| failed.is(ACCESS, None));
    html! {
        details open[failed.is_some()] {
            summary { (context.text.change_this()) }
            @match known(context) {
                Ok(settings) => (form(context, &settings, failed)),
                Err(error) => {
                    p.error { (marked(&error.text(context.language()))) }
                    p { a href=(context.link("settings")) { (context.text.open_settings()) } }
                }
            }
        }
    }
}

/// The settings as the file has them now.
fn known(context: &PageContext) -> Result<Vec<Setting>, ConfigError> {
    let home = context.service.home();
    OPENING.iter().map(|key| setting(home, key)).collect()
}

fn form(context: &PageContext, settings: &[Setting], failed: Option<&FailedForm<'_>>) -> Markup {
    let content = html! {
        @for setting in settings { (field(context, setting, failed)) }
        button.primary { (context.text.show_the_change()) }
    };
    context.form("proxy/access", "", &content)
}

fn field(context: &PageContext, setting: &Setting, failed: Option<&FailedForm<'_>>) -> Markup {
    let (key, text) = (setting.key.as_str(), context.text);
    let value = match failed {
        Some(failed) => failed.fields.get(key).to_owned(),
        None => written(&setting.value),
    };
    let error = failed.filter(|failed| is_about(&failed.error.to_string(), key));
    let described = error.map_or_else(|| format!("{key}-hint"), |_| format!("{key}-error"));
    let invalid = error.map(|_| "true");
    html! {
        div.field {
            @if setting.value.is_boolean() {
                label for=(key) { (checkbox(key, value == "true", &described)) " " (label(text, key)) }
            } @else {
                label for=(key) { (label(text, key)) }
                @if key == "auth_mode" {
                    select id=(key) name=(key) aria-invalid=[invalid] aria-describedby=(described) {
                        @for mode in AUTH_MODES {
                            option value=(mode) selected[mode == value] { (mode_label(text, mode)) }
                        }
                    }
                } @else {
                    input id=(key) name=(key) value=(value) spellcheck="false" autocomplete="off"
                        aria-invalid=[invalid] aria-describedby=(described);
                }
            }
            @if let Some(failed) = error {
                p.error id={ (key) "-error" } role="alert" { (marked(said(context.error_text(failed.error), key))) }
            }
            p.hint id={ (key) "-hint" } { (hint(text, key)) }
        }
    }
}

fn checkbox(key: &str, is_on: bool, described: &str) -> Markup {
    html! {
        input id=(key) type="checkbox" name=(key) value="true" checked[is_on] aria-describedby=(described);
    }
}

fn label(text: Texts, key: &str) -> &'static str {
    match key {
        "auth_mode" => text.ask_for_a_key(),
        "allow_lan_access" => text.serve_the_network(),
        "allow_other_users" => text.serve_other_users(),
        "port" => text.the_port(),
        "allowed_hosts" => text.host_names(),
        _ => text.web_pages(),
    }
}

fn hint(text: Texts, key: &str) -> &'static str {
    match key {
        "auth_mode" => text.ask_for_a_key_hint(),
        "allow_lan_access" => text.serve_the_network_hint(),
        "allow_other_users" => text.serve_other_users_hint(),
        "port" => text.port_hint(),
        "allowed_hosts" => text.host_names_hint(),
        _ => text.web_pages_hint(),
    }
}

fn mode_label(text: Texts, mode: &str) -> &'static str {
    match mode {
        "off" => text.mode_off(),
        "auto" => text.mode_auto(),
        "all_except_health" => text.mode_all_except_health(),
        _ => text.mode_strict(),
    }
}

/// What changes of what the file says now. A value that is the default is no longer named.
pub(super) fn edits(context: &PageContext, fields: &Fields) -> Vec<Edit> {
    let settings = known(context).unwrap_or_default();
    let changed = settings.into_iter().filter_map(|setting| {
        let typed = typed(fields, &setting);
        if typed == written(&setting.value) {
            None
        } else if default(&setting.key) == typed {
            Some(Edit::unset(setting.key))
        } else {
            Some(Edit::set(setting.key, typed))
        }
    });
    changed.collect()
}

/// The default, as it is typed.
fn default(key: &str) -> &'static str {
    let known = KEYS.iter().find(|known| known.path == key);
    let default = known.and_then(|known| known.default).unwrap_or_default();
    default.trim_matches(['"', '[', ']'])
}

/// A box that is not ticked sends nothing.
fn typed(fields: &Fields, setting: &Setting) -> String {
    match setting.value {
        Json::Bool(_) => fields.is_set(&setting.key).to_string(),
        Json::Array(_) => list(fields.get(&setting.key)),
        _ => fields.get(&setting.key).to_owned(),
    }
}

/// The same list, with one form of commas.
fn list(typed: &str) -> String {
    let entries = typed.split(',').map(str::trim);
    let entries: Vec<&str> = entries.filter(|entry| !entry.is_empty()).collect();
    entries.join(", ")
}

fn written(value: &Json) -> String {
    match value {
        Json::Array(list) if list.is_empty() => String::new(),
        value => plain(value),
    }
}

/// Whether a line of the message begins with the key.
fn is_about(message: &str, key: &str) -> bool {
    message.lines().any(|line| line_of(line, key).is_some())
}

fn said<'m>(message: &'m str, key: &str) -> &'m str {
    let mut lines = message.lines();
    lines.find_map(|line| line_of(line, key)).unwrap_or(message)
}

fn line_of<'m>(line: &'m str, key: &str) -> Option<&'m str> {
    let rest = line.trim().strip_prefix(key)?;
    rest.split_once(':').map(|(_, rest)| rest.trim())
}

/// Whether the error stands beside a field.
pub(super) fn has_place(failed: &FailedForm<'_>) -> bool {
    failed.name == ACCESS
        && OPENING
            .iter()
            .any(|key| is_about(&failed.error.to_string(), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_stands_beside_the_field_that_it_names() {
        let message = "nothing was changed:\nport: expected an integer from 0 to 65535, found `x`";
        assert!(is_about(message, "port") && !is_about(message, "auth_mode"));
        assert_eq!(
            said(message, "port"),
            "expected an integer from 0 to 65535, found `x`"
        );
    }

    #[test]
    fn a_list_is_the_same_however_its_commas_are_written() {
        assert_eq!(list(" box.lan ,a.lan,, "), "box.lan, a.lan");
        assert_eq!(
            written(&serde_json::json!(["box.lan", "a.lan"])),
            "box.lan, a.lan"
        );
        assert_eq!(written(&serde_json::json!([])), "");
    }
}
