//! Connecting through a proxy: `CONNECT` (RFC 9110 section 9.3.6), absolute-form requests, SOCKS 5
//! (RFC 1928, RFC 1929).

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::BoxFuture;
use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tower_service::Service;
use tracing::debug;

use super::BoxError;
use crate::account::{Proxy, ProxyKind, Secret};

/// The longest response head to a `CONNECT` that is accepted.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What a proxy did instead of connecting.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("it cannot be reached")]
    Unreachable(#[source] BoxError),
    #[error("it requires a user and password")]
    CredentialsRequired,
    #[error("it rejected the user and password")]
    CredentialsRejected,
    #[error("it refused to connect ({0})")]
    Refused(String),
    /// With the kind that was expected, and its article.
    #[error("the server there is not {0} proxy")]
    NotAProxy(&'static str),
    #[error("it did not connect within the time allowed")]
    TimedOut,
}

const NOT_HTTP: ProxyError = ProxyError::NotAProxy("an HTTP");
const NOT_SOCKS: ProxyError = ProxyError::NotAProxy("a SOCKS 5");

/// Opens connections through one proxy.
#[derive(Clone)]
pub(super) struct ProxyConnector {
    proxy: Arc<Proxy>,
    to_proxy: HttpsConnector<HttpConnector>,
    timeout: Duration,
}

type ProxyIo = MaybeHttpsStream<TokioIo<TcpStream>>;

impl ProxyConnector {
    pub(super) fn new(
        proxy: &Proxy,
        tls: &Arc<rustls::ClientConfig>,
        connector: HttpConnector,
        timeout: Duration,
    ) -> Self {
        let tls = HttpsConnectorBuilder::new().with_tls_config(rustls::ClientConfig::clone(tls));
        let to_proxy = tls.https_or_http().enable_http1().wrap_connector(connector);
        Self {
            proxy: Arc::new(proxy.clone()),
            to_proxy,
            timeout,
        }
    }

    async fn connect(mut self, target: Uri) -> Result<ProxyStream, ProxyError> {
        let scheme = match self.proxy.kind {
            ProxyKind::Https => "https",
            ProxyKind::Http | ProxyKind::Socks5 => "http",
        };
        let address = format!("{scheme}://{}:{}", self.proxy.host, self.proxy.port);
        let address: Uri = address
            .parse()
            .map_err(|error: http::uri::InvalidUri| ProxyError::Unreachable(error.into()))?;
        let io = self
            .to_proxy
            .call(address)
            .await
            .map_err(ProxyError::Unreachable)?;
        let mut io = TokioIo::new(io);
        let is_https = target.scheme() == Some(&Scheme::HTTPS);
        let is_forward = match self.proxy.kind {
            ProxyKind::Socks5 => {
                socks5_connect(&mut io, &self.proxy, &target).await?;
                false
            }
            // TLS follows, between this program and the target.
            ProxyKind::Http | ProxyKind::Https if is_https => {
                connect_tunnel(&mut io, &self.proxy, &target).await?;
                false
            }
            ProxyKind::Http | ProxyKind::Https => true,
        };
        debug!(proxy = %self.proxy, host = target.host(), "upstream connection opened by proxy");
        Ok(ProxyStream {
            io: io.into_inner(),
            is_forward,
        })
    }
}

impl Service<Uri> for ProxyConnector {
    type Response = ProxyStream;
    type Error = ProxyError;
    type Future = BoxFuture<'static, Result<ProxyStream, ProxyError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let timeout = self.timeout;
        let connect = self.clone().connect(target);
        Box::pin(async move {
            match tokio::time::timeout(timeout, connect).await {
                Ok(result) => result,
                Err(_) => Err(ProxyError::TimedOut),
            }
        })
    }
}

/// The value of `proxy-authorization`, if the proxy's URL has a user.
pub(super) fn authorization(proxy: &Proxy) -> Option<HeaderValue> {
    let user = proxy.user.as_ref()?;
    let password = proxy.password.as_ref().map_or("", Secret::expose);
    let text = zeroize::Zeroizing::new(format!("{user}:{password}"));
    let encoded = Secret::new(BASE64_STANDARD.encode(text.as_bytes()));
    let mut value = HeaderValue::from_maybe_shared(encoded.to_bytes("Basic ")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Host and port of a target; an IPv6 address keeps the brackets that it has in a URL.
fn host_and_port(target: &Uri) -> Result<(&str, u16), ProxyError> {
    let host = target
        .host()
        .ok_or_else(|| ProxyError::Refused("no host to connect to".to_owned()))?;
    let default_port = match target.scheme_str() {
        Some("http") => 80,
        _ => 443,
    };
    Ok((host, target.port_u16().unwrap_or(default_port)))
}

/// Asks an HTTP proxy for a tunnel to `target`.
async fn connect_tunnel(
    io: &mut TokioIo<ProxyIo>,
    proxy: &Proxy,
    target: &Uri,
) -> Result<(), ProxyError> {
    let (host, port) = host_and_port(target)?;
    let authorization = authorization(proxy);
    // With room for all of it: a buffer that grows leaves what it held.
    let room = 64 + 2 * host.len() + authorization.as_ref().map_or(0, HeaderValue::len);
    let mut request = zeroize::Zeroizing::new(Vec::with_capacity(room + 64));
    request.extend_from_slice(
        format!("CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n").as_bytes(),
    );
    if let Some(value) = authorization {
        request.extend_from_slice(b"proxy-authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    io.write_all(&request).await.map_err(unreachable)?;
    let head = read_response_head(io).await?;
    let status = head
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .ok_or(NOT_HTTP)?;
    match status {
        status if status.starts_with('2') => Ok(()),
        "407" if proxy.user.is_some() => Err(ProxyError::CredentialsRejected),
        "407" => Err(ProxyError::CredentialsRequired),
        status if status.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(ProxyError::Refused(status.to_owned()))
        }
        _ => Err(NOT_HTTP),
    }
}

/// Reads a response head byte by byte, since what follows it belongs to the target.
async fn read_response_head(io: &mut TokioIo<ProxyIo>) -> Result<String, ProxyError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES_MAX {
            return Err(NOT_HTTP);
        }
        let byte = io.read_u8().await.map_err(|_| NOT_HTTP)?;
        head.push(byte);
        // A server of another protocol would never send the end of a head, so it is told by its
        // first bytes.
        if !b"HTTP/1.".starts_with(&head) && !head.starts_with(b"HTTP/1.") {
            return Err(NOT_HTTP);
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// Asks a SOCKS 5 proxy to connect to `target`, whose name the proxy resolves.
///
/// Source: RFC 1928 sections 3, 4 and 6.
async fn socks5_connect(
    io: &mut TokioIo<ProxyIo>,
    proxy: &Proxy,
    target: &Uri,
) -> Result<(), ProxyError> {
    let (host, port) = host_and_port(target)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    socks5_negotiate(io, proxy).await?;
    let mut request = vec![5, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(address)) => {
            request.push(1);
            request.extend(address.octets());
        }
        Ok(IpAddr::V6(address)) => {
            request.push(4);
            request.extend(address.octets());
        }
        Err(_) => {
            request.push(3);
            request.extend(length_prefixed(host)?);
        }
    }
    request.extend(port.to_be_bytes());
    io.write_all(&request).await.map_err(unreachable)?;

    let mut reply = [0; 4];
    io.read_exact(&mut reply).await.map_err(|_| NOT_SOCKS)?;
    let [_, code, _, address_type] = reply;
    if code != 0 {
        return Err(ProxyError::Refused(socks5_reason(code).to_owned()));
    }
    // The address that the proxy bound is of no use here, but has to be read off the connection.
    let address_bytes = match address_type {
        1 => 4,
        4 => 16,
        _ => usize::from(io.read_u8().await.map_err(|_| NOT_SOCKS)?),
    };
    let mut bound = vec![0; address_bytes + 2];
    io.read_exact(&mut bound).await.map_err(|_| NOT_SOCKS)?;
    Ok(())
}

/// Agrees on how to authenticate (RFC 1928 section 3), and does so if there is a user.
async fn socks5_negotiate(io: &mut TokioIo<ProxyIo>, proxy: &Proxy) -> Result<(), ProxyError> {
    const NO_AUTHENTICATION: u8 = 0;
    const USERNAME_PASSWORD: u8 = 2;
    let method = match proxy.user {
        Some(_) => USERNAME_PASSWORD,
        None => NO_AUTHENTICATION,
    };
    io.write_all(&[5, 1, method]).await.map_err(unreachable)?;
    let mut reply = [0; 2];
    io.read_exact(&mut reply).await.map_err(|_| NOT_SOCKS)?;
    match (reply, &proxy.user) {
        ([5, chosen], None) if chosen == method => Ok(()),
        ([5, chosen], Some(user)) if chosen == method => {
            socks5_authenticate(io, user, proxy.password.as_ref()).await
        }
        ([5, _], None) => Err(ProxyError::CredentialsRequired),
        ([5, _], Some(_)) => Err(ProxyError::CredentialsRejected),
        _ => Err(NOT_SOCKS),
    }
}

/// Source: RFC 1929.
async fn socks5_authenticate(
    io: &mut TokioIo<ProxyIo>,
    user: &str,
    password: Option<&Secret>,
) -> Result<(), ProxyError> {
    let user = length_prefixed(user)?;
    let password = length_prefixed(password.map_or("", Secret::expose))?;
    let request = zeroize::Zeroizing::new([vec![1], user, password].concat());
    io.write_all(&request).await.map_err(unreachable)?;
    let mut reply = [0; 2];
    match io.read_exact(&mut reply).await {
        Ok(_) if reply[1] == 0 => Ok(()),
        _ => Err(ProxyError::CredentialsRejected),
    }
}

/// A text after its length in one byte.
fn length_prefixed(text: &str) -> Result<Vec<u8>, ProxyError> {
    let length = u8::try_from(text.len())
        .map_err(|_| ProxyError::Refused("a name is longer than SOCKS carries".to_owned()))?;
    Ok([&[length], text.as_bytes()].concat())
}

/// Source: RFC 1928 section 6.
fn socks5_reason(code: u8) -> &'static str {
    match code {
        2 => "its rules do not allow it",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached or resolved",
        5 => "nothing listens there",
        6 => "no answer in time",
        _ => "it failed",
    }
}

fn unreachable(error: io::Error) -> ProxyError {
    ProxyError::Unreachable(error.into())
}

pin_project! {
    /// A connection through a proxy.
    pub(super) struct ProxyStream {
        #[pin]
        io: ProxyIo,
        // Whether the proxy itself reads the requests, which are then in absolute form.
        is_forward: bool,
    }
}

impl Connection for ProxyStream {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_forward)
    }
}

impl Read for ProxyStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().io.poll_read(cx, buffer)
    }
}

impl Write for ProxyStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().io.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }
}
