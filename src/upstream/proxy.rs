//! Connecting through a proxy: `CONNECT` (RFC 9110 section 9.3.6), absolute-form requests, SOCKS 5
//! (RFC 1928, RFC 1929).

use std::io;
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

use super::{BoxError, sensitive};
use crate::account::{Proxy, ProxyKind, Secret};

/// The longest head that a proxy may answer a `CONNECT` with.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// What a proxy did instead of connecting.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("it cannot be reached")]
    Unreachable(#[source] BoxError),
    #[error("it wants a user and password")]
    WantsCredentials,
    #[error("it does not take the user and password")]
    RefusesCredentials,
    #[error("it refused to connect ({0})")]
    Refused(String),
    #[error("what answers there is no {0} proxy")]
    NoProxy(&'static str),
    #[error("it did not connect within the time allowed")]
    Late,
}

/// Connects through one proxy.
#[derive(Clone)]
pub(super) struct Through {
    proxy: Arc<Proxy>,
    to_proxy: HttpsConnector<HttpConnector>,
    timeout: Duration,
}

type Io = MaybeHttpsStream<TokioIo<TcpStream>>;

impl Through {
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

    async fn connect(mut self, target: Uri) -> Result<Proxied, ProxyError> {
        let scheme = if self.proxy.kind == ProxyKind::Https {
            "https"
        } else {
            "http"
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
        let is_forward = match self.proxy.kind {
            ProxyKind::Socks5 => socks(&mut io, &self.proxy, &target).await.map(|()| false)?,
            // TLS follows, and it is between us and the target.
            _ if target.scheme() == Some(&Scheme::HTTPS) => tunnel(&mut io, &self.proxy, &target)
                .await
                .map(|()| false)?,
            _ => true,
        };
        Ok(Proxied {
            io: io.into_inner(),
            is_forward,
        })
    }
}

impl Service<Uri> for Through {
    type Response = Proxied;
    type Error = ProxyError;
    type Future = BoxFuture<'static, Result<Proxied, ProxyError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ProxyError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let (timeout, connect) = (self.timeout, self.clone().connect(target));
        Box::pin(async move {
            tokio::time::timeout(timeout, connect)
                .await
                .unwrap_or(Err(ProxyError::Late))
        })
    }
}

/// The value of `proxy-authorization`, where the proxy's URL has a user.
pub(super) fn authorization(proxy: &Proxy) -> Option<HeaderValue> {
    let user = proxy.user.as_ref()?;
    let password = proxy.password.as_ref().map_or("", Secret::expose);
    let text = zeroize::Zeroizing::new(format!("{user}:{password}"));
    sensitive(&format!(
        "Basic {}",
        BASE64_STANDARD.encode(text.as_bytes())
    ))
}

/// HostPool and port of a target, the host in the brackets that an IPv6 address has in a URL.
fn address(target: &Uri) -> Result<(&str, u16), ProxyError> {
    let host = target
        .host()
        .ok_or_else(|| ProxyError::Refused("no host to connect to".to_owned()))?;
    let usual = if target.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    Ok((host, target.port_u16().unwrap_or(usual)))
}

async fn tunnel(io: &mut TokioIo<Io>, proxy: &Proxy, target: &Uri) -> Result<(), ProxyError> {
    let (host, port) = address(target)?;
    let mut ask = format!("CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\n").into_bytes();
    if let Some(value) = authorization(proxy) {
        ask.extend_from_slice(b"proxy-authorization: ");
        ask.extend_from_slice(value.as_bytes());
        ask.extend_from_slice(b"\r\n");
    }
    ask.extend_from_slice(b"\r\n");
    io.write_all(&ask).await.map_err(broken)?;
    let head = head(io).await?;
    let status = head
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .ok_or(ProxyError::NoProxy("HTTP"))?;
    match status {
        status if status.starts_with('2') => Ok(()),
        "407" if proxy.user.is_some() => Err(ProxyError::RefusesCredentials),
        "407" => Err(ProxyError::WantsCredentials),
        status if status.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(ProxyError::Refused(status.to_owned()))
        }
        _ => Err(ProxyError::NoProxy("HTTP")),
    }
}

/// The head of an answer. Byte by byte, since what follows it belongs to the target.
async fn head(io: &mut TokioIo<Io>) -> Result<String, ProxyError> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES_MAX {
            return Err(ProxyError::NoProxy("HTTP"));
        }
        let byte = io
            .read_u8()
            .await
            .map_err(|_| ProxyError::NoProxy("HTTP"))?;
        head.push(byte);
        // What speaks first or in another protocol would be waited for in vain.
        if !b"HTTP/1.".starts_with(&head) && !head.starts_with(b"HTTP/1.") {
            return Err(ProxyError::NoProxy("HTTP"));
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

async fn socks(io: &mut TokioIo<Io>, proxy: &Proxy, target: &Uri) -> Result<(), ProxyError> {
    const NO_PROXY: ProxyError = ProxyError::NoProxy("SOCKS 5");
    let (host, port) = address(target)?;
    let method = if proxy.user.is_some() { 2 } else { 0 };
    io.write_all(&[5, 1, method]).await.map_err(broken)?;
    let mut answer = [0; 2];
    io.read_exact(&mut answer).await.map_err(|_| NO_PROXY)?;
    match answer {
        [5, chosen] if chosen == method => {}
        [5, _] if proxy.user.is_none() => return Err(ProxyError::WantsCredentials),
        [5, _] => return Err(ProxyError::RefusesCredentials),
        _ => return Err(NO_PROXY),
    }
    if let Some(user) = &proxy.user {
        introduce(io, user, proxy.password.as_ref()).await?;
    }
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mut ask = vec![5, 1, 0];
    match host.parse() {
        Ok(std::net::IpAddr::V4(address)) => {
            ask.extend([[1].as_slice(), &address.octets()].concat())
        }
        Ok(std::net::IpAddr::V6(address)) => {
            ask.extend([[4].as_slice(), &address.octets()].concat())
        }
        Err(_) => ask.extend([vec![3], prefixed(host)?].concat()),
    }
    ask.extend(port.to_be_bytes());
    io.write_all(&ask).await.map_err(broken)?;
    let mut answer = [0; 4];
    io.read_exact(&mut answer).await.map_err(|_| NO_PROXY)?;
    if answer[1] != 0 {
        return Err(ProxyError::Refused(socks_reason(answer[1]).to_owned()));
    }
    let rest = match answer[3] {
        1 => 4,
        4 => 16,
        _ => usize::from(io.read_u8().await.map_err(|_| NO_PROXY)?),
    };
    let mut bound = vec![0; rest + 2];
    io.read_exact(&mut bound)
        .await
        .map(|_| ())
        .map_err(|_| NO_PROXY)
}

/// Source: RFC 1929.
async fn introduce(
    io: &mut TokioIo<Io>,
    user: &str,
    password: Option<&Secret>,
) -> Result<(), ProxyError> {
    let password = prefixed(password.map_or("", Secret::expose))?;
    let ask = zeroize::Zeroizing::new([vec![1], prefixed(user)?, password].concat());
    io.write_all(&ask).await.map_err(broken)?;
    let mut answer = [0; 2];
    io.read_exact(&mut answer)
        .await
        .map_err(|_| ProxyError::RefusesCredentials)?;
    if answer[1] == 0 {
        Ok(())
    } else {
        Err(ProxyError::RefusesCredentials)
    }
}

/// A text behind its length.
fn prefixed(text: &str) -> Result<Vec<u8>, ProxyError> {
    let length = u8::try_from(text.len())
        .map_err(|_| ProxyError::Refused("a name is longer than SOCKS carries".to_owned()))?;
    Ok([&[length], text.as_bytes()].concat())
}

/// Source: RFC 1928 section 6.
fn socks_reason(code: u8) -> &'static str {
    match code {
        2 => "its rules do not allow it",
        3 => "the network cannot be reached",
        4 => "the host cannot be reached or resolved",
        5 => "nothing listens there",
        6 => "no answer in time",
        _ => "it failed",
    }
}

fn broken(error: io::Error) -> ProxyError {
    ProxyError::Unreachable(error.into())
}

pin_project! {
    /// A connection through a proxy.
    pub(super) struct Proxied {
        #[pin]
        io: Io,
        // Whether the proxy itself reads the requests.
        is_forward: bool,
    }
}

impl Connection for Proxied {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.is_forward)
    }
}

impl Read for Proxied {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().io.poll_read(cx, buffer)
    }
}

impl Write for Proxied {
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
