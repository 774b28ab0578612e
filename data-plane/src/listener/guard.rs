//! Whether a request is admitted at all: what a browser says about itself, checked before anything
//! else on every path.
//!
//! Any web page can make a browser send requests to this machine:
//!
//! ```text
//!   attack                                         what gives it away
//!   fetch, form or <img> of a foreign page         Origin, Sec-Fetch-Site: cross-site
//!   DNS rebinding: evil.example -> 127.0.0.1       Host: evil.example
//!   simple POST (no preflight), e.g. text/plain    Content-Type is not JSON, and where a form is
//!                                                  taken: no header that needs a preflight
//! ```
//!
//! Browsers set these headers themselves and pages cannot forge them. Programs on this machine can,
//! but they could connect anyway. It does no IO, checks no key, and trusts no header that a proxy
//! may have added.

use http::header::{self, AsHeaderName, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use tracing::debug;

use super::host::{Authority, Host};
use crate::canon::{Blame, Fault, FaultKind};
use crate::host::printable;

/// Schemes of pages of installed programs. No web site can have such an origin.
///
/// These are the ones that Ollama allows, without `file`: its origin is `null`, like that of every
/// sandboxed page.
const EDITOR_SCHEMES: [&str; 4] = ["app", "tauri", "vscode-file", "vscode-webview"];

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const REQUEST_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE");

/// Headers that clients of uploads send and that no page sends without a preflight: the keys of
/// every dialect, and Gemini's commands.
///
/// Source: Fetch standard, "CORS-safelisted request-header", which lists none of these.
const PREFLIGHTED: [&str; 6] = [
    "authorization",
    "x-api-key",
    "x-goog-api-key",
    "x-goog-upload-command",
    "x-goog-upload-protocol",
    "api-key",
];
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("600");

/// Which hosts and origins are admitted, besides those of loopback.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Names that `Host` may carry: `gateway.lan`, or `gateway.lan:8045` for this port only.
    pub allowed_hosts: Vec<String>,
    /// Origins of pages that are admitted, as browsers send them: `https://chat.example.com`.
    pub cors_origins: Vec<String>,
    /// Whether the LAN is admitted: then `Host` may carry any address, and this machine's names.
    pub lan: bool,
    /// This machine's names; each also stands for itself with `.local`.
    pub machine_names: Vec<String>,
}

/// An admitted request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The origin of the page that may read the response. `None` if the request is not a page's.
    pub origin: Option<HeaderValue>,
}

/// Decides whether a request is admitted.
///
/// # Errors
/// `BadRequest` for a host that is missing, doubled or malformed, `Misdirected` for a foreign host,
/// `Forbidden` for a foreign page, `UnsupportedMediaType` for a POST that is not JSON, which a page
/// could send without a preflight.
pub fn admit(policy: &Policy, head: &Parts) -> Result<Admitted, Fault> {
    admit_body(policy, head, BodyRule::Json)
}

/// Which bodies a path takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyRule {
    Json,
    /// Also forms and bytes of any type.
    Any,
}

/// The same for a path that takes such bodies.
///
/// # Errors
/// As [`admit`]. With [`BodyRule::Any`] a body that a page could send without a preflight needs a
/// header that no page can.
pub fn admit_body(policy: &Policy, head: &Parts, rule: BodyRule) -> Result<Admitted, Fault> {
    check(policy, head, rule).inspect_err(|fault| {
        debug!(kind = ?fault.kind, reason = %fault.message, "request refused by the guard");
    })
}

fn check(policy: &Policy, head: &Parts, rule: BodyRule) -> Result<Admitted, Fault> {
    check_host(policy, head)?;
    let origin = allowed_origin(policy, &head.headers)?;
    if origin.is_none() && is_cross_site(&head.headers) {
        return Err(forbidden(
            "a web page of another site may not use this gateway; to allow it, add its origin to `cors_origins`",
        ));
    }
    match rule {
        BodyRule::Json => check_is_json(head)?,
        BodyRule::Any => check_is_no_pages(head)?,
    }
    Ok(Admitted { origin })
}

/// The response to a CORS preflight of an admitted page. `None` if the request is not a preflight.
pub fn preflight(admitted: &Admitted, head: &Parts) -> Option<Response<()>> {
    let origin = admitted.origin.as_ref()?;
    let is_preflight = head.method == Method::OPTIONS
        && head
            .headers
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    is_preflight.then(|| preflight_response(origin, &head.headers))
}

/// Lets the page of an admitted request read the response, with all the headers that `headers`
/// holds by now.
pub fn cors_headers(admitted: &Admitted, headers: &mut HeaderMap) {
    let Some(origin) = &admitted.origin else {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
        return;
    };
    // The list leaves out the headers that are added here.
    let exposed = header_names(headers);
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(names) = exposed {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
}

/// The names of all headers, as one list.
fn header_names(headers: &HeaderMap) -> Option<HeaderValue> {
    let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    HeaderValue::try_from(names.join(", ")).ok()
}

fn preflight_response(origin: &HeaderValue, request: &HeaderMap) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    if let Some(names) = requested_headers(request) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    let private_network = only_value(request, REQUEST_PRIVATE_NETWORK);
    if private_network.is_some_and(|value| value == "true") {
        headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    let vary = "origin, access-control-request-method, access-control-request-headers, access-control-request-private-network";
    headers.insert(header::VARY, HeaderValue::from_static(vary));
    response
}

/// The headers that a page asks to send: the valid names of the list.
fn requested_headers(request: &HeaderMap) -> Option<HeaderValue> {
    let mut names = Vec::new();
    for list in request.get_all(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        let list = list.to_str().unwrap_or_default();
        let valid = list
            .split(',')
            .map(str::trim)
            .filter(|name| HeaderName::try_from(*name).is_ok());
        names.extend(valid);
    }
    if names.is_empty() {
        return None;
    }
    HeaderValue::try_from(names.join(", ")).ok()
}

fn check_host(policy: &Policy, head: &Parts) -> Result<(), Fault> {
    let host = host_header(&head.headers)?;
    check_is_own(policy, &host)?;
    let Some(target) = target_authority(head)? else {
        return Ok(());
    };
    check_is_own(policy, &target)?;
    if target.host != host.host || port_of(&target, head) != port_of(&host, head) {
        return Err(Fault::bad_request(
            "expected the same host in `Host` and in the request target, found two",
        ));
    }
    Ok(())
}

/// The one `Host` header (RFC 9112 section 3.2). HTTP/1.0 has to send it too: without it there is
/// nothing to check.
fn host_header(headers: &HeaderMap) -> Result<Authority, Fault> {
    let mut values = headers.get_all(header::HOST).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Fault::bad_request("expected a `Host` header, found none")),
        (Some(value), None) => parse_authority(value.as_bytes(), "Host"),
        (Some(_), Some(_)) => Err(Fault::bad_request("expected one `Host` header, found more")),
    }
}

/// The authority of a request target in absolute form (`GET http://localhost:8045/healthz`). `None`
/// for a path alone.
fn target_authority(head: &Parts) -> Result<Option<Authority>, Fault> {
    let Some(authority) = head.uri.authority() else {
        return Ok(None);
    };
    let is_http = matches!(head.uri.scheme_str(), Some("http" | "https"));
    if !is_http && head.method != Method::CONNECT {
        return Err(Fault::bad_request(
            "expected a path or an http address as the request target",
        ));
    }
    parse_authority(authority.as_str().as_bytes(), "request target").map(Some)
}

fn parse_authority(value: &[u8], place: &str) -> Result<Authority, Fault> {
    let text = std::str::from_utf8(value).ok();
    if let Some(authority) = text.and_then(Authority::parse) {
        return Ok(authority);
    }
    let found = quoted(value);
    Err(Fault::bad_request(format!(
        "{place}: expected a host name or address with an optional port, found {found}"
    )))
}

/// The port, or its scheme's default: `localhost` and `localhost:80` are the same.
fn port_of(authority: &Authority, head: &Parts) -> u16 {
    let default = if head.uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    authority.port.unwrap_or(default)
}

fn check_is_own(policy: &Policy, authority: &Authority) -> Result<(), Fault> {
    if is_own(policy, authority) {
        return Ok(());
    }
    let host = &authority.host;
    let advice = match host {
        Host::Ip(_) => format!(
            "to serve this network set `allow_lan_access = true`, or add `{host}` to `allowed_hosts`"
        ),
        Host::Name(_) => format!("to allow this name add `{host}` to `allowed_hosts`"),
    };
    Err(client_fault(
        FaultKind::Misdirected,
        format!("`{host}` is not a name of this gateway; {advice}"),
    ))
}

/// Whether the host means this gateway.
///
/// With the LAN admitted every address does: a DNS rebinding always comes with a name.
fn is_own(policy: &Policy, authority: &Authority) -> bool {
    let is_listed = |listed: &String| is_covered_by(listed, authority);
    authority.host.is_loopback()
        || policy.allowed_hosts.iter().any(is_listed)
        || (policy.lan && is_this_machine(policy, &authority.host))
}

/// Whether an entry of `allowed_hosts` covers `authority`.
fn is_covered_by(listed: &str, authority: &Authority) -> bool {
    let Some(listed) = Authority::parse(listed) else {
        return false;
    };
    listed.host == authority.host && (listed.port.is_none() || listed.port == authority.port)
}

fn is_this_machine(policy: &Policy, host: &Host) -> bool {
    let Host::Name(name) = host else { return true };
    let label = name.strip_suffix(".local").unwrap_or(name);
    policy
        .machine_names
        .iter()
        .any(|own| own.eq_ignore_ascii_case(name) || own.eq_ignore_ascii_case(label))
}

/// The origin of the page that sent the request. `None` if there is no `Origin`.
fn allowed_origin(policy: &Policy, headers: &HeaderMap) -> Result<Option<HeaderValue>, Fault> {
    let mut values = headers.get_all(header::ORIGIN).iter();
    let Some(origin) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(forbidden("expected one `Origin` header, found more"));
    }
    if origin
        .to_str()
        .is_ok_and(|text| is_allowed_origin(policy, text))
    {
        return Ok(Some(origin.clone()));
    }
    let found = quoted(origin.as_bytes());
    Err(forbidden(format!(
        "the web page {found} may not use this gateway; to allow it, add its origin to `cors_origins`"
    )))
}

fn is_allowed_origin(policy: &Policy, origin: &str) -> bool {
    let is_listed = |listed: &String| listed.trim_end_matches('/').eq_ignore_ascii_case(origin);
    policy.cors_origins.iter().any(is_listed) || is_local_page(origin)
}

/// Whether the page comes from a server on this machine, or from an installed program.
fn is_local_page(origin: &str) -> bool {
    match origin.split_once("://") {
        Some(("http" | "https", authority)) => {
            Authority::parse(authority).is_some_and(|authority| authority.host.is_loopback())
        }
        Some((scheme, rest)) => EDITOR_SCHEMES.contains(&scheme) && !rest.is_empty(),
        None => false,
    }
}

/// Whether a page of another site caused the request. That also tells of an `<img>` or a link,
/// whose requests carry no `Origin`.
///
/// `Sec-Fetch-Mode` would tell nothing: Node's `fetch` sends it too.
fn is_cross_site(headers: &HeaderMap) -> bool {
    headers
        .get_all(SEC_FETCH_SITE)
        .iter()
        .any(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"))
}

/// Refuses a POST that a page could send without a preflight: one that is not JSON.
fn check_is_json(head: &Parts) -> Result<(), Fault> {
    if head.method != Method::POST || !has_body(&head.headers) {
        return Ok(());
    }
    let mut types = head.headers.get_all(header::CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (Some(value), None) if is_json(value.as_bytes()) => Ok(()),
        (Some(value), None) => Err(not_json(&quoted(value.as_bytes()))),
        (Some(_), Some(_)) => Err(not_json("more than one")),
        // A page can leave the type out by sending a `Blob` without one; its browser still adds
        // `Origin` or `Sec-Fetch-Site`. Programs may leave it out.
        (None, _) if is_from_browser(&head.headers) => Err(not_json("none")),
        (None, _) => Ok(()),
    }
}

/// Refuses a body that a page could send without a preflight, unless the request has a header that
/// no page sends without one. Other methods than POST need a preflight anyway.
fn check_is_no_pages(head: &Parts) -> Result<(), Fault> {
    if head.method != Method::POST || !has_body(&head.headers) {
        return Ok(());
    }
    let is_preflighted = PREFLIGHTED
        .iter()
        .any(|name| head.headers.contains_key(*name));
    let mut types = head.headers.get_all(header::CONTENT_TYPE).iter();
    let content_type = types.next().filter(|_| types.next().is_none());
    if is_preflighted || content_type.is_some_and(|value| !is_simple(value.as_bytes())) {
        return Ok(());
    }
    let message = "a form or a text needs a header that no web page can send by itself: send this port's key, or any word while it needs none; with curl add -H 'authorization: Bearer key'";
    Err(client_fault(FaultKind::UnsupportedMediaType, message))
}

/// Whether a page sends a body of this type without a preflight.
///
/// Source: Fetch standard, "CORS-safelisted request-header", `content-type`.
fn is_simple(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next();
    let essence = essence
        .unwrap_or_default()
        .trim_ascii()
        .to_ascii_lowercase();
    // What is no type may be taken for one of these.
    matches!(
        &essence[..],
        b"application/x-www-form-urlencoded" | b"multipart/form-data" | b"text/plain"
    ) || !essence.contains(&b'/')
}

fn has_body(headers: &HeaderMap) -> bool {
    let is_sized = headers
        .get(header::CONTENT_LENGTH)
        .is_some_and(|length| length != "0");
    is_sized || headers.contains_key(header::TRANSFER_ENCODING)
}

fn is_from_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN) || headers.contains_key(SEC_FETCH_SITE)
}

/// `application/json` or `application/*+json`, with any parameters.
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|byte| *byte == b';').next();
    let essence = essence
        .unwrap_or_default()
        .trim_ascii()
        .to_ascii_lowercase();
    let Some(subtype) = essence.strip_prefix(b"application/") else {
        return false;
    };
    let is_token = |name: &[u8]| {
        !name.is_empty()
            && name
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-.+_".contains(byte))
    };
    subtype == b"json" || subtype.strip_suffix(b"+json").is_some_and(is_token)
}

/// The value of a header that stands exactly once.
fn only_value(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

fn not_json(found: &str) -> Fault {
    let message = format!(
        "content-type: expected `application/json`, found {found}; with curl add -H 'content-type: application/json'"
    );
    client_fault(FaultKind::UnsupportedMediaType, message)
}

fn forbidden(message: impl Into<String>) -> Fault {
    client_fault(FaultKind::Forbidden, message)
}

fn client_fault(kind: FaultKind, message: impl Into<String>) -> Fault {
    Fault::new(kind, Blame::Client, message)
}

/// A header's value as a message may show it: its beginning, escaped.
fn quoted(value: &[u8]) -> String {
    const SHOWN_CHARS_MAX: usize = 100;
    let shown: String = String::from_utf8_lossy(value)
        .chars()
        .take(SHOWN_CHARS_MAX)
        .collect();
    format!("`{}`", printable::escape(&shown))
}

#[cfg(test)]
mod tests;
