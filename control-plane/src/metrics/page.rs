//! The one page of the port: `/metrics`, for whom the guard admits, read only.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode, request};
use hyper::body::Incoming;

use super::{Metrics, Now, openmetrics};
use crate::canon::{Fault, FaultKind};
use crate::host::printable;
use crate::listener::guard::{Policy, admit};
use crate::listener::{Handler, ListenerLimits, ResponseBody};

const PATH: &str = "/metrics";

/// A few programs ask, now and then, and send nothing.
pub fn limits(serves_other_users: bool) -> ListenerLimits {
    ListenerLimits {
        request_body_bytes_max: 1 << 10,
        bodies_bytes_max: 1 << 20,
        header_bytes_max: 16 << 10,
        headers_max: 80,
        header_timeout: Duration::from_secs(5),
        body_idle_timeout: Duration::from_secs(5),
        unread_timeout: Duration::from_secs(60),
        connections_max: 64,
        requests_in_flight_max: 16,
        keep_alive_timeout: Duration::from_secs(300),
        evict_unauthenticated: true,
        serves_other_users,
    }
}

/// Reads what is not counted.
pub type ReadNow = Box<dyn Fn() -> Now + Send + Sync>;

/// What answers at the port of the metrics.
pub struct MetricsPage {
    metrics: Arc<Metrics>,
    read_now: ReadNow,
    policy: ArcSwap<Policy>,
}

impl MetricsPage {
    /// `policy` is the API port's.
    pub fn new(metrics: Arc<Metrics>, read_now: ReadNow, policy: Policy) -> Self {
        Self {
            metrics,
            read_now,
            policy: ArcSwap::from_pointee(policy),
        }
    }

    /// Judges later requests by `policy`.
    pub fn replace(&self, policy: Policy) {
        self.policy.store(Arc::new(policy));
    }

    fn answer(&self, head: &request::Parts) -> Response<ResponseBody> {
        if let Err(fault) = admit(&self.policy.load(), head) {
            return plain(status_of(&fault), &fault.message);
        }
        let is_reading = matches!(head.method, Method::GET | Method::HEAD);
        match head.uri.path() {
            PATH if is_reading => self.metrics(),
            PATH => {
                let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, "expected GET or HEAD");
                let allowed = HeaderValue::from_static("GET, HEAD");
                refused.headers_mut().insert(ALLOW, allowed);
                refused
            }
            _ => plain(
                StatusCode::NOT_FOUND,
                "there is /metrics here, and nothing else",
            ),
        }
    }

    fn metrics(&self) -> Response<ResponseBody> {
        let text = self.metrics.text(&(self.read_now)());
        typed(StatusCode::OK, openmetrics::CONTENT_TYPE, text)
    }
}

impl Handler for MetricsPage {
    async fn handle(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        self.answer(&request.into_parts().0)
    }

    fn refuse(&self, head: &request::Parts, fault: &Fault) -> Response<ResponseBody> {
        match admit(&self.policy.load(), head) {
            Ok(_) => plain(status_of(fault), &fault.message),
            Err(foreign) => plain(status_of(&foreign), &foreign.message),
        }
    }
}

fn status_of(fault: &Fault) -> StatusCode {
    match fault.kind {
        FaultKind::Misdirected => StatusCode::MISDIRECTED_REQUEST,
        FaultKind::Forbidden => StatusCode::FORBIDDEN,
        FaultKind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        FaultKind::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        FaultKind::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn plain(status: StatusCode, line: &str) -> Response<ResponseBody> {
    let line = format!("{}\n", printable::escape(line));
    typed(status, "text/plain; charset=utf-8", line)
}

fn typed(status: StatusCode, kind: &'static str, text: String) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}
