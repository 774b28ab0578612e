//! The API proxy: what is open to whom, the keys, what a model's name becomes, and how programs are
//! pointed here.

mod access;
mod access_form;
mod clients;
mod key_form;
mod key_limits;
mod keys;
mod providers;
mod rules;
mod trial;

use maud::html;

use super::{Section, Submitted};
use crate::control::ClientFamily;
use crate::control::overview::Overview;
use crate::control::verbs::key_create::NewKey;
use crate::dashboard::config_change::{self, ChangeForm};
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::layout::{Page, failure};

pub(super) async fn page(
    context: &PageContext,
    overview: &Overview,
    failed: Option<&FailedForm<'_>>,
) -> Page {
    page_with(context, overview, failed, None).await
}

async fn page_with(
    context: &PageContext,
    overview: &Overview,
    failed: Option<&FailedForm<'_>>,
    made: Option<&NewKey>,
) -> Page {
    // What belongs to a field stands beside it.
    let has_place = |failed: &&FailedForm<'_>| {
        key_form::has_place(failed) || access_form::has_place(failed) || failed.name == rules::ADD
    };
    let above = failed.filter(|failed| !has_place(failed));
    let content = html! {
        @if let Some(failed) = above { (failure(context, failed.error)) }
        @if let Some(made) = made { (keys::shown_once(context, made)) }
        dl.facts {
            @for family in ClientFamily::ALL {
                dt { (family.label()) }
                dd { (context.copyable(&family.base_url(&overview.status.base_url))) }
            }
        }
        (access::section(context, overview, failed))
        (keys::section(context, failed).await)
        (rules::section(context, failed).await)
        (providers::section(context).await)
        (clients::section(context, overview).await)
    };
    Page {
        is_failed: failed.is_some(),
        ..Page::new(Section::Proxy, access::verdict(context, overview), content)
    }
}

/// Carries out a form of this page.
pub(super) async fn submit(
    context: &PageContext,
    form: &str,
    fields: &Fields,
) -> Option<Submitted> {
    Some(match form {
        key_form::CREATE => match key_form::create(context, fields).await {
            Ok(made) => {
                let overview = context.service.overview(context.now);
                Submitted::Page(page_with(context, &overview, None, Some(&made)).await)
            }
            Err(error) => Submitted::Failed(error),
        },
        key_form::SET => Submitted::of(key_form::set(context, fields).await, "proxy#keys"),
        keys::REVOKE => Submitted::of(keys::revoke(context, fields).await, "proxy#keys"),
        access_form::ACCESS | rules::ADD | rules::REMOVE | rules::MOVE => {
            let edits = match form {
                rules::ADD => rules::to_add(fields),
                rules::REMOVE => rules::to_remove(fields),
                rules::MOVE => rules::to_move(fields),
                _ => access_form::edits(context, fields),
            };
            let form = ChangeForm {
                section: Section::Proxy,
                action: &format!("proxy/{form}"),
                fields,
            };
            config_change::change(context, &form, &edits).await
        }
        clients::CONNECT | clients::DISCONNECT => clients::submit(context, form, fields).await,
        _ => return None,
    })
}
