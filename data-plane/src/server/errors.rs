//! The one place that renders faults as error responses. It decides nothing about them.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Response};

use crate::canon::{Blame, Fault, FaultKind};
use crate::host::printable;
use crate::protocol::Protocol;
use crate::record::connectable;

/// A fault in a dialect's own shape, with its true status and `Retry-After` in whole seconds.
pub(super) fn respond(protocol: &dyn Protocol, fault: &Fault, request_id: &str) -> Response<Bytes> {
    let (status, body) = protocol.encode_fault(fault, request_id);
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(after) = fault.retry_after {
        // Rounded up: a client that comes back too early is refused again.
        let seconds = after.as_millis().div_ceil(1000);
        headers.insert(
            RETRY_AFTER,
            HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)),
        );
    }
    response
}

/// The key of this port is missing or wrong. Where the program is one that can be set up from here,
/// says how.
pub(super) fn unauthorized(headers: &HeaderMap) -> Fault {
    let client = connectable(headers).unwrap_or("<name>");
    let message = format!(
        "gateway: the API key of this port is missing or wrong; `aerostat client connect {client}` sets the client up, and `aerostat key show` prints the key"
    );
    Fault::new(FaultKind::Unauthorized, Blame::Client, message).with_code("invalid_api_key")
}

/// No such path; what its dialect is served under, and expects as its base URL.
///
/// Of the paths that pass as they are, those with the same first word are named, and else their
/// first words.
pub(super) fn no_such_path(path: &str, protocol: &dyn Protocol, base_url: &str) -> Fault {
    let near = near_paths(path, protocol);
    let path = printable::escape(path);
    let dialect = protocol.dialect();
    let descriptor = protocol.descriptor();
    let served: Vec<String> = descriptor
        .routes
        .iter()
        .map(|route| format!("{} {}", route.method, descriptor.path(route)))
        .collect();
    let message = format!(
        "gateway: no such path: `{path}`; of {dialect}, this port serves {}{near}; {}",
        served.join(", "),
        base_url_hint(protocol, base_url)
    );
    Fault::new(FaultKind::NotFound, Blame::Client, message)
}

fn near_paths(path: &str, protocol: &dyn Protocol) -> String {
    let descriptor = protocol.descriptor();
    let rows = descriptor.surface.routes;
    let near: Vec<String> = rows
        .iter()
        .filter(|row| path.split(['/', ':']).any(|word| word == root(row.pattern)))
        .map(|row| format!("{} /{}{}", row.method, descriptor.version, row.pattern))
        .collect();
    if !near.is_empty() {
        return format!(", {}", near.join(", "));
    }
    let mut roots: Vec<&str> = rows.iter().map(|row| root(row.pattern)).collect();
    roots.dedup();
    match roots.is_empty() {
        true => String::new(),
        false => format!(", and what belongs to {}", roots.join(", ")),
    }
}

/// The first word of a pattern; of `/{model}:predict` that is `predict`.
fn root(pattern: &str) -> &str {
    let first = pattern.split('/').nth(1).unwrap_or_default();
    first.rsplit(':').next().unwrap_or(first)
}

/// The path has other methods; `refusal`: why the vendor's call is not passed on.
pub(super) fn no_such_method(
    refusal: Option<&str>,
    method: &Method,
    path: &str,
    allowed: &str,
    protocol: &dyn Protocol,
    base_url: &str,
) -> Fault {
    let path = printable::escape(path);
    if let Some(why) = refusal {
        let message = format!("gateway: `{method} {path}` {why}");
        return Fault::new(FaultKind::MethodNotAllowed, Blame::Client, message);
    }
    let message = format!(
        "gateway: `{path}` takes {allowed}, not {method}; {}",
        base_url_hint(protocol, base_url)
    );
    Fault::new(FaultKind::MethodNotAllowed, Blame::Client, message)
}

fn base_url_hint(protocol: &dyn Protocol, base_url: &str) -> String {
    let (dialect, suffix) = (protocol.dialect(), protocol.descriptor().base_url_suffix);
    format!("the base URL for {dialect} clients is {base_url}{suffix}")
}

/// A path that its dialect has, and that is not served for this reason.
pub(super) fn not_served(why: &str) -> Fault {
    Fault::new(
        FaultKind::NotImplemented,
        Blame::Client,
        format!("gateway: {why}"),
    )
}

/// A WebSocket was asked for.
pub(super) fn upgrade_refused() -> Fault {
    let message =
        "gateway: no WebSocket here; send a POST and read the answer as server-sent events";
    Fault::new(FaultKind::UpgradeRequired, Blame::Client, message)
}
