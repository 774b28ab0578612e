//! Who may ask at all: what a browser says about itself, checked before anything else on every
//! path.
//!
//! A page from anywhere can make a browser send requests to this machine, and a name that is
//! rebound to 127.0.0.1 makes them look local. Browsers always tell the name in `Host` and the page
//! in `Origin` or `Sec-Fetch-Site`, and pages cannot forge these. Pure. It checks no key, and
//! trusts no header that a proxy may have added.

use http::header::{self, AsHeaderName, HeaderName};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::host::{Authority, Host};
use crate::canon::{Blame, Fault, FaultKind};
use crate::host::printable;

/// Schemes of pages that only an installed program can show: no web site can have such an origin.
///
/// The same ones that Ollama allows, without `file`, whose origin is `null` like that of any
/// sandboxed page.
const EDITOR_SCHEMES: [&str; 4] = ["app", "tauri", "vscode-file", "vscode-webview"];

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const REQUEST_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-allow-private-network");
const ALLOWED_METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST");
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("600");

/// What counts as asking for this gateway, besides loopback.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Names (`gateway.lan`, or `gateway.lan:8045` for this port only) that `Host` may carry.
    pub allowed_hosts: Vec<String>,
    /// Origins of pages that may ask, each as browsers send it: `https://chat.example.com`.
    pub cors_origins: Vec<String>,
    /// Whether the LAN may ask: then `Host` may carry any address and this machine's names.
    pub lan: bool,
    /// This machine's names, each also meant with `.local`.
    pub machine_names: Vec<String>,
}

/// A request that may come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The page that may read the answer. `None` when no page asks.
    pub origin: Option<HeaderValue>,
}

/// Says whether a request may come in.
///
/// # Errors
/// `BadRequest` for a host that is missing, doubled or malformed, `Misdirected` for a foreign one,
/// `Forbidden` for a foreign page, `UnsupportedMediaType` for a POST that is not JSON: those are
/// what pages can send without asking first.
pub fn admit(policy: &Policy, head: &Parts) -> Result<Admitted, Fault> {
    check_host(policy, head)?;
    let origin = allowed_origin(policy, &head.headers)?;
    if origin.is_none() && is_cross_site(&head.headers) {
        return Err(forbidden(
            "a web page of another site may not ask this gateway; to allow it, add its origin to `cors_origins`",
        ));
    }
    check_is_json(head)?;
    Ok(Admitted { origin })
}

/// The answer to a browser that asks whether an allowed page may send a request. `None` when this
/// is no such question.
pub fn preflight(admitted: &Admitted, head: &Parts) -> Option<Response<()>> {
    let origin = admitted.origin.as_ref()?;
    let asks = head.method == Method::OPTIONS
        && head
            .headers
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    asks.then(|| preflight_answer(origin, &head.headers))
}

/// Lets the page that asked read the answer, with all the headers that `headers` holds by now.
pub fn cors_headers(admitted: &Admitted, headers: &mut HeaderMap) {
    let exposed = admitted.origin.as_ref().map(|_| names(headers));
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    let Some(origin) = &admitted.origin else {
        return;
    };
    if let Some(names) = exposed.flatten() {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
}

fn names(headers: &HeaderMap) -> Option<HeaderValue> {
    let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    HeaderValue::try_from(names.join(", ")).ok()
}

fn preflight_answer(origin: &HeaderValue, request: &HeaderMap) -> Response<()> {
    let mut answer = Response::new(());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS);
    if let Some(names) = requested_headers(request) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    if sole(request, REQUEST_PRIVATE_NETWORK).is_some_and(|value| value == "true") {
        headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    let asked = "origin, access-control-request-method, access-control-request-headers, access-control-request-private-network";
    headers.insert(header::VARY, HeaderValue::from_static(asked));
    answer
}

/// The headers that a page wants to send: the valid names of the list.
fn requested_headers(request: &HeaderMap) -> Option<HeaderValue> {
    let lists = request
        .get_all(header::ACCESS_CONTROL_REQUEST_HEADERS)
        .iter()
        .filter_map(|list| list.to_str().ok());
    let names: Vec<&str> = lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .filter(|name| HeaderName::try_from(*name).is_ok())
        .collect();
    let names = (!names.is_empty()).then(|| names.join(", "))?;
    HeaderValue::try_from(names).ok()
}

fn check_host(policy: &Policy, head: &Parts) -> Result<(), Fault> {
    let host = host_header(&head.headers)?;
    check_is_ours(policy, &host)?;
    let Some(target) = target_authority(head)? else {
        return Ok(());
    };
    check_is_ours(policy, &target)?;
    if target.host != host.host || port_of(&target, head) != port_of(&host, head) {
        return Err(Fault::bad_request(
            "expected the same host in `Host` and in the request target, found two",
        ));
    }
    Ok(())
}

/// The one `Host` header (RFC 9112 section 3.2), which HTTP/1.0 has to send too: without it there
/// is nothing to check.
fn host_header(headers: &HeaderMap) -> Result<Authority, Fault> {
    let mut values = headers.get_all(header::HOST).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Fault::bad_request("expected a `Host` header, found none")),
        (Some(value), None) => parse_authority(value.as_bytes(), "Host"),
        (Some(_), Some(_)) => Err(Fault::bad_request("expected one `Host` header, found more")),
    }
}

/// The authority of an absolute target (`GET http://localhost:8045/healthz`). `None` for a plain
/// path.
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
    text.and_then(Authority::parse).ok_or_else(|| {
        let found = quoted(value);
        Fault::bad_request(format!(
            "{place}: expected a host name or address with an optional port, found {found}"
        ))
    })
}

/// The port that is meant: `localhost` and `localhost:80` are the same place.
fn port_of(authority: &Authority, head: &Parts) -> u16 {
    let default = if head.uri.scheme_str() == Some("https") {
        443
    } else {
        80
    };
    authority.port.unwrap_or(default)
}

fn check_is_ours(policy: &Policy, authority: &Authority) -> Result<(), Fault> {
    if is_ours(policy, authority) {
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

/// With the LAN open any address is ours: a rebound page always comes with a name.
fn is_ours(policy: &Policy, authority: &Authority) -> bool {
    authority.host.is_loopback()
        || policy
            .allowed_hosts
            .iter()
            .any(|allowed| is_allowed(allowed, authority))
        || policy.lan && is_of_this_machine(policy, &authority.host)
}

fn is_allowed(allowed: &str, authority: &Authority) -> bool {
    Authority::parse(allowed).is_some_and(|allowed| {
        allowed.host == authority.host && (allowed.port.is_none() || allowed.port == authority.port)
    })
}

fn is_of_this_machine(policy: &Policy, host: &Host) -> bool {
    let Host::Name(name) = host else { return true };
    let label = name.strip_suffix(".local").unwrap_or(name);
    policy
        .machine_names
        .iter()
        .any(|own| own.eq_ignore_ascii_case(name) || own.eq_ignore_ascii_case(label))
}

/// The page that asks. `None` when none says so.
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
        "the web page {found} may not ask this gateway; to allow it, add its origin to `cors_origins`"
    )))
}

fn is_allowed_origin(policy: &Policy, origin: &str) -> bool {
    let is_listed = |listed: &String| listed.trim_end_matches('/').eq_ignore_ascii_case(origin);
    policy.cors_origins.iter().any(is_listed) || is_local_page(origin)
}

/// A page of a server on this machine, or of an installed program.
fn is_local_page(origin: &str) -> bool {
    match origin.split_once("://") {
        Some(("http" | "https", authority)) => {
            Authority::parse(authority).is_some_and(|authority| authority.host.is_loopback())
        }
        Some((scheme, rest)) => EDITOR_SCHEMES.contains(&scheme) && !rest.is_empty(),
        None => false,
    }
}

/// Whether a page of another site made the browser ask, as by an `<img>` or a link, which carry no
/// `Origin`.
///
/// `Sec-Fetch-Mode` says nothing here: Node's `fetch` sends it too.
fn is_cross_site(headers: &HeaderMap) -> bool {
    headers
        .get_all(SEC_FETCH_SITE)
        .iter()
        .any(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"))
}

/// Refuses a POST that a page could send without a preflight: JSON cannot be sent so.
fn check_is_json(head: &Parts) -> Result<(), Fault> {
    if head.method != Method::POST || !has_body(&head.headers) {
        return Ok(());
    }
    let mut types = head.headers.get_all(header::CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (Some(value), None) if is_json(value.as_bytes()) => Ok(()),
        (Some(value), None) => Err(not_json(&quoted(value.as_bytes()))),
        (Some(_), Some(_)) => Err(not_json("more than one")),
        // A page can leave the type out (a `Blob` without one), and then its browser says who asks.
        // Programs may.
        (None, _) if is_from_browser(&head.headers) => Err(not_json("none")),
        (None, _) => Ok(()),
    }
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
    let essence = content_type
        .split(|byte| *byte == b';')
        .next()
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

fn sole(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&HeaderValue> {
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

/// A header's value as a message may show it: the beginning, escaped.
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
