//! The accounts: how each stands, in the order in which they are used, and the forms that change
//! them; and a page of its own for each account and for each sign-in that waits.

mod account;
mod actions;
mod add;
mod credential;
mod facts;
mod field;
mod figures;
mod forms;
mod list;
mod settings;
mod sign_in;
mod standing;
mod verdict;
mod windows;

use http::StatusCode;

use super::{Shown, Submitted};
use crate::control::overview::Overview;
use crate::dashboard::context::PageContext;
use crate::dashboard::form::{FailedForm, Fields};
use crate::dashboard::layout::Page;
use crate::dashboard::response::typed;

/// All accounts, and the form that adds one.
pub(super) async fn page(
    context: &PageContext,
    overview: &Overview,
    failed: Option<&FailedForm<'_>>,
) -> Page {
    list::page(context, overview, failed).await
}

/// One account. `None` where there is none of that name.
pub(super) async fn account_page(
    context: &PageContext,
    overview: &Overview,
    name: &str,
    failed: Option<&FailedForm<'_>>,
) -> Option<Page> {
    let account = overview
        .accounts
        .iter()
        .find(|account| account.name == name)?;
    Some(account::page(context, account, failed, None).await)
}

/// A sign-in that waits for its person, or has ended.
pub(super) fn sign_in_page(context: &PageContext, id: &str) -> Page {
    sign_in::page(context, id)
}

/// For the page that waits for a sign-in: it goes on once this is another text.
pub(super) fn state_of_sign_in(context: &PageContext, id: &str) -> Shown {
    let state = sign_in::state(context, id);
    Shown::Response(typed(StatusCode::OK, "text/plain; charset=utf-8", state))
}

/// Carries out a form of the page of all accounts.
pub(super) async fn submit(
    context: &PageContext,
    form: &str,
    fields: &Fields,
) -> Option<Submitted> {
    match form {
        "add" => Some(add::submit(context, fields).await),
        _ => None,
    }
}

/// Carries out a form of one account.
pub(super) async fn submit_of(
    context: &PageContext,
    name: &str,
    form: &str,
    fields: &Fields,
) -> Option<Submitted> {
    actions::submit(context, name, form, fields).await
}

/// Ends a sign-in.
pub(super) fn submit_sign_in(context: &PageContext, id: &str, form: &str) -> Option<Submitted> {
    (form == "cancel").then(|| sign_in::cancel(context, id))
}
