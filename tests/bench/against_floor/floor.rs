//! The floor: a bare forwarder. A gateway on hyper cannot cost less.
//!
//! No limits, no keys, no routes, no parsing of bodies: one hyper server, one hyper-util client,
//! bodies streamed both ways.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

use super::tls;

/// Forwards every request to `upstream`, forever.
pub(super) async fn run(upstream: SocketAddr) -> std::io::Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    forward_all(Upstream::new(connector, Scheme::HTTP, upstream)).await
}

/// The same by TLS, to the server of that certificate.
pub(super) async fn run_tls(upstream: SocketAddr, certificate_file: &Path) -> std::io::Result<()> {
    let connector = tls::connector(certificate_file);
    forward_all(Upstream::new(connector, Scheme::HTTPS, upstream)).await
}

async fn forward_all<C: Connect + Clone + Send + Sync + 'static>(
    upstream: Upstream<C>,
) -> std::io::Result<()> {
    let upstream = Arc::new(upstream);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("floor serves http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, Arc::clone(&upstream)));
    }
}

async fn serve<C: Connect + Clone + Send + Sync + 'static>(
    stream: TcpStream,
    upstream: Arc<Upstream<C>>,
) {
    let service = service_fn(|request| upstream.forward(request));
    // The load generator notices a broken connection.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

struct Upstream<C> {
    client: Client<C, Incoming>,
    scheme: Scheme,
    authority: Authority,
}

impl<C: Connect + Clone + Send + Sync + 'static> Upstream<C> {
    fn new(connector: C, scheme: Scheme, address: SocketAddr) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            scheme,
            authority: address
                .to_string()
                .parse()
                .expect("an address is an authority"),
        }
    }

    async fn forward(
        &self,
        mut request: Request<Incoming>,
    ) -> Result<Response<Incoming>, Infallible> {
        let mut uri = std::mem::take(request.uri_mut()).into_parts();
        uri.scheme = Some(self.scheme.clone());
        uri.authority = Some(self.authority.clone());
        *request.uri_mut() = Uri::from_parts(uri).expect("a path with an authority is a URI");
        request.headers_mut().remove(http::header::HOST);
        Ok(self
            .client
            .request(request)
            .await
            .expect("the upstream of the measurement answers"))
    }
}
