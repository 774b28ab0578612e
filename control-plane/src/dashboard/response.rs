//! Responses to browsers, each with the headers that keep other sites from using a page.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use maud::Markup;

use crate::host::printable;
use crate::listener::ResponseBody;

/// A page runs our own script alone, is in no frame, loads nothing from elsewhere, and is not
/// stored.
///
/// `same-origin` and not `no-referrer`: with the latter browsers send forms with the origin `null`.
const PROTECTION: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// Characters that steer or reorder text are escaped here, on every page, as in the terminal.
pub(super) fn html(status: StatusCode, page: &Markup) -> Response<ResponseBody> {
    let page = printable::escape_lines(&page.0).into_owned();
    typed(status, "text/html; charset=utf-8", page)
}

/// The browser asks for a page next, so that reloading it repeats no form.
pub(super) fn see_other(path: &str) -> Response<ResponseBody> {
    let mut response = typed(StatusCode::SEE_OTHER, "text/plain; charset=utf-8", "");
    let location = HeaderValue::try_from(path).expect("paths are percent-encoded");
    response.headers_mut().insert(LOCATION, location);
    response
}

pub(super) fn typed(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Bytes>,
) -> Response<ResponseBody> {
    with_body(status, kind, ResponseBody::from(body))
}

pub(super) fn with_body(
    status: StatusCode,
    kind: &'static str,
    body: ResponseBody,
) -> Response<ResponseBody> {
    let mut response = Response::new(body);
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
