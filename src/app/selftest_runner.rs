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

use super::assemble::Assembly;
use super::data_plane::DataPlane;
use crate::canon::Fault;
use crate::config::{Config, Home};
use crate::control::{AgentHandle, DesiredState};
use crate::record::Ring;
use crate::selftest::Answered;
use crate::upstream::{Network, NetworkSettings, ProxyChoice, Upstream as _};

/// Answers requests (their URIs are paths alone) one after the other, by the demo.
///
/// # Errors
/// When no port can be opened.
pub(super) async fn serve_demo(
    home: Home,
    requests: Vec<Request<Bytes>>,
) -> Result<Vec<Answered>, Fault> {
    // A free port: the person's own may be in use, most likely by this program.
    let config = Config {
        port: 0,
        ..Config::default()
    };
    let network = Network::new(NetworkSettings::direct(config.limits.connect_timeout));
    let (_, inbox) = AgentHandle::new(DesiredState::Running, config.limits.drain_timeout);
    let assembly = Assembly::new(home, &config, None, None, Arc::new(Ring::new(1)));
    let mut data = DataPlane::new(assembly, config, inbox.state)
        .map_err(|error| Fault::internal(format!("{error:#}")))?;
    data.apply_desired(DesiredState::Running).await;
    let port = data
        .port()
        .ok_or_else(|| Fault::internal("no port can be opened"))?;
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        answers.push(exchange(&network, port, request).await);
    }
    data.end().await;
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
