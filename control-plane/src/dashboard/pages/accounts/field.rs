//! A field of a form: its label, what was typed, what is expected, and the error beside it.

use maud::{Markup, html};

use crate::control::ControlError;
use crate::dashboard::form::FailedForm;
use crate::dashboard::sentences::marked;
use crate::language::Language;

/// One line of text.
#[derive(Clone, Copy, Default)]
pub(super) struct Field<'f> {
    pub(super) name: &'f str,
    pub(super) label: &'f str,
    /// `text` by default.
    pub(super) kind: Option<&'f str>,
    pub(super) value: &'f str,
    pub(super) hint: Option<&'f str>,
    pub(super) placeholder: Option<&'f str>,
    pub(super) is_required: bool,
}

impl Field<'_> {
    pub(super) fn draw(&self, form: &TypedForm<'_>) -> Markup {
        let error = form.error_of(self.name);
        let id = form.id(self.name);
        let is_secret = self.kind == Some("password");
        // A secret is never shown again, nor is a URL that may hold one.
        let typed = form
            .typed(self.name)
            .filter(|typed| !is_secret && !has_user(typed));
        html! {
            div.field {
                label for=(id) { (self.label) }
                input id=(id) name=(self.name) type=(self.kind.unwrap_or("text"))
                    value=[(!is_secret).then(|| typed.unwrap_or(self.value))]
                    placeholder=[self.placeholder] required[self.is_required]
                    autocomplete=(if is_secret { "new-password" } else { "off" })
                    spellcheck="false" aria-invalid=[error.map(|_| "true")]
                    aria-describedby=[described(&id, error, self.hint)];
                (remarks(&id, error, self.hint))
            }
        }
    }
}

/// Whether a URL names a user, which may come with a password.
fn has_user(typed: &str) -> bool {
    typed.contains("://") && typed.contains('@')
}

/// The hint and the error of a field, which the field names as what describes it.
pub(super) fn remarks(id: &str, error: Option<&str>, hint: Option<&str>) -> Markup {
    html! {
        @if let Some(error) = error { p.error id={ (id) "-error" } role="alert" { (marked(error)) } }
        @if let Some(hint) = hint { p.hint id={ (id) "-hint" } { (hint) } }
    }
}

pub(super) fn described(id: &str, error: Option<&str>, hint: Option<&str>) -> Option<String> {
    let error = error.map(|_| format!("{id}-error"));
    let hint = hint.map(|_| format!("{id}-hint"));
    let both: Vec<String> = error.into_iter().chain(hint).collect();
    (!both.is_empty()).then(|| both.join(" "))
}

/// A form, with what was typed into it where it was not carried out.
pub(super) struct TypedForm<'f> {
    /// Tells its fields from those of other forms of the page.
    name: &'f str,
    /// The fields that it has: an error of another one stands above the page.
    fields: &'f [&'f str],
    failed: Option<&'f FailedForm<'f>>,
    language: Language,
}

impl<'f> TypedForm<'f> {
    pub(super) fn new(
        language: Language,
        name: &'f str,
        fields: &'f [&'f str],
        failed: Option<&'f FailedForm<'f>>,
    ) -> Self {
        Self {
            name,
            fields,
            failed: failed.filter(|failed| failed.name == name),
            language,
        }
    }

    /// Whether it was sent and not carried out.
    pub(super) fn is_failed(&self) -> bool {
        self.failed.is_some()
    }

    pub(super) fn typed(&self, field: &str) -> Option<&'f str> {
        self.failed.map(|failed| failed.fields.get(field))
    }

    pub(super) fn id(&self, field: &str) -> String {
        format!("{}-{field}", self.name)
    }

    /// The error that belongs beside a field.
    pub(super) fn error_of(&self, field: &str) -> Option<&'f str> {
        let error = self.failed?.error;
        (error.field.as_deref() == Some(field)).then(|| said(error, self.language))
    }

    /// The error that belongs beside none of the form's fields.
    pub(super) fn other_error(&self) -> Option<&'f str> {
        let error = self.failed?.error;
        let has_place = error
            .field
            .as_deref()
            .is_some_and(|field| self.fields.contains(&field));
        (!has_place).then(|| said(error, self.language))
    }
}

/// The sentence without the command line's name of the setting.
fn said(error: &ControlError, language: Language) -> &str {
    let message = error.text(language);
    match message.split_once(": ") {
        Some((option, rest)) if option.starts_with("--") => rest,
        _ => message,
    }
}
