//! The transport to upstreams: one request out, one head and a body back.
//!
//! Redirects are not followed (another host would get the credential), answers are not
//! decompressed. Requests to other machines may go through a proxy; those to this one never do.
//! What a status means is the provider's business; whether to try again is the gateway's.

mod explain;
mod http1;
mod proxy;
mod route;
mod tls;
mod wake_coalescer;

pub use route::{NetworkSettings, ProxyChoice};

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::PROXY_AUTHORIZATION;
use http::uri::Scheme;
use http::{HeaderValue, Uri};
use http_body_util::BodyExt as _;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::account::{Proxy, ProxyKind};
use crate::outcome::Stage;
use crate::segmented_bytes::SegmentedBytes;
use explain::explain;
use http1::{Failed, Plain};
use proxy::Through;

pub type BoxError = Box<dyn StdError + Send + Sync>;

/// After how much silence a connection with requests under way is asked whether it lives, and how
/// long it may take to say so.
const ALIVE_AFTER: Duration = Duration::from_secs(30);
const ALIVE_WITHIN: Duration = Duration::from_secs(20);

/// Proxies whose connections are kept at a time. Each account may have its own.
const PROXIES_MAX: usize = 64;

/// How many connections to one host wait for the next request. After a burst the others would hold
/// its memory on.
const IDLE_CONNECTIONS_MAX: usize = 100;

/// An upstream's answer as it arrives. Dropping it cancels the request.
pub type UpstreamBody = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>;

/// Something that answers HTTP requests.
pub trait Upstream: Send + Sync {
    /// Sends a request with an absolute URI, by the way that its account goes, and waits for the
    /// head of its answer.
    ///
    /// Cancel safe: dropping the future ends the request.
    fn send(
        &self,
        request: http::Request<SegmentedBytes>,
        via: &ProxyChoice,
    ) -> BoxFuture<'_, Result<http::Response<UpstreamBody>, TransportError>>;
}

/// An upstream that gave no head.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    pub stage: Stage,
    /// One sentence for people: what could not be reached, why, and what to do.
    pub message: String,
}

type Answer = Result<http::Response<hyper::body::Incoming>, hyper_util::client::legacy::Error>;

/// Upstreams over the network: HTTP/1.1, and HTTP/2 where TLS negotiates it.
pub struct Network {
    settings: NetworkSettings,
    plain: Plain,
    /// Made at the first use: reading the system's trust store costs more than the rest of the
    /// start.
    tls: OnceLock<Result<Arc<rustls::ClientConfig>, String>>,
    secure: OnceLock<Client<HttpsConnector<HttpConnector>, SegmentedBytes>>,
    /// The proxies in use, the latest at the end.
    proxied: Mutex<Vec<Arc<Proxied>>>,
}

/// The connections through one proxy. One client for both schemes: each kind of client is 0.1 MB of
/// the program.
struct Proxied {
    proxy: Proxy,
    client: Client<HttpsConnector<Through>, SegmentedBytes>,
}

impl Network {
    pub fn new(settings: NetworkSettings) -> Self {
        let plain = Plain::new(connector(settings.connect_timeout));
        Self {
            settings,
            plain,
            tls: OnceLock::new(),
            secure: OnceLock::new(),
            proxied: Mutex::default(),
        }
    }

    /// What it was made with.
    pub fn settings(&self) -> &NetworkSettings {
        &self.settings
    }

    async fn exchange(
        &self,
        request: http::Request<SegmentedBytes>,
        proxy: Option<Proxy>,
    ) -> Result<http::Response<UpstreamBody>, TransportError> {
        let uri = request.uri().clone();
        let answer = match &proxy {
            None if uri.scheme() != Some(&Scheme::HTTPS) => {
                return self.straight(request, &uri).await;
            }
            None => self.secured(request).await?,
            Some(proxy) => self.through(request, proxy).await?,
        };
        let answer =
            answer.map_err(|error| explain(&error, error.is_connect(), &uri, proxy.as_ref()))?;
        Ok(answer.map(|body| -> UpstreamBody { Box::pin(body.map_err(BoxError::from)) }))
    }

    async fn straight(
        &self,
        request: http::Request<SegmentedBytes>,
        uri: &Uri,
    ) -> Result<http::Response<UpstreamBody>, TransportError> {
        let answer = self
            .plain
            .request(request)
            .await
            .map_err(|failed| match &failed {
                Failed::Connect(error) => explain(&**error, true, uri, None),
                Failed::Exchange(error) => explain(error, false, uri, None),
            })?;
        Ok(answer.map(|body| -> UpstreamBody { Box::pin(body) }))
    }

    async fn secured(
        &self,
        request: http::Request<SegmentedBytes>,
    ) -> Result<Answer, TransportError> {
        let tls = self.tls()?;
        let secure = self.secure.get_or_init(|| {
            client().build(tls::over(tls, connector(self.settings.connect_timeout)))
        });
        Ok(secure.request(request).await)
    }

    async fn through(
        &self,
        mut request: http::Request<SegmentedBytes>,
        proxy: &Proxy,
    ) -> Result<Answer, TransportError> {
        let proxied = self.proxied(proxy)?;
        // A request in plain HTTP is the proxy's own business, so that the credentials for it go
        // along.
        let is_forward =
            request.uri().scheme() != Some(&Scheme::HTTPS) && proxy.kind != ProxyKind::Socks5;
        if let Some(value) = proxy::authorization(proxy).filter(|_| is_forward) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value);
        }
        Ok(proxied.client.request(request).await)
    }

    /// The connections through a proxy, made where there are none. Of too many proxies the oldest
    /// goes.
    fn proxied(&self, proxy: &Proxy) -> Result<Arc<Proxied>, TransportError> {
        let tls = self.tls()?;
        let mut kept = self.proxied.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(proxied) = kept.iter().find(|proxied| proxied.proxy == *proxy) {
            return Ok(proxied.clone());
        }
        let through = Through::new(
            proxy,
            tls,
            connector(self.settings.connect_timeout),
            self.settings.connect_timeout,
        );
        let proxied = Arc::new(Proxied {
            proxy: proxy.clone(),
            client: client().build(tls::where_asked(tls, through)),
        });
        if kept.len() == PROXIES_MAX {
            kept.remove(0);
        }
        kept.push(proxied.clone());
        Ok(proxied)
    }

    fn tls(&self) -> Result<&Arc<rustls::ClientConfig>, TransportError> {
        let made = self
            .tls
            .get_or_init(|| tls::config(self.settings.ca_file.as_deref()));
        made.as_ref().map_err(|message| TransportError {
            stage: Stage::Tls,
            message: message.clone(),
        })
    }
}

impl Upstream for Network {
    fn send(
        &self,
        request: http::Request<SegmentedBytes>,
        via: &ProxyChoice,
    ) -> BoxFuture<'_, Result<http::Response<UpstreamBody>, TransportError>> {
        let proxy = self.settings.proxy_for(request.uri(), via).cloned();
        Box::pin(self.exchange(request, proxy))
    }
}

/// A connection that died while the machine slept is noticed by asking, not by waiting for an
/// answer that never comes.
fn client() -> Builder {
    let mut client = Client::builder(TokioExecutor::new());
    client
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new());
    client.pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    client
        .http2_keep_alive_interval(ALIVE_AFTER)
        .http2_keep_alive_timeout(ALIVE_WITHIN);
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

/// A header value that is neither printed nor indexed.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests;
