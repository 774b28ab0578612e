//! The floor: a bare forwarder. A gateway on hyper cannot cost less.
//!
//! No limits, no keys, no routes, no parsing of bodies: one hyper server, one hyper-util client,
//! bodies streamed both ways.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

type Upstream = Client<HttpConnector, Incoming>;

/// Forwards every request to `upstream`, forever.
pub(super) async fn run(upstream: SocketAddr) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("floor serves http://{}", listener.local_addr()?);
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client = Client::builder(TokioExecutor::new()).build(connector);
    let authority: Arc<Authority> = Arc::new(
        upstream
            .to_string()
            .parse()
            .expect("an address is an authority"),
    );
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(serve(stream, client.clone(), Arc::clone(&authority)));
    }
}

async fn serve(stream: TcpStream, client: Upstream, authority: Arc<Authority>) {
    let service = service_fn(|request| forward(request, &client, &authority));
    // The load generator notices a broken connection.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn forward(
    mut request: Request<Incoming>,
    client: &Upstream,
    authority: &Authority,
) -> Result<Response<Incoming>, Infallible> {
    let mut uri = std::mem::take(request.uri_mut()).into_parts();
    uri.scheme = Some(Scheme::HTTP);
    uri.authority = Some(authority.clone());
    *request.uri_mut() = Uri::from_parts(uri).expect("a path with an authority is a URI");
    request.headers_mut().remove(http::header::HOST);
    Ok(client
        .request(request)
        .await
        .expect("the upstream of the measurement answers"))
}
