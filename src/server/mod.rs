//! The API listener: who may come in, where a path leads, what an error looks like.
//!
//! It has no administration: nothing here changes a setting or shows an account.

mod auth;
mod cut;
mod errors;
mod ids;
mod routes;

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwap;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use tokio::sync::Notify;
use tokio::time::Instant;

pub use auth::{AuthMode, Keys};

use crate::canon::Fault;
use crate::gateway::{AnswerBody, Call, Failed, Gateway};
use crate::listener::guard::{self, Admitted, Policy};
use crate::listener::{Handler, ListenerLimits, ResponseBody, collect};
use crate::protocol::Operation;
use crate::segmented_bytes::SegmentedBytes;
use cut::{Cut, Cuttable};
use routes::{Found, Place};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-aerostat-request-id");

/// What decides who may come in; replaced as a whole when the configuration changes.
pub struct ServerConfig {
    pub policy: Policy,
    pub auth: AuthMode,
    pub keys: Keys,
    pub limits: ListenerLimits,
    /// What is said to those who ask for a path that is not there: `http://127.0.0.1:8045`.
    pub base_url: String,
}

/// The API of the port.
pub struct Server {
    settings: ArcSwap<ServerConfig>,
    gateway: Arc<Gateway>,
    /// Told when the answers under way shall end.
    cut: Arc<Notify>,
}

/// One request as it comes in.
struct RequestScope<'s> {
    settings: &'s ServerConfig,
    request_id: String,
    head: Parts,
    place: Place,
    arrived: Instant,
}

impl Server {
    pub fn new(settings: ServerConfig, gateway: Arc<Gateway>) -> Self {
        Self {
            settings: ArcSwap::from_pointee(settings),
            gateway,
            cut: Arc::default(),
        }
    }

    /// Judges requests by other settings from the next on.
    pub fn replace(&self, settings: ServerConfig) {
        self.settings.store(Arc::new(settings));
    }

    /// Ends the answers under way with an error in their dialects. Requests that come later are
    /// served as ever.
    pub fn cut(&self) {
        self.cut.notify_waiters();
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let settings = self.settings.load_full();
        let (head, incoming) = request.into_parts();
        let mut visit = RequestScope::new(&settings, head);
        let admitted = match guard::admit(&settings.policy, &visit.head) {
            Ok(admitted) => admitted,
            Err(fault) => return visit.finish(visit.refuse(&fault), None),
        };
        match guard::preflight(&admitted, &visit.head) {
            Some(preflight) => visit.finish(preflight.map(|()| ResponseBody::empty()), None),
            None => {
                let response = self.serve(&mut visit, incoming).await;
                visit.finish(response, Some(&admitted))
            }
        }
    }

    async fn serve(
        &self,
        visit: &mut RequestScope<'_>,
        incoming: Incoming,
    ) -> Response<ResponseBody> {
        if !visit.is_open() {
            return visit.refuse(&errors::unauthorized());
        }
        match &visit.place.found {
            Found::Root => Response::new(ResponseBody::empty()),
            Found::Health => self.health(),
            Found::Nothing => visit.refuse(&visit.no_such_path()),
            _ if visit.wants_websocket() => visit.refuse(&errors::upgrade_refused()),
            Found::OtherMethod(methods) => visit.other_method(methods),
            Found::Route { operation, model } => {
                let (operation, model) = (*operation, model.clone());
                self.call(visit, operation, model, incoming).await
            }
        }
    }

    /// Whether the gateway serves, and how many accounts could serve now. No names, no secrets.
    fn health(&self) -> Response<ResponseBody> {
        let accounts = self.gateway.accounts_ready();
        let body = crate::json::document(|value| {
            value.object(|object| {
                object.str("status", "ok");
                object.str("name", "aerostat");
                object.str("version", env!("CARGO_PKG_VERSION"));
                object.u64("accounts_ready", accounts as u64);
            });
        });
        let mut response = Response::new(ResponseBody::from(body));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    async fn call(
        &self,
        visit: &mut RequestScope<'_>,
        operation: Operation,
        model: Option<String>,
        incoming: Incoming,
    ) -> Response<ResponseBody> {
        let body = match collect(incoming, &visit.head.headers, &visit.settings.limits).await {
            Ok(body) => body,
            Err(fault) => return visit.refuse(&fault),
        };
        let mut cut = Cut::new(&self.cut);
        let call = Box::pin(self.gateway.handle(visit.call(operation, model, body)));
        match cut.or(call).await {
            Ok(answer) => answer.map(|body| deliver(body, cut)),
            Err(failed) => {
                let Failed { fault, headers } = *failed;
                let mut response = visit.refuse(&fault);
                response.headers_mut().extend(headers);
                response
            }
        }
    }
}

impl Handler for Server {
    fn handle(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<ResponseBody>> + Send {
        self.answer(request)
    }

    fn refuse(&self, head: &Parts, fault: &Fault) -> Response<ResponseBody> {
        let settings = self.settings.load_full();
        let visit = RequestScope::new(&settings, head.clone());
        match guard::admit(&settings.policy, head) {
            Ok(admitted) => visit.finish(visit.refuse(fault), Some(&admitted)),
            Err(foreign) => visit.finish(visit.refuse(&foreign), None),
        }
    }
}

impl<'s> RequestScope<'s> {
    fn new(settings: &'s ServerConfig, head: Parts) -> Self {
        let place = Place::of(&head);
        Self {
            settings,
            request_id: ids::next(),
            head,
            place,
            arrived: Instant::now(),
        }
    }

    /// Whether the request needs no key, or has it. Claude Code asks `HEAD /` before anything else,
    /// and sends no key with it.
    fn is_open(&self) -> bool {
        let is_free = match (self.settings.auth, &self.place.found) {
            (AuthMode::Off, _) | (_, Found::Root) => true,
            (AuthMode::AllExceptHealth, found) => *found == Found::Health,
            (AuthMode::Strict, _) => false,
        };
        is_free
            || self
                .settings
                .keys
                .open(&self.head.headers, self.head.uri.query())
    }

    /// Other upgrades (`h2c`, which Java's client offers) may be passed over, as RFC 9110 section
    /// 7.8 says.
    fn wants_websocket(&self) -> bool {
        let offers = self
            .head
            .headers
            .get_all(UPGRADE)
            .iter()
            .filter_map(|value| value.to_str().ok());
        offers
            .flat_map(|value| value.split(','))
            .any(|offer| offer.trim().eq_ignore_ascii_case("websocket"))
    }

    /// The call, which takes the request's headers along.
    fn call(
        &mut self,
        operation: Operation,
        path_model: Option<String>,
        body: SegmentedBytes,
    ) -> Call {
        Call {
            request_id: self.request_id.clone(),
            protocol: self.place.protocol,
            operation,
            path_model,
            query: auth::without_key(self.head.uri.query()),
            headers: std::mem::take(&mut self.head.headers),
            body,
            received_at: SystemTime::now(),
            arrived: self.arrived,
        }
    }

    /// An error in the dialect's shape.
    fn refuse(&self, fault: &Fault) -> Response<ResponseBody> {
        errors::respond(self.place.protocol, fault, &self.request_id).map(ResponseBody::from)
    }

    fn no_such_path(&self) -> Fault {
        errors::no_such_path(
            self.head.uri.path(),
            self.place.protocol,
            &self.settings.base_url,
        )
    }

    fn other_method(&self, methods: &[Method]) -> Response<ResponseBody> {
        let allowed = methods
            .iter()
            .map(Method::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let (path, base_url) = (self.head.uri.path(), &self.settings.base_url);
        let fault = errors::no_such_method(
            &self.head.method,
            path,
            &allowed,
            self.place.protocol,
            base_url,
        );
        let mut response = self.refuse(&fault);
        if let Ok(allowed) = HeaderValue::from_str(&allowed) {
            response.headers_mut().insert(ALLOW, allowed);
        }
        response
    }

    /// What every answer carries.
    fn finish(
        &self,
        mut response: Response<ResponseBody>,
        admitted: Option<&Admitted>,
    ) -> Response<ResponseBody> {
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        if let Some(admitted) = admitted {
            guard::cors_headers(admitted, response.headers_mut());
        }
        response
    }
}

fn deliver(body: AnswerBody, cut: Cut) -> ResponseBody {
    match body {
        AnswerBody::Whole(bytes) => ResponseBody::from(bytes),
        AnswerBody::Stream(stream) => ResponseBody::stream(Cuttable::new(stream, cut)),
    }
}
