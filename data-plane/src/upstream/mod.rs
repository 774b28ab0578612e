//! The transport to upstreams: one request out, one response head and a body back.
//!
//! Redirects are not followed, since another host would get the credential. A response that is
//! compressed though identity was asked for is unpacked. Requests to other machines may go through a proxy; those to this machine never do.
//! The provider decides what a status means, the gateway whether to try again.

mod decoded_body;
mod http1;
mod proxy;
mod redacted_body;
mod route;
mod tls;
mod transport_error;
mod wake_coalescer;

pub use route::{NetworkSettings, ProxyChoice};
pub use transport_error::TransportError;

use std::error::Error as StdError;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::PROXY_AUTHORIZATION;
use http::uri::Scheme;
use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Builder, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;
use tracing::debug;

use crate::account::{Proxy, ProxyKind};
use crate::outcome::Stage;
use crate::segmented_bytes::SegmentedBytes;
use http1::{Http1Client, SendError};
use proxy::ProxyConnector;

pub type BoxError = Box<dyn StdError + Send + Sync>;

/// A connection that is silent for the interval is pinged, and closed if no reply comes within the
/// timeout. This finds connections that died while the machine slept.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Proxies whose connections are kept at a time. Each account may have its own proxy.
const PROXY_CLIENTS_MAX: usize = 64;

/// Idle connections that are kept for one host. After a burst more would only hold memory.
const IDLE_CONNECTIONS_MAX: usize = 100;

/// An upstream's response body as it arrives. Dropping it cancels the request.
pub type UpstreamBody = Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>;

/// Something that answers HTTP requests.
pub trait Upstream: Send + Sync {
    /// Sends a request with an absolute URI, through the account's proxy if it has one, and waits
    /// for the head of the response.
    ///
    /// Cancel safe: dropping the future ends the request.
    fn send(
        &self,
        request: Request<SegmentedBytes>,
        choice: &ProxyChoice,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, TransportError>>;
}

type PooledClient<C> = Client<HttpsConnector<C>, SegmentedBytes>;
type PooledResult = Result<Response<Incoming>, hyper_util::client::legacy::Error>;

/// Upstreams over the network.
///
/// A request takes one of three clients, each with its own connections: [`Http1Client`] for plain
/// HTTP without a proxy, hyper-util's client for TLS (HTTP/2 where it is negotiated), and one more
/// of hyper-util's clients for each proxy.
pub struct Network {
    settings: NetworkSettings,
    http1: Http1Client,
    /// Made at the first use: reading the system's trust store costs more than the rest of the
    /// start.
    tls: OnceLock<Result<Arc<rustls::ClientConfig>, String>>,
    https: OnceLock<PooledClient<HttpConnector>>,
    /// The most recently made at the end.
    proxied: Mutex<Vec<Arc<ProxyClient>>>,
}

/// The connections through one proxy. One client serves both schemes, since each instance of
/// hyper-util's client adds 0.1 MB to the program.
struct ProxyClient {
    proxy: Proxy,
    client: PooledClient<ProxyConnector>,
}

impl Network {
    pub fn new(settings: NetworkSettings) -> Self {
        let http1 = Http1Client::new(connector(settings.connect_timeout));
        Self {
            settings,
            http1,
            tls: OnceLock::new(),
            https: OnceLock::new(),
            proxied: Mutex::default(),
        }
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &NetworkSettings {
        &self.settings
    }

    async fn send_request(
        &self,
        request: Request<SegmentedBytes>,
        proxy: Option<Proxy>,
    ) -> Result<Response<UpstreamBody>, TransportError> {
        let uri = request.uri().clone();
        let result = match &proxy {
            None if uri.scheme() != Some(&Scheme::HTTPS) => {
                return self.send_http1(request, &uri).await;
            }
            None => self.send_https(request).await?,
            Some(proxy) => self.send_via_proxy(request, proxy).await?,
        };
        match result {
            Ok(response) => {
                Ok(response.map(|body| -> UpstreamBody { Box::pin(body.map_err(BoxError::from)) }))
            }
            Err(error) => Err(TransportError::diagnose(
                &error,
                error.is_connect(),
                &uri,
                proxy.as_ref(),
            )),
        }
    }

    async fn send_http1(
        &self,
        request: Request<SegmentedBytes>,
        uri: &Uri,
    ) -> Result<Response<UpstreamBody>, TransportError> {
        match self.http1.request(request).await {
            Ok(response) => Ok(response.map(|body| -> UpstreamBody { Box::pin(body) })),
            Err(SendError::Connect(error)) => {
                Err(TransportError::diagnose(&*error, true, uri, None))
            }
            Err(SendError::Exchange(error)) => {
                Err(TransportError::diagnose(&error, false, uri, None))
            }
        }
    }

    async fn send_https(
        &self,
        request: Request<SegmentedBytes>,
    ) -> Result<PooledResult, TransportError> {
        let tls = self.tls()?;
        let client = self.https.get_or_init(|| {
            let connector = connector(self.settings.connect_timeout);
            client_builder().build(tls::https_only(tls, connector))
        });
        Ok(client.request(request).await)
    }

    async fn send_via_proxy(
        &self,
        mut request: Request<SegmentedBytes>,
        proxy: &Proxy,
    ) -> Result<PooledResult, TransportError> {
        let proxied = self.proxy_client(proxy)?;
        // A plain HTTP request is read by the proxy itself, so its credentials go with it. In the
        // other cases they are part of opening the connection.
        let is_forwarded = forwards(proxy, request.uri());
        if let Some(value) = proxy::authorization(proxy).filter(|_| is_forwarded) {
            request.headers_mut().insert(PROXY_AUTHORIZATION, value);
        }
        Ok(proxied.client.request(request).await)
    }

    /// The client for a proxy, made at its first use. With too many proxies the oldest client goes,
    /// and its idle connections with it.
    fn proxy_client(&self, proxy: &Proxy) -> Result<Arc<ProxyClient>, TransportError> {
        let tls = self.tls()?;
        let mut clients = self.proxied.lock();
        if let Some(client) = clients.iter().find(|client| client.proxy == *proxy) {
            return Ok(client.clone());
        }
        let connect_timeout = self.settings.connect_timeout;
        let connector =
            ProxyConnector::new(proxy, tls, connector(connect_timeout), connect_timeout);
        let client = Arc::new(ProxyClient {
            proxy: proxy.clone(),
            client: client_builder().build(tls::https_or_http(tls, connector)),
        });
        if clients.len() == PROXY_CLIENTS_MAX {
            clients.remove(0);
            debug!(
                max = PROXY_CLIENTS_MAX,
                "limit of proxies reached, closing the oldest"
            );
        }
        clients.push(client.clone());
        Ok(client)
    }

    fn tls(&self) -> Result<&Arc<rustls::ClientConfig>, TransportError> {
        let config = self
            .tls
            .get_or_init(|| tls::config(self.settings.ca_file.as_deref()));
        config.as_ref().map_err(|message| TransportError {
            stage: Stage::Tls,
            message: message.clone(),
        })
    }
}

impl Upstream for Network {
    fn send(
        &self,
        request: Request<SegmentedBytes>,
        choice: &ProxyChoice,
    ) -> BoxFuture<'_, Result<Response<UpstreamBody>, TransportError>> {
        let proxy = self.settings.proxy_for(request.uri(), choice).cloned();
        let forwarding = proxy
            .as_ref()
            .filter(|proxy| forwards(proxy, request.uri()));
        let password = forwarding.and_then(|proxy| proxy.password.clone());
        let sent = self.send_request(request, proxy);
        Box::pin(async {
            let response = sent.await.map(decoded_body::decode)?;
            Ok(match password {
                Some(password) => redacted_body::redact(response, &password),
                None => response,
            })
        })
    }
}

/// Whether the proxy reads the request itself, with its own credentials in it.
fn forwards(proxy: &Proxy, uri: &Uri) -> bool {
    uri.scheme() != Some(&Scheme::HTTPS) && proxy.kind != ProxyKind::Socks5
}

/// hyper-util's client. It logs at debug level itself when it opens, reuses and keeps connections.
fn client_builder() -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .http2_keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    builder
}

fn connector(connect_timeout: Duration) -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_keepalive(Some(KEEP_ALIVE_INTERVAL));
    connector.set_connect_timeout(Some(connect_timeout));
    connector
}

#[cfg(test)]
mod tests;
