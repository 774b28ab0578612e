//! The transport to upstreams: one request out, one head and a body back.
//!
//! Redirects are not followed (another host would get the credential), proxies are not asked, answers are not decompressed.
//! What a status means is the provider's business; whether to try again is the gateway's.

use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::outcome::Stage;

pub type BoxError = Box<dyn StdError + Send + Sync>;

/// After how much silence a connection with requests under way is asked whether it lives, and how long it may take to say so.
const ALIVE_AFTER: Duration = Duration::from_secs(30);
const ALIVE_WITHIN: Duration = Duration::from_secs(20);

/// How many connections to one host wait for the next request. After a burst the others would hold its memory on.
const IDLE_CONNECTIONS_MAX: usize = 100;

/// An upstream's answer as it arrives. Dropping it cancels the request.
pub type Body = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>;

/// Something that answers HTTP requests.
pub trait Upstream: Send + Sync {
    /// Sends a request with an absolute URI and waits for the head of its answer.
    ///
    /// Cancel safe: dropping the future ends the request.
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>>;
}

/// An upstream that gave no head.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    pub stage: Stage,
    /// One sentence for people: what could not be reached, and why.
    pub message: String,
}

type Plain = Client<HttpConnector, Full<Bytes>>;
type Tls = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Upstreams over the network: HTTP/1.1, and HTTP/2 where TLS negotiates it.
pub struct Network {
    plain: Plain,
    /// Made at the first use: reading the system's trust store costs more than the rest of the start.
    tls: OnceLock<Result<Tls, String>>,
    connect_timeout: Duration,
}

impl Network {
    pub fn new(connect_timeout: Duration) -> Self {
        let plain = client().build(connector(connect_timeout));
        Self { plain, tls: OnceLock::new(), connect_timeout }
    }

    async fn exchange(&self, request: http::Request<Bytes>) -> Result<http::Response<Body>, TransportError> {
        let authority = request.uri().authority().cloned();
        let request = request.map(Full::new);
        let answer = if request.uri().scheme() == Some(&http::uri::Scheme::HTTPS) {
            self.tls()?.request(request).await
        } else {
            self.plain.request(request).await
        };
        let answer = answer.map_err(|error| explain(&error, authority.as_ref().map_or("", |authority| authority.as_str())))?;
        Ok(answer.map(|body| -> Body { Box::pin(body.map_err(BoxError::from)) }))
    }

    fn tls(&self) -> Result<&Tls, TransportError> {
        let made = self.tls.get_or_init(|| tls_client(self.connect_timeout).map_err(|error| error.to_string()));
        made.as_ref().map_err(|error| TransportError {
            stage: Stage::Tls,
            message: format!("the system's certificates cannot be read ({error}); install the package `ca-certificates`"),
        })
    }
}

impl Upstream for Network {
    fn send(&self, request: http::Request<Bytes>) -> BoxFuture<'_, Result<http::Response<Body>, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

/// A connection that died while the machine slept is noticed by asking, not by waiting for an answer that never comes.
fn client() -> Builder {
    let mut client = Client::builder(TokioExecutor::new());
    client.timer(TokioTimer::new()).pool_timer(TokioTimer::new());
    client.pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    client.http2_keep_alive_interval(ALIVE_AFTER).http2_keep_alive_timeout(ALIVE_WITHIN);
    client
}

fn connector(connect_timeout: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(ALIVE_AFTER));
    connector.set_connect_timeout(Some(connect_timeout));
    connector
}

fn tls_client(connect_timeout: Duration) -> Result<Tls, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_only()
        .enable_all_versions()
        .wrap_connector(connector(connect_timeout));
    Ok(client().build(connector))
}

/// One sentence from a chain of errors, by the cause that a person can act on.
fn explain(error: &Error, host: &str) -> TransportError {
    let stage = match root_io(error) {
        _ if !error.is_connect() => Stage::Head,
        Some(cause) if cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => Stage::Tls,
        _ => Stage::Connect,
    };
    let why = match root_io(error) {
        Some(cause) if cause.kind() == io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        Some(cause) if cause.kind() == io::ErrorKind::TimedOut => "no connection within the time allowed".to_owned(),
        Some(cause) => cause.to_string(),
        None => innermost(error),
    };
    let what = match stage {
        Stage::Connect => "cannot connect to",
        Stage::Tls => "no trusted connection to",
        Stage::Head | Stage::Body => "no answer from",
    };
    TransportError { stage, message: format!("{what} `{host}`: {why}") }
}

/// The innermost I/O error of a chain.
fn root_io<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e io::Error> {
    chain(error).filter_map(|error| error.downcast_ref()).last()
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}

fn chain<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
