//! The agent as it is with nothing configured, for as long as it takes to answer a list of
//! requests.
//!
//! The requests go over a real port and through everything that serves; nothing of the person's own
//! is read or changed.

use std::sync::Arc;

use bytes::Bytes;
use http::uri::{Authority, Scheme, Uri};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tokio::sync::watch;

use super::agent::Agent;
use super::assemble::Assembly;
use crate::canon::Fault;
use crate::config::{Config, Home};
use crate::control::{Serving, Wanted};
use crate::record::Ring;
use crate::selftest::Answered;
use crate::upstream::{Network, NetworkSettings, ProxyChoice, Upstream as _};

/// Answers requests (their URIs are paths alone) one after the other, by the demo.
///
/// # Errors
/// When no port can be opened.
pub async fn rehearse(home: Home, requests: Vec<Request<Bytes>>) -> Result<Vec<Answered>, Fault> {
    // A free port: the person's own may be in use, most likely by this program.
    let config = Config {
        port: 0,
        ..Config::default()
    };
    let network = Network::new(NetworkSettings::direct(config.limits.connect_timeout));
    let (told, drain) = (
        watch::Sender::new(Serving::Starting),
        watch::Sender::new(config.limits.drain_timeout),
    );
    let broken = |error: anyhow::Error| Fault::internal(format!("{error:#}"));
    let mut agent = Agent::start(
        Assembly::new(home, &config, None, Arc::new(Ring::new(1))),
        config,
        told,
        drain,
    )
    .map_err(broken)?;
    agent.obey(Wanted::Running).await;
    let port = agent
        .port()
        .ok_or_else(|| Fault::internal("no port can be opened"))?;
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        answers.push(exchange(&network, port, request).await);
    }
    agent.end().await;
    Ok(answers)
}

async fn exchange(network: &Network, port: u16, mut request: Request<Bytes>) -> Answered {
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Authority::try_from(format!("127.0.0.1:{port}")).ok();
    *request.uri_mut() =
        Uri::from_parts(parts).map_err(|error| Fault::internal(error.to_string()))?;
    let (head, body) = network
        .send(request.map(Into::into), &ProxyChoice::default())
        .await
        .map_err(|error| Fault::upstream(error.message))?
        .into_parts();
    let body = body
        .collect()
        .await
        .map_err(|_| Fault::upstream("the answer broke off"))?;
    Ok(Response::from_parts(head, body.to_bytes()))
}
