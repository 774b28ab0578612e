//! The port that receives the authorization response.
//!
//! Any page and any program of this machine can send requests there. Only one that carries the
//! state of this sign-in ends the wait; all others get an error page.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::{AbortHandle, abortable};
use futures_util::stream::FuturesUnordered;
use http::header::HOST;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use subtle::ConstantTimeEq as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::page::page;
use crate::account::Secret;
use crate::host::other_user;

/// Connections at a time: a browser opens a few. One more ends the oldest, so that those who only
/// hold a place cannot keep out the browser that brings the response.
const CONNECTIONS_MAX: usize = 64;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last page may take to reach the browser.
const PAGE_TIMEOUT: Duration = Duration::from_secs(2);
const WHY_CHARS_MAX: usize = 200;

/// How a sign-in ended at the authorization server.
#[derive(Debug)]
pub(super) enum Ended {
    Code(Secret),
    Declined(String),
}

/// Waits for the response that carries `state`.
pub(super) async fn response_to(state: &Secret, listener: &TcpListener) -> Ended {
    let host = listener
        .local_addr()
        .map(|address| address.to_string())
        .unwrap_or_default();
    let waiting = Arc::new(Waiting {
        state: state.clone(),
        host,
        ended: Mutex::new(None),
        is_over: Notify::new(),
    });
    let mut connections = FuturesUnordered::new();
    let mut places = VecDeque::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Another user's would take the places of this user's browser.
                if let Ok((stream, peer)) = accepted
                    && listener.local_addr().is_ok_and(|own| other_user(peer, own).is_none())
                {
                    if places.len() >= CONNECTIONS_MAX {
                        places.pop_front().iter().for_each(AbortHandle::abort);
                    }
                    let (connection, place) = abortable(serve(stream, waiting.clone()));
                    places.push_back(place);
                    connections.push(connection);
                }
            }
            Some(_) = connections.next() => {}
            () = waiting.is_over.notified() => break,
        }
    }
    // The browser still reads the page.
    let _ = tokio::time::timeout(PAGE_TIMEOUT, async {
        while connections.next().await.is_some() {}
    })
    .await;
    waiting
        .take()
        .unwrap_or(Ended::Declined("no answer".to_owned()))
}

struct Waiting {
    state: Secret,
    /// The only `Host` that the redirect has: a rebound name has another.
    host: String,
    ended: Mutex<Option<Ended>>,
    is_over: Notify,
}

impl Waiting {
    fn take(&self) -> Option<Ended> {
        self.ended.lock().take()
    }

    /// Ends the wait; `false` where it has ended already.
    fn end(&self, ended: Ended) -> bool {
        let mut first = self.ended.lock();
        if first.is_some() {
            return false;
        }
        *first = Some(ended);
        self.is_over.notify_one();
        true
    }
}

async fn serve(stream: TcpStream, waiting: Arc<Waiting>) {
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let page = respond(&waiting, &request);
        async move { Ok::<_, Infallible>(page) }
    });
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .keep_alive(false)
        .max_buf_size(16 * 1024);
    // A connection that breaks is the browser's business.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

fn respond<B>(waiting: &Waiting, request: &Request<B>) -> Response<Full<Bytes>> {
    let hosts: Vec<_> = request.headers().get_all(HOST).iter().collect();
    if !matches!(hosts[..], [host] if host.as_bytes() == waiting.host.as_bytes()) {
        return page(
            StatusCode::MISDIRECTED_REQUEST,
            "Not here",
            "This address serves nothing.",
        );
    }
    if request.method() != Method::GET || request.uri().path() != "/callback" {
        return page(
            StatusCode::NOT_FOUND,
            "Not here",
            "This address serves nothing.",
        );
    }
    match read(request.uri().query().unwrap_or_default(), &waiting.state) {
        None => page(
            StatusCode::BAD_REQUEST,
            "Not this sign-in",
            "This answer does not belong to the sign-in that is waited for. Start from the address that Aerostat gave.",
        ),
        Some(ended) => {
            let is_granted = matches!(ended, Ended::Code(_));
            match (waiting.end(ended), is_granted) {
                (false, _) => page(
                    StatusCode::BAD_REQUEST,
                    "Already answered",
                    "This sign-in has had its answer.",
                ),
                (true, true) => page(
                    StatusCode::OK,
                    "Signed in",
                    "Aerostat goes on by itself; you can close this page.",
                ),
                (true, false) => page(
                    StatusCode::OK,
                    "Not signed in",
                    "The sign-in was declined; you can close this page.",
                ),
            }
        }
    }
}

/// The authorization response in a query. `None` where it carries another state, or repeats a
/// parameter.
fn read(query: &str, state: &Secret) -> Option<Ended> {
    let found = once(query, "state")?;
    if !bool::from(found.as_bytes().ct_eq(state.expose().as_bytes())) {
        return None;
    }
    if let Some(error) = once(query, "error") {
        let description = once(query, "error_description")
            .map(|text| format!(": {text}"))
            .unwrap_or_default();
        let text = format!("{error}{description}");
        return Some(Ended::Declined(
            text.chars()
                .filter(|c| !c.is_control())
                .take(WHY_CHARS_MAX)
                .collect(),
        ));
    }
    once(query, "code")
        .filter(|code| !code.is_empty())
        .map(|code| Ended::Code(Secret::new(code)))
}

/// The value of a parameter that occurs exactly once.
fn once(query: &str, name: &str) -> Option<String> {
    let mut found = None;
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        if key == name && found.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    found
}
