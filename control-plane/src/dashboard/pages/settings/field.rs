//! A setting as a field: of the kind that its values are of, with its default and its effect.

use maud::{Markup, html};
use serde_json::Value as Json;

use super::about::{about, expected};
use crate::control::{Key, Setting, ValueKind, default_of};
use crate::dashboard::config_change::{effect_text, plain};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::Fields;

/// What stands before the key in the name of the field that says what was shown.
pub(super) const WAS: &str = "was:";

/// A key of the program itself with its value.
pub(super) struct ShownSetting<'s> {
    pub(super) key: &'static Key,
    pub(super) setting: &'s Setting,
}

impl ShownSetting<'_> {
    pub(super) fn is_changed(&self) -> bool {
        self.setting.is_set && self.setting.value != default_of(self.key)
    }

    /// Whether a search finds it.
    pub(super) fn matches(&self, context: &PageContext, sought: &str) -> bool {
        let (path, sought) = (self.key.path, sought.to_lowercase());
        path.contains(&sought)
            || about(context.text, self.key)
                .to_lowercase()
                .contains(&sought)
    }

    /// What its field shows and sends back unchanged.
    fn written(&self) -> String {
        written(self.key, &self.setting.value)
    }

    /// `typed`: the fields of a form that was not carried out.
    pub(super) fn draw(
        &self,
        context: &PageContext,
        typed: Option<&Fields>,
        is_wrong: bool,
    ) -> Markup {
        let (path, text) = (self.key.path, context.text);
        let was = self.written();
        // What is wrong in a proxy's URL may be its password.
        let typed = typed.filter(|typed| !is_secret(path) && was_shown(path, typed));
        let shown = typed.map_or_else(|| was.clone(), |typed| typed_value(self.key, typed));
        html! {
            div.setting id=(path) {
                div {
                    label for={ "f-" (path) } { code { (path) } }
                    @if self.is_changed() { " " span.count { (text.changed()) } }
                    p.hint id={ "a-" (path) } {
                        (with_code(&about(text, self.key))) " " (self.default_text(context)) " "
                        (text.takes_effect()) ": " (effect_text(text, self.key.takes_effect())) "."
                    }
                }
                div {
                    (input(context, self.key, &shown, is_wrong))
                    input type="hidden" name={ (WAS) (path) } value=(was);
                    @if is_wrong { p.error id={ "e-" (path) } { (expected(text, self.key)) } }
                    @if is_secret(path) && !self.setting.value.is_null() && self.setting.is_set {
                        p.hint { (text.kept_as(plain(&self.setting.value))) }
                    }
                    @if self.setting.is_set {
                        button.small name="reset" value=(path) { (text.back_to_default()) }
                    }
                }
            }
        }
    }

    fn default_text(&self, context: &PageContext) -> String {
        let default = default_of(self.key);
        match &default {
            Json::Null => context.text.without_default().to_owned(),
            Json::String(text) if text.is_empty() => context.text.default_is_empty().to_owned(),
            Json::Array(list) if list.is_empty() => context.text.default_is_empty().to_owned(),
            default => context.text.default_is(plain(default)),
        }
    }
}

/// Whether a form had a field of that key.
pub(super) fn was_shown(path: &str, fields: &Fields) -> bool {
    let shown = |name: &str| name.strip_prefix(WAS) == Some(path);
    fields.iter().any(|(name, _)| shown(name))
}

/// Whether a value may hold a password: it is not written into a page.
fn is_secret(path: &str) -> bool {
    path == "network.proxy"
}

/// What stands between backticks is code.
fn with_code(sentence: &str) -> Markup {
    html! {
        @for (at, part) in sentence.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// A value as a field holds it.
fn written(key: &Key, value: &Json) -> String {
    match value {
        _ if is_secret(key.path) => String::new(),
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        Json::Array(list) if list.is_empty() => String::new(),
        other => plain(other),
    }
}

/// What a form says of a key, in one text.
pub(super) fn typed_value(key: &Key, fields: &Fields) -> String {
    match key.kind {
        ValueKind::Bool => fields.is_set(key.path).to_string(),
        ValueKind::ListOf(ValueKind::OneOf(_)) => {
            fields.all(key.path).collect::<Vec<_>>().join(", ")
        }
        _ => fields.get(key.path).to_owned(),
    }
}

fn input(context: &PageContext, key: &Key, shown: &str, is_wrong: bool) -> Markup {
    let (path, id) = (key.path, format!("f-{}", key.path));
    let invalid = is_wrong.then_some("true");
    let described = match is_wrong {
        true => format!("a-{path} e-{path}"),
        false => format!("a-{path}"),
    };
    html! {
        @match key.kind {
            ValueKind::Bool => input id=(id) type="checkbox" name=(path) value="true"
                checked[shown == "true"] aria-describedby=(described) aria-invalid=[invalid];,
            ValueKind::Count { min, max } => input id=(id) type="number" name=(path) min=(min) max=(max)
                value=(shown) aria-describedby=(described) aria-invalid=[invalid];,
            ValueKind::OneOf(words) => select id=(id) name=(path) aria-describedby=(described) aria-invalid=[invalid] {
                @for word in words { option value=(word) selected[*word == shown] { (word) } }
                @if !words.contains(&shown) { option selected { (shown) } }
            },
            ValueKind::ListOf(ValueKind::OneOf(words)) => (choices(path, words, shown, &described, invalid)),
            ValueKind::ListOf(_) => {
                input id=(id) name=(path) value=(shown) aria-describedby=(described) aria-invalid=[invalid];
                span.hint { (context.text.separated_by_commas()) }
            },
            _ => input id=(id) name=(path) value=(shown) autocomplete="off" spellcheck="false"
                aria-describedby=(described) aria-invalid=[invalid];,
        }
    }
}

fn choices(
    path: &str,
    words: &[&str],
    shown: &str,
    described: &str,
    invalid: Option<&str>,
) -> Markup {
    let is_chosen = |word: &str| shown.split(", ").any(|chosen| chosen == word);
    html! {
        div.row id={ "f-" (path) } role="group" aria-label=(path) aria-describedby=(described) {
            @for word in words { label {
                input type="checkbox" name=(path) value=(word) checked[is_chosen(word)] aria-invalid=[invalid]; " " code { (word) }
            } }
        }
    }
}
