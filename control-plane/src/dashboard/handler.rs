//! Answers the requests of browsers: who may have a page, where a path leads, and what a form does.

use std::sync::Arc;
use std::time::SystemTime;

use http::header::{ACCEPT_LANGUAGE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use jiff::tz::TimeZone;
use percent_encoding::percent_decode_str;

use super::context::{FORM_TOKEN, PageContext};
use super::form::{FailedForm, Fields};
use super::guard::{Rejection, admit, cookie};
use super::layout::{self, Page};
use super::pages::{self, Shown, Submitted};
use super::response::{html, see_other, typed};
use super::sessions::SessionWatch;
use super::texts::Texts;
use super::{Dashboard, leads_to, limits};
use crate::control::overview::Overview;
use crate::control::{ControlError, Fault};
use crate::language::Language;
use crate::listener::{AuthenticatedPeer, ResponseBody, collect};
use crate::modes::LanguageChoice;

const COOKIE: &str = "aerostat";

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
const ICON: &str = include_str!("../../../icons/app.svg");

/// A browser at this dashboard, with its session.
struct Visit<'v> {
    dashboard: &'v Dashboard,
    head: &'v Parts,
    segment: String,
    session: &'v str,
    text: Texts,
}

pub(super) async fn answer(
    dashboard: &Dashboard,
    request: Request<Incoming>,
) -> Response<ResponseBody> {
    let (head, incoming) = request.into_parts();
    let text = Texts(language(dashboard, &head.headers));
    if let Err(rejection) = admit(&head, &dashboard.origin()) {
        return rejected(rejection, text);
    }
    let segment = dashboard.sessions().segment().to_owned();
    let path = path(&head, &segment);
    if let (Some("enter"), &Method::GET) = (path, &head.method) {
        return enter(dashboard, &head, &segment, text);
    }
    let session = cookie(&head.headers, COOKIE)
        .filter(|session| dashboard.sessions().renew(session, SystemTime::now()));
    let (Some(session), Some(path)) = (session, path) else {
        return without_session(path, &segment, text);
    };
    let visit = Visit {
        dashboard,
        head: &head,
        segment: segment.clone(),
        session,
        text,
    };
    let mut response = match head.method {
        Method::GET | Method::HEAD => visit.show(path).await,
        Method::POST => match collect(incoming, &head.headers, &limits()).await {
            Ok(body) => visit.submit(path, &Fields::parse(body.whole())).await,
            Err(fault) => refusal(&fault, text),
        },
        _ => html(StatusCode::NOT_FOUND, &layout::not_found(text, &segment)),
    };
    response.extensions_mut().insert(AuthenticatedPeer);
    response
}

/// The language that the settings name, or else the browser.
fn language(dashboard: &Dashboard, headers: &HeaderMap) -> Language {
    match dashboard.service.config().dashboard.language {
        LanguageChoice::English => Language::English,
        LanguageChoice::German => Language::German,
        LanguageChoice::Auto => {
            let accepted = headers.get(ACCEPT_LANGUAGE);
            let accepted = accepted.and_then(|value| value.to_str().ok());
            Language::accepted(accepted.unwrap_or_default())
        }
    }
}

/// What follows the segment. `None` where the path does not begin with it.
fn path<'p>(head: &'p Parts, segment: &str) -> Option<&'p str> {
    let path = head.uri.path().strip_prefix('/')?;
    path.strip_prefix(segment)?.strip_prefix('/')
}

/// The page for browsers without a session has a style too.
fn without_session(path: Option<&str>, segment: &str, text: Texts) -> Response<ResponseBody> {
    match path {
        Some("style.css") => style(),
        _ => {
            let known = path.map(|_| segment);
            html(StatusCode::FORBIDDEN, &layout::no_session(text, known))
        }
    }
}

fn style() -> Response<ResponseBody> {
    typed(StatusCode::OK, "text/css; charset=utf-8", STYLE)
}

/// A file that every page asks for.
fn asset(path: &str) -> Option<Response<ResponseBody>> {
    let ok = StatusCode::OK;
    Some(match path {
        "style.css" => style(),
        "script.js" => typed(ok, "text/javascript; charset=utf-8", SCRIPT),
        "icon.svg" => typed(ok, "image/svg+xml", ICON),
        _ => return None,
    })
}

/// Redeems a link for a session. The page opens the next one by itself: a redirect by status would
/// still count as coming from the local file, and the browser would withhold the cookie.
fn enter(
    dashboard: &Dashboard,
    head: &Parts,
    segment: &str,
    text: Texts,
) -> Response<ResponseBody> {
    let query = Fields::parse(head.uri.query().unwrap_or_default().as_bytes());
    let token = query.get("link");
    let Some(session) = dashboard.sessions().redeem(token, SystemTime::now()) else {
        let page = layout::no_session(text, Some(segment));
        return html(StatusCode::FORBIDDEN, &page);
    };
    dashboard.remove_link_files(|file| leads_to(file, token));
    let page = query.given("page").and_then(pages::place).unwrap_or("");
    let first_page = layout::redirect_to(&format!("/{segment}/{page}"));
    let mut response = html(StatusCode::OK, &first_page);
    set_cookie(&mut response, &session, segment, "");
    response
}

fn set_cookie(response: &mut Response<ResponseBody>, value: &str, segment: &str, more: &str) {
    let cookie = format!("{COOKIE}={value}; Path=/{segment}/; HttpOnly; SameSite=Strict{more}");
    response.headers_mut().insert(
        SET_COOKIE,
        HeaderValue::try_from(cookie).expect("hexadecimal digits"),
    );
}

impl Visit<'_> {
    fn context(&self) -> PageContext {
        let dashboard = self.dashboard;
        PageContext {
            service: Arc::clone(&dashboard.service),
            text: self.text,
            theme: dashboard.service.config().dashboard.theme,
            zone: TimeZone::system(),
            now: SystemTime::now(),
            query: Fields::parse(self.head.uri.query().unwrap_or_default().as_bytes()),
            root: root(path(self.head, &self.segment).unwrap_or_default()),
            form_token: dashboard.sessions().form_token(self.session),
            tray_note: dashboard.tray_note,
            last_figures: Arc::clone(&dashboard.last_figures),
        }
    }

    async fn show(&self, path: &str) -> Response<ResponseBody> {
        if let Some(asset) = asset(path) {
            return asset;
        }
        if path == "live" {
            return self.live();
        }
        let segments = segments(path);
        self.page(&segments, None).await
    }

    /// A stream of what is recorded from now on, or since the event that the browser got last.
    fn live(&self) -> Response<ResponseBody> {
        let dashboard = self.dashboard;
        let Some(session) = SessionWatch::new(&dashboard.sessions, self.session) else {
            return without_session(None, &self.segment, self.text);
        };
        let last = self.head.headers.get("last-event-id");
        let last = last.and_then(|id| id.to_str().ok()?.trim().parse().ok());
        pages::open_live(&self.context(), &dashboard.live, last, session)
    }

    async fn page(
        &self,
        path: &[String],
        failed: Option<&FailedForm<'_>>,
    ) -> Response<ResponseBody> {
        let context = self.context();
        let overview = context.service.overview(context.now);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        match Box::pin(pages::show(&context, &overview, &path, failed)).await {
            Some(Shown::Page(page)) => whole(&context, &overview, &page),
            Some(Shown::Response(response)) => response,
            None => html(
                StatusCode::NOT_FOUND,
                &layout::not_found(self.text, &self.segment),
            ),
        }
    }

    /// Carries out a form, and shows its page with the error if that fails.
    async fn submit(&self, path: &str, fields: &Fields) -> Response<ResponseBody> {
        let token = fields.get(FORM_TOKEN);
        if !self.dashboard.sessions().is_form_token(self.session, token) {
            let page = layout::error(self.text, Some(&self.segment), self.text.form_is_stale());
            return html(StatusCode::FORBIDDEN, &page);
        }
        if path == "sign-out" {
            return self.sign_out();
        }
        let segments = segments(path);
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let context = self.context();
        match Box::pin(pages::submit(&context, &path, fields)).await {
            None => html(
                StatusCode::NOT_FOUND,
                &layout::not_found(self.text, &self.segment),
            ),
            Some(Submitted::Done(next)) => see_other(&format!("/{}/{next}", self.segment)),
            Some(Submitted::Page(page)) => {
                let overview = context.service.overview(SystemTime::now());
                whole(&context, &overview, &page)
            }
            Some(Submitted::Failed(error)) => self.failed(&path, fields, &error).await,
        }
    }

    async fn failed(
        &self,
        path: &[&str],
        fields: &Fields,
        error: &ControlError,
    ) -> Response<ResponseBody> {
        let failed = FailedForm {
            name: path.last().copied().unwrap_or_default(),
            fields,
            error,
        };
        let page = pages::page_of_form(path);
        let page: Vec<String> = page.iter().map(|segment| (*segment).to_owned()).collect();
        self.page(&page, Some(&failed)).await
    }

    /// Ends the session, here and in the browser.
    fn sign_out(&self) -> Response<ResponseBody> {
        self.dashboard.sessions().end(self.session);
        let mut response = html(
            StatusCode::OK,
            &layout::signed_out(self.text, &self.segment),
        );
        set_cookie(&mut response, "", &self.segment, "; Max-Age=0");
        response
    }
}

/// A page in its frame.
fn whole(context: &PageContext, overview: &Overview, page: &Page) -> Response<ResponseBody> {
    let status = match (page.is_failed, page.is_missing) {
        (_, true) => StatusCode::NOT_FOUND,
        (true, _) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::OK,
    };
    html(status, &layout::document(context, overview, page))
}

/// The way from a page to the first one.
fn root(path: &str) -> String {
    "../".repeat(path.matches('/').count())
}

/// The segments of a path, decoded.
fn segments(path: &str) -> Vec<String> {
    path.split('/')
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect()
}

fn rejected(rejection: Rejection, text: Texts) -> Response<ResponseBody> {
    let status = match rejection {
        Rejection::Host => StatusCode::MISDIRECTED_REQUEST,
        Rejection::Origin => StatusCode::FORBIDDEN,
    };
    html(status, &layout::no_session(text, None))
}

/// An error of the listener itself, as a page.
pub(super) fn refusal(fault: &Fault, text: Texts) -> Response<ResponseBody> {
    html(
        StatusCode::BAD_REQUEST,
        &layout::error(text, None, &fault.message),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_without_the_segment_leads_nowhere() {
        let path_of = |uri: &str| {
            let head = Request::builder().uri(uri).body(()).unwrap().into_parts().0;
            path(&head, "abc").map(str::to_owned)
        };
        assert_eq!(path_of("/abc/").as_deref(), Some(""));
        assert_eq!(path_of("/abc/enter?link=x").as_deref(), Some("enter"));
        for uri in ["/", "/abc", "/abd/", "/enter?link=x", "//abc/"] {
            assert_eq!(path_of(uri), None, "{uri}");
        }
    }

    #[test]
    fn links_lead_from_a_page_to_the_first_one() {
        assert_eq!(root(""), "");
        assert_eq!(root("accounts"), "");
        assert_eq!(root("accounts/a%2Fb"), "../");
        assert_eq!(root("accounts/a/set"), "../../");
    }

    #[test]
    fn names_in_paths_are_decoded_after_they_are_split() {
        assert_eq!(segments("accounts/a%2Fb%20c"), ["accounts", "a/b c"]);
    }
}
