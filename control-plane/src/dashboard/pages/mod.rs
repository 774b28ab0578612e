//! The pages, a file each: what each shows, and the forms on it.

mod accounts;
mod home;
mod monitoring;
mod proxy;
mod request;
mod settings;
mod statistics;

use http::Response;

use super::context::PageContext;
use super::form::{FailedForm, Fields};
use super::layout::Page;
use super::texts::Texts;
use crate::control::ControlError;
use crate::control::overview::Overview;
use crate::listener::ResponseBody;
pub(super) use monitoring::open_live;

/// The pages of the navigation, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Dashboard,
    Accounts,
    Proxy,
    Monitoring,
    Statistics,
    Settings,
}

impl Section {
    pub(super) const ALL: [Self; 6] = [
        Self::Dashboard,
        Self::Accounts,
        Self::Proxy,
        Self::Monitoring,
        Self::Statistics,
        Self::Settings,
    ];

    /// The first segment of its path.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Dashboard => "",
            Self::Accounts => "accounts",
            Self::Proxy => "proxy",
            Self::Monitoring => "monitoring",
            Self::Statistics => "statistics",
            Self::Settings => "settings",
        }
    }

    pub(super) fn name(self, text: Texts) -> &'static str {
        match self {
            Self::Dashboard => text.dashboard(),
            Self::Accounts => text.accounts(),
            Self::Proxy => text.api_proxy(),
            Self::Monitoring => text.monitoring(),
            Self::Statistics => text.token_statistics(),
            Self::Settings => text.settings(),
        }
    }
}

/// Where a link from elsewhere may lead, by its name.
pub(super) fn place(name: &str) -> Option<&'static str> {
    (name == "clients").then_some("proxy#clients")
}

/// What the reader gets.
pub(super) enum Shown {
    Page(Page),
    /// A file to save, or a stream.
    Response(Response<ResponseBody>),
}

/// What became of a form.
pub(super) enum Submitted {
    /// Done: the browser goes on to this path, see [`PageContext::link`].
    Done(String),
    /// Done, with something that is shown once.
    Page(Page),
    Failed(ControlError),
}

impl Submitted {
    /// Goes on to a path, or back to the form with the error.
    pub(super) fn of<T>(result: Result<T, ControlError>, path: &str) -> Self {
        match result {
            Ok(_) => Self::Done(path.to_owned()),
            Err(error) => Self::Failed(error),
        }
    }
}

/// The page of a path. `None` where there is none.
pub(super) async fn show(
    context: &PageContext,
    overview: &Overview,
    path: &[&str],
    failed: Option<&FailedForm<'_>>,
) -> Option<Shown> {
    let page = match path {
        [""] => home::page(context, overview, failed).await,
        ["first-request"] => return Some(home::state_of_first_request(context, overview).await),
        ["accounts"] => accounts::page(context, overview, failed).await,
        ["accounts", name] => accounts::account_page(context, overview, name, failed).await?,
        ["sign-in", id] => accounts::sign_in_page(context, id),
        ["sign-in", id, "state"] => return Some(accounts::state_of_sign_in(context, id)),
        ["proxy"] => proxy::page(context, overview, failed).await,
        ["monitoring"] => monitoring::page(context).await,
        ["requests", id] => request::page(context, id, failed).await,
        ["statistics"] => statistics::page(context, overview).await,
        ["statistics.csv"] => return Some(statistics::file(context)),
        ["settings"] => settings::page(context, overview, failed).await,
        _ => return None,
    };
    Some(Shown::Page(page))
}

/// Carries out a form. `None` where there is none of that path.
pub(super) async fn submit(
    context: &PageContext,
    path: &[&str],
    fields: &Fields,
) -> Option<Submitted> {
    match path {
        [form] => home::submit(context, form, fields).await,
        ["accounts", form] => accounts::submit(context, form, fields).await,
        ["accounts", name, form] => accounts::submit_of(context, name, form, fields).await,
        ["sign-in", id, form] => accounts::submit_sign_in(context, id, form),
        ["proxy", form] => proxy::submit(context, form, fields).await,
        ["requests", id, form] => request::submit(context, id, form, fields).await,
        ["settings", form] => settings::submit(context, form, fields).await,
        _ => None,
    }
}

/// The page that a form stands on, which shows its error.
pub(super) fn page_of_form<'p>(path: &'p [&'p str]) -> &'p [&'p str] {
    match path {
        [_] => &[""],
        [page @ .., _] => page,
        [] => path,
    }
}
