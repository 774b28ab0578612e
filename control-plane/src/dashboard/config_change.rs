//! A change of `config.toml` from a page: shown with its difference first, made by a second form.

use maud::{Markup, html};

use super::context::{FORM_TOKEN, PageContext};
use super::form::Fields;
use super::layout::Page;
use super::pages::{Section, Submitted};
use super::texts::Texts;
use crate::control::{
    ChangeOutcome, ChangedSetting, ConfigChange, ControlError, DiffLine, DiffSign, Edit, Meaning,
    Step, TakesEffect,
};

/// The field of the second form: the digest of the file whose difference was shown.
const SHOWN_FILE: &str = "shown_file";

/// A form that changes the configuration.
pub(super) struct ChangeForm<'f> {
    /// The page that it stands on, and that the reader goes back to.
    pub(super) section: Section,
    /// Where it is sent, both times: `settings/save`.
    pub(super) action: &'f str,
    pub(super) fields: &'f Fields,
}

/// Shows what the edits would change, or makes them where the reader has seen that.
pub(super) async fn change(
    context: &PageContext,
    form: &ChangeForm<'_>,
    edits: &[Edit],
) -> Submitted {
    let back = form.section.path();
    let step = match form.fields.given(SHOWN_FILE) {
        Some(digest) => Step::WriteTo(digest),
        None => Step::Show,
    };
    let change = match context.service.change_config(edits, step).await {
        Ok(change) => change,
        Err(error) => return Submitted::Failed(ControlError::caused_by(error)),
    };
    match change.outcome {
        ChangeOutcome::Nothing | ChangeOutcome::Written => Submitted::Done(back.to_owned()),
        ChangeOutcome::Shown | ChangeOutcome::ChangedMeanwhile => {
            Submitted::Page(shown(context, form, &change))
        }
    }
}

/// The page between the two steps.
fn shown(context: &PageContext, form: &ChangeForm<'_>, change: &ConfigChange) -> Page {
    let text = context.text;
    let is_late = change.outcome == ChangeOutcome::ChangedMeanwhile;
    let content = html! {
        @if is_late { div.notice role="alert" { p { (text.changed_meanwhile()) } } }
        @for meaning in &change.meaning {
            div.notice.open[opens(meaning)] { p { (meaning_text(context, meaning)) } }
        }
        @if change.keeps_auth { div.notice { p { (text.auth_is_kept()) } } }
        section { h2 { "config.toml" } (difference(text, &change.hunks)) }
        @if !change.settings.is_empty() { section { h2 { (text.what_changes()) } (settings(text, &change.settings)) } }
        (confirmation(context, form, change))
    };
    Page::new(form.section, text.nothing_is_written_yet(), content)
}

fn opens(meaning: &Meaning) -> bool {
    matches!(
        meaning,
        Meaning::NetworkOpens | Meaning::NoKeyNeeded | Meaning::OtherUsersServed
    )
}

/// The lines of a file that change, with those around them.
pub(super) fn difference(text: Texts, hunks: &[Vec<DiffLine>]) -> Markup {
    html! {
        @for hunk in hunks { pre {
            @for line in hunk { (diff_line(text, line)) "\n" }
        } }
    }
}

/// The sign is text, so that colour is not all that tells lines apart.
fn diff_line(text: Texts, line: &DiffLine) -> Markup {
    let shown = format!("{:>4} {} {}", line.line, line.sign.sign(), line.text);
    match line.sign {
        DiffSign::Same => html! { (shown) },
        DiffSign::Removed => html! { del.removed title=(text.removed_line()) { (shown) } },
        DiffSign::Added => html! { ins.added title=(text.added_line()) { (shown) } },
    }
}

fn settings(text: Texts, settings: &[ChangedSetting]) -> Markup {
    html! {
        div.table { table.blocks {
            thead { tr {
                th scope="col" { (text.setting()) } th scope="col" { (text.value_before()) }
                th scope="col" { (text.value_after()) } th scope="col" { (text.takes_effect()) }
            } }
            tbody { @for setting in settings { tr {
                th scope="row" { code { (setting.key) } }
                td data-label=(text.value_before()) { code { (plain(&setting.before)) } }
                td data-label=(text.value_after()) {
                    code { (plain(&setting.after)) }
                    @if !setting.is_set { " " span.hint { "(" (text.default_value()) ")" } }
                }
                td data-label=(text.takes_effect()) { (effect_text(text, setting.takes_effect)) }
            } } }
        } }
    }
}

/// The same fields again, with what they were shown for.
fn confirmation(context: &PageContext, form: &ChangeForm<'_>, change: &ConfigChange) -> Markup {
    let again = form
        .fields
        .iter()
        .filter(|(name, _)| !matches!(*name, FORM_TOKEN | SHOWN_FILE));
    let content = html! {
        @for (name, value) in again { input type="hidden" name=(name) value=(value); }
        input type="hidden" name=(SHOWN_FILE) value=(change.digest);
        button.primary { (context.text.write_it()) }
        a.button href=(context.link(form.section.path())) { (context.text.change_nothing()) }
    };
    context.form(form.action, "row", &content)
}

/// A value without the quotes of JSON.
pub(super) fn plain(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => "—".to_owned(),
        serde_json::Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(list) => {
            let list: Vec<String> = list.iter().map(plain).collect();
            if list.is_empty() {
                "[]".to_owned()
            } else {
                list.join(", ")
            }
        }
        other => other.to_string(),
    }
}

pub(super) fn effect_text(text: Texts, when: TakesEffect) -> &'static str {
    match when {
        TakesEffect::AtOnce => text.effect_at_once(),
        TakesEffect::NextRequest => text.effect_next_request(),
        TakesEffect::NewConnections => text.effect_new_connections(),
        TakesEffect::PortMoves => text.effect_port_moves(),
        TakesEffect::NextStop => text.effect_next_stop(),
    }
}

fn meaning_text(context: &PageContext, meaning: &Meaning) -> String {
    let (text, language) = (context.text, context.language());
    match meaning {
        Meaning::NetworkOpens => text.means_network_opens().to_owned(),
        Meaning::NetworkCloses => text.means_network_closes().to_owned(),
        Meaning::NetworkRefused => text.means_network_refused().to_owned(),
        Meaning::NoKeyNeeded => text.means_no_key().to_owned(),
        Meaning::KeyNeeded {
            spares_health: false,
        } => text.means_key().to_owned(),
        Meaning::KeyNeeded {
            spares_health: true,
        } => text.means_key_except_health().to_owned(),
        Meaning::OtherUsersServed => text.means_other_users().to_owned(),
        Meaning::OtherUsersRefused => text.means_no_other_users().to_owned(),
        Meaning::RecordingStops => text.means_no_records().to_owned(),
        Meaning::RecordingStarts => text.means_records().to_owned(),
        Meaning::PortMoves { to: 0, .. } => text.means_any_port().to_owned(),
        Meaning::PortMoves { from, to } => text.means_port(from, to),
        Meaning::RecordsDeleted { failed: true, days } => text.means_failed_deleted(days),
        Meaning::RecordsDeleted {
            failed: false,
            days,
        } => text.means_served_deleted(days),
        Meaning::RecordsShrink { bytes_max } => {
            text.means_records_shrink(language.bytes(*bytes_max as u64))
        }
        Meaning::ProviderRefused { name } => text.means_provider_refused(name),
    }
}
