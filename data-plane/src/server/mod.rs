//! The API listener: who may come in, where a path leads, what an error looks like.
//!
//! It has no administration: nothing here changes a setting or shows an account.

mod auth;
mod errors;
mod ollama_face;
mod request_id;
mod routes;

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, UPGRADE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, Span, debug, debug_span, field};

pub use auth::Keys;
pub use ollama_face::OllamaFace;

use crate::canon::{Fault, FaultKind};
use crate::client_keys::{ClientKey, Permit};
use crate::gateway::{ClientRequest, Gateway, GatewayBody, RefusedRequest, Relay, SurfaceCall};
use crate::listener::guard::{self, Admitted, BodyRule, Policy};
use crate::listener::{ClientStream, Handler, ListenerLimits, ResponseBody, begin_upload, collect};
use crate::modes::AuthMode;
use crate::protocol::{Notice, Operation};
use crate::segmented_bytes::SegmentedBytes;
use routes::{Route, RouteMatch};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-aerostat-request-id");

/// Who may come in, and by which limits; replaced as a whole when the configuration changes.
pub struct ServerConfig {
    pub policy: Policy,
    pub auth: AuthMode,
    pub keys: Keys,
    pub limits: ListenerLimits,
    /// `http://127.0.0.1:8045`: named in the error for a path that does not exist.
    pub base_url: String,
}

/// The API of the port.
pub struct Server {
    config: ArcSwap<ServerConfig>,
    gateway: Arc<Gateway>,
    /// Cancelled when the responses in flight must end, and replaced for later requests.
    shutdown: ArcSwap<CancellationToken>,
}

/// One request while it is served.
struct RequestScope<'s> {
    config: &'s ServerConfig,
    request_id: String,
    head: Parts,
    matched: RouteMatch,
    arrived: Instant,
    /// The name of the key that the client used.
    key: Option<Arc<str>>,
    /// The same key, where it was made for clients and may have limits.
    client: Option<Arc<ClientKey>>,
    /// The id of the request that this one sends again.
    repeats: Option<Box<str>>,
    /// What `AEROSTAT_LOG=debug` follows the request by; disabled at the default level.
    span: Span,
}

impl Server {
    pub fn new(config: ServerConfig, gateway: Arc<Gateway>) -> Self {
        Self {
            config: ArcSwap::from_pointee(config),
            gateway,
            shutdown: ArcSwap::default(),
        }
    }

    /// Judges later requests by `config`.
    pub fn replace(&self, config: ServerConfig) {
        self.config.store(Arc::new(config));
    }

    /// Ends the responses in flight with an error in their dialects. Later requests are served as
    /// before.
    pub fn abort_in_flight(&self) {
        let token = self.shutdown.swap(Arc::default());
        token.cancel();
    }

    async fn respond(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let config = self.config.load_full();
        let (head, incoming) = request.into_parts();
        let mut scope = RequestScope::new(&config, head);
        let span = scope.span.clone();
        let response = self.admit(&mut scope, incoming).instrument(span).await;
        debug!(
            parent: &scope.span,
            status = response.status().as_u16(),
            "response head ready"
        );
        response
    }

    /// Applies the listener's guard, and answers preflights.
    async fn admit(
        &self,
        scope: &mut RequestScope<'_>,
        incoming: Incoming,
    ) -> Response<ResponseBody> {
        debug!(
            method = scope.head.method.as_str(),
            path = scope.head.uri.path(),
            "request accepted"
        );
        let admitted = match guard::admit_body(&scope.config.policy, &scope.head, scope.body_rule())
        {
            Ok(admitted) => admitted,
            Err(fault) => {
                let fault = scope.path_fault(fault);
                return scope.finish(scope.error_response(&fault), None);
            }
        };
        if let Some(preflight) = guard::preflight(&admitted, &scope.head) {
            return scope.finish(preflight.map(|()| ResponseBody::empty()), None);
        }
        let response = self.serve(scope, incoming).await;
        scope.finish(response, Some(&admitted))
    }

    async fn serve(
        &self,
        scope: &mut RequestScope<'_>,
        incoming: Incoming,
    ) -> Response<ResponseBody> {
        if let Err(fault) = scope.authorize() {
            return self.refuse_request(scope, &fault);
        }
        match &scope.matched.route {
            Route::Root => {
                self.gateway.count_health_check();
                Response::new(ResponseBody::empty())
            }
            Route::Health => self.health(),
            Route::Notice(Notice::Answer(body)) => self.local(Bytes::from_static(body.as_bytes())),
            Route::Notice(Notice::Refusal(why)) => {
                self.refuse_request(scope, &errors::not_served(why))
            }
            Route::NotFound => self.refuse_request(scope, &scope.no_such_path()),
            _ if scope.wants_websocket() => self.refuse_request(scope, &errors::upgrade_refused()),
            Route::MethodNotAllowed(methods) => self.refuse_method(scope, methods),
            Route::Operation { operation, model } => {
                let (operation, model) = (*operation, model.clone());
                self.call_gateway(scope, operation, model, incoming).await
            }
            Route::Surface(found) => {
                let call = SurfaceCall::new(found.row, found.captured.clone(), found.path.clone());
                self.pass_to_gateway(scope, call, incoming).await
            }
        }
    }

    /// How many accounts could serve now. Without a key, so it names no account and no provider.
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
        self.local(body)
    }

    /// JSON that is said without a record, as often as clients ask for it.
    fn local(&self, body: Bytes) -> Response<ResponseBody> {
        self.gateway.count_health_check();
        let mut response = Response::new(ResponseBody::from(body));
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }

    async fn call_gateway(
        &self,
        scope: &mut RequestScope<'_>,
        operation: Operation,
        model: Option<String>,
        incoming: Incoming,
    ) -> Response<ResponseBody> {
        let permit = match scope.admit(operation) {
            Ok(permit) => permit,
            Err(fault) => return self.refuse_request(scope, &fault),
        };
        let body = match collect(incoming, &scope.head.headers, &scope.config.limits).await {
            Ok(body) => body,
            Err(fault) => return self.refuse_request(scope, &fault),
        };
        self.ask_gateway(scope, operation, model, body, permit)
            .await
    }

    /// Has a request answered whose path passes as it is: its body is not read to its end here.
    async fn pass_to_gateway(
        &self,
        scope: &mut RequestScope<'_>,
        call: SurfaceCall,
        incoming: Incoming,
    ) -> Response<ResponseBody> {
        let operation = Operation::Surface(call.about());
        let permit = match scope.admit(operation) {
            Ok(permit) => permit,
            Err(fault) => return self.refuse_request(scope, &fault),
        };
        // What a key for some models asks for is looked through whole.
        let is_read_whole = permit.as_ref().is_some_and(|permit| permit.has_models());
        let limits = &scope.config.limits;
        let body = match begin_upload(incoming, is_read_whole, limits).await {
            Ok(body) => body,
            Err(fault) => return self.refuse_request(scope, &fault),
        };
        self.ask_surface(scope, call, body, permit).await
    }

    async fn ask_surface(
        &self,
        scope: &mut RequestScope<'_>,
        call: SurfaceCall,
        body: SegmentedBytes,
        permit: Option<Arc<Permit>>,
    ) -> Response<ResponseBody> {
        let shutdown = CancellationToken::clone(&self.shutdown.load());
        let operation = Operation::Surface(call.about());
        let mut request = scope.client_request(operation, None, body, shutdown, permit);
        let own = scope.matched.protocol.descriptor();
        let query = own.query_parameters.with(&own.surface.query);
        request.query = query.known(scope.head.uri.query());
        request.surface = Some(Box::new(call));
        self.answer(scope, request).await
    }

    async fn ask_gateway(
        &self,
        scope: &mut RequestScope<'_>,
        operation: Operation,
        model: Option<String>,
        body: SegmentedBytes,
        permit: Option<Arc<Permit>>,
    ) -> Response<ResponseBody> {
        let shutdown = CancellationToken::clone(&self.shutdown.load());
        let request = scope.client_request(operation, model, body, shutdown, permit);
        self.answer(scope, request).await
    }

    async fn answer(
        &self,
        scope: &RequestScope<'_>,
        request: ClientRequest,
    ) -> Response<ResponseBody> {
        // Boxed: hyper keeps the room of a handler's future as long as the connection, and this one
        // ends with the response's head.
        match Box::pin(self.gateway.handle(request)).await {
            Ok(response) => response.map(|body| match body {
                GatewayBody::Full(bytes) => ResponseBody::from(bytes),
                GatewayBody::Stream(relay) => {
                    let waiting = relay.waiting();
                    ResponseBody::stream(Box::into_pin(relay)).holding(waiting)
                }
            }),
            Err(error) => {
                let mut response = scope.rendered(&error.fault);
                if let Some(status) = error.status {
                    *response.status_mut() = status;
                }
                error.finish(&mut response);
                response.map(ResponseBody::from)
            }
        }
    }
}

impl Server {
    /// Serves a recorded request again, as its owner asks and not as a client: without a key, and
    /// past the guard. Its record names the first. Returns its id too.
    pub async fn resend(
        &self,
        request: Request<Bytes>,
        first: &str,
    ) -> (String, Response<ResponseBody>) {
        let config = self.config.load_full();
        let (head, body) = request.into_parts();
        let mut scope = RequestScope::new(&config, head);
        scope.repeats = Some(first.into());
        let response = match &scope.matched.route {
            Route::Operation { operation, model } => {
                let (operation, model) = (*operation, model.clone());
                self.ask_gateway(&mut scope, operation, model, body.into(), None)
                    .await
            }
            Route::Surface(found) => {
                let call = SurfaceCall::new(found.row, found.captured.clone(), found.path.clone());
                self.ask_surface(&mut scope, call, body.into(), None).await
            }
            _ => self.refuse_request(&scope, &scope.no_such_path()),
        };
        (scope.request_id, response)
    }
}

impl ClientStream for Relay {
    fn on_unread(self: Pin<&mut Self>, limit: Duration) {
        Self::on_unread(self.get_mut(), limit);
    }
}

impl Server {
    /// Refuses a request that passed the guard, and records it.
    fn refuse_request(&self, scope: &RequestScope<'_>, fault: &Fault) -> Response<ResponseBody> {
        let response = scope.rendered(fault);
        let path_model = match &scope.matched.route {
            Route::Operation { model, .. } => model.as_deref(),
            _ => None,
        };
        let refused = RefusedRequest {
            request_id: &scope.request_id,
            protocol: scope.matched.protocol,
            operation: scope.matched.operation(),
            path_model,
            method: &scope.head.method,
            uri: &scope.head.uri,
            headers: &scope.head.headers,
            key: scope.key.clone(),
            received_at: SystemTime::now(),
            arrived: scope.arrived,
        };
        self.gateway.record_refused(&refused, fault, &response);
        response.map(ResponseBody::from)
    }

    fn refuse_method(
        &self,
        scope: &RequestScope<'_>,
        methods: &[Method],
    ) -> Response<ResponseBody> {
        let allowed: Vec<&str> = methods.iter().map(Method::as_str).collect();
        let allowed = allowed.join(", ");
        let refusal = scope.matched.refusal(&scope.head);
        let fault = errors::no_such_method(
            refusal,
            &scope.head.method,
            scope.head.uri.path(),
            &allowed,
            scope.matched.protocol,
            &scope.config.base_url,
        );
        let mut response = self.refuse_request(scope, &fault);
        if let Ok(allowed) = HeaderValue::from_str(&allowed) {
            response.headers_mut().insert(ALLOW, allowed);
        }
        response
    }
}

impl Handler for Server {
    fn handle(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<ResponseBody>> + Send {
        self.respond(request)
    }

    fn refuse(&self, head: &Parts, fault: &Fault) -> Response<ResponseBody> {
        let config = self.config.load_full();
        let scope = RequestScope::new(&config, head.clone());
        match guard::admit_body(&config.policy, head, scope.body_rule()) {
            Ok(admitted) => scope.finish(self.refuse_request(&scope, fault), Some(&admitted)),
            Err(foreign) => scope.finish(scope.error_response(&foreign), None),
        }
    }
}

impl<'s> RequestScope<'s> {
    fn new(config: &'s ServerConfig, head: Parts) -> Self {
        let matched = RouteMatch::of(&head);
        let request_id = request_id::generate();
        let span = debug_span!(
            "request",
            request_id,
            dialect = matched.protocol.dialect().name(),
            operation = matched.operation().map(Operation::name),
            model = field::Empty,
        );
        Self {
            config,
            request_id,
            head,
            matched,
            arrived: Instant::now(),
            key: None,
            client: None,
            repeats: None,
            span,
        }
    }

    /// Finds the client's key, where it needs one or sends one that is known. Claude Code asks
    /// `HEAD /` before anything else, and sends no key with it.
    ///
    /// # Errors
    /// When a key is needed and missing.
    fn authorize(&mut self) -> Result<(), Fault> {
        let needs_key = match (self.config.auth, &self.matched.route) {
            (AuthMode::Off, _) | (_, Route::Root) => false,
            (AuthMode::AllExceptHealth, route) => *route != Route::Health,
            (AuthMode::Strict, _) => true,
        };
        let is_probe = matches!(self.matched.route, Route::Root | Route::Health);
        let keys = &self.config.keys;
        if !needs_key && (is_probe || keys.is_empty()) {
            return Ok(());
        }
        match keys.accepted(&self.head.headers, self.head.uri.query()) {
            Some(key) => {
                self.key = Some(key.name.clone());
                self.client.clone_from(&key.client);
                Ok(())
            }
            None if needs_key => Err(errors::unauthorized(&self.head.headers)),
            None => Ok(()),
        }
    }

    /// Lets the request in by the limits of its key. Lists of models cost nothing, and count
    /// nothing.
    ///
    /// # Errors
    /// Which limit is reached.
    fn admit(&self, operation: Operation) -> Result<Option<Arc<Permit>>, Fault> {
        let Some(client) = &self.client else {
            return Ok(None);
        };
        let lists = match operation {
            Operation::ListModels | Operation::ShowModel => true,
            // Reading costs nothing.
            Operation::Surface(_) => matches!(self.head.method, Method::GET | Method::HEAD),
            _ => false,
        };
        client.admit(!lists, SystemTime::now())
    }

    /// Which bodies the guard lets in on the request's path.
    fn body_rule(&self) -> BodyRule {
        if self.matched.takes_files() {
            BodyRule::Any
        } else {
            BodyRule::Json
        }
    }

    /// Whether a WebSocket is asked for. Other upgrades (`h2c`, which Java's client offers) may be
    /// ignored.
    ///
    /// Source: RFC 9110 section 7.8.
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

    /// The request for the gateway. It takes the headers out of the scope's head.
    fn client_request(
        &mut self,
        operation: Operation,
        path_model: Option<String>,
        body: SegmentedBytes,
        shutdown: CancellationToken,
        permit: Option<Arc<Permit>>,
    ) -> ClientRequest {
        let parameters = &self.matched.protocol.descriptor().query_parameters;
        ClientRequest {
            request_id: self.request_id.clone(),
            method: self.head.method.clone(),
            uri: self.head.uri.clone(),
            protocol: self.matched.protocol,
            provider: self.matched.provider.take(),
            surface: None,
            operation,
            path_model,
            query: parameters.known(self.head.uri.query()),
            key: self.key.clone(),
            permit,
            query_key: auth::query_key_digest(self.head.uri.query()),
            repeats: self.repeats.take(),
            headers: std::mem::take(&mut self.head.headers),
            body,
            received_at: SystemTime::now(),
            arrived: self.arrived,
            shutdown,
            span: self.span.clone(),
        }
    }

    /// An error in the client's dialect.
    fn error_response(&self, fault: &Fault) -> Response<ResponseBody> {
        self.rendered(fault).map(ResponseBody::from)
    }

    fn rendered(&self, fault: &Fault) -> Response<Bytes> {
        debug!(parent: &self.span, fault = ?fault.kind, "error response");
        errors::respond(self.matched.protocol, fault, &self.request_id)
    }

    /// `fault` of the guard, unless it is about the body of a request to a path that is not served:
    /// an upload to `/v1/audio/transcriptions` gains nothing from being JSON.
    fn path_fault(&mut self, fault: Fault) -> Fault {
        let is_unknown = matches!(self.matched.route, Route::NotFound);
        let is_unknown = is_unknown && fault.kind == FaultKind::UnsupportedMediaType;
        if is_unknown && self.authorize().is_ok() {
            return self.no_such_path();
        }
        fault
    }

    fn no_such_path(&self) -> Fault {
        errors::no_such_path(
            self.head.uri.path(),
            self.matched.protocol,
            &self.config.base_url,
        )
    }

    /// Adds the headers that every response carries.
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
