//! The keys of the port: which there are, how far each is used, a new one, and the end of one.

use maud::{Markup, html};

use super::key_form;
use super::key_limits::limits;
use crate::control::verbs::key_create::NewKey;
use crate::control::verbs::key_list::KeyFacts;
use crate::control::verbs::{KeyList, KeyRevoke};
use crate::control::{ControlError, Verb};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::sentences::marked;
use crate::status::Timestamp;

pub(super) const REVOKE: &str = "revoke-key";

pub(super) async fn section(context: &PageContext, failed: Option<&FailedForm<'_>>) -> Markup {
    let text = context.text;
    let keys = KeyList {}
        .run(&context.service, &PageContext::notes())
        .await;
    let keys = match keys {
        Ok(keys) => keys,
        Err(error) => return html! { p.error { (marked(context.error_text(&error))) } },
    };
    let chosen = chosen(context, failed);
    let chosen = keys.iter().find(|key| Some(key.name.as_str()) == chosen);
    html! {
        section #keys {
            h2 { (text.keys()) }
            p.soft { (text.local_key_is_there()) " " code { "aerostat key show" } }
            @if !keys.is_empty() { (table(context, &keys)) }
            @if let Some(key) = chosen { (change(context, key, failed)) }
            details open[failed.is_some_and(|failed| failed.is(key_form::CREATE, None))] {
                summary { (text.create_a_key()) }
                div.sheet { (key_form::new(context, failed)) }
            }
        }
    }
}

/// The key whose limits are to be changed.
fn chosen<'c>(context: &'c PageContext, failed: Option<&FailedForm<'c>>) -> Option<&'c str> {
    match failed {
        Some(failed) if failed.name == key_form::SET => failed.fields.given("name"),
        _ => context.query.given("key"),
    }
}

fn table(context: &PageContext, keys: &[KeyFacts]) -> Markup {
    let text = context.text;
    html! {
        div.table { table.blocks {
            thead { tr {
                th scope="col" { (text.name()) } th scope="col" { (text.made()) }
                th scope="col" { (text.used_last()) } th scope="col" { (text.limits()) }
                th.number scope="col" { (text.refused_today()) }
                th scope="col" { span.hidden-label { (text.change()) } }
            } }
            tbody { @for key in keys { (row(context, key)) } }
        } }
    }
}

fn row(context: &PageContext, key: &KeyFacts) -> Markup {
    let text = context.text;
    let requests = context.link_with("monitoring", [("key", key.name.as_str())]);
    let refused = context.link_with(
        "monitoring",
        [
            ("key", key.name.as_str()),
            ("ending", "refused"),
            ("since", "today"),
        ],
    );
    let change = context.link_with("proxy", [("key", key.name.as_str())]);
    html! {
        tr {
            th scope="row" { div {
                a href=(requests) { (key.name) } " " span.meta { "…" (key.hint) }
                @if key.is_expired { div.error { (text.is_expired()) } }
            } }
            td data-label=(text.made()) { (made_at(context, key)) }
            td data-label=(text.used_last()) {
                @match key.last_used_at {
                    Some(at) => (context.time(at)),
                    None => span.unknown { (text.never()) },
                }
            }
            td data-label=(text.limits()) { (limits(context, key)) }
            td.number data-label=(text.refused_today()) {
                @if key.refused_today > 0 { a href=(refused) { (context.count(key.refused_today)) } }
                @else { "0" }
            }
            td { a.button.small href={ (change) "#key" } { (text.change()) } }
        }
    }
}

fn made_at(context: &PageContext, key: &KeyFacts) -> Markup {
    let at = key.made_at.parse::<jiff::Timestamp>();
    at.map_or_else(
        |_| context.unknown(),
        |at| context.time(Timestamp::from(at)),
    )
}

/// What can be done with one key.
fn change(context: &PageContext, key: &KeyFacts, failed: Option<&FailedForm<'_>>) -> Markup {
    let text = context.text;
    let revoke = html! {
        input type="hidden" name="name" value=(key.name);
        button.danger { (text.revoke_it(&key.name)) }
    };
    html! {
        div.sheet #key {
            h3 { (text.limits_of(&key.name)) }
            (key_form::of_key(context, key, failed))
            details {
                summary { (text.revoke_the_key()) }
                p { (text.revoking_means()) }
                (context.form("proxy/revoke-key", "inline", &revoke))
            }
        }
    }
}

/// A key that was just made.
pub(super) fn shown_once(context: &PageContext, made: &NewKey) -> Markup {
    let text = context.text;
    html! {
        div.notice.ok role="status" {
            p { strong { (text.key_is_made(&made.name)) } " " (text.shown_only_now()) }
            p { (context.copyable(made.key.0.expose())) }
        }
    }
}

pub(super) async fn revoke(
    context: &PageContext,
    fields: &Fields,
) -> Result<KeyFacts, ControlError> {
    let revoke = KeyRevoke {
        name: fields.get("name").to_owned(),
    };
    revoke.run(&context.service, &PageContext::notes()).await
}
