//! Answers the requests of browsers: where a path leads, what a form changes, and the headers that
//! keep other sites from using a page.

use std::collections::HashMap;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use maud::Markup;

use super::guard::{Rejection, admit, cookie};
use super::page::HomePage;
use super::{Dashboard, leads_to, limits, page};
use crate::control::account::{CredentialForm, CredentialInput, StoreOptions};
use crate::control::overview::Overview;
use crate::control::verbs::{AccountAdd, AccountLogin, AccountSet, LoginForm, Start, Stop};
use crate::control::{ControlError, ControlService, Fault, Notes, Secret, Verb, WireSecret};
use crate::host::printable;
use crate::listener::{AuthenticatedPeer, ResponseBody, collect};
use crate::status::{AccountStatus, NeedsUser};

const COOKIE: &str = "aerostat";

/// A page runs no script, is in no frame, loads nothing from elsewhere, and is not stored.
///
/// `same-origin` and not `no-referrer`: with the latter browsers send forms with the origin `null`.
const PROTECTION: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// What a request asks for.
enum Route<'p> {
    /// Redeems a link.
    Enter {
        token: String,
    },
    Style,
    Home,
    SignOut,
    /// Submits a form, by its name.
    Form(&'p str),
}

pub(super) async fn answer(
    dashboard: &Dashboard,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let (head, incoming) = request.into_parts();
    if let Err(rejection) = admit(&head, &dashboard.origin()) {
        return rejected(rejection);
    }
    let segment = dashboard.sessions().segment().to_owned();
    let route = match route(&head, &segment) {
        Some(Route::Enter { token }) => return enter(dashboard, &token, &segment),
        route => route,
    };
    let session = cookie(&head.headers, COOKIE)
        .filter(|session| dashboard.sessions().renew(session, SystemTime::now()));
    let Some(session) = session else {
        return without_session(route.as_ref());
    };
    let mut response = match route {
        Some(Route::Style) => style(),
        None | Some(Route::Enter { .. }) => html(StatusCode::NOT_FOUND, &page::not_found()),
        Some(Route::Home) => home(dashboard, None).await,
        Some(Route::SignOut) => sign_out(dashboard, session, &segment),
        Some(Route::Form(name)) => {
            let name = name.to_owned();
            match collect(incoming, &head.headers, &limits()).await {
                Ok(body) => submit(dashboard, &name, &fields(body.whole()), &segment).await,
                Err(fault) => refusal(&fault),
            }
        }
    };
    response.extensions_mut().insert(AuthenticatedPeer);
    response
}

/// The page for browsers without a session has a style too.
fn without_session(route: Option<&Route<'_>>) -> Response<ResponseBody> {
    match route {
        Some(Route::Style) => style(),
        _ => html(StatusCode::FORBIDDEN, &page::no_session()),
    }
}

fn style() -> Response<ResponseBody> {
    typed(StatusCode::OK, "text/css; charset=utf-8", page::STYLE)
}

/// Ends the session, here and in the browser.
fn sign_out(dashboard: &Dashboard, session: &str, segment: &str) -> Response<ResponseBody> {
    dashboard.sessions().end(session);
    let mut response = html(StatusCode::OK, &page::signed_out());
    set_cookie(&mut response, "", segment, "; Max-Age=0");
    response
}

fn set_cookie(response: &mut Response<ResponseBody>, value: &str, segment: &str, more: &str) {
    let cookie = format!("{COOKIE}={value}; Path=/{segment}/; HttpOnly; SameSite=Strict{more}");
    response.headers_mut().insert(
        SET_COOKIE,
        HeaderValue::try_from(cookie).expect("hexadecimal digits"),
    );
}

fn route<'p>(head: &'p Parts, segment: &str) -> Option<Route<'p>> {
    let path = head
        .uri
        .path()
        .strip_prefix('/')?
        .strip_prefix(segment)?
        .strip_prefix('/')?;
    match (&head.method, path) {
        (&Method::GET, "enter") => {
            let query = fields(head.uri.query().unwrap_or_default().as_bytes());
            Some(Route::Enter {
                token: query.get("link").cloned().unwrap_or_default(),
            })
        }
        (&Method::GET, "style.css") => Some(Route::Style),
        (&Method::GET | &Method::HEAD, "") => Some(Route::Home),
        (&Method::POST, "sign-out") => Some(Route::SignOut),
        (&Method::POST, name) => Some(Route::Form(name)),
        _ => None,
    }
}

/// Redeems a link for a session. The page opens the next one by itself: a redirect by status would
/// still count as coming from the local file, and the browser would withhold the cookie.
fn enter(dashboard: &Dashboard, token: &str, segment: &str) -> Response<ResponseBody> {
    let Some(session) = dashboard.sessions().redeem(token, SystemTime::now()) else {
        return html(StatusCode::FORBIDDEN, &page::no_session());
    };
    dashboard.remove_link_files(|file| leads_to(file, token));
    let mut response = html(StatusCode::OK, &page::redirect_to(&format!("/{segment}/")));
    set_cookie(&mut response, &session, segment, "");
    response
}

async fn home(dashboard: &Dashboard, error: Option<&str>) -> Response<ResponseBody> {
    let overview = dashboard.service.overview(SystemTime::now());
    let tray_note = tokio::task::spawn_blocking(dashboard.tray_note)
        .await
        .unwrap_or_default();
    let page = HomePage {
        overview: &overview,
        providers: &dashboard.service.provider_names(),
        needing_key: &accounts_needing_key(dashboard, &overview).await,
        tray_note,
        error,
    };
    let status = match error {
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    html(status, &page::home(&page))
}

/// The accounts whose new key can be entered here. Others sign in with a browser, or take their key
/// from elsewhere.
async fn accounts_needing_key(dashboard: &Dashboard, overview: &Overview) -> Vec<String> {
    let mut names = Vec::new();
    for account in &overview.accounts {
        let AccountStatus::NeedsUser(NeedsUser::SignIn(_) | NeedsUser::AddressChanged { .. }) =
            account.status
        else {
            continue;
        };
        let verb = LoginForm {
            name: account.name.clone(),
        };
        let form = verb.run(&dashboard.service, &Notes::discard()).await;
        if matches!(form, Ok(CredentialForm::Key)) {
            names.push(account.name.clone());
        }
    }
    names
}

/// Performs the verb of a form, and shows the first page with its error if it fails.
async fn submit(
    dashboard: &Dashboard,
    form: &str,
    fields: &HashMap<String, String>,
    segment: &str,
) -> Response<ResponseBody> {
    let Some(submission) = Submission::of(form, fields) else {
        return html(StatusCode::NOT_FOUND, &page::not_found());
    };
    match submission.perform(&dashboard.service).await {
        Ok(()) => see_other(&format!("/{segment}/")),
        Err(error) => home(dashboard, Some(&error.message)).await,
    }
}

/// The verb that a form asks for.
#[derive(Debug)]
enum Submission {
    Start(Start),
    Stop(Stop),
    Set(AccountSet),
    Add(AccountAdd),
    Login(AccountLogin),
}

impl Submission {
    /// `None` where no form has that name.
    fn of(form: &str, fields: &HashMap<String, String>) -> Option<Self> {
        let field = |name: &str| {
            let value = fields.get(name).map(|value| value.trim());
            value.unwrap_or_default().to_owned()
        };
        Some(match form {
            "start" => Self::Start(Start {}),
            "stop" => Self::Stop(Stop {}),
            "enable" => Self::Set(AccountSet::enabled(field("name"), true)),
            "disable" => Self::Set(AccountSet::enabled(field("name"), false)),
            "add" => Self::Add(AccountAdd {
                provider: field("provider"),
                name: Some(field("name")).filter(|name| !name.is_empty()),
                credential: match field("key") {
                    key if key.is_empty() => CredentialInput::Nothing,
                    key => credential(key),
                },
                options: StoreOptions::default(),
            }),
            "login" => Self::Login(AccountLogin {
                name: field("name"),
                credential: credential(field("key")),
                options: StoreOptions::default(),
            }),
            _ => return None,
        })
    }

    async fn perform(self, service: &ControlService) -> Result<(), ControlError> {
        // Notes have no place on a page that waits for the verb's end.
        let notes = Notes::discard();
        match self {
            Self::Start(verb) => verb.run(service, &notes).await.map(drop),
            Self::Stop(verb) => verb.run(service, &notes).await.map(drop),
            Self::Set(verb) => verb.run(service, &notes).await.map(drop),
            Self::Add(verb) => Box::pin(verb.run(service, &notes)).await.map(drop),
            Self::Login(verb) => Box::pin(verb.run(service, &notes)).await.map(drop),
        }
    }
}

fn credential(key: String) -> CredentialInput {
    CredentialInput::Key(WireSecret(Secret::new(key)))
}

/// The fields of a form; of those with one name, the last.
fn fields(body: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn rejected(rejection: Rejection) -> Response<ResponseBody> {
    let status = match rejection {
        Rejection::Host => StatusCode::MISDIRECTED_REQUEST,
        Rejection::Origin => StatusCode::FORBIDDEN,
    };
    html(status, &page::no_session())
}

/// An error of the listener itself, as a page.
pub(super) fn refusal(fault: &Fault) -> Response<ResponseBody> {
    html(StatusCode::BAD_REQUEST, &page::error(&fault.message))
}

fn see_other(path: &str) -> Response<ResponseBody> {
    let mut response = html(StatusCode::SEE_OTHER, &page::not_found());
    response.headers_mut().insert(
        LOCATION,
        HeaderValue::try_from(path).expect("hexadecimal digits and slashes"),
    );
    response
}

/// Characters that steer or reorder text are escaped here, on every page, as in the terminal.
fn html(status: StatusCode, page: &Markup) -> Response<ResponseBody> {
    let page = printable::escape_lines(&page.0).into_owned();
    typed(status, "text/html; charset=utf-8", page)
}

fn typed(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for (name, value) in PROTECTION {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_browsers_write_it() {
        let fields = fields(b"name=my+key%2B1&key=sk-%C3%B6%26&empty=&flag");
        let field = |name: &str| fields.get(name).map(String::as_str);
        assert_eq!(field("name"), Some("my key+1"));
        assert_eq!(field("key"), Some("sk-\u{f6}&"));
        assert_eq!(
            (field("empty"), field("flag"), field("other")),
            (Some(""), Some(""), None)
        );
    }

    #[test]
    fn a_path_without_the_segment_leads_nowhere() {
        let is_routed = |method: &str, path: &str| {
            let head = Request::builder()
                .method(method)
                .uri(path)
                .body(())
                .unwrap()
                .into_parts()
                .0;
            route(&head, "abc").is_some()
        };
        assert!(
            is_routed("GET", "/abc/")
                && is_routed("GET", "/abc/enter?link=x")
                && is_routed("POST", "/abc/start")
        );
        for path in ["/", "/abc", "/abd/", "/enter?link=x", "//abc/"] {
            assert!(!is_routed("GET", path), "{path}");
        }
        assert!(!is_routed("DELETE", "/abc/"));
    }

    #[test]
    fn a_key_is_in_no_debug_output() {
        let fields = fields(b"provider=openai&name=work&key=sk-secret");
        for form in ["add", "login"] {
            assert!(
                !format!("{:?}", Submission::of(form, &fields).unwrap()).contains("sk-secret"),
                "{form}"
            );
        }
    }
}
