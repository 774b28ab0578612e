//! The forms of a key: a new one with its limits, and other limits for one that is there.

use std::borrow::Cow;

use maud::{Markup, html};

use crate::control::verbs::key_create::NewKey;
use crate::control::verbs::key_list::{KeyFacts, KeyLimitFacts};
use crate::control::verbs::{KeyCreate, KeyList, KeySet};
use crate::control::{ControlError, KeyLimitChanges, Verb};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::sentences::marked;
use crate::dashboard::texts::Texts;

pub(super) const CREATE: &str = "create-key";
pub(super) const SET: &str = "set-key";

/// The budgets: the field's name, and unit and period as they are written.
const BUDGETS: [(&str, &str); 6] = [
    ("requests_day", "requests/day"),
    ("requests_month", "requests/month"),
    ("tokens_day", "tokens/day"),
    ("tokens_month", "tokens/month"),
    ("dollars_day", "dollars/day"),
    ("dollars_month", "dollars/month"),
];

/// A form with what it begins with, and what was typed where it failed.
struct KeyForm<'f> {
    action: &'static str,
    failed: Option<&'f FailedForm<'f>>,
    key: Option<&'f KeyFacts>,
}

/// The form for a new key.
pub(super) fn new(context: &PageContext, failed: Option<&FailedForm<'_>>) -> Markup {
    let form = KeyForm {
        action: CREATE,
        failed: failed.filter(|failed| failed.is(CREATE, None)),
        key: None,
    };
    let text = context.text;
    let content = html! {
        (form.field(context, &Field { name: "name", label: text.name(), hint: Some(text.key_name_hint()), is_required: true, ..Field::text() }))
        (form.limits(context))
        button.primary { (text.create()) }
    };
    context.form("proxy/create-key", "", &content)
}

/// The form for the limits of a key that is there.
pub(super) fn of_key(
    context: &PageContext,
    key: &KeyFacts,
    failed: Option<&FailedForm<'_>>,
) -> Markup {
    let form = KeyForm {
        action: SET,
        failed: failed.filter(|failed| failed.is(SET, Some(&key.name))),
        key: Some(key),
    };
    let content = html! {
        input type="hidden" name="name" value=(key.name);
        (form.limits(context))
        button.primary { (context.text.save_limits()) }
    };
    context.form("proxy/set-key", "", &content)
}

/// One field.
struct Field<'f> {
    name: &'f str,
    label: &'f str,
    kind: &'f str,
    value: String,
    hint: Option<&'f str>,
    is_required: bool,
}

impl Field<'_> {
    fn text() -> Self {
        Field {
            name: "",
            label: "",
            kind: "text",
            value: String::new(),
            hint: None,
            is_required: false,
        }
    }
}

impl KeyForm<'_> {
    fn limits(&self, context: &PageContext) -> Markup {
        let text = context.text;
        let budgets = BUDGETS.map(|(name, _)| (name, budget_label(text, name)));
        html! {
            (self.field(context, &Field { name: "expires", label: text.expires_on(), kind: "date", value: self.expiry(context), hint: Some(text.expiry_hint()), ..Field::text() }))
            (self.field(context, &Field { name: "models", label: text.models_of_key(), value: self.models(), hint: Some(text.key_models_hint()), ..Field::text() }))
            fieldset.figures {
                legend { (text.limits()) " " span.hint { (text.limits_hint()) } }
                (self.field(context, &Field { name: "requests_minute", label: text.requests_per_minute(), value: self.limit("requests_minute"), ..Field::text() }))
                @for (name, label) in budgets {
                    (self.field(context, &Field { name, label, value: self.limit(name), ..Field::text() }))
                }
            }
        }
    }

    fn field(&self, context: &PageContext, field: &Field<'_>) -> Markup {
        let id = format!("{}-{}", self.action, field.name);
        let typed = self.failed.map(|failed| failed.fields.get(field.name));
        let wrong = self.failed.map(place);
        let error = self.failed.filter(|_| wrong == Some(Some(field.name)));
        let hint = field.hint.map(|_| format!("{id}-hint"));
        let described = error.map(|_| format!("{id}-error")).or(hint);
        html! {
            div.field {
                label for=(id) { (field.label) }
                input id=(id) name=(field.name) type=(field.kind) value=(typed.unwrap_or(&field.value))
                    required[field.is_required] autocomplete="off" spellcheck="false"
                    aria-invalid=[error.map(|_| "true")] aria-describedby=[described];
                @if let Some(failed) = error {
                    p.error id={ (id) "-error" } role="alert" { (marked(said(context.error_text(failed.error)))) }
                }
                @if let Some(hint) = field.hint { p.hint id={ (id) "-hint" } { (hint) } }
            }
        }
    }

    fn limit(&self, name: &str) -> String {
        let limits = self.key.map_or(&[][..], |key| &key.limits);
        let limit = limits.iter().find(|limit| limit.limit == name);
        limit.map(written).unwrap_or_default()
    }

    /// The day that still counts.
    fn expiry(&self, context: &PageContext) -> String {
        let at = self.key.and_then(|key| key.expires_at);
        let last = at.and_then(|at| context.zoned(at - std::time::Duration::from_secs(1)));
        last.map(|at| at.date().to_string()).unwrap_or_default()
    }

    fn models(&self) -> String {
        let models = self.key.and_then(|key| key.models.as_ref());
        models.map(|models| models.join(", ")).unwrap_or_default()
    }
}

fn budget_label(text: Texts, name: &str) -> &'static str {
    match name {
        "requests_day" => text.requests_per_day(),
        "requests_month" => text.requests_per_month(),
        "tokens_day" => text.tokens_per_day(),
        "tokens_month" => text.tokens_per_month(),
        "dollars_day" => text.dollars_per_day(),
        _ => text.dollars_per_month(),
    }
}

/// A limit as it is typed: dollars with a point.
fn written(limit: &KeyLimitFacts) -> String {
    if !limit.limit.starts_with("dollars") {
        return limit.max.to_string();
    }
    let fraction = format!("{:06}", limit.max % 1_000_000);
    let fraction = fraction.trim_end_matches('0');
    let whole = limit.max / 1_000_000;
    if fraction.is_empty() {
        whole.to_string()
    } else {
        format!("{whole}.{fraction:0<2}")
    }
}

/// The field that a form's error is about, by the setting that the message names.
fn place<'f>(failed: &FailedForm<'f>) -> Option<&'f str> {
    // It begins alike in every language.
    let message = failed.error.to_string();
    let setting = message
        .split_once(':')
        .map_or(message.as_str(), |(setting, _)| setting);
    match setting {
        "--expires" => Some("expires"),
        "--model" => Some("models"),
        "--requests-per-minute" => Some("requests_minute"),
        "--budget" => BUDGETS
            .iter()
            .find(|(name, unit)| {
                let typed = budget(failed.fields.get(name), unit, None);
                typed.is_some_and(|typed| message.contains(&*typed))
            })
            .map(|(name, _)| *name),
        _ if failed.name == CREATE => Some("name"),
        _ => None,
    }
}

/// Whether the error stands beside a field.
pub(super) fn has_place(failed: &FailedForm<'_>) -> bool {
    matches!(failed.name, CREATE | SET) && place(failed).is_some()
}

/// The sentence without the command line's name of the setting.
fn said(message: &str) -> &str {
    match message.split_once(": ") {
        Some((setting, rest)) if setting.starts_with("--") => rest,
        _ => message,
    }
}

pub(super) async fn create(context: &PageContext, fields: &Fields) -> Result<NewKey, ControlError> {
    let create = KeyCreate {
        name: fields.get("name").to_owned(),
        limits: changes(fields, None),
    };
    create.run(&context.service, &PageContext::notes()).await
}

/// Sets all limits as the form has them: what is empty is no limit.
pub(super) async fn set(context: &PageContext, fields: &Fields) -> Result<KeyFacts, ControlError> {
    let notes = PageContext::notes();
    let keys = KeyList {}.run(&context.service, &notes).await?;
    let name = fields.get("name");
    let known = keys.iter().find(|key| key.name == name);
    let set = KeySet {
        name: name.to_owned(),
        limits: changes(fields, known),
    };
    set.run(&context.service, &notes).await
}

fn changes(fields: &Fields, known: Option<&KeyFacts>) -> KeyLimitChanges {
    let or_none = |value: &str| match value {
        "" => "none".to_owned(),
        value => value.to_owned(),
    };
    let models = fields.get("models").split(',').map(str::trim);
    let models: Vec<String> = models
        .filter(|model| !model.is_empty())
        .map(str::to_owned)
        .collect();
    let budgets = BUDGETS.iter().filter_map(|(name, unit)| {
        let mut limits = known.map_or(&[][..], |key| &key.limits).iter();
        let zone = limits.find(|limit| limit.limit == *name);
        let zone = zone.map(|limit| limit.time_zone.as_str());
        budget(fields.get(name), unit, zone)
    });
    let budgets: Vec<String> = budgets.collect();
    KeyLimitChanges {
        expires: Some(or_none(fields.get("expires"))),
        models: unless_empty(models, "all"),
        requests_per_minute: Some(or_none(fields.get("requests_minute"))),
        budgets: unless_empty(budgets, "none"),
    }
}

fn unless_empty(list: Vec<String>, word: &str) -> Vec<String> {
    match list.is_empty() {
        true => vec![word.to_owned()],
        false => list,
    }
}

/// `500000 tokens/day Europe/Berlin`. A budget that is there keeps its zone.
fn budget(typed: &str, unit: &str, zone: Option<&str>) -> Option<String> {
    let zone = zone.map(|zone| format!(" {zone}")).unwrap_or_default();
    let typed = with_point(typed);
    (!typed.is_empty()).then(|| format!("{typed} {unit}{zone}"))
}

/// `5,50` is `5.50`. With three digits behind it, a comma may group thousands: it stays, and is an
/// error.
fn with_point(typed: &str) -> Cow<'_, str> {
    match typed.split_once(',') {
        Some((_, cents)) if cents.len() <= 2 => typed.replace(',', ".").into(),
        _ => typed.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_empty_is_no_limit() {
        let fields = Fields::parse(b"name=ci&tokens_day=500000&models=claude-*%2C+gpt-5");
        let changes = changes(&fields, None);
        assert_eq!(changes.budgets, ["500000 tokens/day"]);
        assert_eq!(changes.models, ["claude-*", "gpt-5"]);
        assert_eq!(changes.expires.as_deref(), Some("none"));
        let comma = super::changes(
            &Fields::parse(b"dollars_day=5%2C50&tokens_day=1%2C000"),
            None,
        );
        assert_eq!(comma.budgets, ["1,000 tokens/day", "5.50 dollars/day"]);
        let none = super::changes(&Fields::parse(b"name=ci"), None);
        assert_eq!(
            (none.models, none.budgets),
            (vec!["all".to_owned()], vec!["none".to_owned()])
        );
    }
}
