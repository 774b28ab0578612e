//! One visit: where a path leads, what a form changes, and what keeps a page from being used by
//! others.

use std::collections::HashMap;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION, SET_COOKIE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use maud::Markup;
use percent_encoding::percent_decode_str;

use super::guard::{Rejection, admit, cookie};
use super::page::Front;
use super::{Dashboard, leads_to, limits, page};
use crate::control::account::{CredentialForm, CredentialInput, StoreOptions};
use crate::control::overview::Overview;
use crate::control::verbs::{AccountAdd, AccountLogin, AccountSet, LoginForm, Start, Stop};
use crate::control::{ControlError, ControlService, Fault, Notes, Secret, Verb, WireSecret};
use crate::listener::{ResponseBody, collect};
use crate::status::{AccountStatus, NeedsUser};

const COOKIE: &str = "aerostat";

/// Scripts, frames and other places may have no part in a page, and nothing of it is kept.
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

/// What a path leads to.
enum Place<'p> {
    Enter {
        token: String,
    },
    Style,
    Front,
    /// A form, by its name.
    Form(&'p str),
}

pub(super) async fn answer(
    dashboard: &Dashboard,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let (head, incoming) = request.into_parts();
    if let Err(stranger) = admit(&head, &dashboard.origin()) {
        return turned_away(stranger);
    }
    let segment = dashboard.entrance().segment().to_owned();
    let place = match place(&head, &segment) {
        Some(Place::Enter { token }) => return enter(dashboard, &token, &segment),
        place => place,
    };
    let is_known = cookie(&head.headers, COOKIE)
        .is_some_and(|session| dashboard.entrance().knows(session, SystemTime::now()));
    match place {
        // A page that turns people away is to be read too.
        Some(Place::Style) => typed(StatusCode::OK, "text/css; charset=utf-8", page::STYLE),
        _ if !is_known => html(StatusCode::FORBIDDEN, &page::stranger()),
        None | Some(Place::Enter { .. }) => html(StatusCode::NOT_FOUND, &page::nothing()),
        Some(Place::Front) => front(dashboard, None).await,
        Some(Place::Form(name)) => {
            let name = name.to_owned();
            match collect(incoming, &head.headers, &limits()).await {
                Ok(body) => submit(dashboard, &name, &fields(body.whole()), &segment).await,
                Err(fault) => refusal(&fault),
            }
        }
    }
}

fn place<'p>(head: &'p Parts, segment: &str) -> Option<Place<'p>> {
    let path = head
        .uri
        .path()
        .strip_prefix('/')?
        .strip_prefix(segment)?
        .strip_prefix('/')?;
    match (&head.method, path) {
        (&Method::GET, "enter") => {
            let query = fields(head.uri.query().unwrap_or_default().as_bytes());
            Some(Place::Enter {
                token: query.get("link").cloned().unwrap_or_default(),
            })
        }
        (&Method::GET, "style.css") => Some(Place::Style),
        (&Method::GET | &Method::HEAD, "") => Some(Place::Front),
        (&Method::POST, name) => Some(Place::Form(name)),
        _ => None,
    }
}

/// Lets somebody in. The page leads on by itself, because a redirect would still count as coming
/// from the file that led here, and the browser would keep the cookie back.
fn enter(dashboard: &Dashboard, token: &str, segment: &str) -> Response<ResponseBody> {
    let Some(session) = dashboard.entrance().enter(token, SystemTime::now()) else {
        return html(StatusCode::FORBIDDEN, &page::stranger());
    };
    dashboard.forget_files(|file| leads_to(file, token));
    let mut response = html(StatusCode::OK, &page::leading_to(&format!("/{segment}/")));
    let cookie = format!("{COOKIE}={session}; Path=/{segment}/; HttpOnly; SameSite=Strict");
    response.headers_mut().insert(
        SET_COOKIE,
        HeaderValue::try_from(cookie).expect("hexadecimal digits"),
    );
    response
}

async fn front(dashboard: &Dashboard, error: Option<&str>) -> Response<ResponseBody> {
    let overview = dashboard.desk.overview(SystemTime::now());
    let tray = tokio::task::spawn_blocking(dashboard.tray)
        .await
        .unwrap_or_default();
    let providers = dashboard.desk.provider_names();
    let key_wanted = key_wanted(dashboard, &overview).await;
    let status = if error.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let front = Front {
        glance: &overview,
        providers: &providers,
        key_wanted: &key_wanted,
        note: tray,
        complaint: error,
    };
    html(status, &page::front(&front))
}

/// The accounts that need a key from a person. Others sign in with a browser, or take their key
/// from elsewhere.
async fn key_wanted(dashboard: &Dashboard, overview: &Overview) -> Vec<String> {
    let mut names = Vec::new();
    for account in &overview.accounts {
        let wants_credential = matches!(
            account.status,
            AccountStatus::NeedsUser(NeedsUser::SignIn(_) | NeedsUser::AddressChanged { .. })
        );
        if !wants_credential {
            continue;
        }
        let verb = LoginForm {
            name: account.name.clone(),
        };
        let form = verb.run(&dashboard.desk, &Notes::discard()).await;
        if matches!(form, Ok(CredentialForm::Key)) {
            names.push(account.name.clone());
        }
    }
    names
}

/// Does what a form says, and shows the first page with what came of it.
async fn submit(
    dashboard: &Dashboard,
    form: &str,
    fields: &HashMap<String, String>,
    segment: &str,
) -> Response<ResponseBody> {
    let Some(submission) = Submission::of(form, fields) else {
        return html(StatusCode::NOT_FOUND, &page::nothing());
    };
    match submission.perform(&dashboard.desk).await {
        Ok(()) => see_other(&format!("/{segment}/")),
        Err(error) => front(dashboard, Some(&error.message)).await,
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
                name: field("name"),
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

/// The fields of a form. Source: URL Standard, `application/x-www-form-urlencoded`.
fn fields(body: &[u8]) -> HashMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let decoded = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn turned_away(stranger: Rejection) -> Response<ResponseBody> {
    let status = match stranger {
        Rejection::Host => StatusCode::MISDIRECTED_REQUEST,
        Rejection::Origin => StatusCode::FORBIDDEN,
    };
    html(status, &page::stranger())
}

/// What the listener itself refuses, as a page.
pub(super) fn refusal(fault: &Fault) -> Response<ResponseBody> {
    html(StatusCode::BAD_REQUEST, &page::refused(&fault.message))
}

fn see_other(path: &str) -> Response<ResponseBody> {
    let mut response = html(StatusCode::SEE_OTHER, &page::nothing());
    response.headers_mut().insert(
        LOCATION,
        HeaderValue::try_from(path).expect("hexadecimal digits and slashes"),
    );
    response
}

fn html(status: StatusCode, page: &Markup) -> Response<ResponseBody> {
    typed(status, "text/html; charset=utf-8", page.0.clone())
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
        let place_of = |method: &str, path: &str| {
            let head = Request::builder()
                .method(method)
                .uri(path)
                .body(())
                .unwrap()
                .into_parts()
                .0;
            place(&head, "abc").is_some()
        };
        assert!(
            place_of("GET", "/abc/")
                && place_of("GET", "/abc/enter?link=x")
                && place_of("POST", "/abc/start")
        );
        for path in ["/", "/abc", "/abd/", "/enter?link=x", "//abc/"] {
            assert!(!place_of("GET", path), "{path}");
        }
        assert!(!place_of("DELETE", "/abc/"));
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
